//! Layers one after the other.
//!
//! A chain holds its first layer and the rest, which is a layer or another chain: `Seq![A, B, C]` is
//! `Chain<A, Chain<B, C>>`. The first layer's output is stored in the chain's scratch in inference and in its tape in
//! training; the gradient with respect to it is stored in the chain's gradients.

use super::scratch::infer;
use super::{Derivative, Due, Entry, Init, InputGradient, Layer, Scratch, Side, Stream, Tapes, Train};
use crate::memory::{self, Beside, Either, layout, stretches, stretches_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain, Rng, Zeroed};

/// A layer followed by another. Written with [`Seq!`](crate::Seq); either may be a chain. Sizes that do not match are a
/// type error that names both, also in `cargo check`:
///
/// ```compile_fail,E0271
/// use fusebox::{Dense, Relu, Scratch, Seq};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<33, 10>]; // expected `[f32; 32]`, found `[f32; 33]`
/// static SCRATCH: Scratch<Net, 1> = Scratch::new();
/// ```
///
/// A layer before one that passes no gradient ([`Frozen`](crate::Frozen)) could not be trained. This is a compile
/// error, reported by `cargo build`:
///
/// ```compile_fail,E0080
/// use fusebox::{Dense, Frozen, Seq, Sgd, Workspace, Zeroed};
/// type Net = Seq![Dense<2, 3>, Frozen<'static, Dense<3, 3>, Dense<3, 2>>];
/// static BODY: Dense<3, 3> = Dense::ZEROED;
/// let mut net = Net { first: Dense::ZEROED, rest: Frozen::new(&BODY, Dense::ZEROED) };
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[0.0; 2]], &[0], &Sgd::new(0.1)).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Chain<A, R> {
    /// The first layer.
    pub first: A,
    /// The layers after it.
    pub rest: R,
}

/// The type of a network: layers one after the other, as nested [`Chain`]s.
///
/// ```
/// use fusebox::{Chain, Dense, Relu, Seq};
/// type Net = Seq![Dense<8, 6, Relu>, Dense<6, 4, Relu>, Dense<4, 2>];
/// type Same = Chain<Dense<8, 6, Relu>, Chain<Dense<6, 4, Relu>, Dense<4, 2>>>;
/// assert_eq!(std::any::TypeId::of::<Net>(), std::any::TypeId::of::<Same>());
/// ```
#[macro_export]
macro_rules! Seq {
    ($layer:ty $(,)?) => { $layer };
    ($layer:ty, $($rest:ty),+ $(,)?) => { $crate::Chain<$layer, $crate::Seq![$($rest),+]> };
}

impl<A: Zeroed, R: Zeroed> Zeroed for Chain<A, R> {
    const ZEROED: Self = Self { first: A::ZEROED, rest: R::ZEROED };
}

// SAFETY: a pair of plain numbers.
unsafe impl<A: Plain, R: Plain> Plain for Chain<A, R> {
    type Slack = Pair<A::Slack, R::Slack>;

    const CHECKED: () = Pair::<A, R>::CHECKED;
}

impl<A: Plain, R: Plain> Chain<A, R> {
    /// The parameters as bytes, layer by layer, each a little-endian `f32`.
    ///
    /// ```
    /// use fusebox::{Aligned, Dense, Init, Relu, Rng, Seq, Train, Zeroed};
    /// type Net = Seq![Dense<3, 2, Relu>, Dense<2, 1>];
    /// let mut net = Net::ZEROED;
    /// net.init(Init::He, &mut Rng::new(1));
    /// let bytes: Aligned<[u8; 44]> = Aligned(net.as_bytes().try_into().unwrap());
    /// assert_eq!(Net::from_bytes(&bytes.0)?, &net);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn as_bytes(&self) -> &[u8] {
        memory::as_bytes(self)
    }

    /// Views `bytes` as a network, in place. Errors unless their length is that of [`Chain::as_bytes`] and they start
    /// at a multiple of four: put them in [`Aligned`](crate::Aligned).
    pub fn from_bytes(bytes: &[u8]) -> Result<&Self, Error> {
        memory::from_bytes(bytes)
    }

    /// Makes a network from a copy of `bytes`, at any alignment. Errors unless their length is that of
    /// [`Chain::as_bytes`]. In a constant, it puts weights that were trained elsewhere into flash:
    ///
    /// ```
    /// use fusebox::{Dense, Relu, Seq};
    /// type Net = Seq![Dense<3, 2, Relu>, Dense<2, 1>];
    /// static NET: Net = match Net::copy_from_bytes(&[0; 44]) {
    ///     Ok(net) => net,
    ///     Err(_) => panic!("the file is not of this network"), // when it compiles
    /// };
    /// assert_eq!(NET.rest.bias, [0.0]);
    /// ```
    pub const fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        memory::copy_from_bytes(bytes)
    }
}

