//! Safe code that breaks a trait's word: nothing is written outside of what it was given, nothing panics.

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Adam, BiasOnly, BinaryCrossEntropy, Budget, CrossEntropy, Dense, Derivative, Dropout, Gelu, Huber, Init,
    InputGradient, Isa, Layer, LayerNorm, Learner, Loss, LowRank, Mse, Optimizer, PerSample, Relu, Rng, Seq,
    Sgd, Silu, Sliced, Softmax, Tanh, Train, WeightedCrossEntropy, Workspace, Zeroed,
};
use support::isas::isas;

#[test]
fn a_layer_run_on_more_rows_than_it_has_outputs_writes_nothing() {
    let mut layer = Dense::<4, 4, Relu>::ZEROED;
    layer.bias = [1.0; 4];
    for isa in isas() {
        let mut ys = [[7.0; 4]; 3];
        layer.run(isa, &[[1.0; 4]; 64], [&mut [], &mut []], &mut ys[1..2]);
        layer.forward::<1>(isa, &[[1.0; 4]; 64], &mut (), &mut ys[1..2]);
        layer.run_in_place(isa, [&mut [], &mut []], &mut ys);
        assert_eq!(ys, [[7.0; 4]; 3], "{isa}");
    }
}

/// All methods that safe code can call, with every two numbers of rows that differ, on a tape for two rows.
fn called_with_other_rows<N>(what: &str, mut layer: N)
where
    N: PerSample<Input = [f32; 4], Output = [f32; 4]> + Clone,
{
    const ROWS: [usize; 4] = [0, 1, 2, 9];
    for isa in isas() {
        for (xs_rows, ys_rows) in ROWS.into_iter().flat_map(|a| ROWS.map(|b| (a, b))) {
            let what = format!("{isa}, {what}, {xs_rows} and {ys_rows} rows");
            let (mut tape, mut gradients) = (N::Tape::<2>::ZEROED, N::Gradients::<2>::ZEROED);
            let mut state = N::State::<Adam>::ZEROED;
            let xs = &[[1.0; 4]; 9][..xs_rows];
            let mut ys = [[7.0; 4]; 11];
            layer.run(isa, xs, [&mut [], &mut []], &mut ys[1..1 + ys_rows]);
            assert!(xs_rows == ys_rows || ys == [[7.0; 4]; 11], "{what}: run wrote");
            layer.forward::<2>(isa, xs, &mut tape, &mut ys[1..1 + ys_rows]);
            assert!(
                ys[0] == [7.0; 4] && ys[1 + ys_rows..].iter().all(|y| *y == [7.0; 4]),
                "{what}: wrote beside"
            );

            let dys = &mut ys[1..1 + ys_rows];
            N::derivative::<2>(&tape, &[[1.0; 4]; 9][..xs_rows]).apply(isa, dys);
            let mut squares = [7.0; 9];
            layer.add_norms::<2>(isa, xs, &tape, dys, &gradients, &mut squares[..1]);
            assert_eq!(squares[1..], [7.0; 8], "{what}: a square beside");
            layer.add_norms::<2>(isa, xs, &tape, dys, &gradients, &mut squares);
            N::scale_rows::<2>(&[0.5; 9][..xs_rows], &mut gradients);
            let sweep = &mut Adam::new(0.1).begin(&mut [0.0; 2], ys_rows);
            layer.update::<Adam, 2>(isa, xs, &tape, dys, &gradients, sweep, &mut state);
        }
    }
}

#[test]
fn layers_called_with_other_rows() {
    let base = Dense::<4, 4, Gelu>::ZEROED;
    called_with_other_rows("identity", Dense::<4, 4>::ZEROED);
    called_with_other_rows("relu", Dense::<4, 4, Relu>::ZEROED);
    called_with_other_rows("tanh", Dense::<4, 4, Tanh>::ZEROED);
    called_with_other_rows("silu", Dense::<4, 4, Silu>::ZEROED);
    called_with_other_rows("layer norm", LayerNorm::<4>::ZEROED);
    called_with_other_rows("softmax", Softmax::<4>);
    called_with_other_rows("dropout", Dropout::<4, 50>);
    called_with_other_rows("bias only", BiasOnly::new(&base));
    called_with_other_rows("low rank", LowRank::<4, 4, 3, Gelu>::new(&base));
}

/// A layer that hands another only half of the rows on the way back.
#[derive(Clone)]
struct Half<N>(N);

impl<N: Zeroed> Zeroed for Half<N> {
    const ZEROED: Self = Self(N::ZEROED);
}

impl<N: Layer> Layer for Half<N> {
    type Input = N::Input;
    type Output = N::Output;
    type Even<const B: usize> = N::Even<B>;
    type Odd<const B: usize> = N::Odd<B>;

    fn run(&self, isa: Isa, xs: &[N::Input], scratch: [&mut [f32]; 2], ys: &mut [N::Output]) {
        self.0.run(isa, xs, scratch, ys);
    }
}

