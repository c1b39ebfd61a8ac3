//! The fully connected layer.
//!
//! ```text
//! forward    y  = f(x W + b)        x: B x IN, W: IN x OUT        NN product; bias first, f at the store
//! backward   dx = (dy W^T) f'       the previous layer's f', masked at the store           NT product
//! update     W  = rule(W, x^T dy)   the rule at the store: no gradient is ever in memory   TN product
//!            b  = rule(b, sum dy)
//! ```
//!
//! Weights are rows of fan-in, `W[i][o]`: the forward product reads them in order with vectors along the outputs, and
//! so does the weight gradient's.

use super::activation::{Activation, Derivative, Form, FormOf, Identity};
use super::{
    Init, InputGradient, Layer, PerSample, Scratch, Slice, Sliced, Train, infer, initialize, part, part_mut,
    squared_norm,
};
use crate::kernel::gemm;
use crate::{Epilogue, Error, Isa, Mat, MatMut, Optimizer, Plain, Rng, Zeroed, memory};
use core::marker::PhantomData;

/// A fully connected layer: `y = f(x W + b)`, `f` being the activation `A`.
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
    /// `weight[i][o]` from input `i` to output `o`.
    pub weight: [[f32; OUT]; IN],
    /// One for each output.
    pub bias: [f32; OUT],
    activation: PhantomData<A>,
}

impl<const IN: usize, const OUT: usize, A> Zeroed for Dense<IN, OUT, A> {
    const ZEROED: Self = Self { weight: Zeroed::ZEROED, bias: Zeroed::ZEROED, activation: PhantomData };
}

// SAFETY: `repr(C)`, two arrays of numbers and a field of no size.
unsafe impl<const IN: usize, const OUT: usize, A: Copy> Plain for Dense<IN, OUT, A> {}

impl<const IN: usize, const OUT: usize, A: Activation + Copy> Dense<IN, OUT, A> {
    /// Overwrites `ys` with the outputs for `xs` on the fastest instruction set there is.
    ///
    /// Errors when the batch is empty or larger than `B`, or `ys` has another number of rows.
    pub fn infer<const B: usize>(
        &self,
        xs: &[[f32; IN]],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [[f32; OUT]],
    ) -> Result<(), Error> {
        infer(self, Isa::detect(), xs, scratch, ys)
    }

    /// [`Dense::infer`] on the instruction set given.
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

    /// `bytes` seen as a layer, where they lie. Errors unless they are as many as [`Dense::as_bytes`] gives, and start at
    /// a multiple of four.
    pub fn from_bytes(bytes: &[u8]) -> Result<&Self, Error> {
        memory::from_bytes(bytes)
    }

    /// A layer made from a copy of `bytes`, which may start anywhere. Errors unless they are as many as
    /// [`Dense::as_bytes`] gives.
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
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    #[inline]
    fn run(&self, isa: Isa, xs: &[[f32; IN]], _scratch: [&mut [f32]; 2], ys: &mut [[f32; OUT]]) {
        if affine::<IN, OUT, A>(isa, xs, &self.weight, &self.bias, ys) {
            FormOf::<A>::infer(isa, ys.as_flattened_mut());
        }
    }
}

impl<const IN: usize, const OUT: usize, A: Activation> Train for Dense<IN, OUT, A> {
    type Tape<const B: usize> = <FormOf<A> as Form>::Kept<B, OUT>;
    type Gradients<const B: usize> = ();
    type State<O: Optimizer> = (O::State<[[f32; OUT]; IN]>, O::State<[f32; OUT]>);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize(init, A::GAIN, &mut self.weight, rng);
        self.bias = [0.0; OUT];
    }

    #[inline]
    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; IN]],
        kept: &mut Self::Tape<B>,
        ys: &mut [[f32; OUT]],
    ) {
        if affine::<IN, OUT, A>(isa, xs, &self.weight, &self.bias, ys) {
            FormOf::<A>::forward::<B, OUT>(isa, 0, ys, kept);
        }
    }

    #[inline]
    fn derivative<'a, const B: usize>(kept: &'a Self::Tape<B>, ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        FormOf::<A>::derivative::<B, OUT>(kept, ys)
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        isa: Isa,
        _xs: &[[f32; IN]],
        _kept: &Self::Tape<B>,
        dys: &[[f32; OUT]],
        _gradients: &mut (),
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        product_with_transposed(isa, dys, &self.weight, dx);
    }

    #[inline]
    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[[f32; IN]],
        _kept: &Self::Tape<B>,
        dys: &[[f32; OUT]],
        _gradients: &(),
        sweep: &mut O::Sweep,
        (weight_state, bias_state): &mut Self::State<O>,
    ) {
        O::step_product(sweep, isa, xs, dys, &mut self.weight, weight_state);
        O::step_rows(sweep, isa, dys, &mut self.bias, bias_state);
    }
}

