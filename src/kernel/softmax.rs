//! Softmax where it lies, and its gradient.
//!
//! ```text
//! forward    y_j = exp(z_j - max z) / sum_i exp(z_i - max z)
//! backward   dz_j = y_j (dy_j - sum_i y_i dy_i)
//! ```
//!
//! With the maximum taken out no exponential overflows. Sums have sixteen lanes on every instruction set.

use super::elementwise::{for_each_sixteen, for_each_vector, zip_in_place};
use super::math::exp;
use crate::simd::{Lanes16, Pass, Simd};

/// Overwrites each row of `classes` numbers with its softmax. Numbers after the last whole row stay.
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
            let (_, sum) = exponentials(s, row);
            let factor = s.splat(1.0 / sum);
            for_each_vector::<S>(row.len(), |start, lanes| {
                let x = row.as_mut_ptr().wrapping_add(start);
                // SAFETY: the vector lies inside the row.
                unsafe { s.store_partial(x, s.mul(s.load_partial(x, lanes), factor), lanes) };
            });
        }
    }
}

/// Overwrites `row` with `exp(z - max z)`; returns the maximum and the sum.
#[inline(always)]
pub(super) fn exponentials<S: Simd>(s: S, row: &mut [f32]) -> (f32, f32) {
    // What the lanes past the row hold has no part in the maximum, and none in the sum: exp(-inf) is zero.
    let rest = f32::NEG_INFINITY;
    let mut largest = Lanes16::splat(s, rest);
    for_each_sixteen(row.len(), |start, lanes| {
        // SAFETY: the chunk lies inside the row.
        let x = unsafe { Lanes16::load(s, row.as_ptr().wrapping_add(start), lanes, rest) };
        largest = x.zip(largest, |x, largest| s.max(x, largest));
    });
    let largest = largest.max(s);
    let mut sum = Lanes16::splat(s, 0.0);
    for_each_sixteen(row.len(), |start, lanes| {
        let x = row.as_mut_ptr().wrapping_add(start);
        // SAFETY: the chunk lies inside the row.
        unsafe {
            let e = Lanes16::load(s, x, lanes, rest).map(|x| exp(s, s.sub(x, s.splat(largest))));
            e.store(s, x, lanes);
            sum = sum.zip(e, |sum, e| s.add(sum, e));
        }
    });
    (largest, sum.sum(s))
}

/// Overwrites `ys`, rows of softmaxes, with `y (dy - sum y dy)`: the gradient with respect to what they are of.
pub(crate) struct SoftmaxBackward<'a> {
    pub(crate) classes: usize,
    pub(crate) dys: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.classes == 0 {
            return;
        }
        let rows = self.dys.chunks_exact(self.classes).zip(self.ys.chunks_exact_mut(self.classes));
        for (dy, y) in rows {
            let mut sum = Lanes16::splat(s, 0.0);
            for_each_sixteen(y.len(), |start, lanes| {
                // SAFETY: the chunk lies inside both rows.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().wrapping_add(start), lanes, 0.0);
                    let y = Lanes16::load(s, y.as_ptr().wrapping_add(start), lanes, 0.0);
                    sum = sum.zip(y.zip(dy, |y, dy| s.mul(y, dy)), |sum, x| s.add(sum, x));
                }
            });
            let mean = sum.sum(s);
            zip_in_place(s, dy, y, |dy, y| s.mul(y, s.sub(dy, s.splat(mean))));
        }
    }
}
