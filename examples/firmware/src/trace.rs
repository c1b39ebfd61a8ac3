//! Two short epochs, every bit of which is printed: what a board must have in common with the desktop.

use crate::board::{Board, Failure, say};
use crate::data::{COUNT, Order};
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
}

impl Memory {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { net: Digits::ZEROED, workspace: Workspace::new(), order: [0; COUNT] }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints the loss of every step, a hash of the weights they led to (FNV-1a of 64 bits, over their bytes), and the
/// weights themselves, all as bits in hexadecimal.
pub fn trace<B: Board>(board: &mut B, isa: Isa, memory: &mut Memory) -> Result<(), Failure> {
    let Memory { net, workspace, order } = memory;
    let mut trainer = Trainer::new(isa, net, workspace, order);
    for epoch in 1..=EPOCHS {
        let mut number = 0_u8;
        trainer.epoch(LEARNING_RATE, ROWS, |loss, _| {
            number += 1;
            say!(board, "epoch {epoch} step {number} loss {:08x}", loss.to_bits());
        })?;
    }
    let bytes = net.as_bytes();
    say!(board, "weights fnv1a {:016x}", fnv1a(bytes));
    let (words, _) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let end = if number % 16 == 15 || number + 1 == words.len() { "\n" } else { "" };
        board.print(format_args!("{:08x}{end}", u32::from_le_bytes(*word)));
    }
    Ok(())
}

/// The hash of G. Fowler, L. C. Noll and K.-P. Vo: RFC 9923.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
