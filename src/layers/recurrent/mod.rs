//! Recurrent layers: an output for each position of a sequence, from its input and the output before it.
//!
//! ```text
//! forward    x    = X W + b                       all positions of all sequences: one product
//!            h_t  = cell(x_t, h_(t-1) U + c)      for each position t: one product for all gates, then one pass
//! backward   dx_t, du_t, from dy_t and dh_t       for each position from the last: one pass,
//!            dh_(t-1) = .. + du_t U^T             then one product
//!            dX   = dx W^T                        all positions: one product
//! update     W    = rule(W, X^T dx),  U = rule(U, H^T du)        H: the outputs h_(t-1), which the tape holds as rows
//!            b    = rule(b, sum dx),  c = rule(c, sum du)
//! ```
//!
//! The gates of a cell are next to one another in a row of weights, so they are columns of one product. A cell (`gru`,
//! `lstm`, `rnn`) is what is not a product; everything else is here, once.
//!
//! # The order of gates
//!
//! | | GRU | LSTM |
//! |---|---|---|
//! | here, and PyTorch | r, z, n | i, f, g, o |
//! | Keras | z, r, h (`reset_after=True`) | i, f, c, o |
//! | onnx | z, r, h (`linear_before_reset = 1`) | i, o, f, c |
//!
//! r resets, z updates; n and h are the new value. i is the input's gate, f the forget gate, o the output's; g and c
//! are the new value. Here z is the part of the last output that stays, as in all three.
//!
//! | file | contents |
//! |---|---|
//! | `gru`, `lstm`, `rnn` | cells, their layers' names, and weights from elsewhere |
//! | `start` | the state before the first position |
//! | `weights` | the order of weights elsewhere |
//! | `last`, `reversed` | the last output alone; from the last position to the first |

mod gru;
mod last;
mod lstm;
mod reversed;
mod rnn;
mod start;
mod weights;

pub use gru::{Gru, GruCell};
pub use last::Last;
pub use lstm::{Lstm, LstmCell};
pub use reversed::Reversed;
pub use rnn::{Rnn, RnnCell};
pub use start::{Carried, Fresh, Start};

use super::dense::product_with_transposed;
use super::each::{flat, flat_mut};
use super::init::initialize;
use super::{Due, Entry, Init, InputGradient, Layer, Linear, Stream, Train};
use crate::kernel::gemm;
use crate::kernel::recurrent::{Backward, Forward, Position};
use crate::memory::{
    count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut, take_mut, values,
};
use crate::optimizers::{Optimizer, Product, Rows};
use crate::pace::{FUNCTION, Pace};
use crate::{Epilogue, Isa, Mat, MatMut, Pair, Plain, Rng, Zeroed, plain};
use core::fmt::Debug;
use core::marker::PhantomData;
use core::ops::Range;
use core::slice::{from_mut, from_ref};

/// A recurrent layer with the cell `C`, written [`Gru`], [`Lstm`] or [`Rnn`]: sequences of `T` positions of `IN`
/// numbers become as many positions of `H` numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Recurrent<
    C: Cell<H, GATES>,
    const T: usize,
    const IN: usize,
    const H: usize,
    const GATES: usize,
    S = Fresh,
> {
    /// W: `input[i][g][j]` is from input `i` to number `j` of gate `g`.
    pub input: [[[f32; H]; GATES]; IN],
    /// U: `recurrent[k][g][j]` is from number `k` of the last output.
    pub recurrent: [[[f32; H]; GATES]; H],
    /// b: one for each number of each gate.
    pub bias: [[f32; H]; GATES],
    /// c, the bias of U's product: `[[f32; H]; 3]` in a [`Gru`], else `()`.
    pub recurrent_bias: C::Apart,
    cell: PhantomData<fn() -> (C, S)>,
}

plain!([C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start]
Recurrent<C, T, IN, H, GATES, S> {
    input: [[[f32; H]; GATES]; IN],
    recurrent: [[[f32; H]; GATES]; H],
    bias: [[f32; H]; GATES],
    recurrent_bias: C::Apart,
    cell: PhantomData<fn() -> (C, S)>,
});

