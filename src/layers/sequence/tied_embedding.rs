//! An embedding whose weights are also those of the output.
//!
//! ```text
//! forward    x = W[token]        m = M(x)        y = m W^T
//! backward   dm = (dy W) M'      dx = M back
//! update     dW = dy^T m, and dx added to the rows of the tokens
//! ```
//!
//! Source: O. Press and L. Wolf, "Using the Output Embedding to Improve Language Models", 2017.

use super::super::{Due, Entry, Init, InputGradient, Layer, Linear, Stream, Tapes, Train};
use super::embedding::{check_tokens, initialize_rows, look_up};
use crate::kernel::gemm;
use crate::layers::Side;
use crate::memory::{layout, part, part_mut, stretches, stretches_mut};
use crate::optimizers::{Optimizer, Picked};
use crate::pace::Pace;
use crate::{Epilogue, Error, Isa, Label, Mat, MatMut, Pair, Plain, Rng, Zeroed, plain};
use core::marker::PhantomData;
use core::slice::{from_mut, from_ref};

/// A language model: rows of numbers for the tokens of a sequence ([`Embedding`](super::Embedding)), the layer `M` on
/// sequences of them, and at each position a score for each token of the vocabulary: the product of the frame and the token's row.
/// The rows are stored once, and their gradient is the sum over both uses.
///
/// ```
/// use fusebox::{Adam, Conv1d, CrossEntropy, EachPosition, Rng, Scratch, Layer, Train, TiedEmbedding, Workspace, argmax};
/// use fusebox::layers::{Causal, Window};
/// // The next of three letters, from this one and the one before.
/// type Net = TiedEmbedding<8, 3, 4, Conv1d<8, 4, 8, 2, 1, 4, Window<Causal>>, u8>;
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<_, 1, Adam, _>::with_loss(EachPosition(CrossEntropy));
/// let (text, next) = ([0, 1, 2, 0, 1, 2, 0, 1], [1_u8, 2, 0, 1, 2, 0, 1, 2]);
/// for _ in 0..200 {
///     workspace.train_step(&mut net, &[text], &[next], &Adam::new(0.05))?;
/// }
/// let mut scores = [[[0.0; 3]; 8]];
/// net.infer(&[text], &mut Scratch::<_, 1>::new(), &mut scores)?;
/// assert_eq!(scores[0].map(|scores| argmax(&scores) as u8), next);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct TiedEmbedding<const T: usize, const V: usize, const D: usize, M, K = u16> {
    /// A row for each token.
    pub weight: [[f32; D]; V],
    /// The layer between.
    pub middle: M,
    tokens: PhantomData<K>,
}

plain!([const T: usize, const V: usize, const D: usize, M: Plain, K: Copy + 'static] TiedEmbedding<T, V, D, M, K> {
    weight: [[f32; D]; V],
    middle: M,
    tokens: PhantomData<K>,
});

impl<const T: usize, const V: usize, const D: usize, M, K> TiedEmbedding<T, V, D, M, K> {
    /// `y = m W^T`.
    fn scores(&self, isa: Isa, ms: &[[f32; D]], ys: &mut [[f32; V]]) {
        let (ms, weight) = (Mat::of_rows(ms), Mat::of_rows(&self.weight));
        gemm::product(isa, ms, weight.t(), MatMut::of_rows(ys), Epilogue::None);
    }
}

impl<const T: usize, const V: usize, const D: usize, M, K> Layer for TiedEmbedding<T, V, D, M, K>
where
    M: Layer<Input = [[f32; D]; T], Output = [[f32; D]; T]>,
    K: Label + Zeroed + 'static,
{
    type Input = [K; T];
    type Output = [[f32; V]; T];
    type Scratch = Pair<M::InPlace, [[f32; D]; T]>;
    type InPlace = ();

    const CHECK: () = M::CHECK;
    const MACS: u64 = T as u64 * (V * D) as u64;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&M::SUMMARY), None]).with_parameters(V * D);

    fn run(&self, isa: Isa, tokens: &[[K; T]], scratch: &mut [f32], ys: &mut [[[f32; V]; T]]) {
        let rows = tokens.len();
        let (ms, own) = Side::Back.cut::<[[f32; D]; T]>(scratch, rows);
        let (xs, _) = Side::Front.cut::<[[f32; D]; T]>(own, rows);
        if ys.len() == rows && ms.len() == rows {
            look_up(&self.weight, tokens.as_flattened(), xs.as_flattened_mut());
            self.middle.run_in_place(isa, own, Side::Front, ms);
            self.scores(isa, ms.as_flattened(), ys.as_flattened_mut());
        }
    }

    fn admits(tokens: &[[K; T]]) -> Result<(), Error> {
        check_tokens(V, tokens.as_flattened())
    }
}

