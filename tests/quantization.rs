//! Networks of eight bits made of trained ones: weights against another way to the same layer, outputs of single layers against
//! the bound that the rounding leaves, every kind of network on every instruction set, and what is refused.

mod support {
    pub(crate) mod isas;
}

use fusebox::int8::{
    self, Aware, Calibration, Clamp, Fidelity, MinMax, MovingAverage, Observer, Percentile, Quantization,
    Quantized, Ranges, ToInt8, WeightScale,
};
use fusebox::layers::{Around, Same, Valid, Window};
use fusebox::{
    Activate, AvgPool2d, BatchNorm, Budget, Conv1d, Conv2d, Dense, DepthwiseConv2d, Dropout, Each, Error,
    Flatten, Gelu, GeluTanh, GlobalAvgPool, GlobalMaxPool, Isa, Layer, LeakyRelu, Learner, MaxPool1d,
    MaxPool2d, Plain, Relu, Relu6, Residual, Rng, Scratch, Seq, Sgd, Sigmoid, Silu, Softmax, Tanh, Train,
    View, Workspace, Zeroed,
};
use std::num::FpCategory;
use support::isas::isas;

const ROWS: usize = 24;

fn random<T: Plain>(rng: &mut Rng) -> T {
    let numbers: Vec<u8> = (0..size_of::<T>() / 4).flat_map(|_| (2.0 * rng.normal()).to_le_bytes()).collect();
    T::copy_from_bytes(&numbers).expect("as many bytes")
}

/// A network whose every parameter is random.
fn net<N: Train + Plain>(rng: &mut Rng) -> N {
    let mut net = N::he(rng);
    let numbers: Vec<u8> = net
        .as_bytes()
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|bytes| (f32::from_le_bytes(*bytes) + 0.1 * rng.uniform()).to_le_bytes())
        .collect();
    net = N::copy_from_bytes(&numbers).expect("as many bytes");
    net
}

fn ranges<N: ToInt8, O: Observer>(net: &N, xs: &[N::Input]) -> Ranges<N> {
    let mut calibration = Calibration::<N, 7, O>::new();
    calibration.observe_with(Isa::portable(), net, xs).expect("rows");
    calibration.ranges().expect("ranges")
}

fn infer<N: Layer>(isa: Isa, net: &N, xs: &[N::Input]) -> Vec<N::Output> {
    let mut ys = vec![N::Output::ZEROED; xs.len()];
    net.infer_with(isa, xs, &mut Scratch::<N, ROWS>::new(), &mut ys).expect("rows");
    ys
}

fn numbers<T: Plain>(ys: &[T]) -> Vec<f32> {
    ys.iter()
        .flat_map(|y| y.as_bytes().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)))
        .collect()
}

/// Quantises a random network by each observer. On every instruction set the outputs of eight bits are the same, the report's
/// noise is less than `decibels` allow in every output, and it is the noise of the outputs themselves.
fn check<N: Train<Input: Plain> + ToInt8 + Plain>(name: &str, decibels: f64) {
    let mut rng = Rng::new(11);
    let net = net::<N>(&mut rng);
    let xs: Vec<N::Input> = (0..ROWS).map(|_| random(&mut rng)).collect();
    let each = [
        ranges::<N, MinMax>(&net, &xs),
        ranges::<N, MovingAverage<50>>(&net, &xs),
        ranges::<N, Percentile<512, 0>>(&net, &xs),
    ];
    for (observer, ranges) in each.iter().enumerate() {
        let int8 = ranges.quantize(&net).expect("finite");
        let mut same = Quantized::<N>::ZEROED;
        ranges.quantize_into(&net, &mut same).expect("finite");
        let expected = numbers(&infer(Isa::portable(), &int8, &xs));
        for isa in isas() {
            assert_eq!(numbers(&infer(isa, &int8, &xs)), expected, "{name} {isa}");
            assert_eq!(numbers(&infer(isa, &same, &xs)), expected, "{name} {isa}, in place");
            let mut fidelity = Fidelity::<N, 5>::new();
            fidelity.observe_with(isa, ranges, &net, &int8, &xs).expect("rows");
            // A moving average cuts what is far out.
            let least = if observer == 1 { decibels - 22.0 } else { decibels };
            for line in fidelity.lines() {
                assert!(line.decibels > least, "{name} {isa} {observer}\n{fidelity}");
            }
            let reals = numbers(&infer(isa, &net, &xs));
            let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                reals.iter().zip(&expected).map(|(&x, &y)| f(x.into(), y.into())).sum()
            };
            let ratio = 10.0 * (sum(&|x, _| x * x) / sum(&|x, y| (x - y) * (x - y))).log10();
            // A layer without an output of its own, such as a pool, has no line.
            let last = fidelity.lines().last().expect("an input").decibels;
            assert!(
                (ratio - last).abs() < 1e-6 || name.contains("pool"),
                "{name} {isa}: {ratio}\n{fidelity}"
            );
        }
    }
}

