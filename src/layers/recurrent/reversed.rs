//! A sequence from its last position to its first.

use crate::layers::{Derivative, Entry, Init, InputGradient, Layer, Linear, Tapes, Train};
use crate::memory::{count_of, layout, part, part_mut, stretches, stretches_mut, take_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, Pair, Plain, Rng, plain};
use core::ops::Range;

/// Runs the layer `F` on a sequence of `T` positions from the last to the first, and reverses its outputs, so that they
/// are at the positions of their inputs. A recurrent layer that sees both what is before and what is after a position
/// is two of them side by side:
///
/// ```
/// use fusebox::{ConcatChannels, Dense, Each, EachPosition, Gru, Parallel, Reversed, Rng, Seq, Sgd, Workspace};
/// use fusebox::CrossEntropy;
/// type BothWays = Parallel<Gru<6, 2, 8>, Reversed<6, Gru<6, 2, 8>>, ConcatChannels<16>>;
/// type Net = Seq![BothWays, Each<6, Dense<16, 3>>]; // a class for each position
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 1, Sgd, _>::with_loss(EachPosition(CrossEntropy));
/// workspace.train_step(&mut net, &[[[1.0, 2.0]; 6]], &[[0_u8, 1, 2, 0, 1, 2]], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// It is not a [`Stream`](super::super::Stream): its first output needs the last input.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Reversed<const T: usize, F> {
    /// The layer.
    pub layer: F,
}

plain!([const T: usize, F: Plain] Reversed<T, F> { layer: F });

/// Overwrites `to` with `from`, each sequence reversed.
fn reverse<X: Copy, const T: usize>(from: &[[X; T]], to: &mut [[X; T]]) {
    for (from, to) in from.iter().zip(to) {
        for (from, to) in from.iter().rev().zip(to) {
            *to = *from;
        }
    }
}

/// The range of numbers that the rows occupy.
fn width<R>(rows: &Range<usize>) -> Range<usize> {
    rows.start * count_of::<R>()..rows.end * count_of::<R>()
}

impl<X: Plain, Y: Plain, const T: usize, F: Layer<Input = [X; T], Output = [Y; T]>> Layer for Reversed<T, F> {
    type Input = [X; T];
    type Output = [Y; T];
    type Scratch = Pair<Pair<[X; T], [Y; T]>, F::Scratch>;
    type InPlace = Pair<[X; T], Self::Scratch>;

    const CHECK: () = F::CHECK;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&F::SUMMARY), None]);

    fn run(&self, isa: Isa, xs: &[[X; T]], mut scratch: &mut [f32], ys: &mut [[Y; T]]) {
        let inputs = take_mut(&mut scratch, xs.len());
        let outputs = take_mut(&mut scratch, xs.len());
        if xs.len() == ys.len() {
            reverse(xs, inputs);
            self.layer.run(isa, inputs, scratch, outputs);
            reverse(outputs, ys);
        }
    }
}

/// Rows of the batch where a sequence is reversed, and between them the layer's units.
impl<X: Plain, Y: Plain, const T: usize, F: Train<Input = [X; T], Output = [Y; T]>> Train for Reversed<T, F> {
    type Tape = Pair<Pair<[X; T], [Y; T]>, F::Tape>;
    type Gradients = Pair<Pair<[X; T], [Y; T]>, F::Gradients>;
    type Memory = F::Memory;
    type State<O: Optimizer> = F::State<O>;
    type End = Linear;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<Pair<[X; T], [Y; T]>>(), [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Reversed", &[T as u64, F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[X; T]],
        memory: Option<&F::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [[Y; T]],
    ) {
        let (both, own) = stretches_mut(tape);
        let (inputs, outputs) = stretches_mut(both);
        let rows = pace.take(xs.len(), count_of::<[X; T]>());
        reverse(part(xs, &rows), part_mut(inputs, &rows));
        self.layer.forward(pace, inputs, memory, own, outputs);
        let rows = pace.take(xs.len(), count_of::<[Y; T]>());
        reverse(part(outputs, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[X; T]],
        tape: &[Self::Tape],
        dys: &[[Y; T]],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, [X; T]>,
    ) {
        let (both, own) = stretches(tape);
        let (inputs, outputs) = stretches(both);
        let (both, own_gradients) = stretches_mut(gradients);
        let (dinputs, doutputs) = stretches_mut(both);
        let rows = pace.take(dys.len(), 2 * count_of::<[Y; T]>());
        if !rows.is_empty() {
            let doutputs = part_mut(doutputs, &rows);
            reverse(part(dys, &rows), doutputs);
            F::derivative(own, outputs).part(&width::<[Y; T]>(&rows)).apply(pace.isa(), doutputs);
        }
        let Some((dxs, derivative)) = dx.target() else {
            return self.layer.backward(
                pace,
                inputs,
                own,
                doutputs,
                own_gradients,
                InputGradient::unwanted(),
            );
        };
        let into = InputGradient::into(&mut *dinputs, Derivative::One);
        self.layer.backward(pace, inputs, own, doutputs, own_gradients, into);
        let rows = pace.take(dys.len(), 2 * count_of::<[X; T]>());
        if !rows.is_empty() {
            let dxs = part_mut(dxs, &rows);
            reverse(part(dinputs, &rows), dxs);
            derivative.part(&width::<[X; T]>(&rows)).apply(pace.isa(), dxs);
        }
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[X; T]],
        tape: &[Self::Tape],
        _dys: &[[Y; T]],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        state: &mut F::State<O>,
    ) {
        let (both, own) = stretches(tape);
        let (doutputs, own_gradients) = (stretches(stretches(gradients).0).1, stretches(gradients).1);
        self.layer.update::<O, P>(pace, stretches(both).0, own, doutputs, own_gradients, sweep, state);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[X; T]],
        tape: &[Self::Tape],
        memory: &mut F::Memory,
    ) {
        let (both, own) = stretches(tape);
        self.layer.remember(pace, stretches(both).0, own, memory);
    }
}
