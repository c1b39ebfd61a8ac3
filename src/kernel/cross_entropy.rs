//! Softmax and cross-entropy in one pass over the logits.
//!
//! ```text
//! p_j = exp(z_j - max z) / sum_i exp(z_i - max z)
//! loss = -ln p_t = ln(sum_i exp(z_i - max z)) + max z - z_t
//! dloss / dz_j = p_j - [j = t]
//! ```
//!
//! With the maximum taken out no exponential overflows; the loss never divides, so a sure and wrong answer costs much but
//! not infinitely much. Probabilities below e^-64 of the largest count as zero (see
//! [`exp_or_zero`](super::math::exp_or_zero)), which keeps the gradients that follow from them clear of subnormal numbers.
//!
//! # Few classes
//!
//! A row of ten classes fills no vector, and reducing it to its maximum and its sum takes eight dependent steps. So up to
//! sixteen classes are turned: as many rows as a vector has lanes become columns, one vector a class, and nothing is
//! reduced at all; the logarithm too is of all rows at once. (Per row of ten on AVX-512: 4 ns instead of 17.) Two classes
//! stay as they lie, pairs of lanes that exchange their numbers. Whichever it is follows from the number of classes
//! alone, and so do a row's bits.

use super::elementwise::{multiply, sixteens};
use super::math::{exp_or_zero, ln};
use super::softmax::exponentials;
use crate::simd::{Lanes16, Pass, Simd, VECTORS};

/// The sum of the losses of `logits` (`labels.len()` rows of `classes`) against the `labels`; `gradients`, of the same
/// shape, is overwritten with `scale` times the gradient of each row's loss.
pub(crate) struct CrossEntropyPass<'a> {
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [u8],
    pub(crate) classes: usize,
    pub(crate) scale: f32,
    pub(crate) gradients: &'a mut [f32],
}

/// Up to so many classes are turned.
const FEW: usize = 16;

impl Pass for CrossEntropyPass<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let Self { logits, labels, classes, scale, gradients } = self;
        let per_row = |numbers: usize| numbers.checked_div(classes).unwrap_or(0);
        let rows = per_row(logits.len()).min(per_row(gradients.len())).min(labels.len());
        // Sixteen rows' losses, then the next sixteen's, in sixteen virtual lanes.
        let mut total = Lanes16::splat(s, 0.0);
        for (first, rows) in sixteens(rows) {
            let mut losses = [0.0; 16];
            let mut row = 0;
            while row < rows {
                let at_once = match classes {
                    2 => S::LANES / 2,
                    0..=FEW if VECTORS => S::LANES,
                    _ => 1,
                };
                let block = Block {
                    logits: logits.as_ptr().wrapping_add((first + row) * classes),
                    labels: labels.as_ptr().wrapping_add(first + row),
                    rows: (rows - row).min(at_once),
                    classes,
                    scale,
                    gradients: gradients.as_mut_ptr().wrapping_add((first + row) * classes),
                    losses: losses.as_mut_ptr().wrapping_add(row),
                };
                // SAFETY: rows `first + row` to `first + row + block.rows` are below `rows`, which all three slices have,
                // and there are at most sixteen losses.
                unsafe {
                    match classes {
                        2 => block.pairs(s),
                        0..=FEW => block.columns(s),
                        _ => block.row(s),
                    }
                }
                row += at_once;
            }
            // SAFETY: sixteen numbers.
            let losses = unsafe { Lanes16::load(s, losses.as_ptr(), rows, 0.0) };
            total = total.zip(losses, |total, loss| s.add(total, loss));
        }
        total.sum(s)
    }
}

/// Some rows, and where their losses go.
struct Block {
    logits: *const f32,
    labels: *const u8,
    rows: usize,
    classes: usize,
    scale: f32,
    gradients: *mut f32,
    losses: *mut f32,
}

