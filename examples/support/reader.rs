//! A small transformer, as types: it reads sentences, of which the last is a question, and scores the answers.

use crate::stories::{PLACES, SENTENCES, VOCABULARY, WORDS};
use fusebox::layers::PresentOnly;
use fusebox::{
    Attention, Dense, Each, Embedding, Flatten, Gelu, Last, LayerNorm, Positions, Present, Repeat, Residual,
    Seq,
};

/// Sentences in a row.
pub(crate) const T: usize = SENTENCES;
/// Numbers of a word, and of a sentence.
const W: usize = 16;
const D: usize = 64;
pub(crate) const HEADS: usize = 4;
const HEAD: usize = D / HEADS;
const QKV: usize = 3 * D;
pub(crate) const BLOCKS: usize = 3;

/// A layer on each sentence that is there.
type On<F> = Each<T, Present<F>>;
/// What a sentence takes from the others.
type Look = Seq![
    On<Seq![LayerNorm<D>, Dense<D, QKV>]>,
    Attention<T, HEADS, HEAD, HEADS, QKV, D, PresentOnly>,
    On<Dense<D, D>>,
];
type Think = On<Seq![LayerNorm<D>, Dense<D, { 2 * D }, Gelu>, Dense<{ 2 * D }, D>]>;
pub(crate) type Block = Seq![Residual<Look>, Residual<Think>];

/// Words side by side become a sentence; the question comes last, and has the answer.
pub(crate) type Reader = Seq![
    Each<T, Each<WORDS, Embedding<VOCABULARY, W, u8>>>,
    On<Flatten<WORDS, W, Dense<{ WORDS * W }, D>>>,
    Positions<T, D>,
    Repeat<BLOCKS, Block>,
    Last<T, D>,
    LayerNorm<D>,
    Dense<D, { PLACES.len() }>,
];