/// What a recurrent layer does between two products: [`GruCell`], [`LstmCell`] or [`RnnCell`].
pub trait Cell<const H: usize, const GATES: usize>: sealed::Cell<H, GATES> {}

impl<C: sealed::Cell<H, GATES>, const H: usize, const GATES: usize> Cell<H, GATES> for C {}

mod sealed {
    use super::{Backward, Debug, Forward, Isa, Plain};

    pub trait Cell<const H: usize, const GATES: usize>: Copy + Debug + PartialEq + 'static {
        /// All gates where the recurrent product has a bias and a gradient of its own, else `()`.
        type Apart: Plain + Debug + PartialEq;
        /// The state beside the output.
        type Inner: Plain;
        /// What `backward` needs for each position beside the gates and the last output.
        type Kept: Plain;
        /// Memory for a position.
        type Scratch: Plain;

        /// Distinguishes cells in a saved state.
        const NAME: u64;
        /// The layer's name in a summary.
        const LAYER: &'static str;
        /// Functions of a number for each of the `H` numbers.
        const FUNCTIONS: usize;
        /// The initial bias of each gate.
        const BIAS: [f32; GATES] = [0.0; GATES];

        fn forward(isa: Isa, step: Forward<'_>, scratch: &mut [Self::Scratch]);
        fn backward(isa: Isa, step: Backward<'_>);
    }
}

/// The state after a position: the output, and an LSTM's cell state.
type State<C, const H: usize, const GATES: usize> = Pair<[f32; H], <C as sealed::Cell<H, GATES>>::Inner>;

/// What a row needs at one position: its state, the products of the last output, and the cell's memory.
type AtPosition<C, const H: usize, const GATES: usize> =
    Pair<State<C, H, GATES>, Pair<[[f32; H]; GATES], <C as sealed::Cell<H, GATES>>::Scratch>>;

/// Memory of a run over the positions of some rows.
struct Run<'a, C: Cell<H, GATES>, const P: usize, const H: usize, const GATES: usize> {
    gates: &'a mut [[[[f32; H]; GATES]; P]],
    state: &'a mut [[f32; H]],
    inner: &'a mut [C::Inner],
    products: &'a mut [[[f32; H]; GATES]],
    scratch: &'a mut [C::Scratch],
    /// Where training stores h_(t-1), and what else the cell keeps; empty in inference.
    previous: &'a mut [[[f32; H]; P]],
    kept: &'a mut [[C::Kept; P]],
}

impl<'a, C: Cell<H, GATES>, const P: usize, const H: usize, const GATES: usize> Run<'a, C, P, H, GATES> {
    /// For inference.
    fn of(gates: &'a mut [[[[f32; H]; GATES]; P]], rows: &'a mut [AtPosition<C, H, GATES>]) -> Self {
        let (states, others) = stretches_mut(rows);
        let ((state, inner), (products, scratch)) = (stretches_mut(states), stretches_mut(others));
        Self { gates, state, inner, products, scratch, previous: &mut [], kept: &mut [] }
    }

    /// Some of the rows.
    fn rows(&mut self, rows: &Range<usize>) -> Run<'_, C, P, H, GATES> {
        Run {
            gates: part_mut(self.gates, rows),
            state: part_mut(self.state, rows),
            inner: part_mut(self.inner, rows),
            products: part_mut(self.products, rows),
            scratch: part_mut(self.scratch, rows),
            previous: part_mut(self.previous, rows),
            kept: part_mut(self.kept, rows),
        }
    }

    /// Sets the state before the first position: that of `memory` or zeros, or if states are carried that of the row
    /// before.
    fn start<S: Start>(&mut self, row: usize, rows: &Range<usize>, memory: Option<&State<C, H, GATES>>) {
        if S::CARRIED && row > 0 {
            copy_next(self.state, row);
            copy_next(self.inner, row);
            return;
        }
        let zeros = Pair::ZEROED;
        let Pair(state, inner) = memory.unwrap_or(&zeros);
        part_mut(self.state, rows).fill(*state);
        part_mut(self.inner, rows).fill(*inner);
    }
}

