//! One panel of columns of C, whose B is packed first.

use super::micro::Strip;
use super::plan::Tiles;
use super::strips::rows;
use crate::kernel::gemm::product::{Operands, PANEL};
use crate::kernel::gemm::tile::{First, Place, Store};
use crate::simd::{Cache, Pass, Simd};
use crate::{Aligned, Isa};
use core::mem::MaybeUninit;

/// Numbers in the packing buffer, nearly the whole of the stack that gemm takes beyond registers: 48 KiB.
pub(in crate::kernel) const PACK_LEN: usize = 12 * 1024;

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

/// The panel's strip at the top of a block, whose B is for the caller to add.
#[inline(always)]
pub(super) fn first_strip<'a>(
    product: &Operands,
    store: &'a Store<'a>,
    block: Block,
    panel: Panel,
) -> Strip<'a> {
    let (a_row, a_k) = product.a_steps();
    Strip {
        a: product.a.wrapping_add(block.row * a_row + block.start * a_k),
        a_row,
        a_k,
        b: product.b,
        b_k: product.b_stride,
        b_panel: PANEL,
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
        store,
        tiles: 0,
        far: false,
    }
}

/// Whether B is so large that lines of C are gone when a tile comes to them.
pub(super) fn is_far(tiles: &Tiles, product: &Operands) -> bool {
    let size = product.n.saturating_mul(product.k);
    tiles.prefetches && size > Cache::SMALL_B && size > Cache::second_level().crowded_b()
}

/// [`packed_panel`] with a buffer of `LEN` numbers on the stack.
///
/// # Safety
/// As for [`packed_panel`]: what it needs room for fits `LEN` numbers.
#[inline(never)]
pub(super) unsafe fn packed_panel_on_stack<const LEN: usize>(
    isa: Isa,
    tiles: &Tiles,
    product: &Operands,
    store: &Store<'_>,
    block: Block,
    panel: Panel,
) {
    debug_assert!(block.depth * panel.vectors * tiles.lanes <= LEN);
    let mut buffer = MaybeUninit::<Aligned<[f32; LEN]>>::uninit();
    // SAFETY: the caller's promises.
    unsafe { packed_panel(isa, tiles, product, store, block, panel, buffer.as_mut_ptr().cast()) };
}

/// Packs the panel's B for the block into `packed`, and computes its tiles from there.
///
/// # Safety
/// 1. The block and the panel are part of a product whose operands these are.
/// 2. `store` was made for its C.
/// 3. `packed` has room for `block.depth` rows of `panel.vectors` whole vectors, and is none of the block's rows of C.
pub(super) unsafe fn packed_panel(
    isa: Isa,
    tiles: &Tiles,
    product: &Operands,
    store: &Store<'_>,
    block: Block,
    panel: Panel,
    packed: *mut f32,
) {
    // SAFETY: 1. the block's rows of B (1). 2. As the caller promises (3).
    unsafe { pack(isa, product, panel, block.start, block.depth, packed) };
    let mut strip = first_strip(product, store, block, panel);
    (strip.b, strip.b_k) = (packed, panel.vectors * tiles.lanes);
    strip.far = is_far(tiles, product);
    // SAFETY: 1. the block's rows and the panel's columns (1, 2), and B as it was packed. 2. As `plan` made it.
    unsafe { rows(isa, tiles, &mut strip, block.rows, panel.vectors) };
}

/// Copies `len` rows of the panel of B, from row `start` on, to `dst`: `vectors` whole vectors a row, zeros past the
/// last column.
///
/// # Safety
/// 1. The product has these rows of B, and the panel's columns.
/// 2. `dst` has room for them, in whole vectors, and is no part of B.
pub(super) unsafe fn pack(
    isa: Isa,
    product: &Operands,
    panel: Panel,
    start: usize,
    len: usize,
    dst: *mut f32,
) {
    let Operands { b, b_stride: stride, b_transposed: transposed, .. } = *product;
    let (rows, cols) = if transposed { (panel.col, start) } else { (start, panel.col) };
    let src = b.wrapping_add(rows * stride + cols);
    // SAFETY: the caller's promises.
    isa.call(unsafe { Pack::new(src, stride, transposed, panel, len, dst) });
}

/// Copies rows of a panel, as they lie or transposed, to others of whole vectors.
pub(super) struct Pack {
    src: *const f32,
    stride: usize,
    transposed: bool,
    panel: Panel,
    len: usize,
    dst: *mut f32,
}

impl Pack {
    /// # Safety
    /// 1. `len` rows of the panel's columns can be read from `src` on: rows, or if they lie transposed columns, `stride` apart.
    /// 2. `dst` has room for them, in whole vectors, and is none of them.
    pub(super) unsafe fn new(
        src: *const f32,
        stride: usize,
        transposed: bool,
        panel: Panel,
        len: usize,
        dst: *mut f32,
    ) -> Self {
        Self { src, stride, transposed, panel, len, dst }
    }
}

impl Pass for Pack {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { src, stride, transposed, panel, len, dst } = self;
        let width = panel.vectors * S::LANES;
        let cols = width - S::LANES + panel.last_lanes;
        // SAFETY: whoever made this signed for it: `len` rows of `cols` columns, and as many of `width`.
        unsafe {
            if !transposed {
                for k in 0..len {
                    for v in 0..panel.vectors {
                        let lanes = if v + 1 == panel.vectors { panel.last_lanes } else { S::LANES };
                        let x = s.load_partial(src.add(k * stride + v * S::LANES), lanes);
                        s.store(dst.add(k * width + v * S::LANES), x);
                    }
                }
                return;
            }
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
