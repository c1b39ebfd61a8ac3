//! Networks of attention, each with what it means as plain loops.

use super::attention::{Attention as Loops, Rotary as Turn, Sees};
use super::composed::{Tree, chain, dense, each, norm, repeat, residual};
use super::gpt::{Classifier, Gpt, Padded};
use super::menu::{Input, TOKENS, Visitor, plain, whole_of};
use super::reference_net::Bend::{Gelu as GELU, Identity as NONE, Silu as SILU, Tanh as TANH};
use fusebox::layers::{Everything, Halves, Neighbours, PresentOnly};
use fusebox::{
    Attention, CrossAttention, Dense, Dropout, Each, Flatten, LayerNorm, Plain, Positions, Present, Repeat,
    Rng, Rotary, Seq, Silu, Tanh, TiedEmbedding, Train, View,
};

/// How many networks there are.
pub(crate) const NETS: usize = 8;

/// As it is, as a row.
type Row<const T: usize, const N: usize, const ALL: usize> = Flatten<T, N, Dropout<ALL, 0>>;

fn mlp() -> Tree {
    chain([norm(4), dense(4, 6, GELU), dense(6, 4, NONE)])
}

fn own(frames: usize, [heads, head, groups]: [usize; 3], sees: Sees) -> Tree {
    Tree::Attention(Loops { queries: frames, keys: frames, heads, head, groups, cross: false, sees })
}

fn rotary(frame: usize, [heads, head, rotated]: [usize; 3], base: u32, neighbours: bool) -> Tree {
    Tree::Rotary(Turn { frame, heads, head, rotated, base, neighbours })
}

fn present(layer: Tree) -> Tree {
    Tree::Present(layer.into())
}

fn block(width: usize, rotary: Tree, groups: usize) -> Tree {
    chain([
        residual(chain([
            each(5, chain([norm(4), dense(4, width, NONE)])),
            rotary,
            own(5, [3, 5, groups], Sees::Past),
            each(5, dense(15, 4, NONE)),
        ])),
        residual(each(5, mlp())),
    ])
}

fn padded() -> Tree {
    chain([
        residual(chain([
            each(5, present(chain([norm(4), dense(4, 12, NONE)]))),
            own(5, [2, 3, 1], Sees::Present),
            each(5, present(dense(6, 4, NONE))),
        ])),
        residual(each(5, present(mlp()))),
    ])
}

fn tied(middle: Tree) -> Tree {
    Tree::TiedEmbedding { tokens: TOKENS, width: 4, middle: middle.into() }
}

const POSITIONS: Tree = Tree::Positions { frames: 5, width: 4 };

/// A network of tokens whose blocks have parameters a quarter as large as others': scores that are large multiply the bounds
/// in each block.
fn blocks<N, const OUT: usize>(v: &mut impl Visitor, rng: &mut Rng, name: &'static str, tree: Tree)
where
    N: Train<Input: Input, Output = [f32; OUT]> + Plain,
{
    let mut numbers = tree.random(rng);
    for number in &mut numbers[TOKENS * 4..] {
        *number *= 0.25;
    }
    whole_of::<N, OUT>(v, &numbers, name, &tree);
}

pub(crate) fn visit(number: usize, rng: &mut Rng, v: &mut impl Visitor) {
    match number {
        0 => blocks::<Seq![Gpt<5>, Row<5, TOKENS, 30>], 30>(
            v,
            rng,
            "a transformer",
            tied(chain([
                POSITIONS,
                block(25, rotary(25, [4, 5, 4], 10_000, false), 1),
                block(45, rotary(45, [6, 5, 2], 7, true), 3),
                each(5, norm(4)),
            ])),
        ),
        1 => blocks::<Classifier<5>, 2>(
            v,
            rng,
            "absent frames, and their mean",
            chain([
                Tree::Embedding { tokens: TOKENS, width: 4 },
                each(5, present(dense(4, 4, GELU))),
                POSITIONS,
                padded(),
                Tree::Mean { frames: 5 },
                dense(4, 2, NONE),
            ]),
        ),
        2 => blocks::<
            Seq![
                TiedEmbedding<5, TOKENS, 4, Seq![Positions<5, 4>, Repeat<2, Padded<5>>, Each<5, Present<LayerNorm<4>>>], u32>,
                Row<5, TOKENS, 30>
            ],
            30,
        >(
            v,
            rng,
            "absent frames in blocks, tied",
            tied(chain([POSITIONS, repeat(2, padded()), each(5, present(norm(4)))])),
        ),
        3 => plain::<
            Seq![
                View<[f32; 32], Seq![Rotary<4, 8, 3, 2, Neighbours>, Attention<4, 2, 2, 1, 8, 4, Everything>], [f32; 16]>,
                Dense<16, 2>
            ],
            2,
        >(
            v,
            rng,
            "attention first",
            chain([rotary(8, [3, 2, 2], 10_000, true), own(4, [2, 2, 1], Sees::All), dense(16, 2, NONE)]),
        ),
        4 => plain::<
            Seq![
                Each<3, Dense<2, 12, Tanh>>,
                Attention<3, 2, 3, 1, 12, 6>,
                Each<3, Dense<6, 12, Silu>>,
                Rotary<3, 12, 1, 8, Halves, 8, 2>,
                Positions<3, 12>,
                Row<3, 12, 36>,
                Dense<36, 2>
            ],
            2,
        >(
            v,
            rng,
            "attention, rotation and positions after functions",
            chain([
                each(3, dense(2, 12, TANH)),
                own(3, [2, 3, 1], Sees::Past),
                each(3, dense(6, 12, SILU)),
                rotary(12, [1, 8, 8], 2, false),
                Tree::Positions { frames: 3, width: 12 },
                dense(36, 2, NONE),
            ]),
        ),
        5 => plain::<
            Seq![Dense<5, 20, Silu>, View<[f32; 20], CrossAttention<2, 3, 2, 2, 1, 4, 4>, [f32; 8]>, Dense<8, 2>],
            2,
        >(
            v,
            rng,
            "attention to others",
            chain([
                dense(5, 20, SILU),
                Tree::Attention(Loops {
                    queries: 2,
                    keys: 3,
                    heads: 2,
                    head: 2,
                    groups: 1,
                    cross: true,
                    sees: Sees::All,
                }),
                dense(8, 2, NONE),
            ]),
        ),
        6 => plain::<Seq![View<[f32; 72], Attention<18, 2, 1, 1, 4, 2>, [f32; 36]>, Dense<36, 2>], 2>(
            v,
            rng,
            "more queries than a strip",
            chain([own(18, [2, 1, 1], Sees::Past), dense(36, 2, NONE)]),
        ),
        _ => plain::<
            Seq![View<[f32; 18], CrossAttention<2, 2, 1, 3, 1, 6, 3, PresentOnly>, [f32; 6]>, Dense<6, 2>],
            2,
        >(
            v,
            rng,
            "attention to others first",
            chain([
                Tree::Attention(Loops {
                    queries: 2,
                    keys: 2,
                    heads: 1,
                    head: 3,
                    groups: 1,
                    cross: true,
                    sees: Sees::Present,
                }),
                dense(6, 2, NONE),
            ]),
        ),
    }
}
