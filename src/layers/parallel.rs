//! Two branches with the same input.
//!
//! ```text
//! forward    y  = join(a(x), b(x))
//! backward   da, db = the parts of dy;  dx = a back da + b back db
//! ```

use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Linear, Stream, Tapes, Train};
use crate::kernel::elementwise::{Add, Zip};
use crate::memory::{
    Either, count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut, take_mut,
};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain, Rng, Zeroed};
use core::marker::PhantomData;
use core::ops::Range;

/// Two layers with the same input, whose outputs are added ([`Sum`], for equal types) or concatenated: as rows
/// ([`Concat`]), as a pair ([`Both`]), or pictures and sequences along their channels ([`ConcatChannels`]).
/// For a layer with two inputs, begin each branch with [`Columns`](super::Columns), which selects its part of the row.
///
/// ```
/// use fusebox::{Columns, Concat, Dense, Parallel, Relu, Rng, Seq, Sgd, Workspace};
/// // The first two numbers go through a layer of their own, all five through another.
/// type Branches = Parallel<Seq![Columns<5, 0, 2>, Dense<2, 8, Relu>], Dense<5, 4>, Concat<12>>;
/// type Net = Seq![Branches, Dense<12, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[1.0, 2.0, 3.0, 4.0, 5.0]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[repr(C)]
pub struct Parallel<A, B, J = Sum> {
    /// The first branch.
    pub first: A,
    /// The second branch.
    pub second: B,
    join: PhantomData<fn() -> J>,
}

impl<A, B, J> Parallel<A, B, J> {
    /// The two branches.
    pub const fn new(first: A, second: B) -> Self {
        Self { first, second, join: PhantomData }
    }
}

impl<A: Copy, B: Copy, J> Copy for Parallel<A, B, J> {}

impl<A: Copy, B: Copy, J> Clone for Parallel<A, B, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: PartialEq, B: PartialEq, J> PartialEq for Parallel<A, B, J> {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first && self.second == other.second
    }
}

impl<A: core::fmt::Debug, B: core::fmt::Debug, J> core::fmt::Debug for Parallel<A, B, J> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Parallel").field("first", &self.first).field("second", &self.second).finish()
    }
}

impl<A: Zeroed, B: Zeroed, J> Zeroed for Parallel<A, B, J> {
    const ZEROED: Self = Self::new(A::ZEROED, B::ZEROED);
}

// SAFETY: a pair of plain numbers, and a field of size 0 and alignment 1.
unsafe impl<A: Plain, B: Plain, J: 'static> Plain for Parallel<A, B, J> {
    type Slack = Pair<A::Slack, B::Slack>;

    const CHECKED: () = Pair::<A, B>::CHECKED;
}

/// How the outputs of two branches are combined. Implemented by [`Sum`], [`Concat`], [`ConcatChannels`] and
/// [`Both`] only.
pub trait Join<A: Plain, B: Plain>: sealed::Sealed {
    /// A row of combined output.
    type Output: Plain;

    /// Distinguishes networks with different joins in a saved state.
    #[doc(hidden)]
    const NAME: u64;

    /// Compiles only if the sizes match.
    #[doc(hidden)]
    const CHECK: () = ();

    /// Overwrites `ys` with the combined outputs.
    #[doc(hidden)]
    fn join(isa: Isa, a: &[A], b: &[B], ys: &mut [Self::Output]);

    /// Overwrites `da` and `db` with their parts of `dys`.
    #[doc(hidden)]
    fn part(dys: &[Self::Output], da: &mut [A], db: &mut [B]);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Sum {}
    impl Sealed for super::Both {}
    impl<const N: usize> Sealed for super::Concat<N> {}
    impl<const N: usize> Sealed for super::ConcatChannels<N> {}
}

/// Adds outputs of the same type.
#[derive(Clone, Copy, Debug)]
pub struct Sum;

impl<T: Plain> Join<T, T> for Sum {
    type Output = T;

    const NAME: u64 = layout("Sum", &[]);

    fn join(isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        if a.len() == ys.len() {
            ys.copy_from_slice(a);
            isa.call_in_parts(Zip { function: Add, others: numbers(b), xs: numbers_mut(ys) });
        }
    }

