//! Layers: typed shims over the kernels, which own their parameters and nothing else.
//!
//! Two traits make a layer: [`Layer`] runs it, [`Train`] trains it. Both are ordinary safe code: `tests/own_layer.rs`
//! shows a layer of a user's own, and every composition, wrapper and kind of training takes it.
//!
//! | file | layers |
//! |---|---|
//! | `dense`, `activation`, `norm`, `softmax`, `dropout`, `pixels`, `columns` | on rows of numbers |
//! | `chain`, `repeat`, `each`, `residual`, `parallel`, `view`, `tied` | made of other layers |
//! | `frozen`, `adapters` | whose weights stay where they are, in flash |
//!
//! # Memory
//!
//! What a layer needs for a row is a type, and a batch of so many rows has so many of them in one array. A layer made of
//! others cuts this array into a stretch for each of them: since all stretches grow with the rows, the types only count.
//! So no trait knows how large a batch is, and no kernel is compiled twice for two batches.

mod activation;
mod adapters;
mod chain;
mod columns;
mod dense;
mod dropout;
mod each;
mod frozen;
mod init;
mod input_gradient;
mod norm;
mod parallel;
mod pixels;
mod repeat;
mod residual;
mod scratch;
mod softmax;
mod tied;
mod view;

pub use activation::{
    Activation, Derivative, Gelu, Identity, LeakyRelu, Relu, Relu6, Sigmoid, Silu, Slopes, Tanh,
};
pub use adapters::{BiasOnly, LowRank};
pub use chain::Chain;
pub use columns::Columns;
pub use dense::Dense;
pub use dropout::Dropout;
pub use each::Each;
pub use frozen::Frozen;
pub use init::Init;
pub use input_gradient::InputGradient;
pub use norm::LayerNorm;
pub use parallel::{Concat, Join, Parallel, Sum};
pub use pixels::Pixels;
pub use repeat::Repeat;
pub use residual::Residual;
pub(crate) use scratch::check_batch;
pub use scratch::{Scratch, Side};
pub use softmax::Softmax;
pub use tied::Tied;
pub use view::{Flatten, View};

use crate::checkpoint::{Part, Reader, Writer, read_numbers};
use crate::memory::layout;
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng, Zeroed};
use scratch::infer;

/// A layer that can be run: parameters, and a function from rows of inputs to rows of outputs.
///
/// `Scratch` and `InPlace` are the memory for what passes between layers inside: a layer that has none inside says `()`
/// and [`Layer::Input`], and finds the scratch it is given empty.
///
/// ```
/// use fusebox::{Dense, Isa, Layer, Scratch, Seq, Zeroed};
///
/// /// Divides a row by its largest magnitude.
/// struct Normalize;
/// impl Zeroed for Normalize {
///     const ZEROED: Self = Self;
/// }
/// impl Layer for Normalize {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Scratch = ();
///     type InPlace = [f32; 2];
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: &mut [f32], ys: &mut [[f32; 2]]) {
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
#[doc(alias = "module")]
#[doc(alias = "predict")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer that runs",
    note = "a chain runs only if each layer's output is the next one's input: compare the sizes of its layers"
)]
pub trait Layer {
    /// One row of input: numbers of any kind (`[f32; N]`, pixels `[u8; N]`, tokens `[u16; T]`). Between layers, `f32`.
    type Input: Zeroed + Copy;
    /// One row of output.
    type Output: Plain;
    /// Memory for a row to run with, beside input and output.
    type Scratch: Plain;
    /// Memory for a row to run with when the input lies in it too: see [`Layer::run_in_place`]. `()` where the input is not
    /// [`Plain`], and so never lies there.
    type InPlace: Plain;

    /// Compiles only if the sizes inside the layer fit. Running and training evaluate it, and so does
    /// [`network!`](crate::network), under `cargo check`.
    const CHECK: () = ();

    /// Overwrites `ys` with the outputs for `xs`, which has as many rows. `scratch` is the numbers of so many rows of
    /// `Scratch`.
    ///
    /// Called by [`Layer::infer`] and its like, which check lengths. Whoever calls it with others gets no error: a
    /// layer of this crate then leaves `ys` as it was.
    #[doc(alias = "forward")]
    fn run(&self, isa: Isa, xs: &[Self::Input], scratch: &mut [f32], ys: &mut [Self::Output]);

