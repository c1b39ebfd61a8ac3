//! Adapts the transformer once for each instruction set of this machine: what a board must repeat. Before that, trains
//! it anew without fused multiply-add, and fails unless its weights are those in flash.
//!
//! With `--save FILE`, only trains it, and writes its weights.

use firmware::{Adaptation, Pretraining, TRANSFORMER};
use fusebox::Isa;
use std::error::Error;

#[path = "../paper.rs"]
mod paper;

use paper::Paper;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let file = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--save", file] => Some(file),
        _ => return Err("usage: lora [--save FILE]".into()),
    };
    let mut pretraining = Pretraining::new();
    let (accuracy, weights) = pretraining.learn(Isa::portable())?;
    if let Some(file) = file {
        println!("held-out accuracy {}.{} %", accuracy / 10, accuracy % 10);
        return std::fs::write(file, weights).map_err(|error| format!("{file}: {error}").into());
    }
    if weights != TRANSFORMER {
        return Err(
            "transformer.weights.bin is not what this program learns: see examples/data/README.md".into()
        );
    }
    for isa in Isa::available() {
        println!("isa {isa}");
        Adaptation::new().learn(&mut Paper, isa).map_err(|failure| format!("{isa}: {failure}"))?;
    }
    Ok(())
}
