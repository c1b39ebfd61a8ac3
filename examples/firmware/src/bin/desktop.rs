//! Prints what every board must repeat, once for each instruction set of this machine.

use firmware::{Memory, check};
use fusebox::Isa;
use std::process::ExitCode;

#[path = "../paper.rs"]
mod paper;

use paper::Paper;

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
