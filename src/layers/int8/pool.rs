//! Pools.

use super::picture::{Picture, fitting};
use super::quantization::Quantization;
use super::tensor::{Numbers, each};
use crate::kernel::int8::pool::{self, Windows};
use crate::kernel::int8::{Clamp, Double, Multiplier, Number, Rounding};
use crate::layers::picture::{self, Function, Largest};
use crate::layers::{Layer, Steps, Valid, Window};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// The largest number of every window of `KH` rows and `KW` columns, for each channel. Input and output have the same scale and
/// zero. `G` as for [`Conv2d`](super::Conv2d).
///
/// ```
/// use fusebox::int8::{Clamp, MaxPool2d, Quantization};
/// use fusebox::{Layer, Scratch};
/// let clamp = Clamp::of(Quantization { scale: 1.0, zero: 0 });
/// let layer = MaxPool2d::<[[[i8; 1]; 4]; 2], [[[i8; 1]; 2]; 1], 2, 2>::new(clamp);
/// let mut ys = [[[[0]; 2]; 1]];
/// layer.infer(&[[[[1], [2], [3], [4]], [[5], [4], [3], [2]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[5], [4]]]]);
///
/// let wide = MaxPool2d::<[[[i16; 1]; 4]; 2], [[[i16; 1]; 2]; 1], 2, 2>::new(fusebox::int16::Clamp::NONE);
/// let mut ys = [[[[0]; 2]; 1]];
/// wide.infer(&[[[[1], [2], [3], [400]], [[500], [4], [3], [2]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[500], [400]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type MaxPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<Largest, I, O, KH, KW, G>;

/// The mean of every window, of the inputs that lie in the picture, rounded, a half away from zero. Otherwise as [`MaxPool2d`].
///
/// ```
/// use fusebox::int8::{AvgPool2d, Clamp, Quantization};
/// use fusebox::{Layer, Scratch};
/// let clamp = Clamp::of(Quantization { scale: 1.0, zero: 0 });
/// let layer = AvgPool2d::<[[[i8; 1]; 4]; 1], [[[i8; 1]; 2]; 1], 1, 2>::new(clamp);
/// let mut ys = [[[[0]; 2]; 1]];
/// layer.infer(&[[[[1], [2], [-3], [-4]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[2], [-4]]]]);
///
/// let wide = AvgPool2d::<[[[i16; 1]; 4]; 1], [[[i16; 1]; 2]; 1], 1, 2>::new(fusebox::int16::Clamp::NONE);
/// let mut ys = [[[[0]; 2]; 1]];
/// wide.infer(&[[[[1], [1000], [-3], [-4]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[501], [-4]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type AvgPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<picture::Mean, I, O, KH, KW, G>;

/// What [`MaxPool2d`] and [`AvgPool2d`] are: the function `P` of every window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<P, I, O: Numbers, const KH: usize, const KW: usize, G> {
    /// The range of the outputs; the zero is not used.
    pub clamp: <O::Number as Number>::Clamp,
    /// The sizes.
    pub shape: PhantomData<fn(P, I, G) -> O>,
}

impl<P, I, O: Numbers, const KH: usize, const KW: usize, G> Pool<P, I, O, KH, KW, G> {
    /// A pool whose outputs are clamped: by an [`int8::Clamp`](Clamp) or an [`int16::Clamp`](crate::int16::Clamp), as its numbers are.
    pub const fn new(clamp: <O::Number as Number>::Clamp) -> Self {
        Self { clamp, shape: PhantomData }
    }
}

impl<P, I, O: Numbers, const KH: usize, const KW: usize, G> Zeroed for Pool<P, I, O, KH, KW, G> {
    const ZEROED: Self = Self::new(<O::Number as Number>::Clamp::ZEROED);
}

impl<P, I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps> Pool<P, I, O, KH, KW, G> {
    pub(super) const WINDOWS: Windows = {
        let axes = fitting::<I, O, G>([KH, KW], I::CHANNELS);
        let most = 1 << (i32::BITS - 1 - 8 * size_of::<O::Number>() as u32);
        assert!(KH * KW <= most, "a pool's window is too large for sums of 32 bits");
        Windows { axes, channels: I::CHANNELS }
    };
}

impl<P, I, O, const KH: usize, const KW: usize, G> Layer for Pool<P, I, O, KH, KW, G>
where
    P: Function,
    I: Picture<Number = O::Number>,
    O: Picture,
    G: Steps,
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::WINDOWS;
    };

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        let range = O::Number::range(self.clamp);
        each(xs, ys, |x, y| P::whole(&Self::WINDOWS, range, x, y));
    }
}

/// The mean of each of a picture's `C` channels, whose output may have another scale than its input.
///
/// ```
/// use fusebox::int8::{Mean, Quantization};
/// use fusebox::{Layer, Scratch};
/// let (x, y) = (Quantization { scale: 0.5, zero: 1 }, Quantization { scale: 0.25, zero: 0 });
/// let layer = Mean::<[[[i8; 1]; 2]; 1], 1>::new(x, y)?;
/// let mut ys = [[0]];
/// layer.infer(&[[[[5], [7]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[10]]); // 2.0 and 3.0, whose mean is 2.5
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean<I, const C: usize, R = Double> {
    /// The input's zero.
    pub zero: i8,
    /// What each sum is multiplied by: the scale of the input over that of the output and the number of pixels.
    pub scale: Multiplier,
    /// The output's zero and range.
    pub clamp: Clamp,
    /// The sizes, and how sums are rounded.
    pub shape: PhantomData<fn(I) -> R>,
}

impl<I: Picture<Number = i8>, const C: usize, R> Mean<I, C, R> {
    /// Errors if a scale is not positive, or the quotient of the two is 2^31 or more.
    pub const fn new(x: Quantization, y: Quantization) -> Result<Self, Error> {
        let (x, y) = match (x.checked(), y.checked()) {
            (Ok(x), Ok(y)) => (x, y),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let pixels = (I::HEIGHT * I::WIDTH) as u64;
        match Multiplier::new(x.scale as f64 / y.scale as f64) {
            Ok(scale) if pixels > 0 => {
                let scale = scale.over(pixels);
                Ok(Self { zero: x.zero, scale, clamp: Clamp::of(y), shape: PhantomData })
            }
            Ok(_) => Err(Error::Empty),
            Err(error) => Err(error),
        }
    }
}

impl<I, const C: usize, R> Zeroed for Mean<I, C, R> {
    const ZEROED: Self =
        Self { zero: 0, scale: Multiplier::ZEROED, clamp: Clamp::ZEROED, shape: PhantomData };
}

impl<I: Picture<Number = i8>, const C: usize, R: Rounding> Layer for Mean<I, C, R> {
    type Input = I;
    type Output = [i8; C];
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        assert!(C == I::CHANNELS && C > 0, "a Mean has an output for each channel");
        assert!(I::HEIGHT * I::WIDTH <= 1 << 16, "the pixels of a Mean are too many for sums of 32 bits");
    };

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [[i8; C]]) {
        let output = |y| self.clamp.output(y);
        each(xs, ys, |x, y| pool::mean::<R, _>(self.zero, self.scale, output, x, y));
    }
}
