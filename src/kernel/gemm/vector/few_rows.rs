//! A few rows by a B that lies transposed: the gradient of a sample or two, whose vectors along n must be made of columns.
//!
//! ```text
//! for each two or four vectors of columns of C:
//!     for each LANES k:
//!         for each of these vectors:
//!             column[j] = the numbers of B at k + j, one of each of LANES rows       (a block, transposed in registers)
//!             for j, for each row of C:  acc[row] += A[row, k + j] * column[j]
//! ```
//!
//! Transposing costs more than multiplying here, so a block goes from its shuffles straight into multiply-adds. A sum
//! ascends in k as ever, each step waiting for the one before; some vectors take turns, so that the others' shuffles
//! fill the wait. Many rows pay for a packed panel instead (see [`super::blocks`]).

use super::plan;
use crate::kernel::gemm::product::{Operands, Product, a_steps};
use crate::kernel::gemm::tile::{Finish, Place, first_values};
use crate::simd::{Pass, Simd};

/// The most rows that are few.
pub(super) const FEW: usize = 3;

/// A product of at most [`FEW`] rows with a transposed B, whose sums have one segment.
pub(super) struct FewRows<'a, F, const TN: bool> {
    pub(super) product: &'a Product<'a, F>,
}

impl<F: Finish, const TN: bool> Pass for FewRows<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.segment() >= product.k);
        debug_assert!(product.m <= FEW && product.b_transposed && product.a_transposed == TN);
        match product.m {
            1 => s.call(Columns::<F, 1, TN> { product }),
            2 => s.call(Columns::<F, 2, TN> { product }),
            _ => s.call(Columns::<F, 3, TN> { product }),
        }
    }
}

/// The same of `MR` rows: a function of its own, so that no frame holds the other two, which unoptimised it would.
struct Columns<'a, F, const MR: usize, const TN: bool> {
    product: &'a Product<'a, F>,
}

impl<F: Finish, const MR: usize, const TN: bool> Pass for Columns<'_, F, MR, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        debug_assert!(self.product.m == MR);
        // SAFETY: 1. it has so many rows, at least one and at most three. 2. As it was made.
        unsafe { columns::<S, F, MR, TN>(s, self.product) }
    }
}

/// All columns of `MR` rows.
///
/// # Safety
/// 1. The product has `MR` rows.
/// 2. Its B lies transposed, and A as `TN` says.
#[inline(always)]
unsafe fn columns<S: Simd, F: Finish, const MR: usize, const TN: bool>(s: S, product: &Product<'_, F>) {
    let mut col = 0;
    // Four sums, or eight, in all: enough to fill the wait, and few enough to stay in registers beside a block.
    let vectors = const { if MR <= 2 { 4 } else { 2 } };
    while product.n - col >= vectors * S::LANES {
        // SAFETY: 1., 2. the caller's promises. 3. So many vectors are left.
        unsafe {
            match vectors {
                4 => turns::<S, F, MR, 4, TN>(s, product, col),
                _ => turns::<S, F, MR, 2, TN>(s, product, col),
            }
        }
        col += vectors * S::LANES;
    }
    while col < product.n {
        // SAFETY: 1., 2. the caller's promises. 3. At least one column is left.
        unsafe { turns::<S, F, MR, 1, TN>(s, product, col) };
        col += S::LANES;
    }
}

/// The `NV` vectors of columns from `col` on, the last of which may be in part.
///
/// # Safety
/// 1., 2. As for [`columns`].
/// 3. All these vectors but the last lie inside C, and of the last at least one lane.
#[inline(always)]
unsafe fn turns<S: Simd, F: Finish, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    col: usize,
) {
    let Operands { n, k, a, b, b_stride, c, c_stride, first, .. } = **product;
    let (a_row, a_k) = a_steps::<TN>(product);
    let last_lanes = plan::last_lanes::<S>(n - col, NV);
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    // SAFETY: MR rows of A and C (1); of B's n rows as many as there are columns in each vector (2, 3), and of each as
    // many numbers as are left of k.
    unsafe {
        let mut acc = first_values::<S, MR, NV>(s, first.at_col(col), place);
        let mut start = 0;
        while start < k {
            let depth = S::LANES.min(k - start);
            for v in 0..NV {
                let rows = if v + 1 == NV { last_lanes } else { S::LANES };
                let block = b.wrapping_add((col + v * S::LANES) * b_stride + start);
                let x = a.wrapping_add(start * a_k);
                let x = |r: usize, j: usize| s.splat(x.wrapping_add(r * a_row + j * a_k).read());
                if rows == S::LANES && depth == S::LANES {
                    let columns = s.load_transposed(block, b_stride, [S::LANES; 2]);
                    for (j, &column) in columns.iter().enumerate().take(S::LANES) {
                        for (r, acc) in acc.iter_mut().enumerate() {
                            acc[v] = s.mul_add(x(r, j), column, acc[v]);
                        }
                    }
                } else {
                    let columns = s.load_transposed(block, b_stride, [rows, depth]);
                    for (j, &column) in columns.iter().enumerate().take(depth) {
                        for (r, acc) in acc.iter_mut().enumerate() {
                            acc[v] = s.mul_add(x(r, j), column, acc[v]);
                        }
                    }
                }
            }
            start += S::LANES;
        }
        product.finish().finish(s, &mut acc, place);
    }
}
