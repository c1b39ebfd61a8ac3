//! The normal cumulative distribution function, and from it the Gaussian error linear unit, GELU (D. Hendrycks and K.
//! Gimpel, "Gaussian Error Linear Units", 2016), exact and not approximated by tanh.
//!
//! ```text
//! gelu(x) = x cdf(x),  gelu'(x) = cdf(x) + x exp(-x^2 / 2) / sqrt(2 pi)
//! cdf(-a) = exp(-a^2 / 2) R(a),  R(a) = P(a) / Q(a),  a = |x|;  cdf(a) = 1 - cdf(-a)
//! ```
//!
//! R is Mills' ratio up to a factor: smooth, decreasing from one half like 1 / a. P and Q have degrees four and five.
//! All coefficients are positive, so nothing cancels; rounded in the best of thirty orders, they leave a relative
//! error of 2^-26.8.
//!
//! Rounding `a^2` would add an error of `a^2 / 2` ulp to the exponential. So `a = h + l`, where `h` is a multiple of
//! 2^-8 with an exact square, and `a^2 / 2 = h^2 / 2 + l (a + h) / 2` enters the exponential in two parts (the idea
//! is that of `erf` in fdlibm).

use super::exp::{exp_of_rest, nearest, rest};
use super::polynomial;
use crate::simd::Simd;

const P: [f32; 5] = [0.5, 0.438_599_44, 0.183_434_23, 0.040_692_57, 0.004_122_794_6];
const Q: [f32; 6] = [1.0, 1.675_083_8, 1.203_387_7, 0.469_989_18, 0.102_007_39, 0.010_334_199];

/// From this on the exponential is zero; the end of the range of P / Q.
const HIGHEST: f32 = 15.0;
/// Adding and subtracting it rounds to a multiple of 2^-8.
const ROUND: f32 = 49_152.0; // 1.5 * 2^15

/// `x` times the probability that a normally distributed number is below `x`: zero for minus infinity.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::V) -> S::V {
    let a = magnitude(s, x);
    // Limit `x` to a finite number, because infinity times zero is NaN.
    s.mul(s.max(s.splat(-HIGHEST), x), cdf(s, x, a, exp_minus_half_square(s, a)))
}

/// The derivative of [`gelu`]: zero for minus infinity, one for infinity.
#[inline(always)]
pub(crate) fn gelu_derivative<S: Simd>(s: S, x: S::V) -> S::V {
    const DENSITY: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
    let a = magnitude(s, x);
    let e = exp_minus_half_square(s, a);
    s.mul_add(s.mul(s.copysign(a, x), s.splat(DENSITY)), e, cdf(s, x, a, e))
}

/// `|x|`, at most [`HIGHEST`].
#[inline(always)]
fn magnitude<S: Simd>(s: S, x: S::V) -> S::V {
    // `min` returns its second argument if that is NaN.
    s.min(s.splat(HIGHEST), s.abs(x))
}

/// `exp(-a^2 / 2)`.
#[inline(always)]
fn exp_minus_half_square<S: Simd>(s: S, a: S::V) -> S::V {
    let minus_half = |x| s.mul(x, s.splat(-0.5));
    let h = s.sub(s.add(a, s.splat(ROUND)), s.splat(ROUND));
    let l = s.sub(a, h);
    let shifted = nearest(s, minus_half(s.mul(a, a)));
    let r = rest(s, minus_half(s.mul(h, h)), shifted);
    exp_of_rest(s, s.mul_add(minus_half(l), s.add(a, h), r), shifted)
}

/// The probability of a number below `x`, given its magnitude and `exp(-x^2 / 2)`.
#[inline(always)]
fn cdf<S: Simd>(s: S, x: S::V, a: S::V, e: S::V) -> S::V {
    let tail = s.div(s.mul(e, polynomial(s, a, &P)), polynomial(s, a, &Q));
    s.select_gt(x, s.splat(0.0), s.sub(s.splat(1.0), tail), tail)
}

/// The probability that a normally distributed number is below `x`.
#[cfg(test)]
#[inline(always)]
pub(super) fn normal_cdf<S: Simd>(s: S, x: S::V) -> S::V {
    let a = magnitude(s, x);
    cdf(s, x, a, exp_minus_half_square(s, a))
}