/// Overwrites an element with the one before it.
fn copy_next<X: Copy>(xs: &mut [X], at: usize) {
    if let Some([from, to]) = xs.get_mut(at - 1..=at) {
        *to = *from;
    }
}

/// Divides positions, counted through row after row, into ranges of rows with the same range of `per_row` positions: at
/// most a row in part, then whole rows, then one in part. If states are carried, every row alone.
fn blocks<S: Start>(
    range: Range<usize>,
    per_row: usize,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let Range { mut start, end } = range;
    core::iter::from_fn(move || {
        let left = end.checked_sub(start).filter(|&left| left > 0)?;
        let row = start.checked_div(per_row)?;
        let time = start - row * per_row;
        let whole = if S::CARRIED || time > 0 { 0 } else { left.checked_div(per_row)? };
        let (rows, times) = if whole > 0 { (whole, per_row) } else { (1, left.min(per_row - time)) };
        start += rows * times;
        Some((row..row + rows, time..time + times))
    })
}

impl<C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start>
    Recurrent<C, T, IN, H, GATES, S>
{
    const SIZES: () = assert!(T > 0 && H > 0, "a recurrent layer has positions and outputs");

    /// Multiply-adds of a position of a row after the input's product.
    const STEP: usize = H * (GATES * H + FUNCTION * C::FUNCTIONS);

    /// x of some positions.
    fn project(&self, isa: Isa, xs: &[[f32; IN]], gates: &mut [[[f32; H]; GATES]]) {
        let (weights, bias) = (Mat::of_values(&self.input), self.bias.as_flattened());
        gemm::biased_product(isa, Mat::of_rows(xs), weights, MatMut::of_values(gates), bias);
    }

    /// One position of all rows of the run.
    fn advance<const P: usize>(
        &self,
        isa: Isa,
        index: usize,
        run: Run<'_, C, P, H, GATES>,
        ys: &mut [[[f32; H]; P]],
    ) {
        let at = Position { index, count: P, width: H };
        at.write(run.state.as_flattened(), numbers_mut(run.previous));
        let bias = numbers(from_ref(&self.recurrent_bias));
        let (last, weights) = (Mat::of_rows(run.state), Mat::of_values(&self.recurrent));
        let products = MatMut::of_values(run.products);
        if bias.is_empty() {
            gemm::product(isa, last, weights, products, Epilogue::None);
        } else {
            gemm::biased_product(isa, last, weights, products, bias);
        }
        let step = Forward {
            at,
            gates: numbers_mut(run.gates),
            products: numbers_mut(run.products),
            state: run.state.as_flattened_mut(),
            inner: numbers_mut(run.inner),
            kept: numbers_mut(run.kept),
        };
        C::forward(isa, step, run.scratch);
        at.write(run.state.as_flattened(), numbers_mut(ys));
    }

    /// Some positions, counted through row after row, whose x is known.
    fn advance_all(
        &self,
        isa: Isa,
        positions: Range<usize>,
        memory: Option<&State<C, H, GATES>>,
        mut run: Run<'_, C, T, H, GATES>,
        ys: &mut [[[f32; H]; T]],
    ) {
        for (rows, times) in blocks::<S>(positions, T) {
            for time in times {
                if time == 0 {
                    run.start::<S>(rows.start, &rows, memory);
                }
                self.advance(isa, time, run.rows(&rows), part_mut(ys, &rows));
            }
        }
    }
}

impl<C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start> Layer
    for Recurrent<C, T, IN, H, GATES, S>
{
    type Input = [[f32; IN]; T];
    type Output = [[f32; H]; T];
    /// x of all positions, and memory for one.
    type Scratch = Pair<[[[f32; H]; GATES]; T], AtPosition<C, H, GATES>>;
    type InPlace = Pair<[[f32; IN]; T], Self::Scratch>;

    const CHECK: () = Self::SIZES;
    const MACS: u64 = T as u64 * ((IN + H) * GATES * H) as u64;
    const SUMMARY: Entry = Entry::layer::<Self>().named(|| C::LAYER);

    fn run(&self, isa: Isa, xs: &[[[f32; IN]; T]], mut scratch: &mut [f32], ys: &mut [[[f32; H]; T]]) {
        const { Self::SIZES }
        let rows = xs.len();
        let gates = take_mut(&mut scratch, rows);
        let others = take_mut(&mut scratch, rows);
        if ys.len() == rows && gates.len() == rows && others.len() == rows {
            self.project(isa, flat(xs), flat_mut(gates));
            self.advance_all(isa, 0..rows * T, None, Run::of(gates, others), ys);
        }
    }
}

