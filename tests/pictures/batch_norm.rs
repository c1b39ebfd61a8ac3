//! Batch normalisation against plain loops in `f64`, which are checked by central differences.

use crate::rows::{self, numbers, typed};
use crate::support::isas::isas;
use fusebox::layers::{Conv2d, DepthwiseConv2d, Picture, Window};
use fusebox::{
    Accumulate, Activation, Adam, BatchNorm, Budget, Conv1d, Dense, Derivative, Each, Error, Gelu, Guard,
    Identity, InputGradient, Isa, Layer, Learner, Momentum, Mse, Plain, Relu, Repeat, Residual, Rng, Scratch,
    Seq, Sgd, Tanh, Train, View, Whole, Workspace, Zeroed,
};

const U: f64 = 1.0 / 16_777_216.0;
const EPSILON: f64 = 1e-5_f32 as f64;

type Of<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

fn wide(xs: &[f32]) -> Vec<f64> {
    xs.iter().map(|&x| x.into()).collect()
}

/// Roundings in a sum over so many pixels.
fn roundings(pixels: usize) -> f64 {
    if pixels > 4096 { 1028.0 + pixels as f64 / 4096.0 } else { pixels as f64 / 4.0 + 4.0 }
}

/// One channel, in `f64`.
struct Reference {
    x: Vec<f64>,
    gain: f64,
    shift: f64,
}

struct Channel {
    mean: f64,
    variance: f64,
    r: f64,
    xhat: Vec<f64>,
    y: Vec<f64>,
}

impl Reference {
    fn forward(&self) -> Channel {
        let n = self.x.len() as f64;
        let mean = self.x.iter().sum::<f64>() / n;
        let variance = self.x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let r = 1.0 / (variance + EPSILON).sqrt();
        let xhat: Vec<f64> = self.x.iter().map(|x| (x - mean) * r).collect();
        let y = xhat.iter().map(|xhat| self.gain * xhat + self.shift).collect();
        Channel { mean, variance, r, xhat, y }
    }

    /// dgain, dshift, dx.
    fn backward(&self, dy: &[f64]) -> (f64, f64, Vec<f64>) {
        let Channel { r, xhat, .. } = self.forward();
        let n = dy.len() as f64;
        let dgain = dy.iter().zip(&xhat).map(|(dy, xhat)| dy * xhat).sum::<f64>();
        let dshift = dy.iter().sum::<f64>();
        let dx = dy.iter().zip(&xhat).map(|(dy, xhat)| self.gain * r * (dy - dshift / n - xhat * dgain / n));
        (dgain, dshift, dx.collect())
    }

    /// The gradients against central differences of sum dy y, in steps that are a part of the deviation.
    fn check(&self, dy: &[f64]) {
        let Channel { r, .. } = self.forward();
        let slope = |step: f64, of: &dyn Fn(f64) -> Self| {
            let at = |distance| of(distance).forward().y.iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>();
            (at(step) - at(-step)) / (2.0 * step)
        };
        let close = |got: f64, slope: f64, size: f64| {
            assert!((got - slope).abs() <= 1e-6 * (size + slope.abs()), "{got}, not {slope}");
        };
        let (dgain, dshift, dx) = self.backward(dy);
        let Self { x, gain, shift } = self;
        let with = |x: &Vec<f64>, gain, shift| Self { x: x.clone(), gain, shift };
        close(dgain, slope(1e-4, &|d| with(x, gain + d, *shift)), 1.0);
        close(dshift, slope(1e-4, &|d| with(x, *gain, shift + d)), 1.0);
        for (i, &dx) in dx.iter().enumerate() {
            let moved = |d: f64| {
                let mut x = x.clone();
                x[i] += d;
                with(&x, *gain, *shift)
            };
            close(dx, slope(1e-4 / r, &moved), r);
        }
    }
}

/// A layer with random parameters and statistics.
fn random_layer<I: Picture, const C: usize, A: Activation>(rng: &mut Rng) -> BatchNorm<I, C, A> {
    let mut net = BatchNorm::<I, C, A>::ZEROED;
    let mut random = || std::array::from_fn(|_| 2.0 * rng.uniform() - 1.0);
    (net.gain, net.shift, net.mean) = (random(), random(), random());
    net.variance = random().map(|x: f32| 1.5 + x);
    net
}

