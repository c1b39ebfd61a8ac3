//! Equal blocks, one after the other.

use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Side, Stream, Tapes, Train};
use crate::memory::{
    Beside, Either, count_of, layout, numbers, numbers_mut, part, part_mut, values, values_mut,
};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain, Rng, plain};

/// `N` blocks of the same type, each with its own parameters. The block is compiled once, and a loop runs it.
///
/// ```
/// use fusebox::{Dense, LayerNorm, Relu, Repeat, Residual, Rng, Seq, Sgd, Workspace};
/// type Block = Residual<Seq![LayerNorm<8>, Dense<8, 8, Relu>, Dense<8, 8>]>;
/// type Net = Seq![Dense<2, 8>, Repeat<4, Block>, Dense<8, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Tape and gradients have room for the outputs of all `N` blocks, although the last block's are in the caller's
/// buffers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Repeat<const N: usize, F> {
    /// The blocks, from the first to the last.
    pub blocks: [F; N],
}

plain!([const N: usize, F: Plain] Repeat<N, F> { blocks: [F; N] });

/// Between blocks, rows move from one end of the buffer to the other.
impl<const N: usize, T: Plain, F: Layer<Input = T, Output = T>> Layer for Repeat<N, F> {
    type Input = T;
    type Output = T;
    type Scratch = Either<Beside<T, F::Scratch>, Beside<F::InPlace, T>>;
    type InPlace = Beside<F::InPlace, T>;

    const CHECK: () = {
        assert!(N > 0, "a Repeat needs at least one block");
        F::CHECK
    };
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&F::SUMMARY), None]).times(N, N);

    fn admits(xs: &[T]) -> Result<(), Error> {
        F::admits(xs)
    }

    fn run(&self, isa: Isa, xs: &[T], scratch: &mut [f32], ys: &mut [T]) {
        match &self.blocks[..] {
            [only] => only.run(isa, xs, scratch, ys),
            [first, rest @ ..] if xs.len() == ys.len() => {
                let (between, own) = Side::Front.cut(scratch, xs.len());
                first.run(isa, xs, own, between);
                run_in_place(rest, isa, scratch, Side::Front, ys);
            }
            _ => {}
        }
    }

    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [T]) {
        run_in_place(&self.blocks, isa, buffer, side, ys);
    }
}

fn run_in_place<T: Plain, F: Layer<Input = T, Output = T>>(
    blocks: &[F],
    isa: Isa,
    buffer: &mut [f32],
    mut side: Side,
    ys: &mut [T],
) {
    let Some((last, before)) = blocks.split_last() else { return };
    for block in before {
        let (between, own) = side.other().cut(&mut *buffer, ys.len());
        block.run_in_place(isa, own, side, between);
        side = side.other();
    }
    last.run_in_place(isa, buffer, side, ys);
}

/// A block's output is the next one's frame: two outputs in turn.
impl<const N: usize, T: Plain, S: Plain, F: Stream<Input = T, Output = T, Frame = S, Out = S>> Stream
    for Repeat<N, F>
{
    type Frame = S;
    type Out = S;
    type Past = Pair<[F::Past; N], [S; 2]>;

    const FRAMES: usize = {
        let (mut due, mut most, mut blocks) = (Due::EACH, usize::MAX, 0);
        while blocks < N {
            most = due.limit(most, F::FRAMES);
            due = due.then(F::DUE);
            blocks += 1;
        }
        most
    };
    const DUE: Due = {
        let (mut due, mut blocks) = (Due::EACH, 0);
        while blocks < N {
            due = due.then(F::DUE);
            blocks += 1;
        }
        due
    };

    fn step(&self, isa: Isa, Pair(pasts, between): &mut Self::Past, frame: &S, out: &mut S) -> bool {
        let [from, to] = between;
        *to = *frame;
        for (block, past) in self.blocks.iter().zip(pasts) {
            core::mem::swap(from, to);
            if !block.step(isa, past, from, to) {
                return false;
            }
        }
        *out = *to;
        true
    }
}

/// The layout of tape or gradients: each block's outputs for all rows, then each block's own part.
#[derive(Clone, Copy)]
struct Stretches {
    rows: usize,
    /// Numbers in a block's outputs.
    outputs: usize,
    /// Numbers in a block's own part.
    kept: usize,
    /// Where the blocks' own parts begin.
    start: usize,
}

impl Stretches {
    fn of<T, K>(rows: usize, blocks: usize) -> Self {
        let outputs = rows * count_of::<T>();
        Self { rows, outputs, kept: rows * count_of::<K>(), start: blocks * outputs }
    }

    fn outputs<T: Plain>(self, numbers: &[f32], block: usize) -> &[T] {
        values(part(numbers, &(block * self.outputs..(block + 1) * self.outputs)), self.rows)
    }

    fn kept<K: Plain>(self, numbers: &[f32], block: usize) -> &[K] {
        values(part(numbers, &(block * self.kept..(block + 1) * self.kept)), self.rows)
    }