/// No bounds on the layers, so that the first error for sizes that do not match names the layers, not a missing method.
impl<A, R> Chain<A, R> {
    /// Overwrites `ys` with the outputs for `xs`, on the fastest available instruction set.
    ///
    /// Errors, with nothing written, if the batch is empty or larger than `B`, or `ys` has a different number of rows.
    ///
    /// ```
    /// use fusebox::{Dense, Error, Relu, Scratch, Seq, Zeroed};
    /// type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    /// let (net, mut scratch, mut ys) = (Net::ZEROED, Scratch::<Net, 2>::new(), [[1.0]; 3]);
    /// net.infer(&[[1.0, 2.0]; 2], &mut scratch, &mut ys[..2])?;
    /// assert_eq!(ys, [[0.0], [0.0], [1.0]]);
    /// let error = net.infer(&[[1.0, 2.0]; 3], &mut scratch, &mut ys).unwrap_err();
    /// assert_eq!(error, Error::Batch { expected: 2, got: 3 });
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn infer<const B: usize>(
        &self,
        xs: &[<Self as Layer>::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [<Self as Layer>::Output],
    ) -> Result<(), Error>
    where
        Self: Layer,
    {
        self.infer_with(Isa::detect(), xs, scratch, ys)
    }

    /// [`Chain::infer`] on the given instruction set.
    ///
    /// ```
    /// # use fusebox::{Dense, Isa, Relu, Scratch, Seq, Zeroed};
    /// # type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    /// let (net, mut scratch, mut ys) = (Net::ZEROED, Scratch::<Net, 2>::new(), [[1.0]]);
    /// net.infer_with(Isa::portable(), &[[1.0, 2.0]], &mut scratch, &mut ys)?;
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn infer_with<const B: usize>(
        &self,
        isa: Isa,
        xs: &[<Self as Layer>::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [<Self as Layer>::Output],
    ) -> Result<(), Error>
    where
        Self: Layer,
    {
        infer(self, isa, xs, scratch, ys)
    }

    /// A network initialised by [`Init::He`].
    ///
    /// ```
    /// use fusebox::{Dense, Relu, Rng, Seq};
    /// type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    /// assert_eq!(Net::he(&mut Rng::new(5)), Net::he(&mut Rng::new(5)));
    /// ```
    pub fn he(rng: &mut Rng) -> Self
    where
        Self: Train + Zeroed,
    {
        Train::he(rng)
    }

    /// Overwrites the parameters with their initial values.
    pub fn init(&mut self, init: Init, rng: &mut Rng)
    where
        Self: Train,
    {
        Train::init(self, init, rng);
    }
}

/// The first layer writes its output to the front of the scratch, where the rest reads it.
impl<A: Layer, R: Layer<Input = A::Output>> Layer for Chain<A, R> {
    type Input = A::Input;
    type Output = R::Output;
    type Scratch = Either<Beside<A::Output, A::Scratch>, R::InPlace>;
    type InPlace = Either<Beside<A::InPlace, A::Output>, R::InPlace>;

    const CHECK: () = (A::CHECK, R::CHECK).0;
    const SUMMARY: Entry = Entry::hidden::<Self>([Some(&A::SUMMARY), Some(&R::SUMMARY)]);

    fn admits(xs: &[A::Input]) -> Result<(), Error> {
        A::admits(xs)
    }

    #[inline]
    fn run(&self, isa: Isa, xs: &[A::Input], scratch: &mut [f32], ys: &mut [R::Output]) {
        if xs.len() == ys.len() {
            let (between, own) = Side::Front.cut(scratch, xs.len());
            self.first.run(isa, xs, own, between);
            self.rest.run_in_place(isa, scratch, Side::Front, ys);
        }
    }

    #[inline]
    fn run_in_place(&self, isa: Isa, buffer: &mut [f32], side: Side, ys: &mut [R::Output])
    where
        A::Input: Plain,
    {
        let (between, own) = side.other().cut(buffer, ys.len());
        self.first.run_in_place(isa, own, side, between);
        self.rest.run_in_place(isa, buffer, side.other(), ys);
    }
}

/// A chain's tape or gradients: the rows between the two, the first layer's part, the rest's part.
type Cut<'a, A, Of, R> = (&'a [<A as Layer>::Output], &'a [Of], &'a [R]);
type CutMut<'a, A, Of, R> = (&'a mut [<A as Layer>::Output], &'a mut [Of], &'a mut [R]);

#[inline(always)]
fn cut<A: Layer, T: Plain, U: Plain>(rows: &[Pair<A::Output, Pair<T, U>>]) -> Cut<'_, A, T, U> {
    let (between, own) = stretches(rows);
    let (first, rest) = stretches(own);
    (between, first, rest)
}

