//! The loops around the micro-kernel, and who takes which product.
//!
//! ```text
//! one column of A's rows                      column      vectors along k
//! one row, of 256 numbers or more             long_row    B from end to end
//! up to three rows, B transposed              few_rows    from the shuffles into the multiply-adds
//! one tile of one vector                      tiny        the shortest way there
//! k up to three                               thin        a row at a time
//! all others                                  here:
//!
//! for each block of rows of C, block of k            (all of both, unless B is packed)
//!     for each panel of columns of C                 (1, 2, 3 or 8 vectors wide)
//!         pack the panel of B, if it lies badly      (KC x NR numbers)
//!         for each strip of tiles of equal height    (at most two: the taller, the shorter)
//!             micro-kernel
//! ```
//!
//! # Where B is read
//!
//! In place, as long as a panel stays in L2 while the tiles go down: on a core that fetches strides ahead this is as
//! good as a packed panel, and costs nothing. B is packed when it lies transposed (NT: vectors along n must be made),
//! when it is larger than L2 holds, and when its rows are a power of two apart and crowd into a few sets of the cache.
//!
//! # Where a panel is packed
//!
//! A panel with all of its k would be best: then each tile of C is computed in one go, and stored once. It takes 192
//! bytes for each k, more than a stack should. But C is about to be overwritten: its last rows are room for a panel
//! while the rows above are computed. These rows, a twentieth of them at 1024, come last; for them, and where C's old
//! values count or its rows have gaps, panels are packed in blocks of k on the stack, and the sums of a block lie in C
//! until the next. 1024 x 1024 x 1024 on AVX-512 (Zen 5): 90 % of the peak with blocks of k, 96 % without.
//!
//! # What is fetched ahead
//!
//! Only what the processor cannot guess, while a panel is packed: the next tile's rows of C, the first lines of its
//! rows of A, and a few rows of B's next panel. Each prefetch takes a load's place, so the ones that bring what would have
//! come anyway cost 2 to 4 %; nothing is prefetched for a B that is read in place, or that L2 holds.

use super::column::Column;
use super::epilogue::Activate;
use super::few_rows::{FEW, FewRows};
use super::long_row::{LONG, LongRow};
use super::micro::{Ahead, MicroKernel, PanelsKernel, Strip};
use super::plan;
use super::product::{Product, a_steps};
use super::thin::{THIN, Thin};
use super::tile::{Finish, First, Place};
use super::tiny;
use crate::Aligned;
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// Numbers in the packing buffer, the whole of the stack that gemm takes beyond registers: 48 KiB.
const PACK_LEN: usize = 12 * 1024;

/// Numbers in the buffer of a product so small that touching each page of the large one would show: less than a page.
const SHORT_PACK_LEN: usize = 896;

/// The same with a page or two to touch.
const MEDIUM_PACK_LEN: usize = 2 * 1024 + 512;

/// Numbers of B, rows times stride, from which on a tall product packs its panels: four megabytes, which L2 never holds.
const LARGE_B: usize = 1024 * 1024;

/// The same where B's rows crowd into few sets of L2.
const CROWDED_B: usize = 320 * 1024;

/// Numbers of a block of A, which L2 must hold beside what streams through.
const A_BLOCK: usize = 128 * 1024;

/// A product and what becomes of its tiles, as a pass.
pub(super) struct Run<'a, F> {
    pub(super) product: &'a Product,
    pub(super) finish: &'a F,
}

impl<F: Finish> Pass for Run<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish } = self;
        let Product { m, n, k, a_transposed, b_transposed, .. } = *product;
        if n == 1 && !a_transposed {
            return s.call(Column { product, finish });
        }
        if m == 1 && n >= LONG && !b_transposed && !F::READS_OUTPUT && product.segment() >= k {
            return match a_transposed {
                false => s.call(LongRow::<F, false> { product, finish }),
                true => s.call(LongRow::<F, true> { product, finish }),
            };
        }
        if m <= FEW && b_transposed {
            return match a_transposed {
                false => s.call(FewRows::<F, false> { product, finish }),
                true => s.call(FewRows::<F, true> { product, finish }),
            };
        }
        let tiny = tiny::is_tiny::<S>(product);
        let thin = k.wrapping_sub(1) < THIN && !b_transposed;
        match (a_transposed, tiny, thin) {
            (false, true, _) => tiny::run::<S, F, false>(s, product, finish),
            (true, true, _) => tiny::run::<S, F, true>(s, product, finish),
            (false, _, true) => s.call(Thin::<F, false> { product, finish }),
            (true, _, true) => s.call(Thin::<F, true> { product, finish }),
            (false, _, _) => s.call(Blocks::<F, false> { product, finish }),
            (true, _, _) => s.call(Blocks::<F, true> { product, finish }),
        }
    }
}

