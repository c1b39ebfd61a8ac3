//! The training that `examples/data/README.md` lays down, so that its results can stand beside scikit-learn's: one hidden
//! layer of 16 ReLU neurons, batches of 32, Adam at rate 0.001, ten seeds.

use fusebox::{Adam, Dense, Error, Init, Loss, Relu, Rng, Scratch, Seq, WeightDecay, Workspace, Zeroed};
use indicatif::{ProgressFinish, ProgressIterator, ProgressStyle};
use std::time::Instant;

/// The network of every example that follows the protocol.
pub(crate) type Net<const IN: usize, const OUT: usize> = Seq![Dense<IN, 16, Relu>, Dense<16, OUT>];

const BATCH: usize = 32;
const RATE: f32 = 0.001;
/// scikit-learn's `alpha`: an L2 penalty, which it divides by the rows of the batch.
const PENALTY: f32 = 1e-4;

/// What came of one training.
pub(crate) struct Trained<N> {
    pub(crate) net: N,
    /// Mean loss of each epoch.
    pub(crate) losses: Vec<f32>,
    /// Of all epochs together.
    pub(crate) seconds: f64,
}

/// The seeds 1 to 10, with a bar that shows how many are done.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    let style = ProgressStyle::with_template("seed {pos} of {len} [{bar:50}] {elapsed_precise}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    (1..=10).progress_count(10).with_style(style).with_finish(ProgressFinish::AndClear)
}

/// Trains a new network for exactly `epochs`, each in an order of its own.
pub(crate) fn train<const IN: usize, const OUT: usize, L: Loss<[f32; OUT]>>(
    loss: L,
    xs: &[[f32; IN]],
    targets: &[L::Target],
    epochs: usize,
    rng: &mut Rng,
) -> Result<Trained<Net<IN, OUT>>, Error> {
    let start = Instant::now();
    let mut net = Net::ZEROED;
    net.init(Init::Glorot, rng);
    fill_biases::<IN, 16>(&mut net.first.bias, rng);
    fill_biases::<16, OUT>(&mut net.rest.bias, rng);
    let mut workspace = Workspace::<Net<IN, OUT>, BATCH, WeightDecay<Adam>, L>::with_loss(loss);
    let mut order: Vec<usize> = (0..xs.len()).collect();
    let mut losses = Vec::with_capacity(epochs);
    for _ in 0..epochs {
        rng.shuffle(&mut order);
        let mut sum = 0.0;
        for batch in order.chunks(BATCH) {
            let rows = batch.iter().map(|&i| (xs[i], targets[i]));
            let optimizer = WeightDecay::new(Adam::new(RATE), PENALTY / batch.len() as f32);
            sum += workspace.train_step_from(&mut net, rows, &optimizer)? * batch.len() as f32;
        }
        losses.push(sum / xs.len() as f32);
    }
    Ok(Trained { net, losses, seconds: start.elapsed().as_secs_f64() })
}

/// scikit-learn draws biases from the range that Glorot's rule gives weights, where fusebox starts them at zero.
fn fill_biases<const IN: usize, const OUT: usize>(bias: &mut [f32; OUT], rng: &mut Rng) {
    let limit = (6.0 / (IN + OUT) as f32).sqrt();
    bias.fill_with(|| (2.0 * rng.uniform() - 1.0) * limit);
}

/// The network's outputs for any number of rows.
pub(crate) fn outputs<const IN: usize, const OUT: usize>(
    net: &Net<IN, OUT>,
    xs: &[[f32; IN]],
) -> Result<Vec<[f32; OUT]>, Error> {
    let mut ys = vec![[0.0; OUT]; xs.len()];
    let mut scratch = Scratch::<_, BATCH>::new();
    for (xs, ys) in xs.chunks(BATCH).zip(ys.chunks_mut(BATCH)) {
        net.infer(xs, &mut scratch, ys)?;
    }
    Ok(ys)
}
