//! The training that a microcontroller runs too, from the same source, to the same bits.

use alloc::boxed::Box;
use alloc::vec::Vec;
use firmware::{BATCH, COUNT, Digits, Order, Row, Trainer};
use fusebox::{Isa, Workspace, Zeroed};

/// The network and its memory.
pub struct Bits {
    net: Digits,
    workspace: Box<Workspace<Digits, BATCH>>,
    order: Box<Order>,
    hash: Option<u64>,
}

impl Bits {
    /// Not yet trained.
    pub fn new() -> Self {
        Self { net: Digits::ZEROED, workspace: Workspace::boxed(), order: Box::new([0; COUNT]), hash: None }
    }

    /// Trains from nothing, and returns the mean loss of each epoch; none unless all digits are there.
    pub fn train(&mut self, rows: &[Row]) -> Vec<f32> {
        let Self { net, workspace, order, hash } = self;
        *hash = None;
        let mut losses = Vec::new();
        if rows.len() == COUNT {
            let mut trainer = Trainer::new(Isa::detect(), rows, net, workspace, order);
            if trainer.lesson(|_, loss| losses.push(loss)).is_ok() {
                *hash = Some(trainer.hash());
            }
        }
        losses
    }

    /// The hash FNV-1a of all weights; `None` before a training.
    pub fn hash(&self) -> Option<u64> {
        self.hash
    }
}

impl Default for Bits {
    fn default() -> Self {
        Self::new()
    }
}
