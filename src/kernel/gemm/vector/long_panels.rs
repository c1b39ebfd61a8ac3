//! Packed panels for sums so long that they have several segments.
//!
//! ```text
//! for each panel of columns:
//!     for each segment of k:
//!         to = C for the first segment, else a scratch
//!         for each block of k in the segment:
//!             pack the panel of B
//!             to = first value or zero + A B for the first block, to + A B for the others
//!         C += scratch, unless it was the first segment
//!     finish(C)
//! ```
//!
//! There are two sums for each element, that of the segments which are done and that of the one at hand, while a product
//! of one segment has its blocks' sum in C alone (see [`super::blocks`]). The scratch is the next panel's columns of C,
//! which are still to be written; if there are too few, or their old values count, a tile on the stack, for a few rows at a
//! time.

use super::Product;
use super::join::{Join, Segment};
use super::panel::{Block, PACK_LEN, Panel, first_strip, is_far, pack};
use super::plan::Tiles;
use super::strips::rows;
use crate::kernel::gemm::tile::{First, Store};
use crate::{Aligned, Isa};
use core::mem::MaybeUninit;

/// Rows of C at a time, where the scratch is on the stack: each packed panel serves so many.
const ROWS: usize = 32;

/// Numbers in a row of that tile: as many as the widest packed panel has on any instruction set.
const COLS: usize = 48;

/// A product of long sums, from a row on.
///
/// # Safety
/// What becomes of sums does not read the old C, where sums lie before they are complete.
#[inline(never)]
pub(super) unsafe fn run(isa: Isa, tiles: &Tiles, product: &Product<'_>, first_row: usize) {
    debug_assert!(tiles.usual_vectors() * tiles.lanes <= COLS, "the tile holds a panel");
    debug_assert!(!product.finish().reads_output());
    let mut packed = MaybeUninit::<Aligned<[f32; PACK_LEN]>>::uninit();
    let mut tile = MaybeUninit::<Aligned<[f32; ROWS * COLS]>>::uninit();
    let (packed, tile) = (packed.as_mut_ptr().cast(), tile.as_mut_ptr().cast());
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let vectors = tiles.buffered_vectors(tiles.vectors(left), product.m - first_row);
        let panel = Panel { col, vectors, last_lanes: tiles.last_lanes(left, vectors) };
        let width = vectors * tiles.lanes;
        let beside = left >= 2 * width && !matches!(product.first, First::Output);
        let most = if beside { product.m } else { ROWS };
        let mut row = first_row;
        while row < product.m {
            let rows = most.min(product.m - row);
            let next = product.c.wrapping_add(row * product.c_stride + col + width);
            let scratch = if beside { (next, product.c_stride) } else { (tile, width) };
            // SAFETY: 1. so many rows and columns are left. 2. The caller's promise. 3. The buffer is as large; either as
            // many columns of C are left that are still to be written, or the rows fit the tile.
            unsafe { long_panel(isa, tiles, product, [row, rows], panel, packed, scratch) };
            row += rows;
        }
        col += width;
    }
}

/// Some rows of a panel.
///
/// # Safety
/// 1. The product has these rows, a number from a row on, and the panel.
/// 2. As for [`run`].
/// 3. `packed` has room for [`PACK_LEN`] numbers, and the scratch, whose rows are so far apart, for as many rows as wide as
///    the panel.
unsafe fn long_panel(
    isa: Isa,
    tiles: &Tiles,
    product: &Product<'_>,
    [row, height]: [usize; 2],
    panel: Panel,
    packed: *mut f32,
    (scratch, stride): (*mut f32, usize),
) {
    let (k, segment) = (product.k, product.segment());
    let width = panel.vectors * tiles.lanes;
    let most = tiles.packed_depth(PACK_LEN);
    let mut start = 0;
    while start < k {
        let end = k.min(start + segment);
        let mut from = start;
        while from < end {
            let block = Block { row, rows: height, start: from, depth: most.min(end - from) };
            let mut strip = first_strip(product, &Store::Sums, block, panel);
            (strip.b, strip.b_k, strip.segment) = (packed, width, block.depth);
            strip.far = is_far(tiles, product);
            if start > 0 {
                (strip.place.c, strip.place.c_stride) = (scratch, stride);
                if from == start {
                    strip.first = First::Zero;
                }
            }
            // SAFETY: 1. a stretch of k, and the panel. 2. A buffer that holds so many rows of the widest packed panel.
            unsafe { pack(isa, product, panel, from, block.depth, packed) };
            // SAFETY: 1. these rows of A, B as it was packed, and C or the scratch in its place. 2. As `plan` made it.
            unsafe { rows(isa, tiles, &mut strip, height, panel.vectors) };
            from += block.depth;
        }
        if start > 0 {
            let cols = width - tiles.lanes + panel.last_lanes;
            let (col, is_last) = (panel.col, end == k);
            let sums = Segment { sums: scratch, stride, row, col, rows: height, cols, is_last };
            // SAFETY: 1. the panel's columns of these rows. 2. They have just been written.
            isa.call(unsafe { Join::new(product, sums) });
        }
        start = end;
    }
}
