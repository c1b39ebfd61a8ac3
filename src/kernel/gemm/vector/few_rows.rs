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

use super::Product;
use super::plan::Tiles;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{Place, finish, first_values};
use crate::simd::{Pass, Simd};

/// The most rows that are few.
pub(super) const FEW: usize = 3;

/// A product of at most [`FEW`] rows with a transposed B, whose sums have one segment.
pub(super) struct FewRows<'a> {
    pub(super) product: &'a Product<'a>,
}

impl Pass for FewRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.segment() >= product.k);
        debug_assert!(product.m <= FEW && product.b_transposed);
        match product.m {
            1 => s.call(Columns::<1> { product }),
            2 => s.call(Columns::<2> { product }),
            _ => s.call(Columns::<3> { product }),
        }
    }
}

/// The same of `MR` rows: a function of its own, so that no frame holds the other two, which unoptimised it would.
struct Columns<'a, const MR: usize> {
    product: &'a Product<'a>,
}

impl<const MR: usize> Pass for Columns<'_, MR> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        debug_assert!(self.product.m == MR);
        // SAFETY: 1. it has so many rows, at least one and at most three. 2. As it was made.
        unsafe { columns::<S, MR>(s, self.product) }
    }
}

/// All columns of `MR` rows.
///
/// # Safety
/// 1. The product has `MR` rows.
/// 2. Its B lies transposed.
#[inline(always)]
unsafe fn columns<S: Simd, const MR: usize>(s: S, product: &Product<'_>) {
    let mut col = 0;
    // Four sums, or eight, in all: enough to fill the wait, and few enough to stay in registers beside a block.
    let vectors = const { if MR <= 2 { 4 } else { 2 } };
    while product.n - col >= vectors * S::LANES {
        // SAFETY: 1., 2. the caller's promises. 3. So many vectors are left.
        unsafe {
            if const { MR <= 2 } {
                turns::<S, MR, 4>(s, product, col);
            } else {
                turns::<S, MR, 2>(s, product, col);
            }
        }
        col += vectors * S::LANES;
    }
    while col < product.n {
        // SAFETY: 1., 2. the caller's promises. 3. At least one column is left.
        unsafe { turns::<S, MR, 1>(s, product, col) };
        col += S::LANES;
    }
}

/// The `NV` vectors of columns from `col` on, the last of which may be in part.
///
/// # Safety
/// 1., 2. As for [`columns`].
/// 3. All these vectors but the last lie inside C, and of the last at least one lane.
#[inline(always)]
unsafe fn turns<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    product: &Product<'_>,
    col: usize,
) {
    let Operands { n, k, a, b, b_stride, c, c_stride, first, .. } = **product;
    let (a_row, a_k) = product.a_steps();
    let last_lanes = Tiles::of::<S>().last_lanes(n - col, NV);
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
                let columns = s.load_transposed(block, b_stride, [rows, depth]);
                if depth == S::LANES {
                    for j in 0..S::LANES {
                        for r in 0..MR {
                            acc[r][v] = s.mul_add(x(r, j), columns[j], acc[r][v]);
                        }
                    }
                } else {
                    for j in 0..depth {
                        for r in 0..MR {
                            acc[r][v] = s.mul_add(x(r, j), columns[j], acc[r][v]);
                        }
                    }
                }
            }
            start += S::LANES;
        }
        finish(s, &mut acc, place, *product.finish());
    }
}
