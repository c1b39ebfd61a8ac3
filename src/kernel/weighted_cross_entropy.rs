//! Cross-entropy with a weight for each class and smoothed labels; see
//! [`WeightedCrossEntropy`](crate::WeightedCrossEntropy) for the formulas. Row by row: what it costs beside
//! [`super::cross_entropy`] is the price of a rarer wish.

use super::softmax::exponentials;
use super::{rows, rows_mut};
use crate::Label;
use crate::simd::{Pass, Simd};

/// Returns `before` and the weighted losses of `logits`, rows as long as `weights`, against the `labels`, added in order;
/// `gradients`, of the same shape, is overwritten with `scale` times their gradient.
pub(crate) struct WeightedCrossEntropyPass<'a, T> {
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [T],
    /// One for each class.
    pub(crate) weights: &'a [f32],
    pub(crate) smoothing: f32,
    /// One over the weights of all labels of the batch.
    pub(crate) scale: f32,
    pub(crate) before: f32,
    pub(crate) gradients: &'a mut [f32],
}

impl<T: Label> Pass for WeightedCrossEntropyPass<'_, T> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let Self { logits, labels, weights, smoothing, scale, before, gradients } = self;
        let classes = weights.len();
        if classes == 0 {
            return before;
        }
        let spread = smoothing / classes as f32;
        let sum_of_weights: f32 = weights.iter().sum();
        let mut total = before;
        let rows = rows(logits, classes).zip(rows_mut(gradients, classes));
        for ((logits, gradients), &label) in rows.zip(labels) {
            // SAFETY: both rows are of `classes` numbers.
            let (largest, sum) = unsafe { exponentials(s, logits.as_ptr(), gradients.as_mut_ptr(), classes) };
            let (on_label, ln_sum) = ((1.0 - smoothing) * weight_of(weights, label), libm::logf(sum));
            let on_p = scale * (on_label + spread * sum_of_weights) / sum;
            let mut smooth = sum_of_weights * ln_sum;
            for ((gradient, &logit), &weight) in gradients.iter_mut().zip(logits).zip(weights) {
                *gradient = on_p * *gradient - scale * spread * weight;
                smooth += weight * (largest - logit);
            }
            let label = label.class();
            if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                *gradient -= scale * on_label;
                total += on_label * (ln_sum + (largest - logit)) + spread * smooth;
            }
        }
        total
    }
}

/// What the class `label` counts for; a label that is no class for nothing.
pub(crate) fn weight_of(weights: &[f32], label: impl Label) -> f32 {
    weights.get(label.class()).copied().unwrap_or(0.0)
}
