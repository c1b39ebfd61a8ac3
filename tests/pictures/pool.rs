//! Pools against plain loops in `f64`, which are checked by central differences; the kernel's own tests go through every small
//! window.

use crate::rows::{numbers, typed};
use crate::support::isas::isas;
use fusebox::layers::{Around, Causal, Padding, Picture, Same, Steps, Valid, Window};
use fusebox::{
    AvgPool1d, AvgPool2d, Budget, Dense, Derivative, GlobalAvgPool, GlobalMaxPool, InputGradient, Layer,
    Learner, MaxPool1d, MaxPool2d, Plain, Relu, Rng, Scratch, Seq, Sgd, Train, View, Whole, Workspace,
    Zeroed,
};
use std::task::Poll;

const ROWS: usize = 5;
const U: f64 = 1.0 / 16_777_216.0;

/// What a pool does to a picture, in plain loops: the offsets of every output's taps.
struct Reference {
    taps: Vec<Vec<usize>>,
    mean: bool,
}

/// The taps of output `output` along an axis that are inside.
fn inside(
    input: usize,
    outputs: usize,
    kernel: usize,
    [stride, dilation]: [usize; 2],
    padding: Padding,
    output: usize,
) -> Vec<usize> {
    let span = (kernel - 1) * dilation + 1;
    let before = match padding {
        _ if input == 1 && kernel == 1 => 0,
        Padding::Valid => 0,
        Padding::Same => ((outputs - 1) * stride + span).saturating_sub(input) / 2,
        Padding::Causal => span - 1,
        Padding::Around(p) => p,
    };
    let at = (0..kernel).map(|tap| output * stride + tap * dilation);
    at.filter_map(|at| at.checked_sub(before)).filter(|&at| at < input).collect()
}

impl Reference {
    fn of<I: Picture, O: Picture, G: Steps>([kh, kw]: [usize; 2], mean: bool) -> Self {
        let across = match G::PADDING {
            Padding::Causal => Padding::Same,
            padding => padding,
        };
        let [[sh, sw], [dh, dw]] = [G::STRIDE, G::DILATION];
        let mut taps = Vec::new();
        for row in 0..O::HEIGHT {
            for col in 0..O::WIDTH {
                for channel in 0..O::CHANNELS {
                    let ys = inside(I::HEIGHT, O::HEIGHT, kh, [sh, dh], G::PADDING, row);
                    let xs = inside(I::WIDTH, O::WIDTH, kw, [sw, dw], across, col);
                    let at = |(y, x): (usize, usize)| (y * I::WIDTH + x) * I::CHANNELS + channel;
                    taps.push(ys.iter().flat_map(|&y| xs.iter().map(move |&x| at((y, x)))).collect());
                }
            }
        }
        Self { taps, mean }
    }

    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let window = |taps: &Vec<usize>| match self.mean {
            true => taps.iter().map(|&tap| x[tap]).sum::<f64>() / taps.len() as f64,
            false => x[first_largest(x, taps)],
        };
        self.taps.iter().map(window).collect()
    }

    /// The gradient with respect to the picture.
    fn backward(&self, x: &[f64], dy: &[f64]) -> Vec<f64> {
        let mut dx = vec![0.0; x.len()];
        for (taps, dy) in self.taps.iter().zip(dy) {
            match self.mean {
                true => taps.iter().for_each(|&tap| dx[tap] += dy / taps.len() as f64),
                false => dx[first_largest(x, taps)] += dy,
            }
        }
        dx
    }

    /// The gradient against central differences of sum dy y.
    fn check(&self, x: &[f64], dy: &[f64], what: &str) {
        const STEP: f64 = 1e-6;
        let loss = |x: &[f64]| self.forward(x).iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>();
        for (i, dx) in self.backward(x, dy).into_iter().enumerate() {
            let at = |distance: f64| {
                let mut x = x.to_vec();
                x[i] += distance;
                loss(&x)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!((dx - slope).abs() < 1e-7, "{what}: the reference's gradient is {dx}, not {slope}");
        }
    }
}

fn first_largest(x: &[f64], taps: &[usize]) -> usize {
    let mut first = taps[0];
    for &tap in taps {
        if x[tap] > x[first] {
            first = tap;
        }
    }
    first
}

