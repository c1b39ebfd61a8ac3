//! Tokens past the vocabulary are refused by everything that takes rows, and nothing is written.

use crate::support::gpt::{Classifier, Gpt};
use crate::support::isas::isas;
use crate::{numbers, random};
use fusebox::{
    Adam, CrossEntropy, EachPosition, Embedding, Error, Guard, InputGradient, Isa, Layer, Learner, Positions,
    Private, Residual, Rng, Scratch, Seq, Sgd, TiedEmbedding, Train, Whole, Workspace, Zeroed, evaluate_with,
};

const BAD: [[u32; 5]; 3] = [[0, 1, 2, 3, u32::MAX], [5; 5], [0, 0, 6, 0, u32::MAX - 1]];
/// Counted through the batch.
const REFUSED: Error = Error::Token { vocabulary: 6, got: 6, position: 12 };

#[test]
fn a_batch_is_refused_whole() {
    type Net = Classifier<5>;
    let net: Net = random(&mut Rng::new(1));
    let good = [[0, 1, 2, 3, 4]; 3];
    for isa in isas() {
        let (mut scratch, mut ys) = (Scratch::<Net, 3>::new(), [[7.0; 2]; 3]);
        assert_eq!(net.infer_with(isa, &BAD, &mut scratch, &mut ys), Err(REFUSED), "{isa}");
        assert_eq!(evaluate_with(isa, &net, &BAD, &[0, 1, 0], &mut scratch, &mut ys), Err(REFUSED), "{isa}");
        assert_eq!(ys, [[7.0; 2]; 3], "{isa}");

        // After what was refused, a step is that of a workspace that nothing was refused by.
        let adam = Adam::new(0.01);
        let step = |refused: bool| {
            let (mut workspace, mut trained) = (Box::new(Workspace::<Net, 3, Adam>::new()), net);
            if refused {
                let (xs, labels) = (&BAD, &[0, 1, 0]);
                let results = [
                    workspace.train_step_with(isa, &mut trained, xs, labels, &adam),
                    workspace.train_step_guarded_with(
                        isa,
                        &mut trained,
                        xs,
                        labels,
                        &adam,
                        &mut Guard::new(),
                    ),
                    workspace.validate_with(isa, &trained, xs, labels),
                    workspace.input_gradient_with(isa, &trained, xs, labels, &mut [[9; 5]; 3]),
                ];
                assert_eq!(results, [Err(REFUSED); 4], "{isa}");
                assert_eq!(numbers(&trained), numbers(&net), "{isa}");
            }
            let loss = workspace.train_step_with(isa, &mut trained, &good, &[0, 1, 0], &adam);
            (loss, numbers(&trained))
        };
        assert_eq!(step(true), step(false), "{isa}");

        let private = Private::new(Sgd::new(0.1), 1.0, 0.5, 7);
        let (mut workspace, mut trained) = (Box::new(Workspace::<Net, 3, Private<Sgd>>::new()), net);
        let result = workspace.train_step_private_with(isa, &mut trained, &BAD, &[0, 1, 0], &private);
        assert_eq!((result, numbers(&trained)), (Err(REFUSED), numbers(&net)), "{isa}");

        let mut dxs = [[9; 5]; 3];
        let mut workspace = Box::new(Workspace::<Net, 3>::new());
        let result = workspace.input_gradient_with(isa, &net, &BAD, &[0, 1, 0], &mut dxs);
        assert_eq!((result, dxs), (Err(REFUSED), [[9; 5]; 3]), "{isa}");
    }
}

/// A step in slices does not begin; its rows can be discarded.
#[test]
fn a_learner_refuses() {
    type Net = Classifier<5>;
    let net: Net = random(&mut Rng::new(1));
    let mut learner = Box::new(Learner::<Net, 3>::new(net));
    for row in BAD {
        learner.push(0, |to| *to = row).expect("a row");
    }
    assert_eq!((learner.start(Sgd::new(0.1)), learner.is_busy()), (Err(REFUSED), false));
    assert_eq!(numbers(learner.net()), numbers(&net));
    learner.cancel().expect("no step is in progress");
    learner.push(0, |to| *to = BAD[0]).expect("a row");
    assert_eq!(learner.start(Sgd::new(0.1)), Ok(()));
}

