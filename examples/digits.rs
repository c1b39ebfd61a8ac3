//! Learns to read handwritten digits: 64 pixels, 32 ReLU neurons, 10 classes, trained with plain stochastic gradient
//! descent on four fifths of 1797 images and judged by the fifth held out, once for each of ten seeds.
//!
//! ```text
//! cargo run --release --example digits
//! cargo run --release --example digits -- --save weights.bin     # and keep the network of the first seed
//! ```
//!
//! Exits with status 1 if the mean accuracy is below 95 %. The images and their source: `examples/data/README.md`.

use comfy_table::{Cell, CellAlignment, Row, Table, presets};
use fusebox::{Dense, Error, Init, Isa, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed, argmax};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

type Digits = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

const BATCH: usize = 32;
const EPOCHS: usize = 60;
const SEEDS: core::ops::RangeInclusive<u64> = 1..=10;
/// The rate falls linearly from here to zero: large steps first, for speed; small ones last, to settle.
const LEARNING_RATE: f32 = 0.5;
/// Below this mean accuracy something is broken.
const LEAST_ACCURACY: f64 = 0.95;

const PIXELS: usize = 64;
const CLASSES: usize = 10;

/// How often a digit (row) was taken for another (column).
type Confusion = [[u32; CLASSES]; CLASSES];

