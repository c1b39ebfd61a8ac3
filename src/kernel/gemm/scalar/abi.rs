//! What the assembly is handed, whatever registers it computes in; and how it finds its rows of A.

use core::mem::offset_of;

/// What the assembly is handed, in r0: sizes in bytes, sums of one segment. Kernels of tiles change what they have read.
///
/// ```text
/// [r0, #0]   a         [r0, #20]  k             [r0, #40]  out_row    [r0, #60]  factor
/// [r0, #4]   a_stride  [r0, #24]  first         [r0, #44]  tiles      [r0, #64]  kept
/// [r0, #8]   a_block   [r0, #28]  first_row     [r0, #48]  fours      [r0, #68]
/// [r0, #12]  b         [r0, #32]  first_step    [r0, #52]  blocks     [r0, #72]
/// [r0, #16]  b_stride  [r0, #36]  out           [r0, #56]  end
/// ```
#[repr(C)]
pub(super) struct Tiles {
    pub(super) a: *const f32,
    /// From one row to the next, or where rows lie along A's columns, from one k to the next.
    pub(super) a_stride: usize,
    /// From four rows to the next four.
    pub(super) a_block: usize,
    pub(super) b: *const f32,
    /// From one k to the next, or in a transposed B, from one column to the next.
    pub(super) b_stride: usize,
    /// At least one.
    pub(super) k: usize,
    pub(super) first: *const f32,
    pub(super) first_row: usize,
    /// From one four columns to the next.
    pub(super) first_step: usize,
    pub(super) out: *mut f32,
    pub(super) out_row: usize,
    /// Tiles beside each other; for a row, of sixteen columns.
    pub(super) tiles: usize,
    /// For a row, tiles of four columns after them, up to three.
    pub(super) fours: usize,
    /// Tiles below each other.
    pub(super) blocks: usize,
    /// 0: what is at `out` is overwritten; 1: it is added to; 2: so it is, by `factor` times the sums.
    pub(super) end: usize,
    pub(super) factor: f32,
    /// What the assembly keeps. Kernels of a row change nothing else.
    pub(super) kept: [usize; 3],
}

/// Tiles whose k is several stretches of `k` steps. All but `left` are sizes in bytes and may wrap.
///
/// ```text
/// [r0, #76]  count      [r0, #80]  a_next     [r0, #84]  b_next     [r0, #88]  a_back     [r0, #92]  left
/// ```
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
#[repr(C)]
pub(super) struct Stretched {
    pub(super) tiles: Tiles,
    /// At least one.
    pub(super) count: usize,
    /// From where one stretch ends to where the next begins.
    pub(super) a_next: usize,
    pub(super) b_next: usize,
    /// From where the first begins to where the last ends.
    pub(super) a_back: usize,
    /// What the assembly keeps.
    pub(super) left: usize,
}

#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
const _: () = assert!(
    offset_of!(Stretched, tiles) == 0
        && offset_of!(Stretched, count) == 19 * 4
        && offset_of!(Stretched, a_next) == 20 * 4
        && offset_of!(Stretched, b_next) == 21 * 4
        && offset_of!(Stretched, a_back) == 22 * 4
        && offset_of!(Stretched, left) == 23 * 4
);

// Where the assembly looks for them.
const _: () = {
    let offsets = [
        offset_of!(Tiles, a),
        offset_of!(Tiles, a_stride),
        offset_of!(Tiles, a_block),
        offset_of!(Tiles, b),
        offset_of!(Tiles, b_stride),
        offset_of!(Tiles, k),
        offset_of!(Tiles, first),
        offset_of!(Tiles, first_row),
        offset_of!(Tiles, first_step),
        offset_of!(Tiles, out),
        offset_of!(Tiles, out_row),
        offset_of!(Tiles, tiles),
        offset_of!(Tiles, fours),
        offset_of!(Tiles, blocks),
        offset_of!(Tiles, end),
        offset_of!(Tiles, factor),
        offset_of!(Tiles, kept),
    ];
    let mut field = 0;
    while field < offsets.len() {
        assert!(offsets[field] == 4 * field, "the assembly knows the fields by their offsets");
        field += 1;
    }
};

/// r1 to r4 point to four rows of A, r8 to where sums go, r10 to where they come from; the next four rows will be `a`.
/// Changes r5 and r12.
macro_rules! four_rows {
    () => {
        "ldr r1, [r0, #0]
         ldr r12, [r0, #4]
         ldr r5, [r0, #8]
         add r2, r1, r12
         add r3, r2, r12
         add r4, r3, r12
         add r5, r5, r1
         str r5, [r0, #0]
         ldr r10, [r0, #24]
         ldr r8, [r0, #36]
        "
    };
}

/// r1 to r4 point to where they did before all k. Changes r5.
macro_rules! rows_again {
    () => {
        "ldr r5, [r0, #20]
         sub.w r1, r1, r5, lsl #2
         sub.w r2, r2, r5, lsl #2
         sub.w r3, r3, r5, lsl #2
         sub.w r4, r4, r5, lsl #2
        "
    };
}
