//! Layers, alone and in chains, with every activation and first value.

use crate::{any, hide, keep};
use fusebox::layers::{
    Carried, Causal, Conv1d, ConvTranspose2d, DepthwiseConv1d, DepthwiseConv2d, Due, Everything, MeanPresent,
    Neighbours, Padding, PresentOnly, Resize, Same, Side, Stream, Streaming, Valid, Window, output_len,
};
use fusebox::{
    Activate, Attention, AvgPool1d, AvgPool2d, BatchNorm, BiasOnly, Borrowed, Budget, Chain, Columns, Concat,
    ConcatChannels, Conv2d, CrossAttention, Dense, Derivative, Dropout, Each, Embedding, Flatten, Frozen,
    Gated, Gelu, GeluTanh, GlobalAvgPool, GlobalMaxPool, GroupNorm, Gru, Identity, Init, InputGradient,
    InstanceNorm, Isa, Last, Layer, LayerNorm, LeakyRelu, Learner, LowRank, Lstm, MaxPool1d, MaxPool2d, Mse,
    Optimizer, Pace, Pair, Parallel, Pixels, Plain, Present, Relu, Relu6, Repeat, Residual, Reversed,
    RmsNorm, Rng, Rnn, Rotary, Scratch, Seq, Sgd, Sigmoid, Silu, Softmax, Sum, Tanh, Tied, TiedEmbedding,
    Train, View, Whole, Workspace, evaluate, evaluate_with,
};

type Body = Seq![Dense<3, 4, Relu>, Dense<4, 2, Tanh>];
type Branches = Parallel<Seq![Columns<3, 0, 2>, Dense<2, 1, Gelu>], Dense<3, 2>, Concat<3>>;
type Mixed = Seq![Dense<3, 4, Gelu>, LayerNorm<4>, Dropout<4, 20>, Dense<4, 2>, Softmax<2>];
type Picture<const H: usize, const W: usize> = [[[f32; 3]; W]; H];
type Maxima = Seq![MaxPool2d<Picture<4, 6>, Picture<2, 3>, 2, 2>, GlobalMaxPool<Picture<2, 3>, 3>];
type Means = Seq![AvgPool2d<Picture<4, 6>, Picture<4, 6>, 3, 3, Window>, GlobalAvgPool<Picture<4, 6>, 3>];
type Odd = Conv2d<Picture<4, 6>, [[[f32; 6]; 5]; 3], 2, 2, 1, 6, Window<Valid>>;
type Blur = DepthwiseConv2d<Picture<4, 6>, Picture<4, 6>, 3, 3, 3, Window, Gelu>;
type Double = ConvTranspose2d<Picture<4, 6>, Picture<8, 12>, 3, 3, 3, 3, Window<Same, 2, 2>, Relu6>;
type Sequence = Conv1d<5, 2, 5, 3, 2, 3, Window<Causal>, Tanh>;
type Normalized = Seq![BatchNorm<Picture<4, 6>, 3, Gelu>, GlobalAvgPool<Picture<4, 6>, 3>];
type Grouped = Seq![
    GroupNorm<Picture<4, 6>, 3, 1, Gelu>,
    InstanceNorm<Picture<4, 6>, 3, Relu>,
    GlobalAvgPool<Picture<4, 6>, 3>
];
type Channels = Parallel<
    InstanceNorm<Picture<4, 6>, 3>,
    Conv2d<Picture<4, 6>, [[[f32; 2]; 6]; 4], 1, 1, 3, 2>,
    ConcatChannels<5>,
>;
type Positions = Parallel<Conv1d<5, 2, 5, 1, 2, 3>, Sequence, ConcatChannels<6>>;

type BothWays = Parallel<Gru<5, 2, 3>, Reversed<5, Lstm<5, 2, 3, Carried>>, Sum>;
type Row<const N: usize, F, const OUT: usize> = View<[f32; N], F, [f32; OUT]>;
type Model = TiedEmbedding<
    3,
    5,
    4,
    Seq![
        fusebox::Positions<3, 4>,
        Each<3, Dense<4, 12>>,
        Rotary<3, 12, 4, 2>,
        Attention<3, 2, 2, 2, 12, 4>,
        Each<3, LayerNorm<4>>,
    ],
    u8,
