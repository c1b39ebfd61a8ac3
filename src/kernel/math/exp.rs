//! The exponential.
//!
//! ```text
//! exp(x) = 2^n exp(r),  n = round(x / ln 2),  r = x - n ln 2,  |r| <= ln 2 / 2
//! exp(r) = 1 + r + r^2 Q(r)
//! ```
//!
//! `ln 2` is split in two, with the upper part short enough for `n` times it to be exact (W. J. Cody and W. Waite,
//! "Software Manual for the Elementary Functions", 1980, chapter 6). Q has degree four and leaves a relative error of
//! 2^-28.2. The steps are separate functions, because other functions insert operations between them.

use super::polynomial;
use crate::simd::Simd;

/// Adding it rounds to an integer and leaves that integer in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
pub(crate) const LN2_HIGH: f32 = 0.693_359_4;
pub(crate) const LN2_LOW: f32 = -2.121_944_4e-4;
pub(crate) const Q: [f32; 5] = [0.499_999_94, 0.166_665_21, 0.041_668_255, 0.008_368_663, 0.001_382_147];

/// Below this the exponential is zero.
const LOWEST: f32 = -104.0;
/// Above this it is infinite.
const HIGHEST: f32 = 89.0;

/// `e^x`: zero or infinity outside the range of `f32`.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // `min` returns its second argument if that is NaN.
    exp_not_above(s, s.min(s.splat(HIGHEST), x))
}

/// Below this [`exp_or_zero`] is zero.
const NEGLIGIBLE: f32 = -64.0;

/// `e^x` for `x` up to zero, zero below -64: for softmax, where e^-64 is negligible beside 1. Unlike [`exp`] it is
/// never subnormal, nor are its products with reasonable factors: processors take a hundred cycles or more for a
/// vector that contains a subnormal number.
#[inline(always)]
pub(crate) fn exp_or_zero<S: Simd>(s: S, x: S::V) -> S::V {
    let lowest = s.splat(NEGLIGIBLE);
    let clamped = s.max(lowest, x);
    let n = nearest(s, clamped);
    let y = s.add(exp_minus_one_of_rest(s, rest(s, clamped, n)), s.splat(1.0));
    // The scaling does not preserve NaN, so add the difference: NaN for NaN, zero for every other number.
    let y = s.add(s.scale_by_power_of_two(y, n), s.sub(clamped, clamped));
    s.select_gt(lowest, x, s.splat(0.0), y)
}

/// [`exp`] for `x` below 89.
#[inline(always)]
pub(super) fn exp_not_above<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.max(s.splat(LOWEST), x);
    let n = nearest(s, x);
    exp_of_rest(s, rest(s, x, n), n)
}

/// `n + 1.5 * 2^23`.
#[inline(always)]
pub(super) fn nearest<S: Simd>(s: S, x: S::V) -> S::V {
    s.mul_add(x, s.splat(core::f32::consts::LOG2_E), s.splat(ROUND))
}

/// `r`, given the result of [`nearest`].
#[inline(always)]
pub(super) fn rest<S: Simd>(s: S, x: S::V, shifted: S::V) -> S::V {
    let n = s.sub(shifted, s.splat(ROUND));
    let r = s.neg_mul_add(n, s.splat(LN2_HIGH), x);
    s.neg_mul_add(n, s.splat(LN2_LOW), r)
}

/// `exp(r) - 1`, accurate also where it is small.
#[inline(always)]
pub(super) fn exp_minus_one_of_rest<S: Simd>(s: S, r: S::V) -> S::V {
    s.mul_add(s.mul(r, r), polynomial(s, r, &Q), r)
}

/// `2^n exp(r)`, for `n` from -252 to 254.
#[inline(always)]
pub(super) fn exp_of_rest<S: Simd>(s: S, r: S::V, shifted: S::V) -> S::V {
    s.ldexp(s.add(exp_minus_one_of_rest(s, r), s.splat(1.0)), shifted)
}
