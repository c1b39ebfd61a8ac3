//! What `network!` derives and `Summary` shows, with stand-ins for layers on pictures: types with their sizes, which do nothing.

use core::any::TypeId;
use core::any::type_name;
use fusebox::layers::{Around, Causal, Same, Summary, Valid, Window};
use fusebox::{
    Activate, AvgPool1d, AvgPool2d, BatchNorm, Concat, ConcatChannels, Conv1d, Conv2d, ConvTranspose2d,
    Dense, DepthwiseConv1d, DepthwiseConv2d, Dropout, Each, Frozen, Gated, Gelu, GlobalAvgPool,
    GlobalMaxPool, GroupNorm, InputGradient, InstanceNorm, Isa, Layer, LayerNorm, Linear, MaxPool1d,
    MaxPool2d, Optimizer, Pace, Pad2d, Parallel, Pixels, Relu, Repeat, Residual, RmsNorm, Seq, Sgd, Silu,
    Softmax, Tanh, Tied, Train, Upsample2d, View, Workspace, Zeroed, network, plain,
};

type Pic<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Implements the traits for a type that only has sizes.
macro_rules! stand_in {
    ([$($generics:tt)*] $name:ty, $in:ty => $out:ty, $macs:expr, $check:expr) => {
        impl<$($generics)*> Layer for $name {
            type Input = $in;
            type Output = $out;
            type Scratch = ();
            type InPlace = $in;
            const CHECK: () = $check;
            const MACS: u64 = $macs as u64;
            fn run(&self, _: Isa, _: &[$in], _: &mut [f32], _: &mut [$out]) {}
        }
        impl<$($generics)*> Train for $name {
            type Tape = ();
            type Gradients = ();
            type Memory = ();
            type State<Q: Optimizer> = ();
            type End = Linear;
            fn forward<Q: Pace>(&self, _: &mut Q, _: &[$in], _: Option<&()>, _: &mut [()], _: &mut [$out]) {}
            fn backward<Q: Pace>(
                &self, _: &mut Q, _: &[$in], _: &[()], _: &[$out], _: &mut [()], _: InputGradient<'_, $in>,
            ) {}
        }
    };
}

fn same<A: 'static, B: 'static>() {
    assert_eq!(TypeId::of::<A>(), TypeId::of::<B>(), "{}\n{}", type_name::<A>(), type_name::<B>());
}

const FILTERS: usize = 8;

network! {
    /// With every layer on pictures.
    pub(crate) type Digits = [28, 28, 1] => [
        Conv2d(FILTERS, [3, 3], stride 2, Relu),
        MaxPool2d(2),
        DepthwiseConv2d([3, 3], Around(1), multiplier 2, dilation [2, 1]),
        Conv2d(4 * 4, 1, groups 4, Valid),
        BatchNorm(Relu),
        AvgPool2d([2, 3], stride 1),
        Flatten,
        Dense(32, Relu),
        Dropout(10),
        Dense(10),
        Softmax,
    ];
}

#[test]
fn layers() {
    type ByHand = Seq![
        Conv2d<Pic<28, 28, 1>, Pic<14, 14, 8>, 3, 3, 1, 8, Window<Same, 2, 2>, Relu>,
        MaxPool2d<Pic<14, 14, 8>, Pic<7, 7, 8>, 2, 2, Window<Valid, 2, 2>>,
        DepthwiseConv2d<Pic<7, 7, 8>, Pic<5, 7, 16>, 3, 3, 16, Window<Around<1>, 1, 1, 2, 1>>,
        Conv2d<Pic<5, 7, 16>, Pic<5, 7, 16>, 1, 1, 4, 16, Window<Valid>>,
        BatchNorm<Pic<5, 7, 16>, 16, Relu>,
        AvgPool2d<Pic<5, 7, 16>, Pic<4, 5, 16>, 2, 3, Window<Valid>>,
        View<Pic<4, 5, 16>, Dense<320, 32, Relu>, [f32; 32]>,
        Dropout<32, 10>,
        Dense<32, 10>,
        Softmax<10>,
    ];
    same::<Digits, ByHand>();
}

