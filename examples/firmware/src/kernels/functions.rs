//! Mathematical functions of slices, against `libm`'s in `f64`.

use super::bounded::{Bounded, Function, exact, sum};
use super::ledger::{Guarded, Ledger, What};
use super::products::fill;
use crate::board::Failure;
use fusebox::{Isa, Rng, functions};

/// Numbers in the longest slice: two vectors of sixteen and one.
const LONGEST: usize = 33;

/// What a function's kernel computes, in place.
type InPlace = fn(Isa, &mut [f32]);

/// Every function with the units that its documentation promises. Arguments are exact, so that steepness does not matter.
const TABLE: [(&str, InPlace, Function); 6] = [
    ("exp", functions::exp_with, of(libm::exp, 1.02)),
    ("ln", functions::ln_with, of(libm::log, 0.87)),
    ("tanh", functions::tanh_with, of(libm::tanh, 2.3)),
    ("sigmoid", functions::sigmoid_with, of(sigmoid, 2.41)),
    ("softplus", functions::softplus_with, of(softplus, 2.87)),
    ("gelu", functions::gelu_with, of(gelu, 8.22)),
];

const fn of(of: fn(f64) -> f64, units: f64) -> Function {
    Function { of, steepest: 0.0, units, least: 0.0 }
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

pub(super) fn gelu(x: f64) -> f64 {
    x * normal_cdf(x)
}

/// The largest arguments: some of every size, and none whose result is subnormal.
const SPREADS: [f32; 4] = [0.001, 1.0, 9.0, 80.0];

pub(super) fn check(
    isa: Isa,
    ledger: &mut Ledger,
    buffer: &mut Guarded<{ LONGEST + 16 }>,
) -> Result<(), Failure> {
    for (kernel, run, function) in TABLE {
        for (len, spread) in (0..=LONGEST).zip(SPREADS.into_iter().cycle()) {
            let what = What { kernel, shape: [len, 1, 1] };
            let mut xs = [0.0; LONGEST];
            fill(&mut xs, &mut Rng::new(len as u64));
            for x in &mut xs {
                *x *= spread;
                // A logarithm is of what is above zero; and where GELU all but vanishes its results would be subnormal.
                if kernel == "ln" {
                    *x = x.abs() + 1e-30
                }
                if kernel == "gelu" {
                    *x = x.max(-12.0)
                }
            }
            let ys = buffer.clear(len);
            ys.iter_mut().zip(&xs).for_each(|(y, &x)| *y = x);
            run(isa, ys);
            let ys = buffer.inside(len).ok_or(what.stray())?;
            ledger.enter_all(what, ys, xs.iter().map(|&x| exact(x).apply(function)))?;
        }
        ledger.kernels += 1;
    }
    softmax(isa, ledger, buffer)
}

/// exp(x - max x).
pub(super) fn exponentials(xs: &[f32]) -> impl Iterator<Item = Bounded> + Clone {
    let largest = xs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    xs.iter().map(move |&x| {
        let x = exact(x) - exact(largest);
        // Below zero the slope is the value, and so at most one.
        x.apply(Function { of: libm::exp, steepest: 1.0, units: 1.02, least: 0.0 })
    })
}

fn softmax(isa: Isa, ledger: &mut Ledger, buffer: &mut Guarded<{ LONGEST + 16 }>) -> Result<(), Failure> {
    for (classes, spread) in (1..=LONGEST).zip(SPREADS.into_iter().cycle()) {
        let rows = LONGEST / classes.max(1);
        let what = What { kernel: "softmax", shape: [rows, classes, 1] };
        let mut xs = [0.0; LONGEST];
        fill(&mut xs, &mut Rng::new(classes as u64));
        xs.iter_mut().for_each(|x| *x *= spread.min(30.0));
        let xs = xs.get(..rows * classes).unwrap_or_default();
        let ys = buffer.clear(xs.len());
        ys.iter_mut().zip(xs).for_each(|(y, &x)| *y = x);
        functions::softmax_with(isa, ys, classes)?;
        let ys = buffer.inside(xs.len()).ok_or(what.stray())?;
        let expected = (0..rows).flat_map(|row| {
            let row = xs.get(row * classes..(row + 1) * classes).unwrap_or_default();
            let powers = exponentials(row);
            let factor = exact(1.0) / sum(powers.clone());
            powers.map(move |power| power * factor)
        });
        ledger.enter_all(what, ys, expected)?;
    }
    ledger.kernels += 1;
    Ok(())
}
