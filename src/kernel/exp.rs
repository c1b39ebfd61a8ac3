//! The exponential, vectorised: the same polynomial on every instruction set, so the same bits within a class.
//!
//! ```text
//! exp(x) = 2^n exp(r),  n = round(x / ln 2),  r = x - n ln 2,  |r| <= ln 2 / 2
//! ```
//!
//! `ln 2` is split in two, the upper part short enough for `n` times it to be exact (W. J. Cody and W. Waite, "Software
//! Manual for the Elementary Functions", 1980, chapter 6). The polynomial is Cephes' `expf`'s (S. Moshier).

use crate::simd::Simd;

/// Adding it rounds to a whole number and leaves that number in the low bits.
const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
const COEFFICIENTS: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// Below it the exponential is no longer a normal number: it becomes that of this, 2^-126.
const LOWEST: f32 = -87.336_54;
/// Above it the exponential leaves the finite range; it stays that of this.
const HIGHEST: f32 = 88.376_26;

/// `exp(x)` in every lane, within 2 units in the last place where `x` lies between -87.3 and 88.3, as
/// the value at the nearer of them beyond; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // `max` and the minimum made of it keep a NaN that comes second.
    let minus = |x| s.sub(s.splat(0.0), x);
    let x = s.max(s.splat(LOWEST), x);
    let x = minus(s.max(s.splat(-HIGHEST), minus(x)));
    let shifted = s.mul_add(x, s.splat(core::f32::consts::LOG2_E), s.splat(ROUND));
    let n = s.sub(shifted, s.splat(ROUND));
    let r = s.neg_mul_add(n, s.splat(LN2_HIGH), x);
    let r = s.neg_mul_add(n, s.splat(LN2_LOW), r);
    let mut p = s.splat(COEFFICIENTS[0]);
    for &coefficient in &COEFFICIENTS[1..] {
        p = s.mul_add(p, r, s.splat(coefficient));
    }
    let p = s.add(s.mul_add(s.mul(r, r), p, r), s.splat(1.0));
    // A NaN's bits do not survive the scaling; x - x is zero for every other x that the clamps let through.
    s.add(s.scale_by_power_of_two(p, shifted), s.sub(x, x))
}
