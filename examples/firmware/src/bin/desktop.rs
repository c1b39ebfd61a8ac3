//! Prints what every board must repeat, once for each instruction set of this machine.

use firmware::{Board, Memory, check};
use fusebox::Isa;
use std::fmt;
use std::process::ExitCode;

/// Prints as it goes.
struct Paper;

impl Board for Paper {
    fn print(&mut self, text: fmt::Arguments<'_>) {
        print!("{text}");
    }

    // A check counts nothing.
    fn start(&mut self) {}

    fn ticks(&mut self) -> Option<u32> {
        None
    }

    fn spin(_turns: u32) {}
}

fn main() -> ExitCode {
    for isa in Isa::available() {
        println!("isa {isa}");
        if let Err(failure) = check(&mut Paper, isa, &mut Memory::new()) {
            eprintln!("{isa}: {failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
