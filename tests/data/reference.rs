//! Mean and variance by two passes in `f64`, how far off `f32` may be, and numbers to try.

use fusebox::Rng;
use fusebox::data::Statistics;

/// Half a unit in the last place of 1.
pub(super) const U: f64 = 1.0 / 16_777_216.0;

/// Mean and variance of numbers, and how far off a computation in `f32` may be.
pub(super) struct Reference {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// E of the derivation.
    pub(super) shift: f64,
    pub(super) magnitude: f64,
}

impl Reference {
    pub(super) fn of(xs: &[f32]) -> Self {
        let n = xs.len() as f64;
        let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = xs.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        let fold = |pick: fn(f64, f64) -> f64| xs.iter().map(|&x| f64::from(x)).reduce(pick).unwrap();
        let (min, max) = (fold(f64::min), fold(f64::max));
        let magnitude = min.abs().max(max.abs());
        let shift = 4.0 * U * (max - min) + 2.0 * (n + 2.0) * U * U * magnitude;
        Self { mean, variance, shift, magnitude }
    }

    pub(super) fn mean_bound(&self) -> f64 {
        self.shift + U * self.magnitude
    }

    pub(super) fn variance_bound(&self, n: usize) -> f64 {
        let relative = (11.0 + 2.0 * n as f64 * U) * U;
        2.0 * self.shift * self.variance.sqrt() + self.shift * self.shift + relative * self.variance
    }
}

pub(super) fn count(xs: &[f32]) -> Statistics<1> {
    let mut statistics = Statistics::new();
    for &x in xs {
        statistics.add(&[x]).unwrap();
    }
    statistics
}

/// Numbers of several kinds, `n` of them each.
pub(super) fn data_sets(n: usize) -> [(&'static str, Vec<f32>); 8] {
    let mut rng = Rng::new(n as u64);
    let mut some = |f: &mut dyn FnMut(usize, &mut Rng) -> f32| (0..n).map(|i| f(i, &mut rng)).collect();
    [
        ("uniform", some(&mut |_, rng| rng.uniform())),
        ("normal", some(&mut |_, rng| rng.normal())),
        ("around a million", some(&mut |_, rng| 1e6 + rng.normal())),
        ("around minus a million", some(&mut |_, rng| -1e6 + 0.1 * rng.normal())),
        ("growing", some(&mut |i, _| i as f32)),
        ("an outlier first", some(&mut |i, rng| if i == 0 { 1e6 } else { rng.normal() })),
        ("alternating", some(&mut |i, _| if i % 2 == 0 { 1e6 } else { -1e6 })),
        ("two levels, late", some(&mut |i, _| if i < n / 2 { 1e6 } else { 1e6 + 1.0 })),
    ]
}

pub(super) const COUNTS: [usize; 7] = [1, 2, 3, 10, 33, 1000, 100_000];
