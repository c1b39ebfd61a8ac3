//! The loops around the micro-kernel.
//!
//! ```text
//! for each block of rows of C                        (so that its part of A stays in L2)
//!     for each block of k                            (all of k, unless B is packed)
//!         for each panel of columns of C             (NR = 1, 2, 3 or 8 vectors wide)
//!             pack the panel of B, if it lies badly  (KC x NR numbers, on the stack)
//!             for each tile of rows of C             (MR rows)
//!                 micro-kernel, and under way: prefetch the next tile of C and rows of the next panel of B
//! ```
//!
//! A is always read where it lies: a tile's rows are a dozen streams, which L1 holds. So is B as long as all that is
//! read of it stays in L2. B is packed when it lies transposed (NT: the vectors along n must be made) and when it is
//! large: then a panel's rows are each a page of their own, and come from L3.
//!
//! What large products wait for, once the tile is right, is L3: sums that come and go (C), and panels (B). A burst of
//! prefetches fills the dozen or so line buffers of a core, and the loads after it wait; spread over the loop on k, one
//! row of lines every eight steps, they cost nothing. Measured at 1024 x 1024 x 1024, AVX-512: 64 % of the peak with
//! neither, 83 % with blocks, 88 % with prefetches.

use super::epilogue::Activate;
use super::micro::{Ahead, Finish, First, MicroKernel, Place, Tile};
use super::plan;
use crate::Aligned;
use crate::simd::{Pass, Simd, VECTORS};
use core::mem::MaybeUninit;

/// Numbers in the packing buffer, the whole of the stack that gemm takes beyond registers: 48 KiB where there are
/// vectors, 256 bytes on a microcontroller.
const PACK_LEN: usize = if VECTORS { 12 * 1024 } else { 64 };

/// Numbers in the buffer of a product so small that touching each page of the large one would show: less than a page.
const SHORT_PACK_LEN: usize = if VECTORS { 896 } else { PACK_LEN };

/// Numbers of B, rows times stride, from which on a tall product packs its panels: a quarter of L2.
const LARGE_B: usize = 128 * 1024;

/// Numbers of a block of A, which L2 must hold beside what streams through.
const A_BLOCK: usize = 64 * 1024;

/// A whole product C = A B, checked: every pointer is good for the sizes beside it.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: *const f32,
    pub(super) a_stride: usize,
    /// A lies transposed: k rows of m.
    pub(super) a_transposed: bool,
    pub(super) b: *const f32,
    /// Numbers that can be read from `b` on.
    pub(super) b_len: usize,
    pub(super) b_stride: usize,
    /// B lies transposed: n rows of k.
    pub(super) b_transposed: bool,
    pub(super) first: First,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
}

/// A product and what becomes of its tiles, as a pass.
pub(super) struct Run<'a, F> {
    pub(super) product: &'a Product,
    pub(super) finish: &'a F,
}

impl<F: Finish> Pass for Run<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.product.a_transposed {
            blocks::<S, F, true>(s, self.product, self.finish);
        } else {
            blocks::<S, F, false>(s, self.product, self.finish);
        }
    }
}

/// How far from one row of A's view to the next, and from one k to the next.
#[inline(always)]
fn a_steps<const TN: bool>(product: &Product) -> (usize, usize) {
    if TN { (1, product.a_stride) } else { (product.a_stride, 1) }
}

/// Rows of C and a stretch of k, in which all panels are worked through.
#[derive(Clone, Copy)]
struct Block {
    row: usize,
    rows: usize,
    start: usize,
    depth: usize,
    pack: bool,
}

#[inline(always)]
fn blocks<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product, finish: &F) {
    let pack = product.b_transposed || worth_packing::<S, F, TN>(product);
    let depth = if pack { product.k.min(plan::packed_depth::<S>(PACK_LEN)) } else { product.k };
    let rows = plan::block_rows(product.m, depth, A_BLOCK);
    let mut block = Block { row: 0, rows, start: 0, depth, pack };
    while block.row < product.m {
        block.rows = rows.min(product.m - block.row);
        block.start = 0;
        block.depth = depth;
        while block.start + block.depth < product.k {
            panels::<S, Activate, TN>(s, product, &Activate::Nothing, block);
            block.start += block.depth;
            block.depth = depth.min(product.k - block.start);
        }
        panels::<S, F, TN>(s, product, finish, block);
        block.row += block.rows;
    }
}

/// Whether B is large enough, and read often enough, for its panels to be brought together first. Blocks of k
/// would cut chains elsewhere than the plan does, and leave sums in a C whose old value is still needed: not then.
#[inline(always)]
fn worth_packing<S: Simd, F: Finish, const TN: bool>(product: &Product) -> bool {
    product.k.saturating_mul(product.b_stride) > LARGE_B
        && product.m > 4 * plan::tile_rows::<S>(2)
        && !F::READS_OUTPUT
        && (TN || plan::segment_len(product.n, product.k) >= product.k)
}