#[test]
fn options() {
    network!(type A = [9, 8, 4] => [Conv2d(6, [3, 2], dilation [2, 1], Valid, stride [1, 2], groups 2, Relu), ]);
    same::<A, Conv2d<Pic<9, 8, 4>, Pic<5, 4, 6>, 3, 2, 2, 6, Window<Valid, 1, 2, 2, 1>, Relu>>();
    network!(type B = [9, 7, 4] => [DepthwiseConv2d(3, Around(1), multiplier 3, stride 2)]);
    same::<B, DepthwiseConv2d<Pic<9, 7, 4>, Pic<5, 4, 12>, 3, 3, 12, Window<Around<1>, 2, 2>>>();
    network!(type C = [16, 3] => [Reshape(16, 1, 3), Conv2d(4, [5, 1], Causal, dilation 2), GlobalAvgPool, Dense(2)]);
    type Temporal = Conv2d<Pic<16, 1, 3>, Pic<16, 1, 4>, 5, 1, 3, 4, Window<Causal, 1, 1, 2, 2>>;
    type ByHand = Seq![
        View<[[f32; 3]; 16], Temporal, Pic<16, 1, 4>>,
        GlobalAvgPool<Pic<16, 1, 4>, 4>,
        Dense<4, 2>
    ];
    same::<C, ByHand>();
}

/// Time is down the rows of a picture of one column.
#[test]
fn sequences() {
    network! {
        type Net = [32, 3] => [
            Conv1d(FILTERS, 5, stride 2, Causal, Relu),
            BatchNorm(Relu),
            DepthwiseConv1d(3, dilation 2, multiplier 2, Around(2)),
            MaxPool1d(2),
            Conv1d(4 * 2, 1, groups 4),
            AvgPool1d(3, stride 1, Same),
            Activate(Tanh),
            Dropout(10, 3),
            BatchNorm,
            GlobalAvgPool,
            Dense(2),
        ];
    }
    type Seq8 = [[f32; 8]; 8];
    type ByHand = Seq![
        Conv1d<32, 3, 16, 5, 3, 8, Window<Causal, 2>, Relu>,
        View<[[f32; 8]; 16], BatchNorm<Pic<16, 1, 8>, 8, Relu>, [[f32; 8]; 16]>,
        DepthwiseConv1d<16, 8, 16, 3, 16, Window<Around<2>, 1, 1, 2>>,
        MaxPool1d<16, 16, 8, 2>,
        Conv1d<8, 16, 8, 1, 4, 8>,
        AvgPool1d<8, 8, 8, 3, Window<Same>>,
        Each<8, Activate<8, Tanh>>,
        Each<8, Dropout<8, 10, 3>>,
        View<Seq8, BatchNorm<Pic<8, 1, 8>, 8>, Seq8>,
        View<Seq8, GlobalAvgPool<Pic<8, 1, 8>, 8>, [f32; 8]>,
        Dense<8, 2>,
    ];
    same::<Net, ByHand>();
    // A kernel of one column on a picture of one column is the same layer.
    network!(type Temporal = [33, 3] => [Conv1d(8, 5, stride 2, Valid, dilation 2), GlobalMaxPool]);
    network!(type Picture = [33, 3] => [Reshape(33, 1, 3), Conv2d(8, [5, 1], stride [2, 1], Valid, dilation [2, 1]), GlobalMaxPool]);
    type Conv = Conv2d<Pic<33, 1, 3>, Pic<13, 1, 8>, 5, 1, 3, 8, Window<Valid, 2, 1, 2, 1>>;
    type Pool = GlobalMaxPool<Pic<13, 1, 8>, 8>;
    type Sequence = [[f32; 8]; 13];
    same::<Temporal, Seq![View<[[f32; 3]; 33], Conv, Sequence>, View<Sequence, Pool, [f32; 8]>]>();
    same::<Picture, Seq![View<[[f32; 3]; 33], Conv, Pic<13, 1, 8>>, Pool]>();
    // Inside lists, and on numbers seen as a sequence.
    network!(type Nested = [6, 4, 2] => [Each[Residual[Conv1d(2, 3, Relu)], Conv1d(4, 3)], Flatten, Reshape(24, 4), MaxPool1d(3)]);
    type Row = Seq![Residual<Conv1d<4, 2, 4, 3, 2, 2, Window, Relu>>, Conv1d<4, 2, 4, 3, 2, 4>];
    same::<Nested, Seq![Each<6, Row>, View<Pic<6, 4, 4>, MaxPool1d<24, 4, 8, 3>, [[f32; 4]; 8]>]>();
}

