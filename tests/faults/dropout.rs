//! Dropout's masks: not correlated between rows, steps and units; and a network that is looked at has none.

use crate::support::isas::isas;
use fusebox::{Dense, Dropout, Isa, Relu, Repeat, Rng, Seq, Sgd, Train, Whole, Workspace, Zeroed};

/// The masks of `STEPS` steps, `ROWS` rows each: bits of 64 units.
fn masks<const PERCENT: u32, const SEED: u64>(steps: u32, rows: usize) -> Vec<Vec<u64>> {
    let layer = Dropout::<64, PERCENT, SEED>;
    let xs = vec![[1.0; 64]; rows];
    let (mut ys, mut tape) = (xs.clone(), vec![Zeroed::ZEROED; rows]);
    let mut memory = Zeroed::ZEROED;
    let pace = &mut Whole::on(Isa::portable());
    (0..steps)
        .map(|_| {
            layer.forward(pace, &xs, Some(&memory), &mut tape, &mut ys);
            { layer }.remember(pace, &xs, &tape, &mut memory);
            ys.iter().map(|y| (0..64).fold(0, |bits, i| bits | u64::from(y[i] == 0.0) << i)).collect()
        })
        .collect()
}

/// How often each of 64 units is dropped.
fn counts(masks: impl Iterator<Item = u64>) -> [u32; 64] {
    let mut counts = [0_u32; 64];
    for mask in masks {
        counts.iter_mut().enumerate().for_each(|(i, count)| *count += (mask >> i & 1) as u32);
    }
    counts
}

/// The correlation of the units of two masks, unit by unit, over all pairs.
fn correlations(pairs: &[(u64, u64)]) -> impl Iterator<Item = f64> {
    let n = pairs.len() as f64;
    let (a, b) = (counts(pairs.iter().map(|pair| pair.0)), counts(pairs.iter().map(|pair| pair.1)));
    let both = counts(pairs.iter().map(|pair| pair.0 & pair.1));
    (0..64).map(move |i| {
        let [a, b, both] = [a[i], b[i], both[i]].map(|count| f64::from(count) / n);
        (both - a * b) / (a * (1.0 - a) * b * (1.0 - b)).sqrt()
    })
}

/// Of n independent pairs the correlation has a deviation of 1 / sqrt(n): 0.005 for 40,000. None of so many pairs should lie
/// beyond six of them (once in 10^9 by chance).
fn uncorrelated<const PERCENT: u32, const SEED: u64>() {
    const STEPS: usize = 40_000;
    let p = f64::from(PERCENT) / 100.0;
    let bound = 6.0 / (STEPS as f64).sqrt();
    let masks = masks::<PERCENT, SEED>(STEPS as u32, 4);
    let dropped: u64 = masks.iter().flatten().map(|mask| u64::from(mask.count_ones())).sum();
    let share = dropped as f64 / (STEPS * 4 * 64) as f64;
    assert!((share - p).abs() < 6.0 * (p * (1.0 - p) / (STEPS * 256) as f64).sqrt(), "{share} dropped");
    for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
        for turn in [0, 1, 7, 32] {
            let pairs: Vec<_> = masks.iter().map(|mask| (mask[a], mask[b].rotate_left(turn))).collect();
            for (unit, found) in correlations(&pairs).enumerate() {
                assert!(
                    found.abs() < bound,
                    "{PERCENT} %, rows {a}, {b}, turned by {turn}, unit {unit}: {found}"
                );
            }
        }
    }
    let successive: Vec<_> = masks.windows(2).map(|pair| (pair[0][0], pair[1][0])).collect();
    assert!(correlations(&successive).all(|found| found.abs() < bound), "{PERCENT} %, successive steps");
}

#[test]
fn masks_are_not_correlated() {
    uncorrelated::<25, 0>();
    uncorrelated::<50, 0>();
    uncorrelated::<50, 1>();
}

