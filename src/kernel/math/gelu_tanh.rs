//! The Gaussian error linear unit, approximated by a hyperbolic tangent (D. Hendrycks and K. Gimpel, "Gaussian Error Linear
//! Units", 2016, section 2), as in GPT-2:
//!
//! ```text
//! y  = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
//!    = x sigmoid(w),  w = x (A + B x^2),  A = 2 sqrt(2/pi),  B = 0.044715 A
//! y' = sigmoid(w) + x w' z / (1 + z)^2,  w' = A + 3 B x^2,  z = exp(-|w|)
//! ```
//!
//! because (1 + tanh u) / 2 = sigmoid(2 u), whose derivative is an even function. Nothing cancels where the result is close to
//! zero. There a rounding of `w` counts |w| times, up to 88.

use super::sigmoid::{exp_minus_magnitude, sigmoid};
use crate::simd::Simd;

const A: f32 = 1.595_769_2;
const B: f32 = 0.071_354_814;

/// From this on the logistic function of `w` is zero or one.
const HIGHEST: f32 = 15.0;

/// `x` times the approximated probability that a normally distributed number is below `x`: zero for minus infinity.
#[inline(always)]
pub(crate) fn gelu_tanh<S: Simd>(s: S, x: S::V) -> S::V {
    // Limit `x` to a finite number, because infinity times zero is NaN. `max` returns its second argument if that is NaN.
    s.mul(s.max(s.splat(-HIGHEST), x), sigmoid(s, argument(s, x)))
}

/// The derivative of [`gelu_tanh`]: zero for minus infinity, one for infinity.
#[inline(always)]
pub(crate) fn gelu_tanh_derivative<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.copysign(s.min(s.splat(HIGHEST), s.abs(x)), x);
    let (one, w) = (s.splat(1.0), argument(s, x));
    let z = exp_minus_magnitude(s, w);
    let q = s.div(one, s.add(one, z));
    let steepness = s.mul(x, s.mul_add(s.mul(x, x), s.splat(3.0 * B), s.splat(A)));
    let y = s.mul(q, s.select_gt(w, s.splat(0.0), one, z));
    s.mul_add(steepness, s.mul(z, s.mul(q, q)), y)
}

/// `w`.
#[inline(always)]
fn argument<S: Simd>(s: S, x: S::V) -> S::V {
    s.mul(x, s.mul_add(s.mul(x, x), s.splat(B), s.splat(A)))
}
