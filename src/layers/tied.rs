//! One matrix used twice: in an encoding layer and, transposed, in the decoding layer.
//!
//! ```text
//! forward    h  = f(x W + b)      m = M(h)      y = m W^T + c
//! backward   dm = (dy W) M'       dh = M back f'              dx = dh W^T
//! update     dW = x^T dh + dy^T m                             two products, summed before the rule is applied
//! ```
//!
//! Source: P. Vincent and others, "Stacked Denoising Autoencoders", 2010, section 3; O. Press and L. Wolf, "Using the Output
//! Embedding to Improve Language Models", 2017.

use super::activation::{Activation, Form, FormOf, Identity};
use super::dense::{affine, forward, product_with_transposed};
use super::init::initialize;
use super::{Entry, Init, InputGradient, Layer, Linear, PerRow, Side, Tapes, Train};
use crate::kernel::gemm;
use crate::memory::{layout, part, part_mut, stretches, stretches_mut};
use crate::optimizers::{Optimizer, Product, Rows};
use crate::pace::Pace;
use crate::{Epilogue, Isa, Mat, MatMut, Pair, Plain, Rng, plain};
use core::marker::PhantomData;

/// `y = M(f(x W + b)) W^T + c`: a layer, a middle layer, and the transposed weights of the first; `f` is the
/// activation `A`. The weights are stored once, and their gradient is the sum over both uses.
///
/// ```
/// use fusebox::{Adam, LayerNorm, Mse, Rng, Tanh, Tied, Train, Workspace};
/// type Autoencoder = Tied<8, 3, LayerNorm<3>, Tanh>;
/// let mut net = Autoencoder::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<_, 2, Adam, _>::with_loss(Mse);
/// let xs = [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]];
/// let first = workspace.train_step(&mut net, &xs, &xs, &Adam::new(0.01))?;
/// for _ in 0..200 {
///     workspace.train_step(&mut net, &xs, &xs, &Adam::new(0.01))?;
/// }
/// assert!(workspace.validate(&net, &xs, &xs)? < 0.1 * first);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Tied<const IN: usize, const HIDDEN: usize, M, A = Identity> {
    /// `weight[i][h]` is from input `i` to hidden number `h`, and from there to output `i`.
    pub weight: [[f32; HIDDEN]; IN],
    /// One per hidden number.
    pub bias: [f32; HIDDEN],
    /// The middle layer.
    pub middle: M,
    /// One per output.
    pub out_bias: [f32; IN],
    activation: PhantomData<A>,
}

plain!([const IN: usize, const HIDDEN: usize, M: Plain, A: Copy + 'static] Tied<IN, HIDDEN, M, A> {
    weight: [[f32; HIDDEN]; IN],
    bias: [f32; HIDDEN],
    middle: M,
    out_bias: [f32; IN],
    activation: PhantomData<A>,
});

impl<const IN: usize, const HIDDEN: usize, M, A> Tied<IN, HIDDEN, M, A> {
    /// `y = c + m W^T`.
    fn out(&self, isa: Isa, ms: &[[f32; HIDDEN]], ys: &mut [[f32; IN]]) {
        let (ms, weight) = (Mat::of_rows(ms), Mat::of_rows(&self.weight));
        gemm::product(isa, ms, weight.t(), MatMut::of_rows(ys), Epilogue::Bias(&self.out_bias));
    }
}

impl<const IN: usize, const HIDDEN: usize, M, A> Layer for Tied<IN, HIDDEN, M, A>
where
    M: Layer<Input = [f32; HIDDEN], Output = [f32; HIDDEN]>,
    A: Activation,
{
    type Input = [f32; IN];
    type Output = [f32; IN];
    type Scratch = Pair<M::InPlace, [f32; HIDDEN]>;
    type InPlace = Pair<[f32; IN], Self::Scratch>;

    const CHECK: () = M::CHECK;
    const MACS: u64 = 2 * (IN * HIDDEN) as u64;
    const SUMMARY: Entry =
        Entry::parts::<Self>([Some(&M::SUMMARY), None]).with_parameters(IN * HIDDEN + HIDDEN + IN);

    fn run(&self, isa: Isa, xs: &[[f32; IN]], scratch: &mut [f32], ys: &mut [[f32; IN]]) {
        let rows = xs.len();
        let (ms, own) = Side::Back.cut::<[f32; HIDDEN]>(scratch, rows);
        let (hs, _) = Side::Front.cut::<[f32; HIDDEN]>(own, rows);
        if ys.len() == rows
            && ms.len() == rows
            && affine::<IN, HIDDEN, A>(isa, xs, &self.weight, &self.bias, hs)
        {
            FormOf::<A>::infer(isa, hs.as_flattened_mut());
            self.middle.run_in_place(isa, own, Side::Front, ms);
            self.out(isa, ms, ys);
        }
    }
}

impl<const IN: usize, const HIDDEN: usize, M, A> PerRow for Tied<IN, HIDDEN, M, A>
where
    M: Layer<Input = [f32; HIDDEN], Output = [f32; HIDDEN]>,
    A: Activation,
{
}

/// The gradients with respect to the hidden numbers and to the middle layer's outputs, then the middle layer's
/// gradients.
type Cut<'a, K, T> = (&'a [K], &'a [K], &'a [T]);

