//! NEON: four lanes, thirty-two registers, of which sixteen hold the sums of four rows; `sdot` where the processor has it.

use super::rows::LANES;
use super::words::{Words, Work};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use core::arch::aarch64::*;
use core::arch::asm;

/// Proof that the processor has NEON, and with `DOT` also `sdot`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon<const DOT: bool>(());

impl<const DOT: bool> Neon<DOT> {
    /// Without `std`, `sdot` is used only where the target has it.
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let compiled = cfg!(target_feature = "dotprod");
        #[cfg(any(feature = "std", test))]
        let compiled = compiled || std::arch::is_aarch64_feature_detected!("dotprod");
        (!cfg!(miri) && (compiled || !DOT)).then_some(Self(()))
    }
}

/// See [`Words::halves`].
#[derive(Clone, Copy)]
pub(super) struct Scale {
    mantissa: [int32x4_t; 4],
    /// One less `right`: shifts to the left, which are not positive.
    left: [int32x4_t; 4],
    /// Which lanes are rounded twice: all or none.
    twice: int32x4_t,
    is_twice: bool,
}

/// `sum + w x`, in each lane of four bytes.
///
/// # Safety
/// The processor has `sdot` if `DOT`, and then this is inlined into a function compiled for it.
#[inline(always)]
unsafe fn add<const DOT: bool>(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: the target has NEON, and this function's contract; the instruction changes one register.
    unsafe {
        if DOT {
            let mut sum = sum;
            asm!(
                "sdot {sum:v}.4s, {w:v}.16b, {x:v}.16b",
                sum = inout(vreg) sum, w = in(vreg) w, x = in(vreg) x,
                options(pure, nomem, nostack, preserves_flags)
            );
            return sum;
        }
        // Two products may not fit 16 bits.
        let low = vpaddlq_s16(vmull_s8(vget_low_s8(w), vget_low_s8(x)));
        let high = vpaddlq_s16(vmull_high_s8(w, x));
        vaddq_s32(sum, vpaddq_s32(low, high))
    }
}

impl<const DOT: bool> Words for Neon<DOT> {
    type Sums = [int32x4_t; 4];
    type Weights = [int8x16_t; 4];
    type Inputs = int8x16_t;
    type Taps = [int8x16_t; 4];
    type Scale = Scale;
    const OFFSET: i32 = 0;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call<W: Work>(self, work: W) {
        #[inline(never)]
        fn run<const DOT: bool, W: Work>(words: Neon<DOT>, work: W) {
            work.run(words);
        }
        #[inline(never)]
        #[target_feature(enable = "neon,dotprod")]
        fn run_dot<const DOT: bool, W: Work>(words: Neon<DOT>, work: W) {
            work.run(words);
        }
        if DOT {
            // SAFETY: the token exists only if the processor has this feature.
            unsafe { run_dot(self, work) }
        } else {
            run(self, work);
        }
    }

    #[inline(always)]
    fn load(self, sums: &[i32; LANES]) -> [int32x4_t; 4] {
        let p = sums.as_ptr();
        // SAFETY: NEON, and there are sixteen; likewise in every function below.
        unsafe { [vld1q_s32(p), vld1q_s32(p.add(4)), vld1q_s32(p.add(8)), vld1q_s32(p.add(12))] }
    }

    #[inline(always)]
    fn store(self, sums: [int32x4_t; 4], to: &mut [i32; LANES]) {
        for i in 0..4 {
            // SAFETY: NEON, and there are sixteen.
            unsafe { vst1q_s32(to.as_mut_ptr().add(4 * i), sums[i]) };
        }
    }

    #[inline(always)]
    fn plus(self, mut sums: [int32x4_t; 4], x: i32) -> [int32x4_t; 4] {
        for i in 0..4 {
            // SAFETY: NEON.
            sums[i] = unsafe { vaddq_s32(sums[i], vdupq_n_s32(x)) };
        }
        sums
    }

