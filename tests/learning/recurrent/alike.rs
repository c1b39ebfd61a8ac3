//! The same bits: alone and in a batch, in inference and in training, in a stream, and in slices.

use super::{numbers, pass, random, some};
use crate::support::isas::isas;
use fusebox::layers::Carried;
use fusebox::{
    Adam, Budget, ConcatChannels, CrossEntropy, Dense, Derivative, Gelu, Gru, InputGradient, Isa, Last,
    Layer, Learner, Lstm, Parallel, Plain, Private, Relu, Reversed, Rng, Rnn, Scratch, Seq, Sgd, Stream,
    Streaming, Train, Whole, Workspace, Zeroed,
};
use std::task::Poll;

const ROWS: usize = 5;

/// A row has its outputs, its input gradient and its share of the memory alone as in a batch; inference has training's
/// outputs, whatever was in its memory.
fn check_rows<N>()
where
    N: Train<Input: Plain> + Plain,
{
    let (net, mut rng) = (some::<N>(3), Rng::new(4));
    let (xs, dys) = (random::<N::Input>(&mut rng, ROWS, 2.0), random::<N::Output>(&mut rng, ROWS, 2.0));
    for isa in isas() {
        let what = format!("{isa}, {}", std::any::type_name::<N>());
        let all = pass(isa, &net, &xs, &dys, &N::Memory::ZEROED);
        let (outputs, inputs) = (all.ys.len() / ROWS, all.dxs.len() / ROWS);
        for row in 0..ROWS {
            let alone = pass(isa, &net, &xs[row..=row], &dys[row..=row], &N::Memory::ZEROED);
            assert_eq!(alone.ys, all.ys[row * outputs..][..outputs], "{what}: row {row}");
            assert_eq!(alone.dxs, all.dxs[row * inputs..][..inputs], "{what}: row {row}");
        }
        let mut ys = vec![N::Output::ZEROED; ROWS];
        let mut scratch = Scratch::<N, ROWS>::new();
        for _ in 0..2 {
            net.infer_with(isa, &xs, &mut scratch, &mut ys).expect("rows that fit");
            assert_eq!(numbers(&ys), all.ys, "{what}: inference");
        }
    }
}

type BothWays = Parallel<Gru<5, 3, 4>, Reversed<5, Lstm<5, 3, 6>>, ConcatChannels<10>>;

#[test]
fn rows_alone_and_in_a_batch() {
    check_rows::<Gru<6, 3, 5>>();
    check_rows::<Gru<3, 28, 20>>();
    check_rows::<Lstm<6, 3, 5>>();
    check_rows::<Rnn<6, 3, 5, Gelu>>();
    check_rows::<Rnn<2, 3, 70, Relu>>();
    check_rows::<BothWays>();
    check_rows::<Last<4, 3>>();
}

/// So wide that the products on the way back are dot products. Its parameters are more than a test's stack should hold.
#[test]
fn wide_rows() {
    let thread = std::thread::Builder::new().stack_size(1 << 25);
    let check = thread.spawn(|| {
        check_rows::<Gru<2, 5, 171>>();
        check_rows::<Lstm<2, 3, 129>>();
        check_stream::<Lstm<3, 9, 130>, Lstm<5, 9, 130>, 5, 9, 130>();
    });
    check.expect("a thread").join().expect("equal rows");
}

/// The outputs of a stream are those of the whole sequence, at every position and beyond the layer's own length.
fn check_stream<N, Long, const T: usize, const IN: usize, const H: usize>()
where
    N: Stream<Frame = [f32; IN], Out = [f32; H]> + Plain,
    Long: Layer<Input = [[f32; IN]; T], Output = [[f32; H]; T]> + Plain,
{
    let net = some::<N>(3);
    let long = Long::copy_from_bytes(net.as_bytes()).expect("the same parameters");
    let x = random::<[[f32; IN]; T]>(&mut Rng::new(4), 1, 2.0)[0];
    for isa in isas() {
        let mut ys = [[[f32::NAN; H]; T]];
        long.infer_with(isa, &[x], &mut Scratch::<Long, 1>::new(), &mut ys).expect("a row");
        let mut stream = Streaming::<N>::new();
        for _ in 0..2 {
            for (t, (frame, y)) in x.iter().zip(&ys[0]).enumerate() {
                assert_eq!(stream.push_with(isa, &net, frame), Some(y), "{isa}: position {t}");
            }
            stream.restart();
        }
    }
}

