//! Quantises what it trained: a dense network, the same with rounding in its training, and a convolutional network learn to read
//! handwritten digits in `f32`, become networks of eight bits by what 128 training images show of their ranges, and both are judged by
//! the fifth of the images held out, once for each of five seeds. Prints both accuracies, sizes, and how much noise each layer's eight
//! bits are.
//!
//! ```text
//! cargo run --release --example quantize
//! ```
//!
//! Exits with status 1 if eight bits cost more than half a point of accuracy on average. The data: E. Alpaydin and C. Kaynak, *Optical
//! Recognition of Handwritten Digits*, 1998, CC BY 4.0; more in `examples/data/README.md`.

use comfy_table::{CellAlignment, Table, presets};
use fusebox::int8::{
    Aware, Calibration, Fidelity, MinMax, MovingAverage, Observer, Percentile, Ranges, ToInt8,
};
use fusebox::{
    Adam, BatchNorm, Conv2d, Dense, Isa, Layer, MaxPool2d, Plain, Relu, Rng, Scratch, Seq, Train, Workspace,
    data, evaluate, network,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;

#[path = "support/digits.rs"]
mod digits;

use digits::Images;

type Perceptron = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
/// The same, trained with rounded weights and outputs.
type Rounded = Seq![Aware<Dense<64, 32, Relu>>, Aware<Dense<32, 10>>];

network! {
    /// Two convolutions, the first of them normalised, each halved by a maximum.
    type Convolutional = [8, 8, 1] => [
        Conv2d(8, 3),
        BatchNorm(Relu),
        MaxPool2d(2),
        Conv2d(16, 3, Relu),
        MaxPool2d(2),
        Flatten,
        Dense(10),
    ];
}

const BATCH: usize = 32;
const EPOCHS: usize = 30;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// Falls linearly to zero.
const LEARNING_RATE: f32 = 0.01;
/// Training images that are observed.
const OBSERVED: usize = 128;
/// The most that eight bits may cost.
const MOST_LOST: f64 = 0.005;

fn main() -> Result<(), Box<dyn Error>> {
    let images = Images::load();
    println!(
        "{} seeds, {EPOCHS} epochs in f32, ranges of {OBSERVED} training images, {}\n",
        SEEDS.count(),
        Isa::detect()
    );
    let lost = [
        quantize::<Perceptron>("64-32-10", &images, |pixels| *pixels)?,
        quantize::<Rounded>("64-32-10, aware", &images, |pixels| *pixels)?,
        quantize::<Convolutional>("convolutions", &images, |pixels| {
            std::array::from_fn(|y| std::array::from_fn(|x| [pixels[8 * y + x]]))
        })?,
    ];
    match lost.into_iter().find(|&lost| lost > MOST_LOST) {
        Some(lost) => Err(format!("eight bits cost {:.2} points of accuracy", 100.0 * lost).into()),
        None => Ok(()),
    }
}

/// Accuracies with one seed: in `f32`, then of eight bits with each way to choose ranges.
type Accuracies = [f64; 4];

/// Trains a network with every seed, quantises it, and prints what came of it. Returns the mean loss of accuracy with ranges
/// from the least to the largest number.
fn quantize<N>(
    name: &str,
    images: &Images,
    row: impl Fn(&[f32; 64]) -> N::Input,
) -> Result<f64, Box<dyn Error>>
where
    N: Train<Input: Plain, Output = [f32; 10]> + ToInt8 + Plain,
{
    let style = ProgressStyle::with_template("{msg} [{bar:50}] {percent}% {elapsed_precise}")?;
    let progress =
        ProgressBar::new((SEEDS.count() * EPOCHS) as u64).with_style(style).with_message(name.to_owned());
    let mut results: Vec<Accuracies> = Vec::new();
    let mut report = None;
    for seed in SEEDS {
        let mut rng = Rng::new(seed);
        let (count, mut order) = (images.labels.len(), vec![0_u16; images.labels.len()]);
        let [held_out, training] = data::split(&mut order, [count / 5, count - count / 5], &mut rng)?;
        let gather = |part: &[u16]| -> (Vec<N::Input>, Vec<u8>) {
            part.iter().map(|&i| (row(&images.pixels[usize::from(i)]), images.labels[usize::from(i)])).unzip()
        };
        let (xs, labels) = gather(held_out);
        let net = train::<N>(training, gather, &mut rng, || progress.inc(1))?;
        let (observed, _) = gather(&training[..OBSERVED]);

        let ranges = observe::<N, MinMax>(&net, &observed)?;
        let int8 = ranges.quantize(&net)?;
        results.push([
            accuracy(&net, &xs, &labels)?,
            accuracy(&int8, &xs, &labels)?,
            accuracy(&observe::<N, MovingAverage>(&net, &observed)?.quantize(&net)?, &xs, &labels)?,
            accuracy(&observe::<N, Percentile>(&net, &observed)?.quantize(&net)?, &xs, &labels)?,
        ]);
        if report.is_none() {
            let mut fidelity = Box::new(Fidelity::<N, BATCH>::new());
            fidelity.observe(&ranges, &net, &int8, &xs)?;
            report = Some((ranges, fidelity));
        }
    }
    progress.finish_and_clear();

    let mean = |column: usize| results.iter().map(|row| row[column]).sum::<f64>() / results.len() as f64;
    let percent = |x: f64| format!("{:.2}", 100.0 * x);
    let mut table = plain_table([name, "f32", "int8, min to max", "moving average", "percentile"]);
    for (seed, row) in SEEDS.zip(&results) {
        table.add_row([format!("seed {seed}, % right")].into_iter().chain(row.map(percent)));
    }
    table.add_row(["mean".into()].into_iter().chain((0..4).map(|column| percent(mean(column)))));
    let sizes = [size_of::<N>(), size_of::<N::Int8>()].map(|bytes| bytes.to_string());
    table.add_row(["bytes".to_owned()].into_iter().chain(sizes));
    println!("{table}");

    if let Some((ranges, fidelity)) = report {
        let mut table = plain_table(["first seed", "least", "largest", "signal to noise, dB"]);
        for ((name, [least, most]), line) in ranges.iter().zip(fidelity.lines()) {
            let cells =
                [name.into(), format!("{least:.2}"), format!("{most:.2}"), format!("{:.1}", line.decibels)];
            table.add_row(cells);
        }
        println!("{table}\nthe same digit for {:.2} % of the images\n", 100.0 * fidelity.agreement());
    }
    Ok(mean(0) - mean(1))
}

/// Numbers to the right.
fn plain_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn train<N: Train<Input: Plain, Output = [f32; 10]> + Plain>(
    training: &mut [u16],
    gather: impl Fn(&[u16]) -> (Vec<N::Input>, Vec<u8>),
    rng: &mut Rng,
    mut epoch_done: impl FnMut(),
) -> Result<N, fusebox::Error> {
    let mut net = N::he(rng);
    let mut workspace = Box::new(Workspace::<N, BATCH, Adam>::new());
    for epoch in 0..EPOCHS {
        let optimizer = Adam::new(LEARNING_RATE * (EPOCHS - epoch) as f32 / EPOCHS as f32);
        rng.shuffle(training);
        for batch in training.chunks(BATCH) {
            let (xs, labels) = gather(batch);
            workspace.train_step(&mut net, &xs, &labels, &optimizer)?;
        }
        epoch_done();
    }
    Ok(net)
}

fn observe<N: ToInt8, O: Observer>(net: &N, xs: &[N::Input]) -> Result<Ranges<N>, fusebox::Error> {
    let mut calibration = Box::new(Calibration::<N, BATCH, O>::new());
    calibration.observe(net, xs)?;
    calibration.ranges()
}

/// The part of rows whose largest output is the label.
fn accuracy<N: Layer<Output = [f32; 10]>>(
    net: &N,
    xs: &[N::Input],
    labels: &[u8],
) -> Result<f64, fusebox::Error> {
    let mut scratch = Box::new(Scratch::<N, BATCH>::new());
    evaluate(net, xs, labels, &mut scratch, &mut [[0.0; 10]; BATCH]).map(f64::from)
}
