//! The four networks of MLPerf Tiny, in eight bits, and layers of the kinds that they are made of.
//!
//! The shapes are those of the reference models of MLPerf Tiny 1.0; weights are random, for instructions do not depend on them.
//! Networks lie in RAM, where a seed fills them.

use super::{Bench, Work, clamp, scale};
use crate::board::{Board, Failure};
use core::hint::black_box;
use core::slice::{from_mut, from_ref};
use fusebox::int8::{Add, Conv2d, Dense, DepthwiseConv2d, Mean, Parallel, Quantization, Residual, Softmax};
use fusebox::layers::{Same, Window};
use fusebox::{Chain, Error, Isa, Layer, Rng, Scratch, Seq, Zeroed};

/// `N` x `N` pixels of `C` numbers.
type Square<const N: usize, const C: usize> = [[[i8; C]; N]; N];

/// A kernel of `K` x `K`, from `N` x `N` pixels of `C` channels to `M` x `M` pixels of `F`.
type Conv<
    const K: usize,
    const N: usize,
    const C: usize,
    const M: usize,
    const F: usize,
    const S: usize = 1,
> = Conv2d<Square<N, C>, Square<M, F>, K, K, C, F, Window<Same, S, S>>;

/// A depthwise kernel of 3 x 3, from `N` x `N` pixels to `M` x `M`.
type Depthwise<const N: usize, const C: usize, const M: usize, const S: usize = 1> =
    DepthwiseConv2d<Square<N, C>, Square<M, C>, 3, 3, C, Window<Same, S, S>>;

/// A block of a ResNet that halves the picture, with a convolution of 1 x 1 beside it.
type Halving<const N: usize, const C: usize, const M: usize, const F: usize> =
    Parallel<Seq![Conv<3, N, C, M, F, 2>, Conv<3, M, F, M, F>], Conv<1, N, C, M, F, 2>, Add<Square<M, F>>>;

/// Image classification: a ResNet-8.
type ResNet = Seq![
    Conv<3, 32, 3, 32, 16>,
    Residual<Seq![Conv<3, 32, 16, 32, 16>, Conv<3, 32, 16, 32, 16>], Add<Square<32, 16>>>,
    Halving<32, 16, 16, 32>,
    Halving<16, 32, 8, 64>,
    Mean<Square<8, 64>, 64>,
    Dense<64, 10>,
    Softmax<10>,
];

/// Visual wake words: a MobileNet, a quarter as wide as the first.
type MobileNet = Seq![
    Conv<3, 96, 3, 48, 8, 2>,
    Separable<48, 8, 48, 16>,
    Separable<48, 16, 24, 32, 2>,
    Separable<24, 32, 24, 32>,
    Separable<24, 32, 12, 64, 2>,
    Separable<12, 64, 12, 64>,
    Separable<12, 64, 6, 128, 2>,
    Separable<6, 128, 6, 128>,
    Separable<6, 128, 6, 128>,
    Separable<6, 128, 6, 128>,
    Separable<6, 128, 6, 128>,
    Separable<6, 128, 6, 128>,
    Separable<6, 128, 3, 256, 2>,
    Separable<3, 256, 3, 256>,
    Mean<Square<3, 256>, 256>,
    Dense<256, 2>,
    Softmax<2>,
];

/// Each channel for itself, and then all of a pixel.
type Separable<const N: usize, const C: usize, const M: usize, const F: usize, const S: usize = 1> =
    Chain<Depthwise<N, C, M, S>, Conv<1, M, C, M, F>>;

/// Pictures of the keywords' network.
type Sounds = [[[i8; 64]; 5]; 25];

/// Keywords: a DS-CNN.
type Keywords = Seq![
    Conv2d<[[[i8; 1]; 10]; 49], Sounds, 10, 4, 1, 64, Window<Same, 2, 2>>,
    Mixing,
    Mixing,
    Mixing,
    Mixing,
    Mean<Sounds, 64>,
    Dense<64, 12>,
    Softmax<12>,
];

type Mixing = Chain<DepthwiseConv2d<Sounds, Sounds, 3, 3, 64>, Conv2d<Sounds, Sounds, 1, 1, 64, 64>>;

/// Anomalies of a machine's sound: the autoencoder ToyCar.
type ToyCar = Seq![
    Dense<640, 128>,
    Dense<128, 128>,
    Dense<128, 128>,
    Dense<128, 128>,
    Dense<128, 8>,
    Dense<8, 128>,
    Dense<128, 128>,
    Dense<128, 128>,
    Dense<128, 128>,
    Dense<128, 640>,
];

/// What is filled from a seed.
trait Seeded {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error>;
}

fn fill(rng: &mut Rng, numbers: &mut [i8]) {
    for q in numbers {
        *q = rng.next_u32() as i8;
    }
}

/// Of inputs and outputs everywhere.
const Q: Quantization = Quantization { scale: 0.25, zero: -3 };

impl<const IN: usize, const OUT: usize> Seeded for Dense<IN, OUT> {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        (self.scale, self.clamp) = (scale(), clamp());
        fill(rng, self.weight.as_flattened_mut());
        Ok(())
    }
}