#[inline(always)]
fn cut_mut<A: Layer, T: Plain, U: Plain>(rows: &mut [Pair<A::Output, Pair<T, U>>]) -> CutMut<'_, A, T, U> {
    let (between, own) = stretches_mut(rows);
    let (first, rest) = stretches_mut(own);
    (between, first, rest)
}

/// Of the rest's past the first layer's output is a part.
impl<A: Stream, R: Stream<Frame = A::Out> + Layer<Input = A::Output>> Stream for Chain<A, R> {
    type Frame = A::Frame;
    type Out = R::Out;
    type Past = Pair<A::Past, Pair<R::Past, A::Out>>;

    const DUE: Due = A::DUE.then(R::DUE);
    const FRAMES: usize = A::DUE.limit(A::FRAMES, R::FRAMES);

    fn admits_frame(frame: &A::Frame) -> Result<(), Error> {
        A::admits_frame(frame)
    }

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &A::Frame, out: &mut R::Out) -> bool {
        let Pair(first, Pair(rest, between)) = past;
        self.first.step(isa, first, frame, between) && self.rest.step(isa, rest, between, out)
    }
}

/// The units of the first layer, then those of the rest; in `backward`, those of the rest first.
impl<A: Train, R: Train<Input = A::Output>> Train for Chain<A, R> {
    type Tape = Pair<A::Output, Pair<A::Tape, R::Tape>>;
    type Gradients = Pair<A::Output, Pair<A::Gradients, R::Gradients>>;
    type Memory = Pair<A::Memory, R::Memory>;
    type State<O: Optimizer> = Pair<A::State<O>, R::State<O>>;
    type End = R::End;

    const MIXES_SAMPLES: bool = A::MIXES_SAMPLES || R::MIXES_SAMPLES;
    const LEAST_ROWS: usize = if A::LEAST_ROWS > R::LEAST_ROWS { A::LEAST_ROWS } else { R::LEAST_ROWS };
    const PASSES_GRADIENT: bool = A::PASSES_GRADIENT && R::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<A::Output>(), [Some(&A::TAPES), Some(&R::TAPES)]);
    const LAYOUT: u64 = layout("Chain", &[A::LAYOUT, R::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.first.init(init, rng);
        self.rest.init(init, rng);
    }

    #[inline]
    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[A::Input],
        memory: Option<&Self::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [R::Output],
    ) {
        const {
            assert!(
                R::PASSES_GRADIENT || size_of::<A>() == 0,
                "no gradient passes through a Frozen network, so that no layer before it learns: freeze them too"
            );
        }
        let (between, first, rest) = cut_mut::<A, _, _>(tape);
        self.first.forward(pace, xs, memory.map(|memory| &memory.0), first, between);
        self.rest.forward(pace, between, memory.map(|memory| &memory.1), rest, ys);
    }

    #[inline]
    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [R::Output]) -> Derivative<'a> {
        let (_, _, rest) = cut::<A, A::Tape, R::Tape>(tape);
        R::derivative(rest, ys)
    }

    #[inline]
    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[A::Input],
        tape: &[Self::Tape],
        dys: &[R::Output],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, A::Input>,
    ) {
        let (between, first, rest) = cut::<A, A::Tape, R::Tape>(tape);
        let (d_between, d_first, d_rest) = cut_mut::<A, _, _>(gradients);
        // Nobody reads the gradient of what has no parameters and passes none on: bytes as input.
        let d_rest_input = match const { A::PASSES_GRADIENT || size_of::<A>() > 0 } {
            true => InputGradient::into(&mut *d_between, A::derivative(first, between)),
            false => InputGradient::unwanted(),
        };
        self.rest.backward(pace, between, rest, dys, d_rest, d_rest_input);
        self.first.backward(pace, xs, first, d_between, d_first, dx);
    }

    #[inline]
    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[A::Input],
        tape: &[Self::Tape],
        dys: &[R::Output],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(first_state, rest_state): &mut Self::State<O>,
    ) {
        let (between, first, rest) = cut::<A, A::Tape, R::Tape>(tape);
        let (d_between, d_first, d_rest) = cut::<A, A::Gradients, R::Gradients>(gradients);
        self.first.update::<O, P>(pace, xs, first, d_between, d_first, sweep, first_state);
        self.rest.update::<O, P>(pace, between, rest, dys, d_rest, sweep, rest_state);
    }

    #[inline]
    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[A::Input],
        tape: &[Self::Tape],
        Pair(of_first, of_rest): &mut Self::Memory,
    ) {
        let (between, first, rest) = cut::<A, A::Tape, R::Tape>(tape);
        self.first.remember(pace, xs, first, of_first);
        self.rest.remember(pace, between, rest, of_rest);
    }
}
