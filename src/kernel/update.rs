//! Optimisers' rules, applied where the gradient comes into being: in the registers of the product that forms it.

use super::elementwise::zip_in_place;
use super::gemm::{Finish, Place, for_each_vector};
use crate::Mat;
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
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &[[S::V; NV]; MR],
        place: Place,
    ) {
        for_each_vector::<S, MR, NV>(acc, place.last_lanes, |gradient, row, col, lanes| {
            let weight = place.c.wrapping_add(row * place.c_stride + col);
            // SAFETY: the caller's promise: inside the tile of C.
            unsafe { s.store_partial(weight, self.apply(s, gradient, s.load_partial(weight, lanes)), lanes) };
        });
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

/// The rule on a bias, whose gradient is the sum of the rows of `dys`, from the first to the last.
pub(crate) struct DescendColumns<'a> {
    pub(crate) rule: Descend,
    pub(crate) dys: Mat<'a>,
    pub(crate) bias: &'a mut [f32],
}

impl Pass for DescendColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let cols = self.bias.len().min(self.dys.cols());
        let mut col = 0;
        while col < cols {
            let lanes = (cols - col).min(S::LANES);
            let mut sum = s.splat(0.0);
            for row in 0..self.dys.rows() {
                let dy = self.dys.data().as_ptr().wrapping_add(row * self.dys.row_stride() + col);
                // SAFETY: `lanes` numbers from `col` on lie in each row of the view.
                sum = s.add(sum, unsafe { s.load_partial(dy, lanes) });
            }
            let bias = self.bias.as_mut_ptr().wrapping_add(col);
            // SAFETY: and as many in the bias.
            unsafe { s.store_partial(bias, self.rule.apply(s, sum, s.load_partial(bias, lanes)), lanes) };
            col += S::LANES;
        }
    }
}