/// A layer on every instruction set against the reference; a row alone against the batch; and a derivative on the way back.
fn check<N, I: Plain, O: Plain>(reference: &Reference)
where
    N: Train<Input = I, Output = O, Gradients = (), Tape = ()> + Plain,
{
    let what = std::any::type_name::<N>();
    assert_eq!(size_of::<N>(), 0, "{what}");
    let (inputs, outputs) = (size_of::<I>() / 4, size_of::<O>() / 4);
    let mut rng = Rng::new(inputs as u64);
    let mut random = |count| -> Vec<f32> { (0..count).map(|_| 4.0 * rng.uniform() - 2.0).collect() };
    let (x, dy, factors) = (random(ROWS * inputs), random(ROWS * outputs), random(ROWS * inputs));
    let (xs, dys) = (typed::<I>(&x), typed::<O>(&dy));
    let wide = |xs: &[f32]| xs.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let (mut ys, mut dxs) = (Vec::new(), Vec::new());
    for (x, dy) in x.chunks(inputs).zip(dy.chunks(outputs)) {
        let (x, dy) = (wide(x), wide(dy));
        reference.check(&x, &dy, what);
        ys.extend(reference.forward(&x));
        dxs.extend(reference.backward(&x, &dy));
    }

    let net = N::ZEROED;
    for isa in isas() {
        let what = format!("{isa}, {what}");
        let mut got = [O::ZEROED; ROWS];
        net.infer_with(isa, &xs, &mut Scratch::<_, ROWS>::new(), &mut got).expect("rows that fit");
        // Numbers below 2 and at most 100 of a mean.
        close(&numbers(&got), &ys, 200.0 * U, &what);
        let mut trained = [O::ZEROED; ROWS];
        net.forward(&mut Whole::on(isa), &xs, None, &mut [(); ROWS], &mut trained);
        assert_eq!(numbers(&trained), numbers(&got), "{what}: forward is not run");

        let back = |xs: &[I], dys: &[O], derivative| {
            let mut got = vec![I::ZEROED; xs.len()];
            let dx = InputGradient::into(&mut got, derivative);
            let (tape, mut gradients) = (vec![(); xs.len()], vec![(); xs.len()]);
            net.backward(&mut Whole::on(isa), xs, &tape, dys, &mut gradients, dx);
            numbers(&got)
        };
        let dx = back(&xs, &dys, Derivative::One);
        // At most nine windows share a number.
        close(&dx, &dxs, 40.0 * U, &what);
        let times: Vec<f32> = dx.iter().zip(&factors).map(|(dx, factor)| dx * factor).collect();
        assert_eq!(back(&xs, &dys, Derivative::Factors(&factors)), times, "{what}: with a derivative");

        for row in 0..ROWS {
            let mut alone = [O::ZEROED];
            net.run(isa, &xs[row..=row], &mut [], &mut alone);
            assert_eq!(numbers(&alone), numbers(&got[row..=row]), "{what}: alone");
            let alone = back(&xs[row..=row], &dys[row..=row], Derivative::One);
            assert_eq!(alone, dx[row * inputs..][..inputs], "{what}: the gradient alone");
        }

        let mut few = [O::ZEROED; 2];
        net.run(isa, &xs, &mut [], &mut few);
        assert_eq!(
            numbers(&few),
            numbers(&[O::ZEROED; 2]),
            "{what}: too few outputs, yet something is written"
        );
        assert!(numbers(&got).iter().any(|&y| y != 0.0), "{what}: outputs that say nothing");
    }
}

fn close(got: &[f32], expected: &[f64], bound: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (&got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(got) - expected).abs() <= bound, "{what}: number {i} is {got}, not {expected}");
    }
}

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Both pools of a shape.
fn both<I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps>() {
    check::<MaxPool2d<I, O, KH, KW, G>, I, O>(&Reference::of::<I, O, G>([KH, KW], false));
    check::<AvgPool2d<I, O, KH, KW, G>, I, O>(&Reference::of::<I, O, G>([KH, KW], true));
}

#[test]
fn windows_of_every_kind() {
    both::<Map<4, 6, 3>, Map<2, 3, 3>, 2, 2, Window<Valid, 2, 2>>();
    both::<Map<5, 4, 1>, Map<3, 3, 1>, 3, 2, Window<Valid>>();
    both::<Map<7, 6, 16>, Map<4, 3, 16>, 3, 3, Window<Same, 2, 2>>();
    both::<Map<4, 5, 17>, Map<4, 5, 17>, 2, 3, Window>();
    both::<Map<3, 7, 4>, Map<3, 7, 4>, 3, 3, Window<Causal>>();
    both::<Map<5, 5, 2>, Map<3, 3, 2>, 3, 3, Window<Around<1>, 2, 2>>();
    both::<Map<6, 7, 5>, Map<2, 3, 5>, 3, 3, Window<Valid, 1, 1, 2, 2>>();
    both::<Map<6, 5, 33>, Map<3, 5, 33>, 2, 3, Window<Same, 2, 1, 1, 2>>();
    both::<Map<9, 1, 3>, Map<9, 1, 3>, 4, 1, Window<Causal, 1, 1, 2>>();
    both::<Map<4, 4, 3>, Map<1, 1, 3>, 4, 4, Window<Valid>>();
    both::<Map<5, 7, 9>, Map<1, 1, 9>, 5, 7, Window<Valid>>();
    both::<Map<1, 1, 1>, Map<1, 1, 1>, 1, 1, Window<Valid>>();
}

