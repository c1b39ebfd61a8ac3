//! AVX-512 with VNNI: sixteen lanes, thirty-two registers, `vpdpbusd`.
//!
//! A word of a strip of sixteen rows takes one load, three insertions, one inversion and sixteen `vpdpbusd`, which broadcast
//! the inputs themselves; fifteen additions make their addresses. One row has sums for each four outputs instead, in which tiles
//! are side by side: no insertions, and four sums that do not wait for one another.

use crate::kernel::int8::product::sixteen::{LANES, Rows, Words};
use crate::kernel::int8::product::steps::Long;
use crate::kernel::int8::scale::{Clamp, Multiplier};
use crate::simd::x86_64::{AVX512_VNNI, has};
use core::arch::x86_64::*;

/// Proof that the processor has AVX-512F, BW, VL and VNNI, and the operating system saves the registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vnni(());

impl Vnni {
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let compiled = cfg!(all(
            target_feature = "avx512bw",
            target_feature = "avx512vl",
            target_feature = "avx512vnni"
        ));
        (compiled || has(AVX512_VNNI)).then_some(Self(()))
    }

    /// Weights plus 128.
    #[inline(always)]
    fn unsigned(self, w: __m512i) -> __m512i {
        // SAFETY: the token; likewise in every function below.
        unsafe { _mm512_xor_si512(w, _mm512_set1_epi8(-128)) }
    }
}

impl Words for Vnni {
    type Sums = __m512i;
    type Weights = __m512i;
    type Inputs = __m512i;
    type Long = Long512;
    const OFFSET: i32 = 128;
    const STRIP: usize = 16;

