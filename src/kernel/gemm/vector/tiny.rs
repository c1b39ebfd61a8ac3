//! Products that are one tile of one vector: networks of a few neurons, where finding the way to the micro-kernel would
//! take longer than multiplying.
//!
//! The sum is the micro-kernel's, one segment with k ascending, so the bits are; only the way there is shorter. For
//! instruction sets whose masks make part of a vector cost no more than a whole one.

use super::micro::{Rows, step};
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::segments;
use crate::kernel::gemm::tile::{Finish, Place, first_values};
use crate::simd::{Pass, Simd};

/// Sums up to this long have one segment.
const SHORT: usize = segments::SHORTEST;

/// Rows of the largest: two tiles of eight.
const MOST_ROWS: usize = 16;

/// Whether a product is one.
#[inline(always)]
pub(super) fn is_tiny<S: Simd>(operands: &Operands) -> bool {
    let Operands { m, n, k, b_transposed, .. } = *operands;
    S::MASKS && n <= S::LANES && k <= SHORT && m <= MOST_ROWS && !b_transposed
}

/// One tile of `MR` rows from `row` on and `product.n` lanes.
struct Tiny<'a, F, const MR: usize, const TN: bool> {
    product: &'a Product<'a, F>,
    row: usize,
}

impl<'a, F, const MR: usize, const TN: bool> Tiny<'a, F, MR, TN> {
    /// # Safety
    /// 1. The product [`is_tiny`], and has so many rows.
    /// 2. Its A lies as `TN` says.
    #[inline(always)]
    unsafe fn new(product: &'a Product<'a, F>, row: usize) -> Self {
        debug_assert!(row + MR <= product.m && product.a_transposed == TN);
        Self { product, row }
    }
}

impl<F: Finish, const MR: usize, const TN: bool> Pass for Tiny<'_, F, MR, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Operands { n, k, a, a_stride, b, b_stride, first, c, c_stride, .. } = **self.product;
        let row = self.row;
        let a = a.wrapping_add(row * if TN { 1 } else { a_stride });
        let place = Place { c: c.wrapping_add(row * c_stride), c_stride, row, col: 0, last_lanes: n };
        // SAFETY: a tile of MR rows and n lanes, n being at most a vector's: as many rows of A and C, and k rows of B.
        unsafe {
            let mut acc = first_values::<S, MR, 1>(s, first, place);
            let (mut a, mut b) = (Rows::<MR, TN>::new(a, a_stride), b);
            for _ in 0..k / 2 {
                step::<S, MR, 1, TN, false>(s, a, b, 0, n, &mut acc);
                step::<S, MR, 1, TN, false>(s, a.ahead(1), b.wrapping_add(b_stride), 0, n, &mut acc);
                a = a.ahead(2).in_registers(s);
                b = b.wrapping_add(2 * b_stride);
            }
            if k % 2 == 1 {
                step::<S, MR, 1, TN, false>(s, a, b, 0, n, &mut acc);
            }
            self.product.finish().finish(s, &mut acc, place);
        }
    }
}

/// Computes a product that [`is_tiny`].
///
/// # Safety
/// 1. It is.
/// 2. Its A lies as `TN` says.
#[inline(always)]
pub(super) unsafe fn run<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product<'_, F>) {
    // SAFETY: 1. as many rows as it has, in two tiles where that is more than the registers hold. 2. The caller's promise.
    unsafe {
        match product.m {
            1 => s.call(Tiny::<F, 1, TN>::new(product, 0)),
            2 => s.call(Tiny::<F, 2, TN>::new(product, 0)),
            3 => s.call(Tiny::<F, 3, TN>::new(product, 0)),
            4 => s.call(Tiny::<F, 4, TN>::new(product, 0)),
            5 => s.call(Tiny::<F, 5, TN>::new(product, 0)),
            6 => s.call(Tiny::<F, 6, TN>::new(product, 0)),
            7 => s.call(Tiny::<F, 7, TN>::new(product, 0)),
            8 => s.call(Tiny::<F, 8, TN>::new(product, 0)),
            9 => s.call(Tiny::<F, 9, TN>::new(product, 0)),
            10 => s.call(Tiny::<F, 10, TN>::new(product, 0)),
            11 => s.call(Tiny::<F, 11, TN>::new(product, 0)),
            12 => s.call(Tiny::<F, 12, TN>::new(product, 0)),
            13 => s.call(Tiny::<F, 13, TN>::new(product, 0)),
            14 => s.call(Tiny::<F, 14, TN>::new(product, 0)),
            15 => {
                s.call(Tiny::<F, 8, TN>::new(product, 0));
                s.call(Tiny::<F, 7, TN>::new(product, 8));
            }
            m => {
                debug_assert!(m == MOST_ROWS);
                s.call(Tiny::<F, 8, TN>::new(product, 0));
                s.call(Tiny::<F, 8, TN>::new(product, 8));
            }
        }
    }
}
