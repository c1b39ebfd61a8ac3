//! Attention, without parameters: the projections before and after it are layers of their own.

use super::super::{Causal, Derivative, Due, Entry, InputGradient, Layer, Linear, Stream, Train};
use crate::kernel::attention::{self, Frames, STRIP, Sizes, Visible};
use crate::memory::{layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, Pair, plain};
use core::marker::PhantomData;
use core::ops::Range;
use core::slice::{from_mut, from_ref};

/// The positions that a position sees: [`Causal`], [`Everything`] or [`PresentOnly`].
pub trait Sees: Copy + 'static + sealed::Sealed {}

mod sealed {
    use super::Visible;

    pub trait Sealed {
        const VISIBLE: Visible;
    }
}

/// All positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Everything;

/// All positions whose frames are not zeros: see [`Present`](super::Present). At a frame of zeros the output is zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentOnly;

/// Itself and those before it.
impl Sees for Causal {}
impl Sees for Everything {}
impl Sees for PresentOnly {}

impl sealed::Sealed for Causal {
    const VISIBLE: Visible = Visible::Past;
}

impl sealed::Sealed for Everything {
    const VISIBLE: Visible = Visible::All;
}

impl sealed::Sealed for PresentOnly {
    const VISIBLE: Visible = Visible::Present;
}

/// Multi-head attention between the positions of a sequence: at each position and for each head, the mean of the values
/// of the positions that it [`Sees`], weighted by `softmax(q . k / sqrt(HEAD))`.
///
/// A frame of the input is the queries of all heads, then the keys of all groups, then the values of all groups:
/// `HEADS * HEAD + 2 * GROUPS * HEAD = QKV` numbers, as one [`Dense`](crate::Dense) layer computes them. `HEADS / GROUPS`
/// heads in a row share keys and values. A frame of the output is the heads side by side: `HEADS * HEAD = OUT`.
///
/// Scores take a constant amount of memory on the stack, whatever `T` is. Training stores the outputs and two
/// numbers for each position and head. In a [stream](crate::Streaming) it keeps the keys and values of up to `T` frames.
///
/// [`network!`](crate::network) derives `HEAD`, `QKV` and `OUT`: `Attention(heads)`, and with the dense layers before and
/// after it `SelfAttention(heads)`.
///
/// Source: A. Vaswani and others, "Attention Is All You Need", 2017.
///
/// ```
/// use fusebox::layers::{Attention, Causal};
/// use fusebox::{Dense, Each, LayerNorm, Relu, Residual, Rng, Scratch, Seq, Train};
///
/// // A block of a transformer, on sequences of 8 frames of 12 numbers, with three heads of four numbers.
/// type Look = Seq![
///     Each<8, LayerNorm<12>>,
///     Each<8, Dense<12, 36>>,
///     Attention<8, 3, 4, 3, 36, 12, Causal>,
///     Each<8, Dense<12, 12>>,
/// ];
/// type Think = Each<8, Seq![LayerNorm<12>, Dense<12, 48, Relu>, Dense<48, 12>]>;
/// type Block = Seq![Residual<Look>, Residual<Think>];
///
/// let net = Block::he(&mut Rng::new(1));
/// let mut xs = [std::array::from_fn(|t| std::array::from_fn(|i| (t * i % 7) as f32))];
/// let [mut before, mut after] = [[[[0.0; 12]; 8]]; 2];
/// net.infer(&xs, &mut Scratch::<Block, 1>::new(), &mut before)?;
/// xs[0][5][1] = -1.0;
/// net.infer(&xs, &mut Scratch::<Block, 1>::new(), &mut after)?;
/// assert_eq!(before[0][..5], after[0][..5]); // earlier positions do not see it
/// assert_ne!(before[0][7], after[0][7]);
///
/// // The same type.
/// fusebox::network! {
///     type Derived = [8, 12] => [
///         Residual[Each[LayerNorm], SelfAttention(3)],
///         Residual[Each[LayerNorm, Dense(48, Relu), Dense(12)]],
///     ];
/// }
/// let _: Derived = net;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Attention<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
    S = Causal,
