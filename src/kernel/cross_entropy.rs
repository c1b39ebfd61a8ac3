//! Softmax and cross-entropy in one pass over each row of logits.
//!
//! ```text
//! p_j = exp(z_j - max z) / sum_i exp(z_i - max z)
//! loss = -ln p_t = ln(sum_i exp(z_i - max z)) + max z - z_t
//! dloss / dz_j = p_j - [j = t]
//! ```
//!
//! With the maximum taken out no exponential overflows; the loss never divides, so a sure and wrong answer costs much but
//! not infinitely much.

use super::elementwise::{for_each_sixteen, for_each_vector, zip_in_place};
use super::exp::exp;
use crate::simd::{Lanes16, Pass, Simd};

/// The sum of the losses of `logits` (`labels.len()` rows of `classes`) against the `labels`, in order; `gradients`, of
/// the same shape, is overwritten with `scale` times the gradient of each row's loss.
pub(crate) struct CrossEntropyPass<'a> {
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [u8],
    pub(crate) classes: usize,
    pub(crate) scale: f32,
    pub(crate) gradients: &'a mut [f32],
}

impl Pass for CrossEntropyPass<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut total = 0.0;
        if self.classes == 0 {
            return total;
        }
        let rows = self.logits.chunks_exact(self.classes).zip(self.gradients.chunks_exact_mut(self.classes));
        for ((logits, gradients), &label) in rows.zip(self.labels) {
            let (largest, sum) = exponentials(s, logits, gradients);
            let factor = self.scale / sum;
            for_each_sixteen(gradients.len(), |start, lanes| {
                let p = gradients.as_mut_ptr().wrapping_add(start);
                // SAFETY: the chunk lies inside the row.
                unsafe {
                    let x = Lanes16::load(s, p, lanes, 0.0).map(|x| s.mul(x, s.splat(factor)));
                    x.store(s, p, lanes);
                }
            });
            let label = usize::from(label);
            if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                *gradient -= self.scale;
                total += libm::logf(sum) + (largest - logit);
            }
        }
        total
    }
}

/// The same with a weight for each class and smoothed labels (see
/// [`WeightedCrossEntropy`](crate::WeightedCrossEntropy)); returns the weighted mean, and `gradients` is its gradient.
pub(crate) struct WeightedCrossEntropyPass<'a> {
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [u8],
    /// One for each class.
    pub(crate) weights: &'a [f32],
    pub(crate) smoothing: f32,
    pub(crate) gradients: &'a mut [f32],
}

impl Pass for WeightedCrossEntropyPass<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let Self { logits, labels, weights, smoothing, gradients } = self;
        let classes = weights.len();
        let weight_of = |label: u8| weights.get(usize::from(label)).copied().unwrap_or(0.0);
        let all: f32 = labels.iter().map(|&label| weight_of(label)).sum();
        if classes == 0 || all == 0.0 {
            gradients.fill(0.0);
            return 0.0;
        }
        let (scale, spread) = (1.0 / all, smoothing / classes as f32);
        let sum_of_weights: f32 = weights.iter().sum();
        let mut total = 0.0;
        let rows = logits.chunks_exact(classes).zip(gradients.chunks_exact_mut(classes));
        for ((logits, gradients), &label) in rows.zip(labels) {
            let (largest, sum) = exponentials(s, logits, gradients);
            let (on_label, ln_sum) = ((1.0 - smoothing) * weight_of(label), libm::logf(sum));
            let on_p = scale * (on_label + spread * sum_of_weights) / sum;
            let mut smooth = sum_of_weights * ln_sum;
            for ((gradient, &logit), &weight) in gradients.iter_mut().zip(logits).zip(weights) {
                *gradient = on_p * *gradient - scale * spread * weight;
                smooth += weight * (largest - logit);
            }
            let label = usize::from(label);
            if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                *gradient -= scale * on_label;
                total += on_label * (ln_sum + (largest - logit)) + spread * smooth;
            }
        }
        scale * total
    }
}

/// Overwrites `ys` with the softmax of each row of `classes` numbers of `xs`.
pub(crate) struct SoftmaxPass<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) classes: usize,
    pub(crate) ys: &'a mut [f32],
}

impl Pass for SoftmaxPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.classes == 0 {
            return;
        }
        let rows = self.xs.chunks_exact(self.classes).zip(self.ys.chunks_exact_mut(self.classes));
        for (x, y) in rows {
            let (_, sum) = exponentials(s, x, y);
            let factor = 1.0 / sum;
            for_each_vector::<S>(y.len(), |start, lanes| {
                let y = y.as_mut_ptr().wrapping_add(start);
                // SAFETY: the vector lies inside the row.
                unsafe { s.store_partial(y, s.mul(s.load_partial(y, lanes), s.splat(factor)), lanes) };
            });
        }
    }
}

/// Overwrites `ys`, rows of softmaxes, with `y (dy - sum y dy)`: the gradient with respect to what they are of.
pub(crate) struct SoftmaxBackward<'a> {
    pub(crate) classes: usize,
    pub(crate) dys: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.classes == 0 {
            return;
        }
        let rows = self.dys.chunks_exact(self.classes).zip(self.ys.chunks_exact_mut(self.classes));
        for (dy, y) in rows {
            let mut sum = Lanes16::splat(s, 0.0);
            for_each_sixteen(y.len(), |start, lanes| {
                // SAFETY: the chunk lies inside both rows.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().wrapping_add(start), lanes, 0.0);
                    let y = Lanes16::load(s, y.as_ptr().wrapping_add(start), lanes, 0.0);
                    sum = sum.zip(y.zip(dy, |y, dy| s.mul(y, dy)), |sum, x| s.add(sum, x));
                }
            });
            let mean = sum.sum(s);
            zip_in_place(s, dy, y, |dy, y| s.mul(y, s.sub(dy, s.splat(mean))));
        }
    }
}

/// Overwrites `out` with `exp(z - max z)`; returns the maximum and the sum.
#[inline(always)]
fn exponentials<S: Simd>(s: S, logits: &[f32], out: &mut [f32]) -> (f32, f32) {
    let mut largest = Lanes16::splat(s, f32::NEG_INFINITY);
    for_each_sixteen(logits.len(), |start, lanes| {
        // SAFETY: the chunk lies inside the row.
        let x = unsafe { Lanes16::load(s, logits.as_ptr().wrapping_add(start), lanes, f32::NEG_INFINITY) };
        largest = x.zip(largest, |x, largest| s.max(x, largest));
    });
    let largest = largest.max(s);
    let mut sum = Lanes16::splat(s, 0.0);
    for_each_sixteen(logits.len(), |start, lanes| {
        // SAFETY: the chunk lies inside the row, and inside `out`, a row of the same length. The lanes past it become
        // about 2^-126, which is nothing to a sum that holds an exp(0).
        unsafe {
            let x = Lanes16::load(s, logits.as_ptr().wrapping_add(start), lanes, f32::NEG_INFINITY);
            let e = x.map(|x| exp(s, s.sub(x, s.splat(largest))));
            e.store(s, out.as_mut_ptr().wrapping_add(start), lanes);
            sum = sum.zip(e, |sum, e| s.add(sum, e));
        }
    });
    (largest, sum.sum(s))
}
