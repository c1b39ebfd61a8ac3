//! Products with a transposed B whose sums are so long that they have several segments.
//!
//! ```text
//! for each few rows of C, for each panel of columns:
//!     for each segment of k:
//!         tile = first value, or zero                                  (on the stack)
//!         for each block of k in the segment:
//!             pack the panel of B
//!             tile += A B
//!         C = tile, or C + tile
//!     finish(C)
//! ```
//!
//! Two sums for each element, that of the segments which are done and that of the one at hand: a product of one segment
//! has its blocks' sum in C alone, see [`super::blocks`].

use super::panel::{Block, PACK_LEN, Panel, first_strip, framed, pack};
use super::plan;
use super::strips::rows;
use crate::Aligned;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::Product;
use crate::kernel::gemm::tile::{Finish, First, Place, load_row, store_tile};
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// Rows of C at a time: each packed panel serves so many.
const ROWS: usize = 32;

/// Numbers in a row of the tile: as many as the widest packed panel has on any instruction set.
const COLS: usize = 48;

/// A product of long sums, from a row on.
pub(super) struct LongPanels<'a, F, const TN: bool> {
    product: &'a Product<'a, F>,
    row: usize,
}

impl<'a, F: Finish, const TN: bool> LongPanels<'a, F, TN> {
    /// # Safety
    /// 1. The product's B lies transposed, and its A as `TN` says.
    /// 2. Its finish does not read the old C, where sums lie before they are complete.
    #[inline(always)]
    pub(super) unsafe fn new(product: &'a Product<'a, F>, row: usize) -> Self {
        debug_assert!(product.b_transposed && product.a_transposed == TN && !F::READS_OUTPUT);
        Self { product, row }
    }
}

impl<F: Finish, const TN: bool> Pass for LongPanels<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { assert!(plan::usual_vectors::<S>() * S::LANES <= COLS, "the tile holds a panel") };
        let Self { product, mut row } = self;
        let mut packed = Aligned([MaybeUninit::<f32>::uninit(); PACK_LEN]);
        let mut tile = Aligned([MaybeUninit::<f32>::uninit(); ROWS * COLS]);
        let (packed, tile) = (framed(&mut packed), framed(&mut tile));
        while row < product.m {
            let rows = ROWS.min(product.m - row);
            let mut col = 0;
            while col < product.n {
                let left = product.n - col;
                let vectors = plan::buffered_vectors::<S>(left.div_ceil(S::LANES), rows);
                let panel = Panel { col, vectors, last_lanes: plan::last_lanes::<S>(left, vectors) };
                // SAFETY: 1. so many rows and columns are left. 2. Whoever made this signed for it. 3. They are as large.
                unsafe { long_panel::<S, F, TN>(s, product, [row, rows], panel, packed, tile) };
                col += vectors * S::LANES;
            }
            row += rows;
        }
    }
}

/// Some rows of a panel.
///
/// # Safety
/// 1. The product has these `rows`, at most [`ROWS`], from `row` on, and the panel.
/// 2. As for [`LongPanels::new`].
/// 3. `packed` has room for [`PACK_LEN`] numbers, `tile` for as many rows as wide as the panel.
#[inline(always)]
unsafe fn long_panel<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Product<'_, F>,
    [row, height]: [usize; 2],
    panel: Panel,
    packed: *mut f32,
    tile: *mut f32,
) {
    let (k, segment) = (product.k, product.segment());
    let width = panel.vectors * S::LANES;
    let most = plan::packed_depth::<S>(PACK_LEN);
    let c = product.c.wrapping_add(row * product.c_stride + panel.col);
    let mut start = 0;
    while start < k {
        let end = k.min(start + segment);
        // The first segment starts from what the product does, which for the old C means a copy.
        let mut first = if start > 0 { First::Zero } else { product.first.at_col(panel.col) };
        if let First::Output = first {
            for r in 0..height {
                for v in 0..panel.vectors {
                    let lanes = if v + 1 == panel.vectors { panel.last_lanes } else { S::LANES };
                    let from = c.wrapping_add(r * product.c_stride + v * S::LANES);
                    // SAFETY: a vector of C, the last in part, and one of the tile.
                    unsafe {
                        s.store(tile.wrapping_add(r * width + v * S::LANES), s.load_partial(from, lanes))
                    };
                }
            }
        }
        let mut from = start;
        while from < end {
            let block = Block { row, rows: height, start: from, depth: most.min(end - from) };
            let mut strip = first_strip::<TN>(product, block, panel);
            (strip.b, strip.b_stride, strip.segment, strip.first) = (packed, width, block.depth, first);
            (strip.place.c, strip.place.c_stride) = (tile, width);
            // SAFETY: 1. a stretch of k, and the panel. 2. A buffer that holds so many rows of the widest packed panel.
            unsafe { pack::<S>(s, product, panel, from, block.depth, packed) };
            // SAFETY: 1. these rows of A, B as it was packed, and the tile in C's place. 2. As `plan` made it.
            unsafe { rows::<S, Activate, TN, false>(s, strip, height, panel.vectors, &Activate::Nothing) };
            from += block.depth;
            first = First::Output;
        }
        for r in 0..height {
            for v in 0..panel.vectors {
                let last_lanes = if v + 1 == panel.vectors { panel.last_lanes } else { S::LANES };
                let col = v * S::LANES;
                let c = c.wrapping_add(r * product.c_stride + col);
                let (row, col) = (row + r, panel.col + col);
                let place = Place { c, c_stride: product.c_stride, row, col, last_lanes };
                // SAFETY: a vector of the tile, and a tile of one vector of C, the last in part.
                unsafe {
                    let mut sum =
                        load_row::<S, 1>(s, tile.wrapping_add(r * width + v * S::LANES), last_lanes);
                    if start > 0 {
                        let [before] = load_row::<S, 1>(s, c, last_lanes);
                        sum = [s.add(before, sum[0])];
                    }
                    match end == k {
                        true => product.finish().finish(s, &mut [sum], place),
                        false => store_tile(s, &[sum], place),
                    }
                }
            }
        }
        start = end;
    }
}
