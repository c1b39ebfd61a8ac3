//! One panel of columns of C: its B is read in place, or packed first.

use super::micro::{Ahead, Strip};
use super::plan;
use super::strips::rows;
use crate::Aligned;
use crate::kernel::gemm::product::{Operands, a_steps};
use crate::kernel::gemm::tile::{Finish, First, Place};
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// Numbers in the packing buffer, nearly the whole of the stack that gemm takes beyond registers: 48 KiB.
pub(super) const PACK_LEN: usize = 12 * 1024;

/// Numbers of B, rows times stride, whose rows crowd into few sets of L2: from so many on they drive each other out.
pub(super) const CROWDED_B: usize = 320 * 1024;

/// Rows of C and a stretch of k, in which all panels are worked through.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) start: usize,
    pub(super) depth: usize,
}

/// Some vectors of columns of C.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    pub(super) col: usize,
    pub(super) vectors: usize,
    pub(super) last_lanes: usize,
}

/// A panel of a block of all k, with B where it lies.
///
/// # Safety
/// 1. The block and the panel are part of a product whose operands these are; its A lies as `TN` says, and its B not
///    transposed.
/// 2. `finish` was made for its C.
#[inline(always)]
pub(super) unsafe fn panel_in_place<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Operands,
    finish: &F,
    block: Block,
    panel: Panel,
) {
    let Operands { k, b, b_len, b_stride, .. } = *product;
    debug_assert!(block.start == 0 && block.depth == k);
    let mut strip = first_strip::<TN>(product, block, panel);
    (strip.b, strip.b_stride) = (b.wrapping_add(panel.col), b_stride);
    if !S::MASKS && panel.last_lanes < S::LANES {
        strip.k_whole = plan::whole_rows(k, b_len, b_stride, panel.col + panel.vectors * S::LANES);
    }
    // SAFETY: 1. the block's rows and the panel's columns, read in whole vectors as far as B goes. 2. As `plan` made it.
    unsafe { rows::<S, F, TN, false>(s, strip, block.rows, panel.vectors, finish) };
}

/// The panel's strip at the top of a block, whose B is for the caller to add.
#[inline(always)]
pub(super) fn first_strip<const TN: bool>(product: &Operands, block: Block, panel: Panel) -> Strip {
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

/// Where a large buffer on the stack begins, in a way that has its function's frame made at once. LLVM may else load
/// registers first, to see whether there is anything to do, and lose r11 of them to the loop that touches each page of a
/// large frame (seen in Rust 1.95 on x86-64: the number of rows became an address).
#[inline(always)]
pub(super) fn framed<const LEN: usize>(buffer: &mut Aligned<[MaybeUninit<f32>; LEN]>) -> *mut f32 {
    let start = buffer.0.as_mut_ptr();
    // A frame of less than a page has no such loop.
    if const { LEN < 1024 } { start.cast() } else { core::hint::black_box(start).cast() }
}

/// A panel of a block, from a panel of B that is packed first, in a buffer of `LEN` numbers.
pub(super) struct PackedPanel<'a, F, const TN: bool, const LEN: usize> {
    product: &'a Operands,
    finish: &'a F,
    block: Block,
    panel: Panel,
}

impl<'a, F, const TN: bool, const LEN: usize> PackedPanel<'a, F, TN, LEN> {
    /// # Safety
    /// As for [`packed_panel`]: what it needs room for fits `LEN` numbers.
    #[inline(always)]
    pub(super) unsafe fn new(product: &'a Operands, finish: &'a F, block: Block, panel: Panel) -> Self {
        Self { product, finish, block, panel }
    }
}

impl<F: Finish, const TN: bool, const LEN: usize> Pass for PackedPanel<'_, F, TN, LEN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish, block, panel } = self;
        debug_assert!(block.depth * panel.vectors * S::LANES <= LEN);
        let mut buffer = Aligned([MaybeUninit::<f32>::uninit(); LEN]);
        // SAFETY: whoever made this signed for it.
        unsafe { packed_panel::<S, F, TN>(s, product, finish, block, panel, framed(&mut buffer)) };
    }
}

/// The same in room that somebody else has.
pub(super) struct SparePanel<'a, F, const TN: bool> {
    product: &'a Operands,
    finish: &'a F,
    block: Block,
    panel: Panel,
    room: *mut f32,
}

impl<'a, F, const TN: bool> SparePanel<'a, F, TN> {
    /// # Safety
    /// As for [`packed_panel`], `room` being what it packs into.
    #[inline(always)]
    pub(super) unsafe fn new(
        product: &'a Operands,
        finish: &'a F,
        block: Block,
        panel: Panel,
        room: *mut f32,
    ) -> Self {
        Self { product, finish, block, panel, room }
    }
}

impl<F: Finish, const TN: bool> Pass for SparePanel<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, finish, block, panel, room } = self;
        // SAFETY: whoever made this signed for it.
        unsafe { packed_panel::<S, F, TN>(s, product, finish, block, panel, room) };
    }
}

/// Packs the panel's B for the block into `packed`, and computes its tiles from there.
///
/// # Safety
/// 1. The block and the panel are part of a product whose operands these are, and whose A lies as `TN` says.
/// 2. `finish` was made for its C.
/// 3. `packed` has room for `block.depth` rows of `panel.vectors` whole vectors, and is none of the block's rows of C.
/// 4. The panel is not of the widest.
#[inline(always)]
unsafe fn packed_panel<S: Simd, F: Finish, const TN: bool>(
    s: S,
    product: &Operands,
    finish: &F,
    block: Block,
    panel: Panel,
    packed: *mut f32,
) {
    let width = panel.vectors * S::LANES;
    // SAFETY: 1. the block's rows of B (1). 2. As the caller promises (3).
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
    // SAFETY: 1. the block's rows and the panel's columns (1, 2), and B as it was packed. 2. As `plan` made it.
    unsafe { rows::<S, F, TN, false>(s, strip, block.rows, panel.vectors, finish) };
}

/// Copies `len` rows of the panel of B, from row `start` on, to `dst`: `vectors` whole vectors a row, zeros past the
/// last column.
///
/// # Safety
/// 1. The product has these rows of B, and the panel's columns.
/// 2. `dst` has room for them, in whole vectors, and is no part of B.
#[inline(always)]
pub(super) unsafe fn pack<S: Simd>(
    s: S,
    product: &Operands,
    panel: Panel,
    start: usize,
    len: usize,
    dst: *mut f32,
) {
    let pack = Pack { product, panel, start, len, dst };
    // A call is felt by the smallest products.
    if cfg!(debug_assertions) { s.call(pack) } else { pack.run(s) }
}

/// What [`pack`] does, unoptimised in a function of its own, for there its frame is large. Whoever makes one owes what [`pack`] asks for.
struct Pack<'a> {
    product: &'a Operands,
    panel: Panel,
    start: usize,
    len: usize,
    dst: *mut f32,
}

impl Pass for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, panel, start, len, dst } = self;
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
}
