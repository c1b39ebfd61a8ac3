//! Optimisers' rules, applied where the gradient comes into being: in the registers of the product that forms it.

use super::elementwise::zip_in_place;
use super::gemm::{Finish, Place, load_row, next_row};
use crate::simd::{Pass, Simd};

/// Gradient descent: `w = w - rate g`.
#[derive(Clone, Copy)]
pub(crate) struct Descend {
    pub(crate) rate: f32,
}

impl Descend {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V) -> S::V {
        s.neg_mul_add(gradient, s.splat(self.rate), weight)
    }
}

/// The tile is the gradient, C the weights.
impl Finish for Descend {
    const READS_OUTPUT: bool = true;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        true
    }

    #[cfg(feature = "rayon")]
    fn part(&self, _row: usize, _col: usize) -> Self {
        *self
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    ) {
        let mut weights = place.c.cast_const();
        for row in acc {
            // SAFETY: the caller's promise: the tile lies inside C.
            let old = unsafe { load_row::<S, NV>(s, weights, place.last_lanes) };
            for (x, old) in row.iter_mut().zip(old) {
                *x = self.apply(s, *x, old);
            }
            weights = next_row(s, weights, place.c_stride);
        }
    }
}

/// The rule on slices: a gradient and the parameters it belongs to, as far as the shorter goes.
pub(crate) struct DescendSlice<'a> {
    pub(crate) rule: Descend,
    pub(crate) gradient: &'a [f32],
    pub(crate) parameters: &'a mut [f32],
}

impl Pass for DescendSlice<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        zip_in_place(s, self.gradient, self.parameters, |gradient, w| self.rule.apply(s, gradient, w));
    }
}

/// The rule on a bias, whose gradient is the sum of the rows of `dys`, each as long as it, from the first to the last.
pub(crate) struct DescendColumns<'a> {
    pub(crate) rule: Descend,
    pub(crate) dys: &'a [f32],
    pub(crate) bias: &'a mut [f32],
}

impl Pass for DescendColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let cols = self.bias.len();
        let rows = self.dys.len().checked_div(cols).unwrap_or(0);
        let mut col = 0;
        while col < cols {
            let lanes = (cols - col).min(S::LANES);
            let mut sum = s.splat(0.0);
            for row in 0..rows {
                // SAFETY: `lanes` numbers from `col` on lie in each row, which is as long as the bias.
                let dy = unsafe { s.load_partial(self.dys.as_ptr().add(row * cols + col), lanes) };
                sum = s.add(sum, dy);
            }
            let bias = self.bias.as_mut_ptr().wrapping_add(col);
            // SAFETY: and as many in the bias.
            unsafe { s.store_partial(bias, self.rule.apply(s, sum, s.load_partial(bias, lanes)), lanes) };
            col += S::LANES;
        }
    }
}