impl<I, O, const H: usize, const W: usize, const C: usize, const F: usize, G> Seeded
    for Conv2d<I, O, H, W, C, F, G>
{
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        (self.scale, self.clamp) = (scale(), clamp());
        fill(rng, self.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut());
        Ok(())
    }
}

impl<I, O, const H: usize, const W: usize, const F: usize, G> Seeded for DepthwiseConv2d<I, O, H, W, F, G> {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        (self.scale, self.clamp) = (scale(), clamp());
        fill(rng, self.weight.as_flattened_mut().as_flattened_mut());
        Ok(())
    }
}

impl<A: Seeded, B: Seeded> Seeded for Chain<A, B> {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        self.first.seed(rng)?;
        self.rest.seed(rng)
    }
}

impl<A: Seeded, B: Seeded, J: Seeded> Seeded for Parallel<A, B, J> {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        self.first.seed(rng)?;
        self.second.seed(rng)?;
        self.join.seed(rng)
    }
}

impl<F: Seeded, J: Seeded> Seeded for Residual<F, J> {
    fn seed(&mut self, rng: &mut Rng) -> Result<(), Error> {
        self.layer.seed(rng)?;
        self.join.seed(rng)
    }
}

impl<T> Seeded for Add<T> {
    fn seed(&mut self, _: &mut Rng) -> Result<(), Error> {
        *self = Self::new(Q, Quantization { scale: 0.2, zero: 5 }, Q, clamp())?;
        Ok(())
    }
}

impl<const N: usize, const C: usize> Seeded for Mean<Square<N, C>, C> {
    fn seed(&mut self, _: &mut Rng) -> Result<(), Error> {
        *self = Self::new(Q, Q)?;
        Ok(())
    }
}

impl Seeded for Mean<Sounds, 64> {
    fn seed(&mut self, _: &mut Rng) -> Result<(), Error> {
        *self = Self::new(Q, Q)?;
        Ok(())
    }
}

impl<const N: usize> Seeded for Softmax<N> {
    fn seed(&mut self, _: &mut Rng) -> Result<(), Error> {
        *self = Self::new(Q, 1.0)?;
        Ok(())
    }
}

/// A network, or a layer, and its memory.
struct Net<L: Layer> {
    layer: L,
    scratch: Scratch<L, 1>,
    x: L::Input,
    y: L::Output,
}

impl<L: Layer<Input: Zeroed, Output: Zeroed> + Seeded + Zeroed> Net<L> {
    const fn new() -> Self {
        Self { layer: L::ZEROED, scratch: Scratch::new(), x: Zeroed::ZEROED, y: Zeroed::ZEROED }
    }

    fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>, name: &str, macs: usize) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { layer, scratch, x, y } = self;
        layer.seed(&mut rng)?;
        bench.case(format_args!("int8 {name}"), Work::Macs(macs), &mut || infer(layer, x, scratch, y))
    }
}

#[inline(never)]
fn infer<L: Layer>(
    net: &L,
    x: &L::Input,
    scratch: &mut Scratch<L, 1>,
    y: &mut L::Output,
) -> Result<(), Error> {
    net.infer_with(black_box(Isa::detect()), from_ref(x), scratch, from_mut(y))
}

pub(in crate::counts) struct Memory {
    first: Net<Conv<3, 32, 3, 32, 16>>,
    shallow: Net<Conv<3, 16, 16, 16, 16>>,
    deep: Net<Conv<3, 8, 64, 8, 64>>,
    mixing: Net<Conv<1, 12, 64, 12, 64>>,
    depthwise: Net<Depthwise<12, 64, 12>>,
    narrow: Net<Depthwise<24, 8, 24>>,
    resnet: Net<ResNet>,
    mobilenet: Net<MobileNet>,
    keywords: Net<Keywords>,
    toycar: Net<ToyCar>,
}

impl Memory {
    pub(in crate::counts) const fn new() -> Self {
        Self {
            first: Net::new(),
            shallow: Net::new(),
            deep: Net::new(),
            mixing: Net::new(),
            depthwise: Net::new(),
            narrow: Net::new(),
            resnet: Net::new(),
            mobilenet: Net::new(),
            keywords: Net::new(),
            toycar: Net::new(),
        }
    }

    pub(in crate::counts) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        self.first.run(bench, "conv 3x3 3-16, 32x32", 32 * 32 * 16 * 27)?;
        self.shallow.run(bench, "conv 3x3 16-16, 16x16", 16 * 16 * 16 * 144)?;
        self.deep.run(bench, "conv 3x3 64-64, 8x8", 8 * 8 * 64 * 576)?;
        self.mixing.run(bench, "conv 1x1 64-64, 12x12", 12 * 12 * 64 * 64)?;
        self.depthwise.run(bench, "depthwise 3x3 64, 12x12", 12 * 12 * 64 * 9)?;
        self.narrow.run(bench, "depthwise 3x3 8, 24x24", 24 * 24 * 8 * 9)?;
        self.resnet.run(bench, "ResNet-8 32x32", 12_501_632)?;
        self.mobilenet.run(bench, "MobileNet-0.25 96x96", 7_489_664)?;
        self.keywords.run(bench, "DS-CNN 49x10", 2_656_768)?;
        self.toycar.run(bench, "ToyCar 640", 264_192)
    }
}