>;

/// Calls them all.
pub fn all() {
    with_activation(any::<Dense<3, 2, Identity>>());
    with_activation(any::<Dense<3, 2, Relu>>());
    with_activation(any::<Dense<3, 2, LeakyRelu>>());
    with_activation(any::<Dense<3, 2, Relu6>>());
    with_activation(any::<Dense<3, 2, Sigmoid>>());
    with_activation(any::<Dense<3, 2, Tanh>>());
    with_activation(any::<Dense<3, 2, Gelu>>());
    with_activation(any::<Dense<3, 2, GeluTanh>>());
    with_activation(any::<Dense<3, 2, Silu>>());
    methods(any::<Dense<17, 1, Relu>>());
    methods(any::<Dense<20, 33, Relu>>());
    methods(any::<LayerNorm<33>>());
    methods(any::<Dense<0, 2>>());
    methods(any::<Dense<2, 0>>());
    methods(any::<LayerNorm<3>>());
    methods(any::<LayerNorm<0>>());
    methods(any::<LayerNorm<3, -12>>());
    methods(any::<RmsNorm<33>>());
    methods(any::<RmsNorm<3, -5>>());
    methods(any::<RmsNorm<0>>());
    methods(any::<Gated<6, 3, Silu>>());
    methods(any::<Gated<6, 3, Relu>>());
    methods(any::<Gated<6, 3, Sigmoid>>());
    methods(any::<Gated<0, 0, Gelu>>());
    methods(any::<Softmax<3>>());
    methods(any::<Softmax<0>>());
    methods(any::<Dropout<3, 20>>());
    methods(any::<Activate<3, Relu>>());
    methods(any::<Activate<3, Gelu>>());
    methods(any::<Activate<3, Tanh>>());
    let base = any::<Dense<3, 2, Relu>>();
    methods(BiasOnly::new(&base));
    methods(LowRank::<3, 2, 1, _>::new(&base));
    let base = any::<Dense<3, 2, Gelu>>();
    methods(BiasOnly::new(&base));
    methods(LowRank::<3, 2, 2, _>::new(&base));
    methods(any::<Body>());
    let mixed = any::<Mixed>();
    methods(Borrowed::new(&mixed));
    methods(mixed);
    methods(any::<Columns<3, 1, 2>>());
    methods(any::<GlobalMaxPool<Picture<2, 3>, 3>>());
    methods(any::<GlobalAvgPool<Picture<4, 6>, 3>>());
    of_picture(any::<Conv2d<Picture<4, 6>, Picture<4, 6>, 3, 3, 3, 3, Window, Relu>>(), any::<Means>());
    of_picture(any::<Odd>(), any::<GlobalMaxPool<[[[f32; 6]; 5]; 3], 6>>());
    of_picture(any::<Blur>(), any::<Means>());
    of_picture(any::<Double>(), any::<GlobalAvgPool<Picture<8, 12>, 3>>());
    of_picture(any::<Resize<Picture<2, 3>, Picture<4, 6>, 1, 2, 1, 0>>(), any::<Means>());
    of_picture(any::<Sequence>(), any::<View<[[f32; 3]; 5], Dense<15, 2>, [f32; 2]>>());
    keep(output_len(hide(5), hide(3), hide(2), hide(1), hide(Padding::Around(1))));
    methods(any::<Maxima>());
    methods(any::<Means>());
    methods(any::<Normalized>());
    let norm = any::<BatchNorm<Picture<4, 6>, 3, Gelu>>();
    run(norm);
    run_in_place(norm);
    train(Chain { first: Stranger(norm), rest: Stranger(any::<GlobalAvgPool<Picture<4, 6>, 3>>()) });
    methods(any::<View<[f32; 3], BatchNorm<Picture<1, 1>, 3, Relu>, [f32; 3]>>());
    methods(any::<Grouped>());
    of_picture(any::<GroupNorm<Picture<4, 6>, 3, 1, Tanh>>(), any::<Means>());
    of_picture(any::<InstanceNorm<Picture<4, 6>, 3>>(), any::<Means>());
    methods(any::<View<[f32; 40], GroupNorm<[[[f32; 40]; 1]; 1], 40, 20>, [f32; 40]>>());
    of_picture(any::<Channels>(), any::<GlobalAvgPool<[[[f32; 5]; 6]; 4], 5>>());
    of_picture(any::<Positions>(), any::<Flatten<5, 6, Dense<30, 2>>>());
    recurrent();
    methods(any::<Residual<Dense<3, 3>>>());
    methods(any::<Residual<Dense<3, 3, Silu>>>());
    methods(any::<Repeat<3, Residual<Dense<3, 3, Relu>>>>());
    methods(any::<Repeat<2, Dropout<3, 20>>>());
    methods(any::<Branches>());
    methods(any::<Parallel<Dense<3, 2, Tanh>, Dense<3, 2>, Sum>>());
    methods(any::<Tied<3, 2, LayerNorm<2>, Gelu>>());
    methods(any::<Tied<3, 2, Dropout<2, 20>>>());
    methods(any::<View<[[f32; 2]; 3], Dense<6, 2, Gelu>, [f32; 2]>>());
    let positions = any::<Each<2, Seq![Dense<3, 2, Silu>, Dropout<2, 20>]>>();
    run(positions);
    run_in_place(positions);
    train(Chain { first: Stranger(positions), rest: Stranger(any::<Flatten<2, 2, Dense<4, 2>>>()) });
    run(any::<Pixels<3>>());
    train(Chain { first: Stranger(any::<Pixels<3>>()), rest: any::<Dense<3, 2>>() });
    let body = any::<Body>();
    methods(Frozen::new(&body, any::<Dense<2, 2>>()));
    methods(Frozen::new(&body, any::<Seq![Dense<2, 3, Silu>, LayerNorm<3>]>()));
    methods(Stranger(any::<Dense<3, 2, Relu>>()));
    methods(any::<Row<36, Attention<3, 4, 2, 1, 12, 8>, 24>>());
    methods(any::<Row<36, Attention<3, 2, 3, 1, 12, 6, Everything>, 18>>());
    methods(any::<Row<36, Attention<3, 2, 2, 2, 12, 4, PresentOnly>, 12>>());
    methods(any::<Row<36, CrossAttention<3, 3, 1, 4, 1, 8, 4>, 12>>());
    methods(any::<Row<36, Rotary<3, 12, 2, 5, Neighbours, 4>, 36>>());
    methods(any::<Row<36, fusebox::Positions<3, 12>, 36>>());
    methods(any::<Present<Dense<3, 2, Gelu>>>());
    sequences();
    run(any::<Model>());
    train(Chain { first: Stranger(any::<Model>()), rest: any::<Flatten<3, 5, Dense<15, 2>>>() });
    run(any::<Each<3, Embedding<5, 2>>>());
    train(Chain { first: Stranger(any::<Embedding<5, 2>>()), rest: any::<Dense<2, 2>>() });
    streams();
    by_name();
    input_gradients();
}

