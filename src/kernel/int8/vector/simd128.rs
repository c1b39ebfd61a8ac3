//! simd128 of wasm: four lanes; bytes are widened to 16 bits before they are multiplied.
//!
//! There is no shift by lane, so the last step of scaling is a multiplication by a power of two, of which the upper half is kept:
//!
//! ```text
//! floor(high / 2^(right - 1)) = floor(high 2^(31 - right) / 2^30)
//! ```
//!
//! A module with instructions that an engine lacks is refused as a whole, so a build has them or not, and nothing is detected.

use super::rows::LANES;
use super::words::{Words, Work};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use core::arch::wasm32::*;

/// The instructions, which the whole build is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Simd128;

/// Bytes 0 and 2 of each word, and 1 and 3, widened.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    even: v128,
    odd: v128,
}

#[inline(always)]
fn widened(x: v128) -> Wide {
    Wide { even: i16x8_shr(i16x8_shl(x, 8), 8), odd: i16x8_shr(x, 8) }
}

/// See [`Words::halves`].
#[derive(Clone, Copy)]
pub(super) struct Scale {
    mantissa: [v128; 4],
    /// 2^(31 - `right`).
    power: [v128; 4],
    /// 2^30 if sums are rounded twice.
    half: v128,
    /// Which lanes are rounded twice: all or none.
    twice: v128,
}

/// Sixteen bytes, or four numbers, at each.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn four<T>(at: [*const T; 4]) -> [v128; 4] {
    // SAFETY: this function's contract; loads need not be aligned.
    at.map(|at| unsafe { v128_load(at.cast()) })
}

/// The upper halves of four numbers of 64 bits.
#[inline(always)]
fn upper(low: v128, high: v128) -> v128 {
    i32x4_shuffle::<1, 3, 5, 7>(low, high)
}

impl Words for Simd128 {
    type Sums = [v128; 4];
    type Weights = [Wide; 4];
    type Inputs = Wide;
    type Taps = [Wide; 4];
    type Scale = Scale;
    const OFFSET: i32 = 0;
    const STRIP: usize = 4;

    #[inline(always)]
    fn call<W: Work>(self, work: W) {
        #[inline(never)]
        fn run<W: Work>(work: W) {
            work.run(Simd128);
        }
        run(work);
    }

    #[inline(always)]
    fn load(self, sums: &[i32; LANES]) -> [v128; 4] {
        let p = sums.as_ptr();
        // SAFETY: there are four times four.
        unsafe { four([p, p.add(4), p.add(8), p.add(12)]) }
    }

    #[inline(always)]
    fn store(self, sums: [v128; 4], to: &mut [i32; LANES]) {
        for i in 0..4 {
            // SAFETY: there are four times four; stores need not be aligned.
            unsafe { v128_store(to.as_mut_ptr().add(4 * i).cast(), sums[i]) };
        }
    }

    #[inline(always)]
    fn plus(self, sums: [v128; 4], x: i32) -> [v128; 4] {
        sums.map(|sum| i32x4_add(sum, i32x4_splat(x)))
    }

    #[inline(always)]
    unsafe fn weights(self, tiles: [*const i8; 4]) -> [Wide; 4] {
        // SAFETY: a tile, sixteen bytes, can be read at each.
        unsafe { four(tiles) }.map(widened)
    }

    #[inline(always)]
    unsafe fn inputs(self, x: *const i8) -> Wide {
        // SAFETY: a word, four bytes, can be read at `x`.
        widened(unsafe { v128_load32_splat(x.cast()) })
    }

    #[inline(always)]
    fn add(self, sums: [v128; 4], w: [Wide; 4], x: Wide) -> [v128; 4] {
        self.add_taps(sums, [x; 4], w)
    }

