//! AVX-512 with VNNI: sixteen lanes, thirty-two registers, `vpdpbusd`.
//!
//! A word of a strip of sixteen rows takes one load, three insertions, one inversion and sixteen `vpdpbusd`, which broadcast
//! the inputs themselves; fifteen additions make their addresses. One row has sums for each four outputs instead, in which tiles
//! are side by side: no insertions, and four sums that do not wait for one another.

use super::rows::LANES;
use super::words::{Words, Work};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use crate::simd::x86_64::{AVX512_VNNI, has};
use core::arch::x86_64::*;

/// Proof that the processor has AVX-512F, BW, VL and VNNI, and the operating system saves the registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vnni(());

/// See [`Words::halves`].
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// Mantissas of even lanes, and of odd ones, in the lower halves of 64 bits.
    even: __m512i,
    odd: __m512i,
    /// `right` less one.
    right: __m512i,
    /// 2^30 if sums are rounded twice.
    half: __m512i,
    /// Which lanes are rounded twice: all or none.
    twice: __mmask16,
}

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

    /// Bytes plus 128.
    #[inline(always)]
    fn unsigned(self, bytes: __m512i) -> __m512i {
        // SAFETY: the token; likewise in every function below.
        unsafe { _mm512_xor_si512(bytes, _mm512_set1_epi8(-128)) }
    }

    /// Sixteen bytes of each.
    ///
    /// # Safety
    /// They can be read.
    #[inline(always)]
    unsafe fn quarters(self, [a, b, c, d]: [*const i8; 4]) -> __m512i {
        // SAFETY: the token; sixteen bytes can be read at each.
        unsafe {
            let x = _mm512_castsi128_si512(_mm_loadu_epi8(a));
            let x = _mm512_inserti32x4::<1>(x, _mm_loadu_epi8(b));
            let x = _mm512_inserti32x4::<2>(x, _mm_loadu_epi8(c));
            _mm512_inserti32x4::<3>(x, _mm_loadu_epi8(d))
        }
    }
}

impl Words for Vnni {
    type Sums = __m512i;
    type Weights = __m512i;
    type Inputs = __m512i;
    type Taps = __m512i;
    type Scale = Scale;
    const OFFSET: i32 = 128;
    const STRIP: usize = 16;

