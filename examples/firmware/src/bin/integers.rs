//! Learns digits in whole numbers once for each instruction set of this machine: what a board must repeat.

use firmware::Integers;
use fusebox::Isa;
use std::process::ExitCode;

#[path = "../paper.rs"]
mod paper;

use paper::Paper;

fn main() -> ExitCode {
    for isa in Isa::available() {
        println!("isa {isa}");
        if let Err(failure) = Integers::new().learn(&mut Paper, isa) {
            eprintln!("{isa}: {failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
