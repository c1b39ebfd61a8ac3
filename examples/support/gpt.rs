//! A small GPT of characters, as types: the configuration for a CPU of nanoGPT (4 layers of 4 heads, 128 numbers wide, 64
//! characters long).

use fusebox::{Attention, Dense, Gelu, Init, LayerNorm, Positions, Rng, TiedEmbedding, Train, network};

/// Characters in a sequence.
pub(crate) const T: usize = 64;
/// Numbers in a frame.
pub(crate) const D: usize = 128;
const HEADS: usize = 4;
/// Blocks.
pub(crate) const LAYERS: usize = 4;

network! {
    /// Blocks of what a position takes from those before it, and what it makes of that.
    pub(crate) type Transformer = [T, D] => [
        Positions,
        Repeat(LAYERS)[
            Residual[Each[LayerNorm, Dense(3 * D)], Attention(HEADS), Each[Dense(D)]],
            Residual[Each[LayerNorm, Dense(4 * D, Gelu), Dense(D)]],
        ],
        Each[LayerNorm],
    ];
}
/// `V` characters, of which it scores the next one at each position.
pub(crate) type Gpt<const V: usize> = TiedEmbedding<T, V, D, Transformer, u8>;

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
