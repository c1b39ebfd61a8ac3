//! A small BERT of characters, as types: normalisation after each sum, attention to all positions.

use fusebox::layers::Everything;
use fusebox::{Attention, Dense, Each, Embedding, Gelu, LayerNorm, Positions, Repeat, Residual, Seq};

/// Characters in a sequence.
pub(crate) const T: usize = 32;
/// Numbers in a frame, and in a frame of queries, keys and values.
pub(crate) const D: usize = 128;
const QKV: usize = 3 * D;
const HEADS: usize = 4;
const HEAD: usize = D / HEADS;
/// Blocks.
const LAYERS: usize = 2;

type Norm = LayerNorm<D, -12>;
type Look =
    Seq![Each<T, Dense<D, QKV>>, Attention<T, HEADS, HEAD, HEADS, QKV, D, Everything>, Each<T, Dense<D, D>>];
type Think = Seq![Dense<D, { 4 * D }, Gelu>, Dense<{ 4 * D }, D>];
type Block = Seq![Residual<Look>, Each<T, Norm>, Residual<Each<T, Think>>, Each<T, Norm>];
/// `IN` characters, the mask among them; scores of `OUT` characters at each position.
pub(crate) type Bert<const IN: usize, const OUT: usize> = Seq![
    Each<T, Embedding<IN, D, u8>>,
    Positions<T, D>,
    Each<T, Norm>,
    Repeat<LAYERS, Block>,
    Each<T, Dense<D, OUT>>,
];