> {
    sees: PhantomData<S>,
}

plain!([const T: usize, const HEADS: usize, const HEAD: usize, const GROUPS: usize, const QKV: usize, const OUT: usize, S: Copy + 'static]
    Attention<T, HEADS, HEAD, GROUPS, QKV, OUT, S> { sees: PhantomData<S> });

/// Multi-head attention of the positions of one sequence to those of another, such as of a translation to the text.
///
/// A row of the input is `T` frames of the queries of all heads, `HEADS * HEAD = OUT` numbers, then `S` frames of
/// the keys and values of all groups, `2 * GROUPS * HEAD = KV` numbers. Otherwise as [`Attention`]. In
/// [`network!`](crate::network): `CrossAttention(heads)[[..], [..]]`, queries and keys and values of one input.
///
/// ```
/// use fusebox::layers::CrossAttention;
/// use fusebox::{Layer, Pair, Scratch, Zeroed};
/// type Net = CrossAttention<1, 2, 1, 2, 1, 4, 2>;
/// // Two keys and values of two numbers; the second key is the query's.
/// let row = Pair([[100.0, 0.0]], [[0.0, 100.0, 1.0, 2.0], [100.0, 0.0, 3.0, 4.0]]);
/// let mut ys = [[[0.0; 2]]];
/// Net::ZEROED.infer(&[row], &mut Scratch::<Net, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[3.0, 4.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct CrossAttention<
    const T: usize,
    const S: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const KV: usize,
    const OUT: usize,
    V = Everything,
> {
    sees: PhantomData<V>,
}

plain!([const T: usize, const S: usize, const HEADS: usize, const HEAD: usize, const GROUPS: usize, const KV: usize, const OUT: usize, V: Copy + 'static]
    CrossAttention<T, S, HEADS, HEAD, GROUPS, KV, OUT, V> { sees: PhantomData<V> });

/// The sizes of [`CrossAttention`], and of a query with keys and values in a cache.
const fn cross(
    [queries, keys]: [usize; 2],
    [heads, head, groups]: [usize; 3],
    q_stride: usize,
    k_first: usize,
    visible: Visible,
) -> Sizes {
    let stride = 2 * groups * head;
    Sizes {
        queries,
        keys,
        heads,
        groups,
        head,
        sample: k_first + keys * stride,
        q: Frames { first: 0, stride: q_stride },
        k: Frames { first: k_first, stride },
        v: Frames { first: k_first + groups * head, stride },
        visible,
    }
}

/// Compiles only if heads and groups come out even.
const fn check_heads(heads: usize, head: usize, groups: usize, out: usize) {
    assert!(
        heads > 0 && head > 0 && groups > 0,
        "attention has at least one head, one number in it, one group"
    );
    assert!(heads.is_multiple_of(groups), "the heads of an attention are divided among its groups evenly");
    assert!(out == heads * head, "the output of an attention is its heads side by side: OUT = HEADS * HEAD");
    assert!(head < 512, "a head of attention has fewer than 512 numbers");
}

impl<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
    S: Sees,
> Attention<T, HEADS, HEAD, GROUPS, QKV, OUT, S>
{
    const SIZES: Sizes = {
        check_heads(HEADS, HEAD, GROUPS, OUT);
        assert!(
            QKV == OUT + 2 * GROUPS * HEAD,
            "a frame of an attention is queries, keys, values: QKV = OUT + 2 * GROUPS * HEAD"
        );
        Sizes {
            queries: T,
            keys: T,
            heads: HEADS,
            groups: GROUPS,
            head: HEAD,
            sample: T * QKV,
            q: Frames { first: 0, stride: QKV },
            k: Frames { first: OUT, stride: QKV },
            v: Frames { first: OUT + GROUPS * HEAD, stride: QKV },
            visible: S::VISIBLE,
        }
    };

    /// A frame's queries, then the keys and values of all frames.
    const CACHED: Sizes = cross([T, T], [HEADS, HEAD, GROUPS], 0, OUT, S::VISIBLE);

    /// Where a head looks from a position: the factors of all positions' values, `softmax(q . k / sqrt(HEAD))` with
    /// the queries and keys of a row of the layer's input. Zeros for positions that it does not see, and if there is
    /// no such head or position.
    ///
    /// ```
    /// use fusebox::{Attention, Zeroed};
    /// type Net = Attention<3, 1, 1, 1, 3, 1>;
    /// // Queries, keys and values; the second query finds its key twice as likely as the first one.
    /// let row = [[0.0, 0.0, 5.0], [1.0, 2f32.ln(), 6.0], [0.0, 0.0, 7.0]];
    /// let [first, second, third] = Net::ZEROED.weights(&row, 0, 1);
    /// assert!((first - 1.0 / 3.0).abs() < 1e-6 && (second - 2.0 / 3.0).abs() < 1e-6);
    /// assert_eq!(third, 0.0); // later
    /// ```
    pub fn weights(&self, row: &[[f32; QKV]; T], head: usize, position: usize) -> [f32; T] {
        weights(&Self::SIZES, [position, head], row)
    }
}

fn weights<X: crate::Plain, const N: usize>(sizes: &Sizes, query: [usize; 2], row: &X) -> [f32; N] {
    let mut weights = [0.0; N];
    attention::weights(Isa::detect(), sizes, query, numbers(from_ref(row)), &mut weights);
    weights
}

impl<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
    S: Sees,
> Layer for Attention<T, HEADS, HEAD, GROUPS, QKV, OUT, S>
{
    type Input = [[f32; QKV]; T];
    type Output = [[f32; OUT]; T];
    type Scratch = ();
    type InPlace = [[f32; QKV]; T];

    const CHECK: () = {
        _ = Self::SIZES;
    };
    const MACS: u64 = macs(&Self::SIZES);
    const SUMMARY: Entry = Entry::layer::<Self>().named(|| "Attention");

    fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [Self::Output]) {
        let strips = 0..ys.len().saturating_mul(strips::<T>());
        attention::forward(isa, &Self::SIZES, strips, numbers(xs), &mut [], numbers_mut(ys));
    }
}

/// The queries of the frame, then the keys and values of all frames.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Cache<const T: usize, const HEAD: usize, const GROUPS: usize, const OUT: usize> {
    frames: u32,
    queries: [f32; OUT],
    keys_and_values: [[[[f32; HEAD]; GROUPS]; 2]; T],
}

