//! Prints the trace that every board must repeat, after making sure that every instruction set of this machine gives it.

use firmware::{Board, Failure, Memory, trace};
use fusebox::Isa;
use std::fmt;
use std::process::ExitCode;

/// Keeps what is printed.
#[derive(Default)]
struct Paper(String);

impl Board for Paper {
    fn print(&mut self, text: fmt::Arguments<'_>) {
        self.0.push_str(&text.to_string());
    }

    // A trace counts nothing.
    fn start(&mut self) {}

    fn ticks(&mut self) -> Option<u32> {
        None
    }

    fn spin(_turns: u32) {}
}

fn main() -> ExitCode {
    match traces() {
        Ok(traces) => compare(&traces),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The trace on every instruction set.
fn traces() -> Result<Vec<(Isa, String)>, Failure> {
    Isa::available()
        .map(|isa| {
            let mut paper = Paper::default();
            trace(&mut paper, isa, &mut Memory::new())?;
            Ok((isa, paper.0))
        })
        .collect()
}

/// Prints the trace if all agree.
fn compare(traces: &[(Isa, String)]) -> ExitCode {
    let Some((_, first)) = traces.first() else { return ExitCode::FAILURE };
    let mut code = ExitCode::SUCCESS;
    for (isa, trace) in traces {
        if trace == first {
            eprintln!("{}", isa.name());
        } else {
            eprintln!("{}: differs", isa.name());
            code = ExitCode::FAILURE;
        }
    }
    print!("{first}");
    code
}
