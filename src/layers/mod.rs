//! Layers: typed wrappers of the kernels that own only their parameters.
//!
//! A layer implements two traits: [`Layer`] for inference and [`Train`] for training. Both need safe code only:
//! `tests/own_layer.rs` shows a user-defined layer, and all compositions, wrappers and kinds of training accept it.
//!
//! | file | layers |
//! |---|---|
//! | `dense`, `activation`, `activate`, `norm`, `rms_norm`, `gated`, `softmax`, `dropout`, `pixels`, `columns` | on rows of numbers |
//! | `picture` | on pictures and sequences |
//! | `sequence` | of transformers: attention, embeddings |
//! | `recurrent` | on sequences, from one position to the next |
//! | `chain`, `repeat`, `each`, `residual`, `parallel`, `view`, `tied` | made of other layers |
//! | `frozen`, `borrowed`, `adapters` | with borrowed weights, for example in flash |
//! | [`int8`] | of eight bits, for inference and for training without floating point |
//! | [`int16`] | of activations of sixteen bits, for inference |
//!
//! `stream` runs networks one frame at a time; [`arena`] is the memory of networks that a program writes.
//!
//! `network` defines networks and derives their sizes; `summary` shows them as a table.
//!
//! # Memory
//!
//! The memory that a layer needs for one row is a type; a batch of n rows needs n of them, in one array. A layer made
//! of others splits this array into one part per layer: every part grows with the number of rows, so only the types
//! matter. No trait depends on the batch size, and no kernel is compiled once per batch size.

mod activate;
mod activation;
mod adapters;
pub mod arena;
mod borrowed;
mod chain;
mod columns;
mod dense;
mod dropout;
mod each;
mod frozen;
mod gated;
mod init;
mod input_gradient;
pub mod int16;
pub mod int8;
#[doc(hidden)]
pub mod network;
mod norm;
mod parallel;
mod picture;
mod pixels;
mod recurrent;
mod repeat;
mod residual;
mod rms_norm;
mod scratch;
mod sequence;
mod softmax;
mod stream;
mod summary;
mod tied;
mod view;

pub use activate::Activate;
pub use activation::{
    Activation, Derivative, Gelu, GeluTanh, Identity, LeakyRelu, Relu, Relu6, Sigmoid, Silu, Slopes, Tanh,
};
pub use adapters::{BiasOnly, LowRank};
pub use borrowed::Borrowed;
pub use chain::Chain;
pub use columns::Columns;
pub use dense::Dense;
pub use dropout::Dropout;
pub use each::Each;
pub use frozen::Frozen;
pub use gated::Gated;
pub use init::Init;
pub use input_gradient::InputGradient;
pub use norm::LayerNorm;
pub use parallel::{Both, Concat, ConcatChannels, Join, Parallel, Sum};
pub use picture::{
    Around, AvgPool1d, AvgPool2d, BatchNorm, Causal, Conv1d, Conv2d, ConvTranspose2d, DepthwiseConv1d,
    DepthwiseConv2d, GlobalAvgPool, GlobalMaxPool, GroupNorm, InstanceNorm, MaxPool1d, MaxPool2d, Pad, Pad2d,
    Padding, Picture, Pool, Resize, Same, Steps, Upsample2d, Valid, Window, output_len,
};
pub use pixels::Pixels;
pub use recurrent::{
    Carried, Cell, Fresh, Gru, GruCell, Last, Lstm, LstmCell, Recurrent, Reversed, Rnn, RnnCell, Start,
};
pub use repeat::Repeat;
pub use residual::Residual;
pub use rms_norm::RmsNorm;
pub(crate) use scratch::check_batch;
pub use scratch::{Scratch, Side};
pub use sequence::{
    Attention, CrossAttention, Embedding, Everything, Halves, MeanPresent, Neighbours, Pairs, Positions,
    Present, PresentOnly, Rotary, Sees, TiedEmbedding,
};
pub use softmax::Softmax;
pub use stream::{Due, Frames, PerRow, Stream, Streaming};
pub use summary::{Entry, Row, Summary, Tapes};
pub use tied::Tied;
pub use view::{Flatten, View};

use crate::checkpoint::{Part, Reader, Writer, read_numbers};
use crate::memory::layout;
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng, Zeroed};
use scratch::infer;