    fn part(dys: &[T], da: &mut [T], db: &mut [T]) {
        if dys.len() == da.len() && dys.len() == db.len() {
            da.copy_from_slice(dys);
            db.copy_from_slice(dys);
        }
    }
}

/// Concatenates the outputs to a row of `N` numbers. `N` must be the sum of both lengths, which is checked at compile
/// time.
#[derive(Clone, Copy, Debug)]
pub struct Concat<const N: usize>;

impl<A: Plain, B: Plain, const N: usize> Join<A, B> for Concat<N> {
    type Output = [f32; N];

    const NAME: u64 = layout("Concat", &[N as u64]);

    const CHECK: () = assert!(
        count_of::<A>() + count_of::<B>() == N,
        "a Concat has as many numbers as the outputs of its branches together"
    );

    fn join(_: Isa, a: &[A], b: &[B], ys: &mut [[f32; N]]) {
        const { <Self as Join<A, B>>::CHECK }
        for ((a, b), y) in a.iter().zip(b).zip(ys) {
            let (first, second) = y.split_at_mut_checked(count_of::<A>()).unwrap_or_default();
            write(first, numbers(core::slice::from_ref(a)));
            write(second, numbers(core::slice::from_ref(b)));
        }
    }

    fn part(dys: &[[f32; N]], da: &mut [A], db: &mut [B]) {
        for ((dy, da), db) in dys.iter().zip(da).zip(db) {
            let (first, second) = dy.split_at_checked(count_of::<A>()).unwrap_or_default();
            write(numbers_mut(core::slice::from_mut(da)), first);
            write(numbers_mut(core::slice::from_mut(db)), second);
        }
    }
}

