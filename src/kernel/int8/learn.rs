//! Training in whole numbers: errors through a product of eight bits, and gradients into its weights.
//!
//! ```text
//! x, y    8 bits     in sixteenths
//! dy      16 bits    in 2^-15
//! w       8 bits     in 2^-shift
//! b       32 bits    in 2^-shift sixteenths, as the sums of products are
//!
//! dx = round(W^T dy / 2^shift)                       half up; sums of 32 bits
//! w  = clamp(w - floor(factor dy^T x + u))           dy^T x: over the batch, 32 bits
//! b  = clamp(b - floor(factor 2^8 sum(dy) + u))      2^8: of an input of 16 sixteenths, in units that are 16 times as small
//! ```
//!
//! `u` is uniform in [0, 1) and another for each weight: stochastic rounding (S. Gupta and others, "Deep Learning with Limited
//! Numerical Precision", 2015). A change of a tenth of a unit is one unit in a tenth of the cases, so small changes are right on
//! average and not lost.
//!
//! ```text
//! for every four weights of an output, in the order of memory
//!     sums = 0
//!     for every row of the batch: sums += dy[row][output] * x[row][input..input + 4]     unless dy is 0
//!     change the four weights
//! ```
//!
//! No sum wraps if it has at most [`MOST`] terms: 512 2^7 (2^15 - 1) < 2^31.

use core::iter::zip;

/// The most rows of a batch, and the most outputs of a layer.
pub(crate) const MOST: usize = 512;

/// The largest magnitude of a bias. With as much from 2^16 products, a sum of 32 bits does not wrap.
const MOST_BIAS: i64 = (1 << 30) - 1;

/// An error of 16 bits; not -2^15, or [`MOST`] terms would wrap.
#[inline(always)]
pub(crate) fn error(x: i32) -> i16 {
    x.max(-i32::from(i16::MAX)).min(i16::MAX.into()) as i16
}

/// Sets the errors to zero that no change of the weights reduces: of an output at the end of its range, which should go further,
/// and of a rectified one at zero.
pub(crate) fn gate(rectified: bool, ys: &[i8], dys: &mut [i16]) {
    for (&y, dy) in ys.iter().zip(dys) {
        let stuck = match y {
            i8::MAX => *dy < 0,
            i8::MIN => *dy > 0,
            _ => rectified && y <= 0,
        };
        if stuck {
            *dy = 0;
        }
    }
}

/// A layer's sizes.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Inputs of a row.
    pub depth: usize,
    /// Outputs of a row.
    pub outputs: usize,
    /// A weight is in units of 2^-shift.
    pub shift: u32,
}

impl Sizes {
    /// How many rows there are, if lengths match, a row is not empty, and sums fit.
    fn rows(&self, weights: usize, inputs: usize, errors: usize) -> Option<usize> {
        let rows = inputs.checked_div(self.depth)?;
        (rows <= MOST
            && self.outputs <= MOST
            && self.depth.checked_mul(self.outputs) == Some(weights)
            && self.depth.checked_mul(rows) == Some(inputs)
            && self.outputs.checked_mul(rows) == Some(errors))
        .then_some(rows)
    }

    /// Overwrites the rows of `dxs`: `dx = round(W^T dy / 2^shift)`. `weight` is in the order of tiles. Nothing happens unless all
    /// lengths match.
    pub(crate) fn backward(&self, weight: &[i8], mut dys: &[i16], mut dxs: &mut [i16]) {
        if self.rows(weight.len(), dxs.len(), dys.len()).is_none() {
            return;
        }
        let whole = self.depth / 4 * 4;
        let scaled = |sum: i32| error(sum.wrapping_add((1 << self.shift) >> 1) >> self.shift);
        while let (Some(dy), Some(dx)) = (dys.split_off(..self.outputs), dxs.split_off_mut(..self.depth)) {
            let (quads, rest) = dx.as_chunks_mut::<4>();
            for (quad, i) in zip(quads, (0..).step_by(4)) {
                *quad = self.products(weight, dy, i, [4 * i, 4]).map(scaled);
            }
            for (dx, i) in zip(rest, 0..) {
                let [sum] = self.products(weight, dy, whole + i, [4 * whole + i, self.depth - whole]);
                *dx = scaled(sum);
            }
        }
    }

    /// Of the `W` inputs from the given one on, the sums over the outputs of `dy w`. In a group of four outputs the weights of the
    /// first are at `start`, those of the next `step` further.
    #[inline(always)]
    fn products<const W: usize>(
        &self,
        mut weight: &[i8],
        dy: &[i16],
        input: usize,
        [start, step]: [usize; 2],
    ) -> [i32; W] {
        let mut sums = [0_i32; W];
        let mut add = |dy: i16, weights: &[i8]| {
            for (sum, &w) in zip(&mut sums, weights.first_chunk::<W>().unwrap_or(&[0; W])) {
                *sum = sum.wrapping_add(i32::from(dy) * i32::from(w));
            }
        };
        let (groups, last) = dy.as_chunks::<4>();
        for group in groups {
            let mut weights = weight.split_off(..4 * self.depth).unwrap_or_default();
            weights = weights.get(start..).unwrap_or_default();
            for &dy in group {
                add(dy, weights);
                weights = weights.get(step..).unwrap_or_default();
            }
        }
        for &dy in last {
            let row = weight.split_off(..self.depth).unwrap_or_default();
            add(dy, row.get(input..).unwrap_or_default());
        }
        sums
    }

