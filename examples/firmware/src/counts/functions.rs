//! What is computed beside the products: losses, activations, normalisation.

use super::{Bench, FPU, Work, fill};
use crate::board::{Board, Failure};
use crate::recipe::CLASSES;
use core::hint::black_box;
use fusebox::{CrossEntropy, Init, Isa, Layer, LayerNorm, Loss, Rng, Train, Zeroed, functions};

/// Rows of a loss.
const ROWS: &[usize] = if FPU { &[32, 1] } else { &[1] };

/// Numbers of an activation.
const WIDTH: usize = 64;

#[derive(Debug)]
pub(super) struct Memory {
    logits: [[f32; CLASSES]; 32],
    gradients: [[f32; CLASSES]; 32],
    labels: [u8; 32],
    norm: LayerNorm<WIDTH>,
    xs: [[f32; WIDTH]; 1],
    ys: [[f32; WIDTH]; 1],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            logits: [[0.0; CLASSES]; 32],
            gradients: [[0.0; CLASSES]; 32],
            labels: [0; 32],
            norm: LayerNorm::ZEROED,
            xs: [[0.0; WIDTH]],
            ys: [[0.0; WIDTH]],
        }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { logits, gradients, labels, norm, xs, ys } = self;
        fill(&mut rng, logits.as_flattened_mut());
        for &rows in ROWS {
            let rows = black_box(rows);
            let (logits, labels) = (logits.get(..rows), labels.get(..rows));
            let (logits, labels) = (logits.unwrap_or_default(), labels.unwrap_or_default());
            let gradients = gradients.get_mut(..rows).unwrap_or_default();
            let work = Work::Numbers(CLASSES * rows);
            bench.case(format_args!("softmax cross-entropy of {CLASSES}, rows {rows}"), work, &mut || {
                loss(logits, labels, gradients);
                Ok(())
            })?;
        }

        let work = Work::Numbers(WIDTH);
        norm.init(Init::He, &mut rng);
        fill(&mut rng, xs.as_flattened_mut());
        bench.case(format_args!("layer norm {WIDTH}"), work, &mut || {
            normalize(norm, xs, ys);
            Ok(())
        })?;
        type InPlace = fn(&mut [f32]);
        let functions: [(&str, InPlace); 5] = [
            ("exp", functions::exp),
            ("tanh", functions::tanh),
            ("sigmoid", functions::sigmoid),
            ("gelu", functions::gelu),
            ("ln", functions::ln),
        ];
        for (name, function) in functions {
            fill(&mut rng, ys.as_flattened_mut());
            let (function, numbers) = (black_box(function), ys.as_flattened_mut());
            bench.case(format_args!("{name} {WIDTH}"), work, &mut || {
                function(numbers);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[inline(never)]
fn loss(logits: &[[f32; CLASSES]], labels: &[u8], gradients: &mut [[f32; CLASSES]]) -> f32 {
    CrossEntropy.gradient(Isa::detect(), logits, labels, gradients)
}

#[inline(never)]
fn normalize(norm: &LayerNorm<WIDTH>, xs: &[[f32; WIDTH]], ys: &mut [[f32; WIDTH]]) {
    norm.run(Isa::detect(), xs, &mut [], ys);
}
