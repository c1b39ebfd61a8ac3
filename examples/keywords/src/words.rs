//! A network for ten words: a convolution, four that are separable by depth, a mean, as in MLPerf Tiny's keyword spotting (Zhang et al.,
//! "Hello Edge", 2017), on the frontend's features. `examples/learn` trains it.

use core::marker::PhantomData;
use fusebox::int8::{Clamp, Conv2d as Conv2dInt8, Dense as DenseInt8, Mean, Softmax as SoftmaxInt8, ToInt8};
use fusebox::layers::arena::constant;
use fusebox::{
    BatchNorm, Chain, Conv2d, Dense, DepthwiseConv2d, GlobalAvgPool, Plain, Relu, Softmax, network,
};

/// The number of classes.
pub const COUNT: usize = 12;

/// The classes.
pub const CLASSES: [&str; COUNT] =
    ["silence", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"];

network! {
    /// The network in training. Its inputs are features of eight bits over 128.
    pub type Trained = [49, 40, 1] => [
        Conv2d(64, [10, 8], stride [2, 8]), BatchNorm(Relu),
        DepthwiseConv2d(3), BatchNorm(Relu), Conv2d(64, 1), BatchNorm(Relu),
        DepthwiseConv2d(3), BatchNorm(Relu), Conv2d(64, 1), BatchNorm(Relu),
        DepthwiseConv2d(3), BatchNorm(Relu), Conv2d(64, 1), BatchNorm(Relu),
        DepthwiseConv2d(3), BatchNorm(Relu), Conv2d(64, 1), BatchNorm(Relu),
        GlobalAvgPool,
        Dense(COUNT),
    ];
}

/// The same with scores from 0 to 1.
pub type Scored = Chain<Trained, Softmax<COUNT>>;

/// The network of eight bits: from features to scores.
pub type Net = <Scored as ToInt8>::Int8;

/// The network, with its weights.
pub static NET: Net = {
    let mut p = Parts { bytes: include_bytes!("../data/words.bin"), at: 0 };
    let softmax = p.softmax();
    let dense = p.dense();
    let net = chain(p.mean(), dense);
    // Over all channels, and before that by channel.
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(p.conv(), net);
    let net = chain(chain(p.conv(), net), softmax);
    assert!(p.at == p.bytes.len(), "the file is of another network");
    net
};

const fn chain<A: Copy, R: Copy>(first: A, rest: R) -> Chain<A, R> {
    Chain { first, rest }
}

/// The fields of layers one after another, the last layer's first, as `examples/learn` writes them.
struct Parts {
    bytes: &'static [u8],
    at: usize,
}

impl Parts {
    const fn next<T: Plain>(&mut self) -> T {
        let Ok(value) = constant(self.bytes, self.at) else { panic!("the file is of another network") };
        self.at += size_of::<T>();
        value
    }

    const fn clamp(&mut self) -> Clamp {
        let [zero, least, most] = self.next();
        Clamp { zero, least, most }
    }

    const fn conv<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G>(
        &mut self,
    ) -> Conv2dInt8<I, O, KH, KW, C, F, G> {
        let (bias, scale, clamp) = (self.next(), self.next(), self.clamp());
        Conv2dInt8 { bias, scale, clamp, zero: self.next(), weight: self.next(), shape: PhantomData }
    }

    const fn mean<I, const C: usize>(&mut self) -> Mean<I, C> {
        Mean { scale: self.next(), clamp: self.clamp(), zero: self.next(), shape: PhantomData }
    }

    const fn dense<const I: usize, const O: usize>(&mut self) -> DenseInt8<I, O> {
        let (bias, scale, clamp) = (self.next(), self.next(), self.clamp());
        DenseInt8 { bias, scale, clamp, weight: self.next(), rounding: PhantomData }
    }

    const fn softmax<const N: usize>(&mut self) -> SoftmaxInt8<N> {
        SoftmaxInt8 { scale: self.next(), least: self.next() }
    }
}
