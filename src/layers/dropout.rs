//! Dropout.

use super::{InputGradient, Layer, Linear, PerRow, Train};
use crate::memory::{count, layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::rng::stream_seed;
use crate::{Isa, Rng, plain};

/// In training, sets each number to zero with a probability of `PERCENT` hundredths and scales the others so that the
/// mean is unchanged. In inference, does nothing.
///
/// Which numbers are dropped is determined by `SEED`, the row's position in its batch, the block of a
/// [`Repeat`](super::Repeat) and the number of steps made in the workspace, and is the same on every machine. Give
/// each dropout layer of a network its own seed. Inside an [`Each`](super::Each), each position is a row. At 100 and
/// more, everything is dropped. Validation and input gradients use no dropout and do not change the number of steps.
///
/// Source: N. Srivastava and others, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
///
/// ```
/// use fusebox::{Dense, Dropout, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Dense<2, 16, Relu>, Dropout<16, 25>, Dense<16, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 1>::new();
/// let mut loss = || workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.0));
/// assert_ne!(loss()?, loss()?); // other numbers were dropped
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Dropout<const N: usize, const PERCENT: u32, const SEED: u64 = 0>;

plain!([const N: usize, const PERCENT: u32, const SEED: u64] Dropout<N, PERCENT, SEED> {});

/// The seed of the generator for a row, the low half first. It is odd; zero means that nothing is dropped.
type Key = [u32; 2];

impl<const N: usize, const PERCENT: u32, const SEED: u64> Dropout<N, PERCENT, SEED> {
    /// The scale of the numbers that are not dropped.
    const FACTOR: f32 = if PERCENT < 100 { 100.0 / (100 - PERCENT) as f32 } else { 0.0 };

    /// The key of a row for a step and a block. Each has its own stream, so a row does not depend on the number of
    /// rows.
    fn key(step: u64, block: u32, row: usize) -> Key {
        let seed = stream_seed(stream_seed(SEED, step), u64::from(block) << 32 | row as u64) | 1;
        [seed as u32, (seed >> 32) as u32]
    }

    /// Overwrites `ys` with `xs` after dropout by `keys`. Used for outputs and for gradients.
    fn drop(keys: &[Key], xs: &[[f32; N]], ys: &mut [[f32; N]]) {
        for ((&[low, high], x), y) in keys.iter().zip(xs).zip(ys) {
            if low == 0 {
                *y = *x;
                continue;
            }
            let mut rng = Rng::new(u64::from(high) << 32 | u64::from(low));
            for (x, y) in x.iter().zip(y) {
                *y = if rng.below(100) < PERCENT { 0.0 } else { x * Self::FACTOR };
            }
        }
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> Layer for Dropout<N, PERCENT, SEED> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    fn run(&self, _: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            ys.copy_from_slice(xs);
        }
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> PerRow for Dropout<N, PERCENT, SEED> {}

/// Units are rows of the batch.
impl<const N: usize, const PERCENT: u32, const SEED: u64> Train for Dropout<N, PERCENT, SEED> {
    type Tape = Key;
    type Gradients = ();
    /// Number of steps made.
    type Memory = [u32; 2];
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("Dropout", &[N as u64, PERCENT as u64, SEED]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        steps: Option<&[u32; 2]>,
        keys: &mut [Key],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), FUNCTION * N);
        let (block, keys) = (*pace.block(), part_mut(keys, &rows));
        match steps {
            Some(steps) => {
                let step = count(&mut steps.clone());
                for (row, key) in rows.clone().zip(&mut *keys) {
                    *key = Self::key(step, block, row);
                }
            }
            None => keys.fill([0; 2]),
        }
        Self::drop(keys, part(xs, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[f32; N]],
        keys: &[Key],
        dys: &[[f32; N]],
        _: &mut [()],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), FUNCTION * N);
        let (keys, dys) = (part(keys, &rows), part(dys, &rows));
        dx.rows(&rows).write(pace.isa(), |dxs| Self::drop(keys, dys, dxs));
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, _: &[[f32; N]], _: &[Key], steps: &mut [u32; 2]) {
        if pace.take_whole(1) {
            count(steps);
        }
    }
}