/// A product in blocks, panels and tiles.
struct Blocks<'a, F, const TN: bool> {
    product: &'a Product,
    finish: &'a F,
}

impl<F: Finish, const TN: bool> Pass for Blocks<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish } = self;
        if product.b_transposed || worth_packing::<S, F, TN>(product) {
            return s.call(Packing::<F, TN> { product, finish });
        }
        let block = Block { row: 0, rows: product.m, start: 0, depth: product.k };
        panels::<S, F, TN>(s, product, finish, block, Room::None);
    }
}

/// Rows of C and a stretch of k, in which all panels are worked through.
#[derive(Clone, Copy)]
struct Block {
    row: usize,
    rows: usize,
    start: usize,
    depth: usize,
}

/// Where panels of B are packed.
#[derive(Clone, Copy)]
enum Room {
    /// Nowhere: they are read where they lie.
    None,
    /// On the stack.
    Stack,
    /// In rows of C that are still to be written.
    Spare(*mut f32),
}

/// A product that packs its panels of B.
struct Packing<'a, F, const TN: bool> {
    product: &'a Product,
    finish: &'a F,
}

impl<F: Finish, const TN: bool> Pass for Packing<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish } = self;
        let Product { m, k, .. } = *product;
        let spare = if TN { 0 } else { spare_rows::<S, F>(product) };
        if spare > 0 {
            let room = product.c.wrapping_add((m - spare) * product.c_stride);
            let room = Room::Spare(room.wrapping_add(room.align_offset(64).min(15)));
            let block = Block { row: 0, rows: m - spare, start: 0, depth: k };
            panels::<S, F, TN>(s, product, finish, block, room);
        }
        let most = plan::block_depth::<S>(k, PACK_LEN);
        // The spare rows themselves, or if there are none all rows.
        let first = if spare > 0 { m - spare } else { 0 };
        let mut block =
            Block { row: first, rows: plan::block_rows(m - first, most, A_BLOCK), start: 0, depth: most };
        while block.row < m {
            block.rows = block.rows.min(m - block.row);
            (block.start, block.depth) = (0, most);
            while block.start + most < k {
                panels::<S, Activate, TN>(s, product, &Activate::Nothing, block, Room::Stack);
                block.start += most;
            }
            block.depth = k - block.start;
            panels::<S, F, TN>(s, product, finish, block, Room::Stack);
            block.row += block.rows;
        }
    }
}

/// Rows at the end of C that can hold a panel of B, all k of it, while those above are computed. None where C's old
/// values count, where its rows have gaps, or where they would be more than an eighth.
#[inline(always)]
fn spare_rows<S: Simd, F: Finish>(product: &Product) -> usize {
    let Product { m, n, k, .. } = *product;
    let overwritten = !F::READS_OUTPUT && !matches!(product.first, First::Output);
    // A panel of three vectors, and what it takes to begin at a cache line.
    let rows = (k.saturating_mul(3 * S::LANES).saturating_add(16)).div_ceil(n.max(1));
    if overwritten && product.c_stride == n && k > plan::block_depth::<S>(k, PACK_LEN) && rows <= m / 8 {
        rows
    } else {
        0
    }
}

/// Whether B lies badly and is read often enough for its panels to be brought together first. Blocks of k would
/// cut chains elsewhere than the plan does, and leave sums in a C whose old value is still needed: not then.
#[inline(always)]
fn worth_packing<S: Simd, F: Finish, const TN: bool>(product: &Product) -> bool {
    let Product { m, k, b_stride, .. } = *product;
    let one_block = k <= plan::block_depth::<S>(k, PACK_LEN);
    let size = k.saturating_mul(b_stride);
    (size > LARGE_B || size > CROWDED_B && plan::rows_crowd(k, b_stride))
        && m > 4 * plan::tile_rows::<S>(2)
        && (one_block || !F::READS_OUTPUT && product.segment() >= k)
}

