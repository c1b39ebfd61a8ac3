//! Steps that would do harm are refused, and change nothing: what follows is what would have followed without them.

use crate::support::isas::isas;
use fusebox::{Adam, Dense, Error, Guard, Isa, LayerNorm, Limits, Mse, Relu, Rng, Seq, Sgd, Tanh, Workspace};
use std::num::FpCategory;

type Net = Seq![Dense<2, 9, Relu>, LayerNorm<9>, Dense<9, 3, Tanh>, Dense<3, 1>];
type Trained = Workspace<Net, ROWS, Adam, Mse>;
const ROWS: usize = 5;

fn start() -> Net {
    Net::he(&mut Rng::new(1))
}

fn data() -> ([[f32; 2]; ROWS], [[f32; 1]; ROWS]) {
    let mut rng = Rng::new(2);
    (
        std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform())),
        std::array::from_fn(|_| [rng.uniform()]),
    )
}

/// A network in training behind a guard.
struct Training {
    net: Net,
    workspace: Trained,
    guard: Guard<Net>,
}

impl Training {
    fn new() -> Self {
        Self { net: start(), workspace: Trained::with_loss(Mse), guard: Guard::new() }
    }

    fn step(&mut self, isa: Isa, xs: &[[f32; 2]], targets: &[[f32; 1]]) -> Result<f32, Error> {
        let Self { net, workspace, guard } = self;
        workspace.train_step_guarded_with(isa, net, xs, targets, &Adam::new(0.01), guard)
    }
}

/// Offers a bad batch before every good one; the good ones must not notice.
fn unnoticed(isa: Isa, bad: ([[f32; 2]; ROWS], [[f32; 1]; ROWS]), expected: impl Fn(&Error) -> bool) {
    let (xs, targets) = data();
    let (mut with, mut without) = (Training::new(), Training::new());
    for round in 0..5 {
        // The mean of losses is known after the first step, and no leap before.
        if round > 0 {
            let before = with.net;
            let refused = with.step(isa, &bad.0, &bad.1).expect_err("a bad batch");
            assert!(expected(&refused), "{isa}: {refused:?}");
            assert_eq!(with.net, before, "{isa}");
        }
        let losses = [with.step(isa, &xs, &targets), without.step(isa, &xs, &targets)];
        assert_eq!(losses[0], losses[1], "{isa}, round {round}");
        assert_eq!(with.net, without.net, "{isa}, round {round}");
        let mut restored = [start(); 2];
        assert!(with.guard.restore(&mut restored[0]) && without.guard.restore(&mut restored[1]), "{isa}");
        assert_eq!(restored[0], restored[1], "{isa}, round {round}: another copy");
    }
}

#[test]
fn bad_batches_go_unnoticed() {
    let (xs, targets) = data();
    for isa in isas() {
        let mut nan = xs;
        nan[2][1] = f32::NAN;
        unnoticed(isa, (nan, targets), |error| *error == Error::Loss { got: FpCategory::Nan });
        // A leap: targets far away.
        let mut far = targets;
        far[1][0] = 1e4;
        unnoticed(isa, (xs, far), |error| matches!(error, Error::Leap { percent } if *percent > 10_000));
        // So far that the loss overflows.
        far[1][0] = 1e30;
        unnoticed(isa, (xs, far), |error| *error == Error::Loss { got: FpCategory::Infinite });
        // What the loss refuses before the guard sees it.
        far[1][0] = f32::NAN;
        unnoticed(isa, (xs, far), |error| matches!(error, Error::Target { row: 1, .. }));
    }
}

/// An infinite input that a ReLU makes zero of: the loss is finite, the gradient is infinity times zero.
#[test]
fn a_finite_loss_with_a_gradient_that_is_not() {
    type Masked = Seq![Dense<2, 3, Relu>, Dense<3, 2>];
    for isa in isas() {
        let mut net = Masked::he(&mut Rng::new(3));
        net.first.weight[0] = [-1.0, -2.0, -3.0];
        let before = net;
        let mut workspace = Workspace::<Masked, 2>::new();
        let mut guard = Guard::new();
        let xs = [[f32::INFINITY, 1.0], [1.0, 1.0]];
        let unguarded = workspace.train_step_with(isa, &mut net, &xs, &[0, 1], &Sgd::new(0.1));
        assert!(unguarded.is_ok_and(f32::is_finite), "{isa}");
        assert!(net.first.weight[0][0].is_nan(), "{isa}: the gradient was finite");
        net = before;
        let refused =
            workspace.train_step_guarded_with(isa, &mut net, &xs, &[0, 1], &Sgd::new(0.1), &mut guard);
        assert_eq!(refused, Err(Error::Gradient { got: FpCategory::Infinite }), "{isa}");
        assert_eq!(net, before, "{isa}");
        assert!(!guard.restore(&mut net), "{isa}: nothing good has been seen");
        // So long that its square overflows.
        let xs = [[1.0, 1e30], [1.0, 1.0]];
        net.first.weight = [[0.0; 3], [1e-30; 3]];
        let refused =
            workspace.train_step_guarded_with(isa, &mut net, &xs, &[0, 1], &Sgd::new(0.1), &mut guard);
        assert_eq!(refused, Err(Error::Gradient { got: FpCategory::Infinite }), "{isa}");
    }
}

