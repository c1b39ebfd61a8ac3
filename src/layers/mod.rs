//! Layers: typed shims over the kernels, which own their parameters and nothing else.
//!
//! Two traits make a layer: [`Layer`] runs it, [`Train`] trains it. Both are ordinary safe code: `tests/own_layer.rs`
//! shows a layer of a user's own. Two more are for those that want more of it: [`PerSample`] tells the rows of a batch
//! apart, [`Sliced`] trains it in slices.

mod activation;
mod adapters;
mod chain;
mod dense;
mod dropout;
mod frozen;
mod init;
mod norm;
mod sliced;
mod softmax;

pub use activation::{
    Activation, Derivative, Gelu, Identity, LeakyRelu, Relu, Relu6, Sigmoid, Silu, Slopes, Tanh,
};
pub use adapters::{BiasOnly, LowRank};
pub use chain::Chain;
pub use dense::Dense;
pub use dropout::Dropout;
pub use frozen::Frozen;
pub use init::Init;
pub use norm::LayerNorm;
pub use sliced::{Budget, Slice, Sliced};
pub(crate) use sliced::{FUNCTION, part, part_mut};
pub use softmax::Softmax;

use crate::kernel::elementwise::SumOfSquares;
use crate::memory::{count_of, numbers_mut, values};
use crate::{Error, Isa, Optimizer, Plain, Rng, Zeroed};
use core::ops::Range;
use init::initialize;

/// A layer that can be run: parameters, and a function from rows of inputs to rows of outputs.
///
/// `Even` and `Odd` are the memory for what passes between layers inside a [`Chain`]: a layer that is no chain says `()`
/// to both, and finds the scratch it is given empty.
///
/// ```
/// use fusebox::{Chain, Dense, Isa, Layer, Scratch, Seq, Zeroed};
///
/// /// Divides a row by its largest magnitude.
/// struct Normalize;
/// impl Zeroed for Normalize {
///     const ZEROED: Self = Self;
/// }
/// impl Layer for Normalize {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Even<const B: usize> = ();
///     type Odd<const B: usize> = ();
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: [&mut [f32]; 2], ys: &mut [[f32; 2]]) {
///         for (x, y) in xs.iter().zip(ys) {
///             let largest = x[0].abs().max(x[1].abs());
///             *y = x.map(|x| if largest > 0.0 { x / largest } else { x });
///         }
///     }
/// }
///
/// type Net = Seq![Normalize, Dense<2, 1>];
/// let mut net = Net::ZEROED;
/// net.rest.weight = [[1.0], [10.0]];
/// let mut ys = [[0.0]];
/// net.infer(&[[-4.0, 2.0]], &mut Scratch::<Net, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[4.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub trait Layer {
    /// One row of input: an array of numbers.
    type Input: Plain;
    /// One row of output.
    type Output: Plain;
    /// Memory for a batch of `B` between the first layer and the second, the third and the fourth, and so on.
    type Even<const B: usize>: Plain;
    /// Memory for a batch of `B` between the second layer and the third, the fourth and the fifth, and so on.
    type Odd<const B: usize>: Plain;

    /// Overwrites `ys` with the outputs for `xs`, which has as many rows. `scratch` is the numbers of `Even` and `Odd`.
    ///
    /// Called by [`Chain::infer`] and its like, which check lengths. Whoever calls it with others gets no error: a
    /// layer of this crate then leaves `ys` as it was.
    fn run(&self, isa: Isa, xs: &[Self::Input], scratch: [&mut [f32]; 2], ys: &mut [Self::Output]);

    /// [`Layer::run`] on inputs that lie at the start of the first scratch. A chain overwrites them when it is past
    /// them; a layer that is no chain keeps this default.
    fn run_in_place(&self, isa: Isa, scratch: [&mut [f32]; 2], ys: &mut [Self::Output]) {
        self.run(isa, values(scratch[0], ys.len()), [&mut [], &mut []], ys);
    }
}