fn with_activation<A: fusebox::Activation + Copy>(layer: Dense<3, 2, A>) {
    let (xs, mut ys) = (any::<[[f32; 3]; 4]>(), any::<[[f32; 2]; 4]>());
    let (xs, ys) = (hide(&xs[..]), hide(&mut ys[..]));
    let mut scratch = Scratch::<_, 3>::new();
    keep(layer.infer(xs, &mut scratch, ys));
    keep(layer.infer_with(hide(Isa::portable()), xs, &mut scratch, ys));
    methods(layer);
}

/// Frame by frame.
fn streams() {
    type Block = Residual<Seq![DepthwiseConv1d<8, 3, 8, 3, 3, Window<Causal>, Gelu>, Each<8, Dense<3, 3>>]>;
    type Both = Parallel<AvgPool1d<8, 3, 4, 2>, Conv1d<8, 3, 4, 2, 3, 3, Window<Valid, 2>>, Sum>;
    type Norm = BatchNorm<[[[f32; 3]; 1]; 4], 3, Relu>;
    type Body = Seq![
        Conv1d<8, 2, 8, 3, 2, 3, Window<Causal>, Relu>,
        Repeat<2, Block>,
        Both,
        View<[[f32; 3]; 4], Norm, [[f32; 3]; 4]>,
    ];
    type Head = Seq![
        MaxPool1d<4, 3, 2, 2>,
        View<[[f32; 3]; 2], GlobalAvgPool<[[[f32; 3]; 1]; 2], 3>, [f32; 3]>,
        Dense<3, 2>
    ];
    stream(any::<Body>());
    stream(any::<Dense<3, 2>>());
    stream(any::<Each<8, Dense<3, 3>>>());
    stream(any::<Block>());
    stream(any::<Repeat<2, Block>>());
    stream(any::<Both>());
    stream(any::<Norm>());
    stream(any::<View<[[f32; 3]; 4], Norm, [[f32; 3]; 4]>>());
    let body = any::<Body>();
    stream(Frozen::new(&body, any::<Head>()));
    stream(any::<Conv2d<Picture<4, 6>, Picture<4, 6>, 3, 3, 3, 3, Window<Causal>, Relu>>());
    stream(any::<MaxPool2d<Picture<4, 6>, Picture<2, 3>, 2, 2>>());
    stream(any::<GlobalMaxPool<Picture<4, 6>, 3>>());
    stream(any::<Mixed>());
    stream(any::<Chain<Pixels<3>, Columns<3, 1, 2>>>());
    let base = any::<Dense<3, 3>>();
    stream(Chain { first: BiasOnly::new(&base), rest: LowRank::<3, 3, 1, _>::new(&base) });
    stream(Borrowed::new(&base));
    stream(any::<Chain<Activate<3, Relu>, Dropout<3, 20>>>());
    ended(any::<Model>());
    ended(any::<Each<3, Embedding<5, 2>>>());
    keep(hide(Due::EACH).then(hide(Due { first: any(), every: any() })));
}

