//! Small transformers on sequences of `T` tokens below six.

use fusebox::layers::{Causal, Halves, Neighbours, PresentOnly};
use fusebox::{
    Attention, Dense, Each, Embedding, Gelu, GlobalAvgPool, LayerNorm, Positions, Present, Residual, Rotary,
    Seq, TiedEmbedding, View,
};

type Mlp = Seq![LayerNorm<4>, Dense<4, 6, Gelu>, Dense<6, 4>];

/// Rotary positions, and three heads of five numbers, which share keys and values.
type Shared<const T: usize> = Seq![
    Residual<
        Seq![
            Each<T, Seq![LayerNorm<4>, Dense<4, 25>]>,
            Rotary<T, 25, 4, 5, Halves, 4>,
            Attention<T, 3, 5, 1, 25, 15, Causal>,
            Each<T, Dense<15, 4>>
        ],
    >,
    Residual<Each<T, Mlp>>,
];

/// The same with keys and values for each head.
type Own<const T: usize> = Seq![
    Residual<
        Seq![
            Each<T, Seq![LayerNorm<4>, Dense<4, 45>]>,
            Rotary<T, 45, 6, 5, Neighbours, 2, 7>,
            Attention<T, 3, 5, 3, 45, 15, Causal>,
            Each<T, Dense<15, 4>>
        ],
    >,
    Residual<Each<T, Mlp>>,
];

/// A language model.
pub(crate) type Gpt<const T: usize> =
    TiedEmbedding<T, 6, 4, Seq![Positions<T, 4>, Shared<T>, Own<T>, Each<T, LayerNorm<4>>]>;

/// A block that leaves absent frames absent.
pub(crate) type Padded<const T: usize> = Seq![
    Residual<
        Seq![
            Each<T, Present<Seq![LayerNorm<4>, Dense<4, 12>]>>,
            Attention<T, 2, 3, 1, 12, 6, PresentOnly>,
            Each<T, Present<Dense<6, 4>>>
        ],
    >,
    Residual<Each<T, Present<Mlp>>>,
];

/// A vector for each token that is present.
pub(crate) type Encoder<const T: usize> = Seq![
    Each<T, Embedding<6, 4, u32>>,
    Each<T, Present<Dense<4, 4, Gelu>>>,
    Positions<T, 4>,
    Padded<T>,
];

type Mean<const T: usize> = View<[[f32; 4]; T], GlobalAvgPool<[[[f32; 4]; 1]; T], 4>, [f32; 4]>;

/// One of two classes.
pub(crate) type Classifier<const T: usize> = Seq![Encoder<T>, Mean<T>, Dense<4, 2>];
