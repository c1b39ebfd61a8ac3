//! Safe code that breaks a trait's word: nothing is written outside of what it was given, nothing panics.

mod support {
    pub(crate) mod isas;
}

use fusebox::layers::{self, Both, Side};
use fusebox::{
    Adam, Attention, BiasOnly, BinaryCrossEntropy, Borrowed, Budget, Columns, Concat, ConcatChannels,
    CrossAttention, CrossEntropy, Curved, Dense, Derivative, Dropout, Each, Formed, Frozen, Gated, Gelu,
    GroupNorm, Huber, Ignoring, Init, InputGradient, InstanceNorm, Isa, Layer, LayerNorm, Learner, Linear,
    Loss, LowRank, Mse, Optimizer, Pace, Parallel, Plain, Present, Product, Relu, Repeat, Residual, RmsNorm,
    Rng, Rotary, Rows, Seq, Sgd, Silu, Softmax, Tanh, Tied, Train, View, Weighted, WeightedCrossEntropy,
    Whole, Workspace, Zeroed, plain,
};
use support::isas::isas;

#[test]
fn a_layer_run_on_more_rows_than_it_has_outputs_writes_nothing() {
    let mut layer = Dense::<4, 4, Relu>::ZEROED;
    layer.bias = [1.0; 4];
    for isa in isas() {
        let mut ys = [[7.0; 4]; 3];
        layer.run(isa, &[[1.0; 4]; 64], &mut [], &mut ys[1..2]);
        layer.forward(&mut Whole::on(isa), &[[1.0; 4]; 64], None, &mut [()], &mut ys[1..2]);
        layer.run_in_place(isa, &mut [], Side::Front, &mut ys);
        layer.run_in_place(isa, &mut [], Side::Back, &mut ys);
        assert_eq!(ys, [[7.0; 4]; 3], "{isa}");
    }
}

/// Values of a tape or of gradients.
fn some<T: Plain>(count: usize) -> Vec<T> {
    vec![T::ZEROED; count]
}

/// All methods that safe code can call, with every three numbers of rows: of inputs, of outputs, and of everything else.
fn called_with_other_rows<N>(what: &str, mut layer: N)
where
    N: Train<Input = [f32; 4], Output = [f32; 4]> + Clone,
{
    const ROWS: [usize; 4] = [0, 1, 2, 9];
    for isa in isas() {
        for (xs_rows, ys_rows, kept) in
            ROWS.into_iter().flat_map(|a| ROWS.into_iter().flat_map(move |b| ROWS.map(|c| (a, b, c))))
        {
            let what = format!("{isa}, {what}, {xs_rows}, {ys_rows} and {kept} rows");
            let pace = &mut Whole::on(isa);
            let (mut tape, mut gradients) = (some::<N::Tape>(kept), some::<N::Gradients>(kept));
            let mut state = N::State::<Adam>::ZEROED;
            let mut memory = N::Memory::ZEROED;
            let xs = &[[1.0; 4]; 9][..xs_rows];
            let mut ys = [[7.0; 4]; 11];
            let beside =
                |ys: &[[f32; 4]; 11]| ys[0] == [7.0; 4] && ys[1 + ys_rows..].iter().all(|y| *y == [7.0; 4]);
            let mut scratch = vec![0.0; kept * size_of::<N::Scratch>() / 4];
            layer.run(isa, xs, &mut scratch, &mut ys[1..1 + ys_rows]);
            assert!(xs_rows == ys_rows || ys == [[7.0; 4]; 11], "{what}: run wrote");
            for side in [Side::Front, Side::Back] {
                let mut buffer = vec![0.0; kept * size_of::<N::InPlace>() / 4];
                layer.run_in_place(isa, &mut buffer, side, &mut ys[1..1 + ys_rows]);
                assert!(beside(&ys), "{what}: run in place wrote beside");
            }
            for memory in [None, Some(&memory)] {
                layer.forward(pace, xs, memory, &mut tape, &mut ys[1..1 + ys_rows]);
                assert!(beside(&ys), "{what}: wrote beside");
            }

            let dys = &mut ys[1..1 + ys_rows];
            N::derivative(&tape, &[[1.0; 4]; 9][..xs_rows]).apply(isa, dys);
            let mut dxs = [[7.0; 4]; 11];
            layer.backward(pace, xs, &tape, dys, &mut gradients, InputGradient::unwanted());
            for derivative in [Derivative::One, Derivative::Relu(&[1.0; 4])] {
                let dx = InputGradient::into(&mut dxs[1..1 + xs_rows], derivative);
                layer.backward(pace, xs, &tape, dys, &mut gradients, dx);
            }
            let untouched = dxs[..1].iter().chain(&dxs[1 + xs_rows..]).all(|dx| *dx == [7.0; 4]);
            assert!(untouched, "{what}: an input gradient beside");
            let mut progress = Zeroed::ZEROED;
            let sweep = &mut Adam::new(0.1).begin(&mut progress, ys_rows as f32);
            layer.update::<Adam, _>(pace, xs, &tape, dys, &gradients, sweep, &mut state);
            layer.remember(pace, xs, &tape, &mut memory);
        }
    }
}

