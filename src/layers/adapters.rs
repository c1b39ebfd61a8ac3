//! Fully connected layers whose weights are not changed and may be in flash; a small number of added parameters is
//! trained.
//!
//! ```text
//! BiasOnly    y = f(x W + b)                 W by reference; b trained
//! LowRank     y = f(x W + b + (x D) U)       W and b by reference; D and U trained
//! ```
//!
//! The borrowed layer needs no gradient and no optimiser state.

use super::activation::{Activation, Derivative, Form, FormOf, Identity};
use super::dense::{affine, forward, product_with_transposed};
use super::init::initialize;
use super::{Dense, Entry, Init, InputGradient, Layer, PerRow, Train};
use crate::kernel::gemm;
use crate::memory::{layout, part, part_mut, stretches, stretches_mut};
use crate::optimizers::{Optimizer, Product, Rows};
use crate::pace::Pace;
use crate::{Epilogue, Isa, Mat, MatMut, Pair, Rng};

/// A [`Dense`] layer of which only the bias is trained.
///
/// Source: H. Cai and others, "TinyTL: Reduce Memory, Not Parameters for Efficient On-Device Learning", 2020.
///
/// ```
/// use fusebox::{BiasOnly, Chain, Dense, Relu, Seq, Sgd, Workspace, Zeroed};
/// type Trained = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// type Net = Seq![BiasOnly<'static, 2, 8, Relu>, BiasOnly<'static, 8, 2>];
/// static FLASH: Trained = Trained::ZEROED;
///
/// let mut net: Net = Chain { first: BiasOnly::new(&FLASH.first), rest: BiasOnly::new(&FLASH.rest) };
/// let mut workspace = Workspace::<Net, 1>::new();
/// workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
/// assert_eq!(net.rest.bias, [-0.05, 0.05]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BiasOnly<'a, const IN: usize, const OUT: usize, A = Identity> {
    /// The layer whose weights are used.
    pub base: &'a Dense<IN, OUT, A>,
    /// The trained bias. Starts as a copy of the layer's.
    pub bias: [f32; OUT],
}

impl<'a, const IN: usize, const OUT: usize, A> BiasOnly<'a, IN, OUT, A> {
    /// `base` with a copy of its bias.
    pub const fn new(base: &'a Dense<IN, OUT, A>) -> Self {
        Self { base, bias: base.bias }
    }
}

impl<const IN: usize, const OUT: usize, A: Activation> Layer for BiasOnly<'_, IN, OUT, A> {
    type Input = [f32; IN];
    type Output = [f32; OUT];
    type Scratch = ();
    type InPlace = [f32; IN];

    const MACS: u64 = (IN * OUT) as u64;
    const SUMMARY: Entry = Entry::layer::<Self>().with_parameters(OUT);

    fn run(&self, isa: Isa, xs: &[[f32; IN]], _scratch: &mut [f32], ys: &mut [[f32; OUT]]) {
        if affine::<IN, OUT, A>(isa, xs, &self.base.weight, &self.bias, ys) {
            FormOf::<A>::infer(isa, ys.as_flattened_mut());
        }
    }
}

impl<const IN: usize, const OUT: usize, A: Activation> PerRow for BiasOnly<'_, IN, OUT, A> {}

impl<const IN: usize, const OUT: usize, A: Activation> Train for BiasOnly<'_, IN, OUT, A> {
    type Tape = <FormOf<A> as Form>::Kept<OUT>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = O::State<[f32; OUT]>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("BiasOnly", &[IN as u64, OUT as u64, A::NAME]);

    /// Copies the bias of `base`; `init` is ignored.
    fn init(&mut self, _: Init, _: &mut Rng) {
        self.bias = self.base.bias;
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; IN]],
        _memory: Option<&()>,
        kept: &mut [Self::Tape],
        ys: &mut [[f32; OUT]],
    ) {
        forward::<IN, OUT, A>(pace, xs, &self.base.weight, &self.bias, kept, ys);
    }

    fn derivative<'a>(kept: &'a [Self::Tape], ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        FormOf::<A>::derivative(kept, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        _kept: &[Self::Tape],
        dys: &[[f32; OUT]],
        _gradients: &mut [()],
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        product_with_transposed(pace, dys, &self.base.weight, dx);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        _kept: &[Self::Tape],
        dys: &[[f32; OUT]],
        _gradients: &[()],
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    ) {
        O::step(pace, sweep, Rows::of(dys), &mut self.bias, state);
    }
}

