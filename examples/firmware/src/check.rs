//! What a board must have in common with the desktop: every kernel's results and short trainings, bit for bit.

use crate::board::{Board, Failure, say};
use crate::trace::Trace;
use crate::{kernels, small};
use fusebox::Isa;

/// How many checks there are of what takes more than 16 KiB: one, or none.
const LARGE: usize = if cfg!(feature = "small") { 0 } else { 1 };

/// The memory of a check: all zeros, and so in `.bss`. The desktop needs it once for each instruction set.
#[derive(Debug)]
pub struct Memory {
    kernels: kernels::Small,
    large: [Large; LARGE],
}

/// The memory of what takes more than 16 KiB.
#[derive(Debug)]
struct Large {
    kernels: kernels::Large,
    trace: Trace,
}

impl Memory {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self {
            kernels: kernels::Small::new(),
            large: [const { Large { kernels: kernels::Large::new(), trace: Trace::new() } }; LARGE],
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Checks every kernel against a reference, and prints what must be the same on all boards and instruction sets of a class:
/// first the class, then what a small board has room for, then the rest.
pub fn check<B: Board>(board: &mut B, isa: Isa, memory: &mut Memory) -> Result<(), Failure> {
    say!(board, "class {}", if isa.is_fused() { "fused" } else { "not fused" });
    memory.kernels.check(board, isa)?;
    small::trace(board, isa)?;
    for large in &mut memory.large {
        say!(board, "what takes more than 16 KiB");
        large.kernels.check(board, isa)?;
        large.trace.run(board, isa)?;
    }
    Ok(())
}