    #[inline(always)]
    unsafe fn weights(self, [a, b, c, d]: [*const i8; 4]) -> [int8x16_t; 4] {
        // SAFETY: NEON; sixteen bytes can be read at each.
        unsafe { [vld1q_s8(a), vld1q_s8(b), vld1q_s8(c), vld1q_s8(d)] }
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> int8x16_t {
        // SAFETY: NEON; four bytes can be read.
        unsafe { vreinterpretq_s8_s32(vdupq_n_s32(x.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    fn add(self, sums: [int32x4_t; 4], w: [int8x16_t; 4], x: int8x16_t) -> [int32x4_t; 4] {
        self.add_taps(sums, [x; 4], w)
    }

    #[inline(always)]
    unsafe fn taps(self, taps: [*const i8; 4]) -> [int8x16_t; 4] {
        // SAFETY: NEON; sixteen bytes can be read at each.
        unsafe {
            let [a, b, c, d] = self.weights(taps);
            let low = [vreinterpretq_s16_s8(vzip1q_s8(a, b)), vreinterpretq_s16_s8(vzip1q_s8(c, d))];
            let high = [vreinterpretq_s16_s8(vzip2q_s8(a, b)), vreinterpretq_s16_s8(vzip2q_s8(c, d))];
            [
                vreinterpretq_s8_s16(vzip1q_s16(low[0], low[1])),
                vreinterpretq_s8_s16(vzip2q_s16(low[0], low[1])),
                vreinterpretq_s8_s16(vzip1q_s16(high[0], high[1])),
                vreinterpretq_s8_s16(vzip2q_s16(high[0], high[1])),
            ]
        }
    }

    #[inline(always)]
    fn add_taps(self, mut sums: [int32x4_t; 4], x: [int8x16_t; 4], w: [int8x16_t; 4]) -> [int32x4_t; 4] {
        for i in 0..4 {
            // SAFETY: the token, and everything here is inlined into `call`'s function.
            sums[i] = unsafe { add::<DOT>(sums[i], w[i], x[i]) };
        }
        sums
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        let p = scale.as_ptr().cast::<i32>();
        // SAFETY: NEON, and there are four times four multipliers of two numbers.
        unsafe {
            let none = vdupq_n_s32(0);
            let (mut mantissa, mut left, mut bad) = ([none; 4], [none; 4], none);
            for i in 0..4 {
                let int32x4x2_t(m, exponent) = vld2q_s32(p.add(8 * i));
                mantissa[i] = m;
                left[i] = vaddq_s32(exponent, vdupq_n_s32(1));
                // Negative where something is out of range: a mantissa, right - 1, 31 - right.
                let right = vsubq_s32(vdupq_n_s32(-1), exponent);
                let below = vsubq_s32(vdupq_n_s32(30), right);
                bad = vorrq_s32(bad, vorrq_s32(m, vorrq_s32(right, below)));
            }
            let twice_mask = vdupq_n_s32(-i32::from(twice));
            (Scale { mantissa, left, twice: twice_mask, is_twice: twice }, vminvq_s32(bad) >= 0)
        }
    }

    #[inline(always)]
    fn halves(self, mut sums: [int32x4_t; 4], scale: &Scale) -> [int32x4_t; 4] {
        for i in 0..4 {
            // SAFETY: NEON.
            sums[i] = unsafe {
                let high = match scale.is_twice {
                    true => vqrdmulhq_s32(sums[i], scale.mantissa[i]),
                    false => vqdmulhq_s32(sums[i], scale.mantissa[i]),
                };
                let negative = vandq_s32(vshrq_n_s32::<31>(high), scale.twice);
                vshlq_s32(vaddq_s32(high, negative), scale.left[i])
            };
        }
        sums
    }

    #[inline(always)]
    unsafe fn output(self, halves: [int32x4_t; 4], clamp: Clamp, to: *mut i8, count: usize) {
        let mut bytes = [0_i8; LANES];
        // SAFETY: NEON; sixteen bytes can be written to `bytes`, and `count` at `to`, which is no more than `bytes` has.
        unsafe {
            // Beyond the range of bytes also with the zero point.
            let zero = vdupq_n_s16(2 * i16::from(clamp.zero) + 1);
            let low = vqmovn_high_s32(vqmovn_s32(halves[0]), halves[1]);
            let high = vqmovn_high_s32(vqmovn_s32(halves[2]), halves[3]);
            let low = vshrq_n_s16::<1>(vqaddq_s16(low, zero));
            let high = vshrq_n_s16::<1>(vqaddq_s16(high, zero));
            let y = vqmovn_high_s16(vqmovn_s16(low), high);
            let y = vminq_s8(vmaxq_s8(y, vdupq_n_s8(clamp.least)), vdupq_n_s8(clamp.most));
            if count == LANES {
                return vst1q_s8(to, y);
            }
            vst1q_s8(bytes.as_mut_ptr(), y);
            to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(LANES));
        }
    }
}
