//! The same layer at each of several positions of a row.

use super::stream::{Alone, run_one};
use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Side, Stream, Tapes, Train};
use crate::memory::{Beside, layout, values, values_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Plain, Rng, Zeroed};

/// Applies the layer `F` at each of `T` positions, of a sequence or a picture. `F` sees a batch of `T` times as many
/// rows, so its products are larger. The gradient of its parameters is the sum over positions; in private training,
/// that sum is the sample's gradient.
///
/// ```
/// use fusebox::{Dense, Each, Flatten, Relu, Rng, Seq, Sgd, Workspace};
/// // Three points in the plane; what each says, then what all of them say.
/// type Net = Seq![Each<3, Dense<2, 8, Relu>>, Flatten<3, 8, Dense<24, 2>>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let points = [[[0.0, 1.0], [1.0, 1.0], [2.0, 0.5]]];
/// Workspace::<Net, 1>::new().train_step(&mut net, &points, &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Each<const T: usize, F> {
    /// The layer.
    pub layer: F,
}

impl<const T: usize, F: Zeroed> Zeroed for Each<T, F> {
    const ZEROED: Self = Self { layer: F::ZEROED };
}

// SAFETY: `repr(C)` and one field of plain numbers.
unsafe impl<const T: usize, F: Plain> Plain for Each<T, F> {
    type Slack = F::Slack;

    const CHECKED: () = F::CHECKED;
}

impl<const T: usize, F: Layer> Layer for Each<T, F> {
    type Input = [F::Input; T];
    type Output = [F::Output; T];
    type Scratch = [F::Scratch; T];
    /// Memory for the inputs and for the layer's scratch: the layer's own `run_in_place`, which may need less,
    /// requires inputs known to be [`Plain`].
    type InPlace = Beside<[F::InPlace; T], [F::Scratch; T]>;

    const CHECK: () = F::CHECK;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&F::SUMMARY), None]).times(1, T);

    fn admits(xs: &[[F::Input; T]]) -> Result<(), Error> {
        F::admits(xs.as_flattened())
    }

    #[inline]
    fn run(&self, isa: Isa, xs: &[[F::Input; T]], scratch: &mut [f32], ys: &mut [[F::Output; T]]) {
        self.layer.run(isa, xs.as_flattened(), scratch, flat_mut(ys));
    }

    #[inline]
    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [[F::Output; T]])
    where
        [F::Input; T]: Plain,
    {
        let (xs, scratch) = side.cut::<[F::Input; T]>(buffer, ys.len());
        self.layer.run(isa, xs.as_flattened(), scratch, flat_mut(ys));
    }
}

/// The rows of all positions, one after the other. (`as_flattened` could panic for zero-sized values.)
#[inline(always)]
pub(super) fn flat<const T: usize, R: Plain>(rows: &[[R; T]]) -> &[R] {
    match size_of::<R>() {
        0 => values(&[], rows.len().saturating_mul(T)),
        _ => rows.as_flattened(),
    }
}

/// [`flat`], mutable.
#[inline(always)]
pub(super) fn flat_mut<const T: usize, R: Plain>(rows: &mut [[R; T]]) -> &mut [R] {
    match size_of::<R>() {
        0 => values_mut(&mut [], rows.len().saturating_mul(T)),
        _ => rows.as_flattened_mut(),
    }
}

/// A frame is a position.
impl<const T: usize, F: Layer> Stream for Each<T, F> {
    type Frame = F::Input;
    type Out = F::Output;
    type Past = Alone<F::Scratch>;

    const DUE: Due = Due::EACH;

    fn admits_frame(frame: &F::Input) -> Result<(), Error> {
        F::admits(core::slice::from_ref(frame))
    }

    fn step(&self, isa: Isa, scratch: &mut Self::Past, frame: &F::Input, out: &mut F::Output) -> bool {
        run_one(&self.layer, isa, scratch, frame, out);
        true
    }
}

impl<const T: usize, F: Train> Train for Each<T, F> {
    type Tape = [F::Tape; T];
    type Gradients = [F::Gradients; T];
    type Memory = F::Memory;
    type State<O: Optimizer> = F::State<O>;
    type End = F::End;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    /// A row of the batch is `T` of the layer's.
    const LEAST_ROWS: usize = if T > 0 { F::LEAST_ROWS.div_ceil(T) } else { 1 };
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(0, [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Each", &[T as u64, F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[F::Input; T]],
        memory: Option<&F::Memory>,
        tape: &mut [[F::Tape; T]],
        ys: &mut [[F::Output; T]],
    ) {
        self.layer.forward(pace, xs.as_flattened(), memory, flat_mut(tape), flat_mut(ys));
    }

    fn derivative<'a>(tape: &'a [[F::Tape; T]], ys: &'a [[F::Output; T]]) -> Derivative<'a> {
        F::derivative(flat(tape), flat(ys))
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[F::Input; T]],
        tape: &[[F::Tape; T]],
        dys: &[[F::Output; T]],
        gradients: &mut [[F::Gradients; T]],
        dx: InputGradient<'_, [F::Input; T]>,
    ) {
        let gradients = flat_mut(gradients);
        self.layer.backward(pace, xs.as_flattened(), flat(tape), flat(dys), gradients, dx.flattened());
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[F::Input; T]],
        tape: &[[F::Tape; T]],
        dys: &[[F::Output; T]],
        gradients: &[[F::Gradients; T]],
        sweep: &mut O::Sweep,
        state: &mut F::State<O>,
    ) {
        let (xs, tape, dys, gradients) = (xs.as_flattened(), flat(tape), flat(dys), flat(gradients));
        self.layer.update::<O, P>(pace, xs, tape, dys, gradients, sweep, state);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[F::Input; T]],
        tape: &[[F::Tape; T]],
        memory: &mut F::Memory,
    ) {
        self.layer.remember(pace, xs.as_flattened(), flat(tape), memory);
    }
}
