//! AVX2: eight lanes, sixteen registers; bytes are widened to 16 bits before they are multiplied.

use super::rows::LANES;
use super::words::{Words, Work};
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
    pub(super) fn plus(self, [low, high]: [__m256i; 2], x: i32) -> [__m256i; 2] {
        // SAFETY: the token.
        unsafe {
            let x = _mm256_set1_epi32(x);
            [_mm256_add_epi32(low, x), _mm256_add_epi32(high, x)]
        }
    }

    #[inline(always)]
    fn add_each(self, sums: [__m256i; 2], w: [Wide; 2], x: [Wide; 2]) -> [__m256i; 2] {
        // SAFETY: the token.
        unsafe { [add(sums[0], w[0], x[0]), add(sums[1], w[1], x[1])] }
    }

    /// See [`Words::row`]. A register holds two tiles of the same outputs, and the inputs of each: so of sums it has two parts of four.
    ///
    /// # Safety
    /// As of [`Words::row`].
    #[inline(always)]
    pub(super) unsafe fn row<W: Spread>(
        self,
        words: W,
        sums: [__m256i; 2],
        [a, b, c, d]: [*const i8; 4],
        x: *const i8,
        count: usize,
    ) -> ([__m256i; 2], usize) {
        let mut parts = [self.load(&[0; LANES]); 2];
        // SAFETY: the token; `i` is below `count / 2`, so two tiles can be read at `32 i`, and two words at `8 i`.
        unsafe {
            let each_four_times = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
            for i in 0..count / 2 {
                let x = _mm256_set1_epi64x(x.add(8 * i).cast::<i64>().read_unaligned());
                let x = words.spread(_mm256_permutevar8x32_epi32(x, each_four_times));
                let (first, second) = (32 * i, 32 * i + 16);
                let w = words.weights([a.add(first), a.add(second), b.add(first), b.add(second)]);
                parts[0] = words.add(parts[0], w, x);
                let w = words.weights([c.add(first), c.add(second), d.add(first), d.add(second)]);
                parts[1] = words.add(parts[1], w, x);
            }
            let mut all = sums;
            for i in 0..2 {
                let [a, b] = parts[i];
                let lower = _mm256_permute2x128_si256::<0x20>(a, b);
                let upper = _mm256_permute2x128_si256::<0x31>(a, b);
                all[i] = _mm256_add_epi32(all[i], _mm256_add_epi32(lower, upper));
            }
            (all, count / 2 * 2)
        }
    }

    /// See [`Words::taps`].
    ///
    /// # Safety
    /// Sixteen bytes can be read at each.
    #[inline(always)]
    pub(super) unsafe fn taps(self, taps: [*const i8; 4]) -> [__m256i; 2] {
        // SAFETY: the token; sixteen bytes can be read at each.
        unsafe {
            let [a, b, c, d] = taps;
            let [a, b] = [_mm_loadu_si128(a.cast()), _mm_loadu_si128(b.cast())];
            let [c, d] = [_mm_loadu_si128(c.cast()), _mm_loadu_si128(d.cast())];
            // The first eight channels, and the others.
            let [ab, cd] = [_mm_unpacklo_epi8(a, b), _mm_unpacklo_epi8(c, d)];
            let low = _mm256_set_m128i(_mm_unpackhi_epi16(ab, cd), _mm_unpacklo_epi16(ab, cd));
            let [ab, cd] = [_mm_unpackhi_epi8(a, b), _mm_unpackhi_epi8(c, d)];
            [low, _mm256_set_m128i(_mm_unpackhi_epi16(ab, cd), _mm_unpacklo_epi16(ab, cd))]
        }
    }

    #[inline(always)]
    pub(super) fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        let p = scale.as_ptr().cast::<f32>();
        let mut all = Scale {
            even: self.load(&[0; LANES]),
            odd: self.load(&[0; LANES]),
            right: self.load(&[0; LANES]),
            // SAFETY: the token.
            half: unsafe { _mm256_set1_epi64x(i64::from(twice) << 30) },
            // SAFETY: the token.
            twice: unsafe { _mm256_set1_epi32(-i32::from(twice)) },
        };
        // SAFETY: the token, and there are four times four multipliers of eight bytes.
        unsafe {
            // Negative where something is out of range: a mantissa, right - 1, 31 - right.
            let mut bad = _mm256_setzero_si256();
            for i in 0..2 {
                let (a, b) = (_mm256_loadu_ps(p.add(16 * i)), _mm256_loadu_ps(p.add(16 * i + 8)));
                let mantissa = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
                let mantissa = _mm256_castpd_si256(_mm256_permute4x64_pd::<0b11_01_10_00>(mantissa));
                let exponent = _mm256_castps_pd(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
                let exponent = _mm256_castpd_si256(_mm256_permute4x64_pd::<0b11_01_10_00>(exponent));
                let right = _mm256_sub_epi32(_mm256_set1_epi32(-1), exponent);
                let below = _mm256_sub_epi32(_mm256_set1_epi32(30), right);
                bad = _mm256_or_si256(bad, _mm256_or_si256(mantissa, _mm256_or_si256(right, below)));
                all.even[i] = mantissa;
                all.odd[i] = _mm256_srli_epi64::<32>(mantissa);
                all.right[i] = right;
            }
            (all, _mm256_movemask_ps(_mm256_castsi256_ps(bad)) == 0)
        }
    }

    #[inline(always)]
    pub(super) fn halves(self, mut sums: [__m256i; 2], scale: &Scale) -> [__m256i; 2] {
        for i in 0..2 {
            // SAFETY: the token.
            sums[i] = unsafe {
                let even = _mm256_add_epi64(_mm256_mul_epi32(sums[i], scale.even[i]), scale.half);
                let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(sums[i]), scale.odd[i]);
                let odd = _mm256_add_epi64(odd, scale.half);
                let (even, odd) = (_mm256_srli_epi64::<31>(even), _mm256_add_epi64(odd, odd));
                let high = _mm256_blend_epi32::<0b10_10_10_10>(even, odd);
                let negative = _mm256_and_si256(_mm256_srai_epi32::<31>(high), scale.twice);
                _mm256_srav_epi32(_mm256_add_epi32(high, negative), scale.right[i])
            };
        }
        sums
    }

    /// See [`Words::output`].
    ///
    /// # Safety
    /// `count` bytes can be written at `to`.
    #[inline(always)]
    pub(super) unsafe fn output(self, [low, high]: [__m256i; 2], clamp: Clamp, to: *mut i8, count: usize) {
        let mut bytes = [0_i8; LANES];
        // SAFETY: the token; sixteen bytes can be written to `bytes`, and `count` at `to`, which is no more than `bytes` has.
        unsafe {
            // Beyond the range of bytes also with the zero point.
            let y = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high));
            let y = _mm256_adds_epi16(y, _mm256_set1_epi16(2 * i16::from(clamp.zero) + 1));
            let y = _mm256_srai_epi16::<1>(y);
            let y = _mm_packs_epi16(_mm256_castsi256_si128(y), _mm256_extracti128_si256::<1>(y));
            let y = _mm_max_epi8(y, _mm_set1_epi8(clamp.least));
            let y = _mm_min_epi8(y, _mm_set1_epi8(clamp.most));
            if count == LANES {
                return _mm_storeu_si128(to.cast(), y);
            }
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), y);
            to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(LANES));
        }
    }
}

