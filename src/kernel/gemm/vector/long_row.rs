//! One long row: m = 1, n of [`LONG`] or more, a B that does not lie transposed, and a finish that does not read C.
//!
//! ```text
//! c = first value
//! for four rows of B at a time:                                        (from end to end, as prefetching likes best)
//!     for each four vectors of c:  c += A[0, j] * B[j] for the four j  (c stays in L1)
//! finish(c)
//! ```
//!
//! All the work is reading B once. Panels would read a piece of each row, and learn nothing of the next; whole rows, a few
//! at a time, come within a tenth of a plain read. k ascends into one sum as ever, which between two rounds lies in C.

use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Product, a_steps};
use crate::kernel::gemm::tile::{Finish, First, Place, first_values};
use crate::simd::{Pass, Simd};

/// Numbers in a row from which on it is long: two of the widest panels of sixteen lanes.
pub(super) const LONG: usize = 256;

/// Rows of B in a round.
const STEPS: usize = 4;

/// A product of one long row, whose finish does not read C.
pub(super) struct LongRow<'a, F, const TN: bool> {
    pub(super) product: &'a Product,
    pub(super) finish: &'a F,
}

impl<F: Finish, const TN: bool> Pass for LongRow<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut part = *self.product;
        while part.k > STEPS {
            sweep::<S, Activate, STEPS, TN>(s, &part, &Activate::Nothing);
            part.k -= STEPS;
            part.a = part.a.wrapping_add(STEPS * a_steps::<TN>(&part).1);
            part.b = part.b.wrapping_add(STEPS * part.b_stride);
            part.first = First::Output;
        }
        match part.k {
            0 => sweep::<S, F, 0, TN>(s, &part, self.finish),
            1 => sweep::<S, F, 1, TN>(s, &part, self.finish),
            2 => sweep::<S, F, 2, TN>(s, &part, self.finish),
            3 => sweep::<S, F, 3, TN>(s, &part, self.finish),
            _ => sweep::<S, F, STEPS, TN>(s, &part, self.finish),
        }
    }
}

/// Adds the first `K` products to all of the row, and finishes it.
#[inline(always)]
fn sweep<S: Simd, F: Finish, const K: usize, const TN: bool>(s: S, product: &Product, finish: &F) {
    let Product { n, a, .. } = *product;
    let (_, a_k) = a_steps::<TN>(product);
    // SAFETY: whoever made the product promised K numbers of A.
    let x: [S::V; K] = core::array::from_fn(|j| s.splat(unsafe { a.wrapping_add(j * a_k).read() }));
    let mut col = 0;
    while n - col >= 4 * S::LANES {
        vectors::<S, F, K, 4>(s, product, finish, &x, col, S::LANES);
        col += 4 * S::LANES;
    }
    while col < n {
        vectors::<S, F, K, 1>(s, product, finish, &x, col, S::LANES.min(n - col));
        col += S::LANES;
    }
}

/// The `NV` vectors from `col` on, the last of which has `last_lanes`.
#[inline(always)]
fn vectors<S: Simd, F: Finish, const K: usize, const NV: usize>(
    s: S,
    product: &Product,
    finish: &F,
    x: &[S::V; K],
    col: usize,
    last_lanes: usize,
) {
    let Product { b, b_stride, c, c_stride, first, .. } = *product;
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    // SAFETY: whoever made the product promised K rows of B, and a row of C, as long as n.
    unsafe {
        let mut acc = first_values::<S, 1, NV>(s, first.at_col(col), place);
        for (j, &x) in x.iter().enumerate() {
            let row = b.wrapping_add(j * b_stride + col);
            for (v, acc) in acc[0].iter_mut().enumerate() {
                let lanes = if v + 1 == NV { last_lanes } else { S::LANES };
                *acc = s.mul_add(x, s.load_partial(row.wrapping_add(v * S::LANES), lanes), *acc);
            }
        }
        finish.finish(s, &mut acc, place);
    }
}
