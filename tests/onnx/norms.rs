//! Batch, group, instance, layer and root mean square normalisation.
//!
//! The epsilon of layer and root mean square normalisation is a parameter; that of the others is 1e-5. To a variance that is given, the test adds what another epsilon is more than that.
//! Numbers that are normalised by their own statistics it multiplies by s = sqrt(1e-5 / epsilon): with s^2 epsilon, s x
//! has the `(x - mean) / sqrt(variance + epsilon)` that x has with epsilon.

use crate::bounds::{U, normalised};
use crate::nodes::{Case, Map, Nodes, numbers, typed};
use crate::support::isas::isas;
use fusebox::layers::Picture;
use fusebox::{BatchNorm, GroupNorm, LayerNorm, RmsNorm, Train, Whole, Zeroed};

const EPSILON: f64 = 1e-5;

/// The bounds of a case's numbers. `group` is the number of what is normalised together with number `i`, `channel` its
/// place among the gains and shifts.
fn bounds(
    nodes: &Nodes,
    case: &Case,
    group: impl Fn(usize) -> usize,
    channel: impl Fn(usize) -> usize,
) -> Vec<f64> {
    let field = |name| nodes.numbers(case.name, name);
    let (gain, shift, epsilon) = (field("weight"), field("bias"), nodes.epsilon(case.name));
    let mut groups: Vec<Vec<f64>> = Vec::new();
    for (i, &x) in case.x.iter().enumerate() {
        groups.resize_with(groups.len().max(group(i) + 1), Vec::new);
        groups[group(i)].push(x.into());
    }
    let moments: Vec<[f64; 2]> = groups
        .iter()
        .map(|x| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            [x.iter().fold(0.0, |largest, x| f64::max(largest, x.abs())), (variance + epsilon).sqrt()]
        })
        .collect();
    let bound = |(i, &y): (usize, &f32)| {
        let ([largest, deviation], n) = (moments[group(i)], groups[group(i)].len());
        normalised(n, largest, deviation, [gain[channel(i)], shift[channel(i)]], y)
    };
    case.y.iter().enumerate().map(bound).collect()
}

/// A case's numbers times s, and s.
fn scaled(nodes: &Nodes, mut case: Case) -> (Case, f64) {
    let scale = (EPSILON / nodes.epsilon(case.name)).sqrt();
    case.x.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
    (case, scale)
}

fn layer_norm<const N: usize>(nodes: &Nodes, name: &'static str) {
    let case = nodes.case(name);
    let [gain, shift] = ["weight", "bias"].map(|field| nodes.parameter(name, field));
    let bounds = bounds(nodes, &case, |i| i / N, |i| i % N);
    match nodes.epsilon(name) as f32 {
        0.1 => nodes.check(&case, &LayerNorm::<N, -1> { gain, shift }, |i| bounds[i]),
        1e-5 => nodes.check(&case, &LayerNorm::<N> { gain, shift }, |i| bounds[i]),
        other => panic!("{name}: no layer has an epsilon of {other}"),
    }
}

/// The root mean square is off by (n / 2 + 2) u of itself, its reciprocal and three products by 5 u.
fn rms_norm<const N: usize>(nodes: &Nodes, name: &'static str) {
    let case = nodes.case(name);
    let gain = nodes.parameter(name, "weight");
    let bound = |i: usize| 2.0 * (N as f64 / 2.0 + 8.0) * U * f64::from(case.y[i].abs());
    match nodes.epsilon(name) as f32 {
        0.1 => nodes.check(&case, &RmsNorm::<N, -1> { gain }, bound),
        1e-5 => nodes.check(&case, &RmsNorm::<N, -5> { gain }, bound),
        other => panic!("{name}: no layer has an epsilon of {other}"),
    }
}

