//! Convolutions of eight bits.

use super::picture::{Picture, fitting};
use super::quantization::{Quantization, WeightScale};
use super::tensor::{bytes, bytes_mut, each};
use crate::kernel::axis::Axis;
use crate::kernel::int8::depthwise::Depthwise;
use crate::kernel::int8::patches::{Convolution, Patches};
use crate::kernel::int8::{
    Clamp, Double, Multiplier, Place, Product, Rounding, by_input, fold, place, tile, transpose,
};
use crate::layers::{Layer, Steps, Window};
use crate::memory::values_mut;
use crate::{Beside, Error, Isa, Pair, Zeroed};
use core::marker::PhantomData;

/// Windows whose inputs are gathered at once; with the DSP extension three, in sixteen bits, and one in eight.
const AT_ONCE: usize = match cfg!(fusebox_dsp) {
    true => 7,
    false if crate::simd::VECTORS => 32,
    false => 4,
};

/// A convolution of pictures `I` to `O`, by `F` filters of `KH` rows of `KW` taps over all `C` channels of `I`. `G` has strides,
/// dilations and padding, as for [`Conv2d`](crate::Conv2d), except that windows may leave out the last positions; `R` is how sums
/// are rounded. If `C` is 1 and `I` has more channels, each channel has filters of its own, those of the first channel first, as in
/// a [`DepthwiseConv2d`].
///
/// What is in the padding stands for 0. The scratch has room for 4 windows, 7 with a Cortex-M's DSP extension, 32 on desktops.
///
/// ```
/// use fusebox::int8::{Clamp, Conv2d, Quantization, WeightScale};
/// use fusebox::{Layer, Scratch};
/// type Picture = [[[i8; 1]; 3]; 2];
/// const X: Quantization = Quantization { scale: 1.0, zero: -1 };
/// // Every pixel with its left and right neighbour, whose sum is halved.
/// let layer = Conv2d::<Picture, Picture, 1, 3, 1, 1>::new(
///     &[[[[1], [1], [1]]]],
///     &[0],
///     X,
///     WeightScale::Tensor(0.5),
///     X,
///     Clamp::of(X),
/// )?;
/// let mut ys = [[[[0]; 3]; 2]];
/// layer.infer(&[[[[1], [3], [5]], [[-1], [1], [-1]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// // 1, 3 and 5 stand for 2, 4 and 6.
/// assert_eq!(ys, [[[[2], [5], [4]], [[0], [0], [0]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Conv2d<
    I,
    O,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G = Window,
    R = Double,
> {
    /// For each filter, minus the input's zero times the sum of its weights.
    pub bias: [i32; F],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; F],
    /// The output's zero and range.
    pub clamp: Clamp,
    /// The input's zero.
    pub zero: i8,
    /// In tiles, as those of a [`Dense`](super::Dense) whose inputs are a window: rows of taps, taps, channels. With filters for each
    /// channel: rows of taps, taps, filters.
    pub weight: [[[[i8; C]; KW]; KH]; F],
    /// The sizes, and how sums are rounded.
    pub shape: PhantomData<fn(I, G, R) -> O>,
}

impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, R> Zeroed
    for Conv2d<I, O, KH, KW, C, F, G, R>
{
    const ZEROED: Self = Self {
        bias: [0; F],
        scale: [Multiplier::ZEROED; F],
        clamp: Clamp::ZEROED,
        zero: 0,
        weight: [[[[0; C]; KW]; KH]; F],
        shape: PhantomData,
    };
}

impl<I: Picture<Number = i8>, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, R>
    Conv2d<I, O, KH, KW, C, F, G, R>
{
    /// Where the weight of a filter and of a tap and channel is.
    pub(super) const PLACE: Place = if Self::DEPTHWISE { by_input } else { place };

    /// Whether each channel has its own filters.
    pub(super) const DEPTHWISE: bool = C == 1 && I::CHANNELS > 1;
}

impl<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    R,
> Conv2d<I, O, KH, KW, C, F, G, R>
{
    /// A layer of weights as TensorFlow Lite has them: by filter, rows of taps, taps, channels. Folds the zero of `x` into the
    /// biases, whose scale is that of `x` times that of the weights.
    ///
    /// Errors if a scale is not positive, or the product of two over the third is 2^31 or more.
    pub const fn new(
        weight: &[[[[i8; C]; KW]; KH]; F],
        bias: &[i32; F],
        x: Quantization,
        scale: WeightScale<F>,
        y: Quantization,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        let scale = match scale.multipliers(x, y) {
            Ok(scale) => scale,
            Err(error) => return Err(error),
        };
        let weights = [[[[0; C]; KW]; KH]; F];
        let mut layer = Self { bias: *bias, scale, clamp, zero: x.zero, weight: weights, shape: PhantomData };
        fold(bytes(weight), x.zero, &mut layer.bias);
        match Self::DEPTHWISE {
            true => transpose(bytes(weight), bytes_mut(&mut layer.weight), F),
            false => tile(bytes(weight), bytes_mut(&mut layer.weight), F),
        }
        Ok(layer)
    }

    pub(super) const AXES: [Axis; 2] = {
        let axes = fitting::<I, O, G>([KH, KW], F);
        assert!(F > 0, "a convolution without filters");
        assert!(
            C > 0 && C == I::CHANNELS || Self::DEPTHWISE && F.is_multiple_of(I::CHANNELS),
            "a convolution's filters see all channels of its input, or one"
        );
        assert!(KH * KW * C <= 1 << 16, "more than 2^16 products of eight bits may not fit a sum of 32");
        axes
    };
}