/// A frame is a position.
impl<C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start> Stream
    for Recurrent<C, T, IN, H, GATES, S>
{
    type Frame = [f32; IN];
    type Out = [f32; H];
    type Past = Pair<[[f32; H]; GATES], AtPosition<C, H, GATES>>;

    const DUE: Due = Due::EACH;

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &[f32; IN], out: &mut [f32; H]) -> bool {
        let Pair(gates, others) = past;
        self.project(isa, from_ref(frame), from_mut(gates));
        let gates = core::array::from_mut(gates);
        let run = Run::of(from_mut(gates), from_mut(others));
        self.advance::<1>(isa, 0, run, from_mut(core::array::from_mut(out)));
        true
    }
}

/// Units are positions of rows in `forward` and `backward`, each twice: once for the products of inputs. In `update`
/// they are rows of weights; a bias is one unit.
impl<C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start> Train
    for Recurrent<C, T, IN, H, GATES, S>
{
    /// The gates of each position, the outputs before it, and what else the cell keeps; memory for one position, in
    /// which the last state stays.
    type Tape =
        Pair<Pair<[[[f32; H]; GATES]; T], [[f32; H]; T]>, Pair<[C::Kept; T], AtPosition<C, H, GATES>>>;
    /// The gradients with respect to x and u of each position, and those with respect to the state.
    type Gradients = Pair<Pair<[[[f32; H]; GATES]; T], [C::Apart; T]>, State<C, H, GATES>>;
    type Memory = S::Memory<State<C, H, GATES>>;
    type State<O: Optimizer> = Pair<
        Pair<O::State<[[[f32; H]; GATES]; IN]>, O::State<[[[f32; H]; GATES]; H]>>,
        Pair<O::State<[[f32; H]; GATES]>, O::State<C::Apart>>,
    >;
    type End = Linear;

    const MIXES_SAMPLES: bool = S::CARRIED;
    const LAYOUT: u64 = layout("Recurrent", &[C::NAME, T as u64, IN as u64, H as u64, S::CARRIED as u64]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize(init, 1.0, numbers_mut(&mut self.input), [IN, GATES * H], rng);
        initialize(init, 1.0, numbers_mut(&mut self.recurrent), [H, GATES * H], rng);
        self.bias = C::BIAS.map(|bias| [bias; H]);
        numbers_mut(from_mut(&mut self.recurrent_bias)).fill(0.0);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[[f32; IN]; T]],
        memory: Option<&Self::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [[[f32; H]; T]],
    ) {
        let (count, isa) = (xs.len() * T, pace.isa());
        if tape.len() != xs.len() || ys.len() != xs.len() {
            return;
        }
        let ((gates, previous), (kept, others)) = {
            let (all, rest) = stretches_mut(tape);
            (stretches_mut(all), stretches_mut(rest))
        };
        let positions = pace.take(count, IN * GATES * H);
        if !positions.is_empty() {
            self.project(isa, part(flat(xs), &positions), part_mut(flat_mut(gates), &positions));
        }
        let positions = pace.take(count, Self::STEP);
        let run = Run { previous, kept, ..Run::of(gates, others) };
        self.advance_all(isa, positions, memory.and_then(S::state), run, ys);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[[f32; IN]; T]],
        tape: &[Self::Tape],
        dys: &[[[f32; H]; T]],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, [[f32; IN]; T]>,
    ) {
        if tape.len() != dys.len() || gradients.len() != dys.len() {
            return;
        }
        let ((gates, previous), (kept, _)) = {
            let (all, rest) = stretches(tape);
            (stretches(all), stretches::<[C::Kept; T], _>(rest))
        };
        let (all, states) = stretches_mut(gradients);
        let ((dgates, apart), (dstate, dinner)) = (stretches_mut(all), stretches_mut(states));
        let positions = pace.take(dys.len() * T, Self::STEP);
        for (rows, times) in blocks::<Fresh>(positions, T) {
            let (dgates, apart) = (part_mut(dgates, &rows), part_mut(apart, &rows));
            let (dstate, dinner) = (part_mut(dstate, &rows), part_mut(dinner, &rows));
            for index in times.map(|time| T - 1 - time) {
                if index == T - 1 {
                    numbers_mut(dstate).fill(0.0);
                    numbers_mut(dinner).fill(0.0);
                }
                let step = Backward {
                    at: Position { index, count: T, width: H },
                    gates: numbers(part(gates, &rows)),
                    kept: numbers(part(kept, &rows)),
                    previous: numbers(part(previous, &rows)),
                    dys: numbers(part(dys, &rows)),
                    dstate: numbers_mut(dstate),
                    dinner: numbers_mut(dinner),
                    dgates: numbers_mut(dgates),
                    dproducts: numbers_mut(apart),
                };
                C::backward(pace.isa(), step);
                if index > 0 {
                    self.through_recurrent(pace.isa(), index, of_products(dgates, apart), dstate);
                }
            }
        }
        product_with_transposed(pace, flat(dgates), &self.input, dx.flattened());
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[[[f32; IN]; T]],
        tape: &[Self::Tape],
        _dys: &[[[f32; H]; T]],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(Pair(input, recurrent), Pair(bias, recurrent_bias)): &mut Self::State<O>,
    ) {
        let (_, previous) = stretches(stretches(tape).0);
        let (dgates, apart) = stretches(stretches(gradients).0);
        let dproducts = of_products(dgates, apart);
        O::step(pace, sweep, Product::of(flat(xs), flat(dgates)), &mut self.input, input);
        O::step(pace, sweep, Product::of(flat(previous), flat(dproducts)), &mut self.recurrent, recurrent);
        O::step(pace, sweep, Rows::of(flat(dgates)), &mut self.bias, bias);
        O::step(pace, sweep, Rows::of(flat(apart)), &mut self.recurrent_bias, recurrent_bias);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[[f32; IN]; T]],
        tape: &[Self::Tape],
        memory: &mut Self::Memory,
    ) {
        if !S::CARRIED || !pace.take_whole(count_of::<State<C, H, GATES>>()) {
            return;
        }
        let (_, others) = stretches(stretches(tape).1);
        let (state, inner) = stretches(stretches::<_, Pair<[[f32; H]; GATES], C::Scratch>>(others).0);
        if let (Some(state), Some(inner)) = (state.last(), inner.last()) {
            S::remember(memory, &Pair(*state, *inner));
        }
    }
}

