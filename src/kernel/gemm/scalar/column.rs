//! Dot products, in the lanes and the tree of all instruction sets: of one column with an A whose rows lie along k, and of
//! long rows with the rows of a transposed B.

use super::finish::FinishRows;
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::segments::{DOT_SEGMENT, VIRTUAL_LANES};
use crate::kernel::gemm::tile::{First, Place};
use crate::simd::{multiply_add, rolled};
use core::mem::MaybeUninit;

/// Virtual lanes of a dot product of one column, and the most there are.
const LANES: usize = 64;

/// The dot products of all rows with all columns.
///
/// # Safety
/// The product has one column or its B lies transposed, and its A does not.
#[inline(never)]
pub(super) unsafe fn dots<const FUSED: bool>(product: &Product<'_, &dyn FinishRows>) {
    let Operands { m, n, k, a, a_stride, b, b_stride, b_transposed, c, c_stride, .. } = **product;
    let finish = *product.finish();
    let (b_k, b_col) = if b_transposed { (1, b_stride) } else { (b_stride, 0) };
    let (count, longest) = if n == 1 { (LANES, k) } else { (VIRTUAL_LANES, DOT_SEGMENT) };
    for at in 0..m * n {
        // Hidden, or the loop would be made twice: for one column, and for several.
        let (row, col) = (at / rolled(n).max(1), at % n.max(1));
        let c = c.wrapping_add(row * c_stride + col);
        let place = Place { c, c_stride, row, col, last_lanes: 1 };
        // SAFETY: k numbers of a row of A, and of the column; a bias is one number for each column; the place is one of C.
        unsafe {
            let first = match product.first {
                First::Zero => 0.0,
                First::Row(bias) => bias.wrapping_add(col).read(),
                First::Output => place.c.read(),
            };
            let (mut a, mut b) = (a.wrapping_add(row * a_stride), b.wrapping_add(col * b_col));
            let (mut sum, mut first, mut left) = (0.0, first, k);
            loop {
                let len = left.min(longest);
                sum += segment::<FUSED>(first, a, b, b_k, len, count);
                left -= len;
                if left == 0 {
                    break;
                }
                (a, b, first) = (a.wrapping_add(len), b.wrapping_add(len * b_k), 0.0);
            }
            if finish.loops().is_some() {
                finish.finish_row(&mut sum, place, 1);
                continue;
            }
            // Where the old C does not count, it takes the sum before that is finished.
            place.c.write(sum);
            if !finish.is_nothing() {
                finish.finish_row(place.c, place, 1);
            }
        }
    }
}

/// The sum of `k` products in `count` lanes, the first of which starts from `first`.
///
/// # Safety
/// `k` numbers can be read at `a`, and `k` numbers `b_k` apart at `b`; there are at most [`LANES`] lanes.
unsafe fn segment<const FUSED: bool>(
    first: f32,
    mut a: *const f32,
    mut b: *const f32,
    b_k: usize,
    k: usize,
    count: usize,
) -> f32 {
    let mut lanes = [const { MaybeUninit::<f32>::uninit() }; LANES];
    let sums = lanes.as_mut_ptr().cast::<f32>();
    let mut lane = count;
    while lane > 0 {
        lane = rolled(lane - 1);
        // SAFETY: a lane below `count`.
        unsafe { sums.add(lane).write(if lane == 0 { first } else { 0.0 }) };
    }
    let mut i = 0;
    while i < k {
        // SAFETY: the caller's promise, and a lane below `count`, which is a power of two.
        unsafe {
            let lane = sums.add(i & (count - 1));
            lane.write(multiply_add::<FUSED>(a.read(), b.read(), lane.read()));
        }
        (a, b) = (a.wrapping_add(1), b.wrapping_add(b_k));
        i = rolled(i + 1);
    }
    // What was never added to is +0.0, which changes nothing but a -0.0, and that is seen to below.
    let mut half = count;
    while half > 1 {
        half /= 2;
        let mut lane = half.min(k.saturating_sub(half));
        while lane > 0 {
            lane = rolled(lane - 1);
            // SAFETY: the upper half's last is lane `2 half - 1`, at most the 64th.
            unsafe { *sums.add(lane) += *sums.add(half + lane) };
        }
    }
    // SAFETY: the first lane.
    unsafe { *sums + 0.0 }
}