    fn kept_mut<K: Plain>(self, numbers: &mut [f32], block: usize) -> &mut [K] {
        values_mut(part_mut(numbers, &(block * self.kept..(block + 1) * self.kept)), self.rows)
    }
}

/// The units of the first block, then those of the second, and so on; in `backward`, in reverse order of blocks.
impl<const N: usize, T: Plain, F: Train<Input = T, Output = T>> Train for Repeat<N, F> {
    type Tape = Pair<[T; N], [F::Tape; N]>;
    type Gradients = Pair<[T; N], [F::Gradients; N]>;
    type Memory = [F::Memory; N];
    type State<O: Optimizer> = [F::State<O>; N];
    type End = F::End;

    const MIXES_SAMPLES: bool = F::MIXES_SAMPLES;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(N * size_of::<T>(), [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Repeat", &[N as u64, F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        for block in &mut self.blocks {
            block.init(init, rng);
        }
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        memory: Option<&[F::Memory; N]>,
        tape: &mut [Self::Tape],
        ys: &mut [T],
    ) {
        const {
            assert!(
                F::PASSES_GRADIENT || N < 2,
                "no gradient passes through a block of a Repeat, so that those before it do not learn"
            )
        }
        let at = Stretches::of::<T, F::Tape>(tape.len(), N);
        let (mut outputs, tapes) = numbers_mut(tape).split_at_mut_checked(at.start).unwrap_or_default();
        let mut memories = memory.into_iter().flatten();
        let around = *pace.block();
        let mut input = xs;
        for (i, block) in self.blocks.iter().enumerate() {
            *pace.block() = around.wrapping_mul(N as u32 + 1).wrapping_add(i as u32 + 1);
            let output = outputs.split_off_mut(..at.outputs).unwrap_or_default();
            let output = values_mut(output, at.rows);
            let last = i + 1 == N;
            let to = if last { &mut *ys } else { &mut *output };
            block.forward(pace, input, memories.next(), at.kept_mut(tapes, i), to);
            input = output;
        }
        *pace.block() = around;
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [T]) -> Derivative<'a> {
        let at = Stretches::of::<T, F::Tape>(tape.len(), N);
        let (_, tapes) = numbers(tape).split_at_checked(at.start).unwrap_or_default();
        F::derivative(at.kept(tapes, N.saturating_sub(1)), ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        dys: &[T],
        gradients: &mut [Self::Gradients],
        mut dx: InputGradient<'_, T>,
    ) {
        let at = Stretches::of::<T, F::Tape>(tape.len(), N);
        let (outputs, tapes) = numbers(tape).split_at_checked(at.start).unwrap_or_default();
        let back = Stretches::of::<T, F::Gradients>(gradients.len(), N);
        let (d_outputs, own) = numbers_mut(gradients).split_at_mut_checked(back.start).unwrap_or_default();
        for (i, block) in self.blocks.iter().enumerate().rev() {
            // `before` ends with the output gradient of the block before block i; `here` starts with block i's.
            let (before, here) = d_outputs.split_at_mut_checked(i * back.outputs).unwrap_or_default();
            let dys = if i + 1 == N { dys } else { back.outputs(here, 0) };
            let (input, target) = match i.checked_sub(1) {
                None => (xs, dx.reborrow()),
                Some(below) => {
                    let input = at.outputs(outputs, below);
                    let derivative = F::derivative(at.kept(tapes, below), input);
                    let target = part_mut(before, &(below * back.outputs..i * back.outputs));
                    (input, InputGradient::into(values_mut(target, back.rows), derivative))
                }
            };
            block.backward(pace, input, at.kept(tapes, i), dys, back.kept_mut(own, i), target);
        }
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        dys: &[T],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        state: &mut [F::State<O>; N],
    ) {
        let at = Stretches::of::<T, F::Tape>(tape.len(), N);
        let (outputs, tapes) = numbers(tape).split_at_checked(at.start).unwrap_or_default();
        let back = Stretches::of::<T, F::Gradients>(gradients.len(), N);
        let (d_outputs, own) = numbers(gradients).split_at_checked(back.start).unwrap_or_default();
        for (i, (block, state)) in self.blocks.iter_mut().zip(state).enumerate() {
            let input = if i == 0 { xs } else { at.outputs(outputs, i - 1) };
            let dys = if i + 1 == N { dys } else { back.outputs(d_outputs, i) };
            block.update::<O, P>(pace, input, at.kept(tapes, i), dys, back.kept(own, i), sweep, state);
        }
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        memories: &mut [F::Memory; N],
    ) {
        let at = Stretches::of::<T, F::Tape>(tape.len(), N);
        let (outputs, tapes) = numbers(tape).split_at_checked(at.start).unwrap_or_default();
        for (i, (block, memory)) in self.blocks.iter_mut().zip(memories).enumerate() {
            let input = if i == 0 { xs } else { at.outputs(outputs, i - 1) };
            block.remember(pace, input, at.kept(tapes, i), memory);
        }
    }
}
