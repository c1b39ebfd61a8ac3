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

use super::elementwise::for_each_sixteen;
use super::softmax::exponentials;
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
            gradients.copy_from_slice(logits);
            let (largest, sum) = exponentials(s, gradients);
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
            gradients.copy_from_slice(logits);
            let (largest, sum) = exponentials(s, gradients);
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
