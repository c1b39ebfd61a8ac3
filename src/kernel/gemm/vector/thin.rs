//! Products over one, two or three k: sums so short that storing C is most of the work.
//!
//! ```text
//! b[j][v] = K rows of B, NV vectors each                              (once for a panel, kept in registers)
//! for each few rows of C, and each of them:
//!     acc[v] = first value;  acc[v] += A[row, j] * b[j][v] for each j
//!     finish(acc), and store it                                       (NV stores for K broadcasts and K * NV multiply-adds)
//! ```
//!
//! A core stores one vector a cycle, so that is the floor; the micro-kernel's start and end for each tile would be as
//! long as this again.

use super::plan;
use crate::MatMut;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Operands, Product, a_steps};
use crate::kernel::gemm::tile::{Finish, First, Place, first_values, load_row};
use crate::simd::{Pass, Simd};

/// The longest sum that is thin.
pub(super) const THIN: usize = 3;

/// A thin product, whose B does not lie transposed.
pub(super) struct Thin<'a, F, const TN: bool> {
    pub(super) product: &'a Product<'a, F>,
}

impl<F: Finish, const TN: bool> Pass for Thin<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!((1..=THIN).contains(&product.k) && !product.b_transposed && product.a_transposed == TN);
        match product.k {
            1 => s.call(Panels::<F, 1, TN> { product }),
            2 => s.call(Panels::<F, 2, TN> { product }),
            _ => s.call(Panels::<F, 3, TN> { product }),
        }
    }
}

/// A thin product of `K` k: a function of its own, so that no frame holds the other two, which unoptimised it would.
struct Panels<'a, F, const K: usize, const TN: bool> {
    product: &'a Product<'a, F>,
}

impl<F: Finish, const K: usize, const TN: bool> Pass for Panels<'_, F, K, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        debug_assert!(self.product.k == K);
        // SAFETY: 1. that is its k, for a thin product has one at least, and three at most. 2. As it was made.
        unsafe { panels::<S, F, K, TN>(s, self.product, None) }
    }
}

/// A column times a row, added: `c = c + a^T (b factor)`.
pub(super) struct RankOne<'a, 'c> {
    pub(super) a: &'a [f32],
    pub(super) b: &'a [f32],
    pub(super) c: &'a mut MatMut<'c>,
    pub(super) factor: f32,
}

impl Pass for RankOne<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { a, b, c, factor } = self;
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
        let product = unsafe { Product::new(operands, Activate::Nothing) };
        // SAFETY: 1., 2. it was made so.
        unsafe { panels::<S, Activate, 1, true>(s, &product, Some(factor)) };
    }
}

/// All columns, a few vectors at a time; B is multiplied by the factor first, if there is one.
///
/// # Safety
/// 1. The product has `K` k.
/// 2. Its B does not lie transposed, and A as `TN` says.
#[inline(always)]
unsafe fn panels<S: Simd, F: Finish, const K: usize, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    factor: Option<f32>,
) {
    let mut col = 0;
    while col < product.n {
        // B's rows and a tile of C fit the registers: sixteen of them, or thirty-two of sixteen lanes.
        let vectors = (product.n - col).div_ceil(S::LANES).min(if S::LANES == 16 { 4 } else { 2 });
        // SAFETY: 1., 2. the caller's promises. 3. So many vectors are left, the last perhaps in part.
        unsafe {
            match vectors {
                1 => panel::<S, F, K, 8, 1, TN>(s, product, col, factor),
                2 => panel::<S, F, K, 4, 2, TN>(s, product, col, factor),
                3 => panel::<S, F, K, 2, 3, TN>(s, product, col, factor),
                _ => panel::<S, F, K, 2, 4, TN>(s, product, col, factor),
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
unsafe fn panel<S: Simd, F: Finish, const K: usize, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    col: usize,
    factor: Option<f32>,
) {
    let Operands { m, n, b_stride, c_stride, .. } = **product;
    let last_lanes = plan::last_lanes::<S>(n - col, NV);
    let c = product.c.wrapping_add(col);
    let mut place = Place { c, c_stride, row: 0, col, last_lanes };
    // SAFETY: these vectors (3) of K rows of B (1); then rows of A and C while there are so many.
    unsafe {
        let mut b: [[S::V; NV]; K] =
            core::array::from_fn(|j| load_row(s, product.b.wrapping_add(j * b_stride + col), last_lanes));
        if let Some(factor) = factor {
            for b in b.as_flattened_mut() {
                *b = s.mul(*b, s.splat(factor));
            }
        }
        while place.row + MR <= m {
            tile::<S, F, K, MR, NV, TN>(s, product, &b, &mut place);
        }
        while place.row < m {
            tile::<S, F, K, 1, NV, TN>(s, product, &b, &mut place);
        }
    }
}

/// `MR` rows at `place`, which moves past them.
///
/// # Safety
/// 1., 2. As for [`panels`].
/// 3. `place` is `MR` rows of `NV` vectors inside C, the last perhaps in part.
#[inline(always)]
unsafe fn tile<S: Simd, F: Finish, const K: usize, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    b: &[[S::V; NV]; K],
    place: &mut Place,
) {
    let (a_row, a_k) = a_steps::<TN>(product);
    // SAFETY: MR rows of K numbers of A (1, 3), and a tile of C.
    unsafe {
        let mut a = product.a.wrapping_add(place.row * a_row);
        let mut acc = first_values::<S, MR, NV>(s, product.first.at_col(place.col), *place);
        for acc in &mut acc {
            for (j, b) in b.iter().enumerate() {
                let x = s.splat(a.wrapping_add(j * a_k).read());
                for (acc, &b) in acc.iter_mut().zip(b) {
                    *acc = s.mul_add(x, b, *acc);
                }
            }
            a = a.wrapping_add(a_row);
        }
        product.finish().finish(s, &mut acc, *place);
    }
    place.c = place.c.wrapping_add(MR * place.c_stride);
    place.row += MR;
}