/// What a step's passes give.
struct Passes {
    ys: Vec<f32>,
    dgain: Vec<f32>,
    dshift: Vec<f32>,
    dxs: Vec<f32>,
}

fn passes<I: Picture, const C: usize, A: Activation>(
    isa: Isa,
    net: &BatchNorm<I, C, A>,
    xs: &[I],
    dys: &[I],
    training: bool,
) -> Passes {
    let pace = &mut Whole::on(isa);
    let mut tape = Vec::new();
    let (mut ys, mut dxs, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in xs {
        tape.push(<BatchNorm<I, C, A> as Train>::Tape::ZEROED);
        ys.push(I::ZEROED);
        dxs.push(I::ZEROED);
        gradients.push([[f32::NAN; C]; 2]);
    }
    net.forward(pace, xs, training.then_some(&()), &mut tape, &mut ys);
    net.backward(pace, xs, &tape, dys, &mut gradients, InputGradient::into(&mut dxs, Derivative::One));
    let [dgain, dshift] = gradients[0].map(|of| of.to_vec());
    Passes { ys: numbers(&ys), dgain, dshift, dxs: numbers(&dxs) }
}

/// A batch on every instruction set against the reference.
fn check<const H: usize, const W: usize, const C: usize>(rows: usize, number: impl Fn(&mut Rng) -> f32) {
    let pixels = rows * H * W;
    let what = format!("{rows} of {H} x {W} x {C}");
    let mut rng = Rng::new((pixels * C) as u64);
    let net = random_layer::<Of<H, W, C>, C, Identity>(&mut rng);
    let x: Vec<f32> = (0..pixels * C).map(|_| number(&mut rng)).collect();
    let dy: Vec<f32> = (0..pixels * C).map(|_| rng.normal()).collect();
    let (xs, dys) = (typed::<Of<H, W, C>>(&x), typed::<Of<H, W, C>>(&dy));
    let column = |of: &[f32], c: usize| wide(&of.iter().skip(c).step_by(C).copied().collect::<Vec<_>>());
    let mut of_class: [Option<Vec<u32>>; 2] = [None, None];
    for isa in isas() {
        let got = passes(isa, &net, &xs, &dys, true);
        let all = [&got.ys[..], &got.dgain, &got.dshift, &got.dxs].concat();
        let of_class = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| bits(&all));
        assert!(*of_class == bits(&all), "{isa}, {what}: not the bits of its class");
        for c in 0..C {
            let (gain, shift) = (f64::from(net.gain[c]), f64::from(net.shift[c]));
            let reference = Reference { x: column(&x, c), gain, shift };
            let dy = column(&dy, c);
            let Channel { xhat, y, r, .. } = reference.forward();
            let (dgain, dshift, dx) = reference.backward(&dy);
            let l = roundings(pixels) + 8.0;
            for ((got, y), xhat) in column(&got.ys, c).iter().zip(&y).zip(&xhat) {
                let bound = 2.0 * l * U * gain.abs() * (xhat.abs() + 1.0) + 2.0 * U * shift.abs();
                assert!((got - y).abs() <= bound, "{isa}, {what}, channel {c}: y is {got}, not {y}");
            }
            let size = dy.iter().map(|dy| dy.abs()).sum::<f64>();
            let of_products =
                dy.iter().zip(&xhat).map(|(dy, xhat)| dy.abs() * (xhat.abs() + 1.0)).sum::<f64>();
            let near = |got: f64, expected: f64, bound: f64, of: &str| {
                let error = (got - expected).abs();
                assert!(
                    error <= bound,
                    "{isa}, {what}, channel {c}: {of} is {got}, not {expected}, allowed {bound:e}"
                );
            };
            near(got.dshift[c].into(), dshift, l * U * size, "dshift");
            near(got.dgain[c].into(), dgain, 3.0 * l * U * of_products, "dgain");
            let n = pixels as f64;
            for (i, (&got, &dx)) in column(&got.dxs, c).iter().zip(&dx).enumerate() {
                let magnitude = dy[i].abs() + size / n + (xhat[i].abs() + 1.0) * of_products / n;
                near(got, dx, 6.0 * l * U * gain.abs() * r * magnitude, "dx");
            }
        }
    }
    let small = x.iter().all(|x| x.abs() < 100.0);
    if small && pixels <= 40 && C <= 8 {
        for c in 0..C {
            let (gain, shift) = (f64::from(net.gain[c]), f64::from(net.shift[c]));
            Reference { x: column(&x, c), gain, shift }.check(&column(&dy, c));
        }
    }
}