fn stream<N: Stream<Frame: Copy>>(net: N) {
    let isa = hide(Isa::portable());
    let mut streaming = hide(Streaming::<N>::new());
    let frame = any::<N::Frame>();
    keep(N::admits_frame(&frame));
    keep(streaming.push(&net, &frame).is_some());
    keep(streaming.push_with(isa, &net, &frame).is_some());
    streaming.restart();
    keep(Streaming::<N>::default());
    let (mut past, mut out) = (any::<N::Past>(), any::<N::Out>());
    keep(net.step(isa, &mut past, &frame, &mut out));
}

/// Frame by frame, until there are as many as the network takes, or one is refused.
fn ended<N: Stream<Frame: Copy>>(net: N) {
    let isa = hide(Isa::portable());
    let mut streaming = hide(Streaming::<N>::new());
    let frame = any::<N::Frame>();
    keep(streaming.try_push(&net, &frame).is_ok());
    keep(streaming.try_push_with(isa, &net, &frame).is_ok());
    streaming.restart();
    keep(N::admits_frame(&frame));
    let (mut past, mut out) = (any::<N::Past>(), any::<N::Out>());
    keep(net.step(isa, &mut past, &frame, &mut out));
}

/// What chains and frozen networks have beside the methods of every layer.
fn by_name() {
    let (xs, mut ys) = (any::<[[f32; 3]; 4]>(), any::<[[f32; 2]; 4]>());
    let (xs, ys, isa) = (hide(&xs[..]), hide(&mut ys[..]), hide(Isa::portable()));
    let mut rng = Rng::new(any());
    keep((rng.uniform(), rng.normal()));
    keep((<LayerNorm<3> as Train>::he(&mut rng), View::<[f32; 2], _, [f32; 2]>::new(any::<Softmax<2>>())));
    keep(Parallel::<_, _, Sum>::new(any::<Dense<3, 2>>(), any::<Dense<3, 2>>()));
    let norm = any::<BatchNorm<Picture<2, 3>, 3, Relu>>();
    keep(norm.folded_into(&any::<Conv2d<Picture<2, 3>, Picture<2, 3>, 3, 3, 3, 3>>()));
    let mut net = Mixed::he(&mut rng);
    Chain::init(&mut net, some_init(), &mut rng);
    let mut scratch = Scratch::<_, 3>::new();
    keep(net.infer(xs, &mut scratch, ys));
    keep(net.infer_with(isa, xs, &mut scratch, ys));
    let frozen = Frozen::new(&net, any::<Dense<2, 2>>());
    let mut scratch = Scratch::<_, 3>::new();
    keep(frozen.infer(xs, &mut scratch, ys));
    keep(frozen.infer_with(isa, xs, &mut scratch, ys));
    keep(evaluate(&frozen, xs, hide(&any::<[u8; 4]>()[..]), &mut scratch, ys));
    keep(evaluate_with(isa, &frozen, xs, hide(&any::<[u8; 4]>()[..]), &mut scratch, ys));
    let mut scratch = Scratch::<_, 0>::new();
    keep(evaluate(&net, xs, hide(&any::<[u8; 4]>()[..]), &mut scratch, ys));
}

