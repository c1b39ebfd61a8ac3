//! NEON of 64-bit Arm: four lanes, thirty-two registers, fused multiply-add.

use super::{BIAS, FUSE, Pass, Simd, TWO_23};
use core::arch::aarch64::*;

/// NEON is part of every AArch64 target that this crate is built for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Neon(());

impl Neon {
    #[inline]
    pub(super) fn new() -> Self {
        const { assert!(cfg!(target_feature = "neon"), "fusebox needs an aarch64 target with NEON") };
        Self(())
    }
}

impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const TILE_ROWS: [usize; 4] = [14, 10, 8, 3];

    #[inline(always)]
    fn call<P: Pass>(self, pass: P) -> P::Output {
        #[inline(never)]
        fn run<P: Pass>(simd: Neon, pass: P) -> P::Output {
            pass.run(simd)
        }
        run(self, pass)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: the target has NEON; likewise in every function below.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: NEON, and four numbers can be read at `p`.
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: float32x4_t) {
        // SAFETY: NEON, and four numbers can be written at `p`.
        unsafe { vst1q_f32(p, x) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> float32x4_t {
        if lanes == 4 {
            // SAFETY: four numbers can be read at `p`.
            return unsafe { self.load(p) };
        }
        let mut x = [fill; 4];
        for (i, x) in x.iter_mut().enumerate().take(lanes) {
            // SAFETY: `i < lanes`, the numbers that can be read.
            *x = unsafe { p.add(i).read() };
        }
        // SAFETY: the array has four numbers.
        unsafe { self.load(x.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: float32x4_t, lanes: usize) {
        if lanes == 4 {
            // SAFETY: four numbers can be written at `p`.
            return unsafe { self.store(p, x) };
        }
        let mut numbers = [0.0; 4];
        // SAFETY: the array has four numbers.
        unsafe { self.store(numbers.as_mut_ptr(), x) };
        for (i, &x) in numbers.iter().enumerate().take(lanes) {
            // SAFETY: `i < lanes`, the numbers that can be written.
            unsafe { p.add(i).write(x) };
        }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vsqrtq_f32(x) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        if FUSE {
            // SAFETY: NEON.
            unsafe { vfmaq_f32(c, a, b) }
        } else {
            self.add(self.mul(a, b), c)
        }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        if FUSE {
            // SAFETY: NEON.
            unsafe { vfmsq_f32(c, a, b) }
        } else {
            self.sub(c, self.mul(a, b))
        }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        self.select_gt(a, b, a, b)
    }

    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        self.select_gt(b, a, a, b)
    }

    #[inline(always)]
    fn select_gt(self, a: float32x4_t, b: float32x4_t, x: float32x4_t, y: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vbslq_f32(vcgtq_f32(a, b), x, y) }
    }

    #[inline(always)]
    fn abs(self, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vabsq_f32(x) }
    }

    #[inline(always)]
    fn copysign(self, magnitude: float32x4_t, sign: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vbslq_f32(vreinterpretq_u32_f32(self.splat(-0.0)), sign, magnitude) }
    }

    #[inline(always)]
    fn relu(self, x: float32x4_t) -> float32x4_t {
        self.relu_mask(x, x)
    }

    #[inline(always)]
    fn relu_mask(self, gate: float32x4_t, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vbslq_f32(vclezq_f32(gate), vdupq_n_f32(0.0), x) }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: float32x4_t, shifted: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe {
            let exponents = vshlq_n_s32::<23>(vreinterpretq_s32_f32(shifted));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), exponents))
        }
    }

    /// Multiplies by two powers of two, for halves of n that give normal numbers: the first product is exact.
    #[inline(always)]
    fn ldexp(self, x: float32x4_t, shifted: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe {
            let shifted = vreinterpretq_u32_f32(shifted);
            let half = vshrq_n_u32::<1>(shifted);
            let power = |n| {
                let one = vreinterpretq_u32_f32(self.splat(1.0));
                vreinterpretq_f32_u32(vaddq_u32(vshlq_n_u32::<23>(n), one))
            };
            self.mul(self.mul(x, power(half)), power(vsubq_u32(shifted, half)))
        }
    }

    #[inline(always)]
    fn exponent(self, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe {
            let field = vshrq_n_u32::<23>(vreinterpretq_u32_f32(self.abs(x)));
            let sum = vorrq_u32(field, vreinterpretq_u32_f32(self.splat(TWO_23)));
            self.sub(vreinterpretq_f32_u32(sum), self.splat(TWO_23 + BIAS))
        }
    }

    #[inline(always)]
    fn swap_pairs(self, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON.
        unsafe { vrev64q_f32(x) }
    }

    #[inline(always)]
    fn reduce_add(self, x: float32x4_t) -> f32 {
        // SAFETY: NEON.
        unsafe {
            let halves = vadd_f32(vget_low_f32(x), vget_high_f32(x));
            vget_lane_f32::<0>(halves) + vget_lane_f32::<1>(halves)
        }
    }

    #[inline(always)]
    fn reduce_max(self, x: float32x4_t) -> f32 {
        // SAFETY: NEON.
        unsafe {
            let (a, b) = (vget_low_f32(x), vget_high_f32(x));
            let halves = vbsl_f32(vcgt_f32(a, b), a, b);
            let (a, b) = (vget_lane_f32::<0>(halves), vget_lane_f32::<1>(halves));
            if a > b { a } else { b }
        }
    }
}