/// A frame is a token.
impl<const T: usize, const V: usize, const D: usize, M, K> Stream for TiedEmbedding<T, V, D, M, K>
where
    M: Layer<Input = [[f32; D]; T], Output = [[f32; D]; T]> + Stream<Frame = [f32; D], Out = [f32; D]>,
    K: Label + Zeroed + 'static,
{
    type Frame = K;
    type Out = [f32; V];
    type Past = Pair<M::Past, [[f32; D]; 2]>;

    const DUE: Due = M::DUE;
    const FRAMES: usize = M::FRAMES;

    fn step(&self, isa: Isa, Pair(past, [x, m]): &mut Self::Past, token: &K, out: &mut [f32; V]) -> bool {
        look_up(&self.weight, from_ref(token), from_mut(x));
        let due = self.middle.step(isa, past, x, m);
        if due {
            self.scores(isa, from_ref(m), from_mut(out));
        }
        due
    }

    fn admits_frame(token: &K) -> Result<(), Error> {
        check_tokens(V, from_ref(token))
    }
}

/// The inputs and outputs of the middle layer, or their gradients, and its own tape or gradients.
type Between<const T: usize, const D: usize, Own> = Pair<Pair<[[f32; D]; T], [[f32; D]; T]>, Own>;

/// Units are positions; in `update`, rows of weights.
impl<const T: usize, const V: usize, const D: usize, M, K> Train for TiedEmbedding<T, V, D, M, K>
where
    M: Train<Input = [[f32; D]; T], Output = [[f32; D]; T]>,
    K: Label + Zeroed + 'static,
{
    type Tape = Between<T, D, M::Tape>;
    type Gradients = Between<T, D, M::Gradients>;
    type Memory = M::Memory;
    type State<O: Optimizer> = Pair<O::State<[[f32; D]; V]>, M::State<O>>;
    type End = Linear;

    const MIXES_SAMPLES: bool = M::MIXES_SAMPLES;
    const LEAST_ROWS: usize = M::LEAST_ROWS;
    const PASSES_GRADIENT: bool = M::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<Self::Tape>() - size_of::<M::Tape>(), [Some(&M::TAPES), None]);
    const LAYOUT: u64 = layout("TiedEmbedding", &[T as u64, V as u64, D as u64, M::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize_rows(init, &mut self.weight, rng);
        self.middle.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        tokens: &[[K; T]],
        memory: Option<&M::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [[[f32; V]; T]],
    ) {
        let (between, tape) = stretches_mut(tape);
        let (xs, ms) = stretches_mut(between);
        let rows = pace.take(tokens.len().saturating_mul(T), D);
        look_up(&self.weight, part(tokens.as_flattened(), &rows), part_mut(xs.as_flattened_mut(), &rows));
        self.middle.forward(pace, xs, memory, tape, ms);
        let rows = pace.take(tokens.len().saturating_mul(T), V * D);
        let (ms, ys) = (part(ms.as_flattened(), &rows), part_mut(ys.as_flattened_mut(), &rows));
        if ms.len() == ys.len() && !rows.is_empty() {
            self.scores(pace.isa(), ms, ys);
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[K; T]],
        tape: &[Self::Tape],
        dys: &[[[f32; V]; T]],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, [K; T]>,
    ) {
        let (between, tape) = stretches(tape);
        let (xs, ms) = stretches(between);
        let (of_between, gradients) = stretches_mut(gradients);
        let (dxs, dms) = stretches_mut(of_between);
        let rows = pace.take(dys.len().saturating_mul(T), V * D);
        let (from, to) = (part(dys.as_flattened(), &rows), part_mut(dms.as_flattened_mut(), &rows));
        if from.len() == to.len() && !rows.is_empty() {
            let (weight, isa) = (Mat::of_rows(&self.weight), pace.isa());
            gemm::product(isa, Mat::of_rows(from), weight, MatMut::of_rows(&mut *to), Epilogue::None);
            M::derivative(tape, ms).part(&(rows.start * D..rows.end * D)).apply(isa, to);
        }
        let dx_of_middle = InputGradient::into(dxs, super::super::Derivative::One);
        self.middle.backward(pace, xs, tape, dms, gradients, dx_of_middle);
        dx.write_zeros(pace);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        tokens: &[[K; T]],
        tape: &[Self::Tape],
        dys: &[[[f32; V]; T]],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(weight, middle): &mut Self::State<O>,
    ) {
        let (between, tape) = stretches(tape);
        let (xs, ms) = stretches(between);
        let (of_between, gradients) = stretches(gradients);
        let (dxs, dms) = stretches(of_between);
        let gradient = Picked::of(tokens.as_flattened(), dxs.as_flattened())
            .and_product(dys.as_flattened(), ms.as_flattened());
        O::step(pace, sweep, gradient, &mut self.weight, weight);
        self.middle.update::<O, P>(pace, xs, tape, dms, gradients, sweep, middle);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, _: &[[K; T]], tape: &[Self::Tape], memory: &mut M::Memory) {
        let (between, tape) = stretches(tape);
        self.middle.remember(pace, stretches(between).0, tape, memory);
    }
}