plain!([const T: usize, const HEAD: usize, const GROUPS: usize, const OUT: usize] Cache<T, HEAD, GROUPS, OUT> {
    frames: u32,
    queries: [f32; OUT],
    keys_and_values: [[[[f32; HEAD]; GROUPS]; 2]; T],
});

/// After `T` frames there is no output.
impl<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
> Stream for Attention<T, HEADS, HEAD, GROUPS, QKV, OUT, Causal>
{
    type Frame = [f32; QKV];
    type Out = [f32; OUT];
    type Past = Cache<T, HEAD, GROUPS, OUT>;

    const DUE: Due = Due::EACH;
    const FRAMES: usize = T;

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &[f32; QKV], out: &mut [f32; OUT]) -> bool {
        const { Self::CHECK }
        let position = past.frames as usize;
        let (queries, new) = frame.split_at_checked(OUT).unwrap_or_default();
        let Some(place) = past.keys_and_values.get_mut(position) else { return false };
        for (to, from) in numbers_mut(from_mut(place)).iter_mut().zip(new) {
            *to = *from;
        }
        for (to, from) in past.queries.iter_mut().zip(queries) {
            *to = *from;
        }
        past.frames += 1;
        // After the counter.
        let numbers = numbers(from_ref(past)).get(1..).unwrap_or_default();
        attention::forward_one(isa, &Self::CACHED, position, numbers, out);
        true
    }
}

