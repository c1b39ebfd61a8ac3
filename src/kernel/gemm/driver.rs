//! The loops around the micro-kernel.
//!
//! ```text
//! for each panel of columns of C                     (NR = 1 to 3 vectors wide)
//!     for each block of k                            (all of k, unless B is packed)
//!         pack the panel of B, if it lies badly      (KC x NR numbers, on the stack)
//!         for each tile of rows of C                 (MR rows)
//!             micro-kernel
//! ```
//!
//! B is read where it lies as long as its rows are contiguous and near one another: a panel's rows are then a few
//! cache lines each, and are in L1 or L2 for every tile after the first. It is packed when it lies transposed (NT: the
//! vectors along n must be made) and when its rows are so far apart that each is a page of its own.

use super::epilogue::Activate;
use super::micro::{Finish, First, MicroKernel, Place, Tile};
use super::plan;
use crate::Aligned;
use crate::simd::{Pass, Simd, VECTORS};
use core::mem::MaybeUninit;

/// Numbers in the packing buffer, the whole of the stack that gemm takes beyond registers: 48 KiB where there are
/// vectors, 256 bytes on a microcontroller.
const PACK_LEN: usize = if VECTORS { 12 * 1024 } else { 64 };

/// Numbers in the buffer of a product so small that touching each page of the large one would show: less than a page.
const SHORT_PACK_LEN: usize = if VECTORS { 896 } else { PACK_LEN };

/// A row stride of B (in numbers) from which on a tall product packs its panels.
const FAR: usize = 1024;

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
            panels::<S, F, true>(s, self.product, self.finish);
        } else {
            panels::<S, F, false>(s, self.product, self.finish);
        }
    }
}

/// How far from one row of A's view to the next, and from one k to the next.
#[inline(always)]
fn a_steps<const TN: bool>(product: &Product) -> (usize, usize) {
    if TN { (1, product.a_stride) } else { (product.a_stride, 1) }
}

#[inline(always)]
fn panels<S: Simd, F: Finish, const TN: bool>(s: S, product: &Product, finish: &F) {
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let vectors = plan::panel_vectors::<S>(left.div_ceil(S::LANES));
        let panel = Panel { col, vectors, last_lanes: plan::last_lanes::<S>(left, vectors) };
        // The buffers are in functions of their own: whoever needs none does not pay for one.
        if !product.b_transposed && !worth_packing::<S, F, TN>(product, vectors) {
            panel_in_place::<S, F, TN>(s, product, finish, panel);
        } else if product.k.saturating_mul(vectors * S::LANES) <= SHORT_PACK_LEN {
            s.call(PackedPanel::<F, TN, SHORT_PACK_LEN> { product, finish, panel });
        } else {
            s.call(PackedPanel::<F, TN, PACK_LEN> { product, finish, panel });
        }
        col += vectors * S::LANES;
    }
}

/// Whether a panel of B whose rows are far apart is read often enough to be brought together first. Blocks of k
/// would cut chains elsewhere than the plan does, and leave sums in a C whose old value is still needed: not then.
#[inline(always)]
fn worth_packing<S: Simd, F: Finish, const TN: bool>(product: &Product, vectors: usize) -> bool {
    product.b_stride >= FAR
        && product.m > 4 * plan::tile_rows::<S>(vectors)
        && !F::READS_OUTPUT
        && (TN || plan::segment_len(product.n, product.k) >= product.k)
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
    let Product { n, k, b_len, b_stride, .. } = *product;
    let end = panel.col + panel.vectors * S::LANES;
    let k_whole = if panel.last_lanes == S::LANES { k } else { plan::whole_rows(k, b_len, b_stride, end) };
    let tile = Tile {
        a: product.a,
        a_stride: product.a_stride,
        b: product.b.wrapping_add(panel.col),
        b_stride,
        k,
        k_whole,
        // TN products (weight gradients) have many rows and a short k: one chain.
        segment: if TN { k } else { plan::segment_len(n, k) },
        first: product.first.at_col(panel.col),
        place: place(product, panel),
    };
    rows::<S, F, TN>(s, tile, product.m, panel.vectors, finish);
}

fn place(product: &Product, panel: Panel) -> Place {
    Place {
        c: product.c.wrapping_add(panel.col),
        c_stride: product.c_stride,
        row: 0,
        col: panel.col,
        last_lanes: panel.last_lanes,
    }
}

/// A panel of C, from a panel of B that is packed first, in a buffer of `LEN` numbers.
struct PackedPanel<'a, F, const TN: bool, const LEN: usize> {
    product: &'a Product,
    finish: &'a F,
    panel: Panel,
}

impl<F: Finish, const TN: bool, const LEN: usize> Pass for PackedPanel<'_, F, TN, LEN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        packed_panel::<S, F, TN, LEN>(s, self.product, self.finish, self.panel);
    }
}

/// Block by block of k: packs the panel of B and runs the rows on it; what a block leaves in C the next takes up, so
/// that the order of the sum stays what it is without blocks.
#[inline(always)]
fn packed_panel<S: Simd, F: Finish, const TN: bool, const LEN: usize>(
    s: S,
    product: &Product,
    finish: &F,
    panel: Panel,
) {
    let width = panel.vectors * S::LANES;
    let block = match panel.vectors {
        1 => const { LEN / S::LANES },
        2 => const { LEN / (2 * S::LANES) },
        _ => const { LEN / (3 * S::LANES) },
    };
    // Whole vectors of k, for `pack` transposes blocks of them.
    let block = block / S::LANES * S::LANES;
    let (_, a_k) = a_steps::<TN>(product);
    let mut buffer = Aligned([MaybeUninit::<f32>::uninit(); LEN]);
    let packed = buffer.0.as_mut_ptr().cast::<f32>();
    let mut tile = Tile {
        a: product.a,
        a_stride: product.a_stride,
        b: packed,
        b_stride: width,
        k: 0,
        k_whole: 0,
        segment: usize::MAX,
        first: product.first.at_col(panel.col),
        place: place(product, panel),
    };
    let mut start = 0;
    loop {
        let len = block.min(product.k - start);
        // SAFETY: rows `start` to `start + len` of B's panel exist, and fit the buffer by the choice of `block`.
        unsafe { pack::<S>(s, product, panel, start, len, packed) };
        tile.a = product.a.wrapping_add(start * a_k);
        (tile.k, tile.k_whole) = (len, len);
        start += len;
        if start == product.k {
            return rows::<S, F, TN>(s, tile, product.m, panel.vectors, finish);
        }
        rows::<S, Activate, TN>(s, tile, product.m, panel.vectors, &Activate::Nothing);
        tile.first = First::Output;
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

/// All tiles of a panel, from the top.
#[inline(always)]
fn rows<S: Simd, F: Finish, const TN: bool>(s: S, mut tile: Tile, m: usize, vectors: usize, finish: &F) {
    let (tiles, short, tall) = plan::row_tiles(m, plan::tile_rows::<S>(vectors));
    let a_row = if TN { 1 } else { tile.a_stride };
    for index in 0..tiles {
        let height = short + usize::from(index < tall);
        match vectors {
            1 => tile_of_height::<S, F, 1, TN, false>(s, &tile, height, finish),
            2 => tile_of_height::<S, F, 2, TN, false>(s, &tile, height, finish),
            _ => tile_of_height::<S, F, 3, TN, false>(s, &tile, height, finish),
        }
        tile.a = tile.a.wrapping_add(height * a_row);
        tile.place.c = tile.place.c.wrapping_add(height * tile.place.c_stride);
        tile.place.row += height;
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
