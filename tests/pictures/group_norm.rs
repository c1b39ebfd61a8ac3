//! Group and instance normalisation as layers. (Their kernels are compared with `f64` beside these.)

use crate::rows::{self, numbers, random, typed};
use crate::support::isas::isas;
use fusebox::layers::{Picture, Summary};
use fusebox::{
    Activation, Adam, Budget, Conv1d, Conv2d, CrossEntropy, Dense, Derivative, Gelu, GroupNorm, Identity,
    InputGradient, InstanceNorm, Layer, LayerNorm, Momentum, Mse, Plain, Private, Relu, Residual, Rng,
    Scratch, Seq, Sgd, Tanh, Train, View, Whole, Workspace, Zeroed,
};

type Of<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

fn random_layer<I: Picture, const C: usize, const GROUPS: usize, A: Activation>() -> GroupNorm<I, C, GROUPS, A>
{
    let mut net = GroupNorm::ZEROED;
    let mut rng = Rng::new(C as u64);
    (net.gain, net.shift) = (random(&mut rng, 1)[0], random(&mut rng, 1)[0]);
    net
}

/// An activation is applied to the outputs of the layer without one, in training and in inference, and its derivative is
/// theirs.
fn check_activation<const C: usize, const GROUPS: usize, A: Activation>() {
    type I<const C: usize> = Of<3, 2, C>;
    let plain = random_layer::<I<C>, C, GROUPS, Identity>();
    let net = random_layer::<I<C>, C, GROUPS, A>();
    assert_eq!(plain.as_bytes(), net.as_bytes());
    let xs: Vec<I<C>> = random(&mut Rng::new(9), 4);
    for isa in isas() {
        let pace = &mut Whole::on(isa);
        let [mut ys, mut inferred, mut alone] = [[I::<C>::ZEROED; 4]; 3];
        let mut tape = [<GroupNorm<I<C>, C, GROUPS, A> as Train>::Tape::ZEROED; 4];
        net.forward(pace, &xs, Some(&()), &mut tape, &mut ys);
        net.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut inferred).expect("four rows");
        assert_eq!(ys, inferred, "{isa}");
        for (x, y) in xs.chunks(1).zip(alone.chunks_mut(1)) {
            net.infer_with(isa, x, &mut Scratch::<_, 1>::new(), y).expect("a row");
        }
        assert_eq!(ys, alone, "{isa}: alone");
        let mut slopes = [[[[1.0; C]; 2]; 3]; 4];
        GroupNorm::<I<C>, C, GROUPS, A>::derivative(&tape, &ys).apply(isa, &mut slopes);

        // The same by a layer of 1 x 1 weights.
        plain.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut inferred).expect("four rows");
        let mut dense = Dense::<1, 1, A>::ZEROED;
        dense.weight = [[1.0]];
        let (ys, slopes) = (numbers(&ys), numbers(&slopes));
        for (i, &z) in numbers(&inferred).iter().enumerate() {
            let (mut y, mut kept) = ([[0.0]], [Zeroed::ZEROED]);
            dense.forward(pace, &[[z]], None, &mut kept, &mut y);
            let mut slope = [[1.0]];
            Dense::<1, 1, A>::derivative(&kept, &y).apply(isa, &mut slope);
            assert_eq!((ys[i], slopes[i]), (y[0][0], slope[0][0]), "{isa}: at {i}");
        }
    }
}

#[test]
fn activations() {
    check_activation::<6, 2, Identity>();
    check_activation::<6, 3, Relu>();
    check_activation::<5, 5, Tanh>();
    check_activation::<18, 18, Gelu>();
    check_activation::<17, 1, Relu>();
}

