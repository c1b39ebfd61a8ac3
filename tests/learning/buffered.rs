//! Optimisers that gather gradients first.

use crate::support::isas::isas;
use crate::support::probes::Reveal;
use fusebox::{
    Accumulate, Adam, AdamW, ClipNorm, ClipValue, CrossEntropy, Dense, Gelu, Isa, LayerNorm, Momentum,
    Optimizer, Rng, Seq, Sgd, WeightDecay, Workspace,
};
use std::ops::Range;

type Net = Seq![Dense<5, 17, Gelu>, LayerNorm<17>, Dense<17, 3>];
const ROWS: usize = 8;

fn data() -> ([[f32; 5]; ROWS], [u8; ROWS]) {
    let mut rng = Rng::new(1);
    let xs = std::array::from_fn(|_| std::array::from_fn(|_| 4.0 * rng.uniform() - 2.0));
    (xs, std::array::from_fn(|_| rng.below(3) as u8))
}

fn net() -> Net {
    Net::he(&mut Rng::new(2))
}

fn numbers(net: &Net) -> Vec<f32> {
    net.as_bytes().chunks(4).map(|b| f32::from_le_bytes(b.try_into().expect("four"))).collect()
}

/// What batches of the sizes given, one after the other from the start of the data, make of the network; the numbers after
/// each.
fn train<O: Optimizer>(isa: Isa, optimizer: &O, batches: &[usize]) -> Vec<Vec<f32>> {
    let (xs, labels) = data();
    let mut net = net();
    let mut workspace = Workspace::<Net, ROWS, O, CrossEntropy>::with_loss(CrossEntropy);
    let mut start = 0;
    let after = batches.iter().map(|&rows| {
        let batch = start..start + rows;
        start = (start + rows) % ROWS;
        let step = workspace.train_step_with(isa, &mut net, &xs[batch.clone()], &labels[batch], optimizer);
        step.expect("rows that fit");
        numbers(&net)
    });
    after.collect()
}

/// The gradient of the rows given.
fn gradient(isa: Isa, rows: Range<usize>) -> Vec<f64> {
    let (xs, labels) = data();
    let mut net = net();
    let mut workspace = Workspace::<Net, ROWS, Reveal>::new();
    let (xs, labels) = (&xs[rows.clone()], &labels[rows]);
    workspace.train_step_with(isa, &mut net, xs, labels, &Reveal).expect("rows that fit");
    numbers(&net).into_iter().map(f64::from).collect()
}

