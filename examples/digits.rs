//! Learns to read handwritten digits: 64 pixels, 32 ReLU neurons, 10 classes, trained with plain stochastic gradient
//! descent on four fifths of 1797 images and judged by the fifth held out, once for each of ten seeds, beside
//! scikit-learn's network and logistic regression on the same images. (scikit-learn takes 200 epochs of Adam, and the
//! other examples do as it does; here plain descent shows that it is enough.)
//!
//! ```text
//! cargo run --release --example digits
//! cargo run --release --example digits -- --save weights.bin     # and keep the network of the first seed
//! ```
//!
//! Expect about 97.5 %. Exits with status 1 if the mean accuracy is below 95 %. The data: E. Alpaydin and C. Kaynak, *Optical
//! Recognition of Handwritten Digits*, 1998, CC BY 4.0; more in `examples/data/README.md`.

use fusebox::{Confusion, Dense, Init, Isa, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed, data};
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;
use std::time::{Duration, Instant};

#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/curve.rs"]
mod curve;
#[path = "support/digits.rs"]
mod digits;

use comparison::Comparison;
use digits::Images;

type Digits = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

const BATCH: usize = 32;
const EPOCHS: usize = 60;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;
/// The rate falls linearly from here to zero: large steps first, for speed; small ones last, to settle.
const LEARNING_RATE: f32 = 0.5;
/// Below this mean accuracy something is broken.
const LEAST_ACCURACY: f64 = 0.95;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let save = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--save", path] => Some(path),
        _ => return Err("usage: digits [--save FILE]".into()),
    };
    let images = Images::load();
    println!("digits: 64-32-10, batches of {BATCH}, {EPOCHS} epochs, {}\n", Isa::detect());
    let progress = ProgressBar::new((SEEDS.count() * EPOCHS) as u64)
        .with_style(ProgressStyle::with_template("{msg} [{bar:50}] {percent}% {elapsed_precise}")?);
    let mut all = Confusion::new();
    let mut results = Vec::new();
    for seed in SEEDS {
        progress.set_message(format!("seed {seed}"));
        results.push(Training::run(&images, seed, &mut all, || progress.inc(1))?);
    }
    progress.finish_and_clear();

    curve::print(&results.iter().map(|result| &*result.losses).collect::<Vec<_>>(), 1, "epoch");
    println!("held-out images of all seeds: what was written, what was read\n{all}");
    let mut comparison = Comparison::new("digits", &["mlp", "logistic_regression"]);
    let accuracy = comparison.add("accuracy", results.iter().map(|result| result.accuracy.into()))?;
    let seconds = |result: &Training| result.epochs.iter().sum::<Duration>().as_secs_f64();
    comparison.add("seconds", results.iter().map(seconds))?;
    println!("{comparison}\n");

    // The median: an epoch that another process interrupted says nothing about the network.
    let mut epochs: Vec<_> = results.iter().flat_map(|result| &result.epochs).collect();
    epochs.sort();
    let steps = (images.labels.len() - images.labels.len() / 5).div_ceil(BATCH);
    let step = epochs[epochs.len() / 2].as_secs_f64() * 1e6 / steps as f64;
    let memory = Workspace::<Digits, BATCH>::MEMORY;
    println!("training step of {BATCH} samples: {step:.2} us");
    println!("memory: {memory}, together {} B", memory.total());

    if let Some(path) = save {
        std::fs::write(path, results[0].net.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote the network of seed {} to {path}", SEEDS.start());
    }
    if accuracy < LEAST_ACCURACY {
        return Err(format!("the mean accuracy {accuracy:.3} is below {LEAST_ACCURACY}").into());
    }
    Ok(())
}

/// What came of one seed.
struct Training {
    net: Digits,
    /// Mean loss of each epoch.
    losses: Vec<f32>,
    /// Time of each epoch.
    epochs: Vec<Duration>,
    /// On the images held out, 0..=1.
    accuracy: f32,
}

impl Training {
    /// Everything random (split, first weights, order of the samples) follows from `seed`. Adds to `all` what the images
    /// held out were taken for.
    fn run(
        images: &Images,
        seed: u64,
        all: &mut Confusion<10>,
        mut epoch_done: impl FnMut(),
    ) -> Result<Self, fusebox::Error> {
        let image = |&i: &u16| (images.pixels[usize::from(i)], images.labels[usize::from(i)]);
        let mut rng = Rng::new(seed);
        let count = images.labels.len();
        let mut order = vec![0_u16; count];
        let [held_out, training] = data::split(&mut order, [count / 5, count - count / 5], &mut rng)?;

        let mut net = Digits::ZEROED;
        net.init(Init::He, &mut rng);
        let mut workspace = Workspace::<Digits, BATCH>::new();
        let (mut losses, mut epochs) = (Vec::with_capacity(EPOCHS), Vec::with_capacity(EPOCHS));
        for epoch in 0..EPOCHS {
            let optimizer = Sgd::new(LEARNING_RATE * (EPOCHS - epoch) as f32 / EPOCHS as f32);
            rng.shuffle(training);
            let start = Instant::now();
            let mut sum = 0.0;
            for batch in training.chunks(BATCH) {
                let rows = batch.iter().map(image);
                sum += workspace.train_step_from(&mut net, rows, &optimizer)? * batch.len() as f32;
            }
            epochs.push(start.elapsed());
            losses.push(sum / training.len() as f32);
            epoch_done();
        }

        let mut scratch = Scratch::<Digits, BATCH>::new();
        let mut confusion = Confusion::<10>::new();
        for batch in held_out.chunks(BATCH) {
            let (xs, labels): (Vec<_>, Vec<_>) = batch.iter().map(image).unzip();
            let mut logits = vec![[0.0; 10]; xs.len()];
            net.infer(&xs, &mut scratch, &mut logits)?;
            for (logits, label) in logits.iter().zip(labels) {
                confusion.observe(logits, label)?;
                all.observe(logits, label)?;
            }
        }
        Ok(Self { net, losses, epochs, accuracy: confusion.accuracy() })
    }
}
