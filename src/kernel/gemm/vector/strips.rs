//! Strips of tiles: from a height and a width to the micro-kernel that is compiled for them.

use super::micro::{MicroKernel, PanelsKernel, Strip};
use super::plan;
use crate::kernel::gemm::tile::Finish;
use crate::simd::{Pass, Simd};

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
