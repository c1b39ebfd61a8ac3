//! How the node learns: it gathers samples, and trains an autoencoder on windows of them, an epoch at a time, so that
//! commands are heard in between.
//!
//! The first three quarters of the samples are trained on, and all are standardised by the mean and deviation of these. The
//! rest is held out and sets the limit: windows that were trained on are drawn better than others ever will be. The limit is
//! the mean of the errors of those held out and [`DEVIATIONS`] standard deviations, but not below the error that the
//! sensor's own noise would make: a field that stood still while it was learnt would otherwise leave no room at all.

use crate::error::Error;
use crate::magnetometer::RESOLUTION;
use crate::model::{AXES, INPUTS, Model, Net, Sample, WINDOW, Window};
use fusebox::data::{Standardize, Statistics};
use fusebox::{Adam, Guard, Init, Mse, Rng, Scratch, Workspace, Zeroed};

/// Samples that are gathered: at about 170 a second, one and a half seconds.
pub const SAMPLES: usize = 256;
/// Samples of them that are trained on.
pub const TRAINING: usize = 192;
/// Samples from one window to the next.
pub const HOP: usize = 2;
/// Windows that are trained on.
const WINDOWS: usize = (TRAINING - WINDOW) / HOP + 1;
/// Times that each of them is trained on.
pub const EPOCHS: u16 = 60;
/// Windows of a training step.
const BATCH: usize = 16;
/// How far above the mean error the limit lies.
pub const DEVIATIONS: f32 = 8.0;

const RATE: f32 = 0.01;

/// The memory of learning. All zeros when it is new, and so in `.bss`.
#[derive(Debug)]
pub struct Learner {
    samples: [Sample; SAMPLES],
    gathered: usize,
    epoch: u16,
    order: [u8; WINDOWS],
    model: Model,
    workspace: Workspace<Net, BATCH, Adam, Mse>,
    guard: Guard<Net>,
    scratch: Scratch<Net, 1>,
}

/// How far learning has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// An epoch has passed.
    Epoch {
        /// Its number, from 1 to [`EPOCHS`].
        epoch: u16,
        /// Mean loss of the windows.
        loss: f32,
        /// Batches that were left out, because with them the loss leapt: something moved.
        refused: u16,
    },
    /// The last epoch has passed, and this is what was learnt.
    Done,
}

impl Learner {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self {
            samples: [[0.0; AXES]; SAMPLES],
            gathered: 0,
            epoch: 0,
            order: [0; WINDOWS],
            model: Model::ZEROED,
            workspace: Workspace::with_loss(Mse),
            guard: Guard::new(),
            scratch: Scratch::new(),
        }
    }

    /// Begins anew: forgets all samples.
    pub const fn restart(&mut self) {
        self.gathered = 0;
    }

    /// Samples gathered so far.
    pub const fn gathered(&self) -> usize {
        self.gathered
    }

    /// Takes a sample; true once there are enough, and training may begin. More are ignored.
    pub fn gather(&mut self, sample: Sample) -> bool {
        if let Some(place) = self.samples.get_mut(self.gathered) {
            *place = sample;
            self.gathered += 1;
        }
        self.gathered == SAMPLES
    }

    /// Prepares training on the samples that were gathered, from new weights.
    ///
    /// # Errors
    ///
    /// [`Error::Learning`] when the samples that are trained on have no mean or deviation.
    pub fn begin(&mut self) -> Result<(), Error> {
        let mut statistics = Statistics::<AXES>::new();
        for sample in self.samples.iter().take(TRAINING) {
            statistics.add(sample)?;
        }
        self.model.standardize = Standardize::of(&statistics)?;
        for std in &mut self.model.standardize.std {
            // A field that stands still is known no better than this.
            *std = std.max(RESOLUTION);
        }
        self.model.net.init(Init::Glorot, &mut Rng::new(1));
        self.workspace.reset_optimizer();
        self.guard = Guard::new();
        self.epoch = 0;
        for (i, place) in (0..).zip(&mut self.order) {
            *place = i;
        }
        Ok(())
    }

    /// Trains once on each window.
    ///
    /// # Errors
    ///
    /// [`Error::Learning`] when no batch of the epoch could be learnt from.
    pub fn train(&mut self) -> Result<Progress, Error> {
        if self.epoch >= EPOCHS {
            return Ok(Progress::Done);
        }
        Rng::new(self.epoch.into()).shuffle(&mut self.order);
        let Self { samples, model, workspace, guard, order, .. } = self;
        let (mut sum, mut learnt, mut refused, mut failure) = (0.0, 0, 0, None);
        for batch in order.chunks(BATCH) {
            let mut stage = workspace.stage();
            for &number in batch {
                let Some(window) = window(samples, usize::from(number) * HOP) else { continue };
                let x: [f32; INPUTS] = model.input(window);
                stage.push(x, |row| *row = x)?;
            }
            match stage.train_step_guarded(&mut model.net, &Adam::new(RATE), guard) {
                Ok(loss) => {
                    sum += loss * batch.len() as f32;
                    learnt += batch.len();
                }
                Err(error) => {
                    guard.restore(&mut model.net);
                    refused += 1;
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if learnt == 0 => return Err(error.into()),
            _ => self.epoch += 1,
        }
        Ok(Progress::Epoch { epoch: self.epoch, loss: sum / learnt as f32, refused })
    }

    /// Sets the limit, and hands over what was learnt.
    ///
    /// # Errors
    ///
    /// [`Error::Learning`] when the network draws no numbers.
    pub fn finish(&mut self) -> Result<Model, Error> {
        let mut errors = Statistics::<1>::new();
        for start in (TRAINING..=SAMPLES - WINDOW).step_by(HOP) {
            let Some(window) = window(&self.samples, start) else { continue };
            errors.add(&[self.model.error(window, &mut self.scratch)?])?;
        }
        let [mean] = errors.mean();
        let [std] = errors.std();
        let noise = self.model.standardize.std.iter().map(|std| (RESOLUTION / std) * (RESOLUTION / std));
        let least = noise.sum::<f32>() / AXES as f32;
        self.model.limit = (mean + DEVIATIONS * std).max(least);
        Ok(self.model)
    }
}

impl Default for Learner {
    fn default() -> Self {
        Self::new()
    }
}

/// The window of samples that begins at `start`.
fn window(samples: &[Sample; SAMPLES], start: usize) -> Option<&Window> {
    samples.get(start..)?.first_chunk()
}
