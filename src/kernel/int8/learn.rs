//! Training in whole numbers: errors through a product of eight bits, and gradients into its weights.
//!
//! ```text
//! x, y    8 bits     in sixteenths
//! dy      16 bits    in 2^-12
//! w       8 bits     in 2^-shift
//! b       32 bits    in 2^-shift sixteenths, as the sums of products are
//!
//! dx = round(W^T dy / 2^shift)                       half up; sums of 32 bits
//! w  = clamp(w - floor(factor dy^T x + u))           dy^T x: over the batch, 32 bits
//! b  = clamp(b - floor(factor 2^8 sum(dy) + u))      a weight of the input 16, in units of a sixteenth of a weight's
//! ```
//!
//! `u` is uniform in [0, 1) and another for each weight: stochastic rounding (S. Gupta and others, "Deep Learning with
//! Limited Numerical Precision", 2015). A change of a tenth of a unit is one unit in a tenth of the cases, so small
//! changes are right on average and not lost.
//!
//! ```text
//! for every four weights of an output, in the order of memory
//!     sums = 0
//!     for every row of the batch: sums += dy[row][output] * x[row][input..input + 4]     unless dy is 0
//!     change the four weights
//! ```
//!
//! No sum wraps if it has at most [`MOST`] terms: 512 2^7 (2^15 - 1) < 2^31.

use core::array;
use core::iter::zip;

/// The most rows of a batch, and the most outputs of a layer.
pub(crate) const MOST: usize = 512;

/// Bits after the point of an error: from -8 to 8, as outputs.
pub(crate) const POINT: u32 = 12;

/// The largest rate, 4 in 2^-16: in units of a weight of the largest shift, 12, it is 2^30.
pub(crate) const MOST_RATE: u32 = 1 << 18;

/// The largest magnitude of a bias. With as much from 2^16 products, a sum of 32 bits does not wrap.
const MOST_BIAS: i64 = (1 << 30) - 1;

/// An error of 16 bits; not -2^15, or [`MOST`] terms would wrap.
#[inline(always)]
pub(crate) fn error(x: i32) -> i16 {
    x.clamp(-i32::from(i16::MAX), i16::MAX.into()) as i16
}