impl<N: Train> Train for Half<N> {
    type Tape<const B: usize> = N::Tape<B>;
    type Gradients<const B: usize> = N::Gradients<B>;
    type State<O: Optimizer> = N::State<O>;

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.0.init(init, rng);
    }

    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[N::Input],
        tape: &mut N::Tape<B>,
        ys: &mut [N::Output],
    ) {
        self.0.forward(isa, xs, tape, ys);
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[N::Input],
        tape: &N::Tape<B>,
        dys: &[N::Output],
        gradients: &mut N::Gradients<B>,
        dx: InputGradient<'_, N::Input>,
    ) {
        self.0.backward(isa, xs, tape, &dys[..dys.len() / 2], gradients, dx);
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[N::Input],
        tape: &N::Tape<B>,
        dys: &[N::Output],
        gradients: &N::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut N::State<O>,
    ) {
        self.0.update::<O, B>(isa, &xs[..xs.len() / 2], tape, dys, gradients, sweep, state);
    }
}

#[test]
fn a_way_back_with_half_of_the_rows() {
    fn trains<N: Train<Input = [f32; 4], Output = [f32; 4]> + Clone>(layer: N) {
        for isa in isas() {
            let mut net = fusebox::Chain { first: Dense::<4, 4, Relu>::ZEROED, rest: Half(layer.clone()) };
            net.first.init(Init::He, &mut Rng::new(1));
            let mut workspace = Workspace::<_, 6>::new();
            for rows in [6, 1, 3] {
                let (xs, labels) = (&[[1.0; 4]; 6][..rows], &[1; 6][..rows]);
                workspace.train_step_with(isa, &mut net, xs, labels, &Sgd::new(0.1)).expect("rows that fit");
            }
        }
    }
    let base = Dense::<4, 4, Gelu>::ZEROED;
    trains(Dense::<4, 4, Tanh>::ZEROED);
    trains(LayerNorm::<4>::ZEROED);
    trains(Softmax::<4>);
    trains(Dropout::<4, 50>);
    trains(BiasOnly::new(&base));
    trains(LowRank::<4, 4, 3, Gelu>::new(&base));
}

#[test]
fn optimizers_do_nothing_with_rows_that_differ_in_number() {
    for isa in isas() {
        let mut weights = [[[7.0; 2]; 3]; 3];
        let sweep = &mut Sgd::new(1.0).begin(&mut (), 9);
        Sgd::step_product(sweep, isa, &[[1.0; 3]; 9], &[[1.0; 2]; 8], &mut weights[1], &mut ());
        assert_eq!(weights, [[[7.0; 2]; 3]; 3], "{isa}");
        let mut bias = [7.0; 2];
        Sgd::step_rows(sweep, isa, &[], &mut bias, &mut ());
        assert_eq!(bias, [7.0; 2], "{isa}");
    }
}

#[test]
fn parameters_without_numbers() {
    for isa in isas() {
        Sgd::step(&mut Sgd::new(1.0).begin(&mut (), 1), isa, &(), &mut (), &mut ());
        Derivative::Relu(&[1.0]).apply::<()>(isa, &mut [(), ()]);
    }
}

#[test]
fn layers_without_numbers() {
    fn trains<N: Train<Input = [f32; 4], Output = [f32; 3]> + PerSample + Clone>(what: &str, net: N) {
        for isa in isas() {
            for rows in [1, 2, 5] {
                let mut net = net.clone();
                net.init(Init::He, &mut Rng::new(1));
                let (xs, labels) = (&[[1.0; 4]; 5][..rows], &[2; 5][..rows]);
                let mut workspace = Workspace::<N, 5, Adam>::new();
                for _ in 0..2 {
                    let loss = workspace.train_step_with(isa, &mut net, xs, labels, &Adam::new(0.1));
                    assert!(loss.is_ok_and(f32::is_finite), "{isa}, {what}, {rows} rows: {loss:?}");
                }
            }
        }
    }
    let base = Dense::<4, 3, Gelu>::ZEROED;
    trains("rank 0", LowRank::<4, 3, 0, Gelu>::new(&base));
    trains("none between", <Seq![Dense<4, 0, Tanh>, Dense<0, 3>]>::ZEROED);
    trains("none between, normalised", <Seq![Dense<4, 0, Relu>, LayerNorm<0>, Dense<0, 3, Silu>]>::ZEROED);
    trains("softmax of none", <Seq![Dense<4, 0>, Softmax<0>, Dropout<0, 50>, Dense<0, 3>]>::ZEROED);
}

/// A layer that names a derivative of the wrong length.
#[derive(Clone, Copy)]
struct Liar;

impl Zeroed for Liar {
    const ZEROED: Self = Self;
}