/// Rows of four numbers as two positions of two.
type Positions<F> = View<[f32; 4], F, [f32; 4]>;

/// Two positions of a query, a key and a value.
type Attend = Seq![Each<2, Dense<2, 12>>, Attention<2, 2, 2, 2, 12, 4>, Each<2, Dense<4, 2>>];
type AttendOthers =
    Seq![Dense<4, 8>, View<[f32; 8], CrossAttention<2, 3, 1, 1, 1, 2, 1>, [f32; 2]>, Dense<2, 4>];

/// A layer for each half of a row.
type Halves<J = Concat<4>> =
    Parallel<Seq![Columns<4, 0, 2>, Dense<2, 3, Tanh>], Seq![Columns<4, 2, 2>, Dense<2, 1>], J>;

/// Two positions of a channel of each of two layers.
type Channels = Parallel<
    View<[f32; 4], Dense<4, 2, Silu>, [[f32; 1]; 2]>,
    View<[f32; 4], Dense<4, 2>, [[f32; 1]; 2]>,
    ConcatChannels<2>,
>;

#[test]
fn layers_called_with_other_rows() {
    let base = Dense::<4, 4, Gelu>::ZEROED;
    called_with_other_rows("identity", Dense::<4, 4>::ZEROED);
    called_with_other_rows("relu", Dense::<4, 4, Relu>::ZEROED);
    called_with_other_rows("tanh", Dense::<4, 4, Tanh>::ZEROED);
    called_with_other_rows("silu", Dense::<4, 4, Silu>::ZEROED);
    called_with_other_rows("layer norm", LayerNorm::<4>::ZEROED);
    called_with_other_rows("rms norm", RmsNorm::<4>::ZEROED);
    called_with_other_rows("gated", <Seq![Gated<4, 2, Silu>, Dense<2, 8>, Gated<8, 4, Relu>]>::ZEROED);
    called_with_other_rows("group norm", Positions::<GroupNorm<[[[f32; 2]; 2]; 1], 2, 1, Silu>>::ZEROED);
    called_with_other_rows("instance norm", Positions::<InstanceNorm<[[[f32; 2]; 2]; 1], 2>>::ZEROED);
    called_with_other_rows("softmax", Softmax::<4>);
    called_with_other_rows("dropout", Dropout::<4, 50>);
    called_with_other_rows("bias only", BiasOnly::new(&base));
    called_with_other_rows("borrowed", Borrowed::new(&base));
    called_with_other_rows("low rank", LowRank::<4, 4, 3, Gelu>::new(&base));
    called_with_other_rows("chain", <Seq![Dense<4, 3, Tanh>, Dense<3, 4>]>::ZEROED);
    called_with_other_rows("frozen", Frozen::new(&base, Dense::<4, 4, Tanh>::ZEROED));
    called_with_other_rows("columns", Columns::<4, 0, 4>);
    called_with_other_rows("residual", Residual::<Dense<4, 4>>::ZEROED);
    called_with_other_rows("curved residual", Residual::<Dense<4, 4, Silu>>::ZEROED);
    called_with_other_rows("repeat", Repeat::<3, Dense<4, 4, Gelu>>::ZEROED);
    called_with_other_rows("each", Positions::<Each<2, Dense<2, 2, Gelu>>>::ZEROED);
    called_with_other_rows("sum", Parallel::<Dense<4, 4, Relu>, Dense<4, 4, Silu>>::ZEROED);
    called_with_other_rows("concat", <Halves>::ZEROED);
    called_with_other_rows("pair", Positions::<Halves<Both>>::ZEROED);
    called_with_other_rows("channels", Positions::<Channels>::ZEROED);
    called_with_other_rows("positions", Positions::<layers::Positions<2, 2>>::ZEROED);
    called_with_other_rows("rotary", Positions::<Rotary<2, 2, 1, 2>>::ZEROED);
    called_with_other_rows("attention", Positions::<Attend>::ZEROED);
    called_with_other_rows("attention to others", AttendOthers::ZEROED);
    called_with_other_rows("present", Present::<Dense<4, 4, Gelu>>::ZEROED);
    called_with_other_rows("tied", Tied::<4, 3, LayerNorm<3>, Tanh>::ZEROED);
    called_with_other_rows("tied twice", Tied::<4, 3, Tied<3, 2, Dropout<2, 50>>, Gelu>::ZEROED);
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
    type Scratch = N::Scratch;
    type InPlace = N::InPlace;

    fn run(&self, isa: Isa, xs: &[N::Input], scratch: &mut [f32], ys: &mut [N::Output]) {
        self.0.run(isa, xs, scratch, ys);
    }
}