#[test]
fn language_models() {
    let mut net: Gpt<5> = random(&mut Rng::new(2));
    let before = net;
    let mut workspace = Box::new(Workspace::<Gpt<5>, 1, Sgd, _>::with_loss(EachPosition(CrossEntropy)));
    for isa in isas() {
        let refused =
            workspace.train_step_with(isa, &mut net, &[[0, 1, 2, 3, 60]], &[[0_u8; 5]], &Sgd::new(0.1));
        assert_eq!(refused, Err(Error::Token { vocabulary: 6, got: 60, position: 4 }), "{isa}");
    }
    assert_eq!(net, before);
}

/// Methods called with other numbers of rows write nothing outside of what they were given, and do not panic; tokens past the
/// vocabulary are zeros.
#[test]
fn called_with_other_rows() {
    fn check<N: Train<Input = [u32; 2], Output = [[f32; 3]; 2]> + Copy>(net: N) {
        const ROWS: [usize; 4] = [0, 1, 2, 5];
        let rows = ROWS.into_iter().flat_map(|a| ROWS.into_iter().flat_map(move |b| ROWS.map(|c| (a, b, c))));
        for (isa, (xs_rows, ys_rows, kept)) in rows.flat_map(|rows| isas().map(move |isa| (isa, rows))) {
            let (xs, mut ys, pace) = (&[[1, 9]; 5][..xs_rows], [[[7.0; 3]; 2]; 7], &mut Whole::on(isa));
            let (mut tape, mut gradients) = (vec![N::Tape::ZEROED; kept], vec![N::Gradients::ZEROED; kept]);
            let beside = |ys: &[[[f32; 3]; 2]; 7]| {
                ys[0] == [[7.0; 3]; 2] && ys[1 + ys_rows..].iter().all(|y| *y == [[7.0; 3]; 2])
            };
            net.run(isa, xs, &mut vec![0.0; kept * size_of::<N::Scratch>() / 4], &mut ys[1..1 + ys_rows]);
            assert!(beside(&ys) && (xs_rows == ys_rows || ys == [[[7.0; 3]; 2]; 7]), "{isa}: run");
            net.forward(pace, xs, None, &mut tape, &mut ys[1..1 + ys_rows]);
            assert!(beside(&ys), "{isa}: forward");
            let (dys, mut dxs) = (&ys[1..1 + ys_rows], [[9; 2]; 5]);
            net.backward(pace, xs, &tape, dys, &mut gradients, InputGradient::unwanted());
            let dx = InputGradient::into(&mut dxs[1..4], fusebox::Derivative::One);
            net.backward(pace, xs, &tape, dys, &mut gradients, dx);
            assert_eq!([dxs[0], dxs[4]], [[9; 2]; 2], "{isa}: an input gradient beside");
            let (mut changed, mut progress, mut state) = (net, Zeroed::ZEROED, N::State::<Adam>::ZEROED);
            let sweep = &mut fusebox::Optimizer::begin(&Adam::new(0.1), &mut progress, ys_rows as f32);
            changed.update::<Adam, _>(pace, xs, &tape, dys, &gradients, sweep, &mut state);
        }
    }
    check(TiedEmbedding::<2, 3, 4, Seq![Positions<2, 4>, Residual<Positions<2, 4>>], u32>::ZEROED);
    check(fusebox::Each::<2, Embedding<5, 3, u32>>::ZEROED);
}

/// Without a check, a token past the vocabulary is zeros, and changes nothing.
#[test]
fn unchecked_tokens_are_zeros() {
    let mut layer = Embedding::<2, 3, u32>::ZEROED;
    layer.weight = [[1.0; 3]; 2];
    for isa in Isa::available() {
        let mut ys = [[7.0; 3]; 4];
        layer.run(isa, &[0, 2, u32::MAX, 1], &mut [], &mut ys);
        assert_eq!(ys, [[1.0; 3], [0.0; 3], [0.0; 3], [1.0; 3]], "{isa}");
    }
}