/// A layer for inference: parameters, and a function from rows of inputs to rows of outputs.
///
/// `Scratch` and `InPlace` are memory for intermediate results between inner layers. A layer without inner layers
/// uses `()` and [`Layer::Input`], and gets an empty scratch.
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
pub trait Layer: Sized {
    /// One row of input: numbers of any type (`[f32; N]`, pixels `[u8; N]`, tokens `[u16; T]`). Between layers, `f32`, or
    /// `i8` in [`int8`] networks.
    type Input: Zeroed + Copy;
    /// One row of output.
    type Output: Plain;
    /// Memory to run one row, in addition to input and output.
    type Scratch: Plain;
    /// Memory to run one row, including its input: see [`Layer::run_in_place`]. `()` if the input is not [`Plain`]
    /// and so cannot be in it.
    type InPlace: Plain;

    /// Compiles only if the sizes inside the layer match. Evaluated by inference and training, and by
    /// [`network!`](crate::network) in `cargo check`.
    ///
    /// ```compile_fail,E0080
    /// use fusebox::{Learner, Mse, Sgd, layers::Columns};
    /// let mut learner = Learner::<Columns<4, 3, 2>, 1, Sgd, _>::with_loss(Columns, Mse);
    /// learner.start(Sgd::new(0.1)).unwrap(); // "the Columns lie in the row"
    /// ```
    const CHECK: () = ();

    /// Multiply-accumulates of the layer's products for one row of input, without those of layers inside. Shown in
    /// a [`Summary`].
    const MACS: u64 = 0;

    /// The layer's line in a [`Summary`], and those of the layers inside it. A layer made of others overrides it.
    const SUMMARY: Entry = Entry::layer::<Self>();

    /// Errors if an input is not valid for the layer, such as a token past the vocabulary. Called by inference and
    /// training before anything is written. A layer made of others asks those that get its inputs.
    fn admits(_xs: &[Self::Input]) -> Result<(), Error> {
        Ok(())
    }

    /// Overwrites `ys` with the outputs for `xs`, which has as many rows. `scratch` is the numbers of as many rows of
    /// `Scratch`.
    ///
    /// Called by [`Layer::infer`] and its variants, which check lengths. With other lengths there is no error: the
    /// layers of this crate then leave `ys` unchanged.
    #[doc(alias = "forward")]
    fn run(&self, isa: Isa, xs: &[Self::Input], scratch: &mut [f32], ys: &mut [Self::Output]);

