//! Losses: their mean, and its gradient with respect to the outputs.

use super::bounded::{Bounded, Function, exact, sum};
use super::functions::{exponentials, sigmoid, softplus};
use super::ledger::{CANARY, Ledger, What};
use super::products::fill;
use crate::board::Failure;
use core::iter::zip;
use fusebox::{BinaryCrossEntropy, CrossEntropy, Huber, Isa, Loss, Mse, Rng, WeightedCrossEntropy};

const ROWS: usize = 3;
/// Numbers of a row: a vector of sixteen and one.
const WIDTH: usize = 17;

type Rows = [[f32; WIDTH]; ROWS];

/// Of numbers from one on, by `libm`, right within a unit.
const LN: Function = Function { of: libm::log, steepest: 1.0, units: 1.0, least: 0.0 };
const SIGMOID: Function = Function { of: sigmoid, steepest: 0.25, units: 2.41, least: 0.0 };
const SOFTPLUS: Function = Function { of: softplus, steepest: 1.0, units: 2.87, least: 0.0 };

fn rows(seed: u64, spread: f32) -> Rows {
    let mut rows = [[0.0; WIDTH]; ROWS];
    fill(rows.as_flattened_mut(), &mut Rng::new(seed));
    rows.as_flattened_mut().iter_mut().for_each(|x| *x *= spread);
    rows
}

/// Enters what a loss computes.
#[inline(never)]
fn enter<L: Loss<[f32; WIDTH]>>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    loss: &L,
    (ys, targets): (&Rows, &[L::Target; ROWS]),
    mean: Bounded,
    slopes: impl Iterator<Item = Bounded>,
) -> Result<(), Failure> {
    let what = What { kernel, shape: [ROWS, WIDTH, 1] };
    // The gradient among guards: a row before and a row after.
    let mut dys = [[CANARY; WIDTH]; ROWS + 2];
    let [before, inside @ .., after] = &mut dys;
    let got = loss.gradient(isa, ys, targets, inside);
    if before.iter().chain(&*after).any(|x| x.to_bits() != CANARY.to_bits()) {
        return Err(what.stray());
    }
    ledger.enter_all(what, &[got], core::iter::once(mean))?;
    ledger.enter_all(what, inside.as_flattened(), slopes)?;
    ledger.kernels += 1;
    Ok(())
}

pub(super) fn check(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    classes(isa, ledger)?;
    numbers(isa, ledger)
}

/// The loss and the slope of each class in a row: (1 - s) w_t (-ln a_t) + s / C sum_c w_c (-ln a_c), by the sum of the
/// weights.
#[inline(never)]
fn classes(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    let (ys, labels) = (rows(1, 8.0), [0, 7, WIDTH as u8 - 1]);
    let mut weights = [0.0; WIDTH];
    fill(&mut weights, &mut Rng::new(2));
    weights.iter_mut().for_each(|weight| *weight = weight.abs() + 0.5);

    let (mean, slopes) = cross_entropy(&ys, &labels, &[1.0; WIDTH], 0.0);
    let pairs = (&ys, &labels);
    enter(isa, ledger, "cross-entropy", &CrossEntropy, pairs, mean, slopes)?;
    let (mean, slopes) = cross_entropy(&ys, &labels, &weights, 0.1);
    let loss = WeightedCrossEntropy::new(weights, 0.1)?;
    enter(isa, ledger, "weighted cross-entropy", &loss, pairs, mean, slopes)
}