/// All panels of a block. A block of k after the first takes up the sum that the one before left in C, so the order of
/// the sum stays what it is without blocks.
#[inline(always)]
fn panels<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product, finish: &F, block: Block) {
    // The buffer holds up to three vectors a row: the widest panels are read in place.
    let rows = if block.pack { block.rows.max(plan::WIDEST) } else { block.rows };
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let vectors = plan::panel_vectors::<S>(left.div_ceil(S::LANES), rows);
        let panel = Panel { col, vectors, last_lanes: plan::last_lanes::<S>(left, vectors) };
        // The buffers are in functions of their own: whoever needs none does not pay for one.
        if !block.pack {
            panel_in_place::<S, F, TN>(s, product, finish, block, panel);
        } else if block.depth.saturating_mul(vectors * S::LANES) <= SHORT_PACK_LEN {
            s.call(PackedPanel::<F, TN, SHORT_PACK_LEN> { product, finish, block, panel });
        } else {
            s.call(PackedPanel::<F, TN, PACK_LEN> { product, finish, block, panel });
        }
        col += vectors * S::LANES;
    }
}

/// Some vectors of columns of C.
#[derive(Clone, Copy)]
struct Panel {
    col: usize,
    vectors: usize,
    last_lanes: usize,
}

#[inline(always)]
fn panel_in_place<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Product,
    finish: &F,
    block: Block,
    panel: Panel,
) {
    let Product { n, k, b_len, b_stride, .. } = *product;
    let end = panel.col + panel.vectors * S::LANES;
    let k_whole = if panel.last_lanes == S::LANES { k } else { plan::whole_rows(k, b_len, b_stride, end) };
    let mut tile = first_tile::<TN>(product, block, panel);
    (tile.b, tile.b_stride, tile.k_whole) = (product.b.wrapping_add(panel.col), b_stride, k_whole);
    // TN products (weight gradients) have many rows and a short k: one chain.
    tile.segment = if TN { k } else { plan::segment_len(n, k) };
    rows::<S, F, TN>(s, tile, block.rows, panel.vectors, finish, None);
}

/// The panel's tile at the top of a block, whose B is for the caller to add.
#[inline(always)]
fn first_tile<const TN: bool>(product: &Product, block: Block, panel: Panel) -> Tile {
    let (a_row, a_k) = a_steps::<TN>(product);
    let c = product.c.wrapping_add(block.row * product.c_stride + panel.col);
    Tile {
        a: product.a.wrapping_add(block.row * a_row + block.start * a_k),
        a_stride: product.a_stride,
        b: product.b,
        b_stride: product.b_stride,
        k: block.depth,
        k_whole: block.depth,
        segment: usize::MAX,
        first: if block.start == 0 { product.first.at_col(panel.col) } else { First::Output },
        place: Place {
            c,
            c_stride: product.c_stride,
            row: block.row,
            col: panel.col,
            last_lanes: panel.last_lanes,
        },
        ahead: Ahead { c, b: product.b, b_stride: 0, b_rows: 0 },
    }
}

/// A panel of a block, from a panel of B that is packed first, in a buffer of `LEN` numbers.
struct PackedPanel<'a, F, const TN: bool, const LEN: usize> {
    product: &'a Product,
    finish: &'a F,
    block: Block,
    panel: Panel,
}

impl<F: Finish, const TN: bool, const LEN: usize> Pass for PackedPanel<'_, F, TN, LEN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish, block, panel } = self;
        let width = panel.vectors * S::LANES;
        let mut buffer = Aligned([MaybeUninit::<f32>::uninit(); LEN]);
        let packed = buffer.0.as_mut_ptr().cast::<f32>();
        // SAFETY: rows `start` to `start + depth` of B's panel exist, and fit the buffer by the choice of `depth`.
        unsafe { pack::<S>(s, product, panel, block.start, block.depth, packed) };
        let mut tile = first_tile::<TN>(product, block, panel);
        (tile.b, tile.b_stride) = (packed, width);
        // Where the next panel lies: beside this one, or at the start of the next rows of B.
        let col = if panel.col + width < product.n { panel.col + width } else { 0 };
        let start = if col > 0 { block.start } else { block.start + block.depth };
        let next = if product.b_transposed {
            None
        } else {
            Some((product.b.wrapping_add(start * product.b_stride + col), product.b_stride))
        };
        rows::<S, F, TN>(s, tile, block.rows, panel.vectors, finish, next);
    }
}

