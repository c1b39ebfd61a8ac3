//! The hyperbolic tangent, the logistic function and its integral, softplus.
//!
//! ```text
//! |tanh x| = |t / (t + 2)|,  t = exp(2 x) - 1 = 2^n p + (2^n - 1),  p = exp(r) - 1
//! sigmoid(x) = 1 / (1 + z) where x > 0, else z / (1 + z),  z = exp(-|x|)
//! softplus(x) = ln(1 + exp(x)) = max(0, x) + ln(1 + z)
//! ```
//!
//! Nothing overflows or cancels: `2^n - 1` is exact, and `p` accurate where it is small; `z` is at most one. So the
//! relative error is small everywhere, also next to zero (tanh) and where the result is close to zero (sigmoid and
//! softplus of very negative numbers). sigmoid is the derivative of softplus.
//!
//! The signs of `x` and the result are handled separately, so that `t` can have the sign that rounds better: if `t`
//! is small, t + 2 has half the rounding error just below two than just above.

use super::exp::{exp_minus_one_of_rest, exp_not_above, nearest, rest};
use super::ln::ln_one_plus;
use crate::simd::Simd;

/// Twice a number above which the hyperbolic tangent is one.
const TWICE_HIGHEST: f32 = 20.0;

/// Twice a number below which `t` is negative.
pub(crate) const TWICE_SMALL: f32 = 0.35;

/// The hyperbolic tangent. Exactly odd.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    let magnitude = s.abs(x);
    let twice = s.min(s.splat(TWICE_HIGHEST), s.add(magnitude, magnitude));
    let twice = s.select_gt(s.splat(TWICE_SMALL), twice, s.copysign(twice, s.splat(-1.0)), twice);
    let shifted = nearest(s, twice);
    let p = exp_minus_one_of_rest(s, rest(s, twice, shifted));
    let one = s.splat(1.0);
    let power = s.scale_by_power_of_two(one, shifted);
    let t = s.mul_add(power, p, s.sub(power, one));
    s.copysign(s.div(t, s.add(t, s.splat(2.0))), x)
}

/// `1 / (1 + e^-x)`, the logistic function.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let z = exp_minus_magnitude(s, x);
    let one = s.splat(1.0);
    s.div(s.select_gt(x, s.splat(0.0), one, z), s.add(one, z))
}

/// `ln(1 + e^x)`.
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::V) -> S::V {
    s.add(s.max(x, s.splat(0.0)), ln_one_plus(s, exp_minus_magnitude(s, x)))
}

/// `e^-|x|`.
#[inline(always)]
pub(super) fn exp_minus_magnitude<S: Simd>(s: S, x: S::V) -> S::V {
    exp_not_above(s, s.copysign(x, s.splat(-1.0)))
}
