//! Layer normalisation of rows that once came out wrong: constant, large beside their deviation, with squares that overflow.
//! The kernel's own tests compare rows of every length, and gradients, with `f64`.

use crate::on_every_isa;
use fusebox::{Isa, Layer, LayerNorm, Rng};

fn infer<const N: usize>(isa: Isa, layer: &LayerNorm<N>, x: &[f32; N]) -> Vec<f32> {
    let mut y = [[f32::NAN; N]];
    layer.run(isa, &[*x], &mut [], &mut y);
    y[0].to_vec()
}

/// Gain 1 and shift 0.
fn plain<const N: usize>(x: &[f32; N]) -> Vec<(Isa, Vec<f32>)> {
    let layer = LayerNorm { gain: [1.0; N], shift: [0.0; N] };
    on_every_isa("layer normalisation", |isa| infer(isa, &layer, x))
}

fn constants<const N: usize>() {
    let mut rng = Rng::new(N as u64);
    let mut constants: Vec<f32> = (0..1000).map(|_| 1e4 * (1.0 + 0.1 * rng.normal())).collect();
    constants.extend([100_000.1, 0.0, 1e-45, 1e-39, -1e-30, 1e19, 3e38, f32::MAX, f32::MIN]);
    let layer = LayerNorm { gain: [3.0; N], shift: std::array::from_fn(|i| i as f32 - 1.5) };
    for constant in constants {
        for (isa, y) in on_every_isa("constant", |isa| infer(isa, &layer, &[constant; N])) {
            assert_eq!(y, layer.shift, "{isa}, {N} of {constant:e}");
        }
    }
}

#[test]
fn a_constant_row_becomes_shift() {
    constants::<1>();
    constants::<7>();
    constants::<10>();
    constants::<100>();
    constants::<784>();
}

#[test]
fn a_mean_that_is_large_beside_the_deviation() {
    let mut rng = Rng::new(1);
    for _ in 0..100 {
        let x: [f32; 33] = std::array::from_fn(|_| 1e4 + rng.normal());
        let mean = x.map(f64::from).iter().sum::<f64>() / 33.0;
        let variance = x.map(|x| (f64::from(x) - mean).powi(2)).iter().sum::<f64>() / 33.0;
        for (isa, y) in plain(&x) {
            for (x, y) in x.iter().zip(y) {
                let expected = (f64::from(*x) - mean) / (variance + 1e-5).sqrt();
                assert!((f64::from(y) - expected).abs() < 1e-6, "{isa}: {y}, not {expected}");
            }
        }
    }
}

#[test]
fn squares_that_overflow_or_underflow() {
    let (one, two) = (0.4_f32.sqrt(), 2.0 * 0.4_f32.sqrt());
    for size in [1e17, 1e18, 1e19, 1e20, 1e30, 1.5e38] {
        for (isa, y) in plain(&[size, -size, 2.0 * size, -2.0 * size]) {
            for (y, expected) in y.iter().zip([one, -one, two, -two]) {
                assert!((y - expected).abs() < 1e-6, "{isa}, {size:e}: {y}, not {expected}");
            }
        }
    }
    // A tiny row is divided by the root of epsilon.
    for size in [1e-15, 1e-25, 1e-30] {
        for (isa, y) in plain(&[size, -size, 2.0 * size, -2.0 * size]) {
            for (y, x) in y.iter().zip([size, -size, 2.0 * size, -2.0 * size]) {
                assert!((y / (x / 1e-5_f32.sqrt()) - 1.0).abs() < 1e-6, "{isa}, {size:e}: {y} of {x:e}");
            }
        }
    }
}