/// Sets the errors to zero that no change of the weights reduces: of an output at the end of its range, which should go
/// further, and of a rectified one at zero.
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

    /// Overwrites the rows of `dxs`: `dx = round(W^T dy / 2^shift)`. `weight` is in the order of tiles. Nothing happens
    /// unless all lengths match.
    pub(crate) fn backward(&self, weight: &[i8], mut dys: &[i16], mut dxs: &mut [i16]) {
        if self.rows(weight.len(), dxs.len(), dys.len()).is_none() {
            return;
        }
        let whole = self.depth / 4 * 4;
        while let (Some(dy), Some(dx)) = (dys.split_off(..self.outputs), dxs.split_off_mut(..self.depth)) {
            let (quads, rest) = dx.as_chunks_mut::<4>();
            let mut input = 0;
            for quad in quads {
                self.products(weight, dy, input, [4 * input, 4], quad);
                input += 4;
            }
            for dx in rest {
                let start = 4 * whole + input - whole;
                self.products(weight, dy, input, [start, self.depth - whole], array::from_mut(dx));
                input += 1;
            }
        }
    }

    /// Overwrites `dx`, of the `W` inputs from the given one on. In a group of four outputs the weights of the first are at
    /// `start`, those of the next `step` further. Not inlined, so that the loop has the registers.
    #[inline(never)]
    fn products<const W: usize>(
        &self,
        mut weight: &[i8],
        dy: &[i16],
        input: usize,
        [start, step]: [usize; 2],
        dx: &mut [i16; W],
    ) {
        let mut sums = [(1 << self.shift) >> 1; W];
        let (groups, last) = dy.as_chunks::<4>();
        for group in groups {
            let mut weights = weight.split_off(..4 * self.depth).unwrap_or_default();
            weights = weights.get(start..).unwrap_or_default();
            for &dy in group {
                add(&mut sums, dy, weights.first_chunk());
                weights = weights.get(step..).unwrap_or_default();
            }
        }
        for &dy in last {
            let row = weight.split_off(..self.depth).unwrap_or_default();
            add(&mut sums, dy, row.get(input..).unwrap_or_default().first_chunk());
        }
        for (dx, sum) in zip(dx, &sums) {
            *dx = error(sum >> self.shift);
        }
    }

    /// Changes `bias` and `weight`, which is in the order of tiles, by the gradient of a batch. Nothing happens unless
    /// all lengths match.
    pub(crate) fn update(&self, bias: &mut [i32], weight: &mut [i8], xs: &[i8], dys: &[i16], mut step: Step) {
        let Some(rows) = self.rows(weight.len(), xs.len(), dys.len()) else { return };
        if bias.len() != self.outputs {
            return;
        }
        let mut errors = dys;
        for bias in bias {
            let (mut column, mut sum) = (errors, 0);
            while let Some(&dy) = column.first() {
                sum += i64::from(dy);
                column = column.get(self.outputs..).unwrap_or_default();
            }
            let change = step.rounded((sum << 8) * i64::from(step.factor));
            *bias = (i64::from(*bias) - change).clamp(-MOST_BIAS, MOST_BIAS) as i32;
            errors = errors.get(1..).unwrap_or_default();
        }
        let (mut weight, mut output) = (weight, 0);
        while output < self.outputs {
            let group = if self.outputs - output < 4 { 1 } else { 4 };
            let mut input = 0;
            while input < self.depth {
                for output in output..output + group {
                    let width = (self.depth - input).min(4);
                    let words = weight.split_off_mut(..width).unwrap_or_default();
                    // SAFETY: there are `rows` rows of `depth` inputs and of `outputs` errors; the output is one of
                    // them, and so are the inputs: four of them, or one after the other those that are left.
                    unsafe {
                        let (x, dy) = (xs.as_ptr().wrapping_add(input), dys.as_ptr().wrapping_add(output));
                        match words.as_mut_array::<4>() {
                            Some(word) => self.change(&mut step, word, x, dy, rows),
                            None => {
                                let mut x = x;
                                for w in words {
                                    self.change(&mut step, array::from_mut(w), x, dy, rows);
                                    x = x.wrapping_add(1);
                                }
                            }
                        }
                    }
                }
                input += 4;
            }
            output += group;
        }
    }

    /// Changes the weights of `W` inputs in a row by the sums over the rows of `dy x`. Not inlined, so that the loop
    /// has the registers.
    ///
    /// # Safety
    ///
    /// 1. At `x`, and at every multiple of `depth` from there below that of `rows`, there are `W` numbers.
    /// 2. At `dy`, and at every multiple of `outputs` from there below that of `rows`, there is a number.
    #[inline(never)]
    unsafe fn change<const W: usize>(
        &self,
        step: &mut Step,
        weights: &mut [i8; W],
        mut x: *const i8,
        mut dy: *const i16,
        rows: usize,
    ) {
        let mut sums = [0_i32; W];
        for _ in 0..rows {
            // SAFETY: 1 and 2, for this row. An array of bytes may be anywhere.
            let (error, inputs) = unsafe { (*dy, &*x.cast::<[i8; W]>()) };
            if error != 0 {
                add(&mut sums, error, Some(inputs));
            }
            // After the last row past the end, where nothing is read.
            (x, dy) = (x.wrapping_add(self.depth), dy.wrapping_add(self.outputs));
        }
        for (w, &sum) in zip(weights, &sums) {
            let change = step.rounded(i64::from(sum) * i64::from(step.factor)) as i32;
            *w = (i32::from(*w) - change).clamp(-i32::from(i8::MAX), i8::MAX.into()) as i8;
        }
    }
}

