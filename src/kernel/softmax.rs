//! Softmax in place, and its gradient.
//!
//! ```text
//! forward    y_j = exp(z_j - max z) / sum_i exp(z_i - max z)
//! backward   dz_j = y_j (dy_j - sum_i y_i dy_i)
//! ```
//!
//! Subtracting the maximum prevents the exponentials from overflowing. Sums use sixteen lanes on every instruction set.

use super::elementwise::{multiply, sixteens, zip_in_place};
use super::math::exp_or_zero;
use super::{rows, rows_mut};
use crate::simd::{Lanes16, Pass, Simd};

/// Overwrites each row of `classes` numbers with its softmax. Numbers after the last whole row are unchanged.
pub(crate) struct SoftmaxPass<'a> {
    pub(crate) rows: &'a mut [f32],
    pub(crate) classes: usize,
}

impl Pass for SoftmaxPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.classes == 0 {
            return;
        }
        for row in self.rows.chunks_exact_mut(self.classes) {
            let p = row.as_mut_ptr();
            // SAFETY: the row's own numbers, through one pointer.
            let (_, sum) = unsafe { exponentials(s, p, p, row.len()) };
            multiply(s, 1.0 / sum, row);
        }
    }
}

/// Overwrites the `len` numbers at `row` with `exp(z - max z)`, where z is the `len` numbers at `logits`; returns the
/// maximum and the sum. The two may be the same memory, so they are pointers: a reference to one would exclude access
/// through the other.
///
/// # Safety
/// `len` numbers can be read at `logits` and written at `row`; the two are the same memory or do not overlap.
#[inline(always)]
pub(super) unsafe fn exponentials<S: Simd>(
    s: S,
    logits: *const f32,
    row: *mut f32,
    len: usize,
) -> (f32, f32) {
    // Fills the lanes past the row, so that they affect neither the maximum nor the sum.
    let rest = f32::NEG_INFINITY;
    let mut largest = Lanes16::splat(s, rest);
    for (start, lanes) in sixteens(len) {
        // SAFETY: the chunk is inside the row.
        let x = unsafe { Lanes16::load(s, logits.wrapping_add(start), lanes, rest) };
        largest = x.zip(largest, |x, largest| s.max(x, largest));
    }
    let largest = largest.max(s);
    let mut sum = Lanes16::splat(s, 0.0);
    for (start, lanes) in sixteens(len) {
        let x = row.wrapping_add(start);
        // SAFETY: the chunk is inside the row.
        unsafe {
            let mut e = Lanes16::load(s, logits.wrapping_add(start), lanes, rest);
            for x in e.registers() {
                *x = exp_or_zero(s, s.sub(*x, s.splat(largest)));
            }
            e.store(s, x, lanes);
            sum = sum.zip(e, |sum, e| s.add(sum, e));
        }
    }
    (largest, sum.sum(s))
}