    /// [`Layer::run`] on inputs that lie at one end of `buffer`, which is the numbers of as many rows of `InPlace` as `ys` has. A
    /// layer made of others overwrites the inputs when it is past them; one that is not keeps this default.
    #[inline(always)]
    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [Self::Output])
    where
        Self::Input: Plain,
    {
        let (xs, scratch) = side.cut::<Self::Input>(buffer, ys.len());
        self.run(isa, xs, scratch, ys);
    }

    /// Overwrites `ys` with the outputs for `xs` on the fastest instruction set there is.
    ///
    /// Errors, with nothing written, when the batch is empty or larger than `B`, or `ys` has another number of rows.
    #[doc(alias = "predict")]
    fn infer<const B: usize>(
        &self,
        xs: &[Self::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [Self::Output],
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        infer(self, Isa::detect(), xs, scratch, ys)
    }

    /// [`Layer::infer`] on the instruction set given.
    ///
    /// ```
    /// use fusebox::{Dense, Error, Isa, Layer, Residual, Scratch, Zeroed};
    /// let (net, mut ys) = (Residual::<Dense<2, 2>>::ZEROED, [[0.0; 2]]);
    /// net.infer_with(Isa::portable(), &[[1.0, 2.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[1.0, 2.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    fn infer_with<const B: usize>(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [Self::Output],
    ) -> Result<(), Error>
    where
        Self: Sized,
    {
        infer(self, isa, xs, scratch, ys)
    }
}

/// A layer that can be trained.
///
/// A step is four passes: `forward` keeps what is needed later in the tape; `backward` goes through the layers from the
/// last to the first and leaves every parameter alone; `update` changes the parameters; `remember` changes what the layer keeps
/// between steps. So by the time anything changes, every gradient is known.
///
/// What a layer calls `dys` is the gradient with respect to its output *before* the function whose
/// [`Train::derivative`] it names: whoever made the gradient has multiplied it by that derivative already, usually at the
/// store of a product. A layer that names none, which says [`Linear`], gets the gradient with respect to its output.
///
/// A pass is done at a [`Pace`], whole or in slices: a layer asks which of its units to do now, usually rows of the batch, and
/// does those. What is needed for a row of the batch, tape and gradients, are types; there are as many of them as rows.
///
/// The methods are called by [`Workspace::train_step`](crate::Workspace::train_step) and its like, in that order, with the
/// same rows. A layer that learns one factor for each of its inputs:
///
/// ```
/// use fusebox::{
///     Dense, Init, InputGradient, Isa, Layer, Linear, Optimizer, Pace, Plain, Rng, Rows, Seq, Sgd, Train, Workspace, plain,
/// };
///
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Scale {
///     factors: [f32; 2],
/// }
/// plain!(Scale { factors: [f32; 2] });
///
/// impl Layer for Scale {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Scratch = ();
///     type InPlace = [f32; 2];
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: &mut [f32], ys: &mut [[f32; 2]]) {
///         for (x, y) in xs.iter().zip(ys) {
///             *y = [x[0] * self.factors[0], x[1] * self.factors[1]];
///         }
///     }
/// }
/// impl Train for Scale {
///     type Tape = ();
///     type Gradients = [f32; 2]; // a row's share in the factors' gradient
///     type Memory = ();
///     type State<O: Optimizer> = O::State<[f32; 2]>;
///     type End = Linear;
///
///     fn init(&mut self, _: Init, _: &mut Rng) {
///         self.factors = [1.0; 2];
///     }
///     fn forward<P: Pace>(&self, pace: &mut P, xs: &[[f32; 2]], _: Option<&()>, _: &mut [()], ys: &mut [[f32; 2]]) {
///         let rows = pace.take(xs.len(), 2);
///         self.run(pace.isa(), &xs[rows.clone()], &mut [], &mut ys[rows]);
///     }
///     fn backward<P: Pace>(
///         &self,
///         pace: &mut P,
///         xs: &[[f32; 2]],
///         _: &[()],
///         dys: &[[f32; 2]],
///         gradients: &mut [[f32; 2]],
///         dx: InputGradient<'_, [f32; 2]>,
///     ) {
///         let rows = pace.take(xs.len(), 4);
///         for i in rows.clone() {
///             gradients[i] = [xs[i][0] * dys[i][0], xs[i][1] * dys[i][1]];
///         }
///         // dx = dy factor
///         dx.rows(&rows).write(pace.isa(), |dxs| self.run(pace.isa(), &dys[rows.clone()], &mut [], dxs));
///     }
///     fn update<O: Optimizer, P: Pace>(
///         &mut self,
///         pace: &mut P,
///         _xs: &[[f32; 2]],
///         _tape: &[()],
///         _dys: &[[f32; 2]],
///         gradients: &[[f32; 2]],
///         sweep: &mut O::Sweep,
///         state: &mut Self::State<O>,
///     ) {
///         // dfactor = sum of x dy over the batch
///         O::step(pace, sweep, Rows::of(gradients), &mut self.factors, state);
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer that trains",
    note = "a chain trains only if each layer's output is the next one's input: compare the sizes of its layers"
)]
pub trait Train: Layer {
    /// What `backward` and `update` need of `forward` for a row, beyond input and output.
    type Tape: Plain;
    /// What `update` needs of `backward` for a row, beyond `dys`: in a chain, the gradients between its layers.
    type Gradients: Plain;
    /// What the layer keeps from step to step beside its parameters, such as a counter; starts as zeros.
    type Memory: Plain;
    /// What an optimiser keeps for the layer's parameters.
    type State<O: Optimizer>: Plain;
    /// [`Linear`], or [`Curved`] if the layer names a [`Train::derivative`].
    type End: End;

