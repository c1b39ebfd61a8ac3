//! The network and how it is trained: the same on every board and on the desktop.

use crate::bits::Fnv1a;
use crate::data::{self, Order, Row};
use core::ops::RangeInclusive;
use fusebox::{Dense, Error, Init, Isa, Relu, Rng, Seq, Sgd, Workspace};

/// Pixels of an image: eight rows of eight.
pub const PIXELS: usize = 64;
pub(crate) const CLASSES: usize = 10;

/// The network: 64 pixels, 32 neurons, 10 digits.
pub type Digits = Seq![Dense<PIXELS, 32, Relu>, Dense<32, CLASSES>];

/// Rows of a training step.
pub const BATCH: usize = 32;

/// Multiply-accumulates of a forward pass over one row, by which counts of instructions are divided.
pub(crate) const FORWARD_MACS: u64 = (PIXELS * 32 + 32 * CLASSES) as u64;

/// Everything random follows from it. The desktop's network in `digits.weights.bin` comes from the same seed, and so
/// has the same images held out.
pub const SEED: u64 = 1;

/// Those of programs that learn several times.
pub(crate) const SEEDS: RangeInclusive<u64> = 1..=if cfg!(feature = "brief") { 1 } else { 5 };

/// The rate of [`Sgd`], falling linearly from here to a part of it: there are few epochs to settle in.
pub(crate) const LEARNING_RATE: f32 = 0.5;

/// Enough to see the loss fall and most digits read, few enough for an emulator.
pub const EPOCHS: u8 = 5;

/// A network in training, its memory borrowed from the statics of a program.
#[derive(Debug)]
pub struct Trainer<'a> {
    pub(crate) net: &'a mut Digits,
    pub(crate) workspace: &'a mut Workspace<Digits, BATCH>,
    pub(crate) rows: &'a [Row],
    /// Numbers of the rows to learn from.
    pub(crate) training: &'a mut [u16],
    /// Numbers of the rows to judge by.
    pub(crate) held_out: &'a mut [u16],
    pub(crate) rng: Rng,
    pub(crate) isa: Isa,
}

impl<'a> Trainer<'a> {
    /// A network at its start, and the rows split. Overwrites `net` and `order`.
    pub fn new(
        isa: Isa,
        rows: &'a [Row],
        net: &'a mut Digits,
        workspace: &'a mut Workspace<Digits, BATCH>,
        order: &'a mut Order,
    ) -> Self {
        let mut rng = Rng::new(SEED);
        let (held_out, training) = data::split(order, &mut rng);
        net.init(Init::He, &mut rng);
        Self { net, workspace, rows, training, held_out, rng, isa }
    }

    /// Trains for [`EPOCHS`]. Tells `done` the number of each epoch and its mean loss.
    pub fn lesson(&mut self, mut done: impl FnMut(u8, f32)) -> Result<(), Error> {
        let rows = self.training.len();
        for epoch in 0..EPOCHS {
            let rate = LEARNING_RATE * f32::from(EPOCHS - epoch) / f32::from(EPOCHS);
            let mut sum = 0.0;
            self.epoch(rate, rows, |loss, rows| sum += loss * rows as f32)?;
            done(epoch + 1, sum / rows as f32);
        }
        Ok(())
    }

    /// The hash FNV-1a of all weights.
    pub fn hash(&self) -> u64 {
        Fnv1a::of(self.net.as_bytes())
    }

    /// Trains once on each of the first `rows` images of a new order. Tells `step` the loss of each batch and its rows.
    pub(crate) fn epoch(
        &mut self,
        rate: f32,
        rows: usize,
        mut step: impl FnMut(f32, usize),
    ) -> Result<(), Error> {
        self.rng.shuffle(self.training);
        let chosen = self.training.get(..rows).unwrap_or(self.training);
        for batch in chosen.chunks(BATCH) {
            let mut stage = self.workspace.stage();
            for row in data::rows_of(self.rows, batch) {
                let [.., label] = row;
                stage.push(*label, |x| {
                    data::stage(x, row);
                })?;
            }
            step(stage.on(self.isa).train_step(self.net, &Sgd::new(rate))?, batch.len());
        }
        Ok(())
    }
}
