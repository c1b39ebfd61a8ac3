//! A second recipe, of what the first has not: standardised features, normalisation, curves, dropout, an optimiser that
//! gathers its gradient and keeps two moments, and a guard.

use crate::data::{self, COUNT, Order};
use crate::recipe::{CLASSES, PIXELS, SEED};
use fusebox::data::{Standardize, Statistics};
use fusebox::{
    AdamW, ClipNorm, Dense, Dropout, Error, Gelu, Guard, Init, Isa, LayerNorm, Rng, Scratch, Seq, Tanh,
    Workspace, Zeroed,
};

/// The network: narrow, for a processor without floating point runs it too.
pub(crate) type Net = Seq![
    LayerNorm<PIXELS>,
    Dense<PIXELS, 12, Tanh>,
    Dropout<12, 10>,
    Dense<12, 14, Gelu>,
    Dense<14, CLASSES>,
];
pub(crate) type Optimizer = ClipNorm<AdamW>;

pub(crate) const OPTIMIZER: Optimizer = ClipNorm::new(AdamW::new(0.02, 0.01), 1.0);

/// Rows of a training step.
pub(crate) const BATCH: usize = 8;

/// Images to learn from: whole batches and one of five rows.
const ROWS: usize = 32 * BATCH + 5;

/// The memory of a training: all zeros, and so in `.bss`.
#[derive(Debug)]
pub(crate) struct Mixed {
    net: Net,
    workspace: Workspace<Net, BATCH, Optimizer>,
    guard: Guard<Net>,
    standardize: Standardize<PIXELS>,
    scratch: Scratch<Net, BATCH>,
    xs: [[f32; PIXELS]; BATCH],
    logits: [[f32; CLASSES]; BATCH],
    order: Order,
}

impl Mixed {
    /// Memory, not yet used.
    pub(crate) const fn new() -> Self {
        Self {
            net: Net::ZEROED,
            workspace: Workspace::new(),
            guard: Guard::new(),
            standardize: Standardize::ZEROED,
            scratch: Scratch::new(),
            xs: [[0.0; PIXELS]; BATCH],
            logits: [[0.0; CLASSES]; BATCH],
            order: [0; COUNT],
        }
    }

    /// Trains once on each of [`ROWS`] images, whose features it standardises; tells `step` the loss of each batch.
    pub(crate) fn train(&mut self, isa: Isa, mut step: impl FnMut(f32)) -> Result<(), Error> {
        let mut rng = Rng::new(SEED);
        let (_, training) = data::split(&mut self.order, &mut rng);
        let training = training.get(..ROWS).unwrap_or_default();
        self.standardize = standardize(training)?;
        self.net.init(Init::Orthogonal, &mut rng);
        self.guard = Guard::new();
        for batch in training.chunks(BATCH) {
            let mut stage = self.workspace.stage();
            for row in data::rows(batch) {
                let [.., label] = row;
                stage.push(*label, |x| {
                    data::stage(x, row);
                    self.standardize.apply(x);
                })?;
            }
            step(stage.on(isa).train_step_guarded(&mut self.net, &OPTIMIZER, &mut self.guard)?);
        }
        Ok(())
    }

    /// The outputs for the first images that were held out.
    pub(crate) fn infer(&mut self, isa: Isa) -> Result<&[[f32; CLASSES]], Error> {
        for (x, row) in self.xs.iter_mut().zip(data::rows(&self.order)) {
            data::stage(x, row);
            self.standardize.apply(x);
        }
        self.net.infer_with(isa, &self.xs, &mut self.scratch, &mut self.logits)?;
        Ok(&self.logits)
    }

    /// All that was learnt.
    pub(crate) fn parameters(&self) -> &[u8] {
        self.net.as_bytes()
    }
}

/// What brings the features of the images numbered in `numbers` to a common scale.
fn standardize(numbers: &[u16]) -> Result<Standardize<PIXELS>, Error> {
    let mut statistics = Statistics::new();
    for row in data::rows(numbers) {
        let mut x = [0.0; PIXELS];
        data::stage(&mut x, row);
        statistics.add(&x)?;
    }
    Standardize::of(&statistics)
}