#[test]
fn streams() {
    check_stream::<Gru<3, 4, 7>, Gru<11, 4, 7>, 11, 4, 7>();
    check_stream::<Gru<28, 28, 20>, Gru<28, 28, 20>, 28, 28, 20>();
    check_stream::<Lstm<3, 4, 7>, Lstm<11, 4, 7>, 11, 4, 7>();
    check_stream::<Rnn<3, 4, 7>, Rnn<11, 4, 7>, 11, 4, 7>();
    check_stream::<Rnn<3, 4, 7, Relu>, Rnn<11, 4, 7, Relu>, 11, 4, 7>();
    check_stream::<Seq![Gru<3, 4, 7>, Rnn<3, 7, 5, Gelu>], Seq![Gru<11, 4, 7>, Rnn<11, 7, 5, Gelu>], 11, 4, 5>(
    );
}

/// Three steps, whole and in slices.
fn check_slices<N: Train<Input: Plain, Output = [f32; 3]> + Plain>(isa: Isa) {
    let start = some::<N>(8);
    let xs = random::<N::Input>(&mut Rng::new(4), 4, 2.0);
    let labels = [0_u8, 2, 1, 1];
    let (mut net, mut workspace) = (start, Workspace::<N, 4, Adam>::new());
    let losses = [4, 1, 3].map(|rows| {
        let step = workspace.train_step_with(isa, &mut net, &xs[..rows], &labels[..rows], &Adam::new(0.01));
        (rows, step.expect("a step"))
    });
    for budget in [0, 1, 3, 8].map(Budget::rows).into_iter().chain([50, 700, 20_000].map(Budget::macs)) {
        let mut learner = Learner::<N, 4, Adam>::new(start);
        for &(rows, loss) in &losses {
            for (x, &label) in xs.iter().zip(&labels).take(rows) {
                learner.push(label, |row| *row = *x).expect("room");
            }
            learner.start(Adam::new(0.01)).expect("rows");
            let got = loop {
                if let Poll::Ready(loss) = learner.poll_with(isa, budget) {
                    break loss.expect("a step");
                }
            };
            assert_eq!(got.to_bits(), loss.to_bits(), "{isa}, {budget:?}");
        }
        assert_eq!(learner.net().as_bytes(), net.as_bytes(), "{isa}, {budget:?}");
    }
}

#[test]
fn in_slices() {
    for isa in isas() {
        check_slices::<Seq![Gru<4, 2, 5>, Gru<4, 5, 6>, Last<4, 6>, Dense<6, 3>]>(isa);
        check_slices::<Seq![Lstm<4, 2, 5, Carried>, Lstm<4, 5, 6>, Last<4, 6>, Dense<6, 3>]>(isa);
        check_slices::<Seq![Rnn<5, 2, 3, Gelu>, BothWays, Last<5, 10>, Dense<10, 3>]>(isa);
    }
}

/// Reversed twice is not reversed; once, it is the layer on the reversed sequence.
#[test]
fn reversed() {
    type Net = Gru<5, 3, 4>;
    let (net, mut rng) = (some::<Net>(3), Rng::new(4));
    let (xs, dys) = (random::<[[f32; 3]; 5]>(&mut rng, 2, 2.0), random::<[[f32; 4]; 5]>(&mut rng, 2, 2.0));
    fn turned<X: Copy, const T: usize>(rows: &[[X; T]]) -> Vec<[X; T]> {
        rows.iter().map(|row| std::array::from_fn(|t| row[T - 1 - t])).collect()
    }
    for isa in isas() {
        let straight = pass(isa, &net, &xs, &dys, &());
        let twice = Reversed::<5, Reversed<5, Net>> { layer: Reversed { layer: net } };
        let twice = pass(isa, &twice, &xs, &dys, &());
        assert_eq!((&twice.ys, &twice.dxs), (&straight.ys, &straight.dxs), "{isa}");
        assert_eq!(twice.gradient, straight.gradient, "{isa}");
        let once = pass(isa, &Reversed::<5, Net> { layer: net }, &turned(&xs), &turned(&dys), &());
        assert_eq!(once.gradient, straight.gradient, "{isa}");
        let back = |numbers: &[f32]| super::numbers(&turned(&super::typed::<[[f32; 4]; 5]>(numbers)));
        assert_eq!(back(&once.ys), straight.ys, "{isa}");
    }
}

