//! AVX2: eight lanes, sixteen registers; bytes are widened to 16 bits before they are multiplied.

use crate::kernel::int8::product::sixteen::{LANES, Rows, Words};
use crate::kernel::int8::product::steps::Long;
use crate::kernel::int8::scale::{Clamp, Multiplier};
use crate::simd::x86_64::{AVX2, has};
use core::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA and the operating system saves the registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let compiled = cfg!(all(target_feature = "avx2", target_feature = "fma"));
        (compiled || has(AVX2)).then_some(Self(()))
    }

    #[inline(always)]
    pub(super) fn load(self, sums: &[i32; LANES]) -> [__m256i; 2] {
        let p = sums.as_ptr().cast::<__m256i>();
        // SAFETY: the token, and there are sixteen; likewise in every function below.
        unsafe { [_mm256_loadu_si256(p), _mm256_loadu_si256(p.add(1))] }
    }

    #[inline(always)]
    pub(super) fn store(self, [low, high]: [__m256i; 2], to: &mut [i32; LANES]) {
        let p = to.as_mut_ptr().cast::<__m256i>();
        // SAFETY: the token, and there are sixteen.
        unsafe {
            _mm256_storeu_si256(p, low);
            _mm256_storeu_si256(p.add(1), high);
        }
    }

    /// The tiles of eight outputs, and of eight more.
    ///
    /// # Safety
    /// Sixteen bytes can be read at each.
    #[inline(always)]
    pub(super) unsafe fn tiles(self, [a, b, c, d]: [*const i8; 4]) -> [__m256i; 2] {
        // SAFETY: the token; sixteen bytes can be read at each.
        unsafe { [_mm256_loadu2_m128i(b.cast(), a.cast()), _mm256_loadu2_m128i(d.cast(), c.cast())] }
    }

    /// # Safety
    /// Four bytes can be read at `x`.
    #[inline(always)]
    pub(super) unsafe fn word(self, x: *const i8) -> __m256i {
        // SAFETY: the token; four bytes can be read at `x`.
        unsafe { _mm256_set1_epi32(x.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    pub(super) fn long(self, sums: &[i32; LANES]) -> Long256 {
        let p = sums.as_ptr().cast::<__m128i>();
        // SAFETY: the token, and there are four times four numbers.
        unsafe {
            Long256([
                _mm256_cvtepi32_epi64(_mm_loadu_si128(p)),
                _mm256_cvtepi32_epi64(_mm_loadu_si128(p.add(1))),
                _mm256_cvtepi32_epi64(_mm_loadu_si128(p.add(2))),
                _mm256_cvtepi32_epi64(_mm_loadu_si128(p.add(3))),
            ])
        }
    }

    #[inline(always)]
    pub(super) fn scale(self, scale: &[Multiplier; LANES]) -> Long256 {
        let p = scale.as_ptr().cast::<__m256i>();
        // SAFETY: the token, and there are four times four multipliers of eight bytes.
        unsafe {
            Long256([
                _mm256_loadu_si256(p),
                _mm256_loadu_si256(p.add(1)),
                _mm256_loadu_si256(p.add(2)),
                _mm256_loadu_si256(p.add(3)),
            ])
        }
    }

    /// See [`Words::outputs`].
    ///
    /// # Safety
    /// `count` bytes can be written at `to`.
    #[inline(always)]
    pub(super) unsafe fn outputs(self, y: Long256, clamp: Clamp, to: *mut i8, count: usize) {
        let mut bytes = [0_i8; LANES];
        // Beyond the range of bytes also with the zero point.
        let Long256([a, b, c, d]) = y.max(y.of(i16::MIN.into())).min(y.of(i16::MAX.into()));
        // SAFETY: the token, and sixteen bytes can be written to `bytes`.
        unsafe {
            // In each half: a0 b0 a1 b1, or a2 b2 a3 b3, and then the same of c and d.
            let ab = _mm256_blend_epi32::<0b10_10_10_10>(a, _mm256_slli_epi64::<32>(b));
            let cd = _mm256_blend_epi32::<0b10_10_10_10>(c, _mm256_slli_epi64::<32>(d));
            let y = _mm256_adds_epi16(_mm256_packs_epi32(ab, cd), _mm256_set1_epi16(clamp.zero.into()));
            let y = _mm_packs_epi16(_mm256_castsi256_si128(y), _mm256_extracti128_si256::<1>(y));
            let order = _mm_setr_epi8(0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15);
            let y = _mm_max_epi8(_mm_shuffle_epi8(y, order), _mm_set1_epi8(clamp.least));
            let y = _mm_min_epi8(y, _mm_set1_epi8(clamp.most));
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), y);
        }
        // SAFETY: `count` bytes can be written at `to`, and no more are, of the sixteen that `bytes` has.
        unsafe {
            match count {
                LANES => to.cast::<[i8; LANES]>().write(bytes),
                _ => to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(LANES)),
            }
        }
    }
}