    /// Changes `bias` and `weight`, which is in the order of tiles, by the gradient of a batch. Nothing happens unless all lengths
    /// match.
    pub(crate) fn update(&self, bias: &mut [i32], weight: &mut [i8], xs: &[i8], dys: &[i16], mut step: Step) {
        let Some(rows) = self.rows(weight.len(), xs.len(), dys.len()) else { return };
        if bias.len() != self.outputs {
            return;
        }
        for (bias, output) in zip(bias, 0..) {
            let dys = dys.get(output..).unwrap_or_default().iter().step_by(self.outputs);
            step.change_bias(bias, dys.map(|&dy| i32::from(dy)).sum());
        }
        let (mut weight, mut output) = (weight, 0);
        while output < self.outputs {
            let group = if self.outputs - output < 4 { 1 } else { 4 };
            for input in (0..self.depth).step_by(4) {
                for output in output..output + group {
                    let width = (self.depth - input).min(4);
                    let words = weight.split_off_mut(..width).unwrap_or_default();
                    // SAFETY: there are as many rows, of `depth` inputs and `outputs` errors; the output is one of them, and the
                    // inputs are: the last of the four, or, where there are not four, the only one.
                    unsafe {
                        let (x, dy) = (xs.as_ptr().add(input), dys.as_ptr().add(output));
                        match words.as_mut_array::<4>() {
                            Some(four) => step.change(four, self.gradient(x, dy, rows)),
                            None => {
                                for (i, w) in words.iter_mut().enumerate() {
                                    step.change(core::array::from_mut(w), self.gradient(x.add(i), dy, rows));
                                }
                            }
                        }
                    }
                }
            }
            output += group;
        }
    }

    /// The sums over the rows of `dy x`, for `W` inputs in a row.
    ///
    /// # Safety
    ///
    /// 1. At `x`, and at every multiple of `depth` from there below that of `rows`, there are `W` numbers.
    /// 2. At `dy`, and at every multiple of `outputs` from there below that of `rows`, there is a number.
    #[inline(always)]
    unsafe fn gradient<const W: usize>(&self, mut x: *const i8, mut dy: *const i16, rows: usize) -> [i32; W] {
        let mut sums = [0_i32; W];
        for _ in 0..rows {
            // SAFETY: 1 and 2, for this row. An array of bytes is aligned anywhere.
            let (error, inputs) = unsafe { (*dy, &*x.cast::<[i8; W]>()) };
            if error != 0 {
                for (sum, &x) in zip(&mut sums, inputs) {
                    *sum = sum.wrapping_add(i32::from(error) * i32::from(x));
                }
            }
            // After the last row it is past the end, and not read.
            (x, dy) = (x.wrapping_add(self.depth), dy.wrapping_add(self.outputs));
        }
        sums
    }
}

/// How far a step goes, and the random numbers that it is rounded with.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// In 2^-32. Not negative.
    factor: i32,
    random: u32,
}

impl Step {
    /// Of `rows` rows, whose mean gradient is multiplied by `rate`, in 2^-16.
    ///
    /// ```text
    /// in units of a weight, the change is     rate 2^-16  dW 2^(-15 - 4)  2^shift / rows
    /// ```
    pub(crate) fn new(rate: u32, rows: usize, shift: u32, seed: u32) -> Self {
        let factor = (u64::from(rate) << (shift + 32 - 16)) >> (15 + 4);
        let factor = factor.checked_div(rows as u64).unwrap_or_default();
        // Zero is the one state that the generator does not leave.
        Self { factor: factor.min(1 << 30) as i32, random: seed.max(1) }
    }

    /// `change` 2^-32, rounded up or down at random.
    ///
    /// The generator has three instructions: G. Marsaglia, "Xorshift RNGs", 2003.
    #[inline(always)]
    fn round(&mut self, change: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        (change + i64::from(self.random)) >> 32
    }

    #[inline(always)]
    fn change<const W: usize>(&mut self, weights: &mut [i8; W], gradients: [i32; W]) {
        for (w, gradient) in zip(weights, gradients) {
            let change = self.round(i64::from(gradient) * i64::from(self.factor)) as i32;
            *w = (i32::from(*w) - change).max(-i32::from(i8::MAX)).min(i8::MAX.into()) as i8;
        }
    }

    #[inline(always)]
    fn change_bias(&mut self, bias: &mut i32, sum: i32) {
        let change = self.round(i64::from(sum) * i64::from(self.factor) << 8);
        *bias = (i64::from(*bias) - change).max(-MOST_BIAS).min(MOST_BIAS) as i32;
    }
}
