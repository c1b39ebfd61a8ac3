//! AVX-VNNI: `vpdpbusd` on the eight lanes of AVX2.

use super::avx2::{Avx2, Long256};
use crate::kernel::int8::product::sixteen::{LANES, Rows, Words};
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

impl<const AVX512: bool> Words for AvxVnni<AVX512> {
    type Sums = [__m256i; 2];
    type Weights = [__m256i; 2];
    type Inputs = __m256i;
    type Long = Long256;
    const OFFSET: i32 = 128;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call(self, rows: Rows<'_>) {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn run<W: Words>(words: W, rows: Rows<'_>) {
            rows.run(words);
        }
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,avx512vl,avx512vnni")]
        fn run_avx512<W: Words>(words: W, rows: Rows<'_>) {
            rows.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { if AVX512 { run_avx512(self, rows) } else { run(self, rows) } }
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
        unsafe {
            let [low, high] = self.0.tiles(tiles);
            let offset = _mm256_set1_epi8(-128);
            [_mm256_xor_si256(low, offset), _mm256_xor_si256(high, offset)]
        }
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> __m256i {
        // SAFETY: a word, four bytes, can be read at `x`.
        unsafe { self.0.word(x) }
    }

    #[inline(always)]
    fn add(self, [low, high]: [__m256i; 2], w: [__m256i; 2], x: __m256i) -> [__m256i; 2] {
        // SAFETY: the token.
        unsafe {
            if AVX512 {
                [_mm256_dpbusd_epi32(low, w[0], x), _mm256_dpbusd_epi32(high, w[1], x)]
            } else {
                [_mm256_dpbusd_avx_epi32(low, w[0], x), _mm256_dpbusd_avx_epi32(high, w[1], x)]
            }
        }
    }

    #[inline(always)]
    fn long(self, sums: &[i32; LANES]) -> Long256 {
        self.0.long(sums)
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES]) -> Long256 {
        self.0.scale(scale)
    }

    #[inline(always)]
    unsafe fn outputs(self, y: Long256, clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: `count` bytes can be written at `to`.
        unsafe { self.0.outputs(y, clamp, to, count) }
    }
}