/// Strips of a sequence of `T` queries.
const fn strips<const T: usize>() -> usize {
    T.div_ceil(STRIP)
}

/// Multiply-adds of one pass over a row, of two products.
const fn macs(sizes: &Sizes) -> u64 {
    let queries = sizes.queries as u64;
    let pairs = match sizes.visible {
        Visible::Past => queries * (queries + 1) / 2,
        Visible::All | Visible::Present => queries * sizes.keys as u64,
    };
    2 * pairs * (sizes.heads * sizes.head) as u64
}

/// What a strip costs of a pass over a row of `macs` multiply-adds.
fn of_strip(sizes: &Sizes, macs: u64, strips: usize) -> usize {
    let functions = sizes.heads * FUNCTION;
    let macs = macs.saturating_add(functions as u64 * sizes.keys as u64 * sizes.queries as u64);
    usize::try_from(macs).unwrap_or(usize::MAX) / strips.max(1)
}

/// The rows of the batch of which the last strip is among these.
fn completed(strips: &Range<usize>, per_row: usize) -> Range<usize> {
    let per_row = per_row.max(1);
    strips.start / per_row..strips.end / per_row
}

/// The outputs, and what the softmax of each position and head needs.
type Tape<const T: usize, const HEADS: usize, const OUT: usize> =
    Pair<[[f32; OUT]; T], [[[f32; 2]; HEADS]; T]>;

/// A unit is a strip of sixteen queries of a row, for all heads.
impl<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
    S: Sees,
