//! Products whose k is several stretches, equally far apart: the rows of taps of a convolution, or its lines of outputs.
//!
//! ```text
//! C = first + A_0 B_0 + A_1 B_1 + ..     each sum one chain
//! ```
//!
//! In whole tiles a sum stays in its register from the first stretch to the last. What is left beside them continues in C, a product
//! for each stretch.

use super::drive::chain;
#[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
use super::{choice::is_assembled, finish::FinishRows, finishing::Finishing, loops::sums_at, vfp};
use crate::Isa;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::segments::LONGEST;
use crate::kernel::gemm::tile::First;
#[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
use crate::kernel::gemm::tile::Place;

/// How many stretches, and how many numbers of A and of B from where one begins to where the next does: backwards, they wrap.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Stretches {
    pub(in crate::kernel) count: usize,
    pub(in crate::kernel) a: usize,
    pub(in crate::kernel) b: usize,
}

/// Computes such a product; its A, B and k are those of the first stretch.
///
/// # Safety
/// As for [`chain`], for each of the stretches, of which there is one at least.
#[inline(never)]
pub(in crate::kernel) unsafe fn chains(isa: Isa, operands: &Operands, stretches: &Stretches, end: Activate) {
    let (mut rest, mut end) = (*operands, end);
    #[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
    {
        // SAFETY: the caller's promise.
        let rows = unsafe { whole_tiles(isa, operands, stretches, end) };
        if rows == rest.m {
            return;
        }
        rest.m -= rows;
        rest.a = rest.a.wrapping_add(rows * if rest.a_transposed { 1 } else { rest.a_stride });
        rest.c = rest.c.wrapping_add(rows * rest.c_stride);
        end = end.at(rows, 0);
    }
    let start = rest.a;
    let b_k = if rest.b_transposed { 1 } else { rest.b_stride };
    let a_k = if rest.a_transposed { rest.a_stride } else { 1 };
    for i in 0..stretches.count {
        let (a, b) = (stretches.a.wrapping_mul(i), stretches.b.wrapping_mul(i));
        let mut done = 0;
        while done < operands.k {
            let from_b = b.wrapping_add(done * b_k);
            rest.k = (operands.k - done).min(LONGEST);
            rest.a = start.wrapping_add(a.wrapping_add(done * a_k));
            rest.b = operands.b.wrapping_add(from_b);
            rest.b_len = operands.b_len.wrapping_sub(from_b);
            done += rest.k;
            let last = i + 1 == stretches.count && done == operands.k;
            // SAFETY: the caller's promise.
            unsafe { chain(isa, &rest, if last { end } else { Activate::Nothing }) };
            rest.first = First::Output;
        }
    }
}

/// Computes the rows that are whole tiles: how many.
///
/// # Safety
/// As for [`chains`].
#[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
unsafe fn whole_tiles(isa: Isa, operands: &Operands, stretches: &Stretches, end: Activate) -> usize {
    let Operands { m, n, c, c_stride, a_transposed, b_transposed, .. } = *operands;
    if !is_assembled(isa) {
        return 0;
    }
    let mut sums = sums_at(operands, [0, 0]);
    (sums.out, sums.out_row) = (c, c_stride);
    (sums.rows, sums.cols) = (m, n);
    // SAFETY: the caller's promises.
    let rows = unsafe { vfp::stretched(&sums, [a_transposed, b_transposed], stretches) };
    let finish = Finishing { isa, finish: &end };
    if finish.is_nothing() || rows == 0 {
        return rows;
    }
    // Rows without gaps are one.
    let (rows_at_once, len) = if c_stride == n { (rows, rows * n) } else { (1, n) };
    let mut place = Place { c, c_stride, row: 0, col: 0, last_lanes: 1 };
    while place.row < rows {
        // SAFETY: rows of C, and of a mask of C's shape, whose rows have no gaps either.
        unsafe { finish.finish_row(place.c, place, len) };
        place.row += rows_at_once;
        place.c = place.c.wrapping_add(rows_at_once * c_stride);
    }
    rows
}
