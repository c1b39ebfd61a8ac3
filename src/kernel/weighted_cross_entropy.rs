//! Cross-entropy with class weights and label smoothing; see [`WeightedCrossEntropy`](crate::WeightedCrossEntropy)
//! for the formulas. Processes row by row, without the fast paths for few classes of [`super::cross_entropy`].
//!
//! ```text
//! d_c  = max z - z_c                              -ln a_c = ln sum + d_c,  sum = sum_c exp(-d_c)
//! l    = (1 - s) w_t (ln sum + d_t) + s / C sum_c w_c ln sum + sum_c (s / C w_c) d_c
//! ```
//!
//! A class may be disabled by a logit of minus infinity, or by one so far below the largest that the difference
//! overflows: `d_c` is infinite. If the class has a non-zero factor, so is the loss. If its factor is zero, the class
//! must be skipped, because zero times infinity is NaN. A row whose logits have no softmax (NaN, or infinity as the
//! largest) has NaN for `ln sum`, which stays in the loss.
//!
//! Distances are halved: the distance of two finite logits may overflow, half of it cannot, and times a small factor
//! the loss is finite. Halving is exact, so ordinary losses have the same bits as without it.

use super::softmax::exponentials;
use super::{rows, rows_mut};
use crate::Label;
use crate::simd::{Pass, Simd};

/// Returns `before` plus the weighted losses of `logits`, rows as long as `weights`, for the `labels`, added in order;
/// overwrites `gradients`, of the same shape, with `scale` times their gradient.
pub(crate) struct WeightedCrossEntropyPass<'a, T> {
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [T],
    /// One per class.
    pub(crate) weights: &'a [f32],
    pub(crate) smoothing: f32,
    /// The reciprocal of the sum of the weights of the batch's labels.
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
            // SAFETY: both rows have `classes` numbers and do not overlap.
            let (largest, sum) = unsafe { exponentials(s, logits.as_ptr(), gradients.as_mut_ptr(), classes) };
            let (on_label, half_ln_sum) =
                ((1.0 - smoothing) * weight_of(weights, label), 0.5 * libm::logf(sum));
            let on_p = scale * (on_label + spread * sum_of_weights) / sum;
            let mut half_smooth = spread * sum_of_weights * half_ln_sum;
            for ((gradient, &logit), &weight) in gradients.iter_mut().zip(logits).zip(weights) {
                *gradient = on_p * *gradient - scale * spread * weight;
                let factor = spread * weight;
                half_smooth += factor * half_distance(factor, largest, logit);
            }
            let label = label.class();
            if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                *gradient -= scale * on_label;
                let half = on_label * (half_ln_sum + half_distance(on_label, largest, logit));
                total += 2.0 * (half + half_smooth);
            }
        }
        total
    }
}

/// Half the distance of `logit` to the `largest`; zero if its `factor` is zero.
fn half_distance(factor: f32, largest: f32, logit: f32) -> f32 {
    if factor == 0.0 { 0.0 } else { 0.5 * largest - 0.5 * logit }
}

/// The weight of the class `label`; 0 for an out-of-range label.
pub(crate) fn weight_of(weights: &[f32], label: impl Label) -> f32 {
    weights.get(label.class()).copied().unwrap_or(0.0)
}
