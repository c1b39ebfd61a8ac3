//! A whole training, with layers and functions of every kind: losses and parameters have the same bits on instruction sets
//! of a class, and with the feature `reproducible` on all.

use crate::support::compositions;
use crate::support::isas::isas;
use fusebox::{
    Accumulate, Activation, Adam, AdamW, BiasOnly, BinaryCrossEntropy, Chain, ClipNorm, ClipValue,
    CrossEntropy, Dense, Dropout, Frozen, Gelu, Guard, Huber, Init, Isa, LayerNorm, LeakyRelu, Loss, LowRank,
    Momentum, Mse, Nesterov, Optimizer, Plain, Private, Relu, Relu6, RmsProp, Rng, Seq, Sgd, Sigmoid, Silu,
    Softmax, Tanh, Train, WeightDecay, WeightedCrossEntropy, Workspace, Zeroed,
};

const ROWS: usize = 9;
const STEPS: usize = 50;
const WIDTH: usize = 7;
const CLASSES: usize = 3;

/// Every kind of layer that a chain takes, and every activation.
type Net = Seq![
    Dense<WIDTH, 18, Tanh>,
    LayerNorm<18>,
    Dense<18, 17, Gelu>,
    Dropout<17, 20>,
    Dense<17, 16, Silu>,
    Dense<16, 15, Relu>,
    Dense<15, 14, LeakyRelu>,
    Dense<14, 13, Relu6>,
    Dense<13, 12, Sigmoid>,
    Softmax<12>,
    Dense<12, CLASSES>,
];

fn start() -> Net {
    Net::he(&mut Rng::new(1))
}

fn data() -> ([[f32; WIDTH]; ROWS], [u8; ROWS], [[f32; CLASSES]; ROWS]) {
    let mut rng = Rng::new(2);
    let xs = std::array::from_fn(|_| std::array::from_fn(|_| 4.0 * rng.uniform() - 2.0));
    let labels = std::array::from_fn(|_| rng.below(CLASSES as u32) as u8);
    (xs, labels, std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform())))
}

/// Losses, then whatever `parameters` shows.
type Trace = (Vec<u32>, Vec<u8>);

/// Panics unless the traces of all instruction sets that should agree do.
fn check(what: &str, trace: impl Fn(Isa) -> Trace) {
    let mut of_class: [Option<(Isa, Trace)>; 2] = [None, None];
    for isa in isas() {
        let trace = trace(isa);
        let losses: Vec<f32> = trace.0.iter().map(|&bits| f32::from_bits(bits)).collect();
        assert!(losses.iter().all(|loss| loss.is_finite()), "{isa}, {what}: {losses:?}");
        // With `reproducible` no instruction set is fused, and there is one class.
        assert!(!(cfg!(feature = "reproducible") && isa.is_fused()), "{isa}");
        let (first, alike) =
            of_class[usize::from(isa.is_fused())].get_or_insert_with(|| (isa, trace.clone()));
        assert!(*alike == trace, "{what}: {isa} and {first} differ");
    }
}

/// Fifty steps on batches of several sizes.
fn train<O: Optimizer, L: Loss<[f32; CLASSES]>>(
    isa: Isa,
    optimizer: &O,
    loss: L,
    targets: &[L::Target],
) -> Trace {
    let (xs, ..) = data();
    let mut net = start();
    let mut workspace = Box::new(Workspace::<Net, ROWS, O, L>::with_loss(loss));
    let losses = (0..STEPS).map(|step| {
        let rows = [ROWS, 1, 5][step % 3];
        let loss = workspace.train_step_with(isa, &mut net, &xs[..rows], &targets[..rows], optimizer);
        loss.expect("rows that fit").to_bits()
    });
    let losses = losses.collect();
    assert!(net != start(), "{isa}: has not learnt");
    (losses, net.as_bytes().to_vec())
}

fn optimizer<O: Optimizer>(what: &str, optimizer: O) {
    check(what, |isa| train(isa, &optimizer, CrossEntropy, &data().1));
}

#[test]
fn every_optimizer() {
    optimizer("sgd", Sgd::new(0.1));
    optimizer("momentum", WeightDecay::new(Momentum::new(0.05, 0.9), 0.01));
    optimizer("nesterov", ClipValue::new(Nesterov::new(0.05, 0.9), 0.1));
    optimizer("adam", ClipNorm::new(Adam::new(0.01), 0.1));
    optimizer("adamw", Accumulate::new(ClipNorm::new(AdamW::new(0.01, 0.1), 0.1), 2));
    optimizer("rmsprop", RmsProp::new(0.001));
}

