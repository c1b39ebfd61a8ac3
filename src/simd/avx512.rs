//! AVX-512: sixteen lanes, thirty-two registers, and masks for the last vector of a row.

use super::{BIAS, FUSE, Pass, Simd, TWO_23, x86_64};
use core::arch::x86_64::*;

/// Proof that the processor has AVX-512F and the operating system saves its registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    #[inline]
    pub(super) fn new() -> Option<Self> {
        (cfg!(target_feature = "avx512f") || x86_64::has(x86_64::AVX512)).then_some(Self(()))
    }

    /// A mask of the first `lanes` lanes.
    #[inline(always)]
    fn mask(lanes: usize) -> __mmask16 {
        ((1_u32 << lanes) - 1) as __mmask16
    }
}

/// Transposes each of the four 128-bit lanes, taken across the four vectors as a 4 x 4 matrix.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_fours([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let [ab_low, ab_high] = [_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)];
    let [cd_low, cd_high] = [_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)];
    [
        _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
        _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
        _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
        _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
    ]
}

/// Selects 128-bit lanes of the two vectors: `a0 a2 b0 b2`, or with `ODD` `a1 a3 b1 b3`.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes_of<const ODD: bool>(a: __m512, b: __m512) -> __m512 {
    if ODD {
        _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b)
    } else {
        _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b)
    }
}

/// Eight columns of sixteen rows. Lanes of `rows[g][i]`: columns 0 to 4 and 4 to 8 of row 8 g + i, then of row 8 g + i + 4.
#[inline]
#[target_feature(enable = "avx512f")]
fn eight_columns(rows: [[__m512; 4]; 2]) -> [__m512; 8] {
    let [low, high] = rows.map(|rows| transpose_fours(rows));
    core::array::from_fn(|column| match column {
        0..4 => lanes_of::<false>(low[column], high[column]),
        _ => lanes_of::<true>(low[column - 4], high[column - 4]),
    })
}

/// The sum of each of sixteen vectors, halves first, then quarters, pairs and single numbers.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce_sixteen(x: [__m512; 16]) -> __m512 {
    // Of vectors i and j, the lower halves and the upper ones.
    let halves = |i: usize, j: usize| {
        let lower = _mm512_shuffle_f32x4::<0b01_00_01_00>(x[i], x[j]);
        _mm512_add_ps(lower, _mm512_shuffle_f32x4::<0b11_10_11_10>(x[i], x[j]))
    };
    // Quarters of vectors i, i + 4, i + 8 and i + 12.
    let quarters = |i: usize| {
        let (a, b) = (halves(i, i + 4), halves(i + 8, i + 12));
        _mm512_add_ps(lanes_of::<false>(a, b), lanes_of::<true>(a, b))
    };
    let pairs = |i: usize| {
        let (a, b) = (quarters(i), quarters(i + 1));
        let lower = _mm512_shuffle_ps::<0b01_00_01_00>(a, b);
        _mm512_add_ps(lower, _mm512_shuffle_ps::<0b11_10_11_10>(a, b))
    };
    let (a, b) = (pairs(0), pairs(2));
    let even = _mm512_shuffle_ps::<0b10_00_10_00>(a, b);
    _mm512_add_ps(even, _mm512_shuffle_ps::<0b11_01_11_01>(a, b))
}

impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const TILE_ROWS: [usize; 4] = [14, 12, 8, 2];
    const MASKS: bool = true;
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
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn run<P: Pass>(simd: Avx512, pass: P) -> P::Output {
            pass.run(simd)
        }
        // SAFETY: the token exists only if the processor has these features.
        unsafe { run(self, pass) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token exists only if the processor has AVX-512F; likewise in every function below.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the token, and sixteen numbers can be read at `p`.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m512) {
        // SAFETY: the token, and sixteen numbers can be written at `p`.
        unsafe { _mm512_storeu_ps(p, x) }
    }

    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, lanes: usize) -> __m512 {
        // SAFETY: the token, and the lanes of the mask can be read at `p`; the others are not touched.
        unsafe { _mm512_maskz_loadu_ps(Self::mask(lanes), p) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> __m512 {
        // SAFETY: the token, and the lanes of the mask can be read at `p`; the others are not touched.
        unsafe { _mm512_mask_loadu_ps(self.splat(fill), Self::mask(lanes), p) }
    }

    /// A load soon after must wait for a masked store to the same address, so whole vectors use a plain store.
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: __m512, lanes: usize) {
        if lanes == 16 {
            // SAFETY: the token, and sixteen numbers can be written at `p`.
            unsafe { self.store(p, x) }
        } else {
            // SAFETY: the token, and the lanes of the mask can be written at `p`; the others are not touched.
            unsafe { _mm512_mask_storeu_ps(p, Self::mask(lanes), x) }
        }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, x: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_sqrt_ps(x) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        if FUSE {
            // SAFETY: the token.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        } else {
            self.add(self.mul(a, b), c)
        }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        if FUSE {
            // SAFETY: the token.
            unsafe { _mm512_fnmadd_ps(a, b, c) }
        } else {
            self.sub(c, self.mul(a, b))
        }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token. The instruction returns its second operand unless the first is larger.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token. The instruction returns its second operand unless the first is smaller.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn select_gt(self, a: __m512, b: __m512, x: __m512, y: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), y, x) }
    }

    #[inline(always)]
    fn abs(self, x: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_abs_ps(x) }
    }

    /// Bits of `sign` where the mask has ones, else bits of `magnitude`, in one instruction.
    #[inline(always)]
    fn copysign(self, magnitude: __m512, sign: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe {
            let mask = _mm512_castps_si512(self.splat(-0.0));
            let (sign, magnitude) = (_mm512_castps_si512(sign), _mm512_castps_si512(magnitude));
            _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0b1100_1010>(mask, sign, magnitude))
        }
    }

    #[inline(always)]
    fn relu(self, x: __m512) -> __m512 {
        self.relu_mask(x, x)
    }

    #[inline(always)]
    fn relu_mask(self, gate: __m512, x: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe {
            let keep = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(gate, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(keep, x)
        }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: __m512, shifted: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe {
            let exponents = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), exponents))
        }
    }

    /// One instruction, which rounds once.
    #[inline(always)]
    fn ldexp(self, x: __m512, shifted: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_scalef_ps(x, self.sub(shifted, self.splat(1.5 * TWO_23))) }
    }

    #[inline(always)]
    fn exponent(self, x: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe {
            let field = _mm512_srli_epi32::<23>(_mm512_castps_si512(self.abs(x)));
            let sum = _mm512_or_si512(field, _mm512_castps_si512(self.splat(TWO_23)));
            self.sub(_mm512_castsi512_ps(sum), self.splat(TWO_23 + BIAS))
        }
    }

    #[inline(always)]
    fn swap_pairs(self, x: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_permute_ps::<0b10_11_00_01>(x) }
    }

    #[inline(always)]
    fn reduce_add(self, x: __m512) -> f32 {
        // SAFETY: the token. The shuffles bring the upper half, quarter, .. down; lanes above are ignored.
        unsafe {
            let x = _mm512_add_ps(x, _mm512_shuffle_f32x4::<0b11_10_11_10>(x, x));
            let x = _mm512_add_ps(x, _mm512_shuffle_f32x4::<0b01_01_01_01>(x, x));
            let x = _mm512_castps512_ps128(x);
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        }
    }

    /// Of more than a few vectors, all at once: each level of the tree adds what it takes from two vectors.
    #[inline(always)]
    fn reduce_add_each(self, vectors: [__m512; 16], count: usize) -> [f32; 16] {
        let mut sums = [0.0; 16];
        if count <= 4 {
            for i in 0..count {
                sums[i] = self.reduce_add(vectors[i]);
            }
            return sums;
        }
        // SAFETY: the token; sixteen numbers are written.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), reduce_sixteen(vectors)) };
        sums
    }

    #[inline(always)]
    fn reduce_max(self, x: __m512) -> f32 {
        // SAFETY: the token. As in `reduce_add`.
        unsafe {
            let x = _mm512_max_ps(x, _mm512_shuffle_f32x4::<0b11_10_11_10>(x, x));
            let x = _mm512_max_ps(x, _mm512_shuffle_f32x4::<0b01_01_01_01>(x, x));
            let x = _mm512_castps512_ps128(x);
            let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
        }
    }

    /// Loads sixteen rows and transposes them in halves: groups of eight, then of four across the 128-bit lanes, then
    /// pairs and single numbers inside them. For a whole block, the loads move the groups of eight, row r next to row
    /// r + 4: 48 shuffles for 256 numbers. At an edge, rows are loaded with a mask: 64 shuffles.
    ///
    /// # Safety
    /// See [`Simd::load_transposed`].
    #[inline(always)]
    unsafe fn load_transposed(
        self,
        src: *const f32,
        stride: usize,
        [rows, cols]: [usize; 2],
    ) -> [__m512; 16] {
        let mut columns = [self.splat(0.0); 16];
        // SAFETY: the token; `rows` rows of `cols` can be read.
        unsafe {
            if rows == 16 && cols == 16 {
                for h in 0..2 {
                    let mut pairs = [[self.splat(0.0); 4]; 2];
                    for (g, pairs) in pairs.iter_mut().enumerate() {
                        for (i, pair) in pairs.iter_mut().enumerate() {
                            let src = src.wrapping_add((8 * g + i) * stride + 8 * h);
                            let low = _mm512_castpd256_pd512(_mm256_loadu_pd(src.cast()));
                            let high = _mm256_loadu_pd(src.wrapping_add(4 * stride).cast());
                            *pair = _mm512_castpd_ps(_mm512_insertf64x4::<1>(low, high));
                        }
                    }
                    columns[8 * h..8 * h + 8].copy_from_slice(&eight_columns(pairs));
                }
                return columns;
            }
            let mut vectors = [self.splat(0.0); 16];
            for (r, vector) in vectors.iter_mut().enumerate() {
                if r < rows {
                    *vector = self.load_partial(src.wrapping_add(r * stride), cols);
                }
            }
            let mut pairs = [[[self.splat(0.0); 4]; 2]; 2];
            for g in 0..2 {
                for i in 0..4 {
                    let (low, high) = (vectors[8 * g + i], vectors[8 * g + i + 4]);
                    pairs[0][g][i] = _mm512_shuffle_f32x4::<0b01_00_01_00>(low, high);
                    pairs[1][g][i] = _mm512_shuffle_f32x4::<0b11_10_11_10>(low, high);
                }
            }
            columns[..8].copy_from_slice(&eight_columns(pairs[0]));
            columns[8..].copy_from_slice(&eight_columns(pairs[1]));
        }
        columns
    }
}