/// Bytes 0 and 2 of each word, and 1 and 3, widened.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    even: __m256i,
    odd: __m256i,
}

#[inline]
#[target_feature(enable = "avx2")]
fn widened(x: __m256i) -> Wide {
    Wide { even: _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(x)), odd: _mm256_srai_epi16::<8>(x) }
}

/// `sum + w x`: two products make no more than 2^15.
#[inline]
#[target_feature(enable = "avx2")]
fn add(sum: __m256i, w: Wide, x: Wide) -> __m256i {
    let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w.even, x.even));
    _mm256_add_epi32(sum, _mm256_madd_epi16(w.odd, x.odd))
}

impl Words for Avx2 {
    type Sums = [__m256i; 2];
    type Weights = [Wide; 2];
    type Inputs = Wide;
    type Long = Long256;
    const OFFSET: i32 = 0;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call(self, rows: Rows<'_>) {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn run(words: Avx2, rows: Rows<'_>) {
            rows.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, rows) }
    }

    #[inline(always)]
    fn load(self, sums: &[i32; LANES]) -> [__m256i; 2] {
        self.load(sums)
    }

    #[inline(always)]
    fn store(self, sums: [__m256i; 2], to: &mut [i32; LANES]) {
        self.store(sums, to);
    }

    #[inline(always)]
    unsafe fn weights(self, tiles: [*const i8; 4]) -> [Wide; 2] {
        // SAFETY: the token; a tile, sixteen bytes, can be read at each.
        unsafe {
            let [low, high] = self.tiles(tiles);
            [widened(low), widened(high)]
        }
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> Wide {
        // SAFETY: the token; a word, four bytes, can be read at `x`.
        unsafe { widened(self.word(x)) }
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], w: [Wide; 2], x: Wide) -> [__m256i; 2] {
        // SAFETY: the token.
        unsafe { [add(sums[0], w[0], x), add(sums[1], w[1], x)] }
    }

    #[inline(always)]
    fn long(self, sums: &[i32; LANES]) -> Long256 {
        self.long(sums)
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES]) -> Long256 {
        self.scale(scale)
    }

    #[inline(always)]
    unsafe fn outputs(self, y: Long256, clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: `count` bytes can be written at `to`.
        unsafe { self.outputs(y, clamp, to, count) }
    }
}

/// Sixteen numbers of 64 bits, and proof that the processor has AVX2.
#[derive(Clone, Copy)]
pub(super) struct Long256([__m256i; 4]);

impl Long for Long256 {
    #[inline(always)]
    fn of(self, x: i64) -> Self {
        // SAFETY: there is a value, so the processor has AVX2; likewise in every function below.
        unsafe { Self([_mm256_set1_epi64x(x); 4]) }
    }

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_add_epi64(*a, b) };
        }
        self
    }

    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_mul_epi32(*a, b) };
        }
        self
    }

    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_blendv_epi8(*a, b, _mm256_cmpgt_epi64(b, *a)) };
        }
        self
    }

    #[inline(always)]
    fn min(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_blendv_epi8(*a, b, _mm256_cmpgt_epi64(*a, b)) };
        }
        self
    }

    #[inline(always)]
    fn less(mut self, limit: Self, value: Self) -> Self {
        for ((a, limit), value) in self.0.iter_mut().zip(limit.0).zip(value.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_and_si256(_mm256_cmpgt_epi64(limit, *a), value) };
        }
        self
    }

    #[inline(always)]
    fn left(mut self, power: Self) -> Self {
        for (a, power) in self.0.iter_mut().zip(power.0) {
            // SAFETY: as above.
            *a = unsafe { _mm256_sllv_epi64(*a, power) };
        }
        self
    }

    /// There is a shift of unsigned numbers only: so of `x + 2^63`, and 2^63, shifted too, is taken off.
    #[inline(always)]
    fn right(mut self, power: Self) -> Self {
        for (a, power) in self.0.iter_mut().zip(power.0) {
            // SAFETY: as above.
            *a = unsafe {
                let sign = _mm256_set1_epi64x(i64::MIN);
                let shifted = _mm256_srlv_epi64(_mm256_xor_si256(*a, sign), power);
                _mm256_sub_epi64(shifted, _mm256_srlv_epi64(sign, power))
            };
        }
        self
    }
}