type P = [[[f32; 3]; 6]; 5];
type Q = [[[f32; 4]; 6]; 5];

#[test]
fn dense_networks() {
    check::<Dense<5, 3>>("dense", 33.0);
    check::<Seq![Dense<9, 17, Relu>, Dense<17, 6, Relu6>, Dense<6, 3>]>("dense x 3", 27.0);
    check::<Seq![Dense<9, 8, LeakyRelu<20>>, Dense<8, 7, Tanh>, Dense<7, 4, Sigmoid>]>("curves", 25.0);
    check::<Seq![Dense<9, 8, Gelu>, Dense<8, 7, GeluTanh>, Dense<7, 4, Silu>]>("bumps", 24.0);
    check::<Seq![Dense<9, 8>, Activate<8, Relu>, Dropout<8, 50>, Dense<8, 4>, Softmax<4>]>("softmax", 25.0);
    check::<
        Seq![Dense<9, 8, Relu>, Dropout<8, 50>, Residual<Seq![Dense<8, 6, Gelu>, Dense<6, 8>]>, Dense<8, 2>],
    >("residual", 25.0);
    check::<Seq![Each<3, Dense<4, 5, Relu>>, Flatten<3, 5, Dense<15, 2>>]>("each", 28.0);
}

#[test]
fn convolutional_networks() {
    check::<Conv2d<P, Q, 3, 3, 3, 4>>("conv", 33.0);
    check::<DepthwiseConv2d<P, [[[f32; 6]; 6]; 5], 3, 3, 6, Window<Same>, Relu>>("depthwise", 31.0);
    check::<Seq![Conv2d<P, Q, 3, 3, 3, 4, Window, Silu>, MaxPool2d<Q, [[[f32; 4]; 3]; 5], 1, 2>]>(
        "max pool", 28.0,
    );
    check::<
        Seq![Conv2d<P, Q, 1, 1, 3, 4, Window, Relu>, AvgPool2d<Q, [[[f32; 4]; 6]; 3], 3, 3, Window<Around<1>, 2>>],
    >("mean pool", 28.0);
    check::<Seq![Conv2d<P, Q, 3, 3, 3, 4, Window, Relu>, GlobalAvgPool<Q, 4>, Dense<4, 3>]>("means", 26.0);
    check::<Seq![Conv2d<P, Q, 3, 3, 3, 4, Window, Relu>, GlobalMaxPool<Q, 4>, Dense<4, 3>]>("largest", 26.0);
    check::<Seq![Conv1d<8, 2, 8, 3, 2, 4, Window, Relu>, MaxPool1d<8, 4, 4, 2>, Flatten<4, 4, Dense<16, 3>>]>(
        "sequence", 26.0,
    );
}

type Normed =
    Seq![Conv2d<P, Q, 3, 3, 3, 4>, BatchNorm<Q, 4, Relu>, Conv2d<Q, Q, 3, 3, 4, 4>, BatchNorm<Q, 4>];

#[test]
fn normalised_networks() {
    check::<Normed>("normalised", 26.0);
    check::<
        Seq![BatchNorm<P, 3, Relu>, Conv2d<P, Q, 3, 3, 3, 4>, BatchNorm<Q, 4, Gelu>, Conv2d<Q, Q, 1, 1, 4, 4>],
    >("normalised first", 25.0);
    check::<
        Seq![DepthwiseConv2d<P, P, 3, 3, 3>, BatchNorm<P, 3, Relu6>, Residual<Seq![Conv2d<P, P, 3, 3, 3, 3>, BatchNorm<P, 3>]>],
    >("normalised residual", 26.0);
}

