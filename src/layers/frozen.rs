//! A network whose lower part is not trained and may be in flash: that part needs no RAM for weights, gradients or
//! optimiser state, and no gradient is computed for it.

use super::scratch::infer;
use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Scratch, Side, Stream, Tapes, Train};
use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::{
    Beside, Either, Pair, count_of, layout, numbers, numbers_mut, part, part_mut, take, take_mut,
};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng};

/// A borrowed network `A` that is not trained, followed by a network `R` that is: transfer learning.
///
/// The gradient stops at `A`: the gradient with respect to the input is zeros, and no trained layer can come before
/// this one in a chain.
///
/// Source: S. Bozinovski and A. Fulgosi, 1976; J. Yosinski and others, "How transferable are features in deep neural
/// networks?", 2014.
///
/// ```
/// use fusebox::{Dense, Frozen, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed};
/// type Body = Seq![Dense<2, 16, Relu>, Dense<16, 8, Relu>];
/// type Net = Frozen<'static, Body, Dense<8, 2>>;
/// static BODY: Body = Body::ZEROED; // in flash: weights trained elsewhere
///
/// let mut net = Net::new(&BODY, Dense::ZEROED);
/// let mut workspace = Workspace::<Net, 4>::new();
/// workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
/// assert_eq!(net.head.bias, [-0.05, 0.05]);
/// let mut ys = [[f32::NAN; 2]];
/// net.infer(&[[1.0, 2.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frozen<'a, A, R> {
    /// The part that is not trained.
    pub body: &'a A,
    /// The part that is trained.
    pub head: R,
}

impl<'a, A: Layer, R: Layer<Input = A::Output>> Frozen<'a, A, R> {
    /// `head` applied to the outputs of `body`.
    pub const fn new(body: &'a A, head: R) -> Self {
        Self { body, head }
    }

    /// Overwrites `ys` with the outputs for `xs`, on the fastest available instruction set.
    ///
    /// Errors, with nothing written, if the batch is empty or larger than `B`, or `ys` has a different number of rows.
    pub fn infer<const B: usize>(
        &self,
        xs: &[A::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [R::Output],
    ) -> Result<(), Error> {
        self.infer_with(Isa::detect(), xs, scratch, ys)
    }

    /// [`Frozen::infer`] on the given instruction set.
    pub fn infer_with<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [R::Output],
    ) -> Result<(), Error> {
        infer(self, isa, xs, scratch, ys)
    }
}

/// The body writes its output to the front of the scratch, where the head reads it.
impl<A: Layer, R: Layer<Input = A::Output>> Layer for Frozen<'_, A, R> {
    type Input = A::Input;
    type Output = R::Output;
    type Scratch = Either<Beside<A::Output, A::Scratch>, R::InPlace>;
    type InPlace = Either<Beside<A::InPlace, A::Output>, R::InPlace>;

    const CHECK: () = (A::CHECK, R::CHECK).0;
    const SUMMARY: Entry = Entry::hidden::<Self>([Some(&A::SUMMARY), Some(&R::SUMMARY)]);

    fn admits(xs: &[A::Input]) -> Result<(), Error> {
        A::admits(xs)
    }

    fn run(&self, isa: Isa, xs: &[A::Input], scratch: &mut [f32], ys: &mut [R::Output]) {
        if xs.len() == ys.len() {
            let (between, own) = Side::Front.cut(scratch, xs.len());
            self.body.run(isa, xs, own, between);
            self.head.run_in_place(isa, scratch, Side::Front, ys);
        }
    }

    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [R::Output])
    where
        A::Input: Plain,
    {
        let (between, own) = side.other().cut(buffer, ys.len());
        self.body.run_in_place(isa, own, side, between);
        self.head.run_in_place(isa, buffer, side.other(), ys);
    }
}

