//! Losses that compare each number with a target: the sum and the gradient in one pass.

use super::elementwise::sixteens;
use super::math;
use crate::simd::{Lanes16, Pass, Simd};

/// A loss of one number.
pub(crate) trait Pointwise: Copy {
    /// An output whose loss for target 0 is zero.
    const NOTHING: f32 = 0.0;

    /// The loss of `y` for `target`.
    fn value<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V;

    /// The loss's derivative with respect to `y`.
    fn slope<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V;
}

/// Returns the sum of the losses; overwrites `dys` with `scale` times their derivatives. Stops at the end of the
/// shortest slice.
pub(crate) struct LossPass<'a, P> {
    pub(crate) loss: P,
    pub(crate) ys: &'a [f32],
    pub(crate) targets: &'a [f32],
    pub(crate) scale: f32,
    pub(crate) dys: &'a mut [f32],
    /// Virtual lanes to which the sum is added: zeros, or those of the preceding numbers, if these were a multiple of
    /// sixteen.
    pub(crate) sums: &'a mut [f32; 16],
}

impl<P: Pointwise> Pass for LossPass<'_, P> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let Self { loss, ys, targets, scale, dys, sums } = self;
        // SAFETY: sixteen numbers.
        let mut sum = unsafe { Lanes16::load(s, sums.as_ptr(), 16, 0.0) };
        for (start, lanes) in sixteens(ys.len().min(targets.len()).min(dys.len())) {
            // SAFETY: the `lanes` numbers from `start` on are inside each slice.
            unsafe {
                let mut y = Lanes16::load(s, ys.as_ptr().wrapping_add(start), lanes, P::NOTHING);
                let mut target = Lanes16::load(s, targets.as_ptr().wrapping_add(start), lanes, 0.0);
                // Overwrites `y` with the derivative, and `target` with the loss.
                for (y, target) in y.registers().iter_mut().zip(target.registers()) {
                    let value = loss.value(s, *y, *target);
                    *y = s.mul(loss.slope(s, *y, *target), s.splat(scale));
                    *target = value;
                }
                y.store(s, dys.as_mut_ptr().wrapping_add(start), lanes);
                sum = sum.zip(target, |sum, value| s.add(sum, value));
            }
        }
        // SAFETY: sixteen numbers.
        unsafe { sum.store(s, sums.as_mut_ptr(), 16) };
        sum.sum(s)
    }
}

/// The squared error: e^2, where e = y - target.
#[derive(Clone, Copy)]
pub(crate) struct SquaredLoss;

impl Pointwise for SquaredLoss {
    #[inline(always)]
    fn value<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V {
        let e = s.sub(y, target);
        s.mul(e, e)
    }

    #[inline(always)]
    fn slope<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V {
        let e = s.sub(y, target);
        s.add(e, e)
    }
}

/// Huber loss: e^2 / 2 up to |e| = delta, delta (|e| - delta / 2) beyond: c (|e| - c / 2) with c = min(|e|, delta).
#[derive(Clone, Copy)]
pub(crate) struct HuberLoss {
    pub(crate) delta: f32,
}

impl Pointwise for HuberLoss {
    #[inline(always)]
    fn value<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V {
        let e = s.abs(s.sub(y, target));
        let delta = s.splat(self.delta);
        let c = s.select_gt(e, delta, delta, e);
        s.mul(c, s.neg_mul_add(c, s.splat(0.5), e))
    }

    #[inline(always)]
    fn slope<S: Simd>(self, s: S, y: S::V, target: S::V) -> S::V {
        let e = s.sub(y, target);
        let delta = s.splat(self.delta);
        s.select_gt(s.abs(e), delta, s.copysign(delta, e), e)
    }
}

/// Binary cross-entropy with logits: w t softplus(-z) + (1 - t) softplus(z), with the derivative
/// (1 - t) sigmoid(z) - w t sigmoid(-z).
#[derive(Clone, Copy)]
pub(crate) struct LogisticLoss {
    pub(crate) positive_weight: f32,
}

impl Pointwise for LogisticLoss {
    const NOTHING: f32 = -200.0;

    #[inline(always)]
    fn value<S: Simd>(self, s: S, z: S::V, target: S::V) -> S::V {
        let yes = s.mul(target, s.splat(self.positive_weight));
        let no = s.sub(s.splat(1.0), target);
        let minus_z = s.sub(s.splat(0.0), z);
        let cost_of_yes = unless_uncounted(s, yes, math::softplus(s, minus_z));
        let cost_of_no = unless_uncounted(s, no, math::softplus(s, z));
        s.mul_add(yes, cost_of_yes, s.mul(no, cost_of_no))
    }

    #[inline(always)]
    fn slope<S: Simd>(self, s: S, z: S::V, target: S::V) -> S::V {
        let yes = s.mul(target, s.splat(self.positive_weight));
        let no = s.sub(s.splat(1.0), target);
        let minus_z = s.sub(s.splat(0.0), z);
        s.neg_mul_add(yes, math::sigmoid(s, minus_z), s.mul(no, math::sigmoid(s, z)))
    }
}

/// `cost`, which is not negative, limited to a finite number where its factor is zero: an infinite logit may be
/// correct, and zero times infinity is NaN. NaN stays NaN.
#[inline(always)]
fn unless_uncounted<S: Simd>(s: S, factor: S::V, cost: S::V) -> S::V {
    // `min` returns its second argument if that is NaN.
    s.select_gt(factor, s.splat(0.0), cost, s.min(s.splat(f32::MAX), cost))
}
