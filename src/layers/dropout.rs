//! Dropout.

use super::{FUNCTION, Init, InputGradient, Layer, PerSample, Slice, Sliced, Train, part, part_mut};
use crate::{Isa, Optimizer, Plain, Rng, Zeroed};

/// While training, makes each number zero with a probability of `PERCENT` hundredths, and multiplies those that are left
/// so that their mean stays what it was. Running a network, it does nothing.
///
/// Which numbers fall out follows from `SEED`, the row's place in its batch and the number of steps made in the
/// workspace, and is the same on every machine. Give each of a network's dropouts a seed of its own. At 100 and more,
/// everything falls out.
///
/// Source: N. Srivastava and others, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
///
/// ```
/// use fusebox::{Dense, Dropout, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Dense<2, 16, Relu>, Dropout<16, 25>, Dense<16, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 1>::new();
/// let mut loss = || workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.0));
/// assert_ne!(loss()?, loss()?); // other numbers fell out
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Dropout<const N: usize, const PERCENT: u32, const SEED: u64 = 0>;

impl<const N: usize, const PERCENT: u32, const SEED: u64> Zeroed for Dropout<N, PERCENT, SEED> {
    const ZEROED: Self = Self;
}

// SAFETY: no fields.
unsafe impl<const N: usize, const PERCENT: u32, const SEED: u64> Plain for Dropout<N, PERCENT, SEED> {}

impl<const N: usize, const PERCENT: u32, const SEED: u64> Dropout<N, PERCENT, SEED> {
    /// What the numbers that are left are multiplied by.
    const FACTOR: f32 = if PERCENT < 100 { 100.0 / (100 - PERCENT) as f32 } else { 0.0 };

    /// Overwrites `ys` with what is left of `xs`, rows from `first` on, at the step given. The same for the outputs and for
    /// their gradients.
    fn fall_out(step: u64, first: usize, xs: &[[f32; N]], ys: &mut [[f32; N]]) {
        for (row, (x, y)) in (first..).zip(xs.iter().zip(ys)) {
            // A stream of its own for each row, so that a row does not know how many there are.
            let mut rng = Rng::new(SEED ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (row as u64) << 40);
            for (x, y) in x.iter().zip(y) {
                *y = if rng.below(100) < PERCENT { 0.0 } else { x * Self::FACTOR };
            }
        }
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> Layer for Dropout<N, PERCENT, SEED> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    fn run(&self, _: Isa, xs: &[[f32; N]], _scratch: [&mut [f32]; 2], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            ys.copy_from_slice(xs);
        }
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> Train for Dropout<N, PERCENT, SEED> {
    /// Steps made.
    type Tape<const B: usize> = u64;
    type Gradients<const B: usize> = ();
    type State<O: Optimizer> = ();

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<const B: usize>(&self, _: Isa, xs: &[[f32; N]], step: &mut u64, ys: &mut [[f32; N]]) {
        *step = step.wrapping_add(1);
        Self::fall_out(*step, 0, xs, ys);
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        _: &[[f32; N]],
        step: &u64,
        dys: &[[f32; N]],
        (): &mut (),
        dx: InputGradient<'_, [f32; N]>,
    ) {
        dx.write(isa, |dxs| Self::fall_out(*step, 0, dys, dxs));
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        _: Isa,
        _: &[[f32; N]],
        _: &u64,
        _: &[[f32; N]],
        (): &(),
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> Sliced for Dropout<N, PERCENT, SEED> {
    fn forward_slice<const B: usize>(
        &self,
        _: Isa,
        slice: &mut Slice,
        xs: &[[f32; N]],
        step: &mut u64,
        ys: &mut [[f32; N]],
    ) {
        let rows = slice.take(xs.len(), FUNCTION * N);
        if rows.start == 0 && !rows.is_empty() {
            *step = step.wrapping_add(1);
        }
        Self::fall_out(*step, rows.start, part(xs, &rows), part_mut(ys, &rows));
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        _: &[[f32; N]],
        step: &u64,
        dys: &[[f32; N]],
        (): &mut (),
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = slice.take(dx.wanted(dys.len()), FUNCTION * N);
        dx.rows(&rows).write(isa, |dxs| Self::fall_out(*step, rows.start, part(dys, &rows), dxs));
    }
}

impl<const N: usize, const PERCENT: u32, const SEED: u64> PerSample for Dropout<N, PERCENT, SEED> {
    fn add_norms<const B: usize>(
        &self,
        _: Isa,
        _: &[[f32; N]],
        _: &u64,
        _: &[[f32; N]],
        (): &(),
        _: &mut [f32],
    ) {
    }

    fn scale_rows<const B: usize>(_: &[f32], (): &mut ()) {}
}