    #[inline(always)]
    fn call<W: Work>(self, work: W) {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma")]
        fn run<W: Work>(words: Vnni, work: W) {
            work.run(words);
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, work) }
    }

    #[inline(always)]
    unsafe fn totals<const N: usize>(
        self,
        rows: [*const i8; N],
        [len, count, apart]: [usize; 3],
    ) -> [i32; N] {
        // SAFETY: the token; the stretches can be read, of which a mask leaves the end.
        unsafe {
            let (mut sums, ones) = ([_mm512_setzero_si512(); N], _mm512_set1_epi8(1));
            let mask = u64::MAX.unbounded_shr(64 - len as u32 % 64);
            for stretch in 0..count {
                let mut at = stretch * apart;
                for _ in 0..len / 64 {
                    for n in 0..N {
                        sums[n] = _mm512_dpbusd_epi32(sums[n], ones, _mm512_loadu_epi8(rows[n].add(at)));
                    }
                    at += 64;
                }
                if len % 64 != 0 {
                    for n in 0..N {
                        let x = _mm512_maskz_loadu_epi8(mask, rows[n].add(at));
                        sums[n] = _mm512_dpbusd_epi32(sums[n], ones, x);
                    }
                }
            }
            let mut totals = [0; N];
            if const { N != 4 } {
                for n in 0..N {
                    totals[n] = _mm512_reduce_add_epi32(sums[n]);
                }
                return totals;
            }
            let [ab, cd] = [pairs(sums[0], sums[1]), pairs(sums[2], sums[3])];
            let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
            let all = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
            let all = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256::<1>(all));
            _mm_storeu_epi32(totals.as_mut_ptr(), all);
            totals
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
    fn plus(self, sums: __m512i, x: i32) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_add_epi32(sums, _mm512_set1_epi32(x)) }
    }

    #[inline(always)]
    unsafe fn weights(self, tiles: [*const i8; 4]) -> __m512i {
        // SAFETY: sixteen bytes can be read at each.
        unsafe { self.unsigned(self.quarters(tiles)) }
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
    unsafe fn taps(self, taps: [*const i8; 4]) -> __m512i {
        // SAFETY: the token; sixteen bytes can be read at each.
        unsafe {
            // Four channels of each tap side by side, and then each channel's four bytes.
            let fours = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let bytes = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let x = _mm512_permutexvar_epi32(fours, self.quarters(taps));
            _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(bytes))
        }
    }

    /// Interleaving bytes and then pairs of them does so in each quarter of a register.
    #[inline(always)]
    fn channel(register: usize, lane: usize) -> usize {
        lane / 4 * 16 + register * 4 + lane % 4
    }

    #[inline(always)]
    unsafe fn taps_of_all(self, [a, b, c, d]: [*const i8; 4]) -> [__m512i; 4] {
        // SAFETY: the token; 64 bytes can be read at each.
        unsafe {
            let [a, b] = [_mm512_loadu_epi8(a), _mm512_loadu_epi8(b)];
            let [c, d] = [_mm512_loadu_epi8(c), _mm512_loadu_epi8(d)];
            let low = [_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d)];
            let high = [_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d)];
            [
                _mm512_unpacklo_epi16(low[0], low[1]),
                _mm512_unpackhi_epi16(low[0], low[1]),
                _mm512_unpacklo_epi16(high[0], high[1]),
                _mm512_unpackhi_epi16(high[0], high[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output_all(self, [a, b, c, d]: [__m512i; 4], clamp: Clamp, to: *mut i8) {
        // SAFETY: the token; 64 bytes can be written.
        unsafe { _mm512_storeu_epi8(to, packed(a, b, c, d, clamp)) }
    }

    #[inline(always)]
    fn add_taps(self, sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_dpbusd_epi32(sums, self.unsigned(x), w) }
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        let p = scale.as_ptr();
        // SAFETY: the token; sixteen multipliers of eight bytes can be read.
        unsafe {
            let (low, high) = (_mm512_loadu_epi64(p.cast()), _mm512_loadu_epi64(p.add(8).cast()));
            let first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let second = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            let even = _mm512_permutex2var_epi32(low, first, high);
            let exponent = _mm512_permutex2var_epi32(low, second, high);
            let right = _mm512_sub_epi32(_mm512_set1_epi32(-1), exponent);
            let scale = Scale {
                even,
                odd: _mm512_srli_epi64::<32>(even),
                right,
                half: _mm512_set1_epi64(i64::from(twice) << 30),
                twice: if twice { 0xFFFF } else { 0 },
            };
            let bad = _mm512_cmpgt_epu32_mask(right, _mm512_set1_epi32(30));
            (scale, bad | _mm512_cmplt_epi32_mask(even, _mm512_setzero_si512()) == 0)
        }
    }

    #[inline(always)]
    fn halves(self, sums: __m512i, scale: &Scale) -> __m512i {
        // SAFETY: the token.
        unsafe {
            let even = _mm512_add_epi64(_mm512_mul_epi32(sums, scale.even), scale.half);
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(sums), scale.odd);
            let odd = _mm512_add_epi64(odd, scale.half);
            let (even, odd) = (_mm512_srli_epi64::<31>(even), _mm512_add_epi64(odd, odd));
            let high = _mm512_mask_blend_epi32(0b1010_1010_1010_1010, even, odd);
            let negative = _mm512_mask_cmplt_epi32_mask(scale.twice, high, _mm512_setzero_si512());
            let high = _mm512_mask_add_epi32(high, negative, high, _mm512_set1_epi32(-1));
            _mm512_srav_epi32(high, scale.right)
        }
    }

    #[inline(always)]
    unsafe fn output(self, halves: __m512i, clamp: Clamp, to: *mut i8, count: usize) {
        // SAFETY: the token; the first `count` bytes can be written, others are not. Halves saturated to 16 bits are beyond
        // the range of eight also with the zero point.
        unsafe {
            let y = _mm512_cvtsepi32_epi16(halves);
            let y = _mm256_adds_epi16(y, _mm256_set1_epi16(2 * i16::from(clamp.zero) + 1));
            let y = _mm256_cvtsepi16_epi8(_mm256_srai_epi16::<1>(y));
            let y = _mm_max_epi8(y, _mm_set1_epi8(clamp.least));
            let y = _mm_min_epi8(y, _mm_set1_epi8(clamp.most));
            match count {
                // A masked store takes much longer.
                LANES => _mm_storeu_epi8(to, y),
                _ => _mm_mask_storeu_epi8(to, ((1_u32 << count) - 1) as __mmask16, y),
            }
        }
    }

    #[inline(always)]
    unsafe fn outputs(self, [a, b, c, d]: [__m512i; 4], clamp: Clamp, to: *mut i8, stride: usize) {
        // SAFETY: the token; sixteen bytes can be written at each of the four places.
        unsafe {
            let y = packed(a, b, c, d, clamp);
            let fours = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let y = _mm512_permutexvar_epi32(fours, y);
            _mm_storeu_epi8(to, _mm512_castsi512_si128(y));
            _mm_storeu_epi8(to.add(stride), _mm512_extracti32x4_epi32::<1>(y));
            _mm_storeu_epi8(to.add(2 * stride), _mm512_extracti32x4_epi32::<2>(y));
            _mm_storeu_epi8(to.add(3 * stride), _mm512_extracti32x4_epi32::<3>(y));
        }
    }
}

/// The outputs of halves: in each quarter, four bytes of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn packed(a: __m512i, b: __m512i, c: __m512i, d: __m512i, clamp: Clamp) -> __m512i {
    let zero = _mm512_set1_epi16(2 * i16::from(clamp.zero) + 1);
    let ab = _mm512_srai_epi16::<1>(_mm512_adds_epi16(_mm512_packs_epi32(a, b), zero));
    let cd = _mm512_srai_epi16::<1>(_mm512_adds_epi16(_mm512_packs_epi32(c, d), zero));
    let y = _mm512_max_epi8(_mm512_packs_epi16(ab, cd), _mm512_set1_epi8(clamp.least));
    _mm512_min_epi8(y, _mm512_set1_epi8(clamp.most))
}

/// The upper half of each added to its lower half.
#[inline]
#[target_feature(enable = "avx512f")]
fn halves(a: __m512i, b: __m512i) -> __m512i {
    let lower = _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b);
    _mm512_add_epi32(lower, _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b))
}

/// In each quarter, sums of two numbers of `a` and of `b`, one after the other.
#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b))
}
