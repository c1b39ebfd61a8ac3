//! Learns digits once for each instruction set of this machine: what a board, and the page, must repeat with `reproducible`.

use firmware::{COUNT, Digits, ROWS, Trainer, learn};
use fusebox::{Isa, Workspace, Zeroed};
use std::process::ExitCode;

#[path = "../paper.rs"]
mod paper;

use paper::Paper;

fn main() -> ExitCode {
    let (mut net, mut workspace, mut order) = (Digits::ZEROED, Workspace::new(), [0; COUNT]);
    for isa in Isa::available() {
        println!("isa {isa}");
        println!("class {}", if isa.is_fused() { "fused" } else { "not fused" });
        let mut trainer = Trainer::new(isa, ROWS, &mut net, &mut workspace, &mut order);
        if let Err(failure) = learn(&mut Paper, &mut trainer) {
            eprintln!("{isa}: {failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
