//! How the sum of a segment joins those of the segments before it, where it was formed apart: on the stack, or in columns
//! of C that are still to be written.

use crate::kernel::gemm::product::Product;
use crate::kernel::gemm::tile::{Finish, Place, load_row, store_tile};
use crate::simd::Simd;

/// Sums of a segment, `rows` rows of `cols`.
pub(super) struct Segment {
    pub(super) sums: *const f32,
    /// Numbers from one row of them to the next.
    pub(super) stride: usize,
    /// Where they belong in C, whose numbers are the sums of the segments before.
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Whether k ends here.
    pub(super) is_last: bool,
}

/// Adds the segment's sums to C, and finishes it if this is the last.
///
/// # Safety
/// 1. The product has these rows and columns.
/// 2. The sums can be read.
#[inline(always)]
pub(super) unsafe fn join<S: Simd, F: Finish>(s: S, product: &Product<'_, F>, segment: Segment) {
    let Segment { sums, stride, row, col, rows, cols, is_last } = segment;
    let c_stride = product.c_stride;
    for r in 0..rows {
        for at in (0..cols).step_by(S::LANES) {
            let last_lanes = S::LANES.min(cols - at);
            let c = product.c.wrapping_add((row + r) * c_stride + col + at);
            let place = Place { c, c_stride, row: row + r, col: col + at, last_lanes };
            // SAFETY: some lanes of the sums (2), and a tile of as many of C (1).
            unsafe {
                let [sum] = load_row::<S, 1>(s, sums.wrapping_add(r * stride + at), last_lanes);
                let [before] = load_row::<S, 1>(s, c, last_lanes);
                let mut acc = [[s.add(before, sum)]];
                match is_last {
                    true => product.finish().finish(s, &mut acc, place),
                    false => store_tile(s, &acc, place),
                }
            }
        }
    }
}
