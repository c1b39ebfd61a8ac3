//! Inference and training as anybody would write them first: loops over arrays, no thought of the machine. What the
//! compiler makes of them is what a user has without this crate.

use super::random::random;

/// Dense, ReLU, dense: the network of the benches, its weights laid out as fusebox has them.
pub(crate) struct Net<const IN: usize, const HIDDEN: usize, const OUT: usize> {
    weight1: Vec<[f32; HIDDEN]>,
    bias1: [f32; HIDDEN],
    weight2: [[f32; OUT]; HIDDEN],
    bias2: [f32; OUT],
}

impl<const IN: usize, const HIDDEN: usize, const OUT: usize> Net<IN, HIDDEN, OUT> {
    pub(crate) fn new() -> Self {
        let (weights1, weights2) = (random(IN * HIDDEN), random(HIDDEN * OUT));
        Self {
            weight1: weights1.as_chunks().0.iter().map(|row: &[f32; HIDDEN]| row.map(|w| 0.1 * w)).collect(),
            bias1: [0.0; HIDDEN],
            weight2: std::array::from_fn(|i| std::array::from_fn(|j| 0.1 * weights2[i * OUT + j])),
            bias2: [0.0; OUT],
        }
    }

    fn hidden(&self, x: &[f32; IN]) -> [f32; HIDDEN] {
        let mut hidden = self.bias1;
        for (x, weights) in x.iter().zip(&self.weight1) {
            for (h, weight) in hidden.iter_mut().zip(weights) {
                *h += x * weight;
            }
        }
        hidden.map(|h| h.max(0.0))
    }

    fn logits(&self, hidden: &[f32; HIDDEN]) -> [f32; OUT] {
        let mut logits = self.bias2;
        for (h, weights) in hidden.iter().zip(&self.weight2) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += h * weight;
            }
        }
        logits
    }

    pub(crate) fn infer(&self, x: &[f32; IN]) -> [f32; OUT] {
        self.logits(&self.hidden(x))
    }

    /// One step of stochastic gradient descent on the mean cross-entropy of softmax, which is returned.
    pub(crate) fn train_step(&mut self, xs: &[[f32; IN]], labels: &[u8], rate: f32) -> f32 {
        let count = xs.len() as f32;
        let mut loss = 0.0;
        let hidden: Vec<_> = xs.iter().map(|x| self.hidden(x)).collect();
        let mut dlogits: Vec<_> = hidden.iter().map(|hidden| self.logits(hidden)).collect();
        for (logits, &label) in dlogits.iter_mut().zip(labels) {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exponentials = logits.map(|logit| (logit - largest).exp());
            let sum: f32 = exponentials.iter().sum();
            loss -= (exponentials[usize::from(label)] / sum).ln();
            *logits = exponentials.map(|exponential| exponential / sum / count);
            logits[usize::from(label)] -= 1.0 / count;
        }
        let dhidden: Vec<[f32; HIDDEN]> = std::iter::zip(&hidden, &dlogits)
            .map(|(hidden, dlogits)| {
                std::array::from_fn(|i| {
                    let dh: f32 =
                        std::iter::zip(dlogits, &self.weight2[i]).map(|(d, weight)| d * weight).sum();
                    if hidden[i] > 0.0 { dh } else { 0.0 }
                })
            })
            .collect();
        update(&mut self.weight2, &mut self.bias2, &hidden, &dlogits, rate);
        update(&mut self.weight1, &mut self.bias1, xs, &dhidden, rate);
        loss / count
    }
}

/// `weight -= rate x^T dy`, `bias -= rate sum dy`.
fn update<const IN: usize, const OUT: usize>(
    weight: &mut [[f32; OUT]],
    bias: &mut [f32; OUT],
    xs: &[[f32; IN]],
    dys: &[[f32; OUT]],
    rate: f32,
) {
    for (x, dy) in xs.iter().zip(dys) {
        for (x, weights) in x.iter().zip(weight.iter_mut()) {
            for (weight, d) in weights.iter_mut().zip(dy) {
                *weight -= rate * x * d;
            }
        }
        for (b, d) in bias.iter_mut().zip(dy) {
            *b -= rate * d;
        }
    }
}
