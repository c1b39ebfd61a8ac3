//! Losses of classes that are switched off: by a logit of minus infinity, by one that lies so far below the others that the
//! difference overflows, by a weight of zero.

use crate::on_every_isa;
use fusebox::{BinaryCrossEntropy, CrossEntropy, Isa, Loss, Rng, WeightedCrossEntropy};

const INF: f32 = f32::INFINITY;

/// The formula of the loss in `f64`, where a factor of zero leaves a term out; and its gradient.
fn reference<const C: usize>(
    ys: &[[f32; C]],
    labels: &[u8],
    weights: &[f32; C],
    smoothing: f32,
) -> (f64, Vec<f64>) {
    let weight = |class: usize| f64::from(weights[class]);
    let all: f64 = labels.iter().map(|&label| weight(label.into())).sum();
    let s = f64::from(smoothing);
    let (mut loss, mut gradient) = (0.0, vec![]);
    for (y, &label) in ys.iter().zip(labels) {
        let largest = y.iter().map(|&z| f64::from(z)).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = y.iter().map(|&z| (f64::from(z) - largest).exp()).sum();
        let factor = |class: usize| {
            let on_label = if class == usize::from(label) { (1.0 - s) * weight(class) } else { 0.0 };
            on_label + s / C as f64 * weight(class)
        };
        let of_all: f64 = (0..C).map(factor).sum();
        for (class, &z) in y.iter().enumerate() {
            let surprise = sum.ln() + (largest - f64::from(z));
            loss += if factor(class) == 0.0 { 0.0 } else { factor(class) * surprise };
            gradient.push((of_all * (f64::from(z) - largest).exp() / sum - factor(class)) / all);
        }
    }
    (loss / all, gradient)
}

/// The loss, then its gradient.
fn run<L: Loss<[f32; C]>, const C: usize>(
    loss: &L,
    isa: Isa,
    ys: &[[f32; C]],
    targets: &[L::Target],
) -> Vec<f32> {
    let mut dys = vec![[f32::NAN; C]; ys.len()];
    let mean = loss.gradient(isa, ys, targets, &mut dys);
    [&[mean], dys.as_flattened()].concat()
}

fn check<const C: usize>(ys: &[[f32; C]], labels: &[u8], weights: [f32; C], smoothing: f32) {
    let what = format!("{ys:?}, labels {labels:?}, weights {weights:?}, smoothing {smoothing}");
    let loss = WeightedCrossEntropy::new(weights, smoothing).expect("settings in range");
    let (expected, gradient) = reference(ys, labels, &weights, smoothing);
    for (isa, got) in on_every_isa(&what, |isa| run(&loss, isa, ys, labels)) {
        // Rows are summed before the mean is taken.
        let all: f32 = labels.iter().map(|&label| weights[usize::from(label)]).sum();
        let may_overflow = expected * f64::from(all).max(1.0) > 0.99 * f64::from(f32::MAX);
        let error = (f64::from(got[0]) - expected).abs();
        let close = error <= 1e-5 * expected.abs() + 1e-6 || got[0] == INF && may_overflow;
        assert!(close, "{isa}: {}, not {expected}: {what}", got[0]);
        for (got, &expected) in got[1..].iter().zip(&gradient) {
            let error = (f64::from(*got) - expected).abs();
            assert!(error <= 1e-5, "{isa}: gradient {got}, not {expected}: {what}");
        }
    }
}

#[test]
fn a_class_that_is_switched_off_costs_nothing() {
    for off in [-INF, -3e38, -200.0] {
        for (smoothing, weight) in [(0.0, 1.0), (0.0, 0.0), (0.1, 0.0)] {
            check(&[[0.0, 0.0, off]], &[0], [1.0, 2.0, weight], smoothing);
            check(&[[0.0, 0.0, off], [1.0, off, 2.0]], &[1, 0], [3.0, weight, 0.0], 0.0);
        }
    }
    for weights in [[1.0, 2.0, 1.0], [0.1, 1.0, 1.0], [1.0, 0.0, 3.0]] {
        check(&[[3e38, -3e38, 0.0]], &[0], weights, 0.0);
    }
    let loss = WeightedCrossEntropy::new([1.0, 2.0, 1.0], 0.0).expect("settings in range");
    for isa in Isa::available() {
        let plain = run(&CrossEntropy, isa, &[[0.0, 0.0, -INF]], &[0]);
        assert_eq!(run(&loss, isa, &[[0.0, 0.0, -INF]], &[0]), plain, "{isa}");
    }
}