/// A row's largest number, the sum of its exponentials, and what its label counts.
fn row_of(ys: &[f32; WIDTH], label: u8, weights: &[f32; WIDTH]) -> (Bounded, Bounded, Bounded) {
    let largest = exact(ys.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weight = exact(weights.get(usize::from(label)).copied().unwrap_or(f32::NAN));
    (largest, sum(exponentials(ys)), weight)
}

fn cross_entropy<'a>(
    ys: &'a Rows,
    labels: &'a [u8; ROWS],
    weights: &'a [f32; WIDTH],
    smoothing: f32,
) -> (Bounded, impl Iterator<Item = Bounded>) {
    let (one, smoothing, count) = (exact(1.0), exact(smoothing), exact(WIDTH as f32));
    let of_label = |&label: &u8| exact(weights.get(usize::from(label)).copied().unwrap_or(f32::NAN));
    let scale = one / sum(labels.iter().map(of_label));
    let spread = move |weight: f32| smoothing / count * exact(weight);
    let losses = ys.iter().zip(labels).map(move |(y, &label)| {
        let (largest, total, weight) = row_of(y, label, weights);
        let ln_total = total.apply(LN);
        let surprise = move |y: f32| ln_total + (largest - exact(y));
        let smooth = sum(y.iter().zip(weights).map(move |(&y, &weight)| spread(weight) * surprise(y)));
        let right = y.get(usize::from(label)).copied().unwrap_or(f32::NAN);
        (one - smoothing) * weight * surprise(right) + smooth
    });
    let mean = scale * sum(losses);
    let slopes = ys.iter().zip(labels).flat_map(move |(y, &label)| {
        let (_, total, weight) = row_of(y, label, weights);
        let on_label = (one - smoothing) * weight;
        let all = on_label + sum(weights.iter().map(move |&weight| spread(weight)));
        let classes = exponentials(y).zip(weights).enumerate();
        classes.map(move |(class, (power, &weight))| {
            let smoothed = scale * all / total * power - scale * spread(weight);
            if class == usize::from(label) { smoothed - scale * on_label } else { smoothed }
        })
    });
    (mean, slopes)
}

/// Outputs beside their targets.
fn pairs(ys: &Rows, targets: &Rows) -> impl Iterator<Item = (Bounded, Bounded)> {
    zip(ys.as_flattened(), targets.as_flattened()).map(|(&y, &target)| (exact(y), exact(target)))
}

/// Losses of each number by itself: the mean of all.
#[inline(never)]
fn numbers(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    const COUNT: f32 = (ROWS * WIDTH) as f32;
    let (ys, mut targets) = (rows(3, 4.0), rows(4, 2.0));
    let scale = exact(1.0) / exact(COUNT);

    let mean = scale * sum(pairs(&ys, &targets).map(|(y, t)| (y - t) * (y - t)));
    let slopes = pairs(&ys, &targets).map(|(y, t)| ((y - t) + (y - t)) * scale);
    enter(isa, ledger, "mean square", &Mse, (&ys, &targets), mean, slopes)?;

    let delta = 1.0;
    let error = move |(y, t): (Bounded, Bounded)| {
        let e = y - t;
        let size = if e.value < 0.0 { -e } else { e };
        let clipped = if size.value > f64::from(delta) { exact(delta) } else { size };
        (e, size, clipped)
    };
    let mean = scale
        * sum(pairs(&ys, &targets)
            .map(error)
            .map(|(_, size, clipped)| clipped * (size - clipped * exact(0.5))));
    let slopes = pairs(&ys, &targets)
        .map(error)
        .map(|(e, _, clipped)| if e.value < 0.0 { -clipped * scale } else { clipped * scale });
    enter(isa, ledger, "Huber", &Huber::new(delta), (&ys, &targets), mean, slopes)?;

    // Probabilities.
    targets.as_flattened_mut().iter_mut().for_each(|t| *t = t.abs() * 0.5);
    let (positive_weight, one) = (3.5, exact(1.0));
    let weight = exact(positive_weight);
    let value =
        |(z, t): (Bounded, Bounded)| weight * t * (-z).apply(SOFTPLUS) + (one - t) * z.apply(SOFTPLUS);
    let mean = scale * sum(pairs(&ys, &targets).map(value));
    let slope = |(z, t): (Bounded, Bounded)| {
        ((one - t) * z.apply(SIGMOID) - weight * t * (-z).apply(SIGMOID)) * scale
    };
    let slopes = pairs(&ys, &targets).map(slope);
    let loss = BinaryCrossEntropy { positive_weight };
    enter(isa, ledger, "binary cross-entropy", &loss, (&ys, &targets), mean, slopes)
}
