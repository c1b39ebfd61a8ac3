//! Trains the network of pictures once for each instruction set of this machine: what a board must repeat.
//!
//! With `--save FILE`, writes the parameters that an instruction set without fused multiply-add leads to.

use firmware::Lesson;
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
        _ => return Err("usage: pictures [--save FILE]".into()),
    };
    for isa in Isa::available() {
        println!("isa {isa}");
        let mut lesson = Lesson::new();
        lesson.learn(&mut Paper, isa).map_err(|failure| format!("{isa}: {failure}"))?;
        if let Some(file) = file.filter(|_| !isa.is_fused()) {
            std::fs::write(file, lesson.parameters()).map_err(|error| format!("{file}: {error}"))?;
        }
    }
    Ok(())
}