fn sizes<const C: usize>() {
    for number in [|rng: &mut Rng| 3.0 * rng.normal() + 1.0, |rng: &mut Rng| 0.01 * rng.normal()] {
        check::<1, 1, C>(2, number);
        check::<1, 1, C>(7, number);
        check::<2, 1, C>(1, number);
        check::<3, 5, C>(1, number);
        check::<4, 4, C>(1, number);
        check::<3, 4, C>(3, number);
        check::<5, 7, C>(4, number);
    }
}

#[test]
fn against_f64() {
    sizes::<1>();
    sizes::<3>();
    sizes::<8>();
    sizes::<16>();
    sizes::<17>();
    sizes::<33>();
    check::<64, 65, 3>(1, Rng::normal);
    check::<64, 65, 17>(3, Rng::normal);
}

#[test]
fn large_means() {
    check::<4, 6, 3>(5, |rng| 1e4 + 0.01 * rng.normal());
    check::<32, 32, 17>(5, |rng| 1e4 + rng.normal());
    check::<8, 8, 8>(8, |rng| -1e6 + rng.normal());
    check::<3, 3, 3>(3, |rng| if rng.below(3) == 0 { 100_000.1 } else { 100_000.11 });
    check::<1, 1, 3>(2, |rng| 1e4 + rng.normal());
    // A constant is its shift.
    let net = random_layer::<Of<3, 3, 3>, 3, Identity>(&mut Rng::new(1));
    for constant in [0.0, 1e-45, 100_000.1, -1e19, 3e38] {
        let xs = [[[[constant; 3]; 3]; 3], [[[constant; 3]; 3]; 3]];
        for isa in isas() {
            let Passes { ys, dgain, .. } = passes(isa, &net, &xs, &xs, true);
            assert!(ys.chunks(3).all(|y| y == net.shift), "{isa}, {constant:e}: {ys:?}");
            assert_eq!(dgain, [0.0; 3], "{isa}, {constant:e}");
        }
    }
}

#[test]
fn what_is_not_finite() {
    let net = random_layer::<Of<3, 3, 3>, 3, Relu>(&mut Rng::new(1));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e38] {
        for at in 0..18 {
            let mut xs = [[[[1.0; 3]; 3]; 3], [[[2.0; 3]; 3]; 3]];
            xs.as_flattened_mut().as_flattened_mut()[at][1] = bad;
            for isa in isas() {
                let Passes { ys, dxs, .. } = passes(isa, &net, &xs, &xs, true);
                for of in [ys, dxs] {
                    let channels = of.chunks(3).all(|y| !y[0].is_nan() && y[1].is_nan() && !y[2].is_nan());
                    assert!(channels, "{isa}, {bad} at {at}: {of:?}");
                }
                let mut ys = [Zeroed::ZEROED; 2];
                net.infer_with(isa, &xs, &mut Scratch::<_, 2>::new(), &mut ys).expect("two rows");
                let y = ys.as_flattened().as_flattened()[at][1];
                assert_eq!(y.is_nan(), bad.is_nan(), "{isa}, {bad} at {at}");
            }
        }
    }
}

