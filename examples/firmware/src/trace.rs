//! Two short trainings, every bit of which is printed: what a board must have in common with the desktop.

use crate::board::{Board, Failure, say};
use crate::data::{COUNT, Order};
use crate::mixed::Mixed;
use crate::recipe::{BATCH, Digits, LEARNING_RATE, Trainer};
use fusebox::{Isa, Workspace, Zeroed};

const EPOCHS: u8 = 2;

/// Four whole batches and one of 19 rows, so that the kernels' edges are compared too.
const ROWS: usize = 4 * BATCH + 19;

/// The memory of a trace, which the desktop needs once for each instruction set.
#[derive(Debug)]
pub struct Memory {
    net: Digits,
    workspace: Workspace<Digits, BATCH>,
    order: Order,
    mixed: Mixed,
}

impl Memory {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { net: Digits::ZEROED, workspace: Workspace::new(), order: [0; COUNT], mixed: Mixed::new() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints both trainings.
pub fn trace<B: Board>(board: &mut B, isa: Isa, memory: &mut Memory) -> Result<(), Failure> {
    let Memory { net, workspace, order, mixed } = memory;
    trace_digits(board, Trainer::new(isa, net, workspace, order))?;
    trace_mixed(board, isa, mixed)
}

/// Prints the loss of every step of two short epochs, a hash of the weights they led to, and the weights themselves, all
/// as bits in hexadecimal.
fn trace_digits<B: Board>(board: &mut B, mut trainer: Trainer<'_>) -> Result<(), Failure> {
    for epoch in 1..=EPOCHS {
        let mut number = 0_u8;
        trainer.epoch(LEARNING_RATE, ROWS, |loss, _| {
            number += 1;
            say!(board, "epoch {epoch} step {number} loss {:08x}", loss.to_bits());
        })?;
    }
    let bytes = trainer.net.as_bytes();
    say!(board, "weights fnv1a {:016x}", fnv1a(bytes));
    let (words, _) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let end = if number % 16 == 15 || number + 1 == words.len() { "\n" } else { "" };
        board.print(format_args!("{:08x}{end}", u32::from_le_bytes(*word)));
    }
    Ok(())
}

/// Prints the loss of every step of the second recipe, a hash of what it learnt, and the outputs that come of it.
fn trace_mixed<B: Board>(board: &mut B, isa: Isa, mixed: &mut Mixed) -> Result<(), Failure> {
    let mut number = 0_u8;
    mixed.train(isa, |loss| {
        number += 1;
        say!(board, "mixed step {number} loss {:08x}", loss.to_bits());
    })?;
    say!(board, "mixed parameters fnv1a {:016x}", fnv1a(mixed.parameters()));
    for (number, logits) in mixed.infer(isa)?.iter().enumerate() {
        board.print(format_args!("mixed logits {number}"));
        for logit in logits {
            board.print(format_args!(" {:08x}", logit.to_bits()));
        }
        board.print(format_args!("\n"));
    }
    Ok(())
}

/// The hash FNV-1a, of 64 bits, by G. Fowler, L. C. Noll and K.-P. Vo: RFC 9923.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