> Train for Attention<T, HEADS, HEAD, GROUPS, QKV, OUT, S>
{
    type Tape = Tape<T, HEADS, OUT>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 =
        layout("Attention", &[T as u64, HEADS as u64, HEAD as u64, GROUPS as u64, S::VISIBLE as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        _: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [Self::Output],
    ) {
        forward::<T, _, _, _, _>(pace, &Self::SIZES, xs, tape, ys);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        tape: &[Self::Tape],
        dys: &[Self::Output],
        _: &mut [()],
        dx: InputGradient<'_, Self::Input>,
    ) {
        backward::<T, _, _, _, _>(pace, &Self::SIZES, xs, tape, dys, dx);
    }
}

fn forward<const T: usize, const HEADS: usize, const OUT: usize, X: crate::Plain, P: Pace>(
    pace: &mut P,
    sizes: &Sizes,
    xs: &[X],
    tape: &mut [Tape<T, HEADS, OUT>],
    ys: &mut [[[f32; OUT]; T]],
) {
    let per_row = strips::<T>();
    let macs = of_strip(sizes, macs(sizes), per_row);
    let strips = pace.take(xs.len().saturating_mul(per_row), macs);
    if strips.is_empty() {
        return;
    }
    let (outputs, softmax) = stretches_mut(tape);
    let softmax = softmax.as_flattened_mut().as_flattened_mut();
    attention::forward(pace.isa(), sizes, strips.clone(), numbers(xs), softmax, numbers_mut(ys));
    // The rows that are complete.
    let rows = completed(&strips, per_row);
    let (from, to) = (part(ys, &rows), part_mut(outputs, &rows));
    if from.len() == to.len() {
        to.copy_from_slice(from);
    }
}

fn backward<const T: usize, const HEADS: usize, const OUT: usize, X: crate::Plain, P: Pace>(
    pace: &mut P,
    sizes: &Sizes,
    xs: &[X],
    tape: &[Tape<T, HEADS, OUT>],
    dys: &[[[f32; OUT]; T]],
    dx: InputGradient<'_, X>,
) {
    let per_row = strips::<T>();
    let macs = of_strip(sizes, macs(sizes).saturating_mul(5) / 2, per_row);
    let strips = pace.take(dx.wanted(xs.len()).saturating_mul(per_row), macs);
    if strips.is_empty() {
        return;
    }
    let Some((dxs, derivative)) = dx.target() else { return };
    let (outputs, softmax) = stretches(tape);
    let softmax = softmax.as_flattened().as_flattened();
    let (isa, ys, dys) = (pace.isa(), numbers(outputs), numbers(dys));
    attention::backward(isa, sizes, strips.clone(), numbers(xs), softmax, ys, dys, numbers_mut(dxs));
    let rows = completed(&strips, per_row);
    let width = crate::memory::count_of::<X>();
    let derivative: Derivative<'_> = derivative.part(&(rows.start * width..rows.end * width));
    derivative.apply(isa, part_mut(dxs, &rows));
}

impl<
    const T: usize,
    const S: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const KV: usize,
    const OUT: usize,
    V: Sees,
> CrossAttention<T, S, HEADS, HEAD, GROUPS, KV, OUT, V>
{
    const SIZES: Sizes = {
        check_heads(HEADS, HEAD, GROUPS, OUT);
        assert!(KV == 2 * GROUPS * HEAD, "a frame of keys and values has KV = 2 * GROUPS * HEAD numbers");
        assert!(
            !matches!(V::VISIBLE, Visible::Past),
            "positions of another sequence have no order to be causal in"
        );
        cross([T, S], [HEADS, HEAD, GROUPS], OUT, T * OUT, V::VISIBLE)
    };

    /// Where a head looks from a position: as [`Attention::weights`], with a factor for each position of the other
    /// sequence.
    ///
    /// ```
    /// use fusebox::{CrossAttention, Pair, Zeroed};
    /// type Net = CrossAttention<1, 2, 1, 1, 1, 2, 1>;
    /// let row = Pair([[1.0]], [[3f32.ln(), 8.0], [0.0, 9.0]]);
    /// let [first, second] = Net::ZEROED.weights(&row, 0, 0);
    /// assert!((first - 0.75).abs() < 1e-6 && (second - 0.25).abs() < 1e-6);
    /// ```
    pub fn weights(
        &self,
        row: &Pair<[[f32; OUT]; T], [[f32; KV]; S]>,
        head: usize,
        position: usize,
    ) -> [f32; S] {
        weights(&Self::SIZES, [position, head], row)
    }
}

impl<
    const T: usize,
    const S: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const KV: usize,
    const OUT: usize,
    V: Sees,
> Layer for CrossAttention<T, S, HEADS, HEAD, GROUPS, KV, OUT, V>
{
    type Input = Pair<[[f32; OUT]; T], [[f32; KV]; S]>;
    type Output = [[f32; OUT]; T];
    type Scratch = ();
    type InPlace = Self::Input;

    const CHECK: () = {
        _ = Self::SIZES;
    };
    const MACS: u64 = macs(&Self::SIZES);
    const SUMMARY: Entry = Entry::layer::<Self>().named(|| "CrossAttention");

    fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [Self::Output]) {
        let strips = 0..ys.len().saturating_mul(strips::<T>());
        attention::forward(isa, &Self::SIZES, strips, numbers(xs), &mut [], numbers_mut(ys));
    }
}

/// Units as in [`Attention`].
impl<
    const T: usize,
    const S: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const KV: usize,
    const OUT: usize,
    V: Sees,
> Train for CrossAttention<T, S, HEADS, HEAD, GROUPS, KV, OUT, V>
{
    type Tape = Tape<T, HEADS, OUT>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout(
        "CrossAttention",
        &[T as u64, S as u64, HEADS as u64, HEAD as u64, GROUPS as u64, V::VISIBLE as u64],
    );

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        _: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [Self::Output],
    ) {
        forward::<T, _, _, _, _>(pace, &Self::SIZES, xs, tape, ys);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        tape: &[Self::Tape],
        dys: &[Self::Output],
        _: &mut [()],
        dx: InputGradient<'_, Self::Input>,
    ) {
        backward::<T, _, _, _, _>(pace, &Self::SIZES, xs, tape, dys, dx);
    }
}
