//! Layers, alone and in chains, with every activation and first value.

use crate::slices::slice;
use crate::{any, hide, keep};
use fusebox::{
    BiasOnly, Chain, Dense, Derivative, Dropout, Frozen, Gelu, Identity, Init, InputGradient, Isa, Layer,
    LayerNorm, LeakyRelu, LowRank, Mse, Optimizer, PerSample, Relu, Relu6, Rng, Scratch, Seq, Sgd, Sigmoid,
    Silu, Sliced, Softmax, Tanh, Train, Workspace, Zeroed, evaluate, evaluate_with,
};

type Body = Seq![Dense<3, 4, Relu>, Dense<4, 2, Tanh>];
type Mixed = Seq![Dense<3, 4, Gelu>, LayerNorm<4>, Dropout<4, 20>, Dense<4, 2>, Softmax<2>];

/// Calls them all.
pub fn all() {
    with_activation(any::<Dense<3, 2, Identity>>());
    with_activation(any::<Dense<3, 2, Relu>>());
    with_activation(any::<Dense<3, 2, LeakyRelu>>());
    with_activation(any::<Dense<3, 2, Relu6>>());
    with_activation(any::<Dense<3, 2, Sigmoid>>());
    with_activation(any::<Dense<3, 2, Tanh>>());
    with_activation(any::<Dense<3, 2, Gelu>>());
    with_activation(any::<Dense<3, 2, Silu>>());
    methods(any::<Dense<17, 1, Relu>>());
    methods(any::<Dense<20, 33, Relu>>());
    methods(any::<LayerNorm<33>>());
    methods(any::<Dense<0, 2>>());
    methods(any::<Dense<2, 0>>());
    methods(any::<LayerNorm<3>>());
    methods(any::<LayerNorm<0>>());
    methods(any::<Softmax<3>>());
    methods(any::<Softmax<0>>());
    methods(any::<Dropout<3, 20>>());
    let base = any::<Dense<3, 2, Relu>>();
    methods(BiasOnly::new(&base));
    methods(LowRank::<3, 2, 1, _>::new(&base));
    let base = any::<Dense<3, 2, Gelu>>();
    methods(BiasOnly::new(&base));
    methods(LowRank::<3, 2, 2, _>::new(&base));
    methods(any::<Body>());
    methods(any::<Mixed>());
    in_place(any::<Dense<3, 2, Tanh>>());
    in_place(any::<Mixed>());
    let body = any::<Body>();
    methods(Frozen::new(&body, any::<Dense<2, 2>>()));
    methods(Frozen::new(&body, any::<Seq![Dense<2, 3, Silu>, LayerNorm<3>]>()));
    methods(Stranger(any::<Dense<3, 2, Relu>>()));
    by_name();
}

fn with_activation<A: fusebox::Activation + Copy>(layer: Dense<3, 2, A>) {
    let (xs, mut ys) = (any::<[[f32; 3]; 4]>(), any::<[[f32; 2]; 4]>());
    let (xs, ys) = (hide(&xs[..]), hide(&mut ys[..]));
    let mut scratch = Scratch::<_, 3>::new();
    keep(layer.infer(xs, &mut scratch, ys));
    keep(layer.infer_with(hide(Isa::portable()), xs, &mut scratch, ys));
    methods(layer);
}

/// What chains and frozen networks have beside the methods of every layer.
fn by_name() {
    let (xs, mut ys) = (any::<[[f32; 3]; 4]>(), any::<[[f32; 2]; 4]>());
    let (xs, ys, isa) = (hide(&xs[..]), hide(&mut ys[..]), hide(Isa::portable()));
    let mut rng = Rng::new(any());
    keep((rng.uniform(), rng.normal()));
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
        _ => Init::Zeros,
    }
}

/// Every method of a layer: at once, and in the course of a training.
fn methods<const OUT: usize, L>(mut layer: L)
where
    L: PerSample<Output = [f32; OUT]> + Sliced,
{
    let isa = hide(Isa::portable());
    let (xs, mut ys) = (any::<[L::Input; 4]>(), any::<[[f32; OUT]; 4]>());
    let (xs, ys) = (hide(&xs[..]), hide(&mut ys[..]));
    layer.init(some_init(), &mut Rng::new(any()));
    let (mut even, mut odd) = (any::<[f32; 16]>(), any::<[f32; 16]>());
    layer.run(isa, xs, [hide(&mut even), hide(&mut odd)], ys);

    let mut net = Stranger(layer);
    let mut workspace = hide(Workspace::<Stranger<L>, 3, Sgd, Mse>::with_loss(Mse));
    let mut dxs = any::<[L::Input; 4]>();
    keep(workspace.input_gradient(&net, xs, ys, hide(&mut dxs)));
    keep(workspace.train_step(&mut net, xs, ys, &Sgd::new(any())));
}

