//! Weights as the way back needs them: transposed, the taps from the last to the first, in panels of a few columns on the stack.
//!
//! A panel is packed once for all pictures. Where it does not hold all taps, a row of them at a time, or a tap, or channels of
//! one: each part goes over all pictures, and continues the sums that the one before has left.

use super::gather::{End, Gathering, Part, Weights};
use crate::Aligned;
use crate::kernel::gemm::{First, PACK_LEN, pack_transposed, panel_width};
use core::mem::MaybeUninit;
use core::ops::Range;

/// Computes one group's gradient of the input, whose [`Gathering`] has the weights as they lie.
///
/// # Safety
/// As for [`Gathering::pictures`].
#[inline(never)]
pub(super) unsafe fn in_panels(
    gathering: &Gathering<'_>,
    rows: &Range<usize>,
    dys: *const f32,
    dxs: *mut f32,
    start: First,
    end: End,
) {
    let mut panel = MaybeUninit::<Aligned<[f32; PACK_LEN]>>::uninit();
    let panel = panel.as_mut_ptr().cast::<f32>();
    let Part { rows: all_rows, taps: all_taps, .. } = &gathering.part;
    let (depth, taps) = (gathering.depth, all_taps.len());
    let mut col = 0;
    while col < gathering.cols {
        let left = gathering.cols - col;
        let width = panel_width(gathering.isa, left);
        let cols = width.min(left);
        // Rows of taps, taps, and channels in a part.
        let most = PACK_LEN / width.max(1);
        let part = match depth {
            _ if all_rows.len() * taps * depth <= most => [all_rows.len(), taps, depth],
            _ if taps * depth <= most => [1, taps, depth],
            _ => [1, 1, depth.min(most)],
        };
        for row in back(all_rows, part[0]) {
            for tap in back(all_taps, part[1]) {
                let mut first = 0;
                while first < depth {
                    let part = Part {
                        rows: row.clone(),
                        taps: tap.clone(),
                        depth: first..depth.min(first + part[2]),
                    };
                    // SAFETY: the caller's promise: the group's weights; the panel holds a part.
                    unsafe { pack(gathering, &part, col..col + cols, panel, width) };
                    first = part.depth.end;
                    let (taps, depth) = (part.taps.len(), part.depth.len());
                    let of_panel = Gathering {
                        to_first: gathering.to_first + col,
                        cols,
                        b: Weights {
                            first: panel,
                            len: part.rows.len() * taps * depth * width,
                            transposed: false,
                            k: width,
                            tap: depth * width,
                            row: taps * depth * width,
                            last_tap: Some(part.taps.end - 1),
                        },
                        part,
                        ..gathering.clone()
                    };
                    // SAFETY: the caller's promise; the part's weights are in the panel.
                    unsafe { of_panel.pictures(rows, dys, dxs, start.at_col(col), end) };
                }
            }
        }
        col += cols;
    }
}

/// Stretches of `len`, from the end of the range to its start.
fn back(range: &Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let Range { start, mut end } = *range;
    core::iter::from_fn(move || {
        let until = end;
        end = start.max(end.saturating_sub(len));
        (until > start).then_some(end..until)
    })
}

/// # Safety
/// The part of the weights can be read; the panel holds it.
unsafe fn pack(gathering: &Gathering<'_>, part: &Part, cols: Range<usize>, panel: *mut f32, width: usize) {
    let Weights { first, k, tap, row, .. } = gathering.b;
    let mut to = panel;
    for r in part.rows.clone() {
        for t in part.taps.clone().rev() {
            let from = first.wrapping_add(r * row + t * tap + cols.start * k + part.depth.start);
            // SAFETY: the caller's promise.
            unsafe { pack_transposed(gathering.isa, from, k, cols.len(), part.depth.len(), to) };
            to = to.wrapping_add(part.depth.len() * width);
        }
    }
}
