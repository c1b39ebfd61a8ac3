//! The loops over blocks and panels.
//!
//! ```text
//! for each block of rows of C, block of k            (all of both, unless B is packed)
//!     for each panel of columns of C                 (1, 2, 3 or 8 vectors wide)
//!         pack the panel of B, if it lies badly      (KC x NR numbers)
//!         for each strip of tiles of equal height    (at most two: the taller, the shorter)
//!             micro-kernel
//! ```
//!
//! # Where B is read
//!
//! In place, as long as a panel stays in L2, as large as the processor says it is, while the tiles go down: on a core that fetches
//! strides ahead this is as good as a packed panel, and costs nothing. B is packed when it lies transposed (NT: vectors along n must be made),
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
//! Only what the processor cannot guess, where a large product packs its panels: a tile's own lines of C, while its sums are
//! formed. Each prefetch takes a load's place, so the ones that bring what would have come anyway cost more than they gain;
//! nothing is prefetched for a B that is read in place, or that L2 holds.

use super::Product;
use super::long_panels;
use super::micro::Strip;
use super::panel::{Block, PACK_LEN, Panel, first_strip, packed_panel, packed_panel_on_stack};
use super::plan::{self, Tiles};
use super::strips::{OneVector, rows};
use crate::Isa;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::segments::LONGEST;
use crate::kernel::gemm::tile::{First, Store};
use crate::simd::Cache;
use core::ops::Range;

/// Sums so long that the way to the micro-kernel no longer counts.
const SHORT: usize = 64;

/// Numbers in the buffer of a product so small that touching each page of the large one would show: less than a page.
const SHORT_PACK_LEN: usize = 896;

/// The same with a page or two to touch.
const MEDIUM_PACK_LEN: usize = 2 * 1024 + 512;

/// A product in blocks, panels and tiles.
#[inline(always)]
pub(super) fn blocks(isa: Isa, tiles: &Tiles, product: &Product<'_>) {
    if product.b_transposed || worth_packing(tiles, product) {
        return packing(isa, tiles, product);
    }
    // SAFETY: its B does not lie transposed.
    unsafe { in_place(isa, tiles, product) }
}

/// A product whose B is read where it lies, for all of k at once. A tile of all of a small product is only a few dozen
/// cycles, so what leads there is short: one strip, of which each panel changes what differs.
///
/// # Safety
/// B does not lie transposed.
#[inline]
pub(super) unsafe fn in_place(isa: Isa, tiles: &Tiles, product: &Product<'_>) {
    let Operands { m, k, .. } = **product;
    let cache = Cache::second_level();
    // An A that L2 does not hold is read once for each panel, a B that it does not hold once for each block of rows: the
    // latter is less for a short k.
    let rows = match m.saturating_mul(k) <= cache.numbers() || k > cache.numbers() / 96 {
        true => m,
        false => plan::block_rows(m, k, cache.block_of_a()),
    };
    let mut row = 0;
    while row < m {
        let end = m.min(row + rows);
        // SAFETY: some of the rows; the caller's promise.
        unsafe { in_place_rows(isa, tiles, product, row..end) };
        row = end;
    }
}

/// Some rows of it.
///
/// # Safety
/// As for [`in_place`]; the product has the rows.
#[inline(always)]
unsafe fn in_place_rows(isa: Isa, tiles: &Tiles, product: &Product<'_>, rows_of_c: Range<usize>) {
    let Operands { n, k, b, b_len, b_stride, first, c_stride, .. } = **product;
    let (a_row, _) = product.a_steps();
    let (m, a) = (rows_of_c.len(), product.a.wrapping_add(rows_of_c.start * a_row));
    let c = product.c.wrapping_add(rows_of_c.start * c_stride);
    let mut strip = strip_of(product);
    let mut col = 0;
    while col < n {
        let vectors = tiles.panel_vectors(tiles.vectors(n - col), m);
        let end = col + vectors * tiles.lanes;
        strip.a = a;
        strip.b = b.wrapping_add(col);
        strip.first = first.at_col(col);
        strip.place.c = c.wrapping_add(col);
        (strip.place.row, strip.place.col) = (rows_of_c.start, col);
        strip.place.last_lanes = tiles.last_lanes(n - col, vectors);
        if !tiles.masks && end > n {
            strip.k_whole = plan::whole_rows(k, b_len, b_stride, end);
        }
        // SAFETY: 1. all rows of the panel's columns, read in whole vectors as far as B goes. 2. As `plan` made it.
        unsafe { rows(isa, tiles, &mut strip, m, vectors) };
        col = end;
    }
}