impl<N: Train> Train for Half<N> {
    type Tape = N::Tape;
    type Gradients = N::Gradients;
    type Memory = N::Memory;
    type State<O: Optimizer> = N::State<O>;
    type End = Linear;

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.0.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[N::Input],
        memory: Option<&N::Memory>,
        tape: &mut [N::Tape],
        ys: &mut [N::Output],
    ) {
        self.0.forward(pace, xs, memory, tape, ys);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[N::Input],
        tape: &[N::Tape],
        dys: &[N::Output],
        gradients: &mut [N::Gradients],
        dx: InputGradient<'_, N::Input>,
    ) {
        self.0.backward(pace, xs, tape, &dys[..dys.len() / 2], gradients, dx);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[N::Input],
        tape: &[N::Tape],
        dys: &[N::Output],
        gradients: &[N::Gradients],
        sweep: &mut O::Sweep,
        state: &mut N::State<O>,
    ) {
        self.0.update::<O, P>(pace, &xs[..xs.len() / 2], tape, dys, gradients, sweep, state);
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
    trains(RmsNorm::<4>::ZEROED);
    trains(<Seq![Gated<4, 2, Silu>, Dense<2, 8>, Gated<8, 4, Relu>]>::ZEROED);
    trains(Softmax::<4>);
    trains(Dropout::<4, 50>);
    trains(BiasOnly::new(&base));
    trains(Borrowed::new(&base));
    trains(LowRank::<4, 4, 3, Gelu>::new(&base));
    trains(Residual::<Dense<4, 4, Silu>>::ZEROED);
    trains(Repeat::<3, Dense<4, 4, Gelu>>::ZEROED);
    trains(Positions::<Each<2, Dense<2, 2, Gelu>>>::ZEROED);
    trains(Parallel::<Dense<4, 4, Relu>, Dense<4, 4, Silu>>::ZEROED);
    trains(<Halves>::ZEROED);
    trains(Positions::<Halves<Both>>::ZEROED);
    trains(Tied::<4, 3, LayerNorm<3>, Tanh>::ZEROED);
    trains(Positions::<Seq![layers::Positions<2, 2>, Rotary<2, 2, 1, 2>, Attend]>::ZEROED);
    trains(Present::<Dense<4, 4, Gelu>>::ZEROED);
}