/// A layer that can be trained.
///
/// A step is three passes: `forward` keeps what is needed later in the tape; `backward` goes through the layers from the
/// last to the first and leaves every parameter alone; `update` changes the parameters. So by the time a parameter
/// changes, every gradient is known.
///
/// What a layer calls `dys` is the gradient with respect to its output *before* the function whose
/// [`Train::derivative`] it names: whoever made the gradient has multiplied it by that derivative already, usually at the
/// store of a product. A layer that names none gets the gradient with respect to its output.
///
/// `forward` to `update` are called by [`Workspace::train_step`](crate::Workspace::train_step), in that order, with the
/// same rows. A layer that learns one factor for each of its inputs:
///
/// ```
/// use fusebox::{
///     Dense, Init, InputGradient, Isa, Layer, Optimizer, Rng, Scratch, Seq, Sgd, Train, Workspace, Zeroed,
/// };
///
/// struct Scale {
///     factors: [f32; 2],
/// }
/// impl Zeroed for Scale {
///     const ZEROED: Self = Self { factors: Zeroed::ZEROED };
/// }
/// impl Layer for Scale {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Even<const B: usize> = ();
///     type Odd<const B: usize> = ();
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: [&mut [f32]; 2], ys: &mut [[f32; 2]]) {
///         for (x, y) in xs.iter().zip(ys) {
///             *y = [x[0] * self.factors[0], x[1] * self.factors[1]];
///         }
///     }
/// }
/// impl Train for Scale {
///     type Tape<const B: usize> = ();
///     type Gradients<const B: usize> = ();
///     type State<O: Optimizer> = O::State<[f32; 2]>;
///
///     fn init(&mut self, _: Init, _: &mut Rng) {
///         self.factors = [1.0; 2];
///     }
///     fn forward<const B: usize>(&self, isa: Isa, xs: &[[f32; 2]], _: &mut (), ys: &mut [[f32; 2]]) {
///         self.run(isa, xs, [&mut [], &mut []], ys);
///     }
///     fn backward<const B: usize>(
///         &self,
///         isa: Isa,
///         _xs: &[[f32; 2]],
///         _tape: &(),
///         dys: &[[f32; 2]],
///         _gradients: &mut (),
///         dx: InputGradient<'_, [f32; 2]>,
///     ) {
///         // dx = dy factor
///         dx.write(isa, |dxs| self.run(isa, dys, [&mut [], &mut []], dxs));
///     }
///     fn update<O: Optimizer, const B: usize>(
///         &mut self,
///         isa: Isa,
///         xs: &[[f32; 2]],
///         _tape: &(),
///         dys: &[[f32; 2]],
///         _gradients: &(),
///         sweep: &mut O::Sweep,
///         state: &mut Self::State<O>,
///     ) {
///         // dfactor = sum of x dy over the batch
///         let mut gradient = [0.0; 2];
///         for (x, dy) in xs.iter().zip(dys) {
///             gradient = [gradient[0] + x[0] * dy[0], gradient[1] + x[1] * dy[1]];
///         }
///         O::step(sweep, isa, &gradient, &mut self.factors, state);
///     }
/// }
///
/// type Net = Seq![Scale, Dense<2, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[1.0, 0.0]], &[1], &Sgd::new(0.1))?;
/// assert_ne!(net.first.factors[0], 1.0); // has learnt
/// assert_eq!(net.first.factors[1], 1.0); // its input was zero
/// # Ok::<(), fusebox::Error>(())
/// ```
pub trait Train: Layer {
    /// What `backward` and `update` need of `forward` for a batch of `B`, beyond inputs and outputs.
    type Tape<const B: usize>: Zeroed;
    /// What `update` needs of `backward`, beyond `dys`: in a chain, the gradients between its layers.
    type Gradients<const B: usize>: Zeroed;
    /// What an optimiser keeps for the layer's parameters.
    type State<O: Optimizer>: Zeroed;

    /// Overwrites the parameters with their first values.
    fn init(&mut self, init: Init, rng: &mut Rng);

    /// Overwrites `ys` with the outputs for `xs`, which has as many rows, at most `B`, and `tape` with what is
    /// needed later.
    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        tape: &mut Self::Tape<B>,
        ys: &mut [Self::Output],
    );

    /// The derivative of the function that ends the layer, at what `forward` left: what the layer wants the gradient
    /// with respect to its output multiplied by.
    fn derivative<'a, const B: usize>(_tape: &'a Self::Tape<B>, _ys: &'a [Self::Output]) -> Derivative<'a> {
        Derivative::One
    }

    /// From `dys` (see [`Train`]) overwrites `gradients`, and `dx` unless nobody wants it. Leaves the parameters alone.
    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &mut Self::Gradients<B>,
        dx: InputGradient<'_, Self::Input>,
    );

    /// Does one of the optimiser's sweeps: calls, for each array of parameters, the `step` function of `O` that suits the
    /// form of its gradient. `xs`, `tape`, `dys` and `gradients` are what `forward` and `backward` were given and left.
    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    );
}

/// A layer that can tell the samples of a batch apart: for [`Private`](crate::Private) training and the
/// [`Guard`](crate::Guard), which want the norm of each sample's gradient without forming it.
pub trait PerSample: Train {
    /// Adds to `squares[i]` the square of the norm of row i's share of the parameters' gradient, as `update` would form it.
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &Self::Gradients<B>,
        squares: &mut [f32],
    );

    /// [`PerSample::add_norms`] for a step in slices, see [`Sliced`]: as it stands, all of a layer is one unit.
    fn add_norms_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &Self::Gradients<B>,
        squares: &mut [f32],
    ) {
        let row = count_of::<Self::Input>() + count_of::<Self::Output>();
        if slice.take_whole(row.saturating_mul(xs.len())) {
            self.add_norms(isa, xs, tape, dys, gradients, squares);
        }
    }

    /// Multiplies row i of whatever `backward` left in `gradients` by `factors[i]`. `dys` are the caller's to multiply.
    fn scale_rows<const B: usize>(factors: &[f32], gradients: &mut Self::Gradients<B>);
}

