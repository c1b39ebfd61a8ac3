//! Convolutions.

use super::scale::multipliers;
use super::{Clamp, Sum, Sum64};
use crate::kernel::axis::Axis;
use crate::kernel::int8::Multiplier;
use crate::kernel::int8::patches::Patches;
use crate::kernel::int16::conv::Convolution;
use crate::kernel::int16::depthwise::{Depthwise, TAPS};
use crate::kernel::int16::product::Product;
use crate::layers::int8::{Picture, WeightScale, each, fitting};
use crate::layers::{Layer, Steps, Window};
use crate::memory::values_mut;
use crate::{Beside, Error, Isa, Pair, Zeroed};
use core::marker::PhantomData;

/// A convolution of pictures `I` to `O`, by `F` filters of `KH` rows of `KW` taps over all `C` channels. `G` has strides, dilations and
/// padding, as for [`int8::Conv2d`](crate::int8::Conv2d); `S` is how wide sums are.
///
/// What is in the padding stands for 0. The scratch has room for a window.
///
/// ```
/// use fusebox::int16::{Clamp, Conv2d};
/// use fusebox::int8::WeightScale;
/// use fusebox::{Layer, Scratch};
/// type Picture = [[[i16; 1]; 3]; 2];
/// // Every pixel with its left and right neighbour, whose sum is halved.
/// let weight = &[[[[1], [1], [1]]]];
/// let scale = WeightScale::Tensor(0.5);
/// let layer = Conv2d::<Picture, Picture, 1, 3, 1, 1>::new(weight, &[0], 1.0, scale, 1.0, Clamp::NONE)?;
/// let mut ys = [[[[0]; 3]; 2]];
/// layer.infer(&[[[[200], [400], [600]], [[0], [2], [0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[300], [600], [500]], [[1], [1], [1]]]]);
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
    S = Sum64,
> {
    /// Of each filter, in steps of the scale of the inputs times that of its weights.
    pub bias: [i64; F],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; F],
    /// By filter, rows of taps, taps, channels, as TensorFlow Lite has them.
    pub weight: [[[[i8; C]; KW]; KH]; F],
    /// The range of the outputs.
    pub clamp: Clamp,
    /// The sizes, and how wide sums are.
    pub shape: PhantomData<fn(I, G, S) -> O>,
}

impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, S> Zeroed
    for Conv2d<I, O, KH, KW, C, F, G, S>
{
    const ZEROED: Self = Self {
        bias: [0; F],
        scale: [Multiplier::ZEROED; F],
        weight: [[[[0; C]; KW]; KH]; F],
        clamp: Clamp::ZEROED,
        shape: PhantomData,
    };
}

impl<
    I: Picture<Number = i16>,
    O: Picture<Number = i16>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    S: Sum,
