//! Strips of tiles: from a height and a width to the micro-kernel that is compiled for them.

use super::micro::{MicroKernel, PanelsKernel, Strip};
use super::plan;
use crate::kernel::gemm::tile::Finish;
use crate::simd::{Pass, Simd};

/// All tiles of a panel, from the top: at most two strips, the taller tiles first.
///
/// # Safety
/// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it for `m` rows and `vectors` vectors.
/// 2. Panels are of 1, 2, 3 or 8 vectors, as [`plan`] makes them: the instruction set has tiles of that width.
#[inline(always)]
pub(super) unsafe fn rows<S: Simd, F: Finish, const TN: bool, const PANELS: bool>(
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
        // SAFETY: 1. the first rows. 2. The caller's promise. 3. Not above `most`, if some tiles are taller than others.
        unsafe { strip_of_width::<S, F, TN, PANELS>(s, &strip, short + 1, vectors, finish) };
        let rows = tall * (short + 1);
        strip.a = strip.a.wrapping_add(rows * if TN { 1 } else { strip.a_stride });
        strip.place.c = strip.place.c.wrapping_add(rows * strip.place.c_stride);
        strip.place.row += rows;
        strip.ahead = strip.ahead.map(|ahead| ahead.after(tall));
    }
    strip.tiles = tiles - tall;
    // SAFETY: 1. the rows that are left. 2. The caller's promise. 3. Not above `most`.
    unsafe { strip_of_width::<S, F, TN, PANELS>(s, &strip, short, vectors, finish) };
}

/// # Safety
/// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it for its tiles of `height` rows and `vectors`
///    vectors.
/// 2. As for [`rows`].
/// 3. `height` is at least 1, and at most what [`plan::tile_rows`] says of the width.
#[inline(always)]
unsafe fn strip_of_width<S: Simd, F: Finish, const TN: bool, const PANELS: bool>(
    s: S,
    strip: &Strip,
    height: usize,
    vectors: usize,
    finish: &F,
) {
    debug_assert!(matches!(vectors, 1..=3 | plan::WIDEST));
    // SAFETY: the caller's promises.
    unsafe {
        match vectors {
            1 => strip_of_height::<S, F, 1, TN, PANELS, false>(s, strip, height, finish),
            2 => strip_of_height::<S, F, 2, TN, PANELS, false>(s, strip, height, finish),
            3 => strip_of_height::<S, F, 3, TN, PANELS, false>(s, strip, height, finish),
            _ => strip_of_height::<S, F, { plan::WIDEST }, TN, PANELS, false>(s, strip, height, finish),
        }
    }
}

/// Runs the micro-kernel compiled for a tile's height: with `INLINE` as part of the caller, else as a function. (In builds
/// that are not optimised always as a function, for there the caller's frame would hold the variables of all heights.)
///
/// # Safety
/// As for [`rows`], of tiles of `height` rows and `NV` vectors:
/// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it.
/// 2. `height` is at least 1, and at most what [`plan::tile_rows`] says of the width.
#[inline(always)]
pub(super) unsafe fn strip_of_height<
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
    debug_assert!((1..=plan::tile_rows::<S>(NV)).contains(&height));
    // SAFETY: the caller's promises.
    unsafe {
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
            _ => run_strip::<S, F, { plan::TALLEST }, NV, TN, PANELS, INLINE>(s, strip, finish),
        }
    }
}

/// Sizes that the instruction set has no tile for are never asked for; not compiling them keeps the crate small.
///
/// # Safety
/// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it.
/// 2. The instruction set has tiles of `MR` rows and `NV` vectors.
#[inline(always)]
unsafe fn run_strip<
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
    if const { MR > plan::tile_rows::<S>(NV) } {
        debug_assert!(false, "a tile that the instruction set does not have");
        return;
    }
    // SAFETY: the caller's promises.
    unsafe {
        match (strip.segment < strip.k, PANELS) {
            (true, true) => s.call(PanelsKernel::<F, MR, NV, true>::new(strip, finish)),
            (false, true) => s.call(PanelsKernel::<F, MR, NV, false>::new(strip, finish)),
            (true, false) if INLINE && !cfg!(debug_assertions) => {
                MicroKernel::<F, MR, NV, TN, true>::new(strip, finish).run(s)
            }
            (false, false) if INLINE && !cfg!(debug_assertions) => {
                MicroKernel::<F, MR, NV, TN, false>::new(strip, finish).run(s)
            }
            (true, false) => s.call(MicroKernel::<F, MR, NV, TN, true>::new(strip, finish)),
            (false, false) => s.call(MicroKernel::<F, MR, NV, TN, false>::new(strip, finish)),
        }
    }
}
