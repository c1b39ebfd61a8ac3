//! What `network!` derives of transformers equals types written by hand.

use core::any::{TypeId, type_name};
use fusebox::layers::{
    Both, Causal, Everything, Halves, MeanPresent, Neighbours, PresentOnly, Summary, Window,
};
use fusebox::{
    Attention, Conv1d, CrossAttention, Dense, Each, Embedding, Flatten, Gated, Gelu, GeluTanh, LayerNorm,
    Parallel, Positions, Present, Relu, Repeat, Residual, RmsNorm, Rng, Rotary, Scratch, Seq, Silu,
    TiedEmbedding, Train, network,
};
use fusebox::{Init, Layer, Zeroed};

fn same<A: 'static, B: 'static>() {
    assert_eq!(TypeId::of::<A>(), TypeId::of::<B>(), "{}\n{}", type_name::<A>(), type_name::<B>());
}

const T: usize = 8;
const HEADS: usize = 2;

network! {
    /// A GPT, as it is written in papers.
    type Gpt = [T] => [
        TiedEmbedding(10, 12, u8)[
            Positions,
            Repeat(2)[
                Residual[Each[LayerNorm], SelfAttention(HEADS)],
                Residual[Each[LayerNorm, Dense(48, Gelu), Dense(12)]],
            ],
            Each[LayerNorm],
        ],
    ];
}

#[test]
fn gpt() {
    type Look = Seq![
        Each<8, LayerNorm<12>>,
        Each<8, Dense<12, 36>>,
        Attention<8, 2, 6, 2, 36, 12, Causal>,
        Each<8, Dense<12, 12>>
    ];
    type Think = Each<8, Seq![LayerNorm<12>, Dense<12, 48, Gelu>, Dense<48, 12>]>;
    type Middle = Seq![
        Positions<8, 12>,
        Repeat<2, Seq![Residual<Look>, Residual<Think>]>,
        Each<8, LayerNorm<12>>
    ];
    same::<Gpt, TiedEmbedding<8, 10, 12, Middle, u8>>();
}

/// The same weights give the same outputs where norms and dense layers are in one `Each`, and chains in chains.
#[test]
fn outputs() {
    type Look = Seq![Each<8, Seq![LayerNorm<12>, Dense<12, 36>]>, Attention<8, 2, 6, 2, 36, 12>, Each<8, Dense<12, 12>>];
    type Think = Each<8, Seq![LayerNorm<12>, Dense<12, 48, Gelu>, Dense<48, 12>]>;
    type Block = Seq![Residual<Look>, Residual<Think>];
    type ByHand =
        TiedEmbedding<8, 10, 12, Seq![Seq![Positions<8, 12>, Repeat<2, Block>], Each<8, LayerNorm<12>>], u8>;

    let (mut net, mut by_hand) = (Gpt::ZEROED, ByHand::ZEROED);
    net.init(Init::Gpt, &mut Rng::new(3));
    by_hand.init(Init::Gpt, &mut Rng::new(3));
    let tokens = [[3, 1, 4, 1, 5, 9, 2, 6]];
    let [mut ys, mut expected] = [[[[0.0; 10]; 8]]; 2];
    net.infer(&tokens, &mut Scratch::<Gpt, 1>::new(), &mut ys).unwrap();
    by_hand.infer(&tokens, &mut Scratch::<ByHand, 1>::new(), &mut expected).unwrap();
    assert_eq!(ys, expected);
    assert!(ys[0][0] != ys[0][3]);
}

/// Absent frames stay absent.
#[test]
fn encoder() {
    network! {
        type Encoder = [8] => [
            Embedding(100, 12),
            Positions,
            Each[Present[LayerNorm(-12)]],
            Repeat(2)[
                Residual[SelfAttention(3, PresentOnly)],
                Each[Present[LayerNorm(-12)]],
                Residual[Each[Present[Dense(48, GeluTanh), Dense(12)]]],
                Each[Present[LayerNorm(-12)]],
            ],
            MeanPresent,
            RmsNorm(-20),
        ];
    }
    type Norm = Each<8, Present<LayerNorm<12, -12>>>;
    type Look = Seq![
        Each<8, Present<Dense<12, 36>>>,
        Attention<8, 3, 4, 3, 36, 12, PresentOnly>,
        Each<8, Present<Dense<12, 12>>>,
    ];
    type Think = Each<8, Present<Seq![Dense<12, 48, GeluTanh>, Dense<48, 12>]>>;
    type ByHand = Seq![
        Each<8, Embedding<100, 12>>,
        Positions<8, 12>,
        Norm,
        Repeat<2, Seq![Residual<Look>, Norm, Residual<Think>, Norm]>,
        MeanPresent<8, 12>,
        RmsNorm<12, -20>,
    ];
    same::<Encoder, ByHand>();
}