/// A layer that ends in an activation inside of one that reverses, whose derivative is applied inside.
#[test]
fn reversed_through_a_derivative() {
    type Net = fusebox::Each<3, Dense<2, 4, Relu>>;
    let net = Reversed::<3, Net> { layer: some(3) };
    let mut rng = Rng::new(4);
    let (xs, dys) = (random::<[[f32; 2]; 3]>(&mut rng, 2, 2.0), random::<[[f32; 4]; 3]>(&mut rng, 2, 2.0));
    for isa in isas() {
        let got = pass(isa, &net, &xs, &dys, &());
        let mut masked = numbers(&dys);
        masked.iter_mut().zip(&got.ys).for_each(|(dy, &y)| *dy = if y > 0.0 { *dy } else { 0.0 });
        let plain = pass(isa, &net.layer, &xs, &super::typed(&masked), &());
        assert_eq!(got.ys, plain.ys, "{isa}");
        assert_eq!(got.dxs, plain.dxs, "{isa}");
    }
}

/// Samples are not mixed, so private training compiles; without its noise and limit it is about the plain step.
#[test]
fn private() {
    type Net = Seq![Gru<4, 2, 5>, Lstm<4, 5, 3>, Last<4, 3>];
    let xs = random::<[[f32; 2]; 4]>(&mut Rng::new(6), 4, 2.0);
    for isa in isas() {
        let [mut net, mut plain] = [some::<Net>(5); 2];
        let private = Private::new(Sgd::new(0.01), 1e6, 0.0, 7);
        let mut workspace = Workspace::<Net, 4, Private<Sgd>>::new();
        workspace.train_step_private_with(isa, &mut net, &xs, &[0, 1, 2, 1], &private).expect("a step");
        let mut workspace = Workspace::<Net, 4>::new();
        workspace.train_step_with(isa, &mut plain, &xs, &[0, 1, 2, 1], &Sgd::new(0.01)).expect("a step");
        for (got, expected) in numbers(&[net]).iter().zip(numbers(&[plain])) {
            assert!((got - expected).abs() <= 1e-6, "{isa}: {got}, not {expected}");
        }
    }
}

/// Trait methods with other numbers of rows write nothing.
#[test]
fn other_lengths() {
    type Net = Gru<3, 2, 4>;
    let net = some::<Net>(5);
    let xs = [[[1.0; 2]; 3]; 2];
    for isa in isas() {
        let mut ys = [[[7.0; 4]; 3]; 3];
        net.run(isa, &xs, &mut [0.0; 1000], &mut ys);
        net.run(isa, &xs, &mut [0.0; 10], &mut ys[..2]);
        let pace = &mut Whole::on(isa);
        let mut tape = [<Net as Train>::Tape::ZEROED; 1];
        net.forward(pace, &xs, Some(&()), &mut tape, &mut ys[..2]);
        assert_eq!(ys, [[[7.0; 4]; 3]; 3], "{isa}");
        let mut gradients = [<Net as Train>::Gradients::ZEROED; 1];
        let mut dxs = [[[7.0; 2]; 3]; 3];
        net.backward(pace, &xs, &tape, &ys, &mut gradients, InputGradient::into(&mut dxs, Derivative::One));
        assert_eq!(dxs, [[[7.0; 2]; 3]; 3], "{isa}");
    }
}

/// Which of two bursts came first, twelve positions ago.
#[test]
fn remembers() {
    fn learns<N: Train<Input = [[f32; 1]; 16], Output = [f32; 2]> + Zeroed + Copy>() {
        let mut net = N::he(&mut Rng::new(2));
        let mut workspace = Workspace::<N, 16, Adam, CrossEntropy>::new();
        let mut rng = Rng::new(1);
        let mut last = f32::NAN;
        for _ in 0..300 {
            let labels: [u8; 16] = std::array::from_fn(|_| rng.below(2) as u8);
            let xs = labels.map(|label| {
                let mut x: [[f32; 1]; 16] = std::array::from_fn(|_| [0.1 * rng.normal()]);
                x[rng.below(4) as usize][0] += if label == 0 { 2.0 } else { -2.0 };
                x
            });
            last = workspace.train_step(&mut net, &xs, &labels, &Adam::new(0.01)).expect("a step");
        }
        assert!(last < 0.1, "{}: {last}", std::any::type_name::<N>());
    }
    learns::<Seq![Gru<16, 1, 8>, Last<16, 8>, Dense<8, 2>]>();
    learns::<Seq![Lstm<16, 1, 8>, Last<16, 8>, Dense<8, 2>]>();
}
