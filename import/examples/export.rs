//! A network of two convolutions learns handwritten digits in `f32`, is quantised by what 128 training images show of its ranges, and
//! is written as a file of TensorFlow Lite. Prints both accuracies on the fifth of the images held out, and the file's operators.
//!
//! ```text
//! cargo run --release --example export -- digits.tflite
//! ```
//!
//! The data: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, 1998, CC BY 4.0; more in
//! `examples/data/README.md`.

use fusebox::int8::Calibration;
use fusebox::layers::arena::view;
use fusebox::{
    Adam, BatchNorm, Conv2d, Dense, Layer, MaxPool2d, Relu, Rng, Scratch, Workspace, evaluate, network,
};
use fusebox_import::{Ends, Network, export};
use std::error::Error;

#[path = "../../examples/support/digits.rs"]
mod digits;

network! {
    type Net = [8, 8, 1] => [
        Conv2d(8, 3),
        BatchNorm(Relu),
        MaxPool2d(2),
        Conv2d(16, 3, Relu),
        MaxPool2d(2),
        Flatten,
        Dense(10),
    ];
}

type Image = <Net as Layer>::Input;

const BATCH: usize = 32;
const EPOCHS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: export FILE.tflite")?;
    let images = digits::Images::load();
    let pictures: &[Image] = view(&images.pixels, images.pixels.len());
    let (held_out, training) = pictures.split_at(pictures.len() / 5);
    let (held_out_labels, labels) = images.labels.split_at(held_out.len());

    let net = train(training, labels)?;
    let mut calibration = Calibration::<Net, BATCH>::new();
    calibration.observe(&net, &training[..128])?;
    let ranges = calibration.ranges()?;
    std::fs::write(&path, export(&ranges, &net, Ends::Int8)?)?;

    let accuracies = [
        accuracy(&net, held_out, held_out_labels)?,
        accuracy(&ranges.quantize(&net)?, held_out, held_out_labels)?,
    ];
    println!("f32 {:.2} %, int8 {:.2} %\n", 100.0 * accuracies[0], 100.0 * accuracies[1]);
    println!("{path}\n{}", Network::read(&std::fs::read(&path)?, &Default::default())?);
    Ok(())
}

fn train(xs: &[Image], labels: &[u8]) -> Result<Net, fusebox::Error> {
    let mut rng = Rng::new(1);
    let mut net = Net::he(&mut rng);
    let mut workspace = Box::new(Workspace::<Net, BATCH, Adam>::new());
    let mut order: Vec<usize> = (0..xs.len()).collect();
    for epoch in 0..EPOCHS {
        let optimizer = Adam::new(0.01 * (EPOCHS - epoch) as f32 / EPOCHS as f32);
        rng.shuffle(&mut order);
        for rows in order.chunks(BATCH) {
            let (xs, labels): (Vec<_>, Vec<_>) = rows.iter().map(|&i| (xs[i], labels[i])).unzip();
            workspace.train_step(&mut net, &xs, &labels, &optimizer)?;
        }
    }
    Ok(net)
}

/// The part of images whose largest output is the label.
fn accuracy<N: Layer<Input = Image, Output = [f32; 10]>>(
    net: &N,
    xs: &[Image],
    labels: &[u8],
) -> Result<f32, fusebox::Error> {
    evaluate(net, xs, labels, &mut Scratch::<N, BATCH>::new(), &mut [[0.0; 10]; BATCH])
}
