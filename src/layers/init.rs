//! Initial values of parameters.

use crate::Rng;

/// Initial values of parameters.
///
/// ```
/// use fusebox::{Dense, Init, Relu, Rng, Train, Zeroed};
/// let mut layer = Dense::<24, 8, Relu>::ZEROED;
/// layer.init(Init::He, &mut Rng::new(1));
/// assert!(layer.weight.as_flattened().iter().all(|w| w.abs() <= 0.5)); // sqrt(6 / 24)
/// assert_eq!(layer.bias, [0.0; 8]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Init {
    /// Weights uniform between +-sqrt(3 g / fan_in), biases zero. The variance g / fan_in keeps the magnitude of
    /// signals constant from layer to layer; g is the activation's [`GAIN`](crate::Activation::GAIN): 2 for a ReLU,
    /// which halves the variance, 1 without an activation.
    ///
    /// Source: K. He and others, "Delving Deep into Rectifiers", 2015.
    He,
    /// Weights uniform between +-sqrt(6 / (fan_in + fan_out)), biases zero. Keeps the magnitudes of both signals and
    /// gradients about constant, for activations that are nearly linear at zero.
    ///
    /// Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    Glorot,
    /// The rows or the columns of the weights, whichever are fewer, orthogonal and of norm sqrt(g); biases zero.
    ///
    /// Source: A. Saxe and others, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    /// 2014.
    Orthogonal,
    /// Weights normal with the standard deviation 0.02, biases zero: for transformers.
    ///
    /// Source: A. Radford and others, "Language Models are Unsupervised Multitask Learners" (GPT-2), 2019.
    Gpt,
    /// All zeros: for a last layer, or a network of a single layer.
    Zeros,
}

/// Overwrites `weight`, `inputs` rows of `outputs` numbers, with initial values for an activation of gain `gain`.
pub(super) fn initialize(
    init: Init,
    gain: f32,
    weight: &mut [f32],
    [inputs, outputs]: [usize; 2],
    rng: &mut Rng,
) {
    let mut uniform = |variance: f32| {
        let limit = libm::sqrtf(3.0 * variance);
        weight.fill_with(|| (2.0 * rng.uniform() - 1.0) * limit);
    };
    match init {
        Init::He => uniform(gain / inputs as f32),
        Init::Glorot => uniform(2.0 / (inputs as f32 + outputs as f32)),
        Init::Gpt => weight.fill_with(|| 0.02 * rng.normal()),
        Init::Orthogonal => {
            weight.fill_with(|| rng.normal());
            // The first elements of consecutive vectors are `step` apart, the elements of a vector `stride` apart.
            let (vectors, len, step, stride) = match inputs <= outputs {
                true => (inputs, outputs, outputs, 1),
                false => (outputs, inputs, 1, outputs),
            };
            let place = |vector: usize, i: usize| vector * step + i * stride;
            orthogonalize(weight, vectors, len, place, libm::sqrtf(gain));
        }
        Init::Zeros => weight.fill(0.0),
    }
}

/// Makes the `vectors` in `numbers` orthogonal to one another and of norm `length`. `place` gives the index of each
/// of a vector's `len` elements. Modified Gram-Schmidt, run twice for each vector, which leaves only rounding errors
/// (L. Giraud and others, "Rounding error analysis of the classical Gram-Schmidt orthogonalization process", 2005).
fn orthogonalize(
    numbers: &mut [f32],
    vectors: usize,
    len: usize,
    place: impl Fn(usize, usize) -> usize,
    length: f32,
) {
    let at = |numbers: &[f32], vector: usize, i: usize| numbers.get(place(vector, i)).copied().unwrap_or(0.0);
    for vector in 0..vectors {
        for other in (0..vector).chain(0..vector) {
            let dot = |a, b| (0..len).map(|i| at(numbers, a, i) * at(numbers, b, i)).sum::<f32>();
            let part = dot(vector, other) / dot(other, other);
            if part.is_finite() {
                for i in 0..len {
                    let part = part * at(numbers, other, i);
                    if let Some(x) = numbers.get_mut(place(vector, i)) {
                        *x -= part;
                    }
                }
            }
        }
        let norm =
            libm::sqrtf((0..len).map(|i| at(numbers, vector, i) * at(numbers, vector, i)).sum::<f32>());
        for i in 0..len {
            if let Some(x) = numbers.get_mut(place(vector, i)) {
                *x *= length / norm;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the dot product of each pair of vectors against the rounding error, for wide and tall matrices.
    fn orthogonal<const IN: usize, const OUT: usize>() {
        let mut weight = [[f32::NAN; OUT]; IN];
        initialize(Init::Orthogonal, 2.0, weight.as_flattened_mut(), [IN, OUT], &mut Rng::new(3));
        let (vectors, len) = (IN.min(OUT), IN.max(OUT));
        let at = |vector: usize, i: usize| {
            f64::from(if IN <= OUT { weight[vector][i] } else { weight[i][vector] })
        };
        for a in 0..vectors {
            for b in 0..=a {
                let dot: f64 = (0..len).map(|i| at(a, i) * at(b, i)).sum();
                let expected = if a == b { 2.0 } else { 0.0 };
                let bound = 2.0 * (len + 8) as f64 * f64::from(f32::EPSILON);
                assert!((dot - expected).abs() <= bound, "{IN} x {OUT}, {a} {b}: {dot}");
            }
        }
    }

    #[test]
    fn orthogonal_both_ways() {
        orthogonal::<1, 1>();
        orthogonal::<4, 4>();
        orthogonal::<3, 17>();
        orthogonal::<40, 13>();
        orthogonal::<0, 3>();
        orthogonal::<64, 64>();
    }

    #[test]
    fn glorot_and_zeros() {
        let mut weight = [[f32::NAN; 10]; 20];
        initialize(Init::Glorot, 1.0, weight.as_flattened_mut(), [20, 10], &mut Rng::new(3));
        let limit = (6.0_f32 / 30.0).sqrt();
        let numbers = weight.as_flattened();
        assert!(numbers.iter().all(|w| w.abs() <= limit));
        // A uniform number's variance is limit^2 / 3; the mean square of 200 of them is within three standard
        // deviations of it.
        let mean_square = numbers.iter().map(|w| w * w).sum::<f32>() / 200.0;
        let (expected, deviation) = (limit * limit / 3.0, limit * limit * (4.0_f32 / 45.0 / 200.0).sqrt());
        assert!((mean_square - expected).abs() < 3.0 * deviation, "{mean_square}, not {expected}");
        initialize(Init::Zeros, 1.0, weight.as_flattened_mut(), [20, 10], &mut Rng::new(3));
        assert_eq!(weight, [[0.0; 10]; 20]);
    }
}
