//! Wrong settings are an error that names them, wherever they are set, and nothing has been written.

use fusebox::{
    Accumulate, Adam, AdamW, BinaryCrossEntropy, Budget, ClipNorm, ClipValue, Dense, Error, Guard, Huber,
    Learner, Limits, Loss, Momentum, Mse, Nesterov, Optimizer, Private, RmsProp, Sgd, WeightDecay, Workspace,
    Zeroed,
};

type Net = Dense<1, 1>;
const WRONG: [f32; 4] = [f32::NAN, -1.0, f32::INFINITY, f32::NEG_INFINITY];

fn net() -> Net {
    let mut net = Net::ZEROED;
    net.bias = [0.25];
    net
}

fn refused<O: Optimizer, L: Loss<[f32; 1], Target = [f32; 1]>>(name: &str, optimizer: O, loss: L) {
    let (mut trained, mut workspace) = (net(), Workspace::<Net, 1, O, L>::with_loss(loss));
    let step = workspace.train_step(&mut trained, &[[1.0]], &[[1.0]], &optimizer);
    assert!(matches!(step, Err(Error::Setting { name: got, .. }) if got == name), "{name}: {step:?}");
    assert_eq!(trained, net(), "{name}");
}

fn optimizer<O: Optimizer>(name: &str, optimizer: O) {
    refused(name, optimizer, Mse);
}

#[test]
fn rates_and_the_like() {
    for wrong in WRONG {
        optimizer("rate", Sgd::new(wrong));
        optimizer("rate", Momentum::new(wrong, 0.9));
        optimizer("rate", Nesterov::new(wrong, 0.9));
        optimizer("rate", Adam::new(wrong));
        optimizer("rate", AdamW::new(wrong, 0.1));
        optimizer("rate", RmsProp::new(wrong));
        optimizer("decay", AdamW::new(0.1, wrong));
        optimizer("decay", WeightDecay::new(Sgd::new(0.1), wrong));
        optimizer("momentum", Momentum::new(0.1, wrong));
        optimizer("momentum", Nesterov::new(0.1, wrong));
        optimizer("beta1", Adam { beta1: wrong, ..Adam::new(0.1) });
        optimizer("beta2", Adam { beta2: wrong, ..Adam::new(0.1) });
        optimizer("epsilon", Adam { epsilon: wrong, ..Adam::new(0.1) });
        optimizer("alpha", RmsProp { alpha: wrong, ..RmsProp::new(0.1) });
        optimizer("epsilon", RmsProp { epsilon: wrong, ..RmsProp::new(0.1) });
        refused("delta", Sgd::new(0.1), Huber::new(wrong));
        refused("positive_weight", Sgd::new(0.1), BinaryCrossEntropy { positive_weight: wrong });
    }
    optimizer("momentum", Momentum::new(0.1, 9.0));
    optimizer("momentum", Nesterov::new(0.1, 1.1));
    optimizer("beta1", Adam { beta1: 1.0, ..Adam::new(0.1) });
    for wrong in [f32::NAN, -1.0, -2.0, 0.0] {
        optimizer("norm", ClipNorm::new(Sgd::new(0.1), wrong));
        optimizer("limit", ClipValue::new(Sgd::new(0.1), wrong));
    }
}

/// However deep they are wrapped.
#[test]
fn inside_of_others() {
    optimizer("rate", ClipNorm::new(Sgd::new(f32::NAN), 1.0));
    optimizer("rate", Accumulate::new(ClipValue::new(WeightDecay::new(Sgd::new(-1.0), 0.0), 1.0), 1));
    optimizer("norm", Accumulate::new(ClipNorm::new(Sgd::new(0.1), -1.0), 1));
    refused("delta", Sgd::new(0.1), fusebox::Huber::new(-1.0));
}

#[test]
fn of_private_training() {
    let step = |clip, noise, rate| {
        let optimizer = Private::new(Sgd::new(rate), clip, noise, 1);
        let (mut trained, mut workspace) = (net(), Workspace::<Net, 1, Private<Sgd>, _>::with_loss(Mse));
        let step = workspace.train_step_private(&mut trained, &[[1.0]], &[[1.0]], &optimizer);
        assert_eq!(trained, net());
        match step {
            Err(Error::Setting { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    };
    for wrong in WRONG {
        assert_eq!(step(wrong, 1.0, 0.1), "clip");
        assert_eq!(step(1.0, wrong, 0.1), "noise");
        assert_eq!(step(1.0, 1.0, wrong), "rate");
    }
}

#[test]
fn of_a_guard() {
    let right = Limits::DEFAULT;
    let wrong = [
        ("leap", Limits { leap: f32::NAN, ..right }),
        ("leap", Limits { leap: -1.0, ..right }),
        ("slack", Limits { slack: f32::NAN, ..right }),
        ("slack", Limits { slack: -1.0, ..right }),
        ("memory", Limits { memory: f32::NAN, ..right }),
        ("memory", Limits { memory: 1.5, ..right }),
        ("every", Limits { every: 0, ..right }),
    ];
    for (name, limits) in wrong {
        let (mut trained, mut guard) = (net(), Guard::new());
        guard.limits = Some(limits);
        let mut workspace = Workspace::<Net, 1, Sgd, _>::with_loss(Mse);
        let step = workspace.train_step_guarded(&mut trained, &[[1.0]], &[[1.0]], &Sgd::new(0.1), &mut guard);
        assert!(matches!(step, Err(Error::Setting { name: got, .. }) if got == name), "{name}: {step:?}");
        assert_eq!(trained, net(), "{name}");
    }
}

/// A step in slices is refused when it is started.
#[test]
fn of_a_learner() {
    let mut learner = Learner::<Net, 1, Sgd, Mse>::with_loss(net(), Mse);
    learner.push([1.0], |x| *x = [1.0]).expect("room");
    assert!(matches!(learner.start(Sgd::new(f32::NAN)), Err(Error::Setting { name: "rate", .. })));
    assert!(!learner.is_busy());
    learner.start(Sgd::new(0.1)).expect("a step can start");
    assert!(learner.poll(Budget::ALL).is_ready());
}