impl Block {
    /// Up to a vector of rows, turned: lane r of every vector belongs to row r.
    ///
    /// # Safety
    /// `rows` rows of `classes`, at most sixteen, as many labels and losses are there; `rows` is at most `LANES`.
    #[inline(always)]
    unsafe fn columns<S: Simd>(&self, s: S) {
        let Self { rows, classes, .. } = *self;
        let mut labels = [0.0; FEW];
        // SAFETY: the caller's promise, for every pointer below.
        unsafe {
            for (r, label) in labels.iter_mut().enumerate().take(rows) {
                *label = f32::from(self.labels.add(r).read());
            }
            let labels = s.load(labels.as_ptr());
            let mut columns = [s.splat(0.0); FEW];
            if VECTORS {
                // In pieces of as many columns as a vector has lanes.
                for (piece, columns) in columns.chunks_mut(S::LANES).enumerate() {
                    let start = piece * S::LANES;
                    if start < classes {
                        let wide = (classes - start).min(S::LANES);
                        let part = s.load_transposed(self.logits.add(start), classes, [rows, wide]);
                        for (column, part) in columns.iter_mut().zip(part) {
                            *column = part;
                        }
                    }
                }
            } else {
                // One row, whose lanes are all alike: a core without vectors computes one of them.
                for (c, column) in columns.iter_mut().enumerate().take(classes) {
                    *column = s.splat(self.logits.add(c).read());
                }
            }
            let columns = columns.get_mut(..classes).unwrap_or_default();
            let mut largest = s.splat(f32::NEG_INFINITY);
            for &z in columns.iter() {
                largest = s.max(z, largest);
            }
            // -z of the label's class.
            let mut answer = s.splat(0.0);
            let mut sum = s.splat(0.0);
            for (c, z) in columns.iter_mut().enumerate() {
                let distance = s.sub(*z, largest);
                answer = if_equal(s, labels, c, distance, answer);
                *z = exp_or_zero(s, distance);
                sum = s.add(sum, *z);
            }
            s.store_partial(self.losses, s.sub(ln(s, sum), answer), rows);
            let (scale, factor) = (s.splat(self.scale), s.div(s.splat(self.scale), sum));
            for (c, p) in columns.iter_mut().enumerate() {
                *p = s.sub(s.mul(*p, factor), if_equal(s, labels, c, scale, s.splat(0.0)));
            }
            if VECTORS {
                let mut turned = [0.0; FEW * FEW];
                for (c, &column) in columns.iter().enumerate() {
                    s.store(turned.as_mut_ptr().add(c * S::LANES), column);
                }
                for start in (0..classes).step_by(S::LANES) {
                    let piece = (classes - start).min(S::LANES);
                    let from = turned.as_ptr().add(start * S::LANES);
                    let gradients = s.load_transposed(from, S::LANES, [piece, rows]);
                    for (r, &gradient) in gradients.iter().enumerate().take(rows) {
                        s.store_partial(self.gradients.add(r * classes + start), gradient, piece);
                    }
                }
            } else {
                for (c, &column) in columns.iter().enumerate() {
                    s.store_partial(self.gradients.add(c), column, 1);
                }
            }
        }
    }

    /// Up to half a vector of rows of two classes, as they lie: lanes 2 r and 2 r + 1 belong to row r.
    ///
    /// # Safety
    /// `rows` rows of two classes, as many labels and losses are there; `rows` is at most `LANES / 2`.
    #[inline(always)]
    unsafe fn pairs<S: Simd>(&self, s: S) {
        let mut answers = [0.0; 16];
        // SAFETY: the caller's promise, for every pointer below.
        unsafe {
            for r in 0..self.rows {
                let label = usize::from(self.labels.add(r).read());
                if let Some(answer) = answers.get_mut(2 * r + label) {
                    *answer = 1.0;
                }
            }
            let answers = s.load(answers.as_ptr());
            let z = s.load_partial(self.logits, 2 * self.rows);
            let other = s.swap_pairs(z);
            // A NaN in either is in both.
            let largest =
                s.select_gt(z, other, z, s.select_gt(other, z, other, s.mul(s.add(z, other), s.splat(0.5))));
            let distance = s.sub(z, largest);
            let e = exp_or_zero(s, distance);
            let sum = s.add(e, s.swap_pairs(e));
            let loss = s.select_gt(answers, s.splat(0.0), s.sub(ln(s, sum), distance), s.splat(0.0));
            let p = s.mul(e, s.div(s.splat(self.scale), sum));
            let gradient = s.neg_mul_add(answers, s.splat(self.scale), p);
            s.store_partial(self.gradients, gradient, 2 * self.rows);
            let mut losses = [0.0; 16];
            s.store(losses.as_mut_ptr(), s.add(loss, s.swap_pairs(loss)));
            for (r, pair) in losses.as_chunks::<2>().0.iter().enumerate().take(self.rows) {
                self.losses.add(r).write(pair[0]);
            }
        }
    }

    /// One row of any number of classes.
    ///
    /// # Safety
    /// The row, its label and its loss are there.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, s: S) {
        // SAFETY: the caller's promise; nobody else has the gradients.
        unsafe {
            let logits = core::slice::from_raw_parts(self.logits, self.classes);
            let gradients = core::slice::from_raw_parts_mut(self.gradients, self.classes);
            gradients.copy_from_slice(logits);
            let (largest, sum) = exponentials(s, gradients);
            multiply(s, self.scale / sum, gradients);
            let label = usize::from(self.labels.read());
            if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                *gradient -= self.scale;
                self.losses.write(libm::logf(sum) + (largest - logit));
            }
        }
    }
}

/// `x` where the label is `class`, else `y`.
#[inline(always)]
fn if_equal<S: Simd>(s: S, labels: S::V, class: usize, x: S::V, y: S::V) -> S::V {
    let distance = s.abs(s.sub(labels, s.splat(class as f32)));
    s.select_gt(s.splat(0.5), distance, x, y)
}
