//! One column: products of n = 1 whose A has its rows along k. Each element is a dot product, so here vectors lie along k.
//!
//! ```text
//! acc[0] = first value, acc[1..64] = 0                               64 virtual lanes
//! for each i:  acc[i % 64] += A[row, i] * b[i]
//! while more than one is left: acc[lower half] += acc[upper half]
//! ```
//!
//! The last 64 products are made up with zeros, so a sum of -0.0 ends as +0.0.
//!
//! The order is that of the crate's reductions: virtual lanes, the same number on every instruction set, and a fixed
//! tree. Sixty-four of them are four registers of sixteen lanes, and keep the multiply-add units busy even for a single
//! row. What bounds the kernel is reading A: a line a cycle from L2 is half the peak.

use super::Product;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{First, Place, finish};
use crate::simd::{Pass, Simd};

/// Virtual lanes of a sum.
const SUMS: usize = 64;

/// A product of one column, whose A does not lie transposed.
pub(super) struct Column<'a> {
    pub(super) product: &'a Product<'a>,
}

impl Pass for Column<'_> {
    type Output = ();

    /// As many rows, and of each as many of the 64 sums, at a time as there are registers for.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.n == 1 && !product.a_transposed);
        let mut row = 0;
        if S::LANES == 16 {
            while row + 4 <= product.m {
                // SAFETY: there are four more rows.
                unsafe { rows::<S, 4, 4, 4>(s, product, row) };
                row += 4;
            }
        }
        while row < product.m {
            // SAFETY: there is one more row.
            unsafe {
                match S::LANES {
                    16 => rows::<S, 1, 4, 4>(s, product, row),
                    8 => rows::<S, 1, 8, 8>(s, product, row),
                    _ => rows::<S, 1, 16, 8>(s, product, row),
                }
            }
            row += 1;
        }
    }
}

/// `MR` rows from `row` on, whose sums are `NV` vectors, `AT_ONCE` of them in registers at a time.
///
/// # Safety
/// 1. The product has these rows.
/// 2. It has one column, and its A does not lie transposed.
#[inline(always)]
unsafe fn rows<S: Simd, const MR: usize, const NV: usize, const AT_ONCE: usize>(
    s: S,
    product: &Product<'_>,
    row: usize,
) {
    if const { NV * S::LANES != SUMS } {
        return;
    }
    let c = product.c.wrapping_add(row * product.c_stride);
    let mut sums = [[s.splat(0.0); NV]; MR];
    // SAFETY: rows of C, and of A, that the product has (1); the first value of a column is one number (2).
    unsafe {
        for (r, sums) in sums.iter_mut().enumerate() {
            let first = match product.first {
                First::Zero => 0.0,
                First::Row(bias) => bias.read(),
                First::Output => c.wrapping_add(r * product.c_stride).read(),
            };
            sums[0] = s.load_partial(&first, 1);
        }
        for v in (0..NV).step_by(AT_ONCE) {
            let mut acc = [[s.splat(0.0); AT_ONCE]; MR];
            for (acc, sums) in acc.iter_mut().zip(&sums) {
                acc.copy_from_slice(&sums[v..v + AT_ONCE]);
            }
            add_products(s, product, row, v * S::LANES, &mut acc);
            for (sums, acc) in sums.iter_mut().zip(&acc) {
                sums[v..v + AT_ONCE].copy_from_slice(acc);
            }
        }
        let mut acc = [[s.splat(0.0); 1]; MR];
        for (acc, sums) in acc.iter_mut().zip(&mut sums) {
            let mut half = NV / 2;
            while half > 0 {
                for i in 0..half {
                    sums[i] = s.add(sums[i], sums[half + i]);
                }
                half /= 2;
            }
            acc[0] = s.splat(s.reduce_add(sums[0]));
        }
        let place = Place { c, c_stride: product.c_stride, row, col: 0, last_lanes: 1 };
        finish(s, &mut acc, place, product.finish());
    }
}

/// Adds to `acc`, the `N` vectors of sums from the `first` on, of `MR` rows from `row` on, all that belongs there.
///
/// # Safety
/// As for [`rows`]; `first + N * LANES` is at most 64.
#[inline(always)]
unsafe fn add_products<S: Simd, const MR: usize, const N: usize>(
    s: S,
    product: &Operands,
    row: usize,
    first: usize,
    acc: &mut [[S::V; N]; MR],
) {
    let Operands { k, a_stride, .. } = *product;
    let b_step = if product.b_transposed { 1 } else { product.b_stride };
    let mut gathered = [0.0; SUMS];
    let mut start = 0;
    // Up to k for all vectors alike: those with no number left add 0 * 0, on every instruction set, which makes +0.0 of -0.0.
    while start < k {
        let numbers = SUMS.min(k - start);
        // SAFETY: `numbers` more lie in each row and in the column.
        unsafe {
            let b = if b_step == 1 {
                product.b.wrapping_add(start)
            } else {
                for (j, number) in gathered.iter_mut().enumerate().take(numbers) {
                    *number = product.b.wrapping_add((start + j) * b_step).read();
                }
                gathered.as_ptr()
            };
            let a = product.a.wrapping_add(row * a_stride + start);
            for v in 0..N {
                let at = first + v * S::LANES;
                let whole = numbers == SUMS;
                let lanes = numbers.saturating_sub(at).min(S::LANES);
                let load = |p: *const f32| {
                    if whole { s.load(p.wrapping_add(at)) } else { s.load_partial(p.wrapping_add(at), lanes) }
                };
                let b = load(b);
                for (r, acc) in acc.iter_mut().enumerate() {
                    acc[v] = s.mul_add(load(a.wrapping_add(r * a_stride)), b, acc[v]);
                }
            }
        }
        start += SUMS;
    }
}