/// Folding: the counterpart is that of the convolution into which the normalisation was folded.
#[test]
fn normalisation_vanishes() {
    type Int8 = Seq![
        int8::Conv2d<[[[i8; 3]; 6]; 5], [[[i8; 4]; 6]; 5], 3, 3, 3, 4>,
        int8::Conv2d<[[[i8; 4]; 6]; 5], [[[i8; 4]; 6]; 5], 3, 3, 4, 4>
    ];
    type Folded = Seq![Conv2d<P, Q, 3, 3, 3, 4, Window, Relu>, Conv2d<Q, Q, 3, 3, 4, 4>];
    let mut rng = Rng::new(3);
    let net = net::<Normed>(&mut rng);
    let xs: Vec<P> = (0..ROWS).map(|_| random(&mut rng)).collect();
    let folded = Folded {
        first: net.rest.first.folded_into(&net.first),
        rest: net.rest.rest.rest.folded_into(&net.rest.rest.first),
    };
    let one: Int8 = ranges::<_, MinMax>(&net, &xs).quantize(&net).expect("finite").rest.first;
    let other: Int8 = ranges::<_, MinMax>(&folded, &xs).quantize(&folded).expect("finite").rest.first;
    assert_eq!(one.first.weight, other.first.weight);
    assert_eq!(one.rest.weight, other.rest.weight);
    // Ranges of the outputs were rounded in another order.
    for (one, other) in one.first.scale.iter().zip(&other.first.scale) {
        assert!((one.real() / other.real() - 1.0).abs() < 1e-5);
    }
}

/// Weights by output, as TensorFlow Lite has them, of weights by input; their scales; biases.
fn by_output<const DEPTH: usize, const OUT: usize>(
    weight: &[[f32; OUT]; DEPTH],
    bias: &[f32; OUT],
    x: Quantization,
) -> ([[i8; DEPTH]; OUT], [f32; OUT], [i32; OUT]) {
    let scales: [f32; OUT] =
        std::array::from_fn(|o| weight.iter().map(|row| row[o].abs()).fold(0.0, f32::max) / 127.0);
    let weights = std::array::from_fn(|o| std::array::from_fn(|i| (weight[i][o] / scales[o]).round() as i8));
    let biases = std::array::from_fn(|o| {
        (f64::from(bias[o]) / (f64::from(x.scale) * f64::from(scales[o]))).round() as i32
    });
    (weights, scales, biases)
}

/// `int8::Dense::new`, `Conv2d::new` and `DepthwiseConv2d::new` of weights quantised here are the same layers.
#[test]
fn weights_are_those_of_the_format() {
    let mut rng = Rng::new(5);
    let x = |range: [f32; 2]| Quantization::covering(range[0], range[1]).expect("a range");
    let dense = net::<Dense<11, 6, Relu>>(&mut rng);
    let xs: Vec<[f32; 11]> = (0..ROWS).map(|_| random(&mut rng)).collect();
    let ranges = self::ranges::<_, MinMax>(&dense, &xs);
    let [from, to]: [Quantization; 2] =
        ranges.iter().map(|(_, range)| x(range)).collect::<Vec<_>>().try_into().expect("two");
    let ys = numbers(&infer(Isa::portable(), &dense, &xs));
    assert_eq!(to, x([ys.iter().copied().fold(0.0, f32::min), ys.iter().copied().fold(0.0, f32::max)]));
    let (weight, scales, bias) = by_output(&dense.weight, &dense.bias, from);
    let expected = int8::Dense::new(&weight, &bias, from, WeightScale::Outputs(scales), to, Clamp::relu(to));
    assert_eq!(ranges.quantize(&dense).expect("finite").rest.first, expected.expect("scales"));

    let conv = net::<Conv2d<P, [[[f32; 5]; 4]; 4], 2, 3, 3, 5, Window<Valid>, Relu6>>(&mut rng);
    let xs: Vec<P> = (0..ROWS).map(|_| random(&mut rng)).collect();
    let ranges = self::ranges::<_, MinMax>(&conv, &xs);
    let [from, to]: [Quantization; 2] =
        ranges.iter().map(|(_, range)| x(range)).collect::<Vec<_>>().try_into().expect("two");
    let flat: [[f32; 5]; 18] =
        conv.weight.as_flattened().as_flattened().try_into().expect("taps and channels");
    let (weight, scales, bias) = by_output(&flat, &conv.bias, from);
    let weight = weight.map(|weights| {
        std::array::from_fn(|down| {
            std::array::from_fn(|right| std::array::from_fn(|c| weights[down * 9 + right * 3 + c]))
        })
    });
    let expected =
        int8::Conv2d::new(&weight, &bias, from, WeightScale::Outputs(scales), to, Clamp::relu6(to));
    assert_eq!(ranges.quantize(&conv).expect("finite").rest.first, expected.expect("scales"));
}