/// Rows of the batch on the way forward and back, rows of weights in the update; the bias in one.
impl<const IN: usize, const OUT: usize, A: Activation + Copy> Sliced for Dense<IN, OUT, A> {
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; IN]],
        kept: &mut Self::Tape<B>,
        ys: &mut [[f32; OUT]],
    ) {
        affine_slice::<IN, OUT, A, B>(isa, slice, xs, &self.weight, &self.bias, kept, ys);
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        _xs: &[[f32; IN]],
        _kept: &Self::Tape<B>,
        dys: &[[f32; OUT]],
        _gradients: &mut (),
        dx: InputGradient<'_, [f32; IN]>,
    ) {
        product_with_transposed_slice(isa, slice, dys, &self.weight, dx);
    }

    fn update_slice<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; IN]],
        _kept: &Self::Tape<B>,
        dys: &[[f32; OUT]],
        _gradients: &(),
        sweep: &mut O::Sweep,
        (weight_state, bias_state): &mut Self::State<O>,
    ) {
        O::step_product_slice(slice, sweep, isa, xs, dys, &mut self.weight, weight_state);
        O::step_rows_slice(slice, sweep, isa, dys, &mut self.bias, bias_state);
    }
}

/// A sample's gradient is an outer product and a row: `|dW|^2 + |db|^2 = (|x|^2 + 1) |dy|^2`.
impl<const IN: usize, const OUT: usize, A: Activation> PerSample for Dense<IN, OUT, A> {
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; IN]],
        _kept: &Self::Tape<B>,
        dys: &[[f32; OUT]],
        _gradients: &(),
        squares: &mut [f32],
    ) {
        for ((x, dy), squares) in xs.iter().zip(dys).zip(squares) {
            *squares += (squared_norm(isa, x) + 1.0) * squared_norm(isa, dy);
        }
    }

    fn scale_rows<const B: usize>(_factors: &[f32], _gradients: &mut ()) {}
}

/// `y = x W + b`, and what of `A` is done at the store. Writes nothing, and says so, unless there are as many `ys` as `xs`.
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

/// Rows of the batch of [`affine`], and of what the activation keeps.
#[inline(always)]
pub(super) fn affine_slice<const IN: usize, const OUT: usize, A: Activation, const B: usize>(
    isa: Isa,
    slice: &mut Slice,
    xs: &[[f32; IN]],
    weight: &[[f32; OUT]; IN],
    bias: &[f32; OUT],
    kept: &mut <FormOf<A> as Form>::Kept<B, OUT>,
    ys: &mut [[f32; OUT]],
) {
    let rows = slice.take(xs.len(), (IN + FormOf::<A>::MACS) * OUT);
    if rows.is_empty() {
        return;
    }
    let (xs, ys) = (part(xs, &rows), part_mut(ys, &rows));
    if affine::<IN, OUT, A>(isa, xs, weight, bias, ys) {
        FormOf::<A>::forward::<B, OUT>(isa, rows.start, ys, kept);
    }
}

/// `dx = dy W^T`, multiplied by the derivative of the layer below: a ReLU's mask at the store, others after it.
#[inline(always)]
pub(super) fn product_with_transposed<const IN: usize, const OUT: usize>(
    isa: Isa,
    dys: &[[f32; OUT]],
    weight: &[[f32; OUT]; IN],
    dx: InputGradient<'_, [f32; IN]>,
) {
    dx.write_through(|dxs, derivative| {
        let (epilogue, after) = match derivative {
            Derivative::Relu(gates) => {
                let gates = Mat::of_rows::<IN>(memory::values(gates, dxs.len()));
                (Epilogue::ReluMask(gates), Derivative::One)
            }
            other => (Epilogue::None, other),
        };
        let (dys, weight) = (Mat::of_rows(dys), Mat::of_rows(weight));
        gemm::product(isa, dys, weight.t(), MatMut::of_rows::<IN>(dxs), epilogue);
        after.apply(isa, dxs);
    });
}

/// Rows of the batch of [`product_with_transposed`].
#[inline(always)]
pub(super) fn product_with_transposed_slice<const IN: usize, const OUT: usize>(
    isa: Isa,
    slice: &mut Slice,
    dys: &[[f32; OUT]],
    weight: &[[f32; OUT]; IN],
    dx: InputGradient<'_, [f32; IN]>,
) {
    let rows = slice.take(dx.wanted(dys.len()), (OUT + 1) * IN);
    if rows.is_empty() {
        return;
    }
    product_with_transposed(isa, part(dys, &rows), weight, dx.rows(&rows));
}