/// See [`Words::halves`].
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// Mantissas of even lanes, and of odd ones, in the lower halves of 64 bits.
    even: [__m256i; 2],
    odd: [__m256i; 2],
    /// `right` less one.
    right: [__m256i; 2],
    /// 2^30 if sums are rounded twice.
    half: __m256i,
    /// Which lanes are rounded twice: all or none.
    twice: __m256i,
}

/// What multiplies words of eight lanes.
pub(super) trait Spread: Words<Sums = [__m256i; 2]> {
    /// Inputs that are words already.
    fn spread(self, x: __m256i) -> Self::Inputs;
}

impl Spread for Avx2 {
    #[inline(always)]
    fn spread(self, x: __m256i) -> Wide {
        // SAFETY: the token.
        unsafe { widened(x) }
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
    type Taps = [Wide; 2];
    type Scale = Scale;
    const OFFSET: i32 = 0;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn run<W: Work>(words: Avx2, work: W) {
            work.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, work) }
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
        unsafe { self.row(self, sums, tiles, x, count) }
    }

    #[inline(always)]
    fn plus(self, sums: [__m256i; 2], x: i32) -> [__m256i; 2] {
        self.plus(sums, x)
    }

    #[inline(always)]
    unsafe fn taps(self, taps: [*const i8; 4]) -> [Wide; 2] {
        // SAFETY: sixteen bytes can be read at each.
        unsafe {
            let [low, high] = self.taps(taps);
            [widened(low), widened(high)]
        }
    }

    #[inline(always)]
    fn add_taps(self, sums: [__m256i; 2], x: [Wide; 2], w: [Wide; 2]) -> [__m256i; 2] {
        self.add_each(sums, x, w)
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        self.scale(scale, twice)
    }

    #[inline(always)]
    fn halves(self, sums: [__m256i; 2], scale: &Scale) -> [__m256i; 2] {
        self.halves(sums, scale)
    }

    #[inline(always)]
    unsafe fn output(self, y: [__m256i; 2], clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: `count` bytes can be written at `to`.
        unsafe { self.output(y, clamp, to, count) }
    }
}
