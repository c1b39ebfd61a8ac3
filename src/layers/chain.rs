//! Layers one after the other.
//!
//! A chain holds its first layer and the rest, which is a layer or a chain again: `Seq![A, B, C]` is
//! `Chain<A, Chain<B, C>>`. What the first passes to the rest lies in the chain's scratch when it runs, and in its tape
//! when it trains; the gradient that comes back lies in its gradients.

use super::{
    Derivative, Init, InputGradient, Layer, PerSample, Scratch, Slice, Sliced, Train, infer, scale_each,
};
use crate::memory::{self, Either, values_mut};
use crate::{Aligned, Error, Isa, Optimizer, Plain, Rng, Zeroed};

/// A layer and what follows it. Written with [`Seq!`](crate::Seq). The first layer is no chain itself, nor anything else
/// that needs scratch; that is an error when the network is compiled. Sizes that do not fit are a type error that names
/// both:
///
/// ```compile_fail,E0271
/// use fusebox::{Dense, Relu, Scratch, Seq};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<33, 10>]; // expected `[f32; 32]`, found `[f32; 33]`
/// static SCRATCH: Scratch<Net, 1> = Scratch::new();
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::{Dense, Relu, Scratch, Seq, Zeroed};
/// type Block = Seq![Dense<2, 3, Relu>, Dense<3, 2, Relu>];
/// type Net = Seq![Block, Dense<2, 1>];
/// Net::ZEROED.infer(&[[0.0; 2]], &mut Scratch::<Net, 1>::new(), &mut [[0.0]]).unwrap();
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

// SAFETY: `repr(C)` and two fields of plain numbers, which leave no padding between them.
unsafe impl<A: Plain, R: Plain> Plain for Chain<A, R> {}

impl<A: Layer, R> Chain<A, R> {
    /// What the first layer is given for scratch is empty.
    const FIRST_NEEDS_NO_SCRATCH: () = assert!(
        size_of::<A::Even<1>>() == 0 && size_of::<A::Odd<1>>() == 0,
        "the first layer of a chain cannot be a chain: write all layers in one Seq!"
    );
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

    /// `bytes` seen as a network, where they lie. Errors unless they are as many as [`Chain::as_bytes`] gives, and
    /// start at a multiple of four: put them in [`Aligned`].
    pub fn from_bytes(bytes: &[u8]) -> Result<&Self, Error> {
        memory::from_bytes(bytes)
    }

    /// A network made from a copy of `bytes`, which may start anywhere. Errors if they are not as many as
    /// [`Chain::as_bytes`] gives. In a constant, it puts weights that were trained elsewhere into flash:
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

impl<A: Layer, R: Layer<Input = A::Output>> Chain<A, R> {
    /// Overwrites `ys` with the outputs for `xs` on the fastest instruction set there is.
    ///
    /// Errors, with nothing written, when the batch is empty or larger than `B`, or `ys` has another number of rows.
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
        xs: &[A::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [R::Output],
    ) -> Result<(), Error> {
        self.infer_with(Isa::detect(), xs, scratch, ys)
    }

    /// [`Chain::infer`] on the instruction set given.
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
        xs: &[A::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [R::Output],
    ) -> Result<(), Error> {
        infer(self, isa, xs, scratch, ys)
    }
}

impl<A: Train, R: Train<Input = A::Output>> Chain<A, R>
where
    Self: Zeroed,
{
    /// A network whose parameters start as [`Init::He`] says.
    ///
    /// ```
    /// use fusebox::{Dense, Relu, Rng, Seq};
    /// type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    /// assert_eq!(Net::he(&mut Rng::new(5)), Net::he(&mut Rng::new(5)));
    /// ```
    pub fn he(rng: &mut Rng) -> Self {
        let mut net = Self::ZEROED;
        net.init(Init::He, rng);
        net
    }
}

impl<A: Train, R: Train<Input = A::Output>> Chain<A, R> {
    /// Overwrites the parameters with their first values.
    pub fn init(&mut self, init: Init, rng: &mut Rng) {
        self.first.init(init, rng);
        self.rest.init(init, rng);
    }
}

/// What the first layer gives the rest lies in the even buffer; the rest, one layer on, takes the buffers the other way
/// round, and may overwrite its own input once it is past it.
impl<A: Layer, R: Layer<Input = A::Output>> Layer for Chain<A, R> {
    type Input = A::Input;
    type Output = R::Output;
    type Even<const B: usize> = Either<[A::Output; B], R::Odd<B>>;
    type Odd<const B: usize> = R::Even<B>;

    #[inline]
    fn run(&self, isa: Isa, xs: &[A::Input], [even, odd]: [&mut [f32]; 2], ys: &mut [R::Output]) {
        const { Self::FIRST_NEEDS_NO_SCRATCH }
        self.first.run(isa, xs, [&mut [], &mut []], values_mut(even, xs.len()));
        self.rest.run_in_place(isa, [even, odd], ys);
    }