/// A picture of one row of pixels of one channel, in one group, is a row of layer normalisation.
#[test]
fn one_group_is_layer_normalisation() {
    type Row = Of<1, 1, 20>;
    let net = random_layer::<Row, 20, 1, Identity>();
    let other = LayerNorm::<20> { gain: net.gain, shift: net.shift };
    let xs: Vec<Row> = random(&mut Rng::new(1), 3);
    let (mut ys, mut expected) = ([Row::ZEROED; 3], [[0.0; 20]; 3]);
    net.infer(&xs, &mut Scratch::<_, 3>::new(), &mut ys).expect("rows");
    other.infer(&typed(&numbers(&xs)), &mut Scratch::<_, 3>::new(), &mut expected).expect("rows");
    for (y, expected) in numbers(&ys).iter().zip(numbers(&expected)) {
        assert!((y - expected).abs() < 1e-6, "{y}, not {expected}");
    }
}

type Deep = Seq![
    Conv2d<Of<4, 3, 1>, Of<4, 3, 18>, 3, 3, 1, 18>,
    GroupNorm<Of<4, 3, 18>, 18, 3, Relu>,
    Residual<Seq![Conv2d<Of<4, 3, 18>, Of<4, 3, 18>, 1, 1, 18, 18>, InstanceNorm<Of<4, 3, 18>, 18, Gelu>]>,
    View<Of<4, 3, 18>, Dense<216, 3>, [f32; 3]>
];

#[test]
fn in_slices() {
    let start = Deep::he(&mut Rng::new(5));
    let xs: Vec<Of<4, 3, 1>> = random(&mut Rng::new(6), 4);
    for isa in isas() {
        let budgets = [Budget::rows(1), Budget::rows(5), Budget::macs(3000), Budget::ALL];
        rows::steps_in_slices(isa, &start, &xs, Momentum::new(0.003, 0.9), &budgets);
    }
}

