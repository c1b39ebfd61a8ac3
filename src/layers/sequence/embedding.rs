//! A vector of numbers for each token.

use super::super::{Init, InputGradient, Layer, Linear, PerRow, Train};
use crate::layers::init::initialize;
use crate::memory::layout;
use crate::optimizers::{Optimizer, Picked};
use crate::pace::Pace;
use crate::{Error, Isa, Label, Plain, Rng, Zeroed};
use core::marker::PhantomData;

/// A row of `D` numbers, trained, for each of `V` tokens. The first layer of a network, at each position of a sequence.
///
/// The largest value of the token's type `K` is no token, if it is not below `V`: its row is zeros, and so is
/// that of other tokens past the vocabulary, which inference and training refuse ([`Error::Token`]).
///
/// ```
/// use fusebox::{Dense, Each, Embedding, Error, Flatten, Layer, Rng, Scratch, Seq, Sgd, Train, Workspace};
/// type Net = Seq![Each<3, Embedding<26, 4, u8>>, Flatten<3, 4, Dense<12, 2>>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 1>::new();
/// workspace.train_step(&mut net, &[[7, 4, u8::MAX]], &[1], &Sgd::new(0.1))?; // two letters, and none
/// let refused = workspace.train_step(&mut net, &[[7, 26, 0]], &[1], &Sgd::new(0.1));
/// assert_eq!(refused, Err(Error::Token { vocabulary: 26, got: 26, position: 1 }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Embedding<const V: usize, const D: usize, K = u16> {
    /// A row for each token.
    pub weight: [[f32; D]; V],
    tokens: PhantomData<K>,
}

impl<const V: usize, const D: usize, K> Zeroed for Embedding<V, D, K> {
    const ZEROED: Self = Self { weight: Zeroed::ZEROED, tokens: PhantomData };
}

// SAFETY: `repr(C)`, an array of numbers and a zero-sized field.
unsafe impl<const V: usize, const D: usize, K: Copy + 'static> Plain for Embedding<V, D, K> {
    type Slack = ();
}

/// Overwrites `ys` with the rows of the tokens; zeros where there is none.
pub(super) fn look_up<const V: usize, const D: usize, K: Label>(
    weight: &[[f32; D]; V],
    tokens: &[K],
    ys: &mut [[f32; D]],
) {
    if tokens.len() == ys.len() {
        for (token, y) in tokens.iter().zip(ys) {
            *y = weight.get(token.class()).copied().unwrap_or([0.0; D]);
        }
    }
}

/// Errors unless each token is below `vocabulary`, or none.
pub(super) fn check_tokens<K: Label>(vocabulary: usize, tokens: &[K]) -> Result<(), Error> {
    let refused = |token: &K| token.class() >= vocabulary && token.class() != K::MOST;
    match tokens.iter().position(refused) {
        Some(position) => {
            let got = tokens.get(position).map_or(0, |token| token.class());
            Err(Error::Token { vocabulary, got, position })
        }
        None => Ok(()),
    }
}

/// Overwrites an embedding's weights with initial values: of variance 1 / D, unless `init` says another.
pub(super) fn initialize_rows<const V: usize, const D: usize>(
    init: Init,
    weight: &mut [[f32; D]; V],
    rng: &mut Rng,
) {
    initialize(init, 1.0, weight.as_flattened_mut(), [D, 1], rng);
}

impl<const V: usize, const D: usize, K: Label + Zeroed + 'static> Layer for Embedding<V, D, K> {
    type Input = K;
    type Output = [f32; D];
    type Scratch = ();
    type InPlace = ();

    fn run(&self, _: Isa, tokens: &[K], _: &mut [f32], ys: &mut [[f32; D]]) {
        look_up(&self.weight, tokens, ys);
    }

    fn admits(tokens: &[K]) -> Result<(), Error> {
        check_tokens(V, tokens)
    }
}

impl<const V: usize, const D: usize, K: Label + Zeroed + 'static> PerRow for Embedding<V, D, K> {}

/// Units are rows of the batch in `forward`, rows of weights in `update`.
impl<const V: usize, const D: usize, K: Label + Zeroed + 'static> Train for Embedding<V, D, K> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = O::State<[[f32; D]; V]>;
    type End = Linear;

    const LAYOUT: u64 = layout("Embedding", &[V as u64, D as u64]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize_rows(init, &mut self.weight, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        tokens: &[K],
        _: Option<&()>,
        _: &mut [()],
        ys: &mut [[f32; D]],
    ) {
        let rows = pace.take(tokens.len(), D);
        if let (Some(tokens), Some(ys)) = (tokens.get(rows.clone()), ys.get_mut(rows)) {
            look_up(&self.weight, tokens, ys);
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[K],
        _: &[()],
        _: &[[f32; D]],
        _: &mut [()],
        dx: InputGradient<'_, K>,
    ) {
        dx.write_zeros(pace);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        tokens: &[K],
        _: &[()],
        dys: &[[f32; D]],
        _: &[()],
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    ) {
        O::step(pace, sweep, Picked::of(tokens, dys), &mut self.weight, state);
    }
}
