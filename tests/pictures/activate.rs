//! An activation as a layer of its own does what it does at the end of a layer.

use crate::support::isas::isas;
use fusebox::layers::Summary;
use fusebox::{
    Activate, Activation, Adam, Budget, Conv2d, Dense, Each, Gelu, Identity, Isa, Layer, LeakyRelu, Learner,
    Relu, Relu6, Residual, Rng, Scratch, Seq, Sgd, Sigmoid, Silu, Tanh, View, Workspace, Zeroed, network,
};

type Inside<A> = Seq![Dense<5, 19, A>, Dense<19, 3>];
type Apart<A> = Seq![Dense<5, 19>, Activate<19, A>, Dense<19, 3>];

fn bits<T: Copy>(numbers: &[T], of: impl Fn(T) -> f32) -> Vec<u32> {
    numbers.iter().map(|&x| of(x).to_bits()).collect()
}

fn check<A: Activation + Copy>() {
    for isa in isas() {
        let mut rng = Rng::new(3);
        let mut inside = Inside::<A>::he(&mut rng);
        let mut apart = Apart::<A>::ZEROED;
        apart.first.weight = inside.first.weight;
        apart.rest.rest = inside.rest;
        let xs: [[f32; 5]; 4] = std::array::from_fn(|_| std::array::from_fn(|_| 4.0 * rng.normal()));
        let labels = [0, 2, 1, 2];
        let mut one = Workspace::<Inside<A>, 4, Adam>::new();
        let mut other = Workspace::<Apart<A>, 4, Adam>::new();
        for _ in 0..3 {
            let loss = one.train_step_with(isa, &mut inside, &xs, &labels, &Adam::new(0.01)).unwrap();
            let same = other.train_step_with(isa, &mut apart, &xs, &labels, &Adam::new(0.01)).unwrap();
            assert_eq!(loss.to_bits(), same.to_bits(), "{isa}");
        }
        assert_eq!(inside.as_bytes(), apart.as_bytes(), "{isa}");
        let (mut ys, mut same) = ([[0.0; 3]; 4], [[0.0; 3]; 4]);
        inside.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut ys).unwrap();
        apart.infer_with(isa, &xs, &mut Scratch::<_, 4>::new(), &mut same).unwrap();
        assert_eq!(bits(ys.as_flattened(), |y| y), bits(same.as_flattened(), |y| y), "{isa}");
    }
}

#[test]
fn as_at_the_end_of_a_layer() {
    check::<Identity>();
    check::<Relu>();
    check::<LeakyRelu<20>>();
    check::<Relu6>();
    check::<Sigmoid>();
    check::<Tanh>();
    check::<Gelu>();
    check::<Silu>();
}

type Pic = [[[f32; 2]; 3]; 2];

network! {
    type Net = [2, 3, 2] => [
        Residual[Conv2d(2, 3)],
        Activate(Relu),
        Reshape(3, 4),
        Activate(Gelu),
        Flatten,
        Activate(Tanh),
        Dense(3),
    ];
}

#[test]
fn any_shape() {
    type ByHand = Seq![
        Residual<Conv2d<Pic, Pic, 3, 3, 2, 2>>,
        Each<2, View<[[f32; 2]; 3], Activate<6, Relu>, [[f32; 2]; 3]>>,
        View<Pic, Each<3, Activate<4, Gelu>>, [[f32; 4]; 3]>,
        View<[[f32; 4]; 3], Activate<12, Tanh>, [f32; 12]>,
        Dense<12, 3>
    ];
    assert_eq!(std::any::TypeId::of::<Net>(), std::any::TypeId::of::<ByHand>());
    let summary = Summary::of::<Net>().to_string();
    assert!(summary.contains("2    Activate 6                   0     0"), "{summary}");
}

/// NaN and infinities pass, -0.0 becomes 0.0.
#[test]
fn extremes() {
    for isa in isas() {
        let layer = Activate::<5, Relu>::ZEROED;
        let (xs, mut ys) = ([[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, -1.0]], [[9.0f32; 5]]);
        layer.infer_with(isa, &xs, &mut Scratch::<_, 1>::new(), &mut ys).unwrap();
        assert!(ys[0][0].is_nan() && ys[0][1] == f32::INFINITY, "{isa}");
        assert_eq!(bits(&ys[0][2..], |y| y), [0; 3], "{isa}");
    }
    let mut untouched = [[9.0f32; 2]; 1];
    Activate::<2, Relu>::ZEROED.run(Isa::portable(), &[[1.0; 2]; 2], &mut [], &mut untouched);
    assert_eq!(untouched, [[9.0; 2]]);
}

/// In slices of the smallest budget, the same bits.
#[test]
fn sliced() {
    let mut rng = Rng::new(4);
    let mut net = Net::he(&mut rng);
    let xs: [Pic; 3] = std::array::from_fn(|_| {
        std::array::from_fn(|_| std::array::from_fn(|_| [rng.normal(), rng.normal()]))
    });
    let labels = [2, 0, 1];
    let mut learner = Learner::<Net, 3>::new(net);
    Workspace::<Net, 3>::new().train_step(&mut net, &xs, &labels, &Sgd::new(0.1)).unwrap();
    for (x, label) in xs.iter().zip(labels) {
        learner.push(label, |row| *row = *x).unwrap();
    }
    learner.start(Sgd::new(0.1)).unwrap();
    while learner.poll(Budget::macs(1)).is_pending() {}
    assert!(learner.net().as_bytes() == net.as_bytes());
}