/// Overwrites numbers with as many others.
#[inline(always)]
fn write(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Concatenates pictures of the same height and width, or sequences of the same length, along their channels: pixels of
/// `CA` and `CB` numbers become pixels of `N`, those of the first branch before those of the second. `N` must be
/// `CA + CB`, which is checked at compile time. [`network!`](crate::network) writes it as `Concat[[..], [..]]`. Single
/// positions, as in a stream, are rows, which it joins as [`Concat`] does.
///
/// ```
/// use fusebox::layers::{Conv2d, ConcatChannels, Parallel};
/// use fusebox::{Dense, GlobalAvgPool, Relu, Rng, Seq, Sgd, Workspace};
/// type Picture<const C: usize> = [[[f32; C]; 6]; 4];
/// // Windows of two sizes on the same picture.
/// type Narrow = Conv2d<Picture<3>, Picture<8>, 1, 1, 3, 8>;
/// type Wide = Conv2d<Picture<3>, Picture<4>, 3, 3, 3, 4>;
/// type Net = Seq![Parallel<Narrow, Wide, ConcatChannels<12>>, GlobalAvgPool<Picture<12>, 12>, Dense<12, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[[[1.0; 3]; 6]; 4]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Other channels than those of both branches:
///
/// ```compile_fail,E0080
/// use fusebox::layers::{Conv2d, ConcatChannels, Parallel};
/// use fusebox::network;
/// type Picture<const C: usize> = [[[f32; C]; 6]; 4];
/// type Narrow = Conv2d<Picture<3>, Picture<8>, 1, 1, 3, 8>;
/// type Wide = Conv2d<Picture<3>, Picture<4>, 3, 3, 3, 4>;
/// network!(type Net = [Parallel<Narrow, Wide, ConcatChannels<11>>]);
/// ```
///
/// Pictures of different sizes:
///
/// ```compile_fail,E0277
/// use fusebox::layers::{Conv2d, ConcatChannels, Parallel, Valid, Window};
/// use fusebox::network;
/// type Picture<const C: usize> = [[[f32; C]; 6]; 4];
/// type Narrow = Conv2d<Picture<3>, Picture<8>, 1, 1, 3, 8>;
/// type Shrinking = Conv2d<Picture<3>, [[[f32; 4]; 4]; 2], 3, 3, 3, 4, Window<Valid>>;
/// network!(type Net = [Parallel<Narrow, Shrinking, ConcatChannels<12>>]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConcatChannels<const N: usize>;

impl<const CA: usize, const CB: usize, const W: usize, const H: usize, const N: usize>
    Join<[[[f32; CA]; W]; H], [[[f32; CB]; W]; H]> for ConcatChannels<N>
{
    type Output = [[[f32; N]; W]; H];

    const NAME: u64 = layout("ConcatChannels", &[N as u64]);

    const CHECK: () = <Self as Join<[f32; CA], [f32; CB]>>::CHECK;

    fn join(isa: Isa, a: &[[[[f32; CA]; W]; H]], b: &[[[[f32; CB]; W]; H]], ys: &mut [Self::Output]) {
        <Self as Join<[[f32; CA]; W], [[f32; CB]; W]>>::join(
            isa,
            a.as_flattened(),
            b.as_flattened(),
            ys.as_flattened_mut(),
        );
    }

    fn part(dys: &[Self::Output], da: &mut [[[[f32; CA]; W]; H]], db: &mut [[[[f32; CB]; W]; H]]) {
        <Self as Join<[[f32; CA]; W], [[f32; CB]; W]>>::part(
            dys.as_flattened(),
            da.as_flattened_mut(),
            db.as_flattened_mut(),
        );
    }
}

impl<const CA: usize, const CB: usize, const T: usize, const N: usize> Join<[[f32; CA]; T], [[f32; CB]; T]>
    for ConcatChannels<N>
{
    type Output = [[f32; N]; T];

    const NAME: u64 = layout("ConcatChannels", &[N as u64]);

    const CHECK: () = <Self as Join<[f32; CA], [f32; CB]>>::CHECK;

    fn join(isa: Isa, a: &[[[f32; CA]; T]], b: &[[[f32; CB]; T]], ys: &mut [Self::Output]) {
        Concat::<N>::join(isa, a.as_flattened(), b.as_flattened(), ys.as_flattened_mut());
    }

    fn part(dys: &[Self::Output], da: &mut [[[f32; CA]; T]], db: &mut [[[f32; CB]; T]]) {
        Concat::<N>::part(dys.as_flattened(), da.as_flattened_mut(), db.as_flattened_mut());
    }
}

impl<const CA: usize, const CB: usize, const N: usize> Join<[f32; CA], [f32; CB]> for ConcatChannels<N> {
    type Output = [f32; N];

    const NAME: u64 = layout("ConcatChannels", &[N as u64]);

    const CHECK: () = {
        assert!(CA > 0 && CB > 0, "a ConcatChannels joins branches that have channels");
        <Concat<N> as Join<[f32; CA], [f32; CB]>>::CHECK
    };

    fn join(isa: Isa, a: &[[f32; CA]], b: &[[f32; CB]], ys: &mut [[f32; N]]) {
        Concat::<N>::join(isa, a, b, ys);
    }

    fn part(dys: &[[f32; N]], da: &mut [[f32; CA]], db: &mut [[f32; CB]]) {
        Concat::<N>::part(dys, da, db);
    }
}

/// Keeps both outputs, as a [`Pair`]: two sequences of different lengths, such as the queries of one and the keys and
/// values of another, which [`CrossAttention`](super::CrossAttention) takes.
///
/// ```
/// use fusebox::layers::{Both, Columns, Parallel};
/// use fusebox::{Layer, Pair, Scratch, Zeroed};
/// type Cut = Parallel<Columns<3, 0, 1>, Columns<3, 1, 2>, Both>;
/// let mut ys = [Zeroed::ZEROED];
/// Cut::ZEROED.infer(&[[1.0, 2.0, 3.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [Pair([1.0], [2.0, 3.0])]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Both;

impl<A: Plain, B: Plain> Join<A, B> for Both {
    type Output = Pair<A, B>;

    const NAME: u64 = layout("Both", &[]);

    fn join(_: Isa, a: &[A], b: &[B], ys: &mut [Pair<A, B>]) {
        for ((a, b), y) in a.iter().zip(b).zip(ys) {
            (y.0, y.1) = (*a, *b);
        }
    }

    fn part(dys: &[Pair<A, B>], da: &mut [A], db: &mut [B]) {
        for ((dy, da), db) in dys.iter().zip(da).zip(db) {
            (*da, *db) = (dy.0, dy.1);
        }
    }
}

impl<T, A, B, J> Layer for Parallel<A, B, J>
where
    T: Plain,
    A: Layer<Input = T>,
    B: Layer<Input = T>,
    J: Join<A::Output, B::Output>,
{
    type Input = T;
    type Output = J::Output;
    type Scratch = Pair<Pair<A::Output, B::Output>, Either<A::Scratch, B::Scratch>>;
    type InPlace = Pair<T, Self::Scratch>;

    const CHECK: () = (A::CHECK, B::CHECK, J::CHECK).0;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&A::SUMMARY), Some(&B::SUMMARY)]);

    fn admits(xs: &[T]) -> Result<(), Error> {
        A::admits(xs)?;
        B::admits(xs)
    }

    fn run(&self, isa: Isa, xs: &[T], mut scratch: &mut [f32], ys: &mut [J::Output]) {
        let rows = xs.len();
        let (a, b) = (take_mut(&mut scratch, rows), take_mut(&mut scratch, rows));
        self.first.run(isa, xs, scratch, a);
        self.second.run(isa, xs, scratch, b);
        if ys.len() == rows {
            J::join(isa, a, b, ys);
        }
    }
}

