//! Strips of tiles: from a height and a width to the micro-kernel that is compiled for them.

use super::micro::{MicroKernel, Strip};
use super::plan::{self, Tiles};
use crate::Isa;
use crate::simd::{Pass, Simd};

/// All tiles of a panel, from the top: at most two strips, the taller tiles first. Leaves the strip past them.
///
/// # Safety
/// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it for `m` rows and `vectors` vectors.
/// 2. Panels are of 1, 2, 3 or 8 vectors, as [`plan`] makes them: the instruction set has tiles of that width.
#[inline(always)]
pub(super) unsafe fn rows(isa: Isa, tiles: &Tiles, strip: &mut Strip<'_>, m: usize, vectors: usize) {
    let most = tiles.rows(vectors);
    let (count, short, tall) = plan::row_tiles(m, most);
    if tall > 0 {
        strip.tiles = tall;
        // SAFETY: 1. the first rows. 2. The caller's promise, and the height is not above `most`.
        isa.call(unsafe { Tall::new(strip, [short + 1, vectors]) });
    }
    strip.tiles = count - tall;
    // SAFETY: 1. the rows that are left. 2. The caller's promise, and the height is not above `most`.
    isa.call(unsafe { Tall::new(strip, [short, vectors]) });
}

/// A strip whose tiles are so high and so wide.
struct Tall<'s> {
    strip: *mut Strip<'s>,
    size: [usize; 2],
}

impl<'s> Tall<'s> {
    /// # Safety
    /// 1. The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it for its tiles of `size`: rows and vectors.
    /// 2. The instruction set that it is called on has such tiles.
    unsafe fn new(strip: *mut Strip<'s>, size: [usize; 2]) -> Self {
        Self { strip, size }
    }
}

impl Pass for Tall<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { strip, size: [height, vectors] } = self;
        debug_assert!((1..=Tiles::of::<S>().rows(vectors)).contains(&height));
        // SAFETY: whoever made this signed for it.
        unsafe {
            match vectors {
                1 => of_width::<S, 1>(s, strip, height),
                2 => of_width::<S, 2>(s, strip, height),
                3 => of_width::<S, 3>(s, strip, height),
                _ => of_width::<S, { plan::WIDEST }>(s, strip, height),
            }
        }
    }
}

/// A strip whose tiles are of one vector.
pub(super) struct OneVector<'s> {
    strip: *mut Strip<'s>,
    height: usize,
}

impl<'s> OneVector<'s> {
    /// # Safety
    /// As for [`Tall::new`], of one vector.
    #[inline(always)]
    pub(super) unsafe fn new(strip: *mut Strip<'s>, height: usize) -> Self {
        Self { strip, height }
    }
}

impl Pass for OneVector<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { of_width::<S, 1>(s, self.strip, self.height) }
    }
}

/// # Safety
/// As for [`Tall::new`].
#[inline(always)]
unsafe fn of_width<S: Simd, const NV: usize>(s: S, strip: *mut Strip<'_>, height: usize) {
    // SAFETY: the caller's promises.
    unsafe {
        match height {
            1 => of_size::<S, 1, NV>(s, strip),
            2 => of_size::<S, 2, NV>(s, strip),
            3 => of_size::<S, 3, NV>(s, strip),
            4 => of_size::<S, 4, NV>(s, strip),
            5 => of_size::<S, 5, NV>(s, strip),
            6 => of_size::<S, 6, NV>(s, strip),
            7 => of_size::<S, 7, NV>(s, strip),
            8 => of_size::<S, 8, NV>(s, strip),
            9 => of_size::<S, 9, NV>(s, strip),
            10 => of_size::<S, 10, NV>(s, strip),
            11 => of_size::<S, 11, NV>(s, strip),
            12 => of_size::<S, 12, NV>(s, strip),
            13 => of_size::<S, 13, NV>(s, strip),
            _ => of_size::<S, { plan::TALLEST }, NV>(s, strip),
        }
    }
}

/// Sizes that the instruction set has no tile for are never asked for; not compiling them keeps the crate small.
///
/// # Safety
/// As for [`Tall::new`].
#[inline(always)]
unsafe fn of_size<S: Simd, const MR: usize, const NV: usize>(s: S, strip: *mut Strip<'_>) {
    if const { MR <= Tiles::of::<S>().rows(NV) } {
        // SAFETY: the caller's promises.
        s.call(unsafe { MicroKernel::<MR, NV>::new(strip) });
    } else {
        debug_assert!(false, "a tile that the instruction set does not have");
    }
}
