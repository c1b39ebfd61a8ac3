//! A gradient whose square overflows is clipped like any other.

use crate::on_every_isa;
use fusebox::{ClipNorm, Formed, Optimizer, Sgd, Whole, Zeroed};

/// What `ClipNorm` makes of a gradient in two arrays, for a rate of 1: the gradient, clipped.
fn clipped(norm: f32, gradient: &[f32; 6]) -> Vec<(fusebox::Isa, Vec<f32>)> {
    on_every_isa("clipped", |isa| {
        let optimizer = ClipNorm::new(Sgd::new(1.0), norm);
        let pace = &mut Whole::on(isa);
        let (first, second): (&[f32; 2], &[f32; 4]) =
            (gradient[..2].try_into().expect("two"), gradient[2..].try_into().expect("four"));
        let (mut a, mut b) = ([0.0; 2], [0.0; 4]);
        let (mut of_a, mut of_b) = (Zeroed::ZEROED, Zeroed::ZEROED);
        let mut progress = Zeroed::ZEROED;
        let mut sweep = Some(optimizer.begin(&mut progress, 1.0));
        while let Some(mut now) = sweep {
            ClipNorm::<Sgd>::step(pace, &mut now, Formed::of(first), &mut a, &mut of_a);
            ClipNorm::<Sgd>::step(pace, &mut now, Formed::of(second), &mut b, &mut of_b);
            sweep = optimizer.next(&mut progress, now);
        }
        a.iter().chain(&b).map(|x| -x).collect()
    })
}

#[test]
fn squares_that_overflow() {
    let patterns: [[f32; 6]; 6] = [
        [1.0, -1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, -1.0, 0.0],
        [1e-3, 0.0, 1.0, 1.0, 1.0, 1.0],
        [1.0, 1.0, 1e-30, 0.5, -0.25, 0.0],
        [-1.0; 6],
        // At 1.2e19 the first array's squares alone do not overflow.
        [1.0, -1.0, 0.8, 0.0, 0.0, 0.0],
    ];
    for pattern in patterns {
        for size in [1e-3, 1.0, 1e18, 1.2e19, 1.8e19, 3e19, 1e30, 3e38] {
            for norm in [1e-3, 1.0, 1e10, 1e20, 2e38] {
                let gradient = pattern.map(|x| x * size);
                let exact = gradient.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                let factor = (f64::from(norm) / exact).min(1.0);
                for (isa, got) in clipped(norm, &gradient) {
                    for (got, x) in got.into_iter().zip(gradient) {
                        let expected = f64::from(x) * factor;
                        // The sum, its root, the quotient and the products; below 2^-126 a product rounds by 2^-150.
                        let bound = 16.0 * f64::from(f32::EPSILON) * expected.abs() + 2f64.powi(-148);
                        let error = (f64::from(got) - expected).abs();
                        assert!(error <= bound, "{isa}, {size:e} to {norm:e}: {got:e}, not {expected:e}");
                    }
                }
            }
        }
    }
}