/// A convolution with filters for each channel, as either type.
#[test]
fn depthwise_as_a_convolution() {
    type X = [[[i8; 3]; 6]; 5];
    type Y = [[[i8; 6]; 6]; 5];
    let mut rng = Rng::new(6);
    let mut byte = || (rng.below(255) as i32 - 127) as i8;
    let weight: [[[[i8; 1]; 3]; 2]; 6] =
        std::array::from_fn(|_| [[[byte()], [byte()], [byte()]], [[byte()], [byte()], [byte()]]]);
    let across: [[[i8; 6]; 3]; 2] = std::array::from_fn(|down| {
        std::array::from_fn(|right| std::array::from_fn(|f| weight[f][down][right][0]))
    });
    let (x, y) = (Quantization { scale: 0.1, zero: 5 }, Quantization { scale: 9.0, zero: -3 });
    let (bias, scale) =
        ([100, -100, 5000, 0, 1, -7000], WeightScale::Outputs([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]));
    let one =
        int8::Conv2d::<X, Y, 2, 3, 1, 6>::new(&weight, &bias, x, scale, y, Clamp::of(y)).expect("scales");
    let other = int8::DepthwiseConv2d::<X, Y, 2, 3, 6>::new(&across, &bias, x, scale, y, Clamp::of(y))
        .expect("scales");
    let xs: Vec<X> =
        (0..4).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| [byte(), byte(), byte()]))).collect();
    for isa in isas() {
        let ys = infer(isa, &one, &xs);
        assert_eq!(ys, infer(isa, &other, &xs), "{isa}");
        assert!(ys.as_flattened().as_flattened().iter().any(|pixel| pixel[0] != y.zero));
    }
}

/// Whole inputs, and weights that are whole multiples of their scale: the outputs are off by no more than their own two roundings,
/// half a step and half a unit of what the first leaves, 2^exponent, and by the multiplier's.
#[test]
fn exact_sums_are_rounded_once() {
    let mut rng = Rng::new(7);
    for depth_case in 0..20 {
        let mut layer = Dense::<13, 5, Relu>::ZEROED;
        for row in &mut layer.weight {
            *row = std::array::from_fn(|_| rng.below(255) as f32 - 127.0);
        }
        layer.weight[depth_case % 13] = [127.0, -127.0, 127.0, -127.0, 127.0];
        layer.bias = std::array::from_fn(|_| rng.below(2000) as f32 - 1000.0);
        let mut xs: Vec<[f32; 13]> =
            (0..ROWS).map(|_| std::array::from_fn(|_| rng.below(256) as f32 - 128.0)).collect();
        (xs[0][0], xs[0][1]) = (-128.0, 127.0); // so that the scale is 1
        let ranges = ranges::<_, MinMax>(&layer, &xs);
        let int8 = ranges.quantize(&layer).expect("finite");
        let [_, (_, [_, most])] = ranges.iter().collect::<Vec<_>>()[..] else { panic!("two lines") };
        for isa in isas() {
            let (reals, others) = (numbers(&infer(isa, &layer, &xs)), numbers(&infer(isa, &int8, &xs)));
            for (i, (real, other)) in reals.iter().zip(&others).enumerate() {
                let off = (real - other).abs() / (most / 255.0);
                let unit = 2.0_f32.powi(int8.rest.first.scale[i % 5].exponent.min(0));
                assert!(off <= 0.5 + 0.5 * unit + 1e-4, "{isa}: {real} {other}, {off} steps");
            }
        }
    }
}

/// Ranges do not depend on how rows come, but for the moving average.
#[test]
fn rows_one_by_one_or_together() {
    type Net = Seq![Dense<4, 6, Relu>, Dense<6, 2>];
    let mut rng = Rng::new(8);
    let net = net::<Net>(&mut rng);
    let xs: Vec<[f32; 4]> = (0..ROWS).map(|_| random(&mut rng)).collect();
    for isa in isas() {
        let mut together = Calibration::<Net, 9, Percentile<64, 20_000>>::new();
        together.observe_with(isa, &net, &xs).expect("rows");
        let mut alone = Calibration::<Net, 1, Percentile<64, 20_000>>::new();
        xs.iter().for_each(|x| alone.observe_with(isa, &net, &[*x]).expect("a row"));
        let (one, other) = (alone.ranges().expect("ranges"), together.ranges().expect("ranges"));
        assert!(one.iter().eq(other.iter()), "{isa}");
    }
}