    #[inline(always)]
    unsafe fn taps(self, taps: [*const i8; 4]) -> [Wide; 4] {
        // SAFETY: sixteen bytes can be read at each.
        let [a, b, c, d] = unsafe { four(taps) };
        // Taps 0 and 2, and 1 and 3, of the first eight channels and of the others: as bytes of a word would be widened.
        let low = |x| i16x8_extend_low_i8x16(x);
        let high = |x| i16x8_extend_high_i8x16(x);
        let zip_low = |a, b| i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
        let zip_high = |a, b| i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b);
        [
            Wide { even: zip_low(low(a), low(c)), odd: zip_low(low(b), low(d)) },
            Wide { even: zip_high(low(a), low(c)), odd: zip_high(low(b), low(d)) },
            Wide { even: zip_low(high(a), high(c)), odd: zip_low(high(b), high(d)) },
            Wide { even: zip_high(high(a), high(c)), odd: zip_high(high(b), high(d)) },
        ]
    }

    #[inline(always)]
    fn add_taps(self, mut sums: [v128; 4], x: [Wide; 4], w: [Wide; 4]) -> [v128; 4] {
        for i in 0..4 {
            // Two products make no more than 2^15.
            let even = i32x4_add(sums[i], i32x4_dot_i16x8(w[i].even, x[i].even));
            sums[i] = i32x4_add(even, i32x4_dot_i16x8(w[i].odd, x[i].odd));
        }
        sums
    }

    #[inline(always)]
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Scale, bool) {
        let p = scale.as_ptr();
        let none = i32x4_splat(0);
        let (mut mantissa, mut power, mut bad) = ([none; 4], [none; 4], none);
        for i in 0..4 {
            // SAFETY: there are four times four multipliers, of two numbers each.
            let (a, b) = unsafe { (v128_load(p.add(4 * i).cast()), v128_load(p.add(4 * i + 2).cast())) };
            mantissa[i] = i32x4_shuffle::<0, 2, 4, 6>(a, b);
            // Negative where something is out of range: a mantissa, 31 - right, right - 1.
            let below = i32x4_add(i32x4_shuffle::<1, 3, 5, 7>(a, b), i32x4_splat(31));
            let right = i32x4_sub(i32x4_splat(30), below);
            bad = v128_or(bad, v128_or(mantissa[i], v128_or(below, right)));
            // The `f32` with this exponent.
            power[i] = i32x4_trunc_sat_f32x4(i32x4_shl(i32x4_add(below, i32x4_splat(127)), 23));
        }
        let half = i64x2_splat(i64::from(twice) << 30);
        let scale = Scale { mantissa, power, half, twice: i32x4_splat(-i32::from(twice)) };
        (scale, i32x4_bitmask(bad) == 0)
    }

    #[inline(always)]
    fn halves(self, mut sums: [v128; 4], scale: &Scale) -> [v128; 4] {
        for i in 0..4 {
            let low = i64x2_add(i64x2_extmul_low_i32x4(sums[i], scale.mantissa[i]), scale.half);
            let high = i64x2_add(i64x2_extmul_high_i32x4(sums[i], scale.mantissa[i]), scale.half);
            let high = upper(i64x2_add(low, low), i64x2_add(high, high));
            let high = i32x4_add(high, v128_and(i32x4_shr(high, 31), scale.twice));
            let low = i64x2_shl(i64x2_extmul_low_i32x4(high, scale.power[i]), 2);
            let high = i64x2_shl(i64x2_extmul_high_i32x4(high, scale.power[i]), 2);
            sums[i] = upper(low, high);
        }
        sums
    }

    #[inline(always)]
    unsafe fn output(self, halves: [v128; 4], clamp: Clamp, to: *mut i8, count: usize) {
        // Beyond the range of bytes also with the zero point.
        let zero = i16x8_splat(2 * i16::from(clamp.zero) + 1);
        let low = i16x8_add_sat(i16x8_narrow_i32x4(halves[0], halves[1]), zero);
        let high = i16x8_add_sat(i16x8_narrow_i32x4(halves[2], halves[3]), zero);
        let y = i8x16_narrow_i16x8(i16x8_shr(low, 1), i16x8_shr(high, 1));
        let y = i8x16_min(i8x16_max(y, i8x16_splat(clamp.least)), i8x16_splat(clamp.most));
        // SAFETY: sixteen bytes can be written to `bytes`, and `count` at `to`, which is no more than `bytes` has.
        unsafe {
            if count == LANES {
                return v128_store(to.cast(), y);
            }
            let mut bytes = [0_i8; LANES];
            v128_store(bytes.as_mut_ptr().cast(), y);
            to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(LANES));
        }
    }
}
