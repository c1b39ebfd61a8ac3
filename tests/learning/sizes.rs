//! Layers without numbers, and bytes by kind.

use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use fusebox::{
    Accumulate, Adam, BiasOnly, ClipNorm, CrossEntropy, Dense, Dropout, Frozen, Gelu, Layer, LayerNorm, Loss,
    LowRank, Momentum, Mse, Optimizer, Private, Relu, Scratch, Seq, Sgd, Softmax, Tanh, Train, Workspace,
    Zeroed,
};

/// Runs and trains a layer that may have no inputs, outputs or inner numbers; nothing panics.
fn trains<N, const IN: usize, const OUT: usize>(mut net: N)
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]>,
{
    for isa in isas() {
        let mut workspace = Workspace::<N, 2, Reveal, Given>::with_loss(Given::default());
        let (xs, dys) = ([[1.0; IN]; 2], [[1.0; OUT]; 2]);
        let mut dxs = [[f32::NAN; IN]; 2];
        workspace.input_gradient_with(isa, &net, &xs, &dys, &mut dxs).expect("two rows");
        assert!(dxs.as_flattened().iter().all(|dx| dx.is_finite()), "{isa}: {dxs:?}");
        assert!(workspace.loss.seen.take().iter().all(|y| y.is_finite()), "{isa}");
        workspace.train_step_with(isa, &mut net, &xs, &dys, &Reveal).expect("two rows");
    }
}

#[test]
fn layers_of_no_size() {
    trains(LayerNorm::<0>::ZEROED);
    trains(Softmax::<0>);
    trains(Dropout::<0, 50>);
    trains(Dense::<0, 2, Gelu>::ZEROED);
    trains(Dense::<2, 0, Tanh>::ZEROED);
    let base = Dense::<3, 2>::ZEROED;
    trains(LowRank::<3, 2, 0>::new(&base));
    let empty = Dense::<0, 2>::ZEROED;
    trains(BiasOnly::new(&empty));
    trains(LowRank::<0, 2, 1>::new(&empty));
    let mute = Dense::<2, 0>::ZEROED;
    trains(LowRank::<2, 0, 1>::new(&mute));
    trains(LayerNorm::<1> { gain: [2.0], shift: [3.0] });
    // A row alone has kernels of its own.
    for isa in isas() {
        let (mut nothing, mut scratch) = ([[]], Scratch::<Dense<2, 0>, 1>::new());
        mute.infer_with(isa, &[[1.0, 2.0]], &mut scratch, &mut nothing).expect("a row");
    }
}

/// An adapter of rank 0 is the layer it stands on.
#[test]
fn rank_zero() {
    let mut base = Dense::<3, 2, Tanh>::ZEROED;
    base.weight = [[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]];
    base.bias = [0.125, -1.0];
    for isa in isas() {
        let (mut ys, mut expected) = ([[f32::NAN; 2]], [[f32::NAN; 2]]);
        let x = [[0.5, -0.25, 1.0]]; // all sums are exact
        LowRank::<3, 2, 0, Tanh>::new(&base).run(isa, &x, &mut [], &mut ys);
        base.run(isa, &x, &mut [], &mut expected);
        assert_eq!(ys, expected, "{isa}");
    }
}