/// A channel without weights, without a bias, with a bias beside which its weights are nothing.
#[test]
fn channels_of_zeros() {
    let mut layer = Dense::<2, 4>::ZEROED;
    layer.weight = [[0.0, 0.0, 1e-30, 1.0], [0.0, 0.0, -1e-30, 2.0]];
    layer.bias = [0.0, 3.0, -2.0, 0.0];
    let xs = [[1.0, -1.0], [0.5, 0.5]];
    let int8 = ranges::<_, MinMax>(&layer, &xs).quantize(&layer).expect("finite");
    for isa in isas() {
        for (y, expected) in infer(isa, &int8, &xs).iter().zip(infer(isa, &layer, &xs)) {
            for (y, expected) in y.iter().zip(expected).take(3) {
                assert!((y - expected).abs() <= 0.51 * 5.0 / 255.0, "{isa}: {y} {expected}");
            }
        }
    }
}

#[test]
fn what_is_refused() {
    type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    let mut net = Net::ZEROED;
    (net.first.weight, net.rest.weight) = ([[1.0, -1.0, 0.5]; 2], [[1.0], [2.0], [3.0]]);
    let xs = [[1.0, 2.0], [-1.0, 0.5]];
    let mut calibration = Calibration::<Net, 2>::new();
    assert_eq!(calibration.ranges().err(), Some(Error::Empty));
    assert_eq!(calibration.observe(&net, &[]), Err(Error::Empty));
    calibration.observe(&net, &xs).expect("rows");
    let ranges = calibration.ranges().expect("ranges");

    // Inputs: nothing of their batch is observed.
    let refused = Error::NotFinite { row: 2, feature: 1, got: FpCategory::Infinite };
    assert_eq!(calibration.observe(&net, &[[9.0, 9.0], [9.0; 2], [0.0, f32::INFINITY]]), Err(refused));
    assert!(calibration.ranges().expect("as before").iter().eq(ranges.iter()));

    // Weights: nothing is written.
    let int8 = ranges.quantize(&net).expect("finite");
    for (row, bad) in [(0, f32::NAN), (2, f32::INFINITY)] {
        let (mut wrong, mut to) = (net, int8);
        wrong.rest.weight[row] = [bad];
        wrong.first.weight = [[5.0; 3]; 2];
        let refused = Error::NotFinite { row, feature: 0, got: bad.classify() };
        assert_eq!(ranges.quantize_into(&wrong, &mut to), Err(refused));
        assert_eq!(to, int8);
    }
    let mut wrong = net;
    wrong.first.bias[1] = f32::NAN;
    assert!(matches!(ranges.quantize(&wrong), Err(Error::NotFinite { feature: 1, .. })));

    // Outputs inside: NaN, infinity, nothing but zeros; the input too.
    let of = |net: &Net, xs: &[[f32; 2]]| {
        let mut calibration = Calibration::<Net, 2>::new();
        calibration.observe(net, xs).expect("rows");
        calibration.ranges().err()
    };
    assert_eq!(of(&net, &[[0.0; 2]]), Some(Error::Range { output: 0, got: FpCategory::Zero }));
    let mut dead = net;
    dead.first.bias = [-100.0; 3];
    assert_eq!(of(&dead, &xs), Some(Error::Range { output: 1, got: FpCategory::Zero }));
    let mut large = net;
    large.rest.weight = [[f32::MAX]; 3];
    assert_eq!(of(&large, &xs), Some(Error::Range { output: 2, got: FpCategory::Infinite }));
    large.rest.bias = [f32::NAN];
    assert_eq!(of(&large, &xs), Some(Error::Range { output: 2, got: FpCategory::Nan }));
    let mut small = net;
    small.rest.weight = [[1e-44]; 3];
    assert_eq!(of(&small, &xs), Some(Error::Range { output: 2, got: FpCategory::Zero }));
    small.rest.weight = [[1e-37]; 3];
    assert_eq!(of(&small, &xs), Some(Error::Range { output: 2, got: FpCategory::Subnormal }));

    // Scales of a function that are too far apart for a table, in a layer and alone.
    let mut leaky = Dense::<1, 1, LeakyRelu<0>>::ZEROED;
    leaky.weight = [[1.0]];
    let far = [[-1e12], [1e-3]];
    let setting = Error::Setting { name: "multiplier", expected: "0 < multiplier < 2^31" };
    assert_eq!(self::ranges::<_, MinMax>(&leaky, &far).quantize(&leaky), Err(setting));
    let leaky = Activate::<1, LeakyRelu<0>>::ZEROED;
    assert_eq!(self::ranges::<_, MinMax>(&leaky, &far).quantize(&leaky), Err(setting));

    let mut fidelity = Fidelity::<Net, 2>::new();
    assert_eq!(fidelity.observe(&ranges, &net, &int8, &[]), Err(Error::Empty));
    assert!(matches!(fidelity.observe(&ranges, &net, &int8, &[[f32::NAN; 2]]), Err(Error::NotFinite { .. })));
    assert!(fidelity.lines().all(|line| line.decibels.is_nan()), "nothing was added");
}

