//! The rules, each for a vector of parameters; see the optimisers of [`train`](crate::train) for their sources.

use super::{MOST_MOMENTS, Rule};
use crate::simd::Simd;

/// Gradient descent: `w = w - rate g`.
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
        let velocity = s.mul_add(momentum, moments[0], gradient);
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
        let m = s.mul_add(s.splat(self.news[0]), s.sub(gradient, m), m);
        let v = s.mul_add(s.splat(self.news[1]), s.sub(s.mul(gradient, gradient), v), v);
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
        let v = moments[0];
        let v = s.mul_add(s.splat(self.news), s.sub(s.mul(gradient, gradient), v), v);
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
        self.rule.apply(s, gradient, s.mul(weight, s.splat(self.factor)), moments)
    }
}

/// A rule on gradients clipped by value: brought between `-limit` and `limit`; NaN stays.
#[derive(Clone, Copy, Debug)]
pub struct ClipByValue<R> {
    pub(crate) rule: R,
    pub(crate) limit: f32,
}

impl<R: Rule> Rule for ClipByValue<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        // A NaN that comes second stays.
        let gradient = s.min(s.splat(self.limit), s.max(s.splat(-self.limit), gradient));
        self.rule.apply(s, gradient, weight, moments)
    }
}