fn some_init() -> Init {
    match any::<u8>() {
        0 => Init::He,
        1 => Init::Glorot,
        2 => Init::Orthogonal,
        3 => Init::Gpt,
        _ => Init::Zeros,
    }
}

/// What is done with the gradient with respect to inputs.
fn input_gradients() {
    let (isa, pace) = (hide(Isa::portable()), &mut Whole::on(hide(Isa::portable())));
    let (mut dxs, factors) = (any::<[[f32; 3]; 4]>(), any::<[f32; 12]>());
    let mut dx = InputGradient::into(hide(&mut dxs[..]), Derivative::Factors(hide(&factors)));
    keep(dx.wanted(any()));
    dx.reborrow().write(isa, |dxs| keep(dxs.len()));
    dx.reborrow().rows(&any_range()).write_zeros(pace);
    keep(dx.target().map(|(dxs, derivative)| derivative.apply(isa, dxs)));
    InputGradient::<[f32; 3]>::unwanted().write_zeros(pace);
}

fn any_range() -> core::ops::Range<usize> {
    any()..any()
}

/// Every method of a layer whose inputs and outputs are rows of numbers: at once, and in the course of a training.
pub(crate) fn methods<const OUT: usize, L>(layer: L)
where
    L: Train<Input: Plain, Output = [f32; OUT]> + Copy,
{
    run(layer);
    run_in_place(layer);
    train(Stranger(layer));
    let mut workspace = hide(Workspace::<Stranger<L>, 3, Sgd, Mse>::with_loss(Mse));
    let (xs, ys, mut dxs) = (any::<[L::Input; 4]>(), any::<[[f32; OUT]; 4]>(), any::<[L::Input; 4]>());
    keep(workspace.input_gradient(&Stranger(layer), hide(&xs[..]), hide(&ys[..]), hide(&mut dxs)));
}

/// Every method of a layer whose outputs are pictures, with one that makes rows of them.
fn of_picture<const OUT: usize, L, R>(layer: L, rest: R)
where
    L: Train<Input: Plain> + Copy,
    R: Train<Input = L::Output, Output = [f32; OUT]> + Copy,
{
    run(layer);
    run_in_place(layer);
    train(Chain { first: Stranger(layer), rest: Stranger(rest) });
    let net = Chain { first: Stranger(layer), rest: Stranger(rest) };
    let mut workspace = hide(Workspace::<Chain<Stranger<L>, Stranger<R>>, 3, Sgd, Mse>::with_loss(Mse));
    let (xs, ys, mut dxs) = (any::<[L::Input; 4]>(), any::<[[f32; OUT]; 4]>(), any::<[L::Input; 4]>());
    keep(workspace.input_gradient(&net, hide(&xs[..]), hide(&ys[..]), hide(&mut dxs)));
}