/// Each picture or sequence by itself.
#[test]
fn normalised() {
    network! {
        type Net = [6, 4, 2] => [
            GroupNorm(2),
            Conv2d(FILTERS, 1),
            GroupNorm(FILTERS / 2, Relu),
            InstanceNorm(Tanh),
            InstanceNorm,
            Reshape(24, 8),
            GroupNorm(1, Gelu, ),
            GroupNorm(8),
            InstanceNorm,
            InstanceNorm(Relu),
        ];
    }
    type P = Pic<6, 4, 8>;
    type Row = [[f32; 8]; 24];
    type Column = Pic<24, 1, 8>;
    type ByHand = Seq![
        GroupNorm<Pic<6, 4, 2>, 2, 2>,
        Conv2d<Pic<6, 4, 2>, P, 1, 1, 2, 8>,
        GroupNorm<P, 8, 4, Relu>,
        InstanceNorm<P, 8, Tanh>,
        InstanceNorm<P, 8>,
        View<P, View<Row, GroupNorm<Column, 8, 1, Gelu>, Row>, Row>,
        View<Row, GroupNorm<Column, 8, 8>, Row>,
        View<Row, InstanceNorm<Column, 8>, Row>,
        View<Row, InstanceNorm<Column, 8, Relu>, Row>,
    ];
    same::<Net, ByHand>();
}

/// `Concat` of rows, of sequences and of pictures, in each other.
#[test]
fn joined() {
    network! {
        type Net = [8, 6, 2] => [
            Concat[
                [Conv2d(3, 1, stride 2, Relu)],
                [MaxPool2d(2), Concat[[Conv2d(4, 3)], [InstanceNorm]]],
            ],
            Reshape(12, 9),
            Concat[[Conv1d(5, 3, stride 3), BatchNorm], [MaxPool1d(3)]],
            Each[Concat[[Dense(2)], [Dense(4, Relu)]]],
            Flatten,
            Concat[[Dense(3)], [Dense(1)]],
            Dense(2),
        ];
    }
    type P<const C: usize> = Pic<4, 3, C>;
    type Half = Seq![
        MaxPool2d<Pic<8, 6, 2>, P<2>, 2, 2>,
        Parallel<Conv2d<P<2>, P<4>, 3, 3, 2, 4>, InstanceNorm<P<2>, 2>, ConcatChannels<6>>,
    ];
    type S<const C: usize> = [[f32; C]; 4];
    type Long =
        Seq![Conv1d<12, 9, 4, 3, 9, 5, Window<Same, 3>>, View<S<5>, BatchNorm<Pic<4, 1, 5>, 5>, S<5>>];
    type ByHand = Seq![
        Parallel<Conv2d<Pic<8, 6, 2>, P<3>, 1, 1, 2, 3, Window<Same, 2, 2>, Relu>, Half, ConcatChannels<9>>,
        View<P<9>, Parallel<Long, MaxPool1d<12, 9, 4, 3>, ConcatChannels<14>>, S<14>>,
        Each<4, Parallel<Dense<14, 2>, Dense<14, 4, Relu>, Concat<6>>>,
        View<S<6>, Parallel<Dense<24, 3>, Dense<24, 1>, Concat<4>>, [f32; 4]>,
        Dense<4, 2>,
    ];
    same::<Net, ByHand>();
}