    #[inline(always)]
    fn call(self, rows: Rows<'_>) {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma")]
        fn run(words: Vnni, rows: Rows<'_>) {
            rows.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, rows) }
    }

    #[inline(always)]
    fn total(self, x: &[i8]) -> i32 {
        let (whole, rest) = x.as_chunks::<64>();
        // SAFETY: the token; 64 bytes can be read at each of `whole`, and those of the mask at `rest`.
        unsafe {
            let (mut sum, ones) = (_mm512_setzero_si512(), _mm512_set1_epi8(1));
            for x in whole {
                sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_epi8(x.as_ptr()));
            }
            if !rest.is_empty() {
                let mask = (1_u64 << rest.len()) - 1;
                sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(mask, rest.as_ptr()));
            }
            _mm512_reduce_add_epi32(sum)
        }
    }

    #[inline(always)]
    fn load(self, sums: &[i32; LANES]) -> __m512i {
        // SAFETY: the token, and there are sixteen.
        unsafe { _mm512_loadu_epi32(sums.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, sums: __m512i, to: &mut [i32; LANES]) {
        // SAFETY: the token, and there are sixteen.
        unsafe { _mm512_storeu_epi32(to.as_mut_ptr(), sums) }
    }

    #[inline(always)]
    unsafe fn weights(self, [a, b, c, d]: [*const i8; 4]) -> __m512i {
        // SAFETY: the token; sixteen bytes can be read at each.
        unsafe {
            let w = _mm512_castsi128_si512(_mm_loadu_epi8(a));
            let w = _mm512_inserti32x4::<1>(w, _mm_loadu_epi8(b));
            let w = _mm512_inserti32x4::<2>(w, _mm_loadu_epi8(c));
            self.unsigned(_mm512_inserti32x4::<3>(w, _mm_loadu_epi8(d)))
        }
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> __m512i {
        // SAFETY: the token; four bytes can be read.
        unsafe { _mm512_set1_epi32(x.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    fn add(self, sums: __m512i, w: __m512i, x: __m512i) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_dpbusd_epi32(sums, w, x) }
    }

    /// A register holds four tiles of the same outputs, and the inputs of each: so a register of sums is four parts of four
    /// sums.
    #[inline(always)]
    unsafe fn row(
        self,
        sums: __m512i,
        tiles: [*const i8; 4],
        x: *const i8,
        count: usize,
    ) -> (__m512i, usize) {
        // SAFETY: the token; `i` is below `count / 4`, so four tiles can be read at `64 i`, and four words at `16 i`.
        unsafe {
            let each_four_times = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            let mut parts = [_mm512_setzero_si512(); 4];
            for i in 0..count / 4 {
                let x = _mm512_castsi128_si512(_mm_loadu_epi8(x.add(16 * i)));
                let x = _mm512_permutexvar_epi32(each_four_times, x);
                for group in 0..4 {
                    let w = self.unsigned(_mm512_loadu_epi8(tiles[group].add(64 * i)));
                    parts[group] = _mm512_dpbusd_epi32(parts[group], w, x);
                }
            }
            let [a, b, c, d] = parts;
            let [ab, cd] = [halves(a, b), halves(c, d)];
            // Even quarters and odd ones.
            let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(ab, cd);
            let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(ab, cd);
            (_mm512_add_epi32(sums, _mm512_add_epi32(even, odd)), count / 4 * 4)
        }
    }

    #[inline(always)]
    fn long(self, sums: &[i32; LANES]) -> Long512 {
        let (halves, _) = sums.as_chunks::<8>();
        // SAFETY: the token; eight numbers can be read at each half.
        let [low, high] = [0, 1].map(|i| unsafe { _mm256_loadu_epi32(halves[i].as_ptr()) });
        // SAFETY: the token.
        unsafe { Long512([_mm512_cvtepi32_epi64(low), _mm512_cvtepi32_epi64(high)]) }
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES]) -> Long512 {
        let p = scale.as_ptr();
        // SAFETY: the token; sixteen multipliers of eight bytes can be read.
        unsafe { Long512([_mm512_loadu_epi64(p.cast()), _mm512_loadu_epi64(p.add(8).cast())]) }
    }

    #[inline(always)]
    unsafe fn outputs(self, Long512([a, b]): Long512, clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: the token; the first `count` bytes can be written, others are not. Sums saturated to 16 bits are beyond
        // the range of eight also with the zero point.
        unsafe {
            let zero = _mm_set1_epi16(clamp.zero.into());
            let a = _mm_adds_epi16(_mm512_cvtsepi64_epi16(a), zero);
            let b = _mm_adds_epi16(_mm512_cvtsepi64_epi16(b), zero);
            let y = _mm_max_epi8(_mm_packs_epi16(a, b), _mm_set1_epi8(clamp.least));
            let y = _mm_min_epi8(y, _mm_set1_epi8(clamp.most));
            match count {
                // A masked store takes much longer.
                LANES => _mm_storeu_epi8(to, y),
                _ => _mm_mask_storeu_epi8(to, ((1_u32 << count) - 1) as __mmask16, y),
            }
        }
    }
}

/// The upper half of each added to its lower half.
#[inline]
#[target_feature(enable = "avx512f")]
fn halves(a: __m512i, b: __m512i) -> __m512i {
    let lower = _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b);
    _mm512_add_epi32(lower, _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b))
}

/// Sixteen numbers of 64 bits, and proof that the processor has AVX-512F.
#[derive(Clone, Copy)]
pub(super) struct Long512([__m512i; 2]);

impl Long for Long512 {
    #[inline(always)]
    fn of(self, x: i64) -> Self {
        // SAFETY: there is a value, so the processor has AVX-512F; likewise in every function below.
        unsafe { Self([_mm512_set1_epi64(x); 2]) }
    }

    #[inline(always)]
    fn add(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_add_epi64(a, c), _mm512_add_epi64(b, d)]) }
    }

    #[inline(always)]
    fn mul(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_mul_epi32(a, c), _mm512_mul_epi32(b, d)]) }
    }

    #[inline(always)]
    fn max(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_max_epi64(a, c), _mm512_max_epi64(b, d)]) }
    }

    #[inline(always)]
    fn min(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_min_epi64(a, c), _mm512_min_epi64(b, d)]) }
    }

    #[inline(always)]
    fn less(self, Self([c, d]): Self, Self([low, high]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe {
            let low = _mm512_maskz_mov_epi64(_mm512_cmplt_epi64_mask(a, c), low);
            Self([low, _mm512_maskz_mov_epi64(_mm512_cmplt_epi64_mask(b, d), high)])
        }
    }

    #[inline(always)]
    fn left(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_sllv_epi64(a, c), _mm512_sllv_epi64(b, d)]) }
    }

    #[inline(always)]
    fn right(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        // SAFETY: as above.
        unsafe { Self([_mm512_srav_epi64(a, c), _mm512_srav_epi64(b, d)]) }
    }
}