fn norm(xs: impl IntoIterator<Item = f64>) -> f64 {
    xs.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// A rounding.
const U: f64 = 1.0 / 16_777_216.0;

/// What shortening rounds in all, relatively: the sum of `terms` squares, a root, a quotient, a product and the rate's.
fn shortening(terms: usize) -> f64 {
    1.01 * U * (terms as f64 + 6.0)
}

/// Panics unless the way from `before` to `after` is as long as `limit`.
fn check_length(what: &str, before: &[f32], after: &[f32], limit: f32) {
    let way = norm(after.iter().zip(before).map(|(&after, &before)| f64::from(after) - f64::from(before)));
    let limit = f64::from(limit);
    let bound = shortening(after.len()) * limit + 1.01 * U * norm(after.iter().map(|&x| x.into()));
    assert!((way - limit).abs() <= bound, "{what}: {way}, not {limit}");
}

#[test]
fn short_gradients_are_left_as_they_are() {
    for isa in isas() {
        let batches = [4, 2, 2, 8];
        let plain = train(isa, &Adam::new(0.01), &batches);
        assert_eq!(train(isa, &ClipNorm::new(Adam::new(0.01), 1e6), &batches), plain, "{isa}");
        let infinite = ClipNorm::new(Adam::new(0.01), f32::INFINITY);
        assert_eq!(train(isa, &infinite, &batches), plain, "{isa}: no limit");
    }
}

/// A longer one keeps its direction and gets the norm asked for.
#[test]
fn long_gradients_are_shortened() {
    for isa in isas() {
        let (exact, before) = (gradient(isa, 0..ROWS), numbers(&net()));
        let length = norm(exact.iter().copied());
        for part in [0.9, 0.5, 1e-3] {
            let limit = (part * length) as f32;
            let after = train(isa, &ClipNorm::new(Sgd::new(1.0), limit), &[ROWS]).remove(0);
            check_length(&format!("{isa}"), &before, &after, limit);
            for ((&before, &after), g) in before.iter().zip(&after).zip(&exact) {
                let expected = -g * f64::from(limit) / length;
                let step = f64::from(after) - f64::from(before);
                let bound = shortening(exact.len()) * expected.abs() + 1.01 * U * f64::from(after.abs());
                assert!((step - expected).abs() <= bound, "{isa}: {step}, not {expected}");
            }
        }
    }
}

/// Nothing moves before the last batch; then as after one step on all rows, but for the order of the sum over the rows.
/// Numbers of rows are powers of two, so that whatever they multiply and divide is exact, and so is each row's share:
/// each of the two sums rounds at most once a row and once a batch, and each parameter once.
#[test]
fn accumulated_batches_are_one_step_on_all_rows() {
    for isa in isas() {
        let whole = train(isa, &Sgd::new(1.0), &[ROWS]).remove(0);
        let shares: Vec<Vec<f64>> = (0..ROWS).map(|row| gradient(isa, row..row + 1)).collect();
        for batches in [&[4, 4][..], &[1; 8], &[1, 1, 2, 4], &[4, 2, 2]] {
            let got = train(isa, &Accumulate::new(Sgd::new(1.0), batches.len() as u32), batches);
            let (last, before) = got.split_last().expect("a batch");
            assert!(
                before.iter().all(|before| *before == numbers(&net())),
                "{isa}, {batches:?}: moved too early"
            );
            assert!(*last != numbers(&net()), "{isa}, {batches:?}: has not moved");
            for (i, (&got, &whole)) in last.iter().zip(&whole).enumerate() {
                let magnitude = shares.iter().map(|share| share[i].abs()).sum::<f64>() / ROWS as f64;
                let roundings = 2.0 * ROWS as f64 + batches.len() as f64 + 1.0;
                let bound =
                    1.01 * U * (roundings * magnitude + f64::from(got.abs()) + f64::from(whole.abs()));
                let apart = (f64::from(got) - f64::from(whole)).abs();
                assert!(apart <= bound, "{isa}, {batches:?}: {got}, not {whole}, at {i}");
            }
        }
    }
}

/// Two rounds of three batches are two steps: what is kept between them is the inner optimiser's alone.
#[test]
fn rounds_do_not_leak_into_each_other() {
    for isa in isas() {
        let batches = [4; 6];
        let optimizer = Accumulate::new(Momentum::new(0.5, 0.9), 3);
        let got = train(isa, &optimizer, &batches);
        assert_eq!(got[0], got[1], "{isa}");
        assert_eq!(got[2], got[4], "{isa}");
        assert!(got[1] != got[2] && got[4] != got[5], "{isa}");
        // A single batch is its own mean: multiplied by 4 and by 1 / 4, both exact.
        let plain = train(isa, &Momentum::new(0.5, 0.9), &batches);
        for one in [0, 1] {
            let got = train(isa, &Accumulate::new(Momentum::new(0.5, 0.9), one), &batches);
            assert_eq!(got, plain, "{isa}, {one}");
        }
    }
}

/// Any may stand in any other: where the outer ones have nothing to do, what comes out is the inner one's.
#[test]
fn nesting() {
    let batches = [4, 4, 4, 4];
    for isa in isas() {
        let plain = train(isa, &AdamW::new(0.01, 0.1), &batches);
        let nested = Accumulate::new(ClipNorm::new(AdamW::new(0.01, 0.1), 1e6), 1);
        assert_eq!(train(isa, &nested, &batches), plain, "{isa}");
        let nested = ClipNorm::new(Accumulate::new(AdamW::new(0.01, 0.1), 1), 1e6);
        assert_eq!(train(isa, &nested, &batches), plain, "{isa}");

        let plain = train(isa, &WeightDecay::new(Momentum::new(0.1, 0.9), 0.1), &batches);
        let nested = WeightDecay::new(ClipValue::new(Momentum::new(0.1, 0.9), 1e6), 0.1);
        assert_eq!(train(isa, &nested, &batches), plain, "{isa}");

        // What is shortened is the mean of the batches.
        let together = Accumulate::new(ClipNorm::new(Sgd::new(1.0), 0.01), 2);
        let got = train(isa, &together, &[4, 4]);
        check_length(&format!("{isa}"), &numbers(&net()), &got[1], 0.01);
    }
}

/// What was kept and counted is gone: the next steps are those of a new workspace.
#[test]
fn reset() {
    let (xs, labels) = data();
    let optimizer = Accumulate::new(ClipNorm::new(Adam::new(0.01), 0.1), 2);
    let mut used = Workspace::<Net, ROWS, Accumulate<ClipNorm<Adam>>>::new();
    let mut moved = net();
    for _ in 0..3 {
        used.train_step(&mut moved, &xs, &labels, &optimizer).expect("rows that fit");
    }
    used.reset_optimizer();
    let mut fresh = Workspace::<Net, ROWS, Accumulate<ClipNorm<Adam>>>::new();
    let (mut a, mut b) = (net(), net());
    for _ in 0..5 {
        let loss = used.train_step(&mut a, &xs, &labels, &optimizer);
        assert_eq!(loss, fresh.train_step(&mut b, &xs, &labels, &optimizer));
        assert_eq!(a, b);
    }
    assert!(a != net() && moved != net());
}