/// Layers that make a picture larger.
#[test]
fn larger() {
    network! {
        type Net = [4, 6, 2] => [
            ConvTranspose2d(8, 3, stride 2, Relu),
            ConvTranspose2d(4, [2, 3], stride [2, 1], Valid),
            ConvTranspose2d(4, 3, Around(1), stride 2),
            Upsample2d(2),
            Upsample2d([1, 3]),
            Pad2d(1),
            Pad2d([2, 0], [1, 3]),
            Activate(Relu),
        ];
    }
    type ByHand = Seq![
        ConvTranspose2d<Pic<4, 6, 2>, Pic<8, 12, 8>, 3, 3, 2, 8, Window<Same, 2, 2>, Relu>,
        ConvTranspose2d<Pic<8, 12, 8>, Pic<16, 14, 4>, 2, 3, 8, 4, Window<Valid, 2, 1>>,
        ConvTranspose2d<Pic<16, 14, 4>, Pic<31, 27, 4>, 3, 3, 4, 4, Window<Around<1>, 2, 2>>,
        Upsample2d<Pic<31, 27, 4>, Pic<62, 54, 4>, 2, 2>,
        Upsample2d<Pic<62, 54, 4>, Pic<62, 162, 4>, 1, 3>,
        Pad2d<Pic<62, 162, 4>, Pic<64, 164, 4>, 1, 1>,
        Pad2d<Pic<64, 164, 4>, Pic<66, 168, 4>, 2, 1>,
        Each<66, View<[[f32; 4]; 168], Activate<672, Relu>, [[f32; 4]; 168]>>,
    ];
    same::<Net, ByHand>();
}