/// A layer with views around it.
#[test]
fn views_of_bytes() {
    check::<Seq![View<[f32; 6], Each<3, Dense<2, 4, Relu>>, [f32; 12]>, Dense<12, 2>]>("views", 26.0);
}

type Small = [[[f32; 1]; 6]; 6];
type Rounded = Seq![
    Aware<Conv2d<Small, [[[f32; 4]; 6]; 6], 3, 3, 1, 4, Window, Relu>>,
    GlobalMaxPool<[[[f32; 4]; 6]; 6], 4>,
    Aware<Dense<4, 2>>
];

/// Lines across, and lines down, with noise.
fn lines(rng: &mut Rng, rows: usize) -> (Vec<Small>, Vec<u8>) {
    (0..rows)
        .map(|i| {
            let at = rng.below(6) as usize;
            let pixel = |y: usize, x: usize| if [y, x][i % 2] == at { 1.0 } else { 0.0 };
            let picture =
                core::array::from_fn(|y| core::array::from_fn(|x| [pixel(y, x) + 0.1 * rng.uniform()]));
            (picture, (i % 2) as u8)
        })
        .unzip()
}

/// Training with rounding: it learns, in slices as at once; a network of eight bits computes what it computed, but for numbers half
/// a step from two, of which each layer may have some.
#[test]
fn trained_with_rounding() {
    let mut rng = Rng::new(9);
    let (xs, labels) = lines(&mut rng, 64);
    for isa in isas() {
        let mut net = Rounded::he(&mut Rng::new(1));
        let mut learner = Learner::<Rounded, 64>::new(net);
        let mut workspace = Workspace::<Rounded, 64>::new();
        let mut losses = Vec::new();
        for step in 0..150 {
            losses
                .push(workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.2)).expect("rows"));
            if step < 5 {
                xs.iter()
                    .zip(&labels)
                    .for_each(|(x, &label)| learner.push(label, |to| *to = *x).expect("room"));
                learner.start(Sgd::new(0.2)).expect("idle");
                while learner.poll_with(isa, Budget::macs(500)).is_pending() {}
                assert!(learner.net() == &net, "{isa}, step {step}");
            }
        }
        assert!(losses[149] < losses[0] / 4.0, "{isa}: {} {}", losses[0], losses[149]);

        let ranges = ranges::<_, MinMax>(&net, &xs);
        let int8 = ranges.quantize(&net).expect("finite");
        let mut fidelity = Fidelity::<Rounded, 64>::new();
        fidelity.observe_with(isa, &ranges, &net, &int8, &xs).expect("rows");
        assert!(fidelity.agreement() == 1.0, "{isa}\n{fidelity}");

        // The second layer alone, on inputs of whole steps of their range: equal, or a step apart.
        let second = net.rest.rest;
        let mut inputs: Vec<[f32; 4]> =
            (0..ROWS).map(|_| core::array::from_fn(|_| rng.below(256) as f32 / 32.0)).collect();
        (inputs[0][0], inputs[0][1]) = (0.0, 255.0 / 32.0);
        let int8 = self::ranges::<_, MinMax>(&second, &inputs).quantize(&second).expect("finite");
        let [least, most] = second.range();
        let step = Quantization::covering(least, most).expect("a range").scale;
        let (one, other) = (numbers(&infer(isa, &second, &inputs)), numbers(&infer(isa, &int8, &inputs)));
        let apart: Vec<f32> = one.iter().zip(&other).map(|(one, other)| (one - other).abs() / step).collect();
        assert!(apart.iter().all(|&steps| steps < 1.01), "{isa}: {apart:?}");
        assert!(apart.iter().filter(|&&steps| steps > 0.01).count() <= 2, "{isa}: {apart:?}");
    }
}