/// A strip at the first element of C, as wide as all of it.
#[inline(always)]
fn strip_of<'a>(product: &'a Product<'_>) -> Strip<'a> {
    let block = Block { row: 0, rows: product.m, start: 0, depth: product.k };
    first_strip(product, product.finish(), block, Panel { col: 0, vectors: 1, last_lanes: product.n })
}

/// Whether a product is of one vector of columns, and so short that B is read where it lies.
#[inline(always)]
pub(super) fn is_one_vector(tiles: &Tiles, product: &Product<'_>) -> bool {
    let Operands { n, k, b_transposed, .. } = **product;
    n <= tiles.lanes && k <= SHORT && !b_transposed
}

/// That of networks of a few neurons, for which finding the way to the micro-kernel would take longer than multiplying.
///
/// # Safety
/// It [is](is_one_vector) one.
#[inline(always)]
pub(super) unsafe fn one_vector(isa: Isa, tiles: &Tiles, product: &Product<'_>) {
    let Operands { m, n, k, b_len, b_stride, .. } = **product;
    let mut strip = strip_of(product);
    if !tiles.masks && n < tiles.lanes {
        strip.k_whole = plan::whole_rows(k, b_len, b_stride, tiles.lanes);
    }
    if m <= tiles.rows(1) {
        strip.tiles = 1;
        // SAFETY: 1. all of the product. 2. No more rows than a tile of one vector has.
        return isa.call(unsafe { OneVector::new(&mut strip, m) });
    }
    // SAFETY: 1. all of the product. 2. One vector.
    unsafe { rows(isa, tiles, &mut strip, m, 1) };
}

/// Where panels of B are packed.
#[derive(Clone, Copy)]
enum Room {
    /// On the stack.
    Stack,
    /// In rows of C that are still to be written.
    Spare(*mut f32),
}

/// A product that packs its panels of B.
#[inline(never)]
fn packing(isa: Isa, tiles: &Tiles, product: &Product<'_>) {
    let store = product.finish();
    let Operands { m, k, .. } = **product;
    let spare = if product.a_transposed { 0 } else { spare_rows(tiles, product) };
    if spare > 0 {
        let room = product.c.wrapping_add((m - spare) * product.c_stride);
        let room = Room::Spare(room.wrapping_add(room.align_offset(64).min(15)));
        let block = Block { row: 0, rows: m - spare, start: 0, depth: k };
        // SAFETY: 1. the rows above the spare ones. 2. The product's own. 3. The spare rows have room for all k of a
        // panel, and a cache line to begin at; nobody reads them before they are overwritten.
        unsafe { panels(isa, tiles, product, store, block, room) };
    }
    // The spare rows themselves, or if there are none all rows.
    let first = if spare > 0 { m - spare } else { 0 };
    if product.segment() < k {
        // SAFETY: several segments are packed only where nothing but sums is in C before they are complete.
        return unsafe { long_panels::run(isa, tiles, product, first) };
    }
    let most = tiles.block_depth(k, PACK_LEN);
    let rows = plan::block_rows(m - first, most, Cache::second_level().block_of_a());
    let mut block = Block { row: first, rows, start: 0, depth: most };
    while block.row < m {
        block.rows = block.rows.min(m - block.row);
        (block.start, block.depth) = (0, most);
        while block.start + most < k {
            // SAFETY: 1. so many rows and k are left. 2. There is nothing to be made for. 3. A block is as deep as
            // the buffer at most.
            unsafe { panels(isa, tiles, product, &Store::Sums, block, Room::Stack) };
            block.start += most;
        }
        block.depth = k - block.start;
        // SAFETY: as above, with the product's own finish.
        unsafe { panels(isa, tiles, product, store, block, Room::Stack) };
        block.row += block.rows;
    }
}

