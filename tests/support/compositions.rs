//! Networks made of every kind of composition, for tests that hold of any network.

use fusebox::layers::Both;
use fusebox::{
    Columns, Concat, Dense, Dropout, Each, Gelu, LayerNorm, Parallel, Relu, Relu6, Repeat, Residual, Seq,
    Sigmoid, Silu, Tanh, Tied, View,
};

/// `x + f(x)`, `f` ending in a function whose slopes are kept.
pub(crate) type Around = Residual<Dense<6, 6, Silu>>;

/// `x + f(x)`, `f` being a chain.
pub(crate) type Block = Residual<Seq![LayerNorm<6>, Dense<6, 11, Relu>, Dense<11, 6>]>;

/// A branch for a part of a row and one for all of it, beside each other.
pub(crate) type Branches = Parallel<Seq![Columns<6, 1, 3>, Dense<3, 5, Tanh>], Dense<6, 2, Gelu>, Concat<7>>;

/// [`Branches`], whose outputs are a pair, seen as a row.
pub(crate) type Paired =
    View<[f32; 6], Parallel<Seq![Columns<6, 1, 3>, Dense<3, 5, Tanh>], Dense<6, 2, Gelu>, Both>, [f32; 7]>;

/// Two branches, added.
pub(crate) type Added = Parallel<Dense<7, 6, Sigmoid>, Seq![Dense<7, 3, Relu>, Dense<3, 6>]>;

/// Weights in two places, and layers between.
pub(crate) type Twice = Tied<6, 3, Repeat<2, Residual<Dense<3, 3, Tanh>>>, Gelu>;

/// Two positions of three numbers each, which become four.
pub(crate) type Positions =
    View<[f32; 6], Each<2, Seq![Dense<3, 4, Silu>, Residual<Dense<4, 4, Relu>>]>, [f32; 8]>;

/// All of them.
pub(crate) type All = Seq![Around, Repeat<3, Block>, Branches, Added, Twice, Positions, Dense<8, 3>];

/// All of them in another order, so that each meets others and stands at the other end of the scratch, with dropout.
pub(crate) type Other = Seq![
    Dense<5, 6, Gelu>,
    Positions,
    Dense<8, 6, Silu>,
    Twice,
    Paired,
    Added,
    Repeat<2, Seq![Dense<6, 6, Relu6>, Dropout<6, 20>]>,
    Repeat<1, Around>,
    Around,
    Dense<6, 3>,
];
