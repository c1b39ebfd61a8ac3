//! A layer that is not trained, among layers that are; it may be in flash.

use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Side, Stream, Tapes, Train};
use crate::memory::layout;
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng};

/// A borrowed layer `F` of any kind that passes the gradient on and is not trained: it needs no RAM for parameters and
/// no optimiser state.
///
/// For layers between trained ones or after them. Layers before the first trained one belong in
/// [`Frozen`](super::Frozen), which stores no tape for them and computes no gradient. In training `F` computes what it
/// does in inference: [`Dropout`](crate::Dropout) drops nothing, and [`BatchNorm`](crate::BatchNorm) uses its running
/// statistics.
///
/// ```
/// use fusebox::{Borrowed, Chain, Dense, LowRank, Relu, Rng, Seq, Sgd, Train, Workspace, Zeroed};
/// type Trained = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// type Net = Seq![LowRank<'static, 2, 8, 1, Relu>, Borrowed<'static, Dense<8, 2>>];
/// static FLASH: Trained = Trained::ZEROED;
///
/// let mut net: Net = Chain { first: LowRank::new(&FLASH.first), rest: Borrowed::new(&FLASH.rest) };
/// let mut workspace = Workspace::<Net, 1>::new();
/// workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
/// assert_eq!(net.rest.layer, &Dense::ZEROED);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Borrowed<'a, F> {
    /// The layer.
    pub layer: &'a F,
}

impl<'a, F> Borrowed<'a, F> {
    /// `layer`, not trained.
    pub const fn new(layer: &'a F) -> Self {
        Self { layer }
    }
}

impl<F: Layer> Layer for Borrowed<'_, F> {
    type Input = F::Input;
    type Output = F::Output;
    type Scratch = F::Scratch;
    type InPlace = F::InPlace;

    const CHECK: () = F::CHECK;
    const SUMMARY: Entry = Entry::hidden::<Self>([Some(&F::SUMMARY), None]);

    fn admits(xs: &[F::Input]) -> Result<(), Error> {
        F::admits(xs)
    }

    fn run(&self, isa: Isa, xs: &[F::Input], scratch: &mut [f32], ys: &mut [F::Output]) {
        self.layer.run(isa, xs, scratch, ys);
    }

    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [F::Output])
    where
        F::Input: Plain,
    {
        self.layer.run_in_place(isa, buffer, side, ys);
    }
}

impl<F: Stream> Stream for Borrowed<'_, F> {
    type Frame = F::Frame;
    type Out = F::Out;
    type Past = F::Past;

    const DUE: Due = F::DUE;
    const FRAMES: usize = F::FRAMES;

    fn admits_frame(frame: &F::Frame) -> Result<(), Error> {
        F::admits_frame(frame)
    }

    fn step(&self, isa: Isa, past: &mut F::Past, frame: &F::Frame, out: &mut F::Out) -> bool {
        self.layer.step(isa, past, frame, out)
    }
}

/// The units of the layer, forward and backward.
impl<F: Train> Train for Borrowed<'_, F> {
    type Tape = F::Tape;
    type Gradients = F::Gradients;
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = F::End;

    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(0, [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Borrowed", &[F::LAYOUT]);

    /// Changes nothing.
    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[F::Input],
        _memory: Option<&()>,
        tape: &mut [F::Tape],
        ys: &mut [F::Output],
    ) {
        // Without a memory: as in inference.
        self.layer.forward(pace, xs, None, tape, ys);
    }

    fn derivative<'a>(tape: &'a [F::Tape], ys: &'a [F::Output]) -> Derivative<'a> {
        F::derivative(tape, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[F::Input],
        tape: &[F::Tape],
        dys: &[F::Output],
        gradients: &mut [F::Gradients],
        dx: InputGradient<'_, F::Input>,
    ) {
        // Where no gradient is wanted, none of the layer's own is either.
        if dx.wanted(1) > 0 {
            self.layer.backward(pace, xs, tape, dys, gradients, dx);
        }
    }
}