#[test]
fn whole_pictures() {
    fn of<const H: usize, const W: usize, const C: usize>() {
        for mean in [false, true] {
            let reference = Reference::of::<Map<H, W, C>, Map<1, 1, C>, Window<Valid>>([H, W], mean);
            match mean {
                false => check::<GlobalMaxPool<Map<H, W, C>, C>, _, _>(&reference),
                true => check::<GlobalAvgPool<Map<H, W, C>, C>, _, _>(&reference),
            }
        }
    }
    of::<1, 1, 1>();
    of::<3, 5, 3>();
    of::<4, 4, 16>();
    of::<7, 7, 17>();
}

#[test]
fn sequences() {
    fn of<N, const T: usize, const OUT: usize, const C: usize, G: Steps>(kernel: usize, mean: bool)
    where
        N: Train<Input = [[f32; C]; T], Output = [[f32; C]; OUT], Gradients = (), Tape = ()> + Plain,
    {
        check::<N, _, _>(&Reference::of::<Map<T, 1, C>, Map<OUT, 1, C>, G>([kernel, 1], mean));
    }
    of::<MaxPool1d<8, 3, 4, 2>, 8, 4, 3, Window<Valid, 2>>(2, false);
    of::<AvgPool1d<8, 3, 4, 2>, 8, 4, 3, Window<Valid, 2>>(2, true);
    of::<MaxPool1d<9, 17, 9, 3, Window<Causal>>, 9, 9, 17, Window<Causal>>(3, false);
    of::<AvgPool1d<9, 17, 9, 3, Window<Causal>>, 9, 9, 17, Window<Causal>>(3, true);
    of::<MaxPool1d<9, 1, 5, 3, Window<Around<1>, 2>>, 9, 5, 1, Window<Around<1>, 2>>(3, false);
    of::<AvgPool1d<9, 1, 5, 3, Window<Around<1>, 2>>, 9, 5, 1, Window<Around<1>, 2>>(3, true);
}

/// Of a window's numbers, and where its gradient goes.
#[test]
fn the_first_nan_and_the_first_of_equals() {
    type Row = Map<1, 4, 1>;
    type Pool = GlobalMaxPool<Row, 1>;
    let (nan, other, inf) = (f32::NAN, f32::from_bits(0x7FC0_0007), f32::INFINITY);
    let cases = [
        ([1.0, 3.0, 3.0, 2.0], 1),
        ([-0.0, 0.0, -0.0, -1.0], 0),
        ([0.0, -0.0, 0.0, -1.0], 0),
        ([-1.0, 0.0, -0.0, 0.0], 1),
        ([inf, other, nan, inf], 1),
        ([nan, inf, 5.0, other], 0),
        ([1.0, -inf, 2.0, -other], 3),
        ([-inf; 4], 0),
        ([1.0, inf, inf, 2.0], 1),
    ];
    for (x, place) in cases {
        for isa in isas() {
            let (xs, mut y) = ([[x.map(|x| [x])]], [[0.0]]);
            Pool::ZEROED.run(isa, &xs, &mut [], &mut y);
            assert_eq!(y[0][0].to_bits(), x[place].to_bits(), "{isa}: the largest of {x:?}");
            let mut dx = [[[[9.0]; 4]]];
            let into = InputGradient::into(&mut dx, Derivative::One);
            Pool::ZEROED.backward(&mut Whole::on(isa), &xs, &[()], &[[0.5]], &mut [()], into);
            let mut expected = [[0.0]; 4];
            expected[place] = [0.5];
            assert_eq!(dx, [[expected]], "{isa}: the gradient of {x:?}");
        }
    }
}