/// A [`Dense`] layer plus the product of two thin matrices, which are trained: `RANK (IN + OUT)` parameters instead of
/// `IN OUT`.
///
/// Source: E. Hu and others, "LoRA: Low-Rank Adaptation of Large Language Models", 2021.
///
/// ```
/// use fusebox::{Chain, Dense, Init, LowRank, Relu, Rng, Seq, Sgd, Train, Workspace, Zeroed};
/// type Net = Seq![LowRank<'static, 64, 32, 2, Relu>, Dense<32, 10>];
/// static FLASH: Dense<64, 32, Relu> = Dense::ZEROED;
///
/// let mut net: Net = Chain { first: LowRank::new(&FLASH), rest: Dense::ZEROED };
/// net.init(Init::He, &mut Rng::new(1)); // `up` starts as zeros: at first the layer is what it was
/// let mut workspace = Workspace::<Net, 1>::new();
/// workspace.train_step(&mut net, &[[1.0; 64]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRank<'a, const IN: usize, const OUT: usize, const RANK: usize, A = Identity> {
    /// The layer that is not changed.
    pub base: &'a Dense<IN, OUT, A>,
    /// Maps the inputs to `RANK` numbers.
    pub down: [[f32; RANK]; IN],
    /// Maps the `RANK` numbers to the outputs.
    pub up: [[f32; OUT]; RANK],
}

/// Rows whose products with `down` are computed at a time in inference: `RANK` numbers each, on the stack.
const ROWS: usize = 8;

impl<'a, const IN: usize, const OUT: usize, const RANK: usize, A> LowRank<'a, IN, OUT, RANK, A> {
    /// `base` with adapters of zeros. Call [`Train::init`] before training: while both are zero, their gradients are
    /// zero.
    pub const fn new(base: &'a Dense<IN, OUT, A>) -> Self {
        Self { base, down: [[0.0; RANK]; IN], up: [[0.0; OUT]; RANK] }
    }
}

impl<const IN: usize, const OUT: usize, const RANK: usize, A: Activation> LowRank<'_, IN, OUT, RANK, A> {
    /// `t = x D`, then `y = b + t U + x W`, with the epilogue of `A`.
    fn products(&self, isa: Isa, xs: &[[f32; IN]], ts: &mut [[f32; RANK]], ys: &mut [[f32; OUT]]) {
        let bias = Epilogue::Bias(&self.base.bias);
        let (down, up, weight) =
            (Mat::of_rows(&self.down), Mat::of_rows(&self.up), Mat::of_rows(&self.base.weight));
        gemm::product(isa, Mat::of_rows(xs), down, MatMut::of_rows(ts), Epilogue::None);
        gemm::product(isa, Mat::of_rows(ts), up, MatMut::of_rows(ys), bias);
        let epilogue = FormOf::<A>::accumulate();
        gemm::product(isa, Mat::of_rows(xs), weight, MatMut::of_rows(ys), epilogue);
    }

    /// `dt = dy U^T`, then `dx = dt D^T + dy W^T`.
    fn products_back(
        &self,
        isa: Isa,
        dys: &[[f32; OUT]],
        dts: &mut [[f32; RANK]],
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        let (dys, up) = (Mat::of_rows(dys), Mat::of_rows(&self.up));
        gemm::product(isa, dys, up.t(), MatMut::of_rows(dts), Epilogue::None);
        dx.write(isa, |dxs| {
            let (down, weight) = (Mat::of_rows(&self.down), Mat::of_rows(&self.base.weight));
            gemm::product(isa, Mat::of_rows(dts), down.t(), MatMut::of_rows(dxs), Epilogue::None);
            gemm::product(isa, dys, weight.t(), MatMut::of_rows(dxs), Epilogue::Accumulate);
        });
    }
}