/// Adds the error times each number to the sum of that number, if there are as many.
#[inline(always)]
fn add<const W: usize>(sums: &mut [i32; W], error: i16, numbers: Option<&[i8; W]>) {
    if let Some(numbers) = numbers {
        for (sum, &number) in zip(sums, numbers) {
            *sum = sum.wrapping_add(i32::from(error) * i32::from(number));
        }
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
    /// change of a weight, in its units = 2^shift (rate 2^-16) (dy^T x 2^-(12 + 4)) / rows
    /// ```
    pub(crate) fn new(rate: u32, rows: usize, shift: u32, seed: u32) -> Self {
        let factor = (rate.min(MOST_RATE) << shift).checked_div(rows as u32).unwrap_or_default();
        // Zero is the one state that the generator does not leave.
        Self { factor: factor as i32, random: seed.max(1) }
    }

    /// `change` 2^-32, rounded up or down at random.
    ///
    /// The generator has three instructions: G. Marsaglia, "Xorshift RNGs", 2003.
    #[inline(always)]
    fn rounded(&mut self, change: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        (change + i64::from(self.random)) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_BIAS, MOST_RATE, Sizes, Step, error, gate};
    use crate::Rng;
    use crate::kernel::int8::order::place;
    use std::vec::Vec;

    const SIZES: [[usize; 2]; 9] =
        [[1, 1], [4, 4], [7, 4], [3, 5], [9, 7], [2, 8], [16, 9], [5, 3], [64, 10]];

    struct Case {
        sizes: Sizes,
        rows: usize,
        weight: Vec<i8>,
        xs: Vec<i8>,
        dys: Vec<i16>,
    }

    /// Numbers of every size, and errors of zero in between.
    fn cases() -> impl Iterator<Item = Case> {
        let mut rng = Rng::new(1);
        SIZES.into_iter().flat_map(|[depth, outputs]| [1, 3, 32].map(|rows| [depth, outputs, rows])).map(
            move |[depth, outputs, rows]| {
                let mut bytes = |len| -> Vec<i8> { (0..len).map(|_| rng.next_u32() as i8).collect() };
                let (weight, xs) = (bytes(depth * outputs), bytes(rows * depth));
                let dys = (0..rows * outputs)
                    .map(|_| error((rng.next_u32() as i32 >> 16 >> rng.below(16)) * rng.below(3) as i32));
                Case { sizes: Sizes { depth, outputs, shift: 7 }, rows, weight, xs, dys: dys.collect() }
            },
        )
    }

    #[test]
    fn errors_are_those_of_plain_loops() {
        for Case { sizes, rows, weight, dys, .. } in cases() {
            let Sizes { depth, outputs, shift } = sizes;
            let mut dxs = std::vec![1; rows * depth];
            sizes.backward(&weight, &dys, &mut dxs);
            for row in 0..rows {
                for input in 0..depth {
                    let products = (0..outputs).map(|output| {
                        let w = weight[place(outputs, depth, output, input)];
                        i64::from(dys[row * outputs + output]) * i64::from(w)
                    });
                    let real = products.sum::<i64>() as f64 / f64::from(1 << shift);
                    let expected = libm::floor(real + 0.5).clamp(-32_767.0, 32_767.0);
                    let got = f64::from(dxs[row * depth + input]);
                    assert_eq!(got, expected, "{depth} {outputs}, {row} {input}");
                }
            }
        }
    }

    /// A change is the product rounded up or down.
    #[test]
    fn changes_are_those_of_plain_loops() {
        for rate in [0, 1, 1 << 10, 1 << 16, MOST_RATE] {
            for Case { sizes, rows, weight, xs, dys } in cases() {
                let Sizes { depth, outputs, shift } = sizes;
                let (mut bias, mut changed) = (std::vec![3; outputs], weight.clone());
                sizes.update(&mut bias, &mut changed, &xs, &dys, Step::new(rate, rows, shift, 5));
                // The factor is cut to 2^-32.
                let factor = f64::from(rate) * libm::exp2(f64::from(shift) - 16.0 - 16.0) / rows as f64;
                let close = |before: f64, after: f64, sum: f64, most: f64| {
                    let change = sum * factor;
                    let slack = 1.0 + sum.abs() * 2_f64.powi(-32);
                    let ends = [before - change - slack, before - change + slack];
                    let [least, largest] = ends.map(|end| end.clamp(-most, most));
                    assert!(after >= least && after <= largest, "{before} - {change}: {after}");
                };
                for output in 0..outputs {
                    let dys: Vec<_> = (0..rows).map(|row| f64::from(dys[row * outputs + output])).collect();
                    let sum = dys.iter().sum::<f64>() * 256.0;
                    close(3.0, bias[output].into(), sum, MOST_BIAS as f64);
                    for input in 0..depth {
                        let products = dys.iter().enumerate();
                        let sum = products.map(|(row, dy)| dy * f64::from(xs[row * depth + input])).sum();
                        let at = place(outputs, depth, output, input);
                        close(weight[at].into(), changed[at].into(), sum, 127.0);
                    }
                }
            }
        }
    }

    /// A change of 0.3 units is one unit in three of ten cases: of 10,000, with a deviation of 46.
    #[test]
    fn changes_are_right_on_average() {
        let sizes = Sizes { depth: 4, outputs: 1, shift: 5 };
        let (mut bias, mut weight) = ([0], [0_i8; 4]);
        let mut changes = 0;
        let mut rng = Rng::new(1);
        for _ in 0..2500 {
            // 16 2458 2^5 2^-(12 + 4) 2^-6 = 0.3
            let step = Step::new(1 << 10, 1, 5, rng.next_u32());
            sizes.update(&mut bias, &mut weight, &[16; 4], &[2458], step);
            changes -= weight.iter().map(|&w| i32::from(w)).sum::<i32>();
            weight = [0; 4];
        }
        assert!((changes - 3000).abs() < 4 * 46, "{changes}");
    }

    #[test]
    fn errors_that_nothing_follows_are_zero() {
        let ys = [127, 127, -128, -128, 0, 0, 5, -5];
        let dys = [-1, 1, -1, 1, -1, 1, -1, 1];
        let mut gated = dys;
        gate(false, &ys, &mut gated);
        assert_eq!(gated, [0, 1, -1, 0, -1, 1, -1, 1]);
        gated = dys;
        gate(true, &[127, 127, 1, 1, 0, 0, 5, 5], &mut gated);
        assert_eq!(gated, [0, 1, -1, 1, 0, 0, -1, 1]);
    }
}