impl Layer for Liar {
    type Input = [f32; 40];
    type Output = [f32; 40];
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    fn run(&self, _: Isa, xs: &[[f32; 40]], _: [&mut [f32]; 2], ys: &mut [[f32; 40]]) {
        ys.copy_from_slice(xs);
    }
}

impl Train for Liar {
    type Tape<const B: usize> = ();
    type Gradients<const B: usize> = ();
    type State<O: Optimizer> = ();

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<const B: usize>(&self, isa: Isa, xs: &[[f32; 40]], _: &mut (), ys: &mut [[f32; 40]]) {
        self.run(isa, xs, [&mut [], &mut []], ys);
    }

    fn derivative<'a, const B: usize>(_: &'a (), _: &'a [[f32; 40]]) -> Derivative<'a> {
        Derivative::Relu(&[])
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        _: &[[f32; 40]],
        _: &(),
        dys: &[[f32; 40]],
        _: &mut (),
        dx: InputGradient<'_, [f32; 40]>,
    ) {
        dx.write(isa, |dxs| dxs.copy_from_slice(dys));
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        _: Isa,
        _: &[[f32; 40]],
        _: &(),
        _: &[[f32; 40]],
        _: &(),
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

impl Sliced for Liar {}

#[test]
fn a_derivative_of_the_wrong_length_is_not_read_past_its_end() {
    type Net = Seq![Liar, Dense<40, 4, Relu>, Dense<4, 2>];
    for isa in isas() {
        let mut learner = Learner::<Net, 8>::new(Net::he(&mut Rng::new(1)));
        for _ in 0..8 {
            assert_eq!(learner.push(1, |x| *x = [1.0; 40]), Ok(()), "{isa}");
        }
        assert_eq!(learner.start(Sgd::new(0.1)), Ok(()), "{isa}");
        while learner.poll_with(isa, Budget::rows(3)).is_pending() {}
        let mut net = Net::he(&mut Rng::new(1));
        let mut workspace = Workspace::<Net, 8>::new();
        for _ in 0..3 {
            let loss = workspace.train_step_with(isa, &mut net, &[[1.0; 40]; 8], &[1; 8], &Sgd::new(0.1));
            assert!(loss.is_ok_and(f32::is_finite), "{isa}");
        }
    }
}

/// `gradient` on rows, targets and gradients of every number, the targets unchecked. Around the outputs lie NaNs: a loss
/// that is none has not read them.
fn unchecked<const CLASSES: usize, L: Loss<[f32; CLASSES]>>(what: &str, loss: &L, target: L::Target) {
    const ROWS: [usize; 7] = [0, 1, 2, 3, 5, 16, 19];
    for isa in isas() {
        for (rows, targets, gradients) in
            ROWS.into_iter().flat_map(|a| ROWS.into_iter().flat_map(move |b| ROWS.map(|c| (a, b, c))))
        {
            let what = format!("{isa}, {what}, {CLASSES} classes, {rows}, {targets} and {gradients} rows");
            let mut ys = [[f32::NAN; CLASSES]; 400];
            ys[100..100 + rows].fill([1.0; CLASSES]);
            let mut dys = [[7.0; CLASSES]; 32];
            let ys = &ys[100..100 + rows];
            let value = loss.gradient(isa, ys, &[target; 19][..targets], &mut dys[1..1 + gradients]);
            assert!(rows == 0 || !value.is_nan(), "{what}: NaN");
            let beside = || dys[..1].iter().chain(&dys[1 + gradients..]);
            assert!(beside().all(|dy| *dy == [7.0; CLASSES]), "{what}: wrote beside");
            let inside = dys[1..1 + gradients].as_flattened();
            assert!(inside.iter().all(|dy| !dy.is_nan()), "{what}: a gradient of what is beside");
        }
    }
}

#[test]
fn losses_called_with_labels_that_are_no_class() {
    fn of<const CLASSES: usize>() {
        let weighted = WeightedCrossEntropy::new([1.0; CLASSES], 0.1).expect("good settings");
        for label in [CLASSES.saturating_sub(1), CLASSES, CLASSES + 1, 15, 16, 100, 255] {
            let label = label as u8;
            unchecked::<CLASSES, _>("cross-entropy", &CrossEntropy, label);
            unchecked::<CLASSES, _>("weighted", &weighted, label);
        }
    }
    of::<0>();
    of::<1>();
    of::<2>();
    of::<3>();
    of::<10>();
    of::<16>();
    of::<17>();
    of::<40>();
}

#[test]
fn losses_called_with_rows_that_differ() {
    fn of<const N: usize>() {
        unchecked::<N, _>("mean square", &Mse, [0.0; N]);
        unchecked::<N, _>("Huber", &Huber::new(1.0), [0.0; N]);
        unchecked::<N, _>("binary", &BinaryCrossEntropy::new(), [0.0; N]);
    }
    of::<0>();
    of::<1>();
    of::<3>();
    of::<17>();
}