/// Both branches' outputs or the gradients with respect to them, and each branch's tape or gradients.
struct Parts<'a, A, B, T, U> {
    a: &'a [A],
    b: &'a [B],
    first: &'a [T],
    second: &'a [U],
}

impl<'a, A: Plain, B: Plain, T: Plain, U: Plain> Parts<'a, A, B, T, U> {
    #[inline(always)]
    fn of(outputs: &'a [Pair<A, B>], own: &'a [Pair<T, U>]) -> Self {
        let ((a, b), (first, second)) = (stretches(outputs), stretches(own));
        Self { a, b, first, second }
    }
}

/// The range of numbers that the rows occupy.
fn width<T>(rows: &Range<usize>) -> Range<usize> {
    rows.start * count_of::<T>()..rows.end * count_of::<T>()
}

/// Both branches' outputs are due with the same frames.
impl<A, B, J> Stream for Parallel<A, B, J>
where
    A: Stream<Input: Plain>,
    B: Stream<Frame = A::Frame> + Layer<Input = A::Input>,
    J: Join<A::Output, B::Output> + Join<A::Out, B::Out>,
{
    type Frame = A::Frame;
    type Out = <J as Join<A::Out, B::Out>>::Output;
    type Past = Pair<Pair<A::Past, B::Past>, Pair<A::Out, B::Out>>;

    const DUE: Due = {
        assert!(A::DUE.is(B::DUE), "the outputs of two branches in a stream are due with the same frames");
        A::DUE
    };
    const FRAMES: usize = Due::EACH.limit(A::FRAMES, B::FRAMES);

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &A::Frame, out: &mut Self::Out) -> bool {
        const { Self::DUE };
        use core::slice::{from_mut, from_ref};
        let Pair(Pair(past_a, past_b), Pair(a, b)) = past;
        let due = [self.first.step(isa, past_a, frame, a), self.second.step(isa, past_b, frame, b)];
        if due == [true; 2] {
            <J as Join<A::Out, B::Out>>::join(isa, from_ref(a), from_ref(b), from_mut(out));
        }
        due == [true; 2]
    }
}

