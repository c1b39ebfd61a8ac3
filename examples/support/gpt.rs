//! A small GPT of characters, as types: the configuration for a CPU of nanoGPT (4 layers of 4 heads, 128 numbers wide, 64
//! characters long).

use fusebox::{
    Attention, Dense, Each, Gelu, Init, LayerNorm, Positions, Repeat, Residual, Rng, Seq, TiedEmbedding,
    Train,
};

/// Characters in a sequence.
pub(crate) const T: usize = 64;
/// Numbers in a frame, and in a frame of queries, keys and values.
pub(crate) const D: usize = 128;
const QKV: usize = 3 * D;
const HEADS: usize = 4;
const HEAD: usize = D / HEADS;
/// Blocks.
pub(crate) const LAYERS: usize = 4;

/// What a position takes from those before it.
pub(crate) type Look = Seq![
    Each<T, Seq![LayerNorm<D>, Dense<D, QKV>]>,
    Attention<T, HEADS, HEAD, HEADS, QKV, D>,
    Each<T, Dense<D, D>>,
];
/// What it makes of that.
pub(crate) type Think = Each<T, Seq![LayerNorm<D>, Dense<D, { 4 * D }, Gelu>, Dense<{ 4 * D }, D>]>;
pub(crate) type Block = Seq![Residual<Look>, Residual<Think>];
/// `V` characters, of which it scores the next one at each position.
pub(crate) type Gpt<const V: usize> =
    TiedEmbedding<T, V, D, Seq![Positions<T, D>, Repeat<LAYERS, Block>, Each<T, LayerNorm<D>>], u8>;

/// Initial values as GPT-2's: what is added to a frame starts smaller, the more there is of it.
pub(crate) fn init<const V: usize>(net: &mut Gpt<V>, rng: &mut Rng) {
    net.init(Init::Gpt, rng);
    let factor = 1.0 / (2.0 * LAYERS as f32).sqrt();
    for block in &mut net.middle.rest.first.blocks {
        let look = block.first.layer.rest.rest.layer.weight.as_flattened_mut();
        let think = block.rest.layer.layer.rest.rest.weight.as_flattened_mut();
        look.iter_mut().chain(think).for_each(|weight| *weight *= factor);
    }
}