/// Inference against `f64`; a row alone, forward without memory; the gradient of fixed statistics.
fn check_inference<const H: usize, const W: usize, const C: usize, A: Activation>(f: fn(f64) -> f64) {
    type Net<const H: usize, const W: usize, const C: usize, A> = BatchNorm<Of<H, W, C>, C, A>;
    let mut rng = Rng::new(C as u64);
    let net: Net<H, W, C, A> = random_layer(&mut rng);
    let xs: [Of<H, W, C>; 3] =
        typed(&(0..3 * H * W * C).map(|_| rng.normal()).collect::<Vec<f32>>()).try_into().expect("3");
    let mut of_class: [Option<Vec<u32>>; 2] = [None, None];
    for isa in isas() {
        let mut ys = [Zeroed::ZEROED; 3];
        net.infer_with(isa, &xs, &mut Scratch::<_, 3>::new(), &mut ys).expect("three rows");
        let got = numbers(&ys);
        let of_class = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| bits(&got));
        assert!(*of_class == bits(&got), "{isa}, {C}");
        let mut alone = [Zeroed::ZEROED];
        net.infer_with(isa, &xs[2..], &mut Scratch::<_, 1>::new(), &mut alone).expect("a row");
        assert_eq!(alone[0], ys[2], "{isa}, {C}: alone");
        let Passes { ys: trained, dxs, .. } = passes(isa, &net, &xs, &xs, false);
        assert_eq!(trained, got, "{isa}, {C}: without memory");
        for (i, (&got, &x)) in got.iter().zip(&numbers(&xs)).enumerate() {
            let c = i % C;
            let [gain, shift, mean, variance] =
                [net.gain[c], net.shift[c], net.mean[c], net.variance[c]].map(f64::from);
            let factor = gain / (variance + EPSILON).sqrt();
            let x = f64::from(x);
            let bound = 8.0 * U * ((x.abs() + mean.abs()) * factor.abs() + shift.abs() + 1.0);
            let y = f((x - mean) * factor + shift);
            assert!((f64::from(got) - y).abs() <= bound, "{isa}, {C}: {got}, not {y}");
            // The gradient given is x, with respect to what goes into the activation.
            assert!((f64::from(dxs[i]) - x * factor).abs() <= 8.0 * U * (x * factor).abs(), "{isa}, {C}");
        }
    }
}

#[test]
fn inference() {
    check_inference::<2, 3, 1, Identity>(|x| x);
    check_inference::<2, 3, 3, Relu>(|x| x.max(0.0));
    check_inference::<1, 1, 8, Identity>(|x| x);
    check_inference::<4, 3, 16, Tanh>(f64::tanh);
    check_inference::<2, 5, 17, Relu>(|x| x.max(0.0));
    check_inference::<2, 2, 33, Identity>(|x| x);
}

/// An activation is applied to the outputs of the layer without one, and its derivative is theirs.
fn check_activation<A: Activation>() {
    const C: usize = 5;
    type I = Of<3, 2, C>;
    let mut rng = Rng::new(9);
    let plain = random_layer::<I, C, Identity>(&mut Rng::new(4));
    let net = random_layer::<I, C, A>(&mut Rng::new(4));
    assert_eq!(plain.as_bytes(), net.as_bytes());
    let xs: Vec<I> = typed(&(0..4 * 6 * C).map(|_| rng.normal()).collect::<Vec<f32>>());
    for isa in isas() {
        let pace = &mut Whole::on(isa);
        let mut ys = [I::ZEROED; 4];
        let mut tape = [<BatchNorm<I, C, A> as Train>::Tape::ZEROED; 4];
        net.forward(pace, &xs, Some(&()), &mut tape, &mut ys);
        let mut slopes = [[[[1.0; C]; 2]; 3]; 4];
        BatchNorm::<I, C, A>::derivative(&tape, &ys).apply(isa, &mut slopes);

        // The same by a layer of 1 x 1 weights.
        let zs = passes(isa, &plain, &xs, &xs, true).ys;
        let mut dense = Dense::<1, 1, A>::ZEROED;
        dense.weight = [[1.0]];
        for (i, &z) in zs.iter().enumerate() {
            let (mut y, mut kept) = ([[0.0]], [Zeroed::ZEROED]);
            dense.forward(pace, &[[z]], None, &mut kept, &mut y);
            let mut slope = [[1.0]];
            Dense::<1, 1, A>::derivative(&kept, &y).apply(isa, &mut slope);
            assert_eq!(numbers(&ys)[i], y[0][0], "{isa}: y at {i}");
            assert_eq!(numbers(&slopes)[i], slope[0][0], "{isa}: slope at {i}");
        }
    }
}

#[test]
fn activations() {
    check_activation::<Identity>();
    check_activation::<Relu>();
    check_activation::<Tanh>();
    check_activation::<Gelu>();
}