/// Samples are not mixed, so private training compiles; without its noise and limit it is the plain step.
#[test]
fn private() {
    let xs: Vec<Of<4, 3, 1>> = random(&mut Rng::new(6), 4);
    const { assert!(!Deep::MIXES_SAMPLES) }
    const { assert!(Deep::LEAST_ROWS == 1) }
    for isa in isas() {
        let [mut net, mut plain] = [Deep::he(&mut Rng::new(5)); 2];
        let private = Private::new(Sgd::new(0.01), 1e6, 0.0, 7);
        let mut workspace = Workspace::<Deep, 4, Private<Sgd>>::new();
        workspace.train_step_private_with(isa, &mut net, &xs, &[0, 1, 2, 1], &private).expect("a step");
        let mut workspace = Workspace::<Deep, 4>::new();
        workspace.train_step_with(isa, &mut plain, &xs, &[0, 1, 2, 1], &Sgd::new(0.01)).expect("a step");
        for (got, expected) in numbers(&[net]).iter().zip(numbers(&[plain])) {
            assert!((got - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{isa}: {got}, not {expected}");
        }
    }
}

/// All of a network's gradients against central differences of its loss, by steps of plain descent of rate 1.
#[test]
fn in_a_network() {
    type I = Of<3, 3, 4>;
    type Net = Seq![
        Conv2d<I, I, 3, 3, 4, 4>,
        GroupNorm<I, 4, 2, Tanh>,
        Conv2d<I, I, 1, 1, 4, 4>,
        View<I, InstanceNorm<I, 4>, [f32; 36]>
    ];
    let mut net = Net::he(&mut Rng::new(8));
    let mut rng = Rng::new(2);
    (net.rest.first.gain, net.rest.first.shift) = (random(&mut rng, 1)[0], random(&mut rng, 1)[0]);
    let (xs, targets) = (random::<I>(&mut rng, 3), random::<[f32; 36]>(&mut rng, 3));
    let loss = |net: &Net| {
        let mut net = *net;
        let mut workspace = Workspace::<Net, 3, Sgd, Mse>::with_loss(Mse);
        workspace.train_step(&mut net, &xs, &targets, &Sgd::new(1.0)).map(|loss| (f64::from(loss), net))
    };
    let (_, moved) = loss(&net).expect("a step");
    let (before, after) = (numbers(&[net]), numbers(&[moved]));
    for i in 0..before.len() {
        const STEP: f32 = 1.0 / 128.0;
        let at = |step: f32| {
            let mut numbers = before.clone();
            numbers[i] += step;
            loss(&typed::<Net>(&numbers)[0]).expect("a step").0
        };
        let slope = |step: f32| (at(step) - at(-step)) / (2.0 * f64::from(step));
        // Without the error's largest term.
        let slope = (4.0 * slope(STEP) - slope(2.0 * STEP)) / 3.0;
        let gradient = f64::from(before[i]) - f64::from(after[i]);
        assert!((slope - gradient).abs() < 2e-3 * (1.0 + slope.abs()), "{i}: {gradient}, not {slope}");
    }
    // And it learns.
    let mut workspace = Workspace::<Net, 3, Adam, Mse>::with_loss(Mse);
    let mut step = || workspace.train_step(&mut net, &xs, &targets, &Adam::new(0.02)).expect("a step");
    let first = step();
    for _ in 0..200 {
        step();
    }
    assert!(step() < 0.8 * first);
}

/// The derivative of the layer before is applied to what goes back.
#[test]
fn the_gradient_passes_through_the_derivative_before() {
    type I = Of<2, 3, 4>;
    let net = random_layer::<I, 4, 2, Identity>();
    let mut rng = Rng::new(1);
    let (xs, dys, gate): (Vec<I>, Vec<I>, Vec<I>) =
        (random(&mut rng, 2), random(&mut rng, 2), random(&mut rng, 2));
    for isa in isas() {
        let pace = &mut Whole::on(isa);
        let (mut tape, mut gradients) = ([Zeroed::ZEROED; 2], [Zeroed::ZEROED; 2]);
        let [mut ys, mut whole, mut masked] = [[I::ZEROED; 2]; 3];
        net.forward(pace, &xs, None, &mut tape, &mut ys);
        net.backward(
            pace,
            &xs,
            &tape,
            &dys,
            &mut gradients,
            InputGradient::into(&mut whole, Derivative::One),
        );
        let gate = numbers(&gate);
        let dx = InputGradient::into(&mut masked, Derivative::Relu(&gate));
        net.backward(pace, &xs, &tape, &dys, &mut gradients, dx);
        for ((masked, whole), gate) in numbers(&masked).iter().zip(numbers(&whole)).zip(gate) {
            assert_eq!(*masked, if gate > 0.0 { whole } else { 0.0 }, "{isa}");
        }
    }
}

#[test]
fn as_a_line_of_a_summary() {
    type Net = Seq![GroupNorm<Of<2, 3, 6>, 6, 2>, InstanceNorm<Of<2, 3, 6>, 6>];
    let mut lines = Vec::new();
    Summary::of_training::<Net>().for_each(|row| lines.push((row.name, row.parameters, row.tape)));
    lines.retain(|(name, ..)| name.ends_with("Norm"));
    // Three moments of each group, and in a chain the outputs.
    assert_eq!(lines, [("GroupNorm", 12, 4 * (6 + 36)), ("InstanceNorm", 12, 4 * 18)]);
}

/// A sequence is a picture of one column.
#[test]
fn of_a_sequence() {
    type Positions = View<[[f32; 4]; 6], GroupNorm<Of<6, 1, 4>, 4, 2, Relu>, [[f32; 4]; 6]>;
    type Net = Seq![Conv1d<6, 2, 6, 3, 2, 4>, Positions, View<[[f32; 4]; 6], Dense<24, 2>, [f32; 2]>];
    let mut net = Net::he(&mut Rng::new(1));
    let mut workspace = Workspace::<Net, 1, Sgd, CrossEntropy>::new();
    let mut step =
        || workspace.train_step(&mut net, &[[[1.0, -1.0]; 6]], &[1], &Sgd::new(0.01)).expect("a step");
    assert!(step() > step());
}