impl<const IN: usize, const OUT: usize, const RANK: usize, A: Activation> Layer
    for LowRank<'_, IN, OUT, RANK, A>
{
    type Input = [f32; IN];
    type Output = [f32; OUT];
    type Scratch = ();
    type InPlace = [f32; IN];

    const MACS: u64 = (IN * OUT + RANK * (IN + OUT)) as u64;
    const SUMMARY: Entry = Entry::layer::<Self>().with_parameters(RANK * (IN + OUT));

    fn run(&self, isa: Isa, xs: &[[f32; IN]], _scratch: &mut [f32], ys: &mut [[f32; OUT]]) {
        if xs.len() != ys.len() {
            return;
        }
        let mut ts = [[0.0; RANK]; ROWS];
        for (xs, ys) in xs.chunks(ROWS).zip(ys.chunks_mut(ROWS)) {
            self.products(isa, xs, &mut ts[..xs.len().min(ROWS)], ys);
        }
        FormOf::<A>::infer(isa, ys.as_flattened_mut());
    }
}

impl<const IN: usize, const OUT: usize, const RANK: usize, A: Activation> PerRow
    for LowRank<'_, IN, OUT, RANK, A>
{
}

/// Units are rows of the batch and rows of the thin matrices.
impl<const IN: usize, const OUT: usize, const RANK: usize, A: Activation> Train
    for LowRank<'_, IN, OUT, RANK, A>
{
    /// `t = x D`, and what the activation stores.
    type Tape = Pair<[f32; RANK], <FormOf<A> as Form>::Kept<OUT>>;
    /// `dt = dy U^T`.
    type Gradients = [f32; RANK];
    type Memory = ();
    type State<O: Optimizer> = Pair<O::State<[[f32; RANK]; IN]>, O::State<[[f32; OUT]; RANK]>>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("LowRank", &[IN as u64, OUT as u64, RANK as u64, A::NAME]);

    /// Initialises `down` by `init`, and `up` to zeros.
    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize(init, 1.0, self.down.as_flattened_mut(), [IN, RANK], rng);
        self.up = [[0.0; OUT]; RANK];
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; IN]],
        _memory: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [[f32; OUT]],
    ) {
        let rows = pace.take(xs.len(), IN * (OUT + RANK) + (RANK + FormOf::<A>::MACS) * OUT);
        if rows.is_empty() {
            return;
        }
        let (ts, kept) = stretches_mut(tape);
        let (xs, ts, ys) = (part(xs, &rows), part_mut(ts, &rows), part_mut(ys, &rows));
        if xs.len() == ys.len() && ts.len() == ys.len() {
            self.products(pace.isa(), xs, ts, ys);
            FormOf::<A>::forward(pace.isa(), ys, part_mut(kept, &rows));
        }
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        FormOf::<A>::derivative(stretches(tape).1, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        _tape: &[Self::Tape],
        dys: &[[f32; OUT]],
        dts: &mut [[f32; RANK]],
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        let macs = OUT * RANK + dx.wanted(IN * (OUT + RANK + 1));
        let rows = pace.take(dys.len(), macs);
        if rows.is_empty() {
            return;
        }
        self.products_back(pace.isa(), part(dys, &rows), part_mut(dts, &rows), dx.rows(&rows));
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[f32; IN]],
        tape: &[Self::Tape],
        dys: &[[f32; OUT]],
        dts: &[[f32; RANK]],
        sweep: &mut O::Sweep,
        Pair(down, up): &mut Self::State<O>,
    ) {
        let (ts, _) = stretches(tape);
        O::step(pace, sweep, Product::of(xs, dts), &mut self.down, down);
        O::step(pace, sweep, Product::of(ts, dys), &mut self.up, up);
    }
}