fn group_norm<I: Picture, const C: usize, const GROUPS: usize>(nodes: &Nodes, name: &'static str) {
    assert_eq!(nodes.numbers(name, "groups"), [GROUPS as f32]);
    let case = nodes.case(name);
    let mut layer = GroupNorm::<I, C, GROUPS>::ZEROED;
    [layer.gain, layer.shift] = ["weight", "bias"].map(|field| nodes.parameter(name, field));
    let group = |i| i / (I::HEIGHT * I::WIDTH * C) * GROUPS + i % C / (C / GROUPS);
    let bounds = bounds(nodes, &case, group, |i| i % C);
    nodes.check(&scaled(nodes, case).0, &layer, |i| bounds[i]);
}

type Norm = BatchNorm<Map<4, 5, 3>, 3>;

fn batch_norm(nodes: &Nodes, name: &'static str) -> Norm {
    let of_channels = |field: &str| nodes.parameter::<[f32; 3]>(name, field);
    let mut layer = Norm::ZEROED;
    [layer.gain, layer.shift] = ["weight", "bias"].map(of_channels);
    [layer.mean, layer.variance] = ["mean", "variance"].map(of_channels);
    layer
}

fn given_statistics(nodes: &Nodes, name: &'static str) {
    let (case, mut layer, epsilon) = (nodes.case(name), batch_norm(nodes, name), nodes.epsilon(name));
    let (mean, deviation) = (layer.mean, layer.variance.map(|v| (f64::from(v) + epsilon).sqrt()));
    layer.variance = layer.variance.map(|v| (f64::from(v) + (epsilon - EPSILON)) as f32);
    nodes.check(&case, &layer, |i| {
        let largest = f64::from(case.x[i].abs()) + f64::from(mean[i % 3].abs());
        normalised(0, largest, deviation[i % 3], [layer.gain[i % 3], layer.shift[i % 3]], case.y[i])
    });
}

/// The batch's statistics, and what is remembered of them. onnx moves the running variance towards the batch's, the
/// layer towards n / (n - 1) times that.
fn statistics_of_the_batch(nodes: &Nodes, name: &'static str) {
    let (case, before) = (nodes.case(name), batch_norm(nodes, name));
    let bounds = bounds(nodes, &case, |i| i % 3, |i| i % 3);
    let (largest, n) = (case.largest(), case.x.len() as f64 / 3.0);
    let (case, scale) = scaled(nodes, case);
    let xs = typed::<Map<4, 5, 3>>(&case.x);
    let [mean_after, variance_after] =
        ["mean_after", "variance_after"].map(|field| nodes.parameter::<[f32; 3]>(name, field));
    for isa in isas() {
        let mut layer = before;
        layer.mean = before.mean.map(|mean| (f64::from(mean) * scale) as f32);
        layer.variance = before.variance.map(|variance| (f64::from(variance) * scale * scale) as f32);
        let (pace, mut memory) = (&mut Whole::on(isa), ());
        let (mut ys, mut tape) = (xs.clone(), vec![Zeroed::ZEROED; xs.len()]);
        layer.forward(pace, &xs, Some(&memory), &mut tape, &mut ys);
        case.compare(isa, &numbers(&ys), |i| bounds[i]);

        layer.remember(pace, &xs, &tape, &mut memory);
        let roundings = 2.0 * (n + 8.0) * U;
        for channel in 0..3 {
            let of = |of: [f32; 3]| f64::from(of[channel]);
            let (got, expected) = (of(layer.mean) / scale, of(mean_after));
            let bound = roundings * (of(before.mean).abs() + largest);
            assert!((got - expected).abs() <= bound, "{name}, {isa}: the mean is {got}, not {expected}");
            let kept = 0.9 * of(before.variance);
            let expected = kept + (of(variance_after) - kept) * n / (n - 1.0);
            let got = of(layer.variance) / (scale * scale);
            let bound = roundings * (of(before.variance) + largest * largest);
            assert!((got - expected).abs() <= bound, "{name}, {isa}: the variance is {got}, not {expected}");
        }
    }
    nodes.note(&case);
}

