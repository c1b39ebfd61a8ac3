//! The fully connected layer.
//!
//! ```text
//! forward    y  = f(x W + b)        x: B x IN, W: IN x OUT        NN product; bias first, f in the epilogue
//! backward   dx = (dy W^T) f'       the previous layer's f', masked in the epilogue           NT product
//! update     W  = rule(W, x^T dy)   the rule in the epilogue: no gradient in memory           TN product
//!            b  = rule(b, sum dy)
//! ```
//!
//! Weights are stored by input, `W[i][o]`: both the forward product and the weight gradient's product read them in
//! order, with vectors along the outputs.

use super::activation::{Activation, Derivative, Form, FormOf, Identity};
use super::init::initialize;
use super::scratch::infer;
use super::{Init, InputGradient, Layer, PerRow, Scratch, Train};
use crate::kernel::gemm;
use crate::memory::{count_of, layout, part, part_mut};
use crate::optimizers::{Optimizer, Product, Rows};
use crate::pace::Pace;
use crate::{Epilogue, Error, Isa, Mat, MatMut, Pair, Plain, Rng, Zeroed, memory};
use core::marker::PhantomData;

/// A fully connected layer: `y = f(x W + b)`, where `f` is the activation `A`.
///
/// ```
/// use fusebox::{Dense, Scratch, Zeroed};
/// let mut layer = Dense::<2, 1>::ZEROED;
/// layer.weight = [[2.0], [3.0]];
/// layer.bias = [1.0];
/// let mut ys = [[0.0]; 2];
/// layer.infer(&[[1.0, 1.0], [0.0, 2.0]], &mut Scratch::<_, 2>::new(), &mut ys)?;
/// assert_eq!(ys, [[6.0], [7.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Dense<const IN: usize, const OUT: usize, A = Identity> {
    /// `weight[i][o]` is from input `i` to output `o`.
    pub weight: [[f32; OUT]; IN],
    /// One per output.
    pub bias: [f32; OUT],
    activation: PhantomData<A>,
}

impl<const IN: usize, const OUT: usize, A> Zeroed for Dense<IN, OUT, A> {
    const ZEROED: Self = Self { weight: Zeroed::ZEROED, bias: Zeroed::ZEROED, activation: PhantomData };
}

// SAFETY: `repr(C)`, two arrays of numbers and a zero-sized field.
unsafe impl<const IN: usize, const OUT: usize, A: Copy + 'static> Plain for Dense<IN, OUT, A> {
    type Slack = ();
}

impl<const IN: usize, const OUT: usize, A: Activation + Copy> Dense<IN, OUT, A> {
    /// Overwrites `ys` with the outputs for `xs`, on the fastest available instruction set.
    ///
    /// Errors if the batch is empty or larger than `B`, or `ys` has a different number of rows.
    pub fn infer<const B: usize>(
        &self,
        xs: &[[f32; IN]],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [[f32; OUT]],
    ) -> Result<(), Error> {
        infer(self, Isa::detect(), xs, scratch, ys)
    }

    /// [`Dense::infer`] on the given instruction set.
    ///
    /// ```
    /// use fusebox::{Dense, Error, Isa, Scratch, Zeroed};
    /// let (layer, mut ys) = (Dense::<2, 1>::ZEROED, [[1.0]; 2]);
    /// let result = layer.infer_with(Isa::portable(), &[[1.0, 1.0]], &mut Scratch::<_, 2>::new(), &mut ys);
    /// assert_eq!(result, Err(Error::Rows { expected: 1, got: 2 }));
    /// ```
    pub fn infer_with<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; IN]],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [[f32; OUT]],
    ) -> Result<(), Error> {
        infer(self, isa, xs, scratch, ys)
    }

    /// The parameters as bytes: the weights, then the biases, each a little-endian `f32`.
    ///
    /// ```
    /// use fusebox::{Dense, Zeroed};
    /// assert_eq!(Dense::<2, 2>::ZEROED.as_bytes(), [0; 24]);
    /// ```
    pub const fn as_bytes(&self) -> &[u8] {
        memory::as_bytes(self)
    }

    /// Views `bytes` as a layer, in place. Errors unless their length is that of [`Dense::as_bytes`] and they start
    /// at a multiple of four.
    pub fn from_bytes(bytes: &[u8]) -> Result<&Self, Error> {
        memory::from_bytes(bytes)
    }

    /// Makes a layer from a copy of `bytes`, at any alignment. Errors unless their length is that of
    /// [`Dense::as_bytes`].
    ///
    /// ```
    /// use fusebox::{Dense, Error};
    /// static LAYER: Result<Dense<2, 2>, Error> = Dense::copy_from_bytes(&[0; 20]);
    /// assert_eq!(LAYER, Err(Error::Bytes { expected: 24, got: 20 }));
    /// ```
    pub const fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        memory::copy_from_bytes(bytes)
    }
}

impl<const IN: usize, const OUT: usize, A: Activation> Layer for Dense<IN, OUT, A> {
    type Input = [f32; IN];
    type Output = [f32; OUT];
    type Scratch = ();
    type InPlace = [f32; IN];

    const MACS: u64 = (IN * OUT) as u64;

