//! Tiles of the weights' gradient on the threads of a rayon pool.

use crate::kernel::threads::in_parts;
use core::ops::Range;

/// Calls `run` with parts of a tile's rows, of `macs` multiply-adds each, of which `spare` and `sum` hold as many numbers each:
/// it gets those of its part.
#[inline(always)]
pub(super) fn tile_in_parts(
    rows: &Range<usize>,
    macs: usize,
    spare: &mut [f32],
    sum: &mut [f32],
    run: impl Fn(Range<usize>, &mut [f32], &mut [f32]),
) {
    let width = sum.len().checked_div(rows.len()).unwrap_or(0);
    if sum.len() != width * rows.len() || spare.len() != sum.len() {
        return;
    }
    let (first, spare, sum) = (rows.start, spare.as_mut_ptr(), sum.as_mut_ptr());
    // SAFETY: a part's numbers are inside both slices, which are borrowed mutably, and are no other part's.
    unsafe {
        in_parts(rows.clone(), macs, |rows| {
            let (start, len) = ((rows.start - first) * width, rows.len() * width);
            let [spare, sum] =
                [spare, sum].map(|numbers| core::slice::from_raw_parts_mut(numbers.add(start), len));
            run(rows, spare, sum);
        });
    }
}