#[test]
fn running_statistics() {
    const C: usize = 3;
    type I = Of<2, 3, C>;
    type Net = Seq![BatchNorm<I, C>, View<I, Dense<18, 2>, [f32; 2]>];
    let mut rng = Rng::new(3);
    let start = Net::he(&mut rng);
    let batches: Vec<Vec<I>> = (0..4)
        .map(|_| typed(&(0..5 * 6 * C).map(|_| 4.0 * rng.normal() + 7.0).collect::<Vec<f32>>()))
        .collect();
    for isa in isas() {
        let mut net = start;
        let mut workspace = Workspace::<Net, 5>::new();
        let (mut mean, mut variance) = ([0.0; C], [1.0; C]);
        for xs in &batches {
            workspace.train_step_with(isa, &mut net, xs, &[0, 1, 0, 1, 1], &Sgd::new(0.1)).expect("a step");
            for c in 0..C {
                let x = wide(&numbers(xs).into_iter().skip(c).step_by(C).collect::<Vec<_>>());
                let n = x.len() as f64;
                let of = Reference { x, gain: 1.0, shift: 0.0 }.forward();
                mean[c] += 0.1 * (of.mean - mean[c]);
                variance[c] += 0.1 * (of.variance * n / (n - 1.0) - variance[c]);
                let [got, got_variance] = [net.first.mean[c], net.first.variance[c]].map(f64::from);
                assert!((got - mean[c]).abs() < 20.0 * U * mean[c].abs(), "{isa}: {got}, not {}", mean[c]);
                assert!((got_variance - variance[c]).abs() < 40.0 * U * variance[c], "{isa}");
            }
            // Neither validation nor saliency changes them; they take a single row, and use them.
            let before = net;
            workspace.validate_with(isa, &net, &xs[..1], &[1]).expect("a row");
            let mut dxs = [I::ZEROED];
            workspace.input_gradient_with(isa, &net, &xs[..1], &[1], &mut dxs).expect("a row");
            assert_eq!(net, before, "{isa}");
        }
    }
    // Half of a sum of two parts is a step; statistics are of each part.
    let mut net = start;
    let mut workspace = Workspace::<Net, 5, Accumulate<Sgd>>::new();
    let optimizer = Accumulate::new(Sgd::new(0.1), 2);
    workspace.train_step(&mut net, &batches[0], &[0, 1, 0, 1, 1], &optimizer).expect("a part");
    assert_eq!(net.first.gain, [1.0; C]);
    assert_ne!(net.first.mean, [0.0; C]);
}

#[test]
fn a_step_that_is_refused_changes_nothing() {
    type I = Of<2, 3, 2>;
    type Net = Seq![BatchNorm<I, 2, Relu>, View<I, Dense<12, 2>, [f32; 2]>];
    let mut net = Net::he(&mut Rng::new(1));
    let mut xs: Vec<I> = typed(&(0..24).map(|i| (i * i % 7) as f32).collect::<Vec<f32>>());
    let (mut workspace, mut guard) = (Workspace::<Net, 2>::new(), Guard::new());
    workspace.train_step_guarded(&mut net, &xs, &[0, 1], &Sgd::new(0.1), &mut guard).expect("a good step");
    let before = net;
    assert_ne!(before.first.mean, [0.0; 2]);
    xs[1][1][1][1] = f32::NAN;
    for _ in 0..2 {
        let refused = workspace.train_step_guarded(&mut net, &xs, &[0, 1], &Sgd::new(0.1), &mut guard);
        assert!(matches!(refused, Err(Error::Loss { .. })), "{refused:?}");
        assert_eq!(net, before);
    }
    let refused = workspace.train_step(&mut net, &xs, &[0, 2], &Sgd::new(0.1));
    assert!(matches!(refused, Err(Error::Label { .. })));
    assert_eq!(net, before);
    // Cancelled in slices.
    let mut learner = Learner::<Net, 2>::new(net);
    learner.push(0, |x| *x = xs[0]).expect("room");
    learner.start(Sgd::new(0.1)).expect("rows");
    for _ in 0..3 {
        assert!(learner.poll(Budget::rows(1)).is_pending());
    }
    learner.cancel().expect("before the update");
    assert_eq!(*learner.net(), before);
}