#[test]
fn saved_states_of_different_pools_differ() {
    type I = Map<4, 4, 1>;
    type Halved = Map<2, 2, 1>;
    let layouts = [
        <MaxPool2d<I, Halved, 2, 2>>::LAYOUT,
        <AvgPool2d<I, Halved, 2, 2>>::LAYOUT,
        <MaxPool2d<I, Halved, 3, 3, Window<Valid>>>::LAYOUT,
        <MaxPool2d<I, Halved, 2, 2, Window<Valid, 1, 1, 2, 2>>>::LAYOUT,
        <MaxPool2d<I, Halved, 3, 3, Window<Same, 2, 2>>>::LAYOUT,
        <MaxPool2d<I, Halved, 2, 3, Window<Same, 2, 2>>>::LAYOUT,
        <GlobalMaxPool<I, 1>>::LAYOUT,
        <GlobalAvgPool<I, 1>>::LAYOUT,
    ];
    for (i, a) in layouts.iter().enumerate() {
        assert!(!layouts[..i].contains(a), "layer {i}");
    }
}

type Features = Map<4, 6, 3>;
type Net = Seq![
    View<Map<4, 4, 1>, Dense<16, 72, Relu>, Features>,
    MaxPool2d<Features, Map<4, 6, 3>, 3, 3, Window>,
    AvgPool2d<Map<4, 6, 3>, Map<2, 3, 3>, 2, 2>,
    GlobalAvgPool<Map<2, 3, 3>, 3>,
    Dense<3, 2>
];
type Short = Seq![MaxPool2d<Map<4, 4, 1>, Map<2, 2, 1>, 2, 2>, View<Map<2, 2, 1>, Dense<4, 2>, [f32; 2]>];

#[test]
fn a_step_in_slices_is_the_whole_step() {
    fn of<N: Train<Input = Map<4, 4, 1>, Output = [f32; 2]> + Plain + PartialEq + std::fmt::Debug>() {
        let mut rng = Rng::new(5);
        let xs: [Map<4, 4, 1>; 3] =
            std::array::from_fn(|_| std::array::from_fn(|_| std::array::from_fn(|_| [rng.uniform()])));
        let labels = [0, 1, 1];
        for isa in isas() {
            for budget in
                [Budget::rows(1), Budget::rows(2), Budget::macs(50), Budget::macs(2000), Budget::ALL]
            {
                let mut net = N::he(&mut Rng::new(3));
                let mut learner = Learner::<N, 3>::new(net);
                let mut workspace = Workspace::<N, 3>::new();
                for _ in 0..3 {
                    let loss = workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.2));
                    for (x, label) in xs.into_iter().zip(labels) {
                        learner.push(label, |row| *row = x).expect("rows that fit");
                    }
                    learner.start(Sgd::new(0.2)).expect("a step can start");
                    let in_slices = loop {
                        if let Poll::Ready(loss) = learner.poll_with(isa, budget) {
                            break loss;
                        }
                    };
                    assert_eq!(in_slices, loss, "{isa}, {budget:?}");
                    assert_eq!(*learner.net(), net, "{isa}, {budget:?}");
                }
            }
        }
    }
    of::<Net>();
    of::<Short>();
}

/// The gradient through pools and a ReLU before them, against the difference quotient of the loss.
#[test]
fn what_a_network_learns_is_the_slope_of_its_loss() {
    const STEP: f32 = 1.0 / 256.0;
    let mut rng = Rng::new(6);
    let xs: [Map<4, 4, 1>; 3] =
        std::array::from_fn(|_| std::array::from_fn(|_| std::array::from_fn(|_| [rng.uniform()])));
    let labels = [0, 1, 1];
    let net = Net::he(&mut Rng::new(2));
    let loss = |net: &Net| {
        let mut workspace = Workspace::<Net, 3>::new();
        f64::from(workspace.train_step(&mut { *net }, &xs, &labels, &Sgd::new(0.0)).expect("a step"))
    };
    let mut stepped = net;
    Workspace::<Net, 3>::new().train_step(&mut stepped, &xs, &labels, &Sgd::new(1.0)).expect("a step");
    let (mut steep, mut off) = (0, 0);
    for i in 0..72 {
        let at = |distance: f32| {
            let mut net = net;
            net.first.layer.bias[i] += distance;
            loss(&net)
        };
        let slope = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
        let gradient = f64::from(net.first.layer.bias[i] - stepped.first.layer.bias[i]);
        steep += usize::from(gradient.abs() > 1e-3);
        // Within the step another number may become the largest.
        off += usize::from((gradient - slope).abs() > 2e-4);
    }
    assert!(steep >= 10 && off <= 4, "{steep} are steep, {off} are off");
}