/// Rows that are staged first pass the same guard.
#[test]
fn staged() {
    let (xs, targets) = data();
    let (mut staged, mut direct) = (Training::new(), Training::new());
    for bad in [None, Some(f32::NAN), None] {
        let mut xs = xs;
        xs[4][0] = bad.unwrap_or(xs[4][0]);
        let mut stage = staged.workspace.stage();
        for (x, &target) in xs.iter().zip(&targets) {
            stage.push(target, |row| *row = *x).expect("room");
        }
        let got = stage.train_step_guarded(&mut staged.net, &Adam::new(0.01), &mut staged.guard);
        assert_eq!(got, direct.step(Isa::detect(), &xs, &targets));
        assert_eq!((got.is_err(), staged.net), (bad.is_some(), direct.net));
    }
}

/// The copy is of the weights before the last step let through, or of up to `every` before it; the step that ruins them
/// leaps after, and is undone.
#[test]
fn copies() {
    let (xs, targets) = data();
    for isa in isas() {
        for (every, kept) in [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 0, 0, 3, 3, 3, 6])] {
            let mut training = Training::new();
            training.guard.limits = Some(Limits { every, ..Limits::DEFAULT });
            let mut untouched = start();
            assert!(!training.guard.restore(&mut untouched) && untouched == start(), "{isa}");
            let mut before = vec![];
            for (step, &kept) in kept.iter().enumerate() {
                before.push(training.net);
                training.step(isa, &xs, &targets).expect("a good step");
                let mut restored = start();
                assert!(training.guard.restore(&mut restored), "{isa}");
                assert_eq!(restored, before[kept], "{isa}, every {every}, step {step}");
            }
        }
    }
}

/// A loss may be `leap` times the mean of those before, and `slack` more, and no more than that.
#[test]
fn limits() {
    type Line = Dense<1, 1>;
    for isa in isas() {
        let loss = |guard: &mut Guard<Line>, target: f32| {
            let mut line = fusebox::Zeroed::ZEROED;
            let mut workspace = Workspace::<Line, 1, Sgd, Mse>::with_loss(Mse);
            workspace.train_step_guarded_with(isa, &mut line, &[[0.0]], &[[target]], &Sgd::new(0.0), guard)
        };
        let limits = Limits { leap: 2.0, slack: 0.5, memory: 0.75, every: 1 };
        let fresh = || {
            let mut guard = Guard::<Line>::new();
            guard.limits = Some(limits);
            guard
        };
        // All of these numbers are exact. The first loss may be anything.
        let mut guard = fresh();
        assert_eq!(loss(&mut guard, 2.0), Ok(4.0), "{isa}");
        assert_eq!(loss(&mut guard, 3.0), Err(Error::Leap { percent: 105 }), "{isa}"); // 9 of 8.5
        guard.limits = Some(Limits { slack: 1.0, ..limits });
        assert_eq!(loss(&mut guard, 3.0), Ok(9.0), "{isa}"); // 9 of 9
        // The mean is now 0.75 * 4 + 0.25 * 9 = 5.25, and the refused loss had no part in it.
        assert_eq!(loss(&mut guard, 3.5), Err(Error::Leap { percent: 106 }), "{isa}"); // 12.25 of 11.5
        guard.limits = Some(Limits { slack: 1.75, ..limits });
        assert_eq!(loss(&mut guard, 3.5), Ok(12.25), "{isa}"); // of 12.25
        let mut guard = fresh();
        guard.limits = Some(Limits { leap: f32::INFINITY, slack: 0.0, ..limits });
        assert_eq!((loss(&mut guard, 1.0), loss(&mut guard, 1e6)), (Ok(1.0), Ok(1e12)), "{isa}");
    }
}

/// Limits out of range are refused before anything is learnt, and named.
#[test]
fn bad_limits() {
    let (xs, targets) = data();
    let good = Limits::DEFAULT;
    let bad = [-0.1, f32::NEG_INFINITY, f32::NAN].map(|leap| ("leap", Limits { leap, ..good })).into_iter();
    let bad = bad.chain([-0.1, f32::NEG_INFINITY, f32::NAN].map(|slack| ("slack", Limits { slack, ..good })));
    let bad = bad.chain([-0.1, 1.1, f32::NAN].map(|memory| ("memory", Limits { memory, ..good })));
    for (name, limits) in bad.chain([("every", Limits { every: 0, ..good })]) {
        let mut training = Training::new();
        training.guard.limits = Some(limits);
        let refused = training.step(Isa::detect(), &xs, &targets);
        assert!(matches!(refused, Err(Error::Setting { name: wrong, .. }) if wrong == name), "{refused:?}");
        let mut untouched = start();
        assert!(training.net == start() && !training.guard.restore(&mut untouched), "{name}");
    }
}