impl<A: Stream, R: Stream<Frame = A::Out> + Layer<Input = A::Output>> Stream for Frozen<'_, A, R> {
    type Frame = A::Frame;
    type Out = R::Out;
    type Past = Pair<A::Past, Pair<R::Past, A::Out>>;

    const DUE: Due = A::DUE.then(R::DUE);
    const FRAMES: usize = A::DUE.limit(A::FRAMES, R::FRAMES);

    fn admits_frame(frame: &A::Frame) -> Result<(), Error> {
        A::admits_frame(frame)
    }

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &A::Frame, out: &mut R::Out) -> bool {
        let Pair(body, Pair(head, between)) = past;
        self.body.step(isa, body, frame, between) && self.head.step(isa, head, between, out)
    }
}

/// A row of the batch through all layers of the body is one unit.
impl<A: Train, R: Train<Input = A::Output>> Train for Frozen<'_, A, R> {
    /// The body's output, the head's tape, and the body's scratch.
    type Tape = Pair<A::Output, Pair<R::Tape, A::Scratch>>;
    type Gradients = R::Gradients;
    type Memory = R::Memory;
    type State<O: Optimizer> = R::State<O>;
    type End = R::End;

    const MIXES_SAMPLES: bool = R::MIXES_SAMPLES;
    const LEAST_ROWS: usize = R::LEAST_ROWS;
    const PASSES_GRADIENT: bool = false;
    const TAPES: Tapes = Tapes::new(size_of::<Pair<A::Output, A::Scratch>>(), [None, Some(&R::TAPES)]);
    const LAYOUT: u64 = layout("Frozen", &[A::LAYOUT, R::LAYOUT]);

    /// Initialises the head's parameters only.
    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.head.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[A::Input],
        memory: Option<&R::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [R::Output],
    ) {
        let (count, mut scratch) = (tape.len(), numbers_mut(tape));
        let (between, tape) = (take_mut(&mut scratch, count), take_mut(&mut scratch, count));
        let rows = pace.take(xs.len(), count_of::<A>());
        if !rows.is_empty() {
            self.body.run(pace.isa(), part(xs, &rows), scratch, part_mut(between, &rows));
        }
        self.head.forward(pace, between, memory, tape, ys);
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [R::Output]) -> Derivative<'a> {
        let (_, tape) = Self::cut(tape);
        R::derivative(tape, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[A::Input],
        tape: &[Self::Tape],
        dys: &[R::Output],
        gradients: &mut [R::Gradients],
        dx: InputGradient<'_, A::Input>,
    ) {
        let (between, tape) = Self::cut(tape);
        self.head.backward(pace, between, tape, dys, gradients, InputGradient::unwanted());
        dx.write_zeros(pace);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[A::Input],
        tape: &[Self::Tape],
        dys: &[R::Output],
        gradients: &[R::Gradients],
        sweep: &mut O::Sweep,
        state: &mut R::State<O>,
    ) {
        let (between, tape) = Self::cut(tape);
        self.head.update::<O, P>(pace, between, tape, dys, gradients, sweep, state);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[A::Input],
        tape: &[Self::Tape],
        memory: &mut R::Memory,
    ) {
        let (between, tape) = Self::cut(tape);
        self.head.remember(pace, between, tape, memory);
    }
}

/// Saves the head only: the body is not part of the training.
impl<A: Train, R: Train<Input = A::Output> + Part> Part for Frozen<'_, A, R> {
    const BYTES: usize = R::BYTES;
    const LAYOUT: u64 = <Self as Train>::LAYOUT;

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.head.write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        R::accepts(from)
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.head.read(from);
    }
}

impl<A: Train, R: Train<Input = A::Output>> Frozen<'_, A, R> {
    /// The body's output, and the head's tape.
    fn cut(tape: &[<Self as Train>::Tape]) -> (&[A::Output], &[R::Tape]) {
        let (count, mut numbers) = (tape.len(), numbers(tape));
        (take(&mut numbers, count), take(&mut numbers, count))
    }
}