/// Copies `len` rows of the panel of B, from row `start` on, to `dst`: `vectors` whole vectors a row, zeros past the
/// last column.
///
/// # Safety
/// The rows exist, and `dst` has room for them.
#[inline(always)]
unsafe fn pack<S: Simd>(s: S, product: &Product, panel: Panel, start: usize, len: usize, dst: *mut f32) {
    let width = panel.vectors * S::LANES;
    let cols = width - S::LANES + panel.last_lanes;
    let stride = product.b_stride;
    // SAFETY: rows `start..start + len` and columns `panel.col..panel.col + cols` are inside B; `dst` has `len * width`.
    unsafe {
        if !product.b_transposed {
            let src = product.b.wrapping_add(start * stride + panel.col);
            for k in 0..len {
                for v in 0..panel.vectors {
                    let lanes = if v + 1 == panel.vectors { panel.last_lanes } else { S::LANES };
                    let x = s.load_partial(src.add(k * stride + v * S::LANES), lanes);
                    s.store(dst.add(k * width + v * S::LANES), x);
                }
            }
            return;
        }
        let src = product.b.wrapping_add(panel.col * stride + start);
        for v in 0..panel.vectors {
            let first = v * S::LANES;
            let lanes = (cols - first).min(S::LANES);
            for k in (0..len).step_by(S::LANES) {
                let depth = (len - k).min(S::LANES);
                s.transpose(
                    src.add(first * stride + k),
                    stride,
                    [lanes, depth],
                    dst.add(k * width + first),
                    width,
                );
            }
        }
    }
}

/// All tiles of a panel, from the top. With `next`, the next panel of B and its row stride, each prefetches some rows.
#[inline(always)]
fn rows<S: Simd, F: Finish, const TN: bool>(
    s: S,
    mut tile: Tile,
    m: usize,
    vectors: usize,
    finish: &F,
    next: Option<(*const f32, usize)>,
) {
    let (tiles, short, tall) = plan::row_tiles(m, plan::tile_rows::<S>(vectors));
    let a_row = if TN { 1 } else { tile.a_stride };
    if let Some((b, b_stride)) = next {
        tile.ahead.b = b;
        tile.ahead.b_stride = b_stride;
        tile.ahead.b_rows = tile.k / tiles.max(1) + 1;
    }
    for index in 0..tiles {
        let height = short + usize::from(index < tall);
        let next_c = tile.place.c.wrapping_add(height * tile.place.c_stride);
        tile.ahead.c = next_c;
        match vectors {
            1 => tile_of_height::<S, F, 1, TN, false>(s, &tile, height, finish),
            2 => tile_of_height::<S, F, 2, TN, false>(s, &tile, height, finish),
            3 => tile_of_height::<S, F, 3, TN, false>(s, &tile, height, finish),
            _ => tile_of_height::<S, F, 8, TN, false>(s, &tile, height, finish),
        }
        tile.a = tile.a.wrapping_add(height * a_row);
        tile.place.c = next_c;
        tile.place.row += height;
        tile.ahead.b = tile.ahead.b.wrapping_add(tile.ahead.b_rows * tile.ahead.b_stride);
    }
}

/// Runs the micro-kernel compiled for a tile's height: with `INLINE` as part of the caller, else as a function.
#[inline(always)]
pub(super) fn tile_of_height<S: Simd, F: Finish, const NV: usize, const TN: bool, const INLINE: bool>(
    s: S,
    tile: &Tile,
    height: usize,
    finish: &F,
) {
    match height {
        1 => run_tile::<S, F, 1, NV, TN, INLINE>(s, tile, finish),
        2 => run_tile::<S, F, 2, NV, TN, INLINE>(s, tile, finish),
        3 => run_tile::<S, F, 3, NV, TN, INLINE>(s, tile, finish),
        4 => run_tile::<S, F, 4, NV, TN, INLINE>(s, tile, finish),
        5 => run_tile::<S, F, 5, NV, TN, INLINE>(s, tile, finish),
        6 => run_tile::<S, F, 6, NV, TN, INLINE>(s, tile, finish),
        7 => run_tile::<S, F, 7, NV, TN, INLINE>(s, tile, finish),
        8 => run_tile::<S, F, 8, NV, TN, INLINE>(s, tile, finish),
        9 => run_tile::<S, F, 9, NV, TN, INLINE>(s, tile, finish),
        10 => run_tile::<S, F, 10, NV, TN, INLINE>(s, tile, finish),
        11 => run_tile::<S, F, 11, NV, TN, INLINE>(s, tile, finish),
        12 => run_tile::<S, F, 12, NV, TN, INLINE>(s, tile, finish),
        13 => run_tile::<S, F, 13, NV, TN, INLINE>(s, tile, finish),
        _ => run_tile::<S, F, 14, NV, TN, INLINE>(s, tile, finish),
    }
}

/// Sizes that the instruction set has no tile for are never asked for; not compiling them keeps the crate small.
#[inline(always)]
fn run_tile<S: Simd, F: Finish, const MR: usize, const NV: usize, const TN: bool, const INLINE: bool>(
    s: S,
    tile: &Tile,
    finish: &F,
) {
    if const { MR <= plan::tile_rows::<S>(NV) } {
        let kernel = MicroKernel::<F, MR, NV, TN> { tile, finish };
        if INLINE { kernel.run(s) } else { s.call(kernel) }
    }
}
