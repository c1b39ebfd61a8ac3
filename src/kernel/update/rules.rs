//! The rules, each for a vector of parameters; see [`optimizers`](crate::optimizers) for their sources.
//!
//! # Range
//!
//! A moment that only decays, because its gradient is zero, would stay subnormal forever: there `0.9 m` rounds back
//! to `m`. Processors take a hundred cycles or more for a vector that contains a subnormal number, so steps would
//! stay several times slower. Hence running means and decaying weights become zero below [`TINY`], and running means
//! of squares are at least [`TINY`]: in the divisor, its root is negligible beside epsilon, and if epsilon is zero
//! too, a moment of zero is not divided by zero.
//!
//! A square that overflows would leave infinity in its running mean forever. So rules with squares clip each gradient
//! to a magnitude of [`HUGE`]: then no moment overflows, and a step is no longer than for any other isolated
//! gradient. NaN stays NaN.

use super::{MOST_MOMENTS, Rule};
use crate::simd::Simd;

/// 2^-112: times a rate above 2^-14 it is a normal number, so nothing becomes subnormal on the way to zero.
const TINY: f32 = f32::from_bits((127 - 112) << 23);

/// The largest `f32` below 2^64: its square is finite.
const HUGE: f32 = f32::from_bits(((127 + 64) << 23) - 1);

/// `x`, or zero if its magnitude is below [`TINY`]; NaN stays NaN.
#[inline(always)]
fn zero_if_tiny<S: Simd>(s: S, x: S::V) -> S::V {
    s.select_gt(s.splat(TINY), s.abs(x), s.splat(0.0), x)
}

/// `x` clamped to `-limit..=limit`; NaN stays NaN.
#[inline(always)]
fn clip<S: Simd>(s: S, x: S::V, limit: f32) -> S::V {
    // `min` and `max` return their second argument if that is NaN.
    s.min(s.splat(limit), s.max(s.splat(-limit), x))
}

/// The running mean of the squares, `v + new (g^2 - v)`, at least [`TINY`]; NaN stays.
#[inline(always)]
fn mean_square<S: Simd>(s: S, v: S::V, new: f32, gradient: S::V) -> S::V {
    let v = s.mul_add(s.splat(new), s.sub(s.mul(gradient, gradient), v), v);
    // `max` returns its second argument if that is NaN.
    s.max(s.splat(TINY), v)
}

/// SGD: `w = w - rate g`.
#[derive(Clone, Copy, Debug)]
pub struct GradientDescent {
    pub(crate) rate: f32,
}

impl Rule for GradientDescent {
    const MOMENTS: usize = 0;

    fn descent(self) -> Option<f32> {
        Some(self.rate)
    }

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, _: &mut [S::V; MOST_MOMENTS]) -> S::V {
        s.neg_mul_add(gradient, s.splat(self.rate), weight)
    }
}

/// Momentum: `v = momentum v + g`, then `w = w - rate v`; Nesterov's form, `w = w - rate (g + momentum v)`.
#[derive(Clone, Copy, Debug)]
pub struct MomentumRule<const NESTEROV: bool> {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
}

impl<const NESTEROV: bool> Rule for MomentumRule<NESTEROV> {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let momentum = s.splat(self.momentum);
        let velocity = zero_if_tiny(s, s.mul_add(momentum, moments[0], gradient));
        moments[0] = velocity;
        let direction = if NESTEROV { s.mul_add(momentum, velocity, gradient) } else { velocity };
        s.neg_mul_add(direction, s.splat(self.rate), weight)
    }
}

/// Adam.
///
/// ```text
/// m = m + (1 - beta1) (g - m)        v = v + (1 - beta2) (g^2 - v)
/// w = w - rate / c1  m / (sqrt(v) / sqrt(c2) + epsilon)
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AdamRule {
    /// `rate / c1`.
    pub(crate) rate: f32,
    /// `1 - beta1`, `1 - beta2`.
    pub(crate) news: [f32; 2],
    /// `1 / sqrt(c2)`.
    pub(crate) correction: f32,
    pub(crate) epsilon: f32,
}

impl Rule for AdamRule {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let [m, v] = *moments;
        let gradient = clip(s, gradient, HUGE);
        let m = zero_if_tiny(s, s.mul_add(s.splat(self.news[0]), s.sub(gradient, m), m));
        let v = mean_square(s, v, self.news[1], gradient);
        *moments = [m, v];
        let size = s.mul_add(s.sqrt(v), s.splat(self.correction), s.splat(self.epsilon));
        s.neg_mul_add(s.div(m, size), s.splat(self.rate), weight)
    }
}

/// RMSprop: `v = v + (1 - alpha) (g^2 - v)`, `w = w - rate g / (sqrt(v) + epsilon)`.
#[derive(Clone, Copy, Debug)]
pub struct RmsPropRule {
    pub(crate) rate: f32,
    /// `1 - alpha`.
    pub(crate) news: f32,
    pub(crate) epsilon: f32,
}

impl Rule for RmsPropRule {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let gradient = clip(s, gradient, HUGE);
        let v = mean_square(s, moments[0], self.news, gradient);
        moments[0] = v;
        let size = s.add(s.sqrt(v), s.splat(self.epsilon));
        s.neg_mul_add(s.div(gradient, size), s.splat(self.rate), weight)
    }
}

/// A rule on a loss with an L2 penalty, `decay / 2 |w|^2`: `decay w` is added to the gradient.
#[derive(Clone, Copy, Debug)]
pub struct L2Penalty<R> {
    pub(crate) rule: R,
    pub(crate) decay: f32,
}

impl<R: Rule> Rule for L2Penalty<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let weight = zero_if_tiny(s, weight);
        self.rule.apply(s, s.mul_add(s.splat(self.decay), weight, gradient), weight, moments)
    }
}

/// A rule with decoupled weight decay: the parameters are multiplied by `factor` first.
#[derive(Clone, Copy, Debug)]
pub struct DecoupledDecay<R> {
    pub(crate) rule: R,
    pub(crate) factor: f32,
}

impl<R: Rule> Rule for DecoupledDecay<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        self.rule.apply(s, gradient, zero_if_tiny(s, s.mul(weight, s.splat(self.factor))), moments)
    }
}

/// A rule on gradients clipped by value, to `-limit..=limit`; NaN stays NaN.
#[derive(Clone, Copy, Debug)]
pub struct ClipByValue<R> {
    pub(crate) rule: R,
    pub(crate) limit: f32,
}

impl<R: Rule> Rule for ClipByValue<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        self.rule.apply(s, clip(s, gradient, self.limit), weight, moments)
    }
}