    /// Whether a sample's outputs depend on the others of its batch. Then its share in the gradient is not known, and private
    /// training does not compile, wherever in a network the layer is.
    ///
    /// ```compile_fail,E0080
    /// # use fusebox::*;
    /// # #[derive(Clone, Copy)]
    /// # struct Mixing;
    /// # plain!(Mixing {});
    /// # impl Layer for Mixing {
    /// #     type Input = [f32; 2];
    /// #     type Output = [f32; 2];
    /// #     type Scratch = ();
    /// #     type InPlace = [f32; 2];
    /// #     fn run(&self, _: Isa, _: &[[f32; 2]], _: &mut [f32], _: &mut [[f32; 2]]) {}
    /// # }
    /// impl Train for Mixing {
    ///     const MIXES_SAMPLES: bool = true;
    ///     // ..
    /// #     type Tape = ();
    /// #     type Gradients = ();
    /// #     type Memory = ();
    /// #     type State<O: Optimizer> = ();
    /// #     type End = Linear;
    /// #     fn init(&mut self, _: Init, _: &mut Rng) {}
    /// #     fn forward<P: Pace>(&self, _: &mut P, _: &[[f32; 2]], _: Option<&()>, _: &mut [()], _: &mut [[f32; 2]]) {}
    /// #     fn backward<P: Pace>(
    /// #         &self,
    /// #         _: &mut P,
    /// #         _: &[[f32; 2]],
    /// #         _: &[()],
    /// #         _: &[[f32; 2]],
    /// #         _: &mut [()],
    /// #         _: InputGradient<'_, [f32; 2]>,
    /// #     ) {
    /// #     }
    /// #     fn update<O: Optimizer, P: Pace>(
    /// #         &mut self,
    /// #         _: &mut P,
    /// #         _: &[[f32; 2]],
    /// #         _: &[()],
    /// #         _: &[[f32; 2]],
    /// #         _: &[()],
    /// #         _: &mut O::Sweep,
    /// #         _: &mut (),
    /// #     ) {
    /// #     }
    /// }
    /// type Net = Seq![Residual<Mixing>, Dense<2, 2>];
    /// let (mut net, mut workspace) = (Net::ZEROED, Workspace::<Net, 1, Private<Sgd>>::new());
    /// // "a layer mixes the samples of a batch: no private training"
    /// workspace.train_step_private(&mut net, &[[0.0; 2]], &[0], &Private::new(Sgd::new(0.1), 1.0, 0.5, 7)).unwrap();
    /// ```
    const MIXES_SAMPLES: bool = false;

    /// Whether the gradient with respect to the input is one: that of a frozen network is not, and no layer before it learns.
    const PASSES_GRADIENT: bool = true;

    /// Tells a saved state of this layer from that of another: see [`checkpoint`](crate::checkpoint).
    const LAYOUT: u64 = layout(
        "layer",
        &[
            size_of::<Self::Input>() as u64,
            size_of::<Self::Output>() as u64,
            size_of::<Self::Tape>() as u64,
            size_of::<Self::Memory>() as u64,
        ],
    );