#[test]
fn one_number_per_channel() {
    type Pixel = Of<1, 1, 3>;
    type Norm = View<[f32; 3], BatchNorm<Pixel, 3>, [f32; 3]>;
    type Net = Seq![Residual<Repeat<2, Norm>>, Dense<3, 2>];
    const { assert!(Net::LEAST_ROWS == 2) }
    const { assert!(Each::<2, Norm>::LEAST_ROWS == 1) }
    const { assert!(BatchNorm::<Of<1, 2, 3>, 3>::LEAST_ROWS == 1) }
    let few = Error::FewRows { expected: 2, got: 1 };
    assert_eq!(few.to_string(), "expected at least 2 rows, got 1");
    let mut net = Net::he(&mut Rng::new(1));
    let before = net;
    let mut workspace = Workspace::<Net, 2>::new();
    assert_eq!(workspace.train_step(&mut net, &[[1.0, 2.0, 3.0]], &[1], &Sgd::new(0.1)), Err(few));
    let mut guard = Guard::new();
    let guarded = workspace.train_step_guarded(&mut net, &[[1.0; 3]], &[1], &Sgd::new(0.1), &mut guard);
    assert_eq!(guarded, Err(few));
    let mut learner = Learner::<Net, 2>::new(net);
    learner.push(1, |x| *x = [1.0; 3]).expect("room");
    assert_eq!(learner.start(Sgd::new(0.1)), Err(few));
    assert!(!learner.is_busy());
    learner.push(0, |x| *x = [2.0; 3]).expect("room");
    learner.start(Sgd::new(0.1)).expect("two rows");
    assert_eq!(net, before);
    workspace.validate(&net, &[[1.0; 3]], &[1]).expect("inference");
    workspace.train_step(&mut net, &[[1.0; 3], [0.0; 3]], &[1, 0], &Sgd::new(0.1)).expect("two rows");
}

#[test]
fn in_slices() {
    type I = Of<4, 3, 1>;
    type F = Of<4, 3, 18>;
    type Net = Seq![
        Conv2d<I, F, 3, 3, 1, 18>,
        BatchNorm<F, 18, Relu>,
        Residual<Seq![DepthwiseConv2d<F, F, 3, 3, 18>, BatchNorm<F, 18, Gelu>]>,
        View<F, Dense<216, 3>, [f32; 3]>
    ];
    let start = Net::he(&mut Rng::new(5));
    let mut rng = Rng::new(6);
    let xs: Vec<I> = typed(&(0..4 * 12).map(|_| 10.0 + rng.normal()).collect::<Vec<f32>>());
    for isa in isas() {
        let budgets = [Budget::rows(1), Budget::rows(5), Budget::macs(3000), Budget::ALL];
        let losses = rows::steps_in_slices(isa, &start, &xs, Momentum::new(0.003, 0.9), &budgets);
        assert!(losses[2] < losses[0], "{isa}: {losses:?}");
    }
}

/// A convolution and the layer after it against one convolution.
fn check_folded<I: Picture, O: Picture, const C: usize, const F: usize, A: Activation>(rows: usize) {
    let mut rng = Rng::new(F as u64);
    let mut conv = Conv2d::<I, O, 3, 3, C, F, Window>::he(&mut rng);
    conv.bias = std::array::from_fn(|_| rng.normal());
    let norm = random_layer::<O, F, A>(&mut rng);
    let folded = norm.folded_into(&conv);
    let count = size_of::<I>() / 4;
    let xs = typed::<I>(&(0..rows * count).map(|_| rng.normal()).collect::<Vec<f32>>());
    for isa in isas() {
        let (mut between, mut ys, mut got) = (Vec::new(), Vec::new(), Vec::new());
        for _ in &xs {
            between.push(O::ZEROED);
            ys.push(O::ZEROED);
            got.push(O::ZEROED);
        }
        conv.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut between).expect("rows");
        norm.infer_with(isa, &between, &mut Scratch::<_, 4>::new(), &mut ys).expect("rows");
        folded.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut got).expect("rows");
        // Magnitudes of sums of 9 C products.
        let absolute = |xs: &[f32]| xs.iter().fold(0.0_f64, |most, x| most.max(x.abs().into()));
        let most = absolute(&numbers(&xs)) * absolute(&numbers(&[conv.weight])) * (9 * C) as f64 + 4.0;
        let factor = (0..F).fold(0.0_f64, |most, c| most.max((net_factor(&norm, c)).abs()));
        for (got, y) in numbers(&got).iter().zip(numbers(&ys)) {
            let error = f64::from((got - y).abs());
            assert!(error <= (9 * C + 8) as f64 * U * most * factor, "{isa}: {got}, not {y}");
        }
    }
}

