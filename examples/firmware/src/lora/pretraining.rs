//! The desktop's part: the transformer learns upright digits, once; its weights are what boards have in flash.

use super::transformer::{Camera, Reader, Transformer, epoch};
use crate::data::{COUNT, Order, split};
use crate::recipe::SEED;
use fusebox::{AdamW, Error, Init, Isa, Rng, Workspace, Zeroed};

const BATCH: usize = 16;
const EPOCHS: u16 = 40;
/// Falls linearly to a part of it, epoch by epoch.
const LEARNING_RATE: f32 = 3e-3;
const DECAY: f32 = 0.05;

/// All memory of the training.
pub struct Pretraining {
    net: Transformer,
    workspace: Workspace<Transformer, BATCH, AdamW>,
    order: Order,
    reader: Reader<Transformer>,
}

impl Pretraining {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self {
            net: Transformer::ZEROED,
            workspace: Workspace::new(),
            order: [0; COUNT],
            reader: Reader::new(),
        }
    }

    /// Trains from nothing. Returns the accuracy on pictures held out, in thousandths, and the parameters as
    /// little-endian bytes.
    pub fn learn(&mut self, isa: Isa) -> Result<(u32, &[u8]), Error> {
        let Self { net, workspace, order, reader } = self;
        let mut rng = Rng::new(SEED);
        let (held_out, training) = split(order, &mut rng);
        net.init(Init::Glorot, &mut rng);
        for number in 0..EPOCHS {
            rng.shuffle(training);
            let rate = LEARNING_RATE * f32::from(EPOCHS - number) / f32::from(EPOCHS);
            epoch(isa, Camera::Upright, net, workspace, &AdamW::new(rate, DECAY), training)?;
        }
        let accuracy = reader.accuracy(isa, Camera::Upright, net, held_out)?;
        Ok((accuracy, net.as_bytes()))
    }
}

impl Default for Pretraining {
    fn default() -> Self {
        Self::new()
    }
}
