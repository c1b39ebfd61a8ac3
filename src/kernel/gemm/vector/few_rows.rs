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
//! ascends in k as ever within a segment, each step waiting for the one before; some vectors take turns, so that the others' shuffles
//! fill the wait. Many rows pay for a packed panel instead (see [`super::blocks`]).

use super::plan;
use crate::kernel::gemm::product::{Operands, PANEL, Product, a_steps};
use crate::kernel::gemm::tile::{Finish, Place, first_values};
use crate::simd::{Pass, Simd};
use core::ops::Range;

/// The most rows that are few.
pub(super) const FEW: usize = 3;

/// A product of at most [`FEW`] rows with a transposed B.
pub(super) struct FewRows<'a, F, const TN: bool> {
    pub(super) product: &'a Product<'a, F>,
}

impl<F: Finish, const TN: bool> Pass for FewRows<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
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
    let Operands { n, k, c, c_stride, first, .. } = **product;
    let last_lanes = plan::last_lanes::<S>(n - col, NV);
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    let segment = product.segment();
    // SAFETY: 1. to 3. the caller's promises, for MR rows and these vectors of C; 4. segments of k.
    unsafe {
        let mut acc = first_values::<S, MR, NV>(s, first.at_col(col), place);
        add_segment::<S, MR, NV, TN>(s, product, place, 0..segment.min(k), &mut acc);
        if segment < k {
            let mut sums = [[[0.0; PANEL]; NV]; MR];
            for (acc, sums) in acc.as_flattened().iter().zip(sums.as_flattened_mut()) {
                s.store(sums.as_mut_ptr(), *acc);
            }
            s.call(OtherSegments::<MR, NV, TN>::new(product, place, &mut sums));
            for (acc, sums) in acc.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                *acc = s.load(sums.as_ptr());
            }
        }
        product.finish().finish(s, &mut acc, place);
    }
}

/// Adds the sums of all segments but the first to `sums`, vectors each of which has room for the widest. In a function of
/// its own: only long sums have several.
struct OtherSegments<'a, const MR: usize, const NV: usize, const TN: bool> {
    operands: &'a Operands,
    place: Place,
    sums: &'a mut [[[f32; PANEL]; NV]; MR],
}

impl<'a, const MR: usize, const NV: usize, const TN: bool> OtherSegments<'a, MR, NV, TN> {
    /// # Safety
    /// As for [`turns`], of the vectors at `place`.
    #[inline(always)]
    unsafe fn new(operands: &'a Operands, place: Place, sums: &'a mut [[[f32; PANEL]; NV]; MR]) -> Self {
        Self { operands, place, sums }
    }
}

impl<const MR: usize, const NV: usize, const TN: bool> Pass for OtherSegments<'_, MR, NV, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { operands, place, sums } = self;
        let (k, segment) = (operands.k, operands.segment());
        let mut start = segment;
        while start < k {
            let end = k.min(start + segment);
            let mut acc = [[s.splat(0.0); NV]; MR];
            // SAFETY: 1. to 3. whoever made this signed for it. 4. `end` is at most k.
            unsafe { add_segment::<S, MR, NV, TN>(s, operands, place, start..end, &mut acc) };
            for (acc, sum) in acc.as_flattened().iter().zip(sums.as_flattened_mut()) {
                // SAFETY: sixteen numbers, at least as many as a vector has.
                unsafe { s.store(sum.as_mut_ptr(), s.add(s.load(sum.as_ptr()), *acc)) };
            }
            start = end;
        }
    }
}

/// Adds the products of a stretch of k.
///
/// # Safety
/// 1. to 3. As for [`turns`], of the vectors at `place`.
/// 4. The stretch is part of the product's k.
#[inline(always)]
unsafe fn add_segment<S: Simd, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    operands: &Operands,
    place: Place,
    stretch: Range<usize>,
    acc: &mut [[S::V; NV]; MR],
) {
    let Operands { a, b, b_stride, .. } = *operands;
    let (a_row, a_k) = a_steps::<TN>(operands);
    let Range { mut start, end } = stretch;
    while start < end {
        let depth = S::LANES.min(end - start);
        for v in 0..NV {
            let rows = if v + 1 == NV { place.last_lanes } else { S::LANES };
            let block = b.wrapping_add((place.col + v * S::LANES) * b_stride + start);
            let x = a.wrapping_add(start * a_k);
            // SAFETY: MR rows of A (1), and of each the numbers of the stretch (4).
            let x = |r: usize, j: usize| s.splat(unsafe { x.wrapping_add(r * a_row + j * a_k).read() });
            if rows == S::LANES && depth == S::LANES {
                // SAFETY: of B's n rows as many as there are columns in the vector (2, 3), and of each the numbers of the
                // stretch (4).
                let columns = unsafe { s.load_transposed(block, b_stride, [S::LANES; 2]) };
                for (j, &column) in columns.iter().enumerate().take(S::LANES) {
                    for (r, acc) in acc.iter_mut().enumerate() {
                        acc[v] = s.mul_add(x(r, j), column, acc[v]);
                    }
                }
            } else {
                // SAFETY: see above.
                let columns = unsafe { s.load_transposed(block, b_stride, [rows, depth]) };
                for (j, &column) in columns.iter().enumerate().take(depth) {
                    for (r, acc) in acc.iter_mut().enumerate() {
                        acc[v] = s.mul_add(x(r, j), column, acc[v]);
                    }
                }
            }
        }
        start += S::LANES;
    }
}