fn net_factor<I: Picture, const C: usize, A: Activation>(norm: &BatchNorm<I, C, A>, c: usize) -> f64 {
    f64::from(norm.gain[c]) / (f64::from(norm.variance[c]) + EPSILON).sqrt()
}

#[test]
fn folded() {
    check_folded::<Of<5, 4, 3>, Of<5, 4, 8>, 3, 8, Relu>(3);
    check_folded::<Of<5, 4, 17>, Of<5, 4, 17>, 1, 17, Identity>(2);
    check_folded::<Of<2, 7, 4>, Of<2, 7, 33>, 4, 33, Tanh>(1);
    check_folded::<Of<2, 7, 1>, Of<2, 7, 1>, 1, 1, Relu>(4);
    // Sequences.
    type Positions = View<[[f32; 2]; 6], BatchNorm<Of<6, 1, 2>, 2, Relu>, [[f32; 2]; 6]>;
    type Net = Seq![Conv1d<6, 2, 6, 3, 2, 2>, Positions];
    let mut net = Net::he(&mut Rng::new(1));
    net.rest.layer.mean = [0.5, -0.5];
    let folded = View::<[[f32; 2]; 6], _, [[f32; 2]; 6]>::new(net.rest.layer.folded_into(&net.first.layer));
    let xs = [std::array::from_fn(|t| [t as f32, 1.0])];
    let (mut ys, mut got) = ([[[0.0; 2]; 6]], [[[0.0; 2]; 6]]);
    net.infer(&xs, &mut Scratch::<_, 1>::new(), &mut ys).expect("a row");
    folded.infer(&xs, &mut Scratch::<_, 1>::new(), &mut got).expect("a row");
    for (got, y) in numbers(&got).iter().zip(numbers(&ys)) {
        assert!((got - y).abs() < 1e-5, "{got}, not {y}");
    }
}

/// All of a network's gradients against central differences of its loss, by steps of plain descent of rate 1.
#[test]
fn in_a_network() {
    type I = Of<3, 3, 2>;
    type Net =
        Seq![Conv2d<I, I, 3, 3, 2, 2>, BatchNorm<I, 2, Tanh>, View<I, Conv2d<I, I, 1, 1, 2, 2>, [f32; 18]>];
    let net = Net::he(&mut Rng::new(8));
    let mut rng = Rng::new(2);
    let mut random = || (0..3 * 18).map(|_| rng.normal()).collect::<Vec<f32>>();
    let (xs, targets) = (typed::<I>(&random()), typed::<[f32; 18]>(&random()));
    let loss = |net: &Net| {
        let mut net = *net;
        let mut workspace = Workspace::<Net, 3, Sgd, Mse>::with_loss(Mse);
        workspace.train_step(&mut net, &xs, &targets, &Sgd::new(1.0)).map(|loss| (f64::from(loss), net))
    };
    let (_, moved) = loss(&net).expect("a step");
    let (before, after) = (numbers(&[net]), numbers(&[moved]));
    let statistics = numbers(&[net.first]).len() + 4..numbers(&[net.first]).len() + 8;
    for i in (0..before.len()).filter(|i| !statistics.contains(i)) {
        const STEP: f32 = 1.0 / 64.0;
        let at = |step: f32| {
            let mut numbers = before.clone();
            numbers[i] += step;
            loss(&typed::<Net>(&numbers)[0]).expect("a step").0
        };
        let slope = (at(STEP) - at(-STEP)) / (2.0 * f64::from(STEP));
        let gradient = f64::from(before[i]) - f64::from(after[i]);
        assert!((slope - gradient).abs() < 2e-3 * (1.0 + slope.abs()), "{i}: {gradient}, not {slope}");
    }
    // And it learns.
    let mut net = net;
    let mut workspace = Workspace::<Net, 3, Adam, Mse>::with_loss(Mse);
    let mut step = || workspace.train_step(&mut net, &xs, &targets, &Adam::new(0.02)).expect("a step");
    let first = step();
    for _ in 0..200 {
        step();
    }
    assert!(step() < 0.8 * first);
}
