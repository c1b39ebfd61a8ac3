//! Positions as rotations of queries and keys.

use super::super::{Due, Entry, InputGradient, Layer, Linear, Stream, Train};
use crate::kernel::rotary::{Order, Rotate, table};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, plain};
use core::marker::PhantomData;

/// Which numbers of a head a [`Rotary`] rotates together: [`Halves`] or [`Neighbours`].
pub trait Pairs: Copy + 'static + sealed::Sealed {}

mod sealed {
    use super::Order;

    pub trait Sealed {
        const ORDER: Order;
    }
}

/// Number i with number `i + R / 2`, as in LLaMA and GPT-NeoX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves;

/// Number 2i with number `2i + 1`, as in RoFormer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours;

impl Pairs for Halves {}
impl Pairs for Neighbours {}

impl sealed::Sealed for Halves {
    const ORDER: Order = Order::Halves;
}

impl sealed::Sealed for Neighbours {
    const ORDER: Order = Order::Neighbours;
}

/// Rotary positions: rotates pairs of numbers of the first `HEADS` heads, of `HEAD` numbers each, of `T` frames of `N`.
/// At position t, pair i turns by the angle `t BASE^(-2i / R)`. Between the layer that computes queries, keys and values and an
/// [`Attention`](super::Attention), `HEADS` is that of the queries and of the keys: their products then depend on the
/// distance of two positions only. The numbers after them, the values, pass unchanged; so do all but the first `R` of a head.
///
/// In a [stream](crate::Streaming) there are at most `T` frames. The cosines and sines, `T * HEAD` numbers, are a constant.
///
/// Source: J. Su and others, "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
///
/// ```
/// use fusebox::layers::{Attention, Causal, Rotary};
/// use fusebox::{Dense, Each, Layer, Rng, Scratch, Seq, Train, Zeroed};
///
/// // Two frames of a query, a key and a value, of one head of two numbers.
/// let mut ys = [[[0.0; 6]; 2]];
/// let x = [[[1.0, 0.0, 0.0, 1.0, 5.0, 6.0]; 2]];
/// Rotary::<2, 6, 2, 2>::ZEROED.infer(&x, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// let (sin, cos) = 1.0_f32.sin_cos();
/// assert_eq!(ys, [[x[0][0], [cos, sin, -sin, cos, 5.0, 6.0]]]);
///
/// // Attention with four heads of queries and two of keys and values.
/// type SelfAttention = Seq![Each<8, Dense<6, 32>>, Rotary<8, 32, 6, 4>, Attention<8, 4, 4, 2, 32, 16>, Each<8, Dense<16, 6>>];
/// let net = SelfAttention::he(&mut Rng::new(1));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "rope")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Rotary<
    const T: usize,
    const N: usize,
    const HEADS: usize,
    const HEAD: usize,
    P = Halves,
    const R: usize = HEAD,
    const BASE: u32 = 10_000,
> {
    pairs: PhantomData<P>,
}

plain!([const T: usize, const N: usize, const HEADS: usize, const HEAD: usize, P: Copy + 'static, const R: usize, const BASE: u32]
    Rotary<T, N, HEADS, HEAD, P, R, BASE> { pairs: PhantomData<P> });

impl<
    const T: usize,
    const N: usize,
    const HEADS: usize,
    const HEAD: usize,
    P: Pairs,
    const R: usize,
    const BASE: u32,
> Rotary<T, N, HEADS, HEAD, P, R, BASE>
{
    /// Of each position, a cosine for each pair, then a sine for each.
    const ANGLES: &'static [[f32; HEAD]; T] = {
        assert!(R.is_multiple_of(2), "a Rotary rotates an even number of a head's numbers");
        assert!(R <= HEAD, "a Rotary rotates at most all numbers of a head");
        assert!(HEADS * HEAD <= N, "the heads that a Rotary rotates fit in a frame");
        assert!(BASE > 0, "the base of a Rotary is at least 1");
        &table(R / 2, BASE)
    };

    /// Overwrites `y` with `x`, rotated for a position.
    fn rotate(isa: Isa, angles: &[f32; HEAD], sign: f32, x: &[f32; N], y: &mut [f32; N]) {
        *y = *x;
        isa.call(Rotate { frame: y, heads: HEADS, head: HEAD, angles, pairs: R / 2, order: P::ORDER, sign });
    }

    fn rotate_all(isa: Isa, sign: f32, xs: &[[[f32; N]; T]], ys: &mut [[[f32; N]; T]]) {
        for (x, y) in xs.iter().zip(ys) {
            for ((x, y), angles) in x.iter().zip(y).zip(Self::ANGLES) {
                Self::rotate(isa, angles, sign, x, y);
            }
        }
    }
}

impl<
    const T: usize,
    const N: usize,
    const HEADS: usize,
    const HEAD: usize,
    P: Pairs,
    const R: usize,
    const BASE: u32,
> Layer for Rotary<T, N, HEADS, HEAD, P, R, BASE>
{
    type Input = [[f32; N]; T];
    type Output = [[f32; N]; T];
    type Scratch = ();
    type InPlace = [[f32; N]; T];

    const CHECK: () = {
        _ = Self::ANGLES;
    };
    const SUMMARY: Entry = Entry::layer::<Self>().named(|| "Rotary");

    fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [Self::Output]) {
        if xs.len() == ys.len() {
            Self::rotate_all(isa, 1.0, xs, ys);
        }
    }
}

/// After `T` frames there is no output.
impl<
    const T: usize,
    const N: usize,
    const HEADS: usize,
    const HEAD: usize,
    P: Pairs,
    const R: usize,
    const BASE: u32,
> Stream for Rotary<T, N, HEADS, HEAD, P, R, BASE>
{
    type Frame = [f32; N];
    type Out = [f32; N];
    type Past = u32;

    const DUE: Due = Due::EACH;
    const FRAMES: usize = T;

    fn step(&self, isa: Isa, position: &mut u32, frame: &[f32; N], out: &mut [f32; N]) -> bool {
        let Some(angles) = Self::ANGLES.get(*position as usize) else { return false };
        *position += 1;
        Self::rotate(isa, angles, 1.0, frame, out);
        true
    }
}

/// Units are rows of the batch.
impl<
    const T: usize,
    const N: usize,
    const HEADS: usize,
    const HEAD: usize,
    P: Pairs,
    const R: usize,
    const BASE: u32,
> Train for Rotary<T, N, HEADS, HEAD, P, R, BASE>
{
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout(
        "Rotary",
        &[T as u64, N as u64, HEADS as u64, HEAD as u64, P::ORDER as u64, R as u64, BASE as u64],
    );

    fn forward<Q: Pace>(
        &self,
        pace: &mut Q,
        xs: &[Self::Input],
        _: Option<&()>,
        _: &mut [()],
        ys: &mut [Self::Output],
    ) {
        let rows = pace.take(xs.len(), 2 * T * N);
        Self::rotate_all(pace.isa(), 1.0, part(xs, &rows), part_mut(ys, &rows));
    }

    fn backward<Q: Pace>(
        &self,
        pace: &mut Q,
        _: &[Self::Input],
        _: &[()],
        dys: &[Self::Output],
        _: &mut [()],
        dx: InputGradient<'_, Self::Input>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), 2 * T * N);
        let isa = pace.isa();
        dx.rows(&rows).write(isa, |dxs| Self::rotate_all(isa, -1.0, part(dys, &rows), dxs));
    }
}
