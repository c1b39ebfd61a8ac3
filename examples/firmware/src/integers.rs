//! Digits learnt in whole numbers: the image of this program holds no floating point, not even in software.
//!
//! All instruction sets, of both classes, learn the same weights.

use crate::bits::Fnv1a;
use crate::board::{Board, Counter, Failure, Percent, say};
use crate::data::{COUNT, HELD_OUT, Order, rows, split};
use crate::recipe::{BATCH, CLASSES, FORWARD_MACS, PIXELS, SEEDS};
use crate::stack::Painted;
use core::hint::black_box;
use fusebox::int8::train::{Dense, Learn, Workspace};
use fusebox::{Error, Isa, Relu, Rng, Seq, Zeroed};
use static_cell::ConstStaticCell;

/// The same network as in `examples/integers.rs`.
pub(crate) type Net = Seq![Dense<PIXELS, 32, Relu>, Dense<32, CLASSES>];

const EPOCHS: u32 = 30;
/// 0.5 in 2^-16. Falls linearly to zero.
const RATE: u32 = 1 << 15;

/// The mean accuracy, in thousandths, below which something is broken.
const LEAST_ACCURACY: u32 = 940;

/// All memory of learning: all zeros, and so in `.bss`.
pub struct Integers {
    net: Net,
    workspace: Workspace<Net, BATCH>,
    order: Order,
    xs: [[i8; PIXELS]; BATCH],
    labels: [u8; BATCH],
}

impl Integers {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self {
            net: Net::ZEROED,
            workspace: Workspace::new(),
            order: [0; COUNT],
            xs: [[0; PIXELS]; BATCH],
            labels: [0; BATCH],
        }
    }

    /// Learns from nothing with each of five seeds; prints accuracies, their mean and a hash of all weights. Returns
    /// the mean accuracy in thousandths.
    pub fn learn<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<u32, Failure> {
        let (mut sum, mut hash) = (0, Fnv1a::new());
        for seed in SEEDS {
            let accuracy = self.learn_once(isa, seed)?;
            say!(board, "seed {seed} accuracy {}", Percent(accuracy));
            sum += accuracy;
            hash.add(self.net.as_bytes());
        }
        let mean = sum / SEEDS.count() as u32;
        say!(board, "held-out accuracy {} of {HELD_OUT} images, the mean", Percent(mean));
        say!(board, "weights fnv1a {:016x}", hash.finish());
        Ok(mean)
    }

    /// Returns the accuracy in thousandths. Everything random follows from `seed`.
    fn learn_once(&mut self, isa: Isa, seed: u64) -> Result<u32, Error> {
        let Self { net, workspace, order, xs, labels } = self;
        let mut rng = Rng::new(seed);
        let (held_out, training) = split(order, &mut rng);
        net.randomize(&mut rng);
        for epoch in 0..EPOCHS {
            let rate = RATE * (EPOCHS - epoch) / EPOCHS;
            rng.shuffle(training);
            for batch in training.chunks(BATCH) {
                let (xs, labels) = gather(batch, xs, labels);
                workspace.train_step_with(isa, net, xs, labels, rate, &mut rng)?;
            }
        }
        let mut right = 0;
        for batch in held_out.chunks(BATCH) {
            let (xs, labels) = gather(batch, xs, labels);
            right += workspace.correct(net, xs, labels)?;
        }
        Ok(((right * 1000 + HELD_OUT / 2) / HELD_OUT) as u32)
    }
}

impl Default for Integers {
    fn default() -> Self {
        Self::new()
    }
}

/// Copies the rows numbered in `numbers`: pixels of 0..=16, and labels.
fn gather<'a>(
    numbers: &[u16],
    xs: &'a mut [[i8; PIXELS]; BATCH],
    labels: &'a mut [u8; BATCH],
) -> (&'a [[i8; PIXELS]], &'a [u8]) {
    for ((x, label), [pixels @ .., what]) in xs.iter_mut().zip(&mut *labels).zip(rows(numbers)) {
        *x = pixels.map(|pixel| pixel as i8);
        *label = *what;
    }
    (xs.get(..numbers.len()).unwrap_or_default(), labels.get(..numbers.len()).unwrap_or_default())
}

static INTEGERS: ConstStaticCell<Integers> = ConstStaticCell::new(Integers::new());

/// Learns; prints what [`Integers::learn`] does, RAM, how deep the stack went, and instructions.
pub fn integers<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let integers = INTEGERS.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let isa = Isa::detect();

    let mut accuracy = Err(Failure::Restarted);
    let stack = B::stack(&mut || accuracy = integers.learn(board, isa));
    let accuracy = accuracy?;
    say!(board, "RAM parameters {} B", size_of::<Net>());
    say!(board, "RAM workspace {} B", Workspace::<Net, BATCH>::BYTES);
    say!(board, "stack {stack} B");

    let Integers { net, workspace, order, xs, labels } = integers;
    let mut rng = Rng::new(1);
    for count in [BATCH, 1] {
        let (xs, labels) = gather(order.get(..black_box(count)).unwrap_or_default(), xs, labels);
        let mut result = Ok(0);
        let instructions = counter.instructions(board, || {
            result = workspace.train_step_with(isa, net, xs, labels, RATE, &mut rng)
        })?;
        result?;
        let macs = FORWARD_MACS * count as u64;
        let hundredths = instructions * 100 / macs.max(1);
        say!(
            board,
            "instructions train-step-{count} {instructions} ({}.{:02} per forward MAC)",
            hundredths / 100,
            hundredths % 100
        );
    }
    let (xs, labels) = gather(order.get(..black_box(1)).unwrap_or_default(), xs, labels);
    let mut result = Ok(0);
    let instructions = counter.instructions(board, || result = workspace.correct(net, xs, labels))?;
    result?;
    say!(board, "instructions inference {instructions}");
    if accuracy < LEAST_ACCURACY { Err(Failure::Accuracy(accuracy)) } else { Ok(()) }
}