    #[inline]
    fn run_in_place(&self, isa: Isa, [here, there]: [&mut [f32]; 2], ys: &mut [R::Output]) {
        const { Self::FIRST_NEEDS_NO_SCRATCH }
        self.first.run_in_place(isa, [here, &mut []], values_mut(there, ys.len()));
        self.rest.run_in_place(isa, [there, here], ys);
    }
}

impl<A: Train, R: Train<Input = A::Output>> Train for Chain<A, R> {
    type Tape<const B: usize> = (A::Tape<B>, Aligned<[A::Output; B]>, R::Tape<B>);
    type Gradients<const B: usize> = (A::Gradients<B>, Aligned<[A::Output; B]>, R::Gradients<B>);
    type State<O: Optimizer> = (A::State<O>, R::State<O>);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        Chain::init(self, init, rng);
    }

    #[inline]
    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (first, between, rest): &mut Self::Tape<B>,
        ys: &mut [R::Output],
    ) {
        let between = &mut between.0[..xs.len().min(B)];
        self.first.forward(isa, xs, first, between);
        self.rest.forward(isa, between, rest, ys);
    }

    #[inline]
    fn derivative<'a, const B: usize>(tape: &'a Self::Tape<B>, ys: &'a [R::Output]) -> Derivative<'a> {
        R::derivative(&tape.2, ys)
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &mut Self::Gradients<B>,
        dx: InputGradient<'_, A::Input>,
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &mut d_between.0[..rows]);
        let d_rest_input = InputGradient::into(d_between, A::derivative(first, between));
        self.rest.backward(isa, between, rest, dys, d_rest, d_rest_input);
        self.first.backward(isa, xs, first, d_between, d_first, dx);
    }

    #[inline]
    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        (first_state, rest_state): &mut Self::State<O>,
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &d_between.0[..rows]);
        self.first.update::<O, B>(isa, xs, first, d_between, d_first, sweep, first_state);
        self.rest.update::<O, B>(isa, between, rest, dys, d_rest, sweep, rest_state);
    }
}

/// The units of the first layer, then those of the rest; on the way back the other way round.
impl<A: Sliced, R: Sliced<Input = A::Output>> Sliced for Chain<A, R> {
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (first, between, rest): &mut Self::Tape<B>,
        ys: &mut [R::Output],
    ) {
        let between = &mut between.0[..xs.len().min(B)];
        self.first.forward_slice(isa, slice, xs, first, between);
        self.rest.forward_slice(isa, slice, between, rest, ys);
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &mut Self::Gradients<B>,
        dx: InputGradient<'_, A::Input>,
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &mut d_between.0[..rows]);
        let d_rest_input = InputGradient::into(d_between, A::derivative(first, between));
        self.rest.backward_slice(isa, slice, between, rest, dys, d_rest, d_rest_input);
        self.first.backward_slice(isa, slice, xs, first, d_between, d_first, dx);
    }

    fn update_slice<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        (first_state, rest_state): &mut Self::State<O>,
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &d_between.0[..rows]);
        self.first.update_slice::<O, B>(isa, slice, xs, first, d_between, d_first, sweep, first_state);
        self.rest.update_slice::<O, B>(isa, slice, between, rest, dys, d_rest, sweep, rest_state);
    }

    fn copy_slice(&mut self, slice: &mut Slice, from: &Self) {
        self.first.copy_slice(slice, &from.first);
        self.rest.copy_slice(slice, &from.rest);
    }
}

impl<A: PerSample, R: PerSample<Input = A::Output>> PerSample for Chain<A, R> {
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &Self::Gradients<B>,
        squares: &mut [f32],
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &d_between.0[..rows]);
        self.first.add_norms(isa, xs, first, d_between, d_first, squares);
        self.rest.add_norms(isa, between, rest, dys, d_rest, squares);
    }

    fn add_norms_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (first, between, rest): &Self::Tape<B>,
        dys: &[R::Output],
        (d_first, d_between, d_rest): &Self::Gradients<B>,
        squares: &mut [f32],
    ) {
        let rows = xs.len().min(B);
        let (between, d_between) = (&between.0[..rows], &d_between.0[..rows]);
        self.first.add_norms_slice(isa, slice, xs, first, d_between, d_first, squares);
        self.rest.add_norms_slice(isa, slice, between, rest, dys, d_rest, squares);
    }

    fn scale_rows<const B: usize>(factors: &[f32], (d_first, d_between, d_rest): &mut Self::Gradients<B>) {
        A::scale_rows(factors, d_first);
        scale_each(factors, &mut d_between.0);
        R::scale_rows(factors, d_rest);
    }
}
