//! Sums in plain Rust, for any layout: where floating point is software, the loop hardly counts.
//!
//! Elsewhere it does the few rows and columns that are left beside whole tiles.

use super::sums::{End, RankOne, Sums};
use crate::kernel::gemm::segments::segment_len;
use crate::simd::{multiply_add, rolled};

/// Computes sums of any number of rows and columns.
///
/// # Safety
/// As for [`Kernel`](super::sums::Kernel), however A and B lie.
pub(super) unsafe fn sums<const FUSED: bool>(sums: &mut Sums) {
    // SAFETY: the caller's promise.
    unsafe { rows_from::<FUSED>(sums, 0) }
}

/// The same of the rows from one on.
///
/// # Safety
/// As for [`sums`].
#[inline(never)]
pub(super) unsafe fn rows_from<const FUSED: bool>(sums: &Sums, first: usize) {
    debug_assert!(sums.rows > 0 && sums.cols > 0 && sums.segment > 0);
    for row in first..sums.rows {
        for col in 0..sums.cols {
            // SAFETY: the caller's promises.
            unsafe { one::<FUSED>(sums, row, col) };
        }
    }
}

/// One row of A, and a bias.
///
/// # Safety
/// As for [`RowKernel`](super::sums::RowKernel).
pub(super) unsafe fn row<const FUSED: bool>(a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32]) {
    let (k, n) = (a.len(), c.len());
    let mut row = Sums {
        a: a.as_ptr(),
        a_row: 0,
        a_k: 1,
        b,
        b_k: n,
        b_col: 1,
        k,
        segment: segment_len(n, k),
        first: bias.as_ptr(),
        first_row: 0,
        first_col: 1,
        out: c.as_mut_ptr(),
        out_row: 0,
        end: End::Store,
        rows: 1,
        cols: n,
    };
    // SAFETY: the caller's promise.
    unsafe { sums::<FUSED>(&mut row) }
}

/// A sum. Not inlined, for what the compiler makes of four nested loops at once is a page long.
///
/// # Safety
/// As for [`sums`], `row` and `col` being below its numbers of rows and columns.
#[inline(never)]
unsafe fn one<const FUSED: bool>(sums: &Sums, row: usize, col: usize) {
    let Sums { a, a_row, a_k, b, b_k, b_col, k, segment, first, first_row, first_col, .. } = *sums;
    let (mut a, mut b) = (a.wrapping_add(row * a_row), b.wrapping_add(col * b_col));
    // SAFETY: the caller's promise.
    unsafe {
        let mut sum = first.wrapping_add(row * first_row + col * first_col).read();
        // Of the segments that are done.
        let mut before = None;
        let mut left = k;
        loop {
            let len = segment.min(left);
            let mut i = 0;
            while i < len {
                sum = multiply_add::<FUSED>(a.read(), b.read(), sum);
                (a, b) = (a.wrapping_add(a_k), b.wrapping_add(b_k));
                i = rolled(i + 1);
            }
            left -= len;
            if let Some(before) = before {
                sum += before;
            }
            if left == 0 {
                break;
            }
            (before, sum) = (Some(sum), 0.0);
        }
        sums.end.store::<FUSED>(sums.out.wrapping_add(row * sums.out_row + col), sum);
    }
}

/// A column times a row, added.
///
/// # Safety
/// All that `product` names is there.
pub(super) unsafe fn rank_one<const FUSED: bool>(product: &RankOne) {
    let RankOne { a, b, c, stride, m, n, factor } = *product;
    for j in 0..n {
        // SAFETY: the caller's promise, here and below.
        let x = unsafe { b.wrapping_add(j).read() } * factor;
        for i in 0..m {
            let c = c.wrapping_add(i * stride + j);
            // SAFETY: see above.
            unsafe { c.write(multiply_add::<FUSED>(a.wrapping_add(i).read(), x, c.read())) };
        }
    }
}