impl<const IN: usize, const HIDDEN: usize, M, A> Train for Tied<IN, HIDDEN, M, A>
where
    M: Train<Input = [f32; HIDDEN], Output = [f32; HIDDEN]>,
    A: Activation,
{
    type Tape = Pair<Pair<[f32; HIDDEN], [f32; HIDDEN]>, Pair<<FormOf<A> as Form>::Kept<HIDDEN>, M::Tape>>;
    type Gradients = Pair<Pair<[f32; HIDDEN], [f32; HIDDEN]>, M::Gradients>;
    type Memory = M::Memory;
    type State<O: Optimizer> = Pair<
        Pair<O::State<[[f32; HIDDEN]; IN]>, O::State<[f32; HIDDEN]>>,
        Pair<M::State<O>, O::State<[f32; IN]>>,
    >;
    type End = Linear;

    const MIXES_SAMPLES: bool = M::MIXES_SAMPLES;
    const LEAST_ROWS: usize = M::LEAST_ROWS;
    const PASSES_GRADIENT: bool = M::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<Self::Tape>() - size_of::<M::Tape>(), [Some(&M::TAPES), None]);
    const LAYOUT: u64 = layout("Tied", &[IN as u64, HIDDEN as u64, M::LAYOUT, A::NAME]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize(init, A::GAIN, self.weight.as_flattened_mut(), [IN, HIDDEN], rng);
        self.bias = [0.0; HIDDEN];
        self.middle.init(init, rng);
        self.out_bias = [0.0; IN];
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; IN]],
        memory: Option<&M::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [[f32; IN]],
    ) {
        let (outputs, own) = stretches_mut(tape);
        let ((hs, ms), (kept, tape)) = (stretches_mut(outputs), stretches_mut(own));
        forward::<IN, HIDDEN, A>(pace, xs, &self.weight, &self.bias, kept, hs);
        self.middle.forward(pace, hs, memory, tape, ms);
        let rows = pace.take(xs.len(), IN * HIDDEN);
        let (ms, ys) = (part(ms, &rows), part_mut(ys, &rows));
        if ms.len() == ys.len() && !rows.is_empty() {
            self.out(pace.isa(), ms, ys);
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        tape: &[Self::Tape],
        dys: &[[f32; IN]],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        let (hs, ms, kept, tape) = Self::cut(tape);
        let (of_outputs, gradients) = stretches_mut(gradients);
        let (dhs, dms) = stretches_mut(of_outputs);
        let rows = pace.take(dys.len(), IN * HIDDEN);
        let (from, to) = (part(dys, &rows), part_mut(dms, &rows));
        if from.len() == to.len() && !rows.is_empty() {
            let (from, weight, isa) = (Mat::of_rows(from), Mat::of_rows(&self.weight), pace.isa());
            gemm::product(isa, from, weight, MatMut::of_rows(&mut *to), Epilogue::None);
            M::derivative(tape, ms).part(&(rows.start * HIDDEN..rows.end * HIDDEN)).apply(isa, to);
        }
        let dh = InputGradient::into(&mut *dhs, FormOf::<A>::derivative(kept, hs));
        self.middle.backward(pace, hs, tape, dms, gradients, dh);
        product_with_transposed(pace, dhs, &self.weight, dx);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[f32; IN]],
        tape: &[Self::Tape],
        dys: &[[f32; IN]],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(Pair(weight, bias), Pair(middle, out_bias)): &mut Self::State<O>,
    ) {
        let (hs, ms, _, tape) = Self::cut(tape);
        let (dhs, dms, gradients) = Self::cut_back(gradients);
        O::step(pace, sweep, Product::sum([(xs, dhs), (dys, ms)]), &mut self.weight, weight);
        O::step(pace, sweep, Rows::of(dhs), &mut self.bias, bias);
        self.middle.update::<O, P>(pace, hs, tape, dms, gradients, sweep, middle);
        O::step(pace, sweep, Rows::of(dys), &mut self.out_bias, out_bias);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        tape: &[Self::Tape],
        memory: &mut M::Memory,
    ) {
        let (hs, _, _, tape) = Self::cut(tape);
        self.middle.remember(pace, hs, tape, memory);
    }
}

/// The hidden numbers, the middle layer's outputs, what the activation stores, the middle layer's tape.
type Tape<'a, const HIDDEN: usize, K, T> = (&'a [[f32; HIDDEN]], &'a [[f32; HIDDEN]], &'a [K], &'a [T]);

impl<const IN: usize, const HIDDEN: usize, M, A> Tied<IN, HIDDEN, M, A>
where
    M: Train<Input = [f32; HIDDEN], Output = [f32; HIDDEN]>,
    A: Activation,
{
    fn cut(tape: &[<Self as Train>::Tape]) -> Tape<'_, HIDDEN, <FormOf<A> as Form>::Kept<HIDDEN>, M::Tape> {
        let (outputs, own) = stretches(tape);
        let ((hs, ms), (kept, tape)) = (stretches(outputs), stretches(own));
        (hs, ms, kept, tape)
    }

    fn cut_back(gradients: &[<Self as Train>::Gradients]) -> Cut<'_, [f32; HIDDEN], M::Gradients> {
        let (of_outputs, gradients) = stretches(gradients);
        let (dhs, dms) = stretches(of_outputs);
        (dhs, dms, gradients)
    }
}