/// Layers of transformers.
fn sequences() {
    let attention = any::<Attention<3, 2, 2, 2, 12, 4>>();
    of_picture(attention, any::<Flatten<3, 4, Dense<12, 2>>>());
    keep(attention.weights(hide(&any::<[[f32; 12]; 3]>()), any(), any()));
    let cross = any::<CrossAttention<3, 2, 1, 4, 1, 8, 4>>();
    of_picture(cross, any::<Flatten<3, 4, Dense<12, 2>>>());
    keep(cross.weights(hide(&any::<Pair<[[f32; 4]; 3], [[f32; 8]; 2]>>()), any(), any()));
    of_picture(any::<Rotary<3, 12, 4, 2>>(), any::<Flatten<3, 12, Dense<36, 2>>>());
    of_picture(any::<fusebox::Positions<3, 4>>(), any::<Flatten<3, 4, Dense<12, 2>>>());
    methods(any::<MeanPresent<3, 2>>());
    run(any::<Embedding<5, 2>>());
    ended(attention);
    ended(any::<Rotary<3, 12, 4, 2>>());
    ended(any::<fusebox::Positions<3, 4>>());
}

/// Recurrent layers, and weights of other frameworks.
fn recurrent() {
    type Rest = View<[[f32; 3]; 5], Dense<15, 2>, [f32; 2]>;
    of_picture(any::<Gru<5, 2, 3>>(), any::<Last<5, 3>>());
    of_picture(any::<Gru<5, 2, 3, Carried>>(), any::<Rest>());
    of_picture(any::<Lstm<5, 2, 3>>(), any::<Rest>());
    of_picture(any::<Rnn<5, 2, 3, Gelu>>(), any::<Rest>());
    of_picture(any::<BothWays>(), any::<Rest>());
    of_picture(any::<Reversed<5, Gru<5, 2, 3>>>(), any::<Rest>());
    run(any::<Last<5, 3>>());
    stream(any::<Last<5, 3>>());
    stream(any::<Gru<5, 2, 3>>());
    stream(any::<Seq![Gru<5, 2, 3>, Lstm<5, 3, 4, Carried>, Rnn<5, 4, 3, Relu>, Last<5, 3>]>());
    let numbers = any::<[f32; 24]>();
    let [a, b, c, d] = [(); 4].map(|()| numbers.get(..hide(6)).unwrap_or_default());
    keep(Gru::<5, 2, 1>::from_pytorch(a, b, c, d).map(|layer| layer.bias));
    keep(Lstm::<5, 2, 1>::from_pytorch(a, b, c, d).map(|layer| layer.bias));
    keep(Rnn::<5, 2, 1>::from_pytorch(a, b, c, d).map(|layer| layer.bias));
    keep(Gru::<5, 2, 1>::from_keras(a, b, c).map(|layer| layer.bias));
    keep(Lstm::<5, 2, 1>::from_keras(a, b, c).map(|layer| layer.bias));
    keep(Rnn::<5, 2, 1>::from_keras(a, b, c).map(|layer| layer.bias));
}

/// A layer that is run and given its first values.
pub(crate) fn run<L: Train>(mut layer: L) {
    let isa = hide(Isa::portable());
    let (xs, mut ys, mut scratch) = (any::<[L::Input; 4]>(), any::<[L::Output; 4]>(), any::<[f32; 16]>());
    let (xs, ys) = (hide(&xs[..]), hide(&mut ys[..]));
    layer.init(some_init(), &mut Rng::new(any()));
    layer.run(isa, xs, hide(&mut scratch), ys);
    let mut scratch = Scratch::<_, 3>::new();
    keep(Layer::infer(&layer, xs, &mut scratch, ys));
    keep(Layer::infer_with(&layer, isa, xs, &mut scratch, ys));
}

