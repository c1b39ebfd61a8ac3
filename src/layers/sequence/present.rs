//! Frames of zeros that stay zeros.

use super::super::{Derivative, Entry, Init, InputGradient, Layer, PerRow, Tapes, Train};
use crate::kernel::elementwise::are_zeros;
use crate::memory::{count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain, Rng, plain};
use core::slice::{from_mut, from_ref};

/// The layer `F` on rows that are not all zeros; the output for a row of zeros is zeros, and no gradient comes from it.
///
/// In a sequence, a frame of zeros is absent: past the end of a shorter one, say. `Each<T, Present<F>>` keeps it so, and rows of zeros
/// at the end of a batch are not computed in inference.
///
/// ```
/// use fusebox::{Dense, Each, Layer, Present, Scratch, Zeroed};
/// let mut net = Each::<2, Present<Dense<1, 1>>>::ZEROED;
/// net.layer.layer.bias = [5.0];
/// let mut ys = [[[f32::NAN]; 2]];
/// net.infer(&[[[1.0], [0.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[5.0], [0.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Present<F> {
    /// The layer.
    pub layer: F,
}

plain!([F: Plain] Present<F> { layer: F });

fn absent<T: Plain>(row: &T) -> bool {
    are_zeros(numbers(from_ref(row)))
}

/// Overwrites the rows of `ys` with zeros whose rows of `xs` are zeros.
fn clear<T: Plain, U: Plain>(xs: &[T], ys: &mut [U]) {
    for (_, y) in xs.iter().zip(ys).filter(|(x, _)| absent(*x)) {
        numbers_mut(from_mut(y)).fill(0.0);
    }
}

impl<F: Layer<Input: Plain>> Layer for Present<F> {
    type Input = F::Input;
    type Output = F::Output;
    type Scratch = F::Scratch;
    type InPlace = Pair<F::Input, F::Scratch>;

    const CHECK: () = F::CHECK;
    const SUMMARY: Entry = Entry::hidden::<Self>([Some(&F::SUMMARY), None]);

    fn run(&self, isa: Isa, xs: &[F::Input], scratch: &mut [f32], ys: &mut [F::Output]) {
        if xs.len() != ys.len() {
            return;
        }
        let some = xs.iter().rposition(|x| !absent(x)).map_or(0, |last| last + 1);
        let xs = part(xs, &(0..some));
        let (ys, rest) = ys.split_at_mut_checked(some).unwrap_or_default();
        if some > 0 {
            self.layer.run(isa, xs, scratch, ys);
        }
        clear(xs, ys);
        numbers_mut(rest).fill(0.0);
    }

    fn admits(xs: &[F::Input]) -> Result<(), Error> {
        F::admits(xs)
    }
}

impl<F: PerRow<Input: Plain>> PerRow for Present<F> {}

/// The layer's units, then rows of the batch.
impl<F: Train<Input: Plain>> Train for Present<F> {
    type Tape = F::Tape;
    /// The gradients of the outputs, zeros where the input is, and the layer's own.
    type Gradients = Pair<F::Output, F::Gradients>;
    type Memory = F::Memory;
    type State<O: Optimizer> = F::State<O>;
    type End = F::End;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = F::TAPES;
    const LAYOUT: u64 = layout("Present", &[F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[F::Input],
        memory: Option<&F::Memory>,
        tape: &mut [F::Tape],
        ys: &mut [F::Output],
    ) {
        self.layer.forward(pace, xs, memory, tape, ys);
        let rows = pace.take(xs.len(), count_of::<F::Input>());
        clear(part(xs, &rows), part_mut(ys, &rows));
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
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, F::Input>,
    ) {
        let (own, gradients) = stretches_mut(gradients);
        let rows = pace.take(dys.len(), count_of::<F::Input>() + count_of::<F::Output>());
        let (from, to) = (part(dys, &rows), part_mut(own, &rows));
        if from.len() == to.len() {
            to.copy_from_slice(from);
            clear(part(xs, &rows), to);
        }
        self.layer.backward(pace, xs, tape, own, gradients, dx);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[F::Input],
        tape: &[F::Tape],
        _: &[F::Output],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        state: &mut F::State<O>,
    ) {
        let (own, gradients) = stretches(gradients);
        self.layer.update::<O, P>(pace, xs, tape, own, gradients, sweep, state);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, xs: &[F::Input], tape: &[F::Tape], memory: &mut F::Memory) {
        self.layer.remember(pace, xs, tape, memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Gelu, Scratch, Seq};

    /// The rows that are there have the bits that they have alone, wherever they are; the others are zeros.
    #[test]
    fn rows_that_are_there() {
        type Net = Seq![Dense<3, 20, Gelu>, Dense<20, 3>];
        const ROWS: usize = 6;
        let net = Present { layer: Net::he(&mut Rng::new(1)) };
        let mut rng = Rng::new(2);
        for isa in Isa::available() {
            for pattern in 0..1 << ROWS {
                let there = |row: usize| pattern >> row & 1 == 1;
                let xs: [[f32; 3]; ROWS] = core::array::from_fn(|row| match there(row) {
                    true => [0.0, -0.0, rng.normal()],
                    false => [0.0, -0.0, 0.0],
                });
                let mut ys = [[f32::NAN; 3]; ROWS];
                net.infer_with(isa, &xs, &mut Scratch::<_, ROWS>::new(), &mut ys).expect("as many rows");
                for row in 0..ROWS {
                    let mut alone = [[0.0; 3]];
                    if there(row) {
                        let scratch = &mut Scratch::<_, 1>::new();
                        net.layer.infer_with(isa, &xs[row..=row], scratch, &mut alone).expect("a row");
                    }
                    let bits = |y: [f32; 3]| y.map(f32::to_bits);
                    assert_eq!(bits(ys[row]), bits(alone[0]), "{isa}, {pattern:b}, row {row}");
                }
            }
        }
    }
}