/// The square of a row's norm, never less than it is but for rounding: what underflows counts as the least normal number,
/// for a norm that private training clips by may be too large, but not too small.
pub(crate) fn squared_norm(isa: Isa, row: &[f32]) -> f32 {
    isa.call(SumOfSquares(row)) + row.len() as f32 * f32::MIN_POSITIVE
}

/// Multiplies every number of `rows[i]` by `factors[i]`, as far as the shorter goes.
pub(crate) fn scale_each<T: Plain>(factors: &[f32], rows: &mut [T]) {
    for (row, factor) in rows.iter_mut().zip(factors) {
        for x in numbers_mut(core::slice::from_mut(row)) {
            *x *= factor;
        }
    }
}

/// Where the gradient with respect to a layer's input goes, and what it must be multiplied by on its way.
#[derive(Debug)]
pub struct InputGradient<'a, Input> {
    target: Option<(&'a mut [Input], Derivative<'a>)>,
}

impl<'a, Input: Plain> InputGradient<'a, Input> {
    /// For the first layer: nobody wants it.
    pub(crate) fn unwanted() -> Self {
        Self { target: None }
    }

    /// To `dxs`, multiplied by `derivative`.
    pub(crate) fn into(dxs: &'a mut [Input], derivative: Derivative<'a>) -> Self {
        Self { target: Some((dxs, derivative)) }
    }

    /// `count`, or 0 if nobody wants it.
    pub(crate) fn wanted(&self, count: usize) -> usize {
        if self.target.is_some() { count } else { 0 }
    }

    /// Some of the rows.
    pub(crate) fn rows(self, rows: &Range<usize>) -> Self {
        let width = count_of::<Input>();
        let target = self.target.map(|(dxs, derivative)| {
            (part_mut(dxs, rows), derivative.part(&(rows.start * width..rows.end * width)))
        });
        Self { target }
    }

    /// Lets `gradient` overwrite the rows it is given, one for each input, if anybody wants them, and multiplies them.
    pub fn write(self, isa: Isa, gradient: impl FnOnce(&mut [Input])) {
        self.write_through(|dxs, derivative| {
            gradient(dxs);
            derivative.apply(isa, dxs);
        });
    }

    /// For a kernel that multiplies by the derivative as it stores.
    pub(crate) fn write_through(self, gradient: impl FnOnce(&mut [Input], Derivative<'_>)) {
        if let Some((dxs, derivative)) = self.target {
            gradient(dxs, derivative);
        }
    }
}

/// Runs a network: the check of runtime lengths that stands before [`Layer::run`].
pub(crate) fn infer<N: Layer, const B: usize>(
    net: &N,
    isa: Isa,
    xs: &[N::Input],
    scratch: &mut Scratch<N, B>,
    ys: &mut [N::Output],
) -> Result<(), Error> {
    check_batch::<B>(xs.len())?;
    if ys.len() != xs.len() {
        return Err(Error::Rows { expected: xs.len(), got: ys.len() });
    }
    net.run(isa, xs, scratch.buffers(), ys);
    Ok(())
}

/// Whether a batch of `rows` is one of at least 1 and at most `B`.
pub(crate) fn check_batch<const B: usize>(rows: usize) -> Result<(), Error> {
    match rows {
        0 => Err(Error::Empty),
        1.. if rows <= B => Ok(()),
        _ => Err(Error::Batch { expected: B, got: rows }),
    }
}

/// What a network of type `N` needs to run a batch of at most `B` rows, beside inputs and outputs: two buffers, each as
/// large as the largest thing it ever holds.
///
/// ```
/// use fusebox::{Dense, Relu, Scratch, Seq};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<32, 8, Relu>, Dense<8, 16, Relu>, Dense<16, 2>];
/// static SCRATCH: Scratch<Net, 4> = Scratch::new();
/// assert_eq!(Scratch::<Net, 4>::BYTES, 4 * (32 + 8) * 4); // 32 and 16 share a buffer; 8 has the other
/// ```
#[derive(Debug)]
pub struct Scratch<N: Layer, const B: usize> {
    even: crate::Aligned<N::Even<B>>,
    odd: crate::Aligned<N::Odd<B>>,
}

impl<N: Layer, const B: usize> Scratch<N, B> {
    /// Bytes of the buffers.
    pub const BYTES: usize = size_of::<N::Even<B>>() + size_of::<N::Odd<B>>();

    /// Scratch of zeros, for a `static` or the stack.
    pub const fn new() -> Self {
        Self { even: Zeroed::ZEROED, odd: Zeroed::ZEROED }
    }

    fn buffers(&mut self) -> [&mut [f32]; 2] {
        let even = crate::memory::numbers_mut(core::slice::from_mut(&mut self.even.0));
        let odd = crate::memory::numbers_mut(core::slice::from_mut(&mut self.odd.0));
        [even, odd]
    }
}

impl<N: Layer, const B: usize> Zeroed for Scratch<N, B> {
    const ZEROED: Self = Self::new();
}

impl<N: Layer, const B: usize> Default for Scratch<N, B> {
    fn default() -> Self {
        Self::new()
    }
}