/// The gradient with respect to u: `apart` where it is another one than that with respect to x.
fn of_products<'a, A: Plain, const T: usize, const H: usize, const GATES: usize>(
    dgates: &'a [[[[f32; H]; GATES]; T]],
    apart: &'a [[A; T]],
) -> &'a [[[[f32; H]; GATES]; T]] {
    if count_of::<A>() == 0 { dgates } else { values(numbers(apart), apart.len()) }
}

impl<C: Cell<H, GATES>, const T: usize, const IN: usize, const H: usize, const GATES: usize, S: Start>
    Recurrent<C, T, IN, H, GATES, S>
{
    /// Adds the way through U, `du U^T`, to the gradient with respect to the last output.
    fn through_recurrent(
        &self,
        isa: Isa,
        index: usize,
        dproducts: &[[[[f32; H]; GATES]; T]],
        dstate: &mut [[f32; H]],
    ) {
        let width = GATES * H;
        let from = part(
            numbers(dproducts),
            &(index * width..count_of::<[[[f32; H]; GATES]; T]>() * dproducts.len()),
        );
        if let Ok(dproducts) = Mat::with_stride(from, dproducts.len(), width, T * width) {
            let weights = Mat::of_values(&self.recurrent).t();
            gemm::product(isa, dproducts, weights, MatMut::of_rows(dstate), Epilogue::Accumulate);
        }
    }
}