fn main() -> ExitCode {
    let save = match parse_arguments(std::env::args().skip(1)) {
        Ok(save) => save,
        Err(message) => {
            eprintln!("{message}\nusage: digits [--save FILE]");
            return ExitCode::from(2);
        }
    };
    match run(save.as_deref()) {
        Ok(mean) if mean >= LEAST_ACCURACY => ExitCode::SUCCESS,
        Ok(mean) => {
            eprintln!("mean accuracy {:.2} % is below {:.0} %", 100.0 * mean, 100.0 * LEAST_ACCURACY);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The file to save to, if one is named.
fn parse_arguments(arguments: impl Iterator<Item = String>) -> Result<Option<String>, String> {
    let arguments: Vec<_> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["--save"] => Err("--save needs a file name".into()),
        ["--save", path] => Ok(Some(path.into())),
        ["--save", _, other, ..] | [other, ..] => Err(format!("unexpected argument {other}")),
    }
}

/// Trains a network for each seed, reports, and returns the mean accuracy.
fn run(save: Option<&str>) -> Result<f64, Box<dyn std::error::Error>> {
    let images = Images::load();
    let held_out = images.labels.len() / 5;
    println!(
        "{} images of 8x8 pixels, {held_out} held out; 64-32-10, batches of {BATCH}, {EPOCHS} epochs, {}\n",
        images.labels.len(),
        Isa::detect(),
    );

    let seeds = SEEDS.count();
    let progress = ProgressBar::new((seeds * EPOCHS) as u64)
        .with_style(ProgressStyle::with_template("{msg} [{bar:50}] {percent}% {elapsed_precise}")?);
    let start = Instant::now();
    let mut results = Vec::with_capacity(seeds);
    for seed in SEEDS {
        progress.set_message(format!("seed {seed}"));
        results.push(Training::run(&images, held_out, seed, || progress.inc(1))?);
    }
    let total = start.elapsed();
    progress.finish_and_clear();

    print_loss_curve(&results);
    print_confusion(&results);
    let mean = print_accuracies(&results);
    print_times(&results, total);
    print_memory();

    if let Some(path) = save {
        std::fs::write(path, results[0].net.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
        println!("\nwrote the network of seed {} to {path}", SEEDS.start());
    }
    Ok(mean)
}

/// The data set, pixels scaled to 0..=1.
struct Images {
    pixels: Vec<[f32; PIXELS]>,
    labels: Vec<u8>,
}

impl Images {
    fn load() -> Self {
        // Rows of 64 pixels, each 0..=16, and a label.
        let (rows, rest) = include_bytes!("data/digits.bin").as_chunks::<{ PIXELS + 1 }>();
        assert!(rest.is_empty(), "digits.bin ends within a row");
        let pixels = rows.iter().map(|row| std::array::from_fn(|i| f32::from(row[i]) / 16.0)).collect();
        let labels = rows.iter().map(|row| row[PIXELS]).collect();
        Self { pixels, labels }
    }
}

/// What came of one seed.
struct Training {
    net: Digits,
    /// Mean loss of each epoch.
    losses: Vec<f32>,
    /// Time of each epoch divided by its steps.
    step_times: Vec<Duration>,
    confusion: Confusion,
}

impl Training {
    /// Everything random (split, first weights, order of the samples) follows from `seed`.
    fn run(images: &Images, held_out: usize, seed: u64, mut epoch_done: impl FnMut()) -> Result<Self, Error> {
        let mut rng = Rng::new(seed);
        let mut order: Vec<usize> = (0..images.labels.len()).collect();
        rng.shuffle(&mut order);
        let (held_out, training) = order.split_at_mut(held_out);

        let mut net = Digits::ZEROED;
        net.init(Init::He, &mut rng);
        let mut workspace = Workspace::<Digits, BATCH>::new();

        let steps = training.len().div_ceil(BATCH);
        let mut losses = Vec::with_capacity(EPOCHS);
        let mut step_times = Vec::with_capacity(EPOCHS);
        for epoch in 0..EPOCHS {
            let optimizer = Sgd::new(LEARNING_RATE * (EPOCHS - epoch) as f32 / EPOCHS as f32);
            rng.shuffle(training);
            let start = Instant::now();
            let mut sum = 0.0;
            for batch in training.chunks(BATCH) {
                let rows = batch.iter().map(|&i| (images.pixels[i], images.labels[i]));
                sum += workspace.train_step_from(&mut net, rows, &optimizer)? * batch.len() as f32;
            }
            step_times.push(start.elapsed() / steps as u32);
            losses.push(sum / training.len() as f32);
            epoch_done();
        }
        let confusion = confusion(&net, images, held_out)?;
        Ok(Self { net, losses, step_times, confusion })
    }

    fn accuracy(&self) -> f64 {
        let right: u32 = (0..CLASSES).map(|digit| self.confusion[digit][digit]).sum();
        let all: u32 = self.confusion.as_flattened().iter().sum();
        f64::from(right) / f64::from(all)
    }
}

/// Reads the images numbered in `samples` and counts what each was taken for.
fn confusion(net: &Digits, images: &Images, samples: &[usize]) -> Result<Confusion, Error> {
    let mut scratch = Scratch::<Digits, BATCH>::new();
    let mut confusion = Confusion::default();
    for batch in samples.chunks(BATCH) {
        let xs: Vec<_> = batch.iter().map(|&i| images.pixels[i]).collect();
        let mut logits = [[0.0; CLASSES]; BATCH];
        let logits = &mut logits[..batch.len()];
        net.infer(&xs, &mut scratch, logits)?;
        for (&i, logits) in batch.iter().zip(logits) {
            confusion[usize::from(images.labels[i])][argmax(logits)] += 1;
        }
    }
    Ok(confusion)
}

fn print_loss_curve(results: &[Training]) {
    let mean = |epoch: usize| results.iter().map(|r| r.losses[epoch]).sum::<f32>() / results.len() as f32;
    // The logarithm shows that the loss still falls where a linear axis shows a flat line.
    let points: Vec<_> = (0..EPOCHS).map(|epoch| (epoch as f32 + 1.0, mean(epoch).log10())).collect();
    println!("training loss by epoch, mean of {} seeds, logarithmic", results.len());
    Chart::new(120, 48, 1.0, EPOCHS as f32)
        .x_label_format(LabelFormat::Custom(Box::new(|x| format!("epoch {x:.0}"))))
        .y_label_format(LabelFormat::Custom(Box::new(|y| format!("{:.3}", 10_f32.powf(y)))))
        .lineplot(&Shape::Lines(&points))
        .nice();
}

fn print_confusion(results: &[Training]) {
    let mut table = new_table();
    let digits = (0..CLASSES).map(|digit| digit.to_string());
    table.set_header(numbers(std::iter::once("true \\ read".into()).chain(digits).chain(["right".into()])));
    for digit in 0..CLASSES {
        let mut counts = [0; CLASSES];
        for result in results {
            for (count, more) in counts.iter_mut().zip(result.confusion[digit]) {
                *count += more;
            }
        }
        let right = f64::from(counts[digit]) / f64::from(counts.iter().sum::<u32>());
        let cells = counts.iter().map(|&count| if count == 0 { "·".into() } else { count.to_string() });
        table.add_row(numbers(std::iter::once(digit.to_string()).chain(cells).chain([percent(right)])));
    }
    println!("\nheld-out images of {} seeds: what was written, what was read\n{table}", results.len());
}

/// Prints the accuracy for each seed and returns their mean.
fn print_accuracies(results: &[Training]) -> f64 {
    let accuracies: Vec<f64> = results.iter().map(Training::accuracy).collect();
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let variance = accuracies.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / accuracies.len() as f64;

    let mut table = new_table();
    table.set_header(numbers(std::iter::once("seed".into()).chain(SEEDS.map(|seed| seed.to_string()))));
    let cells = accuracies.iter().map(|&accuracy| percent(accuracy));
    table.add_row(numbers(std::iter::once("accuracy".into()).chain(cells)));
    println!("\n{table}");
    println!("held-out accuracy: {} +- {}", percent(mean), percent(variance.sqrt()));
    mean
}

fn print_times(results: &[Training], total: Duration) {
    // The median: an epoch that another process interrupted says nothing about the network.
    let mut times: Vec<_> = results.iter().flat_map(|r| r.step_times.iter().copied()).collect();
    times.sort();
    let step = times[times.len() / 2].as_secs_f64() * 1e6;
    println!(
        "training step of {BATCH} samples: {step:.2} us; all {} seeds: {:.2} s",
        results.len(),
        total.as_secs_f64()
    );
}

fn print_memory() {
    let memory = Workspace::<Digits, BATCH>::MEMORY;
    let mut table = new_table();
    table.set_header(numbers(
        ["RAM", "parameters", "tape", "gradients", "optimizer", "staging", "total"].map(String::from),
    ));
    let bytes =
        [memory.parameters, memory.tape, memory.gradients, memory.optimizer, memory.staging, memory.total()];
    table.add_row(numbers(std::iter::once("bytes".into()).chain(bytes.map(|bytes| bytes.to_string()))));
    println!("\n{table}");
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table
}

/// A row of a table: its name, then numbers flush right.
fn numbers(cells: impl IntoIterator<Item = String>) -> Row {
    let align = |(i, text)| {
        let alignment = if i == 0 { CellAlignment::Left } else { CellAlignment::Right };
        Cell::new(text).set_alignment(alignment)
    };
    Row::from(cells.into_iter().enumerate().map(align))
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}
