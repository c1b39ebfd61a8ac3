//! A layer with a skip connection.
//!
//! ```text
//! forward    y  = x + f(x)
//! backward   dx = dy + f'(x) dy
//! ```
//!
//! Source: K. He and others, "Deep Residual Learning for Image Recognition", 2016.

use super::{Derivative, Due, End, Entry, Init, InputGradient, Layer, Linear, Stream, Tapes, Train};
use crate::kernel::elementwise::{Add, Zip};
use crate::memory::{
    count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut, values,
};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain, Rng, plain};

/// `x + f(x)`, where `f` is any layer whose output has the type of its input.
///
/// If `f` ends in an activation, tape and gradients hold a copy of its outputs in addition to what `f` needs; otherwise
/// nothing.
///
/// ```
/// use fusebox::{Dense, Relu, Residual, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Residual<Seq![Dense<4, 16, Relu>, Dense<16, 4>]>, Dense<4, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[1.0, 2.0, 3.0, 4.0]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Residual<F> {
    /// The layer.
    pub layer: F,
}

plain!([F: Plain] Residual<F> { layer: F });

impl<T: Plain, F: Layer<Input = T, Output = T>> Layer for Residual<F> {
    type Input = T;
    type Output = T;
    type Scratch = F::Scratch;
    type InPlace = Pair<T, F::Scratch>;

    const CHECK: () = F::CHECK;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&F::SUMMARY), None]);

    fn admits(xs: &[T]) -> Result<(), Error> {
        F::admits(xs)
    }

    #[inline]
    fn run(&self, isa: Isa, xs: &[T], scratch: &mut [f32], ys: &mut [T]) {
        if xs.len() == ys.len() {
            self.layer.run(isa, xs, scratch, ys);
            isa.call_in_parts(Zip { function: Add, others: numbers(xs), xs: numbers_mut(ys) });
        }
    }
}

impl<T: Plain, S: Plain, F: Stream<Input = T, Output = T, Frame = S, Out = S>> Stream for Residual<F> {
    type Frame = S;
    type Out = S;
    type Past = F::Past;

    const DUE: Due = {
        assert!(F::DUE.is(Due::EACH), "the layer of a Residual in a stream has an output with each frame");
        Due::EACH
    };
    const FRAMES: usize = F::FRAMES;

    fn step(&self, isa: Isa, past: &mut F::Past, frame: &S, out: &mut S) -> bool {
        const { Self::DUE };
        let due = self.layer.step(isa, past, frame, out);
        let (others, xs) = (numbers(core::slice::from_ref(frame)), numbers_mut(core::slice::from_mut(out)));
        isa.call_in_parts(Zip { function: Add, others, xs });
        due
    }
}

/// The tape or gradients of `F`, and its outputs if its derivative is computed from them.
type Kept<F, Own> = Pair<<<F as Train>::End as End>::Keep<<F as Layer>::Output>, Own>;

/// The units of the layer, and rows of the batch for the sum.
impl<T: Plain, F: Train<Input = T, Output = T>> Train for Residual<F> {
    type Tape = Kept<F, F::Tape>;
    type Gradients = Kept<F, F::Gradients>;
    type Memory = F::Memory;
    type State<O: Optimizer> = F::State<O>;
    type End = Linear;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<<F::End as End>::Keep<T>>(), [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Residual", &[F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        memory: Option<&F::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [T],
    ) {
        let (outputs, tape) = stretches_mut(tape);
        self.layer.forward(pace, xs, memory, tape, ys);
        let rows = pace.take(xs.len(), 2 * count_of::<T>());
        let (outputs, others, xs) = (
            numbers_mut(part_mut(outputs, &rows)),
            numbers(part(xs, &rows)),
            numbers_mut(part_mut(ys, &rows)),
        );
        if outputs.len() == xs.len() {
            outputs.copy_from_slice(xs);
        }
        pace.isa().call_in_parts(Zip { function: Add, others, xs });
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        dys: &[T],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, T>,
    ) {
        let (outputs, tape) = stretches(tape);
        let (scaled, gradients) = stretches_mut(gradients);
        let own = numbers_mut(scaled);
        if F::End::CURVED {
            let width = count_of::<T>();
            let rows = pace.take(dys.len(), 2 * width);
            let range = rows.start * width..rows.end * width;
            let (to, from) = (part_mut(own, &range), numbers(part(dys, &rows)));
            if to.len() == from.len() {
                to.copy_from_slice(from);
                let outputs = values(numbers(outputs), dys.len());
                F::derivative(tape, outputs).part(&range).apply(pace.isa(), to);
            }
        }
        let own_dys = if F::End::CURVED { values(own, dys.len()) } else { dys };
        let Some((dxs, derivative)) = dx.target() else {
            return self.layer.backward(pace, xs, tape, own_dys, gradients, InputGradient::unwanted());
        };
        let own_dx = InputGradient::into(&mut *dxs, Derivative::One);
        self.layer.backward(pace, xs, tape, own_dys, gradients, own_dx);
        let rows = pace.take(dys.len(), 2 * count_of::<T>());
        let (others, dxs) = (numbers(part(dys, &rows)), part_mut(dxs, &rows));
        pace.isa().call_in_parts(Zip { function: Add, others, xs: numbers_mut(dxs) });
        let width = count_of::<T>();
        derivative.part(&(rows.start * width..rows.end * width)).apply(pace.isa(), dxs);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        dys: &[T],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        state: &mut F::State<O>,
    ) {
        let (_, tape) = stretches(tape);
        let (scaled, gradients) = stretches(gradients);
        let dys = if F::End::CURVED { values(numbers(scaled), dys.len()) } else { dys };
        self.layer.update::<O, P>(pace, xs, tape, dys, gradients, sweep, state);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, xs: &[T], tape: &[Self::Tape], memory: &mut F::Memory) {
        self.layer.remember(pace, xs, stretches(tape).1, memory);
    }
}
