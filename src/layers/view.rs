//! Rows viewed as another type: the same numbers, without a copy.

use super::{Derivative, Due, Entry, Frames, Init, InputGradient, Layer, Side, Stream, Tapes, Train};
use crate::memory::{layout, numbers, numbers_mut, values, values_mut, view, view_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng, Zeroed};
use core::marker::PhantomData;

/// The layer `F` with its input rows viewed as `I` and its output rows viewed as `O`, with the same number of
/// elements, numbers or bytes: a picture as a row, or a row as positions. Nothing is copied. Sizes that do not match are an error at
/// compile time or, with [`network!`](crate::network), in `cargo check`.
///
/// ```
/// use fusebox::{Dense, Each, Rng, Seq, Sgd, View, Workspace};
/// // Six numbers as three positions of two, and back.
/// type Positions = View<[f32; 6], Each<3, Dense<2, 4>>, [f32; 12]>;
/// type Net = Seq![Positions, Dense<12, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[1.0; 6]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "reshape")]
#[repr(C)]
pub struct View<I, F, O> {
    /// The layer.
    pub layer: F,
    rows: PhantomData<fn(I) -> O>,
}

/// The layer `F` on `T` rows of `N` numbers viewed as one row: `Flatten<28, 28, Dense<784, 10>>` takes pictures.
#[doc(alias = "reshape")]
pub type Flatten<const T: usize, const N: usize, F> = View<[[f32; N]; T], F, <F as Layer>::Output>;

impl<I, F, O> View<I, F, O> {
    /// `layer` on rows of types `I` and `O`.
    pub const fn new(layer: F) -> Self {
        Self { layer, rows: PhantomData }
    }
}

impl<I, F: Copy, O> Copy for View<I, F, O> {}

impl<I, F: Copy, O> Clone for View<I, F, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, F: PartialEq, O> PartialEq for View<I, F, O> {
    fn eq(&self, other: &Self) -> bool {
        self.layer == other.layer
    }
}

impl<I, F: core::fmt::Debug, O> core::fmt::Debug for View<I, F, O> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("View").field("layer", &self.layer).finish()
    }
}

impl<I, F: Zeroed, O> Zeroed for View<I, F, O> {
    const ZEROED: Self = Self::new(F::ZEROED);
}

// SAFETY: `repr(C)`, a field of plain numbers and one of size 0 and alignment 1.
unsafe impl<I: 'static, F: Plain, O: 'static> Plain for View<I, F, O> {
    type Slack = F::Slack;

    const CHECKED: () = F::CHECKED;
}

impl<I: Plain, O: Plain, F: Layer<Input: Plain>> View<I, F, O> {
    const SIZES: () = {
        assert!(size_of::<I>() == size_of::<F::Input>(), "a View's input has as many numbers as its layer's");
        assert!(
            size_of::<O>() == size_of::<F::Output>(),
            "a View's output has as many numbers as its layer's"
        );
    };

    /// Views the rows as the layer's inputs.
    pub(super) fn inputs(xs: &[I]) -> &[F::Input] {
        view(xs, xs.len())
    }

    /// Views the rows as the layer's outputs.
    fn outputs(ys: &[O]) -> &[F::Output] {
        view(ys, ys.len())
    }

    /// [`View::outputs`], mutable.
    pub(super) fn outputs_mut(ys: &mut [O]) -> &mut [F::Output] {
        let count = ys.len();
        view_mut(ys, count)
    }
}

impl<I: Plain, O: Plain, F: Layer<Input: Plain>> Layer for View<I, F, O> {
    type Input = I;
    type Output = O;
    type Scratch = F::Scratch;
    type InPlace = F::InPlace;

    const CHECK: () = (Self::SIZES, F::CHECK).1;
    const SUMMARY: Entry = Entry::hidden::<Self>([Some(&F::SUMMARY), None]);

    fn admits(xs: &[I]) -> Result<(), Error> {
        const { Self::SIZES }
        F::admits(Self::inputs(xs))
    }

    fn run(&self, isa: Isa, xs: &[I], scratch: &mut [f32], ys: &mut [O]) {
        const { Self::SIZES }
        self.layer.run(isa, Self::inputs(xs), scratch, Self::outputs_mut(ys));
    }

    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [O]) {
        const { Self::SIZES }
        self.layer.run_in_place(isa, buffer, side, Self::outputs_mut(ys));
    }
}

/// Frames are viewed as the layer's, with as many numbers.
impl<I: Frames, O: Frames, F: Stream<Input: Plain, Frame: Plain>> Stream for View<I, F, O> {
    type Frame = I::Frame;
    type Out = O::Frame;
    type Past = F::Past;

    const DUE: Due = {
        assert!(
            size_of::<I::Frame>() == size_of::<F::Frame>() && size_of::<O::Frame>() == size_of::<F::Out>(),
            "a layer in a stream looks at the whole sequence: a View's frames are not those of its layer"
        );
        F::DUE
    };
    const FRAMES: usize = F::FRAMES;

    fn step(&self, isa: Isa, past: &mut F::Past, frame: &I::Frame, out: &mut O::Frame) -> bool {
        const { Self::DUE };
        let frame = values(numbers(core::slice::from_ref(frame)), 1).first();
        let out = values_mut(numbers_mut(core::slice::from_mut(out)), 1).first_mut();
        frame.zip(out).is_some_and(|(frame, out)| self.layer.step(isa, past, frame, out))
    }
}

impl<I: Plain, O: Plain, F: Train<Input: Plain>> Train for View<I, F, O> {
    type Tape = F::Tape;
    type Gradients = F::Gradients;
    type Memory = F::Memory;
    type State<P: Optimizer> = F::State<P>;
    type End = F::End;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(0, [Some(&F::TAPES), None]);
    /// The parameters are those of `F`, whatever the view's types.
    const LAYOUT: u64 = layout("View", &[F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        memory: Option<&F::Memory>,
        tape: &mut [F::Tape],
        ys: &mut [O],
    ) {
        const { Self::SIZES }
        self.layer.forward(pace, Self::inputs(xs), memory, tape, Self::outputs_mut(ys));
    }

    fn derivative<'a>(tape: &'a [F::Tape], ys: &'a [O]) -> Derivative<'a> {
        F::derivative(tape, Self::outputs(ys))
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        tape: &[F::Tape],
        dys: &[O],
        gradients: &mut [F::Gradients],
        dx: InputGradient<'_, I>,
    ) {
        let (xs, dys) = (Self::inputs(xs), Self::outputs(dys));
        self.layer.backward(pace, xs, tape, dys, gradients, dx.viewed());
    }

    fn update<P: Optimizer, Q: Pace>(
        &mut self,
        pace: &mut Q,
        xs: &[I],
        tape: &[F::Tape],
        dys: &[O],
        gradients: &[F::Gradients],
        sweep: &mut P::Sweep,
        state: &mut F::State<P>,
    ) {
        let (xs, dys) = (Self::inputs(xs), Self::outputs(dys));
        self.layer.update::<P, Q>(pace, xs, tape, dys, gradients, sweep, state);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, xs: &[I], tape: &[F::Tape], memory: &mut F::Memory) {
        self.layer.remember(pace, Self::inputs(xs), tape, memory);
    }
}