/// The mean is a number, although one of its differences overflows.
#[test]
fn a_small_weight_times_a_difference_that_overflows() {
    check(&[[3e38, -3e38, 0.0], [0.0, 0.0, 0.0]], &[1, 2], [1.0, 0.125, 1.0], 0.0);
    check(&[[3e38, -3e38], [0.0, 0.0]], &[0, 0], [1.0, 0.25], 0.5);
}

/// What it cost is infinite where it counts, and the gradient is finite.
#[test]
fn a_label_that_is_switched_off_costs_infinitely_much() {
    check(&[[0.0, 0.0, -INF]], &[2], [1.0, 1.0, 0.5], 0.0);
    check(&[[0.0, 0.0, -INF]], &[0], [1.0, 1.0, 0.5], 0.1);
    // Unless its weight is zero: then the other row is all that counts.
    check(&[[0.0, 0.0, -INF], [0.0, 1.0, 2.0]], &[2, 0], [1.0, 1.0, 0.0], 0.0);
    check(&[[0.0, 0.0, -INF], [0.0, 1.0, 2.0]], &[2, 0], [1.0, 1.0, 0.0], 0.3);
}

/// Rows without a softmax have no loss, whatever the weights.
#[test]
fn what_is_no_number_stays() {
    for row in [[f32::NAN, 0.0, 0.0], [INF, 0.0, 0.0], [-INF; 3]] {
        for smoothing in [0.0, 0.1, 1.0] {
            for weights in [[1.0, 2.0, 1.0], [0.0, 1.0, 1.0]] {
                let loss = WeightedCrossEntropy::new(weights, smoothing).expect("settings in range");
                for (isa, got) in on_every_isa("NaN", |isa| run(&loss, isa, &[row, [0.0; 3]], &[0, 1])) {
                    assert!(got[..4].iter().all(|x| x.is_nan()), "{isa}, {row:?}: {got:?}");
                }
            }
        }
    }
}

#[test]
fn random_extremes() {
    let mut rng = Rng::new(1);
    let numbers = [-INF, -3e38, -1e38, -1e30, -1e4, -100.0, -88.0, -1.0, 0.0, 0.0, 1.0, 30.0, 1e30, 3e38];
    let pick = |rng: &mut Rng, from: &[f32]| from[rng.below(from.len() as u32) as usize];
    for _ in 0..20_000 {
        let mut ys: [[f32; 4]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| pick(&mut rng, &numbers)));
        for y in &mut ys {
            // Something must be possible.
            y[0] = y[0].max(-1e38);
        }
        let weights: [f32; 4] = std::array::from_fn(|_| pick(&mut rng, &[0.0, 0.0, 0.125, 1.0, 3.0]));
        let labels = [rng.below(4) as u8, rng.below(4) as u8];
        if labels.iter().all(|&label| weights[usize::from(label)] == 0.0) {
            continue;
        }
        check(&ys, &labels, weights, pick(&mut rng, &[0.0, 0.0, 0.1, 1.0]));
    }
}

/// An infinite logit is the right answer, without cost, or the wrong one.
#[test]
fn yes_or_no_for_sure() {
    for positive_weight in [1.0, 3.0, 0.0] {
        let loss = BinaryCrossEntropy { positive_weight };
        let ys = [[INF, -INF, f32::MAX, -f32::MAX, 0.0]];
        for (isa, got) in on_every_isa("right", |isa| run(&loss, isa, &ys, &[[1.0, 0.0, 1.0, 0.0, 0.0]])) {
            assert!((got[0] - 2f32.ln() / 5.0).abs() < 1e-6, "{isa}: {got:?}");
            assert_eq!(got[1..], [0.0, 0.0, 0.0, 0.0, 0.1], "{isa}");
        }
        for (isa, got) in on_every_isa("wrong", |isa| run(&loss, isa, &[[INF]], &[[0.0]])) {
            assert_eq!(got, [INF, 1.0], "{isa}");
        }
        for (isa, got) in on_every_isa("NaN", |isa| run(&loss, isa, &[[f32::NAN]], &[[1.0]])) {
            assert!(got.iter().all(|x| x.is_nan()), "{isa}: {got:?}");
        }
    }
}