    #[inline]
    fn run(&self, isa: Isa, xs: &[[f32; IN]], _scratch: &mut [f32], ys: &mut [[f32; OUT]]) {
        if affine::<IN, OUT, A>(isa, xs, &self.weight, &self.bias, ys) {
            FormOf::<A>::infer(isa, ys.as_flattened_mut());
        }
    }
}

impl<const IN: usize, const OUT: usize, A: Activation> PerRow for Dense<IN, OUT, A> {}

/// Units are rows of the batch in `forward` and `backward`, rows of weights in `update`; the bias is one unit.
impl<const IN: usize, const OUT: usize, A: Activation> Train for Dense<IN, OUT, A> {
    type Tape = <FormOf<A> as Form>::Kept<OUT>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = Pair<O::State<[[f32; OUT]; IN]>, O::State<[f32; OUT]>>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("Dense", &[IN as u64, OUT as u64, A::NAME]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize(init, A::GAIN, self.weight.as_flattened_mut(), [IN, OUT], rng);
        self.bias = [0.0; OUT];
    }

    #[inline]
    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; IN]],
        _memory: Option<&()>,
        kept: &mut [Self::Tape],
        ys: &mut [[f32; OUT]],
    ) {
        forward::<IN, OUT, A>(pace, xs, &self.weight, &self.bias, kept, ys);
    }

    #[inline]
    fn derivative<'a>(kept: &'a [Self::Tape], ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        FormOf::<A>::derivative(kept, ys)
    }

    #[inline]
    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[f32; IN]],
        _kept: &[Self::Tape],
        dys: &[[f32; OUT]],
        _gradients: &mut [()],
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        product_with_transposed(pace, dys, &self.weight, dx);
    }

    #[inline]
    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[f32; IN]],
        _kept: &[Self::Tape],
        dys: &[[f32; OUT]],
        _gradients: &[()],
        sweep: &mut O::Sweep,
        Pair(weight_state, bias_state): &mut Self::State<O>,
    ) {
        O::step(pace, sweep, Product::of(xs, dys), &mut self.weight, weight_state);
        O::step(pace, sweep, Rows::of(dys), &mut self.bias, bias_state);
    }
}

/// Overwrites `ys` with `x W + b`, with the epilogue of `A`. Returns false and writes nothing unless `ys` has as many
/// rows as `xs`.
#[inline(always)]
pub(super) fn affine<const IN: usize, const OUT: usize, A: Activation>(
    isa: Isa,
    xs: &[[f32; IN]],
    weight: &[[f32; OUT]; IN],
    bias: &[f32; OUT],
    ys: &mut [[f32; OUT]],
) -> bool {
    let fits = xs.len() == ys.len();
    let epilogue = FormOf::<A>::epilogue(bias);
    if let ([x], [y]) = (xs, &mut *ys) {
        gemm::row_product(isa, x, weight, y, bias, matches!(epilogue, Epilogue::BiasRelu(_)));
    } else if fits {
        gemm::product(isa, Mat::of_rows(xs), Mat::of_rows(weight), MatMut::of_rows(ys), epilogue);
    }
    fits
}

/// [`affine`], which also writes what the activation stores. A unit is a row of the batch.
#[inline(always)]
pub(super) fn forward<const IN: usize, const OUT: usize, A: Activation>(
    pace: &mut impl Pace,
    xs: &[[f32; IN]],
    weight: &[[f32; OUT]; IN],
    bias: &[f32; OUT],
    kept: &mut [<FormOf<A> as Form>::Kept<OUT>],
    ys: &mut [[f32; OUT]],
) {
    let rows = pace.take(xs.len(), (IN + FormOf::<A>::MACS) * OUT);
    if rows.is_empty() {
        return;
    }
    let (isa, xs, ys) = (pace.isa(), part(xs, &rows), part_mut(ys, &rows));
    if affine::<IN, OUT, A>(isa, xs, weight, bias, ys) {
        FormOf::<A>::forward(isa, ys, part_mut(kept, &rows));
    }
}

/// `dx = dy W^T`, multiplied by the derivative of the layer below: a ReLU's mask in the epilogue, other derivatives
/// after the product. A unit is a row of the batch.
#[inline(always)]
pub(super) fn product_with_transposed<const IN: usize, R: Plain>(
    pace: &mut impl Pace,
    dys: &[R],
    weight: &[R; IN],
    dx: InputGradient<'_, [f32; IN]>,
) {
    let rows = pace.take(dx.wanted(dys.len()), (count_of::<R>() + 1) * IN);
    if rows.is_empty() {
        return;
    }
    let (isa, dys) = (pace.isa(), part(dys, &rows));
    dx.rows(&rows).write_through(|dxs, derivative| {
        let (epilogue, after) = match derivative {
            Derivative::Relu(gates) => {
                let gates = Mat::of_rows::<IN>(memory::values(gates, dxs.len()));
                (Epilogue::ReluMask(gates), Derivative::One)
            }
            other => (Epilogue::None, other),
        };
        let (dys, weight) = (Mat::of_values(dys), Mat::of_values(weight));
        gemm::product(isa, dys, weight.t(), MatMut::of_rows::<IN>(dxs), epilogue);
        after.apply(isa, dxs);
    });
}