/// Overwrites `ys`, rows of softmax outputs, with `y (dy - sum y dy)`: the gradient with respect to the softmax's
/// inputs.
pub(crate) struct SoftmaxBackward<'a> {
    pub(crate) classes: usize,
    pub(crate) dys: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = rows(self.dys, self.classes).zip(rows_mut(self.ys, self.classes));
        for (dy, y) in rows {
            let mut sum = Lanes16::splat(s, 0.0);
            for (start, lanes) in sixteens(y.len()) {
                // SAFETY: the chunk is inside both rows.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().wrapping_add(start), lanes, 0.0);
                    let y = Lanes16::load(s, y.as_ptr().wrapping_add(start), lanes, 0.0);
                    sum = sum.zip(y.zip(dy, |y, dy| s.mul(y, dy)), |sum, x| s.add(sum, x));
                }
            }
            let mean = sum.sum(s);
            zip_in_place(s, dy, y, |dy, y| s.mul(y, s.sub(dy, s.splat(mean))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cross_entropy::cross_entropy;
    use crate::{Isa, Rng};
    use std::vec;
    use std::vec::Vec;

    /// Lengths around one row of sixteen and two of sixteen; then some long ones.
    const CLASSES: [usize; 14] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 1000];

    fn softmax_on(isa: Isa, logits: &[f32], classes: usize) -> Vec<f32> {
        let mut rows = logits.to_vec();
        isa.call(SoftmaxPass { rows: &mut rows, classes });
        rows
    }

    /// With u = 2^-24: the argument is rounded once, with an error of u times itself; the exponential is within 1.02
    /// ulp, 2.04 u; each of the sum's additions adds u, as all terms are positive; the quotient and the product add u
    /// each. The sum's terms have the errors of the numerator, the argument's weighted by x exp(-x), which is at most
    /// 1/e of a term as large as the sum.
    #[test]
    fn against_f64() {
        for classes in CLASSES {
            let mut rng = Rng::new(classes as u64);
            let mut logits: Vec<f32> = (0..3 * classes).map(|_| 60.0 * rng.uniform() - 30.0).collect();
            logits[classes] = -200.0;
            let mut of_class: [Option<Vec<f32>>; 2] = [None, None];
            for isa in Isa::available() {
                let rows = softmax_on(isa, &logits, classes);
                for (zs, ps) in logits.chunks(classes).zip(rows.chunks(classes)) {
                    let largest = zs.iter().fold(f64::MIN, |a, &z| a.max(f64::from(z)));
                    let sum: f64 = zs.iter().map(|&z| (f64::from(z) - largest).exp()).sum();
                    for (&z, &p) in zs.iter().zip(ps) {
                        let below = largest - f64::from(z);
                        let exact = (-below).exp() / sum;
                        let u = 2f64.powi(-24);
                        let n = classes as f64;
                        let allowed =
                            u * ((below + 2.04) + (2.04 + n / core::f64::consts::E + n) + 2.0) * 1.001;
                        let error = (f64::from(p) - exact).abs();
                        assert!(
                            error <= allowed * exact + 2f64.powi(-148),
                            "{isa}, {classes} classes: {p}, not {exact}"
                        );
                    }
                }
                let others = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| rows.clone());
                assert!(*others == rows, "{isa}, {classes} classes: not the bits of its class");
            }
        }
    }

    /// Rows of `classes` logits: with u = 2^-24, and `below` how far a logit is below the largest,
    ///
    /// ```text
    /// exponential   (below + 2.04) u of itself, of which the mean over the row, weighted by y, is the sum's part
    /// sum           a lane adds every sixteenth number, four additions join lanes: m = ceil(n / 16) + 4, m u
    /// quotient      2 u: the reciprocal and a product
    /// ```
    ///
    /// Below -64 an exponential is zero, which is e^-64 of 1 at most. The sum of the outputs is off 1 by the sum's m u
    /// and the quotient's 2 u only, as the exponentials' errors are in both.
    fn check_long(logits: &[f32], what: &str) {
        let n = logits.len();
        let u = 2f64.powi(-24);
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let below = |z: f32| f64::from(largest) - f64::from(z);
        let exact: Vec<f64> = logits.iter().map(|&z| (-below(z)).exp()).collect();
        let sum: f64 = exact.iter().sum();
        let weighted = |(&z, e): (&f32, &f64)| if *e > 0.0 { below(z) * e } else { 0.0 };
        let mean: f64 = logits.iter().zip(&exact).map(weighted).sum::<f64>() / sum;
        let additions = n.div_ceil(16) as f64 + 4.0;
        let mut of_class: [Option<Vec<f32>>; 2] = [None, None];
        for isa in Isa::available() {
            let ys = softmax_on(isa, logits, n);
            for ((&z, &y), e) in logits.iter().zip(&ys).zip(&exact) {
                let (error, y_exact) = ((f64::from(y) - e / sum).abs(), e / sum);
                let lost = if below(z) > 64.0 { (-64f64).exp() } else { 0.0 };
                // What is zero has no error, not even one of an infinite logit.
                let relative =
                    if *e > 0.0 { (below(z) + mean + 2.0 * 2.04 + additions + 2.0) * u } else { 0.0 };
                assert!(error <= 1.001 * relative * y_exact + lost, "{isa}, {n} {what}: {y}, not {y_exact}");
            }
            let total: f64 = ys.iter().map(|&y| f64::from(y)).sum();
            assert!((total - 1.0).abs() <= 1.001 * (additions + 2.0) * u, "{isa}, {n} {what}: sum {total}");
            let others = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| ys.clone());
            assert!(*others == ys, "{isa}, {n} {what}: not the bits of its class");
        }
    }

    #[test]
    fn long_rows() {
        const INF: f32 = f32::INFINITY;
        for n in [1, 15, 16, 17, 1000, 32_767, 65_535, 65_536] {
            let mut rng = Rng::new(n as u64);
            let last = n - 1;
            let one = |at: usize, high: f32, low: f32| {
                let mut row = vec![low; n];
                row[at] = high;
                row
            };
            for value in [0.0, -3.5, 1e30, -1e30] {
                let row = vec![value; n];
                check_long(&row, "equal values");
                // Their sum is a whole number.
                for isa in Isa::available() {
                    assert_eq!(softmax_on(isa, &row, n), vec![1.0 / n as f32; n], "{isa}, {n} of {value}");
                }
            }
            for at in [0, n / 2, last] {
                for (high, low) in [(100.0, 0.0), (1e30, 0.0), (1e30, -1e30), (0.0, -INF), (1e30, -INF)] {
                    let row = one(at, high, low);
                    check_long(&row, "one dominates");
                    for isa in Isa::available() {
                        assert!(softmax_on(isa, &row, n) == one(at, 1.0, 0.0), "{isa}, {n}: {high}, {low}");
                    }
                }
                // Each addition of a lane rounds the same number, and mostly in the same direction.
                for low in [-0.3, -0.5, -7.1, -30.0] {
                    check_long(&one(at, 0.0, low), "one above others that are equal");
                }
            }
            for spread in [1e-3, 1.0, 60.0, 500.0] {
                let row: Vec<f32> = (0..n).map(|_| spread * (rng.uniform() - 0.5)).collect();
                check_long(&row, "at random");
            }
            let signs: Vec<f32> = (0..n).map(|_| if rng.below(2) == 0 { 1e30 } else { -1e30 }).collect();
            check_long(&signs, "1e30 of either sign");
        }
    }

    #[test]
    fn the_probabilities_of_cross_entropy() {
        for classes in CLASSES {
            let mut rng = Rng::new(classes as u64);
            let logits: Vec<f32> = (0..classes).map(|_| 18.0 * rng.uniform() - 9.0).collect();
            for isa in Isa::available() {
                let mut gradients = vec![0.0; classes];
                cross_entropy(isa, (&logits, classes), (0, &[0_u8]), 1.0, &mut gradients, &mut [0.0; 16]);
                // For a different order of the same sum, and one more or one less division.
                let bound = (classes + 4) as f32 * f32::EPSILON;
                for (gradient, p) in gradients.iter().zip(softmax_on(isa, &logits, classes)).skip(1) {
                    assert!((gradient - p).abs() <= bound * p, "{isa}, {classes} classes: {gradient}, {p}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite() {
        const INF: f32 = f32::INFINITY;
        for isa in Isa::available() {
            assert_eq!(softmax_on(isa, &[-INF, 3.0, -INF], 3), [0.0, 1.0, 0.0], "{isa}");
            for row in [[0.0, f32::NAN, 1.0], [0.0, INF, 1.0], [-INF; 3], [f32::NAN, -INF, INF]] {
                // Other rows do not affect it.
                let rows = softmax_on(isa, &[&row[..], &[f32::MAX, f32::MIN, f32::MAX]].concat(), 3);
                assert!(rows[..3].iter().all(|p| p.is_nan()), "{isa}: {rows:?}");
                assert_eq!(rows[3..], [0.5, 0.0, 0.5], "{isa}");
            }
        }
    }
}
