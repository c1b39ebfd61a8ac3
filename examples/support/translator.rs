//! A small transformer of an encoder and a decoder, as types: it reads a text, and scores the next character of what
//! it has written so far.

use crate::dates::{ISO, LONGEST};
use fusebox::layers::{Both, Causal, Columns, PresentOnly};
use fusebox::{
    Attention, CrossAttention, Dense, Each, Embedding, Gelu, LayerNorm, Pair, Parallel, Positions, Present,
    Repeat, Residual, Seq, View,
};

/// Characters written, and read.
pub(crate) const T: usize = ISO;
pub(crate) const S: usize = LONGEST;
/// A row: the characters written so far, then those to read; [`ABSENT`] where there is none.
pub(crate) const ROW: usize = T + S;

/// All characters, those of a translation first. A translation begins with [`START`].
const ALPHABET: &str = "0123456789-> ',./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const V: usize = ALPHABET.len();
const WRITTEN: usize = 11;
const START: u8 = WRITTEN as u8;
const ABSENT: u8 = u8::MAX;

/// Numbers in a frame.
const D: usize = 64;
const HEADS: usize = 4;
const HEAD: usize = D / HEADS;
const QKV: usize = 3 * D;
const KV: usize = 2 * D;

type Frames<const N: usize> = [[f32; D]; N];
/// Of the text written, and of the text read.
type State = Pair<Frames<T>, Frames<S>>;
/// The first or the second part of a row.
type Written<I> = View<I, Columns<{ ROW * D }, 0, { T * D }>, Frames<T>>;
type Read<I> = View<I, Columns<{ ROW * D }, { T * D }, { S * D }>, Frames<S>>;

/// A layer on each of `N` frames, absent ones excepted.
type On<const N: usize, F> = Each<N, Present<F>>;
type Think<const N: usize> =
    Residual<On<N, Seq![LayerNorm<D>, Dense<D, { 2 * D }, Gelu>, Dense<{ 2 * D }, D>]>>;

/// Each frame of one text takes from all of it, or from what is before it.
type Look<const N: usize, Sees> = Residual<
    Seq![
        On<N, Seq![LayerNorm<D>, Dense<D, QKV>]>,
        Attention<N, HEADS, HEAD, HEADS, QKV, D, Sees>,
        On<N, Dense<D, D>>,
    ],
>;
type Encoder = Seq![Positions<S, D>, Repeat<2, Seq![Look<S, PresentOnly>, Think<S>]>];

/// Queries of the text written, keys and values of the text read.
type Ask = Parallel<
    Seq![Written<State>, On<T, Seq![LayerNorm<D>, Dense<D, D>]>],
    Seq![Read<State>, On<S, Seq![LayerNorm<D>, Dense<D, KV>]>],
    Both,
>;
/// Of one head, so that where it looks is one picture.
type Across = CrossAttention<T, S, 1, D, 1, KV, D, PresentOnly>;

pub(crate) type Translator = Seq![
    Each<ROW, Embedding<V, D, u8>>,
    Parallel<
        Seq![Written<Frames<ROW>>, Positions<T, D>, Look<T, Causal>],
        Seq![Read<Frames<ROW>>, Encoder],
        Both,
    >,
    Parallel<Written<State>, Seq![Ask, Across, On<T, Dense<D, D>>]>,
    Think<T>,
    On<T, Seq![LayerNorm<D>, Dense<D, WRITTEN>]>,
];

fn encode(text: &str) -> impl Iterator<Item = u8> {
    text.chars().filter_map(|c| ALPHABET.find(c)).map(|i| i as u8)
}

/// Errors unless a row has place for the text, and all of its characters are known.
pub(crate) fn check(text: &str) -> Result<(), String> {
    match text.chars().find(|&c| !ALPHABET.contains(c)) {
        Some(other) => Err(format!("dates have no {other:?}, only {ALPHABET:?}")),
        None if text.is_empty() || text.len() > S => {
            Err(format!("a date has 1 to {S} characters, not {}", text.len()))
        }
        None => Ok(()),
    }
}

/// The tokens of a translation.
pub(crate) fn tokens(iso: &str) -> [u8; T] {
    let mut tokens = [ABSENT; T];
    tokens.iter_mut().zip(encode(iso)).for_each(|(to, from)| *to = from);
    tokens
}

/// A row: [`START`] and what is written after it, and the text to read. Of `T` tokens written the last has no place:
/// none follows it.
pub(crate) fn row(written: &[u8], text: &str) -> [u8; ROW] {
    let mut row = [ABSENT; ROW];
    row[0] = START;
    row[1..T].iter_mut().zip(written).for_each(|(to, &from)| *to = from);
    row[T..].iter_mut().zip(encode(text)).for_each(|(to, from)| *to = from);
    row
}

pub(crate) fn decode(tokens: &[u8]) -> String {
    tokens.iter().filter_map(|&token| ALPHABET.chars().nth(usize::from(token))).collect()
}