#[test]
fn every_loss() {
    let (_, labels, targets) = data();
    let sgd = Sgd::new(0.1);
    let weighted = WeightedCrossEntropy::new([1.0, 0.5, 2.0], 0.1).expect("settings in range");
    check("weighted", |isa| train(isa, &sgd, weighted, &labels));
    check("binary", |isa| train(isa, &sgd, BinaryCrossEntropy { positive_weight: 2.0 }, &targets));
    check("mse", |isa| train(isa, &sgd, Mse, &targets));
    check("huber", |isa| train(isa, &sgd, Huber::new(0.1), &targets));
}

#[test]
fn private() {
    check("private", |isa| {
        let (xs, labels, _) = data();
        let mut net = start();
        let optimizer = Private::new(Momentum::new(0.05, 0.9), 0.5, 0.1, 3);
        let mut workspace = Box::new(Workspace::<Net, ROWS, Private<Momentum>>::new());
        let step = |_| {
            let loss = workspace.train_step_private_with(isa, &mut net, &xs, &labels, &optimizer);
            loss.expect("rows that fit").to_bits()
        };
        let losses = (0..STEPS).map(step).collect();
        (losses, net.as_bytes().to_vec())
    });
}

/// Steps of every kind on a network made of every composition.
#[test]
fn compositions_of_layers() {
    fn of<N, const IN: usize>(what: &str)
    where
        N: Train<Input = [f32; IN], Output = [f32; CLASSES]> + Plain + PartialEq,
    {
        let mut rng = Rng::new(7);
        let xs: [[f32; IN]; ROWS] =
            std::array::from_fn(|_| std::array::from_fn(|_| 4.0 * rng.uniform() - 2.0));
        let (_, labels, _) = data();
        let start = N::he(&mut Rng::new(1));
        check(what, |isa| {
            let (mut net, mut guard) = (start, Guard::new());
            let mut workspace = Box::new(Workspace::<N, ROWS, Adam>::new());
            let optimizer = Private::new(Sgd::new(0.1), 0.5, 0.1, 3);
            let mut private = Box::new(Workspace::<N, ROWS, Private<Sgd>>::new());
            let losses = (0..STEPS).map(|step| {
                let rows = [ROWS, 1, 5][step % 3];
                let (xs, labels, adam) = (&xs[..rows], &labels[..rows], Adam::new(0.01));
                let loss = match step % 4 {
                    0 => private.train_step_private_with(isa, &mut net, xs, labels, &optimizer),
                    1 => workspace.train_step_guarded_with(isa, &mut net, xs, labels, &adam, &mut guard),
                    _ => workspace.train_step_with(isa, &mut net, xs, labels, &adam),
                };
                loss.expect("rows that fit").to_bits()
            });
            let losses = losses.collect();
            assert!(net != start, "{isa}: has not learnt");
            (losses, net.as_bytes().to_vec())
        });
    }
    of::<compositions::All, 6>("compositions");
    of::<compositions::Other, 5>("compositions in another order");
}

/// A body that stays, and adapters on weights that stay.
#[test]
fn weights_that_stay() {
    fn base<const IN: usize, const OUT: usize, A: Activation + Copy>() -> Dense<IN, OUT, A> {
        let mut layer = Dense::ZEROED;
        layer.init(Init::He, &mut Rng::new(4));
        layer
    }
    type Body = Seq![Dense<WIDTH, 18, Silu>, LayerNorm<18>];
    type Head<'a> = Seq![LowRank<'a, 18, 17, 2, Gelu>, BiasOnly<'a, 17, CLASSES>];
    let body = Body::he(&mut Rng::new(5));
    let (lower, upper) = (base::<18, 17, Gelu>(), base::<17, CLASSES, _>());
    check("weights that stay", |isa| {
        let (xs, labels, _) = data();
        let head: Head<'_> = Chain { first: LowRank::new(&lower), rest: BiasOnly::new(&upper) };
        let mut net = Frozen::new(&body, head);
        net.init(Init::He, &mut Rng::new(6));
        let mut workspace = Box::new(Workspace::<_, ROWS, Sgd>::new());
        let step = |_| {
            let loss = workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.1));
            loss.expect("rows that fit").to_bits()
        };
        let losses = (0..STEPS).map(step).collect();
        let LowRank { down, up, .. } = net.head.first;
        let numbers = [down.as_flattened(), up.as_flattened(), &net.head.rest.bias].concat();
        (losses, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    });
}