/// A layer amid a chain, where a network with a frozen body does not compile.
fn in_place<const OUT: usize, L: Layer<Output = [f32; OUT]>>(layer: L) {
    let (mut even, mut odd, mut ys) = (any::<[f32; 16]>(), any::<[f32; 16]>(), any::<[[f32; OUT]; 4]>());
    layer.run_in_place(hide(Isa::portable()), [hide(&mut even), hide(&mut odd)], hide(&mut ys));
}

/// A layer as a user writes it, around one of fusebox, which it hands slices of any length.
#[derive(Clone, Copy)]
struct Stranger<L>(L);

impl<L: PerSample + Sliced> Layer for Stranger<L> {
    type Input = L::Input;
    type Output = L::Output;
    type Even<const B: usize> = L::Even<B>;
    type Odd<const B: usize> = L::Odd<B>;

    fn run(&self, isa: Isa, xs: &[L::Input], [even, odd]: [&mut [f32]; 2], ys: &mut [L::Output]) {
        self.0.run(isa, hide(xs), [hide(even), hide(odd)], hide(ys));
    }
}

impl<L: PerSample + Sliced> Train for Stranger<L> {
    type Tape<const B: usize> = L::Tape<B>;
    type Gradients<const B: usize> = L::Gradients<B>;
    type State<O: Optimizer> = L::State<O>;

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.0.init(init, rng);
    }

    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[L::Input],
        tape: &mut L::Tape<B>,
        ys: &mut [L::Output],
    ) {
        self.0.forward(isa, hide(xs), tape, hide(ys));
        slice(|slice| self.0.forward_slice(isa, slice, hide(xs), tape, hide(ys)));
    }

    fn derivative<'a, const B: usize>(tape: &'a L::Tape<B>, ys: &'a [L::Output]) -> Derivative<'a> {
        let derivative = L::derivative(tape, hide(ys));
        derivative.apply(hide(Isa::portable()), hide(&mut any::<[[f32; 2]; 3]>()[..]));
        derivative
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[L::Input],
        tape: &L::Tape<B>,
        dys: &[L::Output],
        gradients: &mut L::Gradients<B>,
        dx: InputGradient<'_, L::Input>,
    ) {
        match any::<u8>() {
            0 => dx.write(isa, |dxs| keep(dxs.len())),
            1 => slice(|slice| self.0.backward_slice(isa, slice, hide(xs), tape, hide(dys), gradients, dx)),
            _ => self.0.backward(isa, hide(xs), tape, hide(dys), gradients, dx),
        }
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[L::Input],
        tape: &L::Tape<B>,
        dys: &[L::Output],
        gradients: &L::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut L::State<O>,
    ) {
        self.0.update::<O, B>(isa, hide(xs), tape, hide(dys), gradients, sweep, state);
        let mut squares = any::<[f32; 4]>();
        self.add_norms(isa, xs, tape, dys, gradients, &mut squares);
        let from = self.0;
        slice(|slice| {
            let (xs, dys) = (hide(xs), hide(dys));
            self.0.copy_slice(slice, &from);
            self.0.update_slice::<O, B>(isa, slice, xs, tape, dys, gradients, sweep, state);
            self.0.add_norms_slice(isa, slice, xs, tape, dys, gradients, hide(&mut squares));
            keep((slice.take(any(), any()), slice.take_whole(any())));
        });
        let mut gradients = L::Gradients::<B>::ZEROED;
        Self::scale_rows(&squares, &mut gradients);
        keep(gradients);
    }
}

impl<L: PerSample + Sliced> PerSample for Stranger<L> {
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        xs: &[L::Input],
        tape: &L::Tape<B>,
        dys: &[L::Output],
        gradients: &L::Gradients<B>,
        squares: &mut [f32],
    ) {
        self.0.add_norms(isa, hide(xs), tape, hide(dys), gradients, hide(squares));
    }

    fn scale_rows<const B: usize>(factors: &[f32], gradients: &mut L::Gradients<B>) {
        L::scale_rows(hide(factors), hide(gradients));
    }
}

/// As it stands, each pass is one unit.
impl<L: PerSample + Sliced> Sliced for Stranger<L> {}