/// Rows at the end of C that can hold a panel of B, all k of it, while those above are computed. None where C's old
/// values count, where its rows have gaps, or where they would be more than an eighth.
fn spare_rows(tiles: &Tiles, product: &Product<'_>) -> usize {
    let Operands { m, n, k, .. } = **product;
    let overwritten = !product.finish().reads_output() && !matches!(product.first, First::Output);
    // A panel, and what it takes to begin at a cache line.
    let rows = (k.saturating_mul(tiles.usual_vectors() * tiles.lanes).saturating_add(16)).div_ceil(n.max(1));
    if overwritten && product.c_stride == n && k > tiles.block_depth(k, PACK_LEN) && rows <= m / 8 {
        rows
    } else {
        0
    }
}

/// Whether B lies badly and is read often enough for its panels to be brought together first. Blocks of k would
/// cut sums of several short segments elsewhere than `segments` does, and leave sums in a C whose old value is still needed: not then.
fn worth_packing(tiles: &Tiles, product: &Product<'_>) -> bool {
    let Operands { m, k, b_stride, .. } = **product;
    let size = k.saturating_mul(b_stride);
    if size <= Cache::SMALL_B || m <= 4 * tiles.rows(2) {
        return false;
    }
    let cache = Cache::second_level();
    if size <= cache.crowded_b() || size <= cache.large_b() && !cache.rows_crowd(k, b_stride) {
        return false;
    }
    let one_block = k <= tiles.block_depth(k, PACK_LEN);
    one_block || !product.finish().reads_output() && (product.segment() >= k || product.segment() == LONGEST)
}

/// All panels of a block. A block of k after the first takes up the sum that the one before left in C, so the order of
/// the sum stays what it is without blocks.
///
/// # Safety
/// 1. The block is part of a product whose operands these are.
/// 2. `store` was made for its C.
/// 3. The room: the stack, and then the block's depth is at most [`Tiles::packed_depth`] of [`PACK_LEN`]; or rows of C below
///    the block's, that hold as many rows of [`Tiles::usual_vectors`] as the block is deep.
unsafe fn panels(isa: Isa, tiles: &Tiles, product: &Operands, store: &Store<'_>, block: Block, room: Room) {
    debug_assert!(tiles.usual_vectors() * tiles.lanes * tiles.lanes <= PACK_LEN, "the buffer holds a block");
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let vectors = tiles.buffered_vectors(tiles.vectors(left), block.rows);
        let panel = Panel { col, vectors, last_lanes: tiles.last_lanes(left, vectors) };
        let numbers = block.depth.saturating_mul(vectors * tiles.lanes);
        // SAFETY: 1., 2. the panel is part of the block. 3. The room, as the caller promises: the buffers hold `numbers`.
        unsafe {
            match room {
                Room::Spare(room) => packed_panel(isa, tiles, product, store, block, panel, room),
                // The buffers are in functions of their own: each page of one costs a line of L1, all of one set.
                Room::Stack if numbers <= SHORT_PACK_LEN => {
                    packed_panel_on_stack::<SHORT_PACK_LEN>(isa, tiles, product, store, block, panel);
                }
                Room::Stack if numbers <= MEDIUM_PACK_LEN => {
                    packed_panel_on_stack::<MEDIUM_PACK_LEN>(isa, tiles, product, store, block, panel);
                }
                Room::Stack => packed_panel_on_stack::<PACK_LEN>(isa, tiles, product, store, block, panel),
            }
        }
        col += vectors * tiles.lanes;
    }
}
