//! What optimisers keep, at the ends of the range of `f32`: squares that overflow, and moments that decay for ever.

use crate::on_every_isa;
use fusebox::{
    Adam, AdamW, ClipValue, Formed, Isa, Momentum, Nesterov, Optimizer, RmsProp, Rows, Sgd, WeightDecay,
    Whole, Zeroed,
};
use std::slice::from_ref;

const N: usize = 21;
type Parameters = [f32; N];

/// An optimiser's state as numbers.
trait Numbers {
    fn numbers(&self) -> &[f32];
}

impl Numbers for () {
    fn numbers(&self) -> &[f32] {
        &[]
    }
}

impl Numbers for Parameters {
    fn numbers(&self) -> &[f32] {
        self
    }
}

impl Numbers for [Parameters; 2] {
    fn numbers(&self) -> &[f32] {
        self.as_flattened()
    }
}

/// After steps on the gradients, of arrays and as sums of rows in turn: the parameters, then what is kept.
fn run<O: Optimizer<State<Parameters>: Numbers>>(
    optimizer: &O,
    isa: Isa,
    start: f32,
    gradients: impl IntoIterator<Item = f32>,
) -> Vec<f32> {
    let (mut w, mut state, mut progress) = ([start; N], O::State::<Parameters>::ZEROED, O::Progress::ZEROED);
    for (i, gradient) in gradients.into_iter().enumerate() {
        let mut sweep = optimizer.begin(&mut progress, 1.0);
        let gradient = [gradient; N];
        match i % 2 {
            0 => O::step(&mut Whole::on(isa), &mut sweep, Formed::of(&gradient), &mut w, &mut state),
            _ => O::step(&mut Whole::on(isa), &mut sweep, Rows::of(from_ref(&gradient)), &mut w, &mut state),
        }
    }
    [&w, state.numbers()].concat()
}

fn huge<O: Optimizer<State<Parameters>: Numbers>>(name: &str, optimizer: &O, farthest: f32) {
    for size in [1e18, 1.8e19, 1.9e19, 2e19, 3e20, 3e38, f32::MAX] {
        for pattern in [&[1.0][..], &[-1.0], &[1.0, -1.0], &[1.0, -1.0, 1.0, 1.0]] {
            let gradients =
                || pattern.iter().map(|sign| sign * size).chain((0..300).map(|i| [0.5, -0.25][i % 2]));
            let what = format!("{name}, {pattern:?} of {size:e}");
            for (isa, got) in on_every_isa(&what, |isa| run(optimizer, isa, 1.0, gradients())) {
                assert!(got.iter().all(|x| x.is_finite()), "{isa}, {what}: {got:?}");
                assert!((got[0] - 1.0).abs() < farthest, "{isa}, {what}: a weight of {}", got[0]);
            }
        }
    }
}

/// The moments stay finite, and no parameter moves further than a gradient of ordinary size could move it. (Except where the
/// running mean of the squares has no memory: what is left of a huge one, taken from itself, may be nothing.)
#[test]
fn a_gradient_whose_square_overflows() {
    huge("Adam", &Adam::new(0.01), 1.0);
    huge("AdamW", &AdamW::new(0.01, 0.01), 1.0);
    huge("Adam without means", &Adam { beta1: 0.0, beta2: 0.0, ..Adam::new(0.001) }, 1.0);
    huge("Adam behind a penalty", &WeightDecay::new(Adam::new(0.01), 0.1), 1.0);
    huge("RMSprop", &RmsProp::new(0.001), 1.0);
    huge("RMSprop without a mean", &RmsProp { alpha: 0.0, ..RmsProp::new(0.001) }, f32::INFINITY);
    huge("RMSprop behind a clip", &ClipValue::new(RmsProp::new(0.001), 1e30), 1.0);
}

#[test]
fn a_gradient_that_is_nan_stays() {
    for isa in Isa::available() {
        let got = [
            run(&Adam::new(0.01), isa, 1.0, [f32::NAN, 1.0]),
            run(&RmsProp::new(0.01), isa, 1.0, [f32::NAN, 1.0]),
            run(&Momentum::new(0.01, 0.9), isa, 1.0, [f32::NAN, 1.0]),
            run(&AdamW::new(0.01, 0.1), isa, f32::NAN, [1.0]),
            run(&WeightDecay::new(Sgd::new(0.01), 0.1), isa, f32::NAN, [1.0]),
        ];
        assert!(got.iter().all(|got| got[0].is_nan()), "{isa}: {got:?}");
    }
}

/// After some steps a gradient of zero: for no longer than a few steps is anything subnormal, and then nothing is.
fn decays<O: Optimizer<State<Parameters>: Numbers>>(name: &str, optimizer: &O, start: f32, steps: usize) {
    for size in [1.0, 1e-3, 1e-15, 1e-30, 1e-38, 1e-44] {
        let gradients =
            || (0..20).map(|i| if i % 3 == 0 { -size } else { size }).chain((0..steps).map(|_| 0.0));
        let what = format!("{name}, from {size:e} on");
        for (isa, got) in on_every_isa(&what, |isa| run(optimizer, isa, start, gradients())) {
            assert!(got.iter().all(|x| !x.is_subnormal()), "{isa}, {what}: {got:?}");
        }
    }
}

#[test]
fn moments_that_decay_become_zero() {
    for steps in [800, 880, 1200, 5000] {
        decays("Momentum", &Momentum::new(0.01, 0.9), 1.0, steps);
        decays("Nesterov", &Nesterov::new(0.01, 0.9), 1.0, steps);
        decays("Adam", &Adam::new(0.01), 1.0, steps);
        decays("AdamW", &AdamW::new(0.01, 0.01), 1.0, steps);
        decays("RMSprop", &RmsProp::new(0.01), 1.0, steps);
    }
    decays("Adam of short memory", &Adam { beta2: 0.9, ..Adam::new(0.01) }, 1.0, 3000);
    decays("RMSprop of short memory", &RmsProp { alpha: 0.9, ..RmsProp::new(0.01) }, 1.0, 3000);
}

#[test]
fn weights_that_decay_become_zero() {
    for steps in [800, 900, 3000] {
        decays(
            "AdamW",
            &AdamW { adam: Adam { beta2: 0.9, ..Adam::new(0.1) }, decay: 1.0, weights_only: false },
            0.0,
            steps,
        );
        decays("a penalty", &WeightDecay::new(Sgd::new(0.1), 1.0), 1e-3, steps);
    }
    for isa in Isa::available() {
        assert_eq!(run(&WeightDecay::new(Sgd::new(0.1), 1.0), isa, 1.0, [0.0; 2000])[0], 0.0, "{isa}");
        assert_eq!(run(&AdamW::new(0.1, 1.0), isa, 1.0, [0.0; 2000])[0], 0.0, "{isa}");
    }
}

/// The running mean of squares does not fall to zero, so that no step divides by it.
#[test]
fn without_an_epsilon() {
    for isa in Isa::available() {
        for size in [0.0, 1e-44, 1e-38, 1e-30, 1.0] {
            let gradients = [size, 0.0, size, 0.0, 0.0];
            for got in [
                run(&Adam { epsilon: 0.0, ..Adam::new(0.01) }, isa, 1.0, gradients),
                run(&RmsProp { epsilon: 0.0, ..RmsProp::new(0.01) }, isa, 1.0, gradients),
            ] {
                assert!((got[0] - 1.0).abs() < 0.3, "{isa}, {size:e}: {got:?}");
            }
        }
    }
}