/// Heads that are not as wide as a part of the residual stream, which share keys and values, with rotations between.
#[test]
fn queries_keys_and_values() {
    network! {
        type Net = [8, 4] => [
            Residual[
                Each[LayerNorm, Dense(25)],
                Rotary(3, groups 1, first 4),
                Attention(3, groups 1),
                Each[Dense(4)],
            ],
            Residual[
                Each[RmsNorm, Dense(45)],
                Rotary(3, base 7, Neighbours, first 2, ),
                Attention(3, Everything, ),
                Each[Dense(4)],
            ],
        ];
    }
    type One = Seq![
        Each<8, Seq![LayerNorm<4>, Dense<4, 25>]>,
        Rotary<8, 25, 4, 5, Halves, 4>,
        Attention<8, 3, 5, 1, 25, 15, Causal>,
        Each<8, Dense<15, 4>>
    ];
    type Two = Seq![
        Each<8, Seq![RmsNorm<4>, Dense<4, 45>]>,
        Rotary<8, 45, 6, 5, Neighbours, 2, 7>,
        Attention<8, 3, 5, 3, 45, 15, Everything>,
        Each<8, Dense<15, 4>>
    ];
    same::<Net, Seq![Residual<One>, Residual<Two>]>();
}

/// The block of LLaMA: rotary positions, shared keys and values, a gated layer.
#[test]
fn rotary() {
    network! {
        type Net = [8] => [
            Embedding(50, 24, u32),
            Residual[Each[RmsNorm], SelfAttention(6, Rotary, groups 2)],
            Residual[Each[RmsNorm, Dense(64), Gated(Silu), Dense(24)]],
            Residual[SelfAttention(4, Everything, Rotary(Neighbours, base 500_000))],
            Residual[SelfAttention(1, Rotary(first 2), PresentOnly, groups 1, )],
        ];
    }
    type Six = Seq![
        Each<8, RmsNorm<24>>,
        Each<8, Dense<24, 40>>,
        Rotary<8, 40, 8, 4>,
        Attention<8, 6, 4, 2, 40, 24>,
        Each<8, Dense<24, 24>>
    ];
    type Mlp = Each<8, Seq![RmsNorm<24>, Dense<24, 64>, Gated<64, 32, Silu>, Dense<32, 24>]>;
    type Four = Seq![
        Each<8, Dense<24, 72>>,
        Rotary<8, 72, 8, 6, Neighbours, 6, 500_000>,
        Attention<8, 4, 6, 4, 72, 24, Everything>,
        Each<8, Dense<24, 24>>
    ];
    type One = Seq![
        Each<8, Present<Dense<24, 72>>>,
        Rotary<8, 72, 2, 24, Halves, 2>,
        Attention<8, 1, 24, 1, 72, 24, PresentOnly>,
        Each<8, Present<Dense<24, 24>>>
    ];
    type ByHand = Seq![
        Each<8, Embedding<50, 24, u32>>,
        Residual<Six>,
        Residual<Mlp>,
        Residual<Four>,
        Residual<One>
    ];
    same::<Net, ByHand>();
}

/// Queries from every other position; tokens of words, words of sentences.
#[test]
fn across() {
    network! {
        type Net = [6, 3] => [
            Each[Embedding(20, 4, u8)],
            Each[Present[Flatten, Dense(10)]],
            CrossAttention(2, groups 1, PresentOnly)[
                [Conv1d(8, 2, stride 2, Valid)],
                [Each[Dense(8)]],
            ],
            CrossAttention(4)[[Each[Dense(4)]], [Each[Dense(8)]]],
            Flatten,
            Dense(2, Relu),
        ];
    }
    type ByHand = Seq![
        Each<6, Each<3, Embedding<20, 4, u8>>>,
        Each<6, Present<Flatten<3, 4, Dense<12, 10>>>>,
        Parallel<Conv1d<6, 10, 3, 2, 10, 8, Window<fusebox::layers::Valid, 2>>, Each<6, Dense<10, 8>>, Both>,
        CrossAttention<3, 6, 2, 4, 1, 8, 8, PresentOnly>,
        Parallel<Each<3, Dense<8, 4>>, Each<3, Dense<8, 8>>, Both>,
        CrossAttention<3, 3, 4, 1, 4, 8, 4>,
        Flatten<3, 4, Dense<12, 2, Relu>>,
    ];
    same::<Net, ByHand>();
}

/// A layer has the number in a `Summary` that errors give it.
#[test]
fn numbers() {
    network! {
        type Net = [4] => [
            Embedding(5, 6, u8),
            CrossAttention(1)[[Positions], [Each[Dense(12)]]],
            Residual[SelfAttention(3, Rotary)],
        ];
    }
    let table = Summary::of::<Net>().to_string();
    let names = table.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    let names: Vec<_> = names.map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    let expected =
        ["Embedding", "Positions", "Dense", "CrossAttention", "Dense", "Rotary", "Attention", "Dense"];
    assert_eq!(names, expected, "{table}");
}
