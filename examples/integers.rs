//! Learns to read handwritten digits in whole numbers: weights of eight bits, no floating point in any step, once for
//! each of five seeds; beside it the same network in `f32` from the same images, order and rates. Both are judged by
//! the fifth of the images held out, the first one as a network of [`fusebox::int8`] layers.
//!
//! ```text
//! cargo run --release --example integers
//! ```
//!
//! Expect about 96.8 %, and 97.2 % in `f32`. Exits with status 1 if the mean accuracy is below 94 %. The data: E.
//! Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, 1998, CC BY 4.0; more in
//! `examples/data/README.md`.

use comfy_table::{CellAlignment, Table, presets};
use fusebox::int8::train::{self, Learn};
use fusebox::{
    Dense, Init, Isa, Layer, Plain, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed, data, evaluate,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;

const PIXELS: usize = 64;
const CLASSES: usize = 10;

type Integers = Seq![train::Dense<PIXELS, 32, Relu>, train::Dense<32, CLASSES>];
type Singles = Seq![Dense<PIXELS, 32, Relu>, Dense<32, CLASSES>];

const BATCH: usize = 32;
const EPOCHS: u32 = 30;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// 0.5 in 2^-16. Falls linearly to zero.
const RATE: u32 = 1 << 15;
/// Below this mean accuracy something is broken.
const LEAST_ACCURACY: f64 = 0.94;

fn main() -> Result<(), Box<dyn Error>> {
    let images = Images::load();
    println!("64-32-10, batches of {BATCH}, {EPOCHS} epochs, {}\n", Isa::detect());
    let style = ProgressStyle::with_template("[{bar:50}] {percent}% {elapsed_precise}")?;
    let progress = ProgressBar::new(SEEDS.count() as u64).with_style(style);
    let mut results = Vec::new();
    for seed in SEEDS {
        results.push(learn(&images, seed)?);
        progress.inc(1);
    }
    progress.finish_and_clear();

    let mean = |column: usize| results.iter().map(|row| row[column]).sum::<f64>() / results.len() as f64;
    let percent = |x: f64| format!("{:.2}", 100.0 * x);
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["images held out", "integers", "f32"]);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    for (seed, row) in SEEDS.zip(&results) {
        table.add_row([format!("seed {seed}, % right")].into_iter().chain(row.map(percent)));
    }
    table.add_row(["mean".into(), percent(mean(0)), percent(mean(1))]);
    let bytes = |name: &str, integers: usize, singles: usize| {
        [name.into(), integers.to_string(), singles.to_string()]
    };
    table.add_row(bytes("bytes of parameters", size_of::<Integers>(), size_of::<Singles>()));
    let workspaces = [train::Workspace::<Integers, BATCH>::BYTES, size_of::<Workspace<Singles, BATCH>>()];
    table.add_row(bytes("bytes of the workspace", workspaces[0], workspaces[1]));
    println!("{table}");
    if mean(0) < LEAST_ACCURACY {
        return Err(format!("the mean accuracy {:.3} is below {LEAST_ACCURACY}", mean(0)).into());
    }
    Ok(())
}

/// The pixels as they are, from 0 to 16: sixteenths.
struct Images {
    pixels: Vec<[i8; PIXELS]>,
    labels: Vec<u8>,
}

impl Images {
    fn load() -> Self {
        let (rows, _) = include_bytes!("data/digits.bin").as_chunks::<{ PIXELS + 1 }>();
        Self {
            pixels: rows.iter().map(|row| std::array::from_fn(|i| row[i] as i8)).collect(),
            labels: rows.iter().map(|row| row[PIXELS]).collect(),
        }
    }

    /// The images numbered so, each pixel as `pixel` says, and what they show.
    fn gather<T>(&self, numbers: &[u16], pixel: impl Fn(i8) -> T) -> (Vec<[T; PIXELS]>, Vec<u8>) {
        let image = |&i: &u16| (self.pixels[usize::from(i)].map(&pixel), self.labels[usize::from(i)]);
        numbers.iter().map(image).unzip()
    }
}

/// The accuracies in whole numbers and in `f32`. Everything random follows from `seed`.
fn learn(images: &Images, seed: u64) -> Result<[f64; 2], Box<dyn Error>> {
    let mut rng = Rng::new(seed);
    let (count, mut order) = (images.labels.len(), vec![0_u16; images.labels.len()]);
    let [held_out, training] = data::split(&mut order, [count / 5, count - count / 5], &mut rng)?;
    let net = integers(images, &mut training.to_vec(), &mut rng.clone())?;
    let (xs, labels) = images.gather(held_out, |pixel| pixel);
    let right = right(&net, &xs, &labels)?;
    let net = singles(images, training, &mut rng)?;
    let (xs, labels) = images.gather(held_out, |pixel| f32::from(pixel) / 16.0);
    let (mut scratch, mut ys) = (Scratch::<_, BATCH>::new(), [[0.0; CLASSES]; BATCH]);
    let accuracy = evaluate(&net, &xs, &labels, &mut scratch, &mut ys)?;
    Ok([right as f64 / labels.len() as f64, accuracy.into()])
}

/// Trains in whole numbers; returns the network for inference.
fn integers(
    images: &Images,
    training: &mut [u16],
    rng: &mut Rng,
) -> Result<<Integers as Learn>::Int8, fusebox::Error> {
    let mut net = Integers::ZEROED;
    net.randomize(rng);
    let mut workspace = train::Workspace::<Integers, BATCH>::new();
    for epoch in 0..EPOCHS {
        let rate = RATE * (EPOCHS - epoch) / EPOCHS;
        rng.shuffle(training);
        for batch in training.chunks(BATCH) {
            let (xs, labels) = images.gather(batch, |pixel| pixel);
            workspace.train_step(&mut net, &xs, &labels, rate, rng)?;
        }
    }
    Ok(net.to_int8())
}

/// The same in `f32`.
fn singles(images: &Images, training: &mut [u16], rng: &mut Rng) -> Result<Singles, fusebox::Error> {
    let mut net = Singles::ZEROED;
    net.init(Init::He, rng);
    let mut workspace = Workspace::<Singles, BATCH>::new();
    for epoch in 0..EPOCHS {
        let rate = RATE as f32 / 65_536.0 * (EPOCHS - epoch) as f32 / EPOCHS as f32;
        rng.shuffle(training);
        for batch in training.chunks(BATCH) {
            let (xs, labels) = images.gather(batch, |pixel| f32::from(pixel) / 16.0);
            workspace.train_step(&mut net, &xs, &labels, &Sgd::new(rate))?;
        }
    }
    Ok(net)
}

/// How many rows' largest output is the label's.
fn right<N>(net: &N, xs: &[N::Input], labels: &[u8]) -> Result<usize, fusebox::Error>
where
    N: Layer<Input: Plain, Output = [i8; CLASSES]>,
{
    let (mut scratch, mut right) = (Scratch::<N, 1>::new(), 0);
    for (x, &label) in xs.iter().zip(labels) {
        let mut ys = [[0; CLASSES]];
        net.infer(std::slice::from_ref(x), &mut scratch, &mut ys)?;
        let [y] = ys;
        // The first of equal ones.
        let largest = y.iter().max().copied();
        right += usize::from(y.iter().position(|&y| Some(y) == largest) == Some(label.into()));
    }
    Ok(right)
}
