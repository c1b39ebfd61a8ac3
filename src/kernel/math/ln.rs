//! Logarithms.
//!
//! ```text
//! x = m 2^n,  n = round(log2 x),  so 1/sqrt 2 <= m < sqrt 2
//! ln x = n ln 2 + ln(1 + f),  f = m - 1
//! ln(1 + f) = f - f^2 / 2 + f^3 P(f)
//! ```
//!
//! `n` is the exponent of `sqrt(2) x`. Its product with the upper part of `ln 2` is exact, and so is `f`, so the
//! relative error is small also next to one, where `n` is zero. The first terms are as in Cephes' `logf` (S.
//! Moshier); P has degree seven and leaves a relative error of 2^-27.3. Subnormal numbers are first scaled to normal
//! ones.
//!
//! ```text
//! ln(1 + z) = 2 artanh(t / 2) = t + t w A(w),  t = z / (1 + z / 2),  w = t^2,  0 <= z <= 1
//! ```
//!
//! A has degree three and leaves a relative error of 2^-27.7. The sum `1 + z` would lose the low bits of `z`; `t`
//! keeps them.

use super::exp::{LN2_HIGH, LN2_LOW};
use super::polynomial;
use crate::simd::Simd;

const P: [f32; 8] = [
    0.333_333_3,
    -0.250_008_2,
    0.200_012_42,
    -0.166_234_1,
    0.142_015_86,
    -0.131_595_98,
    0.127_621_43,
    -0.076_363_62,
];
const A: [f32; 4] = [0.083_333_02, 0.012_506_699, 0.002_187_735_6, 0.000_547_009_46];

/// 1.5 * 2^23: subtracting an integer from it leaves the negated integer in the low bits, as `scale_by_power_of_two`
/// needs.
const ROUND: f32 = 12_582_912.0;
/// Scales every subnormal number to a normal one.
const UP: f32 = 33_554_432.0; // 2^25

/// The natural logarithm: minus infinity for zero, NaN for negative numbers.
#[inline(always)]
pub(crate) fn ln<S: Simd>(s: S, x: S::V) -> S::V {
    let least = s.splat(f32::MIN_POSITIVE);
    let normal = s.select_gt(least, x, s.mul(x, s.splat(UP)), x);
    let n = s.exponent(s.mul(normal, s.splat(core::f32::consts::SQRT_2)));
    let m = s.scale_by_power_of_two(normal, s.sub(s.splat(ROUND), n));
    let n = s.select_gt(least, x, s.sub(n, s.splat(25.0)), n);

    let f = s.sub(m, s.splat(1.0));
    let square = s.mul(f, f);
    let y = s.mul(s.mul(square, f), polynomial(s, f, &P));
    let y = s.mul_add(n, s.splat(LN2_LOW), y);
    let y = s.neg_mul_add(square, s.splat(0.5), y);
    let y = s.mul_add(n, s.splat(LN2_HIGH), s.add(f, y));

    let zero = s.splat(0.0);
    let y = s.select_gt(x, zero, y, s.select_gt(zero, x, s.splat(f32::NAN), s.splat(f32::NEG_INFINITY)));
    // The results for infinity and NaN are the arguments themselves.
    s.select_gt(s.splat(f32::INFINITY), x, y, x)
}

/// `ln(1 + z)` for `z` from 0 to 1.
#[inline(always)]
pub(crate) fn ln_one_plus<S: Simd>(s: S, z: S::V) -> S::V {
    let t = s.div(z, s.mul_add(z, s.splat(0.5), s.splat(1.0)));
    let w = s.mul(t, t);
    s.mul_add(s.mul(t, w), polynomial(s, w, &A), t)
}
