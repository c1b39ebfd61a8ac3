//! One row by a B that lies transposed: the gradient of a sample, whose vectors along n must be made of columns.
//!
//! ```text
//! for each two vectors of columns of C:
//!     for each LANES k:
//!         for each of these vectors:
//!             column[j] = the numbers of B at k + j, one of each of LANES rows       (a block, transposed in registers)
//!             for j:  acc[v] += A[0, k + j] * column[j]
//! ```
//!
//! Transposing costs more than multiplying here, so a block goes from its shuffles straight into multiply-adds. A sum
//! ascends in k as ever, each step waiting for the one before; two vectors take turns, so that the other's shuffles
//! fill the wait. More rows pay for a packed panel instead (see [`super::blocks`]).
//!
//! Past the last k, A is taken to be -0.0 and B zero: to add their product changes no sum, not even one of -0.0, and takes
//! no branch.

use super::Product;
use super::plan::Tiles;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{Place, first_values, store_tile};
use crate::simd::{Pass, Simd};

/// The sums of a product of one row with a transposed B, of one segment each: what becomes of them is for the caller.
pub(super) struct TransposedRow<'a> {
    pub(super) product: &'a Product<'a>,
}

impl Pass for TransposedRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.m == 1 && product.b_transposed && product.segment() >= product.k);
        let mut col = 0;
        // SAFETY: 1. it was made so. 2. So many columns are left.
        unsafe {
            while product.n - col > S::LANES {
                turns::<S, 2>(s, product, col);
                col += 2 * S::LANES;
                if col >= product.n {
                    return;
                }
            }
            turns::<S, 1>(s, product, col);
        }
    }
}

/// The `NV` vectors of columns from `col` on, the last of which may be in part.
///
/// # Safety
/// 1. The product has one row, and its B lies transposed.
/// 2. All these vectors but the last lie inside C, and of the last at least one lane.
#[inline(always)]
unsafe fn turns<S: Simd, const NV: usize>(s: S, product: &Operands, col: usize) {
    let Operands { n, k, a, b, b_stride, c, c_stride, first, .. } = *product;
    let (_, a_k) = product.a_steps();
    let last_lanes = Tiles::of::<S>().last_lanes(n - col, NV);
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    let mut xs = [-0.0; 16];
    // SAFETY: one row of A and C (1); of B's n rows as many as there are columns in each vector (2), and of each as many
    // numbers as are left of k.
    unsafe {
        let mut acc = first_values::<S, 1, NV>(s, first.at_col(col), place);
        let mut start = 0;
        while start < k {
            let depth = S::LANES.min(k - start);
            let (mut x, mut x_step) = (a.wrapping_add(start * a_k), a_k);
            if depth < S::LANES {
                for (j, to) in xs.iter_mut().enumerate().take(depth) {
                    *to = x.wrapping_add(j * a_k).read();
                }
                (x, x_step) = (xs.as_ptr(), 1);
            }
            for v in 0..NV {
                let rows = if v + 1 == NV { last_lanes } else { S::LANES };
                let block = b.wrapping_add((col + v * S::LANES) * b_stride + start);
                let columns = s.load_transposed(block, b_stride, [rows, depth]);
                for j in 0..S::LANES {
                    let x = s.splat(x.wrapping_add(j * x_step).read());
                    acc[0][v] = s.mul_add(x, columns[j], acc[0][v]);
                }
            }
            start += S::LANES;
        }
        store_tile(s, &acc, place);
    }
}