    /// [`Layer::run`] with the inputs at one end of `buffer`, which is the numbers of as many rows of `InPlace` as
    /// `ys` has. A layer made of others overwrites the inputs once they have been read; other layers keep this
    /// default.
    #[inline(always)]
    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [Self::Output])
    where
        Self::Input: Plain,
    {
        let (xs, scratch) = side.cut::<Self::Input>(buffer, ys.len());
        self.run(isa, xs, scratch, ys);
    }

    /// Overwrites `ys` with the outputs for `xs`, on the fastest available instruction set.
    ///
    /// Errors, with nothing written, if the batch is empty or larger than `B`, or `ys` has a different number of rows.
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

    /// [`Layer::infer`] on the given instruction set.
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
/// A step has four passes: `forward` writes what is needed later to the tape; `backward` goes through the layers from
/// last to first and changes no parameter; `update` changes the parameters; `remember` changes the layer's memory
/// between steps. So every gradient is known before anything changes.
///
/// `dys` is the gradient with respect to the output *before* the function whose [`Train::derivative`] the layer
/// returns: the code that computed the gradient has already multiplied it by that derivative, usually in a product's
/// epilogue. A layer that returns none (its `End` is [`Linear`]) gets the gradient with respect to its output.
///
/// A pass runs at a [`Pace`], whole or in slices: a layer asks which of its units to do now, usually rows of the
/// batch, and does those. Tape and gradients are types per row of the batch; there is one of each per row.
///
/// The methods are called by [`Workspace::train_step`](crate::Workspace::train_step) and its variants, in that order,
/// with the same rows. An example, a layer that learns one factor per input:
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
    /// What `backward` and `update` need from `forward` per row, in addition to input and output.
    type Tape: Plain;
    /// What `update` needs from `backward` per row, in addition to `dys`: in a chain, the gradients between its layers.
    type Gradients: Plain;
    /// What the layer stores between steps in addition to its parameters, such as a counter. Starts as zeros.
    type Memory: Plain;
    /// The optimiser's state for the layer's parameters.
    type State<O: Optimizer>: Plain;
    /// [`Linear`], or [`Curved`] if the layer overrides [`Train::derivative`].
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

    /// The fewest rows that a training step takes; with fewer it is an [`Error::FewRows`]. Inference, validation and input
    /// gradients take any number. A layer made of others needs as many as the one that needs most.
    ///
    /// ```
    /// use fusebox::{BatchNorm, Dense, Error, Rng, Seq, Sgd, Train, View, Workspace};
    /// // One number per channel and row: a single row has no variance.
    /// type Net = Seq![View<[f32; 3], BatchNorm<[[[f32; 3]; 1]; 1], 3>, [f32; 3]>, Dense<3, 2>];
    /// const { assert!(Net::LEAST_ROWS == 2) }
    /// let (mut net, mut workspace) = (Net::he(&mut Rng::new(1)), Workspace::<Net, 4>::new());
    /// let refused = workspace.train_step(&mut net, &[[1.0; 3]], &[0], &Sgd::new(0.1));
    /// assert_eq!(refused, Err(Error::FewRows { expected: 2, got: 1 }));
    /// ```
    const LEAST_ROWS: usize = 1;

    /// Whether the layer passes a gradient to its input. A frozen network does not, so no layer before it can be
    /// trained.
    const PASSES_GRADIENT: bool = true;

    /// The bytes of tape that the layer stores per row, and those of the layers inside it: shown in a [`Summary`]. A layer that
    /// overrides [`Layer::SUMMARY`] overrides this too.
    const TAPES: Tapes = Tapes::new(size_of::<Self::Tape>(), [None; 2]);

    /// Distinguishes saved states of different layers: see [`checkpoint`](crate::checkpoint).
    const LAYOUT: u64 = layout(
        "layer",
        &[
            size_of::<Self::Input>() as u64,
            size_of::<Self::Output>() as u64,
            size_of::<Self::Tape>() as u64,
            size_of::<Self::Memory>() as u64,
        ],
    );

    /// Overwrites the parameters with their initial values. A layer without parameters keeps this default and that of
    /// [`Train::update`].
    fn init(&mut self, _init: Init, _rng: &mut Rng) {}

    /// A layer initialised by [`Init::He`].
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
    /// `None` outside of training steps, for example in validation: the outputs are then those of [`Layer::run`].
    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        memory: Option<&Self::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [Self::Output],
    );

    /// The derivative of the function at the end of the layer, from what `forward` wrote: the gradient with respect
    /// to the output must be multiplied by it.
    fn derivative<'a>(_tape: &'a [Self::Tape], _ys: &'a [Self::Output]) -> Derivative<'a> {
        Derivative::One
    }

    /// From `dys` (see [`Train`]) overwrites `gradients`, and `dx` if it has a destination.
    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        tape: &[Self::Tape],
        dys: &[Self::Output],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, Self::Input>,
    );

    /// Runs one of the optimiser's sweeps: calls [`Optimizer::step`] for each array of parameters. `xs`, `tape`,
    /// `dys` and `gradients` are those of `forward` and `backward`.
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

    /// Updates the layer's memory, once, after the last sweep of a step. Not called for a step that returns an error.
    fn remember<P: Pace>(
        &mut self,
        _pace: &mut P,
        _xs: &[Self::Input],
        _tape: &[Self::Tape],
        _memory: &mut Self::Memory,
    ) {
    }
}

/// The parameters of a network that consists only of numbers.
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

/// How a layer ends, which decides whether its outputs must be stored: [`Linear`] or [`Curved`].
pub trait End: sealed::Sealed {
    /// `T` if the layer's derivative is computed from its outputs, else `()`.
    type Keep<T: Plain>: Plain;
    /// Whether the layer has a derivative.
    const CURVED: bool;
}

/// The layer has no derivative: `dys` is the gradient with respect to its output.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

/// The layer ends in a function, whose derivative it returns.
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
