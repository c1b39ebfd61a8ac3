//! Products over a single k: storing C is most of the work.
//!
//! ```text
//! b[v] = the row of B, NV vectors                                     (once for a panel, kept in registers)
//! for each few rows of C, and each of them:
//!     acc[v] = first value;  acc[v] += A[row] * b[v]
//!     store it                                                        (NV stores for one broadcast and NV multiply-adds)
//! ```
//!
//! A core stores one vector a cycle, so that is the floor; the micro-kernel's start and end for each tile would be as
//! long as this again.

use super::Product;
use super::plan::Tiles;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{First, Place, Store, first_values, load_row, store_tile};
use crate::simd::{Pass, Simd};
use crate::{Isa, MatMut};

/// A product of one k whose sums are stored as they are, whose B does not lie transposed, and is multiplied by a factor first
/// if there is one.
pub(super) struct Thin<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) factor: Option<f32>,
}

impl Pass for Thin<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        debug_assert!(self.product.k == 1 && !self.product.b_transposed);
        // SAFETY: 1., 2. it was made so.
        unsafe { panels(s, self.product, self.factor) }
    }
}

/// A column times a row, added: `c = c + a^T (b factor)`.
pub(in crate::kernel::gemm) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], mut c: MatMut<'_>, factor: f32) {
    let (m, n) = (a.len().min(c.rows()), b.len().min(c.cols()));
    if m == 0 || n == 0 {
        return;
    }
    let operands = Operands {
        m,
        n,
        k: 1,
        a: a.as_ptr(),
        a_stride: a.len(),
        a_transposed: true,
        b: b.as_ptr(),
        b_len: b.len(),
        b_stride: b.len(),
        b_transposed: false,
        whole_n: usize::MAX,
        first: First::Output,
        c_stride: c.row_stride(),
        c: c.data_mut().as_mut_ptr(),
    };
    // SAFETY: 1. see above. 2., 3., 5. As many numbers as both slices and C have, borrowed until the end of this
    // function. 4., 6. There is nothing to point to.
    let product = unsafe { Product::new(operands, Store::Sums) };
    isa.call(Thin { product: &product, factor: Some(factor) });
}

/// All columns, a few vectors at a time; B is multiplied by the factor first, if there is one.
///
/// # Safety
/// 1. The product has one k.
/// 2. Its B does not lie transposed.
#[inline(always)]
unsafe fn panels<S: Simd>(s: S, product: &Product<'_>, factor: Option<f32>) {
    let mut col = 0;
    while col < product.n {
        // B's rows and a tile of C fit the registers: sixteen of them, or thirty-two of sixteen lanes.
        let vectors = (product.n - col).div_ceil(S::LANES).min(if S::LANES == 16 { 4 } else { 2 });
        let vectors = if vectors == 3 { 2 } else { vectors };
        // SAFETY: 1., 2. the caller's promises. 3. So many vectors are left, the last perhaps in part.
        unsafe {
            match vectors {
                1 => panel::<S, 8, 1>(s, product, col, factor),
                2 => panel::<S, 4, 2>(s, product, col, factor),
                _ if const { S::LANES < 16 } => {}
                _ => panel::<S, 2, 4>(s, product, col, factor),
            }
        }
        col += vectors * S::LANES;
    }
}

/// All rows of the `NV` vectors of columns from `col` on, the last of which may be in part; `MR` at a time where there are
/// vector registers to hold them. (Row by row, an old C that is read as part of a vector waits for the row above, stored
/// just before, whenever both lie in the sixty-four bytes that a processor compares.)
///
/// # Safety
/// 1., 2. As for [`panels`].
/// 3. These vectors lie inside C, the last perhaps in part.
#[inline(always)]
unsafe fn panel<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    product: &Product<'_>,
    col: usize,
    factor: Option<f32>,
) {
    let Operands { m, n, c_stride, .. } = **product;
    let last_lanes = Tiles::of::<S>().last_lanes(n - col, NV);
    let c = product.c.wrapping_add(col);
    let mut place = Place { c, c_stride, row: 0, col, last_lanes };
    // SAFETY: these vectors (3) of K rows of B (1); then rows of A and C while there are so many.
    unsafe {
        let mut b: [S::V; NV] = load_row(s, product.b.wrapping_add(col), last_lanes);
        if let Some(factor) = factor {
            for b in &mut b {
                *b = s.mul(*b, s.splat(factor));
            }
        }
        while place.row + MR <= m {
            tile::<S, MR, NV>(s, product, &b, &mut place);
        }
        while place.row < m {
            tile::<S, 1, NV>(s, product, &b, &mut place);
        }
    }
}

/// `MR` rows at `place`, which moves past them.
///
/// # Safety
/// 1., 2. As for [`panels`].
/// 3. `place` is `MR` rows of `NV` vectors inside C, the last perhaps in part.
#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    product: &Product<'_>,
    b: &[S::V; NV],
    place: &mut Place,
) {
    let (a_row, _) = product.a_steps();
    // SAFETY: MR rows of K numbers of A (1, 3), and a tile of C.
    unsafe {
        let mut a = product.a.wrapping_add(place.row * a_row);
        let mut acc = first_values::<S, MR, NV>(s, product.first.at_col(place.col), *place);
        for r in 0..MR {
            let x = s.splat(a.read());
            for v in 0..NV {
                acc[r][v] = s.mul_add(x, b[v], acc[r][v]);
            }
            a = a.wrapping_add(a_row);
        }
        store_tile(s, &acc, *place);
    }
    place.c = place.c.wrapping_add(MR * place.c_stride);
    place.row += MR;
}