    /// Overwrites the parameters with their first values. A layer without parameters keeps this default, and that of
    /// [`Train::update`].
    fn init(&mut self, _init: Init, _rng: &mut Rng) {}

    /// A layer whose parameters start as [`Init::He`] says.
    ///
    /// ```
    /// use fusebox::{Dense, Relu, Residual, Rng, Train};
    /// let net = Residual::<Dense<2, 2, Relu>>::he(&mut Rng::new(5));
    /// ```
    fn he(rng: &mut Rng) -> Self
    where
        Self: Zeroed,
    {
        let mut net = Self::ZEROED;
        net.init(Init::He, rng);
        net
    }

    /// Overwrites `ys` with the outputs for `xs`, and `tape` with what is needed later; all have as many rows. `memory` is
    /// `None` where the network is only looked at, as by a validation: then it does what [`Layer::run`] does.
    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        memory: Option<&Self::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [Self::Output],
    );

    /// The derivative of the function that ends the layer, at what `forward` left: what the layer wants the gradient
    /// with respect to its output multiplied by.
    fn derivative<'a>(_tape: &'a [Self::Tape], _ys: &'a [Self::Output]) -> Derivative<'a> {
        Derivative::One
    }

    /// From `dys` (see [`Train`]) overwrites `gradients`, and `dx` unless nobody wants it.
    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        tape: &[Self::Tape],
        dys: &[Self::Output],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, Self::Input>,
    );

    /// Does one of the optimiser's sweeps: calls [`Optimizer::step`] for each array of parameters. `xs`, `tape`, `dys` and
    /// `gradients` are what `forward` and `backward` were given and left.
    fn update<O: Optimizer, P: Pace>(
        &mut self,
        _pace: &mut P,
        _xs: &[Self::Input],
        _tape: &[Self::Tape],
        _dys: &[Self::Output],
        _gradients: &[Self::Gradients],
        _sweep: &mut O::Sweep,
        _state: &mut Self::State<O>,
    ) {
    }

    /// Once, after the last sweep of a step: what the layer keeps from step to step moves on. A step that is refused never
    /// comes here.
    fn remember<P: Pace>(
        &mut self,
        _pace: &mut P,
        _xs: &[Self::Input],
        _tape: &[Self::Tape],
        _memory: &mut Self::Memory,
    ) {
    }
}

/// The parameters of a network that is nothing but numbers.
impl<N: Train + Plain> Part for N {
    const BYTES: usize = size_of::<N>();
    const LAYOUT: u64 = N::LAYOUT;

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        to.put(self.as_bytes());
        Ok(())
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        read_numbers(self, from);
    }
}

/// How a layer ends, which says what must be kept of its outputs: [`Linear`] or [`Curved`].
pub trait End: sealed::Sealed {
    /// `T` if the layer's derivative is made from its outputs, else `()`.
    type Keep<T: Plain>: Plain;
    /// Whether the layer names a derivative.
    const CURVED: bool;
}

/// The layer names no derivative: `dys` is the gradient with respect to its output.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

/// The layer ends in a function, whose derivative it names.
#[derive(Clone, Copy, Debug)]
pub struct Curved;

impl End for Linear {
    type Keep<T: Plain> = ();
    const CURVED: bool = false;
}

impl End for Curved {
    type Keep<T: Plain> = T;
    const CURVED: bool = true;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Linear {}
    impl Sealed for super::Curved {}
}

/// Compiles only if the sizes in the network `N` fit: what [`network!`](crate::network) calls.
#[doc(hidden)]
pub const fn check<N: Layer>() {
    const { N::CHECK }
}

/// Names a network and checks it when it is named, so that `cargo check` sees sizes that do not fit, not only `cargo build`:
/// `network!(type Net = [..])` is `type Net = Seq![..]` with that check.
///
/// ```
/// use fusebox::{Dense, Flatten, Relu, network};
/// network!(pub type Net = [Flatten<2, 3, Dense<6, 4, Relu>>, Dense<4, 2>]);
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::{Dense, Flatten, network};
/// network!(type Net = [Flatten<2, 3, Dense<7, 4>>, Dense<4, 2>]); // six numbers, not seven
/// ```
#[macro_export]
macro_rules! network {
    ($(#[$meta:meta])* $vis:vis type $name:ident = [$($layer:ty),+ $(,)?] $(;)?) => {
        $(#[$meta])*
        $vis type $name = $crate::Seq![$($layer),+];
        const _: () = $crate::layers::check::<$name>();
    };
}
