//! AVX-VNNI: `vpdpbusd` on the eight lanes of AVX2.

use super::avx2::{Avx2, Scale, Spread};
use super::rows::LANES;
use super::words::{Words, Work};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use crate::simd::x86_64::{AVX_VNNI, has};
use core::arch::x86_64::*;

/// Proof that the processor has AVX2 and `vpdpbusd` for its registers: AVX-VNNI, or where tests want it so, its equal among
/// the instructions of AVX-512.
#[derive(Clone, Copy, Debug)]
pub(super) struct AvxVnni<const AVX512: bool>(Avx2);

impl AvxVnni<false> {
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let compiled = cfg!(target_feature = "avxvnni");
        Avx2::new().filter(|_| compiled || has(AVX_VNNI)).map(Self)
    }
}

#[cfg(test)]
impl AvxVnni<true> {
    pub(super) fn new() -> Option<Self> {
        Avx2::new().filter(|_| has(crate::simd::x86_64::AVX512_VNNI)).map(Self)
    }
}

impl<const AVX512: bool> AvxVnni<AVX512> {
    /// `sums + a b`; bytes of `a` are unsigned.
    #[inline(always)]
    fn add_each(self, [low, high]: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        // SAFETY: the token.
        unsafe {
            if AVX512 {
                [_mm256_dpbusd_epi32(low, a[0], b[0]), _mm256_dpbusd_epi32(high, a[1], b[1])]
            } else {
                [_mm256_dpbusd_avx_epi32(low, a[0], b[0]), _mm256_dpbusd_avx_epi32(high, a[1], b[1])]
            }
        }
    }
}

impl<const AVX512: bool> Spread for AvxVnni<AVX512> {
    #[inline(always)]
    fn spread(self, x: __m256i) -> __m256i {
        x
    }
}

/// Bytes plus 128.
#[inline]
#[target_feature(enable = "avx2")]
fn unsigned(bytes: [__m256i; 2]) -> [__m256i; 2] {
    let [low, high] = bytes;
    [_mm256_xor_si256(low, _mm256_set1_epi8(-128)), _mm256_xor_si256(high, _mm256_set1_epi8(-128))]
}

impl<const AVX512: bool> Words for AvxVnni<AVX512> {
    type Sums = [__m256i; 2];
    type Weights = [__m256i; 2];
    type Inputs = __m256i;
    type Taps = [__m256i; 2];
    type Scale = Scale;
    const OFFSET: i32 = 128;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn run<const AVX512: bool, W: Work>(words: AvxVnni<AVX512>, work: W) {
            work.run(words);
        }
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,avx512vl,avx512vnni")]
        fn run_avx512<const AVX512: bool, W: Work>(words: AvxVnni<AVX512>, work: W) {
            work.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { if AVX512 { run_avx512(self, work) } else { run(self, work) } }
    }

    #[inline(always)]
    fn load(self, sums: &[i32; LANES]) -> [__m256i; 2] {
        self.0.load(sums)
    }

    #[inline(always)]
    fn store(self, sums: [__m256i; 2], to: &mut [i32; LANES]) {
        self.0.store(sums, to);
    }

    #[inline(always)]
    unsafe fn weights(self, tiles: [*const i8; 4]) -> [__m256i; 2] {
        // SAFETY: the token; a tile, sixteen bytes, can be read at each.
        unsafe { unsigned(self.0.tiles(tiles)) }
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> __m256i {
        // SAFETY: a word, four bytes, can be read at `x`.
        unsafe { self.0.word(x) }
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], w: [__m256i; 2], x: __m256i) -> [__m256i; 2] {
        self.add_each(sums, w, [x, x])
    }

    #[inline(always)]
    unsafe fn row(
        self,
        sums: [__m256i; 2],
        tiles: [*const i8; 4],
        x: *const i8,
        count: usize,
    ) -> ([__m256i; 2], usize) {
        // SAFETY: this function's contract.
        unsafe { self.0.row(self, sums, tiles, x, count) }
    }

    #[inline(always)]
    fn plus(self, sums: [__m256i; 2], x: i32) -> [__m256i; 2] {
        self.0.plus(sums, x)
    }

    #[inline(always)]
    unsafe fn taps(self, taps: [*const i8; 4]) -> [__m256i; 2] {
        // SAFETY: sixteen bytes can be read at each.
        unsafe { self.0.taps(taps) }
    }

    #[inline(always)]
    fn add_taps(self, sums: [__m256i; 2], x: [__m256i; 2], w: [__m256i; 2]) -> [__m256i; 2] {
        // SAFETY: the token.
        self.add_each(sums, unsafe { unsigned(x) }, w)
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        self.0.scale(scale, twice)
    }

    #[inline(always)]
    fn halves(self, sums: [__m256i; 2], scale: &Scale) -> [__m256i; 2] {
        self.0.halves(sums, scale)
    }

    #[inline(always)]
    unsafe fn output(self, y: [__m256i; 2], clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: `count` bytes can be written at `to`.
        unsafe { self.0.output(y, clamp, to, count) }
    }
}
