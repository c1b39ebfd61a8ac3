//! AVX2 with FMA: eight lanes, sixteen registers.

use super::{BIAS, FUSE, Pass, Simd, TWO_23, x86_64};
use core::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA and the operating system saves the registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let compiled = cfg!(all(target_feature = "avx2", target_feature = "fma"));
        (compiled || x86_64::has(x86_64::AVX2)).then_some(Self(()))
    }

    /// All bits set in the first `lanes` lanes.
    #[inline(always)]
    fn mask(lanes: usize) -> __m256i {
        const WINDOW: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: callers have the token; `lanes` is at most 8, so eight numbers can be read from index 8 - lanes.
        unsafe { _mm256_loadu_si256(WINDOW.as_ptr().add(8 - lanes).cast()) }
    }
}

impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const TILE_ROWS: [usize; 4] = [8, 6, 0, 1];
    const PREFETCHES: bool = true;

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: every x86-64 processor has SSE; a prefetch takes any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }

    #[inline(always)]
    fn in_register(self, p: *const f32) -> *const f32 {
        x86_64::in_register(p)
    }

    #[inline(always)]
    fn number_in_register(self, n: usize) -> usize {
        x86_64::number_in_register(n)
    }

    #[inline(always)]
    fn call<P: Pass>(self, pass: P) -> P::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn run<P: Pass>(simd: Avx2, pass: P) -> P::Output {
            pass.run(simd)
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, pass) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token exists only if the processor has AVX2 and FMA; likewise in every function below.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the token, and eight numbers can be read at `p`.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m256) {
        // SAFETY: the token, and eight numbers can be written at `p`.
        unsafe { _mm256_storeu_ps(p, x) }
    }

    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, lanes: usize) -> __m256 {
        if lanes == 8 {
            // SAFETY: the token, and eight numbers can be read at `p`.
            return unsafe { self.load(p) };
        }
        // SAFETY: the token, and the lanes of the mask can be read at `p`; the others are not touched.
        unsafe { _mm256_maskload_ps(p, Self::mask(lanes)) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> __m256 {
        let mask = Self::mask(lanes);
        // SAFETY: the token, and the lanes of the mask can be read at `p`; the others are not touched.
        unsafe { _mm256_blendv_ps(self.splat(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask)) }
    }

    /// A masked store is slow on some processors, so whole vectors use a plain store.
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: __m256, lanes: usize) {
        if lanes == 8 {
            // SAFETY: the token, and eight numbers can be written at `p`.
            unsafe { self.store(p, x) }
        } else {
            // SAFETY: the token, and the lanes of the mask can be written at `p`; the others are not touched.
            unsafe { _mm256_maskstore_ps(p, Self::mask(lanes), x) }
        }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, x: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_sqrt_ps(x) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        if FUSE {
            // SAFETY: the token.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        } else {
            self.add(self.mul(a, b), c)
        }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        if FUSE {
            // SAFETY: the token.
            unsafe { _mm256_fnmadd_ps(a, b, c) }
        } else {
            self.sub(c, self.mul(a, b))
        }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token. The instruction returns its second operand unless the first is larger.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token. The instruction returns its second operand unless the first is smaller.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn select_gt(self, a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)) }
    }

    #[inline(always)]
    fn abs(self, x: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_andnot_ps(self.splat(-0.0), x) }
    }

    #[inline(always)]
    fn copysign(self, magnitude: __m256, sign: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_or_ps(self.abs(magnitude), _mm256_and_ps(self.splat(-0.0), sign)) }
    }

    #[inline(always)]
    fn relu(self, x: __m256) -> __m256 {
        self.relu_mask(x, x)
    }

    #[inline(always)]
    fn relu_mask(self, gate: __m256, x: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(gate, _mm256_setzero_ps()), x) }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: __m256, shifted: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe {
            let exponents = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponents))
        }
    }

    /// Multiplies by two powers of two, for halves of n that give normal numbers: the first product is exact.
    #[inline(always)]
    fn ldexp(self, x: __m256, shifted: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe {
            let shifted = _mm256_castps_si256(shifted);
            let half = _mm256_srli_epi32::<1>(shifted);
            let power = |n| {
                let one = _mm256_castps_si256(self.splat(1.0));
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32::<23>(n), one))
            };
            self.mul(self.mul(x, power(half)), power(_mm256_sub_epi32(shifted, half)))
        }
    }

    #[inline(always)]
    fn exponent(self, x: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe {
            let field = _mm256_srli_epi32::<23>(_mm256_castps_si256(self.abs(x)));
            let sum = _mm256_or_si256(field, _mm256_castps_si256(self.splat(TWO_23)));
            self.sub(_mm256_castsi256_ps(sum), self.splat(TWO_23 + BIAS))
        }
    }

    #[inline(always)]
    fn swap_pairs(self, x: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_permute_ps::<0b10_11_00_01>(x) }
    }

    #[inline(always)]
    fn reduce_add(self, x: __m256) -> f32 {
        // SAFETY: the token.
        unsafe {
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        }
    }

    #[inline(always)]
    fn reduce_max(self, x: __m256) -> f32 {
        // SAFETY: the token.
        unsafe {
            let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
        }
    }

    /// Transposes pairs, then groups of four numbers inside the 128-bit halves, then exchanges the halves: 24
    /// shuffles for 64 numbers.
    #[inline(always)]
    unsafe fn load_transposed(
        self,
        src: *const f32,
        stride: usize,
        [rows, cols]: [usize; 2],
    ) -> [__m256; 16] {
        // SAFETY: the token; `rows` rows of `cols` can be read.
        unsafe {
            // Half h of fours[g][j] holds column 4 h + j of rows 4 g .. 4 g + 4.
            let mut fours = [[_mm256_setzero_ps(); 4]; 2];
            for (g, four) in fours.iter_mut().enumerate() {
                let row = |i: usize| match 4 * g + i {
                    row if row >= rows => _mm256_setzero_ps(),
                    row if cols == 8 => self.load(src.wrapping_add(row * stride)),
                    row => self.load_partial(src.wrapping_add(row * stride), cols),
                };
                let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
                let [ab_low, ab_high] = [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)];
                let [cd_low, cd_high] = [_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d)];
                four[0] = _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low);
                four[1] = _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low);
                four[2] = _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high);
                four[3] = _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high);
            }
            let [lows, highs] = fours;
            core::array::from_fn(|column| match column {
                0..4 => _mm256_permute2f128_ps::<0x20>(lows[column], highs[column]),
                4..8 => _mm256_permute2f128_ps::<0x31>(lows[column - 4], highs[column - 4]),
                _ => self.splat(0.0),
            })
        }
    }
}
