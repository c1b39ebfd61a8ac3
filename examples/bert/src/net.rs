//! BERT as a type, with a vector of unit length for each text.
//!
//! Source: J. Devlin and others, "BERT: Pre-training of Deep Bidirectional Transformers", 2019; the vector of a text:
//! N. Reimers and I. Gurevych, "Sentence-BERT", 2019.

use fusebox::layers::{MeanPresent, PresentOnly};
use fusebox::{
    Attention, Dense, Each, Embedding, Gelu, LayerNorm, Positions, Present, Repeat, Residual, RmsNorm, Seq,
};

/// BERT adds 10^-12 to a variance.
pub(crate) type Norm<const D: usize> = LayerNorm<D, -12>;

/// Attention, then two dense layers; a normalisation after each. `D = HEADS HEAD`, `QKV = 3 D`.
pub(crate) type Block<
    const T: usize,
    const D: usize,
    const HEADS: usize,
    const HEAD: usize,
    const QKV: usize,
    const WIDE: usize,
> = Seq![
    Residual<Seq![
        Each<T, Present<Dense<D, QKV>>>,
        Attention<T, HEADS, HEAD, HEADS, QKV, D, PresentOnly>,
        Each<T, Present<Dense<D, D>>>,
    ]>,
    Each<T, Present<Norm<D>>>,
    Residual<Each<T, Present<Seq![Dense<D, WIDE, Gelu>, Dense<WIDE, D>]>>>,
    Each<T, Present<Norm<D>>>,
];

/// Up to `T` of `V` tokens in, `u16::MAX` where there is none; `D` numbers out.
pub(crate) type Bert<
    const V: usize,
    const T: usize,
    const D: usize,
    const HEADS: usize,
    const HEAD: usize,
    const QKV: usize,
    const WIDE: usize,
    const BLOCKS: usize,
> = Seq![
    Each<T, Embedding<V, D, u16>>,
    Positions<T, D>,
    Each<T, Present<Norm<D>>>,
    Repeat<BLOCKS, Block<T, D, HEADS, HEAD, QKV, WIDE>>,
    MeanPresent<T, D>,
    RmsNorm<D, -20>, // of gains 1 / sqrt(D): unit length
];

/// The most tokens of a text, with the two around it.
pub(crate) const T: usize = 256;
/// Numbers in a vector.
pub(crate) const D: usize = 384;
/// all-MiniLM-L6-v2.
pub(crate) type MiniLm = Bert<30522, T, D, 12, 32, 1152, 1536, 6>;