pub(crate) fn run(nodes: &Nodes) {
    for name in ["batchnorm_example", "batchnorm_epsilon"] {
        given_statistics(nodes, name);
    }
    for name in ["batchnorm_example_training_mode", "batchnorm_epsilon_training_mode"] {
        statistics_of_the_batch(nodes, name);
    }

    for name in ["group_normalization_example", "group_normalization_epsilon"] {
        group_norm::<Map<2, 2, 4>, 4, 2>(nodes, name);
    }
    // An instance normalisation has a group for each channel.
    group_norm::<Map<1, 3, 2>, 2, 2>(nodes, "instancenorm_example");
    group_norm::<Map<4, 5, 3>, 3, 3>(nodes, "instancenorm_epsilon");

    for name in ["layer_normalization_2d_axis0", "layer_normalization_2d_axis_negative_2"] {
        layer_norm::<12>(nodes, name);
    }
    for name in ["layer_normalization_2d_axis1", "layer_normalization_2d_axis_negative_1"] {
        layer_norm::<4>(nodes, name);
    }
    for name in ["layer_normalization_3d_axis0_epsilon", "layer_normalization_3d_axis_negative_3_epsilon"] {
        layer_norm::<30>(nodes, name);
    }
    for name in ["layer_normalization_3d_axis1_epsilon", "layer_normalization_3d_axis_negative_2_epsilon"] {
        layer_norm::<15>(nodes, name);
    }
    for name in ["layer_normalization_3d_axis2_epsilon", "layer_normalization_3d_axis_negative_1_epsilon"] {
        layer_norm::<5>(nodes, name);
    }
    for name in ["layer_normalization_4d_axis0", "layer_normalization_4d_axis_negative_4"] {
        layer_norm::<120>(nodes, name);
    }
    for name in ["layer_normalization_4d_axis1", "layer_normalization_4d_axis_negative_3"] {
        layer_norm::<60>(nodes, name);
    }
    for name in ["layer_normalization_4d_axis2", "layer_normalization_4d_axis_negative_2"] {
        layer_norm::<20>(nodes, name);
    }
    for name in [
        "layer_normalization_4d_axis3",
        "layer_normalization_4d_axis_negative_1",
        "layer_normalization_default_axis",
    ] {
        layer_norm::<5>(nodes, name);
    }

    for name in ["rms_normalization_2d_axis0", "rms_normalization_2d_axis_negative_2"] {
        rms_norm::<12>(nodes, name);
    }
    for name in ["rms_normalization_2d_axis1", "rms_normalization_2d_axis_negative_1"] {
        rms_norm::<4>(nodes, name);
    }
    for name in ["rms_normalization_3d_axis0_epsilon", "rms_normalization_3d_axis_negative_3_epsilon"] {
        rms_norm::<30>(nodes, name);
    }
    for name in ["rms_normalization_3d_axis1_epsilon", "rms_normalization_3d_axis_negative_2_epsilon"] {
        rms_norm::<15>(nodes, name);
    }
    for name in ["rms_normalization_3d_axis2_epsilon", "rms_normalization_3d_axis_negative_1_epsilon"] {
        rms_norm::<5>(nodes, name);
    }
    for name in ["rms_normalization_4d_axis0", "rms_normalization_4d_axis_negative_4"] {
        rms_norm::<120>(nodes, name);
    }
    for name in ["rms_normalization_4d_axis1", "rms_normalization_4d_axis_negative_3"] {
        rms_norm::<60>(nodes, name);
    }
    for name in ["rms_normalization_4d_axis2", "rms_normalization_4d_axis_negative_2"] {
        rms_norm::<20>(nodes, name);
    }
    for name in [
        "rms_normalization_4d_axis3",
        "rms_normalization_4d_axis_negative_1",
        "rms_normalization_default_axis",
    ] {
        rms_norm::<5>(nodes, name);
    }
}