/// A layer amid a chain.
fn run_in_place<L: Layer<Input: Plain>>(layer: L) {
    let (mut buffer, mut ys) = (any::<[f32; 16]>(), any::<[L::Output; 4]>());
    let side = if any::<u8>() == 0 { Side::Front } else { Side::Back.other() };
    layer.run_in_place(hide(Isa::portable()), hide(&mut buffer), side, hide(&mut ys));
}

/// Steps on a network that calls every method of its layers, taken whole and in slices.
fn train<const OUT: usize, N: Train<Output = [f32; OUT]> + Copy>(mut net: N) {
    let (xs, ys) = (any::<[N::Input; 4]>(), any::<[[f32; OUT]; 4]>());
    let (xs, ys) = (hide(&xs[..]), hide(&ys[..]));
    let mut workspace = hide(Workspace::<N, 3, Sgd, Mse>::with_loss(Mse));
    keep(workspace.train_step(&mut net, xs, ys, &Sgd::new(any())));
    keep(workspace.validate(&net, xs, ys));
    let mut learner = hide(Learner::<N, 3, Sgd, Mse>::with_loss(net, Mse));
    keep(learner.push(any(), |x| *x = any()));
    keep(learner.start(Sgd::new(any())));
    keep(learner.poll(Budget::macs(any())));
}

/// A layer as a user writes it, around one of fusebox, which it hands slices of any length.
#[derive(Clone, Copy)]
struct Stranger<L>(L);

impl<L: Train + Copy> Layer for Stranger<L> {
    type Input = L::Input;
    type Output = L::Output;
    type Scratch = L::Scratch;
    type InPlace = L::InPlace;

    fn admits(xs: &[L::Input]) -> Result<(), fusebox::Error> {
        L::admits(hide(xs))
    }

    fn run(&self, isa: Isa, xs: &[L::Input], scratch: &mut [f32], ys: &mut [L::Output]) {
        self.0.run(isa, hide(xs), hide(scratch), hide(ys));
    }
}

impl<L: Train + Copy> Train for Stranger<L> {
    type Tape = L::Tape;
    type Gradients = L::Gradients;
    type Memory = L::Memory;
    type State<O: Optimizer> = L::State<O>;
    type End = L::End;

    const PASSES_GRADIENT: bool = L::PASSES_GRADIENT;

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.0.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[L::Input],
        memory: Option<&L::Memory>,
        tape: &mut [L::Tape],
        ys: &mut [L::Output],
    ) {
        keep((pace.isa(), pace.take(any(), any()), pace.take_whole(any())));
        self.0.forward(pace, hide(xs), hide(memory), hide(tape), hide(ys));
    }

    fn derivative<'a>(tape: &'a [L::Tape], ys: &'a [L::Output]) -> Derivative<'a> {
        let derivative = L::derivative(hide(tape), hide(ys));
        let part = derivative.part(&any_range());
        part.apply(hide(Isa::portable()), hide(&mut any::<[[f32; 2]; 3]>()[..]));
        derivative
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[L::Input],
        tape: &[L::Tape],
        dys: &[L::Output],
        gradients: &mut [L::Gradients],
        dx: InputGradient<'_, L::Input>,
    ) {
        self.0.backward(pace, hide(xs), hide(tape), hide(dys), hide(gradients), hide(dx));
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[L::Input],
        tape: &[L::Tape],
        dys: &[L::Output],
        gradients: &[L::Gradients],
        sweep: &mut O::Sweep,
        state: &mut L::State<O>,
    ) {
        self.0.update::<O, P>(pace, hide(xs), hide(tape), hide(dys), hide(gradients), sweep, state);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, xs: &[L::Input], tape: &[L::Tape], memory: &mut L::Memory) {
        self.0.remember(pace, hide(xs), hide(tape), memory);
    }
}