/// All panels of a block. A block of k after the first takes up the sum that the one before left in C, so the order of
/// the sum stays what it is without blocks.
#[inline(always)]
fn panels<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product, finish: &F, block: Block, room: Room) {
    // The buffer holds up to three vectors a row: the widest panels are read in place.
    let rows = if let Room::None = room { block.rows } else { block.rows.max(plan::WIDEST) };
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let vectors = plan::panel_vectors::<S>(left.div_ceil(S::LANES), rows);
        let panel = Panel { col, vectors, last_lanes: plan::last_lanes::<S>(left, vectors) };
        match room {
            Room::None => panel_in_place::<S, F, TN>(s, product, finish, panel),
            // SAFETY: the rows can hold all k of a panel.
            Room::Spare(room) => unsafe { packed_panel::<S, F, TN>(s, product, finish, block, panel, room) },
            // The buffers are in functions of their own: each page of one costs a line of L1, all of one set.
            Room::Stack if block.depth.saturating_mul(vectors * S::LANES) <= SHORT_PACK_LEN => {
                s.call(PackedPanel::<F, TN, SHORT_PACK_LEN> { product, finish, block, panel });
            }
            Room::Stack if block.depth.saturating_mul(vectors * S::LANES) <= MEDIUM_PACK_LEN => {
                s.call(PackedPanel::<F, TN, MEDIUM_PACK_LEN> { product, finish, block, panel });
            }
            Room::Stack => s.call(PackedPanel::<F, TN, PACK_LEN> { product, finish, block, panel }),
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
fn panel_in_place<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product, finish: &F, panel: Panel) {
    let Product { m, k, b, b_len, b_stride, .. } = *product;
    let mut strip = first_strip::<TN>(product, Block { row: 0, rows: m, start: 0, depth: k }, panel);
    (strip.b, strip.b_stride) = (b.wrapping_add(panel.col), b_stride);
    if !S::MASKS && panel.last_lanes < S::LANES {
        strip.k_whole = plan::whole_rows(k, b_len, b_stride, panel.col + panel.vectors * S::LANES);
    }
    rows::<S, F, TN, false>(s, strip, m, panel.vectors, finish);
}

/// The panel's strip at the top of a block, whose B is for the caller to add.
#[inline(always)]
fn first_strip<const TN: bool>(product: &Product, block: Block, panel: Panel) -> Strip {
    let (a_row, a_k) = a_steps::<TN>(product);
    Strip {
        a: product.a.wrapping_add(block.row * a_row + block.start * a_k),
        a_stride: product.a_stride,
        b: product.b,
        b_stride: product.b_stride,
        panel_stride: 0,
        k: block.depth,
        k_whole: block.depth,
        segment: product.segment(),
        first: if block.start == 0 { product.first.at_col(panel.col) } else { First::Output },
        place: Place {
            c: product.c.wrapping_add(block.row * product.c_stride + panel.col),
            c_stride: product.c_stride,
            row: block.row,
            col: panel.col,
            last_lanes: panel.last_lanes,
        },
        tiles: 0,
        ahead: None,
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
        let mut buffer = Aligned([MaybeUninit::<f32>::uninit(); LEN]);
        // SAFETY: the panel fits the buffer by the choice of the block's depth.
        unsafe { packed_panel::<S, F, TN>(s, product, finish, block, panel, buffer.0.as_mut_ptr().cast()) };
    }
}

/// Packs the panel's B for the block into `packed`, and computes its tiles from there.
///
/// # Safety
/// `packed` has room for the block's depth of whole vectors, and is none of the block's rows of C.
#[inline(always)]
unsafe fn packed_panel<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Product,
    finish: &F,
    block: Block,
    panel: Panel,
    packed: *mut f32,
) {
    let width = panel.vectors * S::LANES;
    // SAFETY: rows `start` to `start + depth` of B's panel exist, and fit `packed` as the caller promises.
    unsafe { pack::<S>(s, product, panel, block.start, block.depth, packed) };
    let mut strip = first_strip::<TN>(product, block, panel);
    (strip.b, strip.b_stride) = (packed, width);
    if S::PREFETCHES && product.n.saturating_mul(product.k) > CROWDED_B {
        // Where the next panel lies: beside this one, or at the start of the next rows of B.
        let col = if panel.col + width < product.n { panel.col + width } else { 0 };
        let start = if col > 0 { block.start } else { block.start + block.depth };
        let tiles = block.rows / plan::tile_rows::<S>(panel.vectors);
        // A transposed B, if all of k is packed, as one stretch of memory.
        let (row, b_stride) = if product.b_transposed { (col, width) } else { (start, product.b_stride) };
        let col = if product.b_transposed { start } else { col };
        strip.ahead = Some(Ahead {
            b: product.b.wrapping_add(row * product.b_stride + col),
            b_stride,
            b_rows: block.depth / tiles.max(1) + 1,
        });
    }
    rows::<S, F, TN, false>(s, strip, block.rows, panel.vectors, finish);
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

/// All tiles of a panel, from the top: at most two strips, the taller tiles first.
#[inline(always)]
pub(super) fn rows<S: Simd, F: Finish, const TN: bool, const PANELS: bool>(
    s: S,
    mut strip: Strip,
    m: usize,
    vectors: usize,
    finish: &F,
) {
    let most = plan::tile_rows_for::<S>(vectors, strip.k, strip.segment);
    let (tiles, short, tall) = plan::row_tiles(m, most);
    if tall > 0 {
        strip.tiles = tall;
        strip_of_width::<S, F, TN, PANELS>(s, &strip, short + 1, vectors, finish);
        let rows = tall * (short + 1);
        strip.a = strip.a.wrapping_add(rows * if TN { 1 } else { strip.a_stride });
        strip.place.c = strip.place.c.wrapping_add(rows * strip.place.c_stride);
        strip.place.row += rows;
        strip.ahead = strip.ahead.map(|ahead| ahead.after(tall));
    }
    strip.tiles = tiles - tall;
    strip_of_width::<S, F, TN, PANELS>(s, &strip, short, vectors, finish);
}

#[inline(always)]
fn strip_of_width<S: Simd, F: Finish, const TN: bool, const PANELS: bool>(
    s: S,
    strip: &Strip,
    height: usize,
    vectors: usize,
    finish: &F,
) {
    match vectors {
        1 => strip_of_height::<S, F, 1, TN, PANELS, false>(s, strip, height, finish),
        2 => strip_of_height::<S, F, 2, TN, PANELS, false>(s, strip, height, finish),
        3 => strip_of_height::<S, F, 3, TN, PANELS, false>(s, strip, height, finish),
        _ => strip_of_height::<S, F, 8, TN, PANELS, false>(s, strip, height, finish),
    }
}

/// Runs the micro-kernel compiled for a tile's height: with `INLINE` as part of the caller, else as a function.
#[inline(always)]
pub(super) fn strip_of_height<
    S: Simd,
    F: Finish,
    const NV: usize,
    const TN: bool,
    const PANELS: bool,
    const INLINE: bool,
>(
    s: S,
    strip: &Strip,
    height: usize,
    finish: &F,
) {
    match height {
        1 => run_strip::<S, F, 1, NV, TN, PANELS, INLINE>(s, strip, finish),
        2 => run_strip::<S, F, 2, NV, TN, PANELS, INLINE>(s, strip, finish),
        3 => run_strip::<S, F, 3, NV, TN, PANELS, INLINE>(s, strip, finish),
        4 => run_strip::<S, F, 4, NV, TN, PANELS, INLINE>(s, strip, finish),
        5 => run_strip::<S, F, 5, NV, TN, PANELS, INLINE>(s, strip, finish),
        6 => run_strip::<S, F, 6, NV, TN, PANELS, INLINE>(s, strip, finish),
        7 => run_strip::<S, F, 7, NV, TN, PANELS, INLINE>(s, strip, finish),
        8 => run_strip::<S, F, 8, NV, TN, PANELS, INLINE>(s, strip, finish),
        9 => run_strip::<S, F, 9, NV, TN, PANELS, INLINE>(s, strip, finish),
        10 => run_strip::<S, F, 10, NV, TN, PANELS, INLINE>(s, strip, finish),
        11 => run_strip::<S, F, 11, NV, TN, PANELS, INLINE>(s, strip, finish),
        12 => run_strip::<S, F, 12, NV, TN, PANELS, INLINE>(s, strip, finish),
        13 => run_strip::<S, F, 13, NV, TN, PANELS, INLINE>(s, strip, finish),
        _ => run_strip::<S, F, 14, NV, TN, PANELS, INLINE>(s, strip, finish),
    }
}

/// Sizes that the instruction set has no tile for are never asked for; not compiling them keeps the crate small.
#[inline(always)]
fn run_strip<
    S: Simd,
    F: Finish,
    const MR: usize,
    const NV: usize,
    const TN: bool,
    const PANELS: bool,
    const INLINE: bool,
>(
    s: S,
    strip: &Strip,
    finish: &F,
) {
    if const { MR <= plan::tile_rows::<S>(NV) } {
        match (!TN && strip.segment < strip.k, PANELS) {
            (true, true) => s.call(PanelsKernel::<F, MR, NV, true> { strip, finish }),
            (false, true) => s.call(PanelsKernel::<F, MR, NV, false> { strip, finish }),
            (true, false) if INLINE => MicroKernel::<F, MR, NV, TN, true> { strip, finish }.run(s),
            (false, false) if INLINE => MicroKernel::<F, MR, NV, TN, false> { strip, finish }.run(s),
            (true, false) => s.call(MicroKernel::<F, MR, NV, TN, true> { strip, finish }),
            (false, false) => s.call(MicroKernel::<F, MR, NV, TN, false> { strip, finish }),
        }
    }
}
