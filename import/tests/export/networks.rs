//! Networks that learn the digits of `examples/data`, with the same bits on every machine.

use fusebox::int8::{Aware, Calibration, Ranges, ToInt8};
use fusebox::layers::arena::view;
use fusebox::layers::{Around, Same, Valid, Window};
use fusebox::{
    Activate, Adam, AvgPool2d, BatchNorm, Conv2d, Dense, DepthwiseConv2d, Dropout, Each, Flatten,
    GlobalAvgPool, GlobalMaxPool, Isa, MaxPool2d, Plain, Relu, Relu6, Residual, Rng, Seq, Sigmoid, Softmax,
    Tanh, Train, View, Workspace, network,
};

#[path = "../../../examples/support/digits.rs"]
mod digits;

pub(crate) use digits::Images;

pub(crate) type Perceptron = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

/// Trained with rounding.
pub(crate) type Rounded = Seq![Aware<Dense<64, 16, Relu6>>, Aware<Dense<16, 10, Sigmoid>>];

network! {
    pub(crate) type Convolutional = [8, 8, 1] => [
        Conv2d(8, 3),
        BatchNorm(Relu),
        MaxPool2d(2),
        Conv2d(16, 3, Relu),
        MaxPool2d(2),
        Flatten,
        Dense(10),
    ];
}

network! {
    /// One residual inside of another, at the network's start.
    pub(crate) type Residuals = [8, 8, 1] => [
        Residual[Conv2d(4, 3, Relu), Residual[Conv2d(4, 3), BatchNorm(Relu), Conv2d(4, 1)], Conv2d(1, 3)],
        Conv2d(8, 3, Relu),
        MaxPool2d(2),
        Residual[Conv2d(8, 3)],
        GlobalAvgPool,
        Dense(10),
        Softmax,
    ];
}

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];
type Strided = Window<Around<2>, 2, 1>;
type Apart = Window<Same, 1, 1, 2, 1>;

/// What the others do not have.
pub(crate) type Mixed = Seq![
    BatchNorm<Map<8, 8, 1>, 1>,
    Conv2d<Map<8, 8, 1>, Map<4, 10, 6>, 5, 3, 1, 6, Strided, Relu6>,
    AvgPool2d<Map<4, 10, 6>, Map<4, 5, 6>, 2, 3, Window<Same, 1, 2>>,
    DepthwiseConv2d<Map<4, 5, 6>, Map<4, 5, 12>, 3, 3, 12, Apart, Tanh>,
    Residual<Each<4, Each<5, Dense<12, 12, Sigmoid>>>>,
    Conv2d<Map<4, 5, 12>, Map<3, 4, 20>, 2, 2, 12, 20, Window<Valid>>,
    GlobalMaxPool<Map<3, 4, 20>, 20>,
    Dropout<20, 20>,
    View<[f32; 20], Each<4, Seq![Dense<5, 6>, Softmax<6>]>, [[f32; 6]; 4]>,
    Flatten<4, 6, Dense<24, 10>>,
    Activate<10, Tanh>,
    Activate<10, Sigmoid>,
];

/// Layers on each half of a picture, which are a batch in the file.
pub(crate) type Halves = Seq![
    View<
        Map<8, 8, 1>,
        Each<
            2,
            Seq![
                Conv2d<Map<4, 8, 1>, Map<4, 8, 4>, 3, 3, 1, 4, Window<Around<1>>, Relu>,
                DepthwiseConv2d<Map<4, 8, 4>, Map<4, 8, 4>, 3, 3, 4>,
                MaxPool2d<Map<4, 8, 4>, Map<2, 4, 4>, 2, 2>,
                GlobalAvgPool<Map<2, 4, 4>, 4>,
            ],
        >,
        [f32; 8],
    >,
    Dense<8, 10>,
];

/// A network that has seen all images so often, and the ranges of some of them.
pub(crate) fn trained<N: Train<Input: Plain, Output = [f32; 10]> + ToInt8 + Plain>(
    images: &Images,
    epochs: usize,
) -> (Box<N>, Ranges<N>) {
    const BATCH: usize = 32;
    let (isa, mut rng) = (Isa::portable(), Rng::new(1));
    let xs: &[N::Input] = view(&images.pixels, images.pixels.len());
    let mut net = Box::new(N::he(&mut rng));
    let mut workspace = Box::new(Workspace::<N, BATCH, Adam>::new());
    for _ in 0..epochs {
        for (xs, labels) in xs.chunks(BATCH).zip(images.labels.chunks(BATCH)) {
            workspace.train_step_with(isa, &mut net, xs, labels, &Adam::new(0.01)).expect("rows that fit");
        }
    }
    let mut calibration = Box::new(Calibration::<N, BATCH>::new());
    calibration.observe_with(isa, &net, &xs[..128]).expect("finite numbers");
    (net, calibration.ranges().expect("numbers other than 0"))
}
