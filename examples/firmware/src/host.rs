//! The emulator's side of a board: its output and its exit status, by semihosting.

use crate::board::{Board, Failure};
use core::ffi::CStr;
use core::fmt;
use semihosting::process::ExitCode;
use semihosting::sys::arm_compat::sys_write0;

/// Prints to the emulator's output.
///
/// Not with `semihosting::print!`: it panics when it cannot print, and would be the only panic of the firmware.
pub fn print(text: fmt::Arguments<'_>) {
    // `Host` never fails, and a value that cannot be formatted is better cut short than answered by stopping.
    let _cut_short = fmt::write(&mut Host, text);
}

struct Host;

impl fmt::Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // The call takes a string that ends with a zero; a buffer on the stack makes room for it.
        const ROOM: usize = 63;
        for piece in text.as_bytes().chunks(ROOM) {
            let mut buffer = [0; ROOM + 1];
            for (to, &from) in buffer.iter_mut().zip(piece) {
                *to = from;
            }
            if let Ok(string) = CStr::from_bytes_until_nul(&buffer) {
                sys_write0(string);
            }
        }
        Ok(())
    }
}

/// Runs a program on a board, if there is one, and ends the emulator: with status 0 if all went well.
pub fn run<B: Board>(board: Option<B>, program: impl FnOnce(&mut B) -> Result<(), Failure>) -> ! {
    let code = match board.ok_or(Failure::Restarted).and_then(|mut board| program(&mut board)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print(format_args!("{failure}\n"));
            ExitCode::FAILURE
        }
    };
    code.exit_process()
}