/// Layers of other seeds, and blocks of a `Repeat`, draw other numbers.
#[test]
fn seeds_and_blocks_draw_other_numbers() {
    let [first, second] = [masks::<50, 0>(500, 2), masks::<50, 1>(500, 2)];
    let same: u32 =
        first.iter().flatten().zip(second.iter().flatten()).map(|(a, b)| (!(a ^ b)).count_ones()).sum();
    // Half of 64,000, whose deviation is 126.
    assert!((f64::from(same) - 32_000.0).abs() < 6.0 * 126.0, "{same} of 64,000 alike");

    let blocks = Repeat::<2, Dropout<64, 50>>::ZEROED;
    let (xs, mut ys, mut tape) = ([[1.0; 64]; 40], [[0.0; 64]; 40], [Zeroed::ZEROED; 40]);
    let memory = Zeroed::ZEROED;
    blocks.forward(&mut Whole::on(Isa::portable()), &xs, Some(&memory), &mut tape, &mut ys);
    // Two masks that have nothing to do with each other leave a quarter, of 2560: deviation 22. One and the same leaves half.
    let left = ys.as_flattened().iter().filter(|y| **y != 0.0).count();
    assert!((left as f64 - 640.0).abs() < 6.0 * 22.0, "{left} of 2560 left");
}

type Net = Seq![Dense<2, 16, Relu>, Dropout<16, 50>, Dense<16, 2>];
const XS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
const LABELS: [u8; 4] = [0, 1, 1, 0];

#[test]
fn looking_changes_nothing() {
    for isa in isas() {
        let [mut net, mut watched] = [Net::he(&mut Rng::new(1)); 2];
        let [mut workspace, mut other] = [const { Workspace::<Net, 4>::new() }; 2];
        for _ in 0..20 {
            let loss = workspace.train_step_with(isa, &mut net, &XS, &LABELS, &Sgd::new(0.1));
            let same = other.train_step_with(isa, &mut watched, &XS, &LABELS, &Sgd::new(0.1));
            assert_eq!(loss.map(f32::to_bits), same.map(f32::to_bits), "{isa}");
            assert_eq!(net, watched, "{isa}");
            let mut dxs = [[0.0; 2]; 4];
            let looked =
                other.input_gradient_with(isa, &watched, &XS, &LABELS, &mut dxs).expect("a gradient");
            let validated = other.validate_with(isa, &watched, &XS, &LABELS).expect("a loss");
            assert_eq!(looked.to_bits(), validated.to_bits(), "{isa}");
        }
    }
}

/// The loss of a network that is looked at is that of the network without its dropout.
#[test]
fn looking_has_no_dropout() {
    type Bare = Seq![Dense<2, 16, Relu>, Dense<16, 2>];
    let net = Net::he(&mut Rng::new(1));
    let bare = Bare { first: net.first, rest: net.rest.rest };
    for isa in isas() {
        let (mut dxs, mut bare_dxs) = ([[0.0; 2]; 4], [[0.0; 2]; 4]);
        let loss = Workspace::<Net, 4>::new().input_gradient_with(isa, &net, &XS, &LABELS, &mut dxs);
        let expected =
            Workspace::<Bare, 4>::new().input_gradient_with(isa, &bare, &XS, &LABELS, &mut bare_dxs);
        assert_eq!((loss, dxs), (expected, bare_dxs), "{isa}");
        let mut ys = [[0.0; 2]; 4];
        net.infer_with(isa, &XS, &mut fusebox::Scratch::<_, 4>::new(), &mut ys).expect("outputs");
        let mut bare_ys = [[0.0; 2]; 4];
        bare.infer_with(isa, &XS, &mut fusebox::Scratch::<_, 4>::new(), &mut bare_ys).expect("outputs");
        assert_eq!(ys, bare_ys, "{isa}");
    }
}

/// A step that a guard refuses leaves the masks of the steps after it as they would have been.
#[test]
fn a_refused_step_is_not_noticed() {
    let isa = Isa::detect();
    let [mut net, mut other_net] = [Net::he(&mut Rng::new(1)); 2];
    let [mut workspace, mut other] = [const { Workspace::<Net, 4>::new() }; 2];
    let [mut guard, mut other_guard] = [fusebox::Guard::new(), fusebox::Guard::new()];
    for i in 0..10 {
        let optimizer = Sgd::new(0.1);
        let step = workspace.train_step_guarded_with(isa, &mut net, &XS, &LABELS, &optimizer, &mut guard);
        if i % 3 == 0 {
            let broken = [[f32::NAN; 2]; 4];
            let refused = other.train_step_guarded_with(
                isa,
                &mut other_net,
                &broken,
                &LABELS,
                &optimizer,
                &mut other_guard,
            );
            assert!(refused.is_err());
        }
        let same =
            other.train_step_guarded_with(isa, &mut other_net, &XS, &LABELS, &optimizer, &mut other_guard);
        assert_eq!((step, net), (same, other_net));
    }
}