> Conv2d<I, O, KH, KW, C, F, G, S>
{
    /// A layer of inputs in steps of `x` and outputs in steps of `y`.
    ///
    /// Errors as [`Dense::new`](super::Dense::new).
    pub const fn new(
        weight: &[[[[i8; C]; KW]; KH]; F],
        bias: &[i64; F],
        x: f32,
        scale: WeightScale<F>,
        y: f32,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        match multipliers::<F, S>(x, &scale, y) {
            Ok(scale) => Ok(Self { bias: *bias, scale, weight: *weight, clamp, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }

    const AXES: [Axis; 2] = {
        assert!(C > 0 && C == I::CHANNELS, "a convolution's filters see all channels of its input");
        assert!(F > 0, "a convolution without filters");
        fitting::<I, O, G>([KH, KW], F)
    };
}

impl<
    I: Picture<Number = i16>,
    O: Picture<Number = i16>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    S: Sum,
> Layer for Conv2d<I, O, KH, KW, C, F, G, S>
{
    type Input = I;
    type Output = O;
    type Scratch = Pair<[[[i16; C]; KW]; KH], i16>;
    type InPlace = Beside<I, Self::Scratch>;

    const CHECK: () = {
        let _ = Self::AXES;
    };
    const MACS: u64 = (O::HEIGHT * O::WIDTH) as u64 * (F * KH * KW * C) as u64;

    fn run(&self, isa: Isa, xs: &[I], scratch: &mut [f32], ys: &mut [O]) {
        let Self { bias, scale, weight, clamp, .. } = self;
        let weight = weight.as_flattened().as_flattened().as_flattened();
        let product = Product { depth: KH * KW * C, weight, bias, scale, clamp: *clamp };
        let patches = Patches { axes: Self::AXES, channels: size_of::<[i16; C]>(), zero: 0 };
        let patch = values_mut::<[[[i16; C]; KW]; KH]>(scratch, 1).as_flattened_mut().as_flattened_mut();
        let convolution = Convolution { patches, product };
        each(xs, ys, |x, y| convolution.run::<S>(isa, x, patch.as_flattened_mut(), y));
    }
}

/// A convolution in which each channel of `I` has filters of its own, `F` in all, those of the first channel first. Otherwise as
/// [`Conv2d`], without scratch.
///
/// ```
/// use fusebox::int16::{Clamp, DepthwiseConv2d};
/// use fusebox::int8::WeightScale;
/// use fusebox::layers::{Valid, Window};
/// use fusebox::{Layer, Scratch};
/// type Layer2 = DepthwiseConv2d<[[[i16; 2]; 3]; 1], [[[i16; 2]; 2]; 1], 1, 2, 2, Window<Valid>>;
/// let (scale, clamp) = (WeightScale::Tensor(1.0), Clamp::NONE);
/// let layer = Layer2::new(&[[[1, 2], [-1, 3]]], &[0, 1000], 1.0, scale, 1.0, clamp)?;
/// let mut ys = [[[[0; 2]; 2]; 1]];
/// layer.infer(&[[[[9, 1], [7, 2], [4, 3]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[2, 1008], [3, 1013]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct DepthwiseConv2d<I, O, const KH: usize, const KW: usize, const F: usize, G = Window, S = Sum64> {
    /// Of each filter, in steps of the scale of the inputs times that of its weights.
    pub bias: [i64; F],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; F],
    /// Rows of taps, taps, filters, as TensorFlow Lite has them.
    pub weight: [[[i8; F]; KW]; KH],
    /// The range of the outputs.
    pub clamp: Clamp,
    /// The sizes, and how wide sums are.
    pub shape: PhantomData<fn(I, G, S) -> O>,
}

impl<I, O, const KH: usize, const KW: usize, const F: usize, G, S> Zeroed
    for DepthwiseConv2d<I, O, KH, KW, F, G, S>
{
    const ZEROED: Self = Self {
        bias: [0; F],
        scale: [Multiplier::ZEROED; F],
        weight: [[[0; F]; KW]; KH],
        clamp: Clamp::ZEROED,
        shape: PhantomData,
    };
}

impl<
    I: Picture<Number = i16>,
    O: Picture<Number = i16>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
    S: Sum,
> DepthwiseConv2d<I, O, KH, KW, F, G, S>
{
    /// A layer of inputs in steps of `x` and outputs in steps of `y`.
    ///
    /// Errors as [`Dense::new`](super::Dense::new).
    pub const fn new(
        weight: &[[[i8; F]; KW]; KH],
        bias: &[i64; F],
        x: f32,
        scale: WeightScale<F>,
        y: f32,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        match multipliers::<F, S>(x, &scale, y) {
            Ok(scale) => Ok(Self { bias: *bias, scale, weight: *weight, clamp, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }

    const AXES: [Axis; 2] = {
        assert!(I::CHANNELS > 0 && F.is_multiple_of(I::CHANNELS), "each channel has as many filters");
        assert!(KW <= TAPS, "more than 256 taps in a row of sixteen bits may not fit a sum of 32");
        assert!(F > 0, "a convolution without filters");
        fitting::<I, O, G>([KH, KW], F)
    };
}

impl<
    I: Picture<Number = i16>,
    O: Picture<Number = i16>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
    S: Sum,
> Layer for DepthwiseConv2d<I, O, KH, KW, F, G, S>
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
        let Self { bias, scale, weight, clamp, .. } = self;
        let weight = weight.as_flattened().as_flattened();
        let (axes, channels, clamp) = (Self::AXES, I::CHANNELS, *clamp);
        let depthwise = Depthwise { axes, channels, weight, bias, scale, clamp };
        each(xs, ys, |x, y| depthwise.run::<S>(isa, x, y));
    }
}
