//! Dot products, in the lanes and the tree of all instruction sets: of one column with an A whose rows lie along k, and of
//! long rows with the rows of a transposed B.

use super::finish::FinishRows;
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::segments::{DOT_SEGMENT, VIRTUAL_LANES};
use crate::kernel::gemm::tile::{First, Place};
use crate::simd::multiply_add;

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
        let (row, col) = (at / core::hint::black_box(n).max(1), at % n.max(1));
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
    a: *const f32,
    b: *const f32,
    b_k: usize,
    k: usize,
    count: usize,
) -> f32 {
    let mut lanes = [0.0; LANES];
    lanes[0] = first;
    // SAFETY: the caller's promise.
    unsafe { add_products::<FUSED>(&mut lanes, a, b, b_k, k, count) };
    // What was never added to is +0.0, which changes nothing but a -0.0, and that is seen to below. The bounds are hidden
    // from the compiler, which would make a copy for each addition.
    let sums = lanes.as_mut_ptr();
    let mut half = core::hint::black_box(count / 2);
    while half > 0 {
        for lane in 0..half.min(k.saturating_sub(half)) {
            // SAFETY: the upper half's last is lane `2 half - 1`, at most the 64th.
            unsafe { *sums.add(lane) += *sums.add(half + lane) };
        }
        half /= 2;
    }
    // SAFETY: the first lane.
    unsafe { *sums + 0.0 }
}

/// Adds the products of `k` numbers at `a` and as many at `b`, `b_k` apart, to `count` virtual lanes.
///
/// # Safety
/// The numbers can be read.
unsafe fn add_products<const FUSED: bool>(
    lanes: &mut [f32; LANES],
    mut a: *const f32,
    mut b: *const f32,
    b_k: usize,
    k: usize,
    count: usize,
) {
    let mut left = k;
    while left > 0 {
        for lane in lanes.iter_mut().take(left.min(count)) {
            // SAFETY: the caller's promise.
            *lane = unsafe { multiply_add::<FUSED>(a.read(), b.read(), *lane) };
            (a, b) = (a.wrapping_add(1), b.wrapping_add(b_k));
        }
        left = left.saturating_sub(count);
    }
}
