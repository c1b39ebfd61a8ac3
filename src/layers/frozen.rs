//! A network whose lower part is never changed, and may lie in flash: it costs no RAM for weights, gradients or an
//! optimiser's state, and below its upper part no gradient is computed.

use super::{
    Derivative, Init, InputGradient, Layer, PerSample, Scratch, Slice, Sliced, Train, infer, part, part_mut,
};
use crate::memory::{Either, Pair, count_of, numbers_mut, values_mut};
use crate::{Aligned, Error, Isa, Optimizer, Rng};

/// A network `A` that stays as it is, by reference, below a network `R` that learns: transfer learning. It is outermost:
/// no part of a [`Chain`](crate::Chain).
///
/// The gradient ends where `A` begins: what is asked for the gradient with respect to the input gets zeros.
///
/// Source: S. Bozinovski and A. Fulgosi, 1976; J. Yosinski and others, "How transferable are features in deep neural
/// networks?", 2014.
///
/// ```
/// use fusebox::{Dense, Frozen, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed};
/// type Body = Seq![Dense<2, 16, Relu>, Dense<16, 8, Relu>];
/// type Net = Frozen<'static, Body, Dense<8, 2>>;
/// static BODY: Body = Body::ZEROED; // in flash: weights trained elsewhere
///
/// let mut net = Net::new(&BODY, Dense::ZEROED);
/// let mut workspace = Workspace::<Net, 4>::new();
/// workspace.train_step(&mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
/// assert_eq!(net.head.bias, [-0.05, 0.05]);
/// let mut ys = [[f32::NAN; 2]];
/// net.infer(&[[1.0, 2.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frozen<'a, A, R> {
    /// The part that stays.
    pub body: &'a A,
    /// The part that learns.
    pub head: R,
}

impl<'a, A: Layer, R: Layer<Input = A::Output>> Frozen<'a, A, R> {
    /// `head` on what `body` makes of the input.
    pub const fn new(body: &'a A, head: R) -> Self {
        Self { body, head }
    }

    /// Overwrites `ys` with the outputs for `xs` on the fastest instruction set there is.
    ///
    /// Errors, with nothing written, when the batch is empty or larger than `B`, or `ys` has another number of rows.
    pub fn infer<const B: usize>(
        &self,
        xs: &[A::Input],
        scratch: &mut Scratch<Self, B>,
        ys: &mut [R::Output],
    ) -> Result<(), Error> {
        self.infer_with(Isa::detect(), xs, scratch, ys)
    }

    /// [`Frozen::infer`] on the instruction set given.
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

/// What the body gives the head lies before the even buffer that both share.
impl<A: Layer, R: Layer<Input = A::Output>> Layer for Frozen<'_, A, R> {
    type Input = A::Input;
    type Output = R::Output;
    type Even<const B: usize> = Pair<[A::Output; B], Either<A::Even<B>, R::Even<B>>>;
    type Odd<const B: usize> = Either<A::Odd<B>, R::Odd<B>>;

    fn run(&self, isa: Isa, xs: &[A::Input], [even, odd]: [&mut [f32]; 2], ys: &mut [R::Output]) {
        let numbers = xs.len().saturating_mul(size_of::<A::Output>() / size_of::<f32>());
        if let Some((between, even)) = even.split_at_mut_checked(numbers) {
            let between = values_mut(between, xs.len());
            self.body.run(isa, xs, [even, odd], between);
            self.head.run(isa, between, [even, odd], ys);
        }
    }

    fn run_in_place(&self, _: Isa, _: [&mut [f32]; 2], _: &mut [R::Output]) {
        const { panic!("a Frozen network is outermost: no part of a chain") }
    }
}

impl<A: Train, R: Train<Input = A::Output>> Train for Frozen<'_, A, R> {
    type Tape<const B: usize> = (Scratch<A, B>, Aligned<[A::Output; B]>, R::Tape<B>);
    type Gradients<const B: usize> = R::Gradients<B>;
    type State<O: Optimizer> = R::State<O>;

    /// The head's parameters alone.
    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.head.init(init, rng);
    }

    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (scratch, between, tape): &mut Self::Tape<B>,
        ys: &mut [R::Output],
    ) {
        let between = &mut between.0[..xs.len().min(B)];
        self.body.run(isa, xs, scratch.buffers(), between);
        self.head.forward(isa, between, tape, ys);
    }

    fn derivative<'a, const B: usize>(tape: &'a Self::Tape<B>, ys: &'a [R::Output]) -> Derivative<'a> {
        R::derivative(&tape.2, ys)
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &mut R::Gradients<B>,
        dx: InputGradient<'_, A::Input>,
    ) {
        let between = &between.0[..xs.len().min(B)];
        self.head.backward(isa, between, tape, dys, gradients, InputGradient::unwanted());
        dx.write(isa, |dxs| numbers_mut(dxs).fill(0.0));
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &R::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut R::State<O>,
    ) {
        let between = &between.0[..xs.len().min(B)];
        self.head.update::<O, B>(isa, between, tape, dys, gradients, sweep, state);
    }
}

/// The body takes a row of the batch as one unit, from its first layer to its last.
impl<A: Train + Copy, R: Sliced<Input = A::Output>> Sliced for Frozen<'_, A, R> {
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (scratch, between, tape): &mut Self::Tape<B>,
        ys: &mut [R::Output],
    ) {
        let between = &mut between.0[..xs.len().min(B)];
        let rows = slice.take(xs.len(), count_of::<A>());
        if !rows.is_empty() {
            self.body.run(isa, part(xs, &rows), scratch.buffers(), part_mut(between, &rows));
        }
        self.head.forward_slice(isa, slice, between, tape, ys);
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &mut R::Gradients<B>,
        dx: InputGradient<'_, A::Input>,
    ) {
        let between = &between.0[..xs.len().min(B)];
        self.head.backward_slice(isa, slice, between, tape, dys, gradients, InputGradient::unwanted());
        let rows = slice.take(dx.wanted(xs.len()), count_of::<A::Input>());
        dx.rows(&rows).write(isa, |dxs| numbers_mut(dxs).fill(0.0));
    }

    fn update_slice<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &R::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut R::State<O>,
    ) {
        let between = &between.0[..xs.len().min(B)];
        self.head.update_slice::<O, B>(isa, slice, between, tape, dys, gradients, sweep, state);
    }

    fn copy_slice(&mut self, slice: &mut Slice, from: &Self) {
        self.body = from.body;
        self.head.copy_slice(slice, &from.head);
    }
}

impl<A: Train, R: PerSample<Input = A::Output>> PerSample for Frozen<'_, A, R> {
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &R::Gradients<B>,
        squares: &mut [f32],
    ) {
        self.head.add_norms(isa, &between.0[..xs.len().min(B)], tape, dys, gradients, squares);
    }

    fn add_norms_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[A::Input],
        (_, between, tape): &Self::Tape<B>,
        dys: &[R::Output],
        gradients: &R::Gradients<B>,
        squares: &mut [f32],
    ) {
        let between = &between.0[..xs.len().min(B)];
        self.head.add_norms_slice(isa, slice, between, tape, dys, gradients, squares);
    }

    fn scale_rows<const B: usize>(factors: &[f32], gradients: &mut R::Gradients<B>) {
        R::scale_rows(factors, gradients);
    }
}