#[test]
fn no_capacity() {
    type Net = Seq![LayerNorm<3>, LowRank<'static, 3, 4, 2, Gelu>, Dropout<4, 50>, Softmax<4>];
    static BASE: Dense<3, 4, Gelu> = Dense::ZEROED;
    let mut net: Net = fusebox::Chain {
        first: LayerNorm::ZEROED,
        rest: fusebox::Chain {
            first: LowRank::new(&BASE),
            rest: fusebox::Chain { first: Dropout, rest: Softmax },
        },
    };
    let before = net;
    let refused = Workspace::<Net, 0>::new().train_step(&mut net, &[[0.0; 3]], &[0], &Sgd::new(1.0));
    assert_eq!(refused, Err(fusebox::Error::Batch { expected: 0, got: 1 }));
    let refused = Workspace::<Net, 0>::new().input_gradient(&net, &[], &[], &mut []);
    assert_eq!(refused, Err(fusebox::Error::Empty));
    let refused =
        Workspace::<Net, 2>::new().input_gradient(&net, &[[0.0; 3]; 2], &[0; 2], &mut [[7.0; 3]; 3]);
    assert_eq!(refused, Err(fusebox::Error::Rows { expected: 2, got: 3 }));
    assert_eq!(net, before);
}

type Body = Seq![Dense<64, 32, Relu>, Dense<32, 16, Gelu>];
type Head = Dense<16, 10>;
type Whole = Seq![Dense<64, 32, Relu>, Dense<32, 16, Gelu>, Dense<16, 10>];
type HeadOnly = Frozen<'static, Body, Head>;

/// The parts are all there is, but for what alignment adds: at most 64 bytes for each of the five.
const fn adds_up<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>>() {
    let parts = Workspace::<N, B, O, L>::MEMORY.total() - Workspace::<N, B, O, L>::MEMORY.parameters;
    let bytes = Workspace::<N, B, O, L>::BYTES;
    assert!(bytes >= parts && bytes <= parts + 5 * 64);
}

#[test]
fn memory() {
    const {
        adds_up::<Whole, 32, Sgd, CrossEntropy>();
        adds_up::<Whole, 32, Adam, CrossEntropy>();
        adds_up::<Whole, 1, ClipNorm<Adam>, CrossEntropy>();
        adds_up::<Whole, 8, Accumulate<ClipNorm<Momentum>>, CrossEntropy>();
        adds_up::<Whole, 32, Private<Sgd>, CrossEntropy>();
        adds_up::<HeadOnly, 32, Adam, CrossEntropy>();
        adds_up::<Dense<3, 2>, 5, Sgd, Mse>();
        adds_up::<LayerNorm<7>, 3, Sgd, CrossEntropy>();
        adds_up::<Softmax<7>, 3, Sgd, CrossEntropy>();
    }

    const {
        // Running takes less than training, whatever the optimiser.
        assert!(Scratch::<Whole, 32>::BYTES < Workspace::<Whole, 32>::BYTES);
        assert!(Scratch::<HeadOnly, 32>::BYTES < Workspace::<HeadOnly, 32>::BYTES);
        // Each optimiser keeps what it says, for each number of the network, and its counters.
        let parameters = Workspace::<Whole, 32>::MEMORY.parameters;
        assert!(parameters == size_of::<Whole>());
        assert!(Workspace::<Whole, 32, Sgd>::MEMORY.optimizer == 0);
        assert!(Workspace::<Whole, 32, Momentum>::MEMORY.optimizer == parameters);
        assert!(Workspace::<Whole, 32, Adam>::MEMORY.optimizer == 2 * parameters + 8);
        // Clipping by norm costs one gradient.
        assert!(Workspace::<Whole, 32, ClipNorm<Sgd>>::MEMORY.optimizer == parameters);
        assert!(Workspace::<Whole, 32, ClipNorm<Adam>>::MEMORY.optimizer == 3 * parameters + 8);
        assert!(Workspace::<Whole, 32, Accumulate<ClipNorm<Sgd>>>::MEMORY.optimizer == 2 * parameters + 8);
        // A frozen body has neither gradients nor an optimiser's state: what is left is the head's alone.
        let frozen = Workspace::<HeadOnly, 32, Adam>::MEMORY;
        let head = Workspace::<Head, 32, Adam>::MEMORY;
        assert!(frozen.gradients == head.gradients);
        assert!(frozen.optimizer == head.optimizer);
        assert!(frozen.tape > head.tape);
        assert!(frozen.tape == head.tape + size_of::<Scratch<Body, 32>>() + 32 * 16 * 4);
        // Labels and rows of input, however many layers there are.
        assert!(Workspace::<Whole, 32>::MEMORY.staging == Workspace::<HeadOnly, 32>::MEMORY.staging);
    }
    // GELU keeps its slopes beside its outputs; ReLU and tanh keep nothing.
    assert_eq!(
        Workspace::<Dense<4, 16, Gelu>, 8>::MEMORY.tape,
        Workspace::<Dense<4, 16, Tanh>, 8>::MEMORY.tape + 8 * 16 * 4
    );
    assert_eq!(Workspace::<Whole, 4>::BYTES, size_of::<Workspace<Whole, 4>>());
}
