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
use crate::kernel::gemm::product::{Product, a_steps};
use crate::kernel::gemm::tile::{Finish, First, Place, first_values, load_row};
use crate::simd::{Pass, Simd};

/// The longest sum that is thin.
pub(super) const THIN: usize = 3;

/// A thin product, whose B does not lie transposed.
pub(super) struct Thin<'a, F, const TN: bool> {
    pub(super) product: &'a Product,
    pub(super) finish: &'a F,
}

impl<F: Finish, const TN: bool> Pass for Thin<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.product.k {
            1 => panels::<S, F, 1, TN>(s, self.product, self.finish, None),
            2 => panels::<S, F, 2, TN>(s, self.product, self.finish, None),
            _ => panels::<S, F, 3, TN>(s, self.product, self.finish, None),
        }
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
        let product = Product {
            m: a.len().min(c.rows()),
            n: b.len().min(c.cols()),
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
        panels::<S, Activate, 1, true>(s, &product, &Activate::Nothing, Some(factor));
    }
}

#[inline(always)]
fn panels<S: Simd, F: Finish, const K: usize, const TN: bool>(
    s: S,
    product: &Product,
    finish: &F,
    factor: Option<f32>,
) {
    let mut col = 0;
    while col < product.n {
        // B's rows and a tile of C fit the registers: sixteen of them, or thirty-two of sixteen lanes.
        let vectors = (product.n - col).div_ceil(S::LANES).min(if S::LANES == 16 { 4 } else { 2 });
        match vectors {
            1 => panel::<S, F, K, 8, 1, TN>(s, product, finish, col, factor),
            2 => panel::<S, F, K, 4, 2, TN>(s, product, finish, col, factor),
            3 => panel::<S, F, K, 2, 3, TN>(s, product, finish, col, factor),
            _ => panel::<S, F, K, 2, 4, TN>(s, product, finish, col, factor),
        }
        col += vectors * S::LANES;
    }
}

/// All rows of the `NV` vectors of columns from `col` on, the last of which may be in part; `MR` at a time where there are
/// vector registers to hold them. (Row by row, an old C that is read as part of a vector waits for the row above, stored
/// just before, whenever both lie in the sixty-four bytes that a processor compares.)
#[inline(always)]
fn panel<S: Simd, F: Finish, const K: usize, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    product: &Product,
    finish: &F,
    col: usize,
    factor: Option<f32>,
) {
    let Product { m, n, b_stride, c_stride, .. } = *product;
    let last_lanes = plan::last_lanes::<S>(n - col, NV);
    let c = product.c.wrapping_add(col);
    let mut place = Place { c, c_stride, row: 0, col, last_lanes };
    // SAFETY: whoever made the product promised that its operands hold it: K rows of B, m of A and of C.
    unsafe {
        let mut b: [[S::V; NV]; K] =
            core::array::from_fn(|j| load_row(s, product.b.wrapping_add(j * b_stride + col), last_lanes));
        if let Some(factor) = factor {
            for b in b.as_flattened_mut() {
                *b = s.mul(*b, s.splat(factor));
            }
        }
        while place.row + MR <= m {
            tile::<S, F, K, MR, NV, TN>(s, product, finish, &b, &mut place);
        }
        while place.row < m {
            tile::<S, F, K, 1, NV, TN>(s, product, finish, &b, &mut place);
        }
    }
}

/// `MR` rows at `place`, which moves past them.
///
/// # Safety
/// The product has these rows.
#[inline(always)]
unsafe fn tile<S: Simd, F: Finish, const K: usize, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    product: &Product,
    finish: &F,
    b: &[[S::V; NV]; K],
    place: &mut Place,
) {
    let (a_row, a_k) = a_steps::<TN>(product);
    // SAFETY: the caller's promise.
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
        finish.finish(s, &mut acc, *place);
    }
    place.c = place.c.wrapping_add(MR * place.c_stride);
    place.row += MR;
}
