//! Three short trainings, every bit of which is printed: what a board with more than 16 KiB of RAM must have in common with
//! the desktop.

use crate::bits::{Fnv1a, print_logits, print_words};
use crate::board::{Board, Failure, say};
use crate::composed::Composed;
use crate::data::{self, COUNT, Order};
use crate::mixed::Mixed;
use crate::recipe::{BATCH, Digits, LEARNING_RATE, Trainer};
use fusebox::{Isa, Workspace, Zeroed};

const EPOCHS: u8 = 2;

/// Four whole batches and one of 19 rows, so that the kernels' edges are compared too.
const ROWS: usize = 4 * BATCH + 19;

/// The memory of all: all zeros, and so in `.bss`.
#[derive(Debug)]
pub(crate) struct Trace {
    net: Digits,
    workspace: Workspace<Digits, BATCH>,
    order: Order,
    mixed: Mixed,
    composed: Composed,
}

impl Trace {
    /// Memory, not yet used.
    pub(crate) const fn new() -> Self {
        Self {
            net: Digits::ZEROED,
            workspace: Workspace::new(),
            order: [0; COUNT],
            mixed: Mixed::new(),
            composed: Composed::new(),
        }
    }

    /// Prints all trainings.
    pub(crate) fn run<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        let Self { net, workspace, order, mixed, composed } = self;
        trace_digits(board, Trainer::new(isa, data::ROWS, net, workspace, order))?;
        trace_mixed(board, isa, mixed)?;
        composed.trace(board, isa)
    }
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
    say!(board, "weights fnv1a {:016x}", trainer.hash());
    print_words(board, trainer.net.as_bytes());
    Ok(())
}

/// Prints the loss of every step of the second recipe, a hash of what it learnt, and the outputs that come of it.
fn trace_mixed<B: Board>(board: &mut B, isa: Isa, mixed: &mut Mixed) -> Result<(), Failure> {
    let mut number = 0_u8;
    mixed.train(isa, |loss| {
        number += 1;
        say!(board, "mixed step {number} loss {:08x}", loss.to_bits());
    })?;
    say!(board, "mixed parameters fnv1a {:016x}", Fnv1a::of(mixed.parameters()));
    print_logits(board, "mixed", mixed.infer(isa)?);
    Ok(())
}