/// Each position has a mask of its own, and each step has others.
#[test]
fn masks() {
    network!(type Net = [16, 32] => [Dropout(50), Flatten, Dense(2)]);
    let mut workspace = Workspace::<Net, 1>::new();
    let xs = [[[1.0; 32]; 16]];
    let mut dropped = || {
        // The gradient of a weight is what its input was, times a factor that all share.
        let mut after = Net::ZEROED;
        workspace.train_step(&mut after, &xs, &[0], &Sgd::new(1.0)).unwrap();
        let positions = after.rest.layer.weight.chunks(32);
        positions
            .map(|rows| rows.iter().fold(0, |mask, w| mask << 1 | u32::from(w[1] == 0.0)))
            .collect::<Vec<u32>>()
    };
    let (first, second) = (dropped(), dropped());
    let mut all: Vec<u32> = first.iter().chain(&second).copied().collect();
    assert!(all.iter().all(|mask| (6..26).contains(&mask.count_ones())), "{all:x?}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 32);
}

#[test]
fn lists() {
    network! {
        type Net = [8, 8, 3] => [
            Conv2d(4, 3, Relu),
            Residual[
                Conv2d(8, 1, Relu),
                Repeat(2)[DepthwiseConv2d(3, Relu)],
                Conv2d(4, 1),
            ],
            Sum[
                [Conv2d(16, 1, stride 2)],
                [Conv2d(16, 3, stride 2, Relu), Residual[Conv2d(16, 3)]],
            ],
            Dropout(20, 7),
            Each[Each[Dense(2, Relu), LayerNorm]],
            Each[Flatten, Dense(6)],
            Concat[[GlobalRow<4, 6> => [3], Dense(2)], [Flatten, Dense(3)]],
            Untouched,
            Dense(1),
        ];
    }
    type P8<const C: usize> = Pic<8, 8, C>;
    type P4<const C: usize> = Pic<4, 4, C>;
    type Inner = Seq![
        Conv2d<P8<4>, P8<8>, 1, 1, 4, 8, Window, Relu>,
        Repeat<2, DepthwiseConv2d<P8<8>, P8<8>, 3, 3, 8, Window, Relu>>,
        Conv2d<P8<8>, P8<4>, 1, 1, 8, 4>,
    ];
    type Halve = Window<Same, 2, 2>;
    type Long =
        Seq![Conv2d<P8<4>, P4<16>, 3, 3, 4, 16, Halve, Relu>, Residual<Conv2d<P4<16>, P4<16>, 3, 3, 16, 16>>];
    type Joined =
        Parallel<Seq![GlobalRow<4, 6>, Dense<3, 2>], View<[[f32; 6]; 4], Dense<24, 3>, [f32; 3]>, Concat<5>>;
    type ByHand = Seq![
        Conv2d<P8<3>, P8<4>, 3, 3, 3, 4, Window, Relu>,
        Residual<Inner>,
        Parallel<Conv2d<P8<4>, P4<16>, 1, 1, 4, 16, Halve>, Long>,
        Each<4, View<[[f32; 16]; 4], Dropout<64, 20, 7>, [[f32; 16]; 4]>>,
        Each<4, Each<4, Seq![Dense<16, 2, Relu>, LayerNorm<2>]>>,
        Each<4, View<[[f32; 2]; 4], Dense<8, 6>, [f32; 6]>>,
        Joined,
        Untouched,
        Dense<5, 1>,
    ];
    same::<Net, ByHand>();
    network!(type Seen = [4, 5] => [Each[Reshape(1, 5, 1), Dropout(10), Flatten, Dense(2)]]);
    type Row = Pic<1, 5, 1>;
    type Drop = Each<1, View<[[f32; 1]; 5], Dropout<5, 10>, [[f32; 1]; 5]>>;
    type Inside = Seq![View<[f32; 5], Drop, Row>, View<Row, Dense<5, 2>, [f32; 2]>];
    same::<Seen, Each<4, Inside>>();
    network!(type Block = [6] => [RmsNorm, Dense(16), Gated(Silu), Dense(6), LayerNorm(-12), RmsNorm(-5)]);
    same::<
        Block,
        Seq![RmsNorm<6>, Dense<6, 16>, Gated<16, 8, Silu>, Dense<8, 6>, LayerNorm<6, -12>, RmsNorm<6, -5>],
    >();
    network!(type Bytes = [4, 4, 3] => [Pixels, Flatten, Dense(2)]);
    same::<Bytes, Seq![Each<4, Each<4, Pixels<3>>>, View<Pic<4, 4, 3>, Dense<48, 2>, [f32; 2]>]>();
}

/// Layers of a user's own.
#[derive(Clone, Copy)]
#[repr(C)]
struct GlobalRow<const T: usize, const N: usize>;
plain!([const T: usize, const N: usize] GlobalRow<T, N> {});
stand_in!([const T: usize, const N: usize] GlobalRow<T, N>, [[f32; N]; T] => [f32; 3], 0, ());

#[derive(Clone, Copy)]
#[repr(C)]
struct Untouched;
plain!(Untouched {});
stand_in!([] Untouched, [f32; 5] => [f32; 5], 0, ());

/// As many layers as a MobileNet has, and several types of one name, each inside its function.
#[test]
fn many() {
    network! {
        type Net = [64, 64, 3] => [
            Conv2d(8, 3, stride 2, Relu), DepthwiseConv2d(3, Relu), Conv2d(16, 1, Relu), DepthwiseConv2d(3, stride 2, Relu),
            Conv2d(32, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(32, 1, Relu), DepthwiseConv2d(3, stride 2, Relu),
            Conv2d(64, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(64, 1, Relu), DepthwiseConv2d(3, stride 2, Relu),
            Conv2d(128, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(128, 1, Relu), DepthwiseConv2d(3, Relu),
            Conv2d(128, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(128, 1, Relu), DepthwiseConv2d(3, Relu),
            Conv2d(128, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(128, 1, Relu), DepthwiseConv2d(3, stride 2, Relu),
            Conv2d(256, 1, Relu), DepthwiseConv2d(3, Relu), Conv2d(256, 1, Relu), GlobalAvgPool, Dense(10),
        ];
    }
    assert_eq!(Summary::of::<Net>().total().parameters, size_of::<Net>() / 4);
    same::<<Net as Layer>::Output, [f32; 10]>();
}

/// Strokes wherever they are.
#[test]
fn global_maximum() {
    network!(type Net = [8, 8, 1] => [Conv2d(4, 3, Relu), GlobalMaxPool, Dense(2)]);
    same::<
        Net,
        Seq![Conv2d<Pic<8, 8, 1>, Pic<8, 8, 4>, 3, 3, 1, 4, Window, Relu>, GlobalMaxPool<Pic<8, 8, 4>, 4>, Dense<4, 2>],
    >();
}

/// The form with all sizes.
#[test]
fn with_all_sizes() {
    network!(type Net = [Dense<4, 3, Relu>, Residual<Dense<3, 3>>, Dense<3, 2>]);
    same::<Net, Seq![Dense<4, 3, Relu>, Residual<Dense<3, 3>>, Dense<3, 2>]>();
    network!(
        type Alone = [Net];
    );
    same::<Alone, Net>();
}

#[test]
fn tables() {
    let table = Summary::of::<Digits>().to_string();
    assert_eq!(
        table,
        "\
#   Layer           Output       Parameters   MACs
 1  Conv2d          14 x 14 x 8          80  14112
 2  MaxPool2d       7 x 7 x 8             0      0
 3  DepthwiseConv2d 5 x 7 x 16          160   5040
 4  Conv2d          5 x 7 x 16           80   2240
 5  BatchNorm       5 x 7 x 16           64      0
 6  AvgPool2d       4 x 5 x 16            0      0
 7  Dense           32                10272  10240
 8  Dropout         32                    0      0
 9  Dense           10                  330    320
10  Softmax         10                    0      0
    Total                             10986  31952
"
    );
}

#[test]
fn tape() {
    fn check<N: Train>() {
        let total = Summary::of_training::<N>().total();
        assert_eq!(total.tape, size_of::<N::Tape>(), "{}", Summary::of_training::<N>());
        assert_eq!(total.parameters, size_of::<N>() / 4);
    }
    network!(type Net = [6, 8] => [
        Each[Residual[Repeat(3)[LayerNorm, Residual[Dense(8, Relu)]], Dense(8, Relu)], Dense(4, Tanh)],
        Sum[[Flatten, Dense(5, Relu), Dense(5, Gelu)], [Flatten, Dense(5)]],
        Dropout(5),
        MyTied,
        Dense(3),
    ]);
    type MyTied = Tied<5, 2, Seq![LayerNorm<2>, Dense<2, 2, Tanh>]>;
    check::<Net>();
    check::<Digits>();
    assert_eq!(
        Summary::of_training::<Net>().to_string(),
        "\
#   Layer           Output  Parameters  MACs  Tape
    Each            6 x 4            0     0    96
      Residual      8                0     0   384
        Repeat      8                0     0   768
 1        LayerNorm 8               48     0   720
          Residual  8                0     0   576
 2          Dense   8              216  1152     0
 3      Dense       8               72   384     0
 4    Dense         4               36   192     0
    Parallel        5                0     0    60
 5    Dense         5              125   120    20
 6    Dense         5               30    25    20
 7    Dense         5              125   120     0
 8  Dropout         5                0     0    28
    Tied            5               17    20    36
 9    LayerNorm     2                4     0    16
10    Dense         2                6     4     0
11  Dense           3               18    15     0
    Total                          697  2032  2724
"
    );
    // A layer of a user's own, which says nothing of itself.
    let mut lines = Vec::new();
    Summary::of_training::<Seq![Untouched, Dense<5, 1>]>()
        .for_each(|row| lines.push((row.name, row.output, row.tape)));
    assert_eq!(lines, [("Untouched", "[f32; 5]", 20), ("Dense", "[f32; 1]", 0)]);
    // A body that is not trained stores its output and its scratch.
    type Tuned = Frozen<'static, Seq![Dense<4, 8, Relu>, Dense<8, 8>], Dense<8, 2>>;
    let total = Summary::of_training::<Tuned>().total();
    assert_eq!((total.tape, total.parameters), (size_of::<<Tuned as Train>::Tape>(), 40 + 72 + 18));
}