/// The units of the first branch, those of the second, and rows of the batch where they are combined.
impl<T, A, B, J> Train for Parallel<A, B, J>
where
    T: Plain,
    A: Train<Input = T>,
    B: Train<Input = T>,
    J: Join<A::Output, B::Output>,
{
    type Tape = Pair<Pair<A::Output, B::Output>, Pair<A::Tape, B::Tape>>;
    /// The gradients with respect to the branches' outputs, the branches' gradients, and the second branch's input
    /// gradient.
    type Gradients = Pair<Pair<A::Output, B::Output>, Pair<Pair<A::Gradients, B::Gradients>, T>>;
    type Memory = Pair<A::Memory, B::Memory>;
    type State<O: Optimizer> = Pair<A::State<O>, B::State<O>>;
    type End = Linear;

    const MIXES_SAMPLES: bool = A::MIXES_SAMPLES || B::MIXES_SAMPLES;
    const LEAST_ROWS: usize = if A::LEAST_ROWS > B::LEAST_ROWS { A::LEAST_ROWS } else { B::LEAST_ROWS };
    const PASSES_GRADIENT: bool = A::PASSES_GRADIENT && B::PASSES_GRADIENT;
    const TAPES: Tapes =
        Tapes::new(size_of::<Pair<A::Output, B::Output>>(), [Some(&A::TAPES), Some(&B::TAPES)]);
    const LAYOUT: u64 = layout("Parallel", &[A::LAYOUT, B::LAYOUT, J::NAME]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.first.init(init, rng);
        self.second.init(init, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        memory: Option<&Self::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [J::Output],
    ) {
        let (outputs, own) = stretches_mut(tape);
        let ((a, b), (first, second)) = (stretches_mut(outputs), stretches_mut(own));
        self.first.forward(pace, xs, memory.map(|memory| &memory.0), first, a);
        self.second.forward(pace, xs, memory.map(|memory| &memory.1), second, b);
        let rows = pace.take(xs.len(), 2 * count_of::<J::Output>());
        J::join(pace.isa(), part(a, &rows), part(b, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        dys: &[J::Output],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, T>,
    ) {
        let (outputs, own) = stretches(tape);
        let Parts { a, b, first, second } = Parts::of(outputs, own);
        let (of_outputs, rest) = stretches_mut(gradients);
        let (own, other_dxs) = stretches_mut(rest);
        let ((da, db), (of_first, of_second)) = (stretches_mut(of_outputs), stretches_mut(own));

        let rows = pace.take(dys.len(), 2 * count_of::<J::Output>());
        if !rows.is_empty() {
            let (da, db) = (part_mut(&mut *da, &rows), part_mut(&mut *db, &rows));
            J::part(part(dys, &rows), da, db);
            A::derivative(first, a).part(&width::<A::Output>(&rows)).apply(pace.isa(), da);
            B::derivative(second, b).part(&width::<B::Output>(&rows)).apply(pace.isa(), db);
        }
        let Some((dxs, derivative)) = dx.target() else {
            self.first.backward(pace, xs, first, da, of_first, InputGradient::unwanted());
            return self.second.backward(pace, xs, second, db, of_second, InputGradient::unwanted());
        };
        let into = InputGradient::into(&mut *dxs, Derivative::One);
        self.first.backward(pace, xs, first, da, of_first, into);
        let into = InputGradient::into(&mut *other_dxs, Derivative::One);
        self.second.backward(pace, xs, second, db, of_second, into);
        let rows = pace.take(dys.len(), 2 * count_of::<T>());
        let (others, dxs) = (numbers(part(other_dxs, &rows)), part_mut(dxs, &rows));
        pace.isa().call_in_parts(Zip { function: Add, others, xs: numbers_mut(dxs) });
        derivative.part(&width::<T>(&rows)).apply(pace.isa(), dxs);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        _dys: &[J::Output],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(first_state, second_state): &mut Self::State<O>,
    ) {
        let (outputs, own) = stretches(tape);
        let tape = Parts::of(outputs, own);
        let (of_outputs, rest) = stretches(gradients);
        let back = Parts::of(of_outputs, stretches(rest).0);
        self.first.update::<O, P>(pace, xs, tape.first, back.a, back.first, sweep, first_state);
        self.second.update::<O, P>(pace, xs, tape.second, back.b, back.second, sweep, second_state);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[T],
        tape: &[Self::Tape],
        Pair(of_first, of_second): &mut Self::Memory,
    ) {
        let (outputs, own) = stretches(tape);
        let tape = Parts::of(outputs, own);
        self.first.remember(pace, xs, tape.first, of_first);
        self.second.remember(pace, xs, tape.second, of_second);
    }
}
