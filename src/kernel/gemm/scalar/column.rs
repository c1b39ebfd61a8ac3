//! One column of an A whose rows lie along k: dot products, in the lanes and the tree of all instruction sets.

use super::finish::FinishRows;
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::tile::{First, Place};
use crate::simd::multiply_add;

/// Virtual lanes of a dot product.
const LANES: usize = 64;

/// The dot products of all rows.
///
/// # Safety
/// The product has one column, and its A does not lie transposed.
#[inline(never)]
pub(super) unsafe fn column<const FUSED: bool>(product: &Product<'_, &dyn FinishRows>) {
    let Operands { m, k, a, a_stride, b, b_stride, b_transposed, c, c_stride, .. } = **product;
    let finish = *product.finish();
    let b_k = if b_transposed { 1 } else { b_stride };
    for row in 0..m {
        let place = Place { c: c.wrapping_add(row * c_stride), c_stride, row, col: 0, last_lanes: 1 };
        let a = a.wrapping_add(row * a_stride);
        let mut lanes = [0.0; LANES];
        // SAFETY: k numbers of a row of A, and of the column; a bias is one number; the place is one of C.
        unsafe {
            lanes[0] = match product.first {
                First::Zero => 0.0,
                First::Row(bias) => bias.read(),
                First::Output => place.c.read(),
            };
            add_products::<FUSED>(&mut lanes, a, b, b_k, k);
        }
        // What was never added to is +0.0, which changes nothing but a -0.0, and that is seen to below. The bounds are hidden
        // from the compiler, which would make a copy for each addition.
        let sums = lanes.as_mut_ptr();
        let mut half = core::hint::black_box(LANES / 2);
        while half > 0 {
            for lane in 0..half.min(k.saturating_sub(half)) {
                // SAFETY: the upper half's last is lane `2 half - 1`, at most the 64th.
                unsafe { *sums.add(lane) += *sums.add(half + lane) };
            }
            half /= 2;
        }
        // SAFETY: see above.
        unsafe {
            *sums += 0.0;
            if finish.loops().is_some() {
                finish.finish_row(sums, place, 1);
                continue;
            }
            // Where the old C does not count, it takes the sum before that is finished.
            place.c.write(sums.read());
            if !finish.is_nothing() {
                finish.finish_row(place.c, place, 1);
            }
        }
    }
}

/// Adds the products of `k` numbers at `a` and as many at `b`, `b_k` apart, to virtual lanes.
///
/// # Safety
/// The numbers can be read.
unsafe fn add_products<const FUSED: bool>(
    lanes: &mut [f32; LANES],
    mut a: *const f32,
    mut b: *const f32,
    b_k: usize,
    k: usize,
) {
    let mut left = k;
    while left > 0 {
        for lane in lanes.iter_mut().take(left) {
            // SAFETY: the caller's promise.
            *lane = unsafe { multiply_add::<FUSED>(a.read(), b.read(), *lane) };
            (a, b) = (a.wrapping_add(1), b.wrapping_add(b_k));
        }
        left = left.saturating_sub(LANES);
    }
}
