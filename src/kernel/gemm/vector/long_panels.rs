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

use super::join::{Segment, join};
use super::micro::Ahead;
use super::panel::{Block, CROWDED_B, PACK_LEN, Panel, first_strip, framed, pack};
use super::plan;
use super::strips::rows;
use crate::Aligned;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::Product;
use crate::kernel::gemm::tile::{Finish, First};
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// Rows of C at a time, where the scratch is on the stack: each packed panel serves so many.
const ROWS: usize = 32;

/// Numbers in a row of that tile: as many as the widest packed panel has on any instruction set.
const COLS: usize = 48;

/// A product of long sums, from a row on.
pub(super) struct LongPanels<'a, F, const TN: bool> {
    product: &'a Product<'a, F>,
    row: usize,
}

impl<'a, F: Finish, const TN: bool> LongPanels<'a, F, TN> {
    /// # Safety
    /// 1. The product's A lies as `TN` says.
    /// 2. Its finish does not read the old C, where sums lie before they are complete.
    #[inline(always)]
    pub(super) unsafe fn new(product: &'a Product<'a, F>, row: usize) -> Self {
        debug_assert!(product.a_transposed == TN && !F::READS_OUTPUT);
        Self { product, row }
    }
}

impl<F: Finish, const TN: bool> Pass for LongPanels<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { assert!(plan::usual_vectors::<S>() * S::LANES <= COLS, "the tile holds a panel") };
        let Self { product, row: first_row } = self;
        let mut packed = Aligned([MaybeUninit::<f32>::uninit(); PACK_LEN]);
        let mut tile = Aligned([MaybeUninit::<f32>::uninit(); ROWS * COLS]);
        let (packed, tile) = (framed(&mut packed), framed(&mut tile));
        let mut col = 0;
        while col < product.n {
            let left = product.n - col;
            let vectors = plan::buffered_vectors::<S>(left.div_ceil(S::LANES), product.m - first_row);
            let panel = Panel { col, vectors, last_lanes: plan::last_lanes::<S>(left, vectors) };
            let width = vectors * S::LANES;
            let beside = left >= 2 * width && !matches!(product.first, First::Output);
            let most = if beside { product.m } else { ROWS };
            let mut row = first_row;
            while row < product.m {
                let rows = most.min(product.m - row);
                let next = product.c.wrapping_add(row * product.c_stride + col + width);
                let scratch = if beside { (next, product.c_stride) } else { (tile, width) };
                // SAFETY: 1. so many rows and columns are left. 2. Whoever made this signed for it. 3. The buffer is as
                // large; either as many columns of C are left that are still to be written, or the rows fit the tile.
                unsafe { long_panel::<S, F, TN>(s, product, [row, rows], panel, packed, scratch) };
                row += rows;
            }
            col += width;
        }
    }
}

/// Some rows of a panel.
///
/// # Safety
/// 1. The product has these rows, a number from a row on, and the panel.
/// 2. As for [`LongPanels::new`].
/// 3. `packed` has room for [`PACK_LEN`] numbers, and the scratch, whose rows are so far apart, for as many rows as wide as
///    the panel.
#[inline(always)]
unsafe fn long_panel<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    [row, height]: [usize; 2],
    panel: Panel,
    packed: *mut f32,
    (scratch, stride): (*mut f32, usize),
) {
    let (k, segment) = (product.k, product.segment());
    let width = panel.vectors * S::LANES;
    let most = plan::packed_depth::<S>(PACK_LEN);
    let mut start = 0;
    while start < k {
        let end = k.min(start + segment);
        let mut from = start;
        while from < end {
            let block = Block { row, rows: height, start: from, depth: most.min(end - from) };
            let mut strip = first_strip::<TN>(product, block, panel);
            (strip.b, strip.b_stride, strip.segment) = (packed, width, block.depth);
            if S::PREFETCHES && !product.b_transposed && product.n.saturating_mul(k) > CROWDED_B {
                // The next block's rows of B. Those of a transposed B go on where they are.
                let b = product.b.wrapping_add((from + block.depth) * product.b_stride + panel.col);
                let tiles = height / plan::tile_rows::<S>(panel.vectors);
                let b_rows = block.depth / tiles.max(1) + 1;
                strip.ahead = Some(Ahead { b, b_stride: product.b_stride, b_rows });
            }
            if start > 0 {
                (strip.place.c, strip.place.c_stride) = (scratch, stride);
                if from == start {
                    strip.first = First::Zero;
                }
            }
            // SAFETY: 1. a stretch of k, and the panel. 2. A buffer that holds so many rows of the widest packed panel.
            unsafe { pack::<S>(s, product, panel, from, block.depth, packed) };
            // SAFETY: 1. these rows of A, B as it was packed, and C or the scratch in its place. 2. As `plan` made it.
            unsafe { rows::<S, Activate, TN, false>(s, strip, height, panel.vectors, &Activate::Nothing) };
            from += block.depth;
        }
        if start > 0 {
            let cols = width - S::LANES + panel.last_lanes;
            let (col, is_last) = (panel.col, end == k);
            let sums = Segment { sums: scratch, stride, row, col, rows: height, cols, is_last };
            // SAFETY: 1. the panel's columns of these rows. 2. They have just been written.
            unsafe { join(s, product, sums) };
        }
        start = end;
    }
}
