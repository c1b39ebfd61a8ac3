//! Networks learn to read digits in `f32` on the board and become networks of eight bits there: once for each of five seeds, and
//! what eight bits cost is told on all the images held out.
//!
//! Ranges come from the first training images. The lines up to the hash are the same on all boards and instruction sets of a class.

use crate::bits::Fnv1a;
use crate::board::{Board, Failure, Percent, say};
use crate::data::{COUNT, HELD_OUT, Order, Row, rows, split, stage};
use crate::recipe::{CLASSES, Digits, SEEDS};
use crate::stack::Painted;
use core::slice::from_ref;
use fusebox::int8::{Calibration, Quantized, ToInt8};
use fusebox::{
    Adam, BatchNorm, Conv2d, Dense, Init, Isa, MaxPool2d, Plain, Relu, Rng, Scratch, Train, Workspace,
    Zeroed, argmax, network,
};
use static_cell::ConstStaticCell;

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

const BATCH: usize = 4;
/// Falls linearly to zero, epoch by epoch.
const LEARNING_RATE: f32 = 0.01;
/// Training images that are observed.
const OBSERVED: usize = 128;
/// What eight bits may cost, in tenths of a percent, on average over the seeds.
const MOST_LOST: u32 = 5;

/// All memory of a network: to learn, to be observed, to be run with eight bits.
struct Study<N: Train<Input: Plain, Output = [f32; CLASSES]> + ToInt8> {
    net: N,
    workspace: Workspace<N, BATCH, Adam>,
    calibration: Calibration<N, 1>,
    real: Scratch<N, 1>,
    int8: Scratch<Quantized<N>, 1>,
}

/// How many of the images held out were read, in `f32` and with eight bits.
#[derive(Clone, Copy, Default)]
struct Right {
    real: u32,
    int8: u32,
}

impl<N: Train<Input: Plain, Output = [f32; CLASSES]> + ToInt8 + Zeroed> Study<N> {
    const fn new() -> Self {
        Self {
            net: N::ZEROED,
            workspace: Workspace::new(),
            calibration: Calibration::new(),
            real: Scratch::new(),
            int8: Scratch::new(),
        }
    }

    /// Learns and quantises with every seed, prints a line for each and the means, and adds the outputs of eight bits to the hash.
    /// Fails if these cost too much.
    fn run<B: Board>(
        &mut self,
        board: &mut B,
        isa: Isa,
        order: &mut Order,
        epochs: u8,
        fill: fn(&mut N::Input, &Row) -> u8,
        hash: &mut Fnv1a,
    ) -> Result<(), Failure> {
        let mut all = Right::default();
        for seed in SEEDS {
            let mut rng = Rng::new(seed);
            let (held_out, training) = split(order, &mut rng);
            self.learn(isa, training, epochs, fill, &mut rng)?;
            let right = self.judge(isa, training, held_out, fill, hash)?;
            all = Right { real: all.real + right.real, int8: all.int8 + right.int8 };
            say!(board, "seed {seed} f32 {} int8 {}", share(right.real, 1), share(right.int8, 1));
        }
        let count = SEEDS.count() as u32;
        let (real, int8) = (share(all.real, count), share(all.int8, count));
        say!(board, "mean f32 {real} int8 {int8} of {HELD_OUT} images");
        if real.0.saturating_sub(int8.0) > MOST_LOST { Err(Failure::Accuracy(int8.0)) } else { Ok(()) }
    }

    /// Trains a new network.
    fn learn(
        &mut self,
        isa: Isa,
        training: &mut [u16],
        epochs: u8,
        fill: fn(&mut N::Input, &Row) -> u8,
        rng: &mut Rng,
    ) -> Result<(), Failure> {
        self.net.init(Init::He, rng);
        self.workspace.reset_optimizer();
        for epoch in 0..epochs {
            rng.shuffle(training);
            let optimizer = Adam::new(LEARNING_RATE * f32::from(epochs - epoch) / f32::from(epochs));
            for batch in training.chunks(BATCH) {
                let mut stage = self.workspace.stage();
                for row in rows(batch) {
                    let [.., label] = row;
                    stage.push(*label, |x| {
                        fill(x, row);
                    })?;
                }
                stage.on(isa).train_step(&mut self.net, &optimizer)?;
            }
        }
        Ok(())
    }

    /// Quantises the network by what it shows on training images, and judges both.
    fn judge(
        &mut self,
        isa: Isa,
        training: &[u16],
        held_out: &[u16],
        fill: fn(&mut N::Input, &Row) -> u8,
        hash: &mut Fnv1a,
    ) -> Result<Right, Failure> {
        let mut x = N::Input::ZEROED;
        self.calibration = Calibration::new();
        for row in rows(training).take(OBSERVED) {
            fill(&mut x, row);
            self.calibration.observe_with(isa, &self.net, from_ref(&x))?;
        }
        let int8 = self.calibration.ranges()?.quantize(&self.net)?;

        let mut right = Right::default();
        let mut y = [[0.0; CLASSES]];
        for row in rows(held_out) {
            let label = usize::from(fill(&mut x, row));
            self.net.infer_with(isa, from_ref(&x), &mut self.real, &mut y)?;
            right.real += u32::from(argmax(&y[0]) == label);
            int8.infer_with(isa, from_ref(&x), &mut self.int8, &mut y)?;
            right.int8 += u32::from(argmax(&y[0]) == label);
            for y in y[0] {
                hash.add(&y.to_bits().to_le_bytes());
            }
        }
        Ok(right)
    }
}

/// The part of the images held out, over so many seeds.
fn share(right: u32, seeds: u32) -> Percent {
    let all = HELD_OUT as u32 * seeds;
    Percent((right * 1000 + all / 2) / all)
}

/// All memory: all zeros, and so in `.bss`.
pub struct Quantizing {
    dense: Study<Digits>,
    convolutional: Study<Convolutional>,
    order: Order,
}

impl Quantizing {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { dense: Study::new(), convolutional: Study::new(), order: [0; COUNT] }
    }

    /// Trains and quantises both networks; prints the class of the instruction set, accuracies, and a hash of all outputs of eight
    /// bits.
    pub fn run<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        let Self { dense, convolutional, order } = self;
        let mut hash = Fnv1a::new();
        say!(board, "class {}", if isa.is_fused() { "fused" } else { "not fused" });
        say!(board, "64-32-10");
        dense.run(board, isa, order, 10, stage, &mut hash)?;
        say!(board, "two convolutions");
        convolutional.run(board, isa, order, 3, stage_picture, &mut hash)?;
        say!(board, "weights fnv1a {:016x}", hash.finish());
        Ok(())
    }
}

impl Default for Quantizing {
    fn default() -> Self {
        Self::new()
    }
}

/// [`stage`], in lines of pixels.
fn stage_picture(x: &mut [[[f32; 1]; 8]; 8], row: &Row) -> u8 {
    let [pixels @ .., label] = row;
    for (x, &pixel) in x.as_flattened_mut().as_flattened_mut().iter_mut().zip(pixels) {
        *x = f32::from(pixel) / 16.0;
    }
    *label
}

static QUANTIZING: ConstStaticCell<Quantizing> = ConstStaticCell::new(Quantizing::new());

/// Prints what [`Quantizing::run`] does, and how deep the stack went.
pub fn quantize<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let memory = QUANTIZING.try_take().ok_or(Failure::Restarted)?;
    let mut result = Err(Failure::Restarted);
    let stack = B::stack(&mut || result = memory.run(board, Isa::detect()));
    result?;
    say!(board, "stack {stack} B");
    Ok(())
}