impl<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    R: Rounding,
> Layer for Conv2d<I, O, KH, KW, C, F, G, R>
{
    type Input = I;
    type Output = O;
    type Scratch = Pair<[[[[i8; C]; KW]; KH]; AT_ONCE], [i8; 3]>;
    type InPlace = Beside<I, Self::Scratch>;

    const CHECK: () = {
        let _ = Self::AXES;
    };
    const MACS: u64 = (O::HEIGHT * O::WIDTH) as u64 * (F * KH * KW * C) as u64;

    fn run(&self, isa: Isa, xs: &[I], scratch: &mut [f32], ys: &mut [O]) {
        if const { Self::DEPTHWISE } {
            let weight = bytes(&self.weight);
            let Self { bias, scale, clamp, zero, .. } = self;
            let (axes, channels, clamp, zero) = (Self::AXES, I::CHANNELS, *clamp, *zero);
            let depthwise = Depthwise { axes, channels, zero, weight, bias, scale, clamp };
            return each(xs, ys, |x, y| depthwise.run::<R>(isa, x, y));
        }
        let product = Product {
            depth: KH * KW * C,
            weight: bytes(&self.weight),
            bias: &self.bias,
            scale: &self.scale,
            clamp: self.clamp,
        };
        let patches = Patches { axes: Self::AXES, channels: C, zero: self.zero };
        let convolution = Convolution { patches, product };
        let memory = values_mut::<[[[i8; C]; KW]; KH]>(scratch, AT_ONCE);
        each(xs, ys, |x, y| convolution.run::<R>(isa, x, bytes_mut(memory), y));
    }
}

/// A convolution in which each channel of `I` has filters of its own, `F` in all, those of the first channel first. Otherwise as
/// [`Conv2d`].
///
/// ```
/// use fusebox::int8::{Clamp, DepthwiseConv2d, Quantization, WeightScale};
/// use fusebox::layers::{Valid, Window};
/// use fusebox::{Layer, Scratch};
/// const X: Quantization = Quantization { scale: 1.0, zero: 0 };
/// type Layer2 = DepthwiseConv2d<[[[i8; 2]; 3]; 1], [[[i8; 2]; 2]; 1], 1, 2, 2, Window<Valid>>;
/// let (scale, clamp) = (WeightScale::Tensor(1.0), Clamp::of(X));
/// let layer = Layer2::new(&[[[1, 2], [-1, 3]]], &[0, 100], X, scale, X, clamp)?;
/// let mut ys = [[[[0; 2]; 2]; 1]];
/// layer.infer(&[[[[9, 1], [7, 2], [4, 3]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[2, 108], [3, 113]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct DepthwiseConv2d<I, O, const KH: usize, const KW: usize, const F: usize, G = Window, R = Double> {
    /// For each filter, minus the input's zero times the sum of its weights.
    pub bias: [i32; F],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; F],
    /// The output's zero and range.
    pub clamp: Clamp,
    /// The input's zero.
    pub zero: i8,
    /// Rows of taps, taps, filters.
    pub weight: [[[i8; F]; KW]; KH],
    /// The sizes, and how sums are rounded.
    pub shape: PhantomData<fn(I, G, R) -> O>,
}

impl<I, O, const KH: usize, const KW: usize, const F: usize, G, R> Zeroed
    for DepthwiseConv2d<I, O, KH, KW, F, G, R>
{
    const ZEROED: Self = Self {
        bias: [0; F],
        scale: [Multiplier::ZEROED; F],
        clamp: Clamp::ZEROED,
        zero: 0,
        weight: [[[0; F]; KW]; KH],
        shape: PhantomData,
    };
}

impl<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
    R,
> DepthwiseConv2d<I, O, KH, KW, F, G, R>
{
    /// A layer of weights as TensorFlow Lite has them: rows of taps, taps, filters. Otherwise as [`Conv2d::new`].
    pub const fn new(
        weight: &[[[i8; F]; KW]; KH],
        bias: &[i32; F],
        x: Quantization,
        scale: WeightScale<F>,
        y: Quantization,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        let scale = match scale.multipliers(x, y) {
            Ok(scale) => scale,
            Err(error) => return Err(error),
        };
        let mut folded = *bias;
        let weights = bytes(weight);
        let mut i = 0;
        while i < weights.len() {
            folded[i % F] = folded[i % F].wrapping_sub(x.zero as i32 * weights[i] as i32);
            i += 1;
        }
        Ok(Self { bias: folded, scale, clamp, zero: x.zero, weight: *weight, shape: PhantomData })
    }

    pub(super) const AXES: [Axis; 2] = {
        let axes = fitting::<I, O, G>([KH, KW], F);
        assert!(F > 0, "a convolution without filters");
        assert!(I::CHANNELS > 0 && F.is_multiple_of(I::CHANNELS), "each channel has as many filters");
        assert!(KH * KW <= 1 << 16, "more than 2^16 products of eight bits may not fit a sum of 32");
        axes
    };
}

impl<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
    R: Rounding,
> Layer for DepthwiseConv2d<I, O, KH, KW, F, G, R>
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::AXES;
    };
    const MACS: u64 = (O::HEIGHT * O::WIDTH) as u64 * (F * KH * KW) as u64;

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        let weight = bytes(&self.weight);
        let Self { bias, scale, clamp, zero, .. } = self;
        let (axes, channels, clamp, zero) = (Self::AXES, I::CHANNELS, *clamp, *zero);
        let depthwise = Depthwise { axes, channels, zero, weight, bias, scale, clamp };
        each(xs, ys, |x, y| depthwise.run::<R>(isa, x, y));
    }
}
