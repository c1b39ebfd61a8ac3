//! Eight bits: fully connected layers of one row, and of sixteen, as a convolution of 1 x 1 on as many pixels is; a frame of a long
//! short-term memory; other layers and whole networks in `tiny`.

pub(super) mod tiny;

use super::{Bench, Work};
use crate::board::{Board, Failure};
use core::hint::black_box;
use core::marker::PhantomData;
use fusebox::int8::{Clamp, Dense, Lstm, Multiplier};
use fusebox::{Error, Layer, Rng, Scratch, Streaming};

/// A layer in flash, with its rows. Its weights are zeros, for no instruction depends on them.
#[derive(Debug)]
struct Case<const ROWS: usize, const IN: usize, const OUT: usize> {
    layer: &'static Dense<IN, OUT>,
    xs: [[i8; IN]; ROWS],
    ys: [[i8; OUT]; ROWS],
}

static SMALL: Dense<64, 32> = layer();
static LARGE: Dense<784, 128> = layer();
static POINTWISE: Dense<64, 64> = layer();

static RECURRENT: Lstm<1, 28, 20> = Lstm {
    bias: [[0; 20]; 4],
    recurrent_bias: [[0; 20]; 4],
    input_scale: [SCALE; 4],
    recurrent_scale: [SCALE; 4],
    output_scale: Multiplier { mantissa: 1 << 30, exponent: -22 },
    bits: 11,
    clip: 10 << 11,
    zero: -3,
    input: [[[3; 28]; 20]; 4],
    recurrent: [[[-2; 20]; 20]; 4],
};

const SCALE: Multiplier = Multiplier { mantissa: 0x5555_5555, exponent: -2 };

const fn layer<const IN: usize, const OUT: usize>() -> Dense<IN, OUT> {
    Dense { bias: [0; OUT], scale: scale(), weight: [[0; IN]; OUT], clamp: clamp(), rounding: PhantomData }
}

const fn scale<const OUT: usize>() -> [Multiplier; OUT] {
    [Multiplier { mantissa: 0x5555_5555, exponent: -9 }; OUT]
}

const fn clamp() -> Clamp {
    Clamp { zero: -3, least: -128, most: 127 }
}

impl<const ROWS: usize, const IN: usize, const OUT: usize> Case<ROWS, IN, OUT> {
    const fn new(layer: &'static Dense<IN, OUT>) -> Self {
        Self { layer, xs: [[0; IN]; ROWS], ys: [[0; OUT]; ROWS] }
    }

    fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { layer, xs, ys } = self;
        let layer = black_box(*layer);
        xs.as_flattened_mut().iter_mut().for_each(|q| *q = rng.next_u32() as i8);
        let xs = xs.get(..black_box(ROWS)).unwrap_or_default();
        bench.case(
            format_args!("int8 dense {IN}-{OUT}, rows {ROWS}"),
            Work::Macs(ROWS * IN * OUT),
            &mut || infer(layer, xs, ys),
        )
    }
}

#[inline(never)]
fn infer<const ROWS: usize, const IN: usize, const OUT: usize>(
    layer: &Dense<IN, OUT>,
    xs: &[[i8; IN]],
    ys: &mut [[i8; OUT]; ROWS],
) -> Result<(), Error> {
    layer.infer(xs, &mut Scratch::<_, ROWS>::new(), ys)
}

pub(super) struct Memory {
    small: Case<1, 64, 32>,
    large: Case<1, 784, 128>,
    pointwise: Case<16, 64, 64>,
    recurrent: Streaming<Lstm<1, 28, 20>>,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            small: Case::new(&SMALL),
            large: Case::new(&LARGE),
            pointwise: Case::new(&POINTWISE),
            recurrent: Streaming::new(),
        }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        self.small.run(bench)?;
        self.large.run(bench)?;
        self.pointwise.run(bench)?;
        let (layer, stream) = (black_box(&RECURRENT), &mut self.recurrent);
        bench.case(
            format_args!("int8 lstm 28-20, a frame"),
            Work::Macs(Lstm::<1, 28, 20>::MACS as usize),
            &mut || {
                push(layer, stream);
                Ok(())
            },
        )
    }
}

#[inline(never)]
fn push(layer: &Lstm<1, 28, 20>, stream: &mut Streaming<Lstm<1, 28, 20>>) {
    black_box(stream.push(layer, &black_box([9; 28])));
}
