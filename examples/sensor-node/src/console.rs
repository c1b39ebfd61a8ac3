//! The console: lines out, commands in, over whatever serial port `embedded-io` knows.

use core::fmt;
use embedded_io::{Read, ReadReady, Write};
use heapless::Vec;

/// Bytes of the longest command, with room to spare.
const LONGEST: usize = 16;

/// A serial port that prints lines and gathers commands.
#[derive(Debug)]
pub struct Console<S> {
    port: S,
    /// What came of a command so far.
    line: Vec<u8, LONGEST>,
    /// More came than any command has.
    overflowed: bool,
}

/// A command by its bytes; empty if it was too long to be one.
pub(crate) type Line = Vec<u8, LONGEST>;

impl<S: Read + ReadReady + Write> Console<S> {
    /// A console on `port`.
    pub const fn new(port: S) -> Self {
        Self { port, line: Vec::new(), overflowed: false }
    }

    /// Prints a line. A port that fails loses what it was told: there is nobody else to tell.
    pub(crate) fn say(&mut self, text: fmt::Arguments<'_>) {
        let _lost = fmt::write(&mut Port(&mut self.port), format_args!("{text}\r\n"));
    }

    /// The next command, if one came whole. Reads what is there and waits for nothing.
    pub(crate) fn command(&mut self) -> Option<Line> {
        while let Ok(true) = self.port.read_ready() {
            let mut byte = [0];
            if self.port.read(&mut byte).ok()? == 0 {
                break;
            }
            match byte {
                [b'\r' | b'\n'] => {
                    let overflowed = core::mem::take(&mut self.overflowed);
                    let line = core::mem::take(&mut self.line);
                    if overflowed {
                        return Some(Line::new());
                    }
                    if !line.is_empty() {
                        return Some(line);
                    }
                }
                [byte] => self.overflowed |= self.line.push(byte).is_err(),
            }
        }
        None
    }
}

/// Formats into a serial port.
struct Port<'a, S>(&'a mut S);

impl<S: Write> fmt::Write for Port<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Not `write_all`, which panics when a port takes nothing.
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let taken = self.0.write(bytes).map_err(|_| fmt::Error)?;
            bytes = bytes.get(taken.max(1)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// A number printed with three decimals: `core`'s way of printing floats would be the largest part of the firmware.
#[derive(Clone, Copy, Debug)]
pub struct Decimal(
    /// The number.
    pub f32,
);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cast saturates and takes NaN to 0, which would read as a perfect error.
        if !self.0.is_finite() {
            return f.write_str("not finite");
        }
        let sign = if self.0 < 0.0 { "-" } else { "" };
        let scaled = (self.0.abs() * 1000.0 + 0.5) as u32;
        write!(f, "{sign}{}.{:03}", scaled / 1000, scaled % 1000)
    }
}