#[test]
fn optimizers_do_nothing_with_rows_that_differ_in_number() {
    for isa in isas() {
        let mut weights = [[[7.0; 2]; 3]; 3];
        let sweep = &mut Sgd::new(1.0).begin(&mut (), 9.0);
        let pace = &mut Whole::on(isa);
        let (xs, dys) = ([[1.0; 3]; 9], [[1.0; 2]; 8]);
        Sgd::step(pace, sweep, Product::of(&xs, &dys), &mut weights[1], &mut ());
        let sum = Product::sum([(&xs[..], &dys[..]), (&xs[..5], &dys[..4])]);
        Sgd::step(pace, sweep, sum, &mut weights[1], &mut ());
        assert_eq!(weights, [[[7.0; 2]; 3]; 3], "{isa}");
        let mut bias = [7.0; 2];
        Sgd::step(pace, sweep, Rows::of(&[]), &mut bias, &mut ());
        assert_eq!(bias, [7.0; 2], "{isa}");
    }
}

#[test]
fn parameters_without_numbers() {
    for isa in isas() {
        let sweep = &mut Sgd::new(1.0).begin(&mut (), 1.0);
        Sgd::step(&mut Whole::on(isa), sweep, Formed::of(&()), &mut (), &mut ());
        Derivative::Relu(&[1.0]).apply::<()>(isa, &mut [(), ()]);
    }
}

#[test]
fn layers_without_numbers() {
    fn trains<N: Train<Input = [f32; 4], Output = [f32; 3]> + Clone>(what: &str, net: N) {
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
    trains("gates of none", <Seq![Dense<4, 0>, RmsNorm<0>, Gated<0, 0, Silu>, Dense<0, 3>]>::ZEROED);
    trains("softmax of none", <Seq![Dense<4, 0>, Softmax<0>, Dropout<0, 50>, Dense<0, 3>]>::ZEROED);
}

/// A layer that names a derivative of the wrong length.
#[derive(Clone, Copy)]
#[repr(C)]
struct Liar;

plain!(Liar {});

impl Layer for Liar {
    type Input = [f32; 40];
    type Output = [f32; 40];
    type Scratch = ();
    type InPlace = [f32; 40];

    fn run(&self, _: Isa, xs: &[[f32; 40]], _: &mut [f32], ys: &mut [[f32; 40]]) {
        ys.copy_from_slice(xs);
    }
}

impl Train for Liar {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Curved;

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; 40]],
        _: Option<&()>,
        _: &mut [()],
        ys: &mut [[f32; 40]],
    ) {
        let rows = pace.take(xs.len(), 40);
        self.run(pace.isa(), &xs[rows.clone()], &mut [], &mut ys[rows]);
    }

    fn derivative<'a>(_: &'a [()], _: &'a [[f32; 40]]) -> Derivative<'a> {
        Derivative::Relu(&[])
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[f32; 40]],
        _: &[()],
        dys: &[[f32; 40]],
        _: &mut [()],
        dx: InputGradient<'_, [f32; 40]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), 40);
        dx.rows(&rows).write(pace.isa(), |dxs| dxs.copy_from_slice(&dys[rows.clone()]));
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        _: &mut P,
        _: &[[f32; 40]],
        _: &[()],
        _: &[[f32; 40]],
        _: &[()],
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

#[test]
fn a_derivative_of_the_wrong_length_is_not_read_past_its_end() {
    type Net =
        Seq![Liar, Residual<Liar>, Repeat<2, Liar>, Parallel<Liar, Liar>, Dense<40, 4, Relu>, Dense<4, 2>];
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
            unchecked::<CLASSES, _>("weighted by sample", &Weighted(CrossEntropy), (label, 2.0));
            unchecked::<CLASSES, _>("some", &Ignoring(CrossEntropy), Some(label));
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
        unchecked::<N, _>("weighted by sample", &Weighted(Mse), ([0.0; N], 2.0));
    }
    of::<0>();
    of::<1>();
    of::<3>();
    of::<17>();
}
