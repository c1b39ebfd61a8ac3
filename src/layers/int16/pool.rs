//! Pools.

use super::Clamp;
use super::quantize::Tensor;
use super::scale::both;
use crate::kernel::int8::pool::{self, Windows};
use crate::kernel::int8::{Double, Multiplier};
use crate::layers::int8::each;
use crate::layers::picture::{self, Function, Largest, axes_of};
use crate::layers::{Layer, Steps, Valid, Window};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// A picture: `HEIGHT` rows of `WIDTH` pixels of `CHANNELS` `i16`s. A sequence is a picture of one column.
///
/// ```
/// use fusebox::int16::Picture;
/// type Digit = [[[i16; 1]; 28]; 14];
/// assert_eq!((Digit::HEIGHT, Digit::WIDTH, Digit::CHANNELS), (14, 28, 1));
/// ```
pub trait Picture: Tensor {
    /// Rows.
    const HEIGHT: usize;
    /// Pixels in a row.
    const WIDTH: usize;
    /// Numbers in a pixel.
    const CHANNELS: usize;
}

impl<const H: usize, const W: usize, const C: usize> Picture for [[[i16; C]; W]; H] {
    const HEIGHT: usize = H;
    const WIDTH: usize = W;
    const CHANNELS: usize = C;
}

/// The largest number of every window of `KH` rows and `KW` columns, for each channel. Input and output have the same scale. `G` as for
/// [`Conv2d`](super::Conv2d).
///
/// ```
/// use fusebox::int16::{Clamp, MaxPool2d};
/// use fusebox::{Layer, Scratch};
/// let layer = MaxPool2d::<[[[i16; 1]; 4]; 2], [[[i16; 1]; 2]; 1], 2, 2>::new(Clamp::NONE);
/// let mut ys = [[[[0]; 2]; 1]];
/// layer.infer(&[[[[1], [2], [3], [400]], [[500], [4], [3], [2]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[500], [400]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type MaxPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<Largest, I, O, KH, KW, G>;

/// The mean of every window, of the inputs that lie in the picture, rounded, a half away from zero. Otherwise as [`MaxPool2d`].
///
/// ```
/// use fusebox::int16::{AvgPool2d, Clamp};
/// use fusebox::{Layer, Scratch};
/// let layer = AvgPool2d::<[[[i16; 1]; 4]; 1], [[[i16; 1]; 2]; 1], 1, 2>::new(Clamp::NONE);
/// let mut ys = [[[[0]; 2]; 1]];
/// layer.infer(&[[[[1], [1000], [-3], [-4]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[501], [-4]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type AvgPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<picture::Mean, I, O, KH, KW, G>;

/// What [`MaxPool2d`] and [`AvgPool2d`] are: the function `P` of every window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<P, I, O, const KH: usize, const KW: usize, G> {
    /// The range of the outputs.
    pub clamp: Clamp,
    /// The sizes.
    pub shape: PhantomData<fn(P, I, G) -> O>,
}

impl<P, I, O, const KH: usize, const KW: usize, G> Pool<P, I, O, KH, KW, G> {
    /// A pool whose outputs are clamped.
    pub const fn new(clamp: Clamp) -> Self {
        Self { clamp, shape: PhantomData }
    }
}

impl<P, I, O, const KH: usize, const KW: usize, G> Zeroed for Pool<P, I, O, KH, KW, G> {
    const ZEROED: Self = Self::new(Clamp::ZEROED);
}

impl<P, I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps> Pool<P, I, O, KH, KW, G> {
    const WINDOWS: Windows = {
        let axes = axes_of::<G>([I::HEIGHT, I::WIDTH], [KH, KW]);
        assert!(axes[0].output > 0 && axes[1].output > 0, "a pool's window is larger than its input");
        assert!(
            O::HEIGHT == axes[0].output && O::WIDTH == axes[1].output && O::CHANNELS == I::CHANNELS,
            "a pool's output is another picture than its input, window, strides and padding make"
        );
        assert!(KH * KW <= 1 << 15, "a pool's window is too large for sums of 32 bits");
        Windows { axes, channels: I::CHANNELS }
    };
}

impl<P: Function, I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps> Layer
    for Pool<P, I, O, KH, KW, G>
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::WINDOWS;
    };

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        let range = [self.clamp.least, self.clamp.most];
        each(xs, ys, |x, y| P::whole(&Self::WINDOWS, range, x, y));
    }
}

/// The mean of each of a picture's `C` channels, whose output may have another scale than its input.
///
/// ```
/// use fusebox::int16::Mean;
/// use fusebox::{Layer, Scratch};
/// let layer = Mean::<[[[i16; 1]; 2]; 1], 1>::new(0.5, 0.25)?;
/// let mut ys = [[0]];
/// layer.infer(&[[[[400], [600]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[1000]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean<I, const C: usize> {
    /// What each sum is multiplied by: the scale of the input over that of the output and the number of pixels.
    pub scale: Multiplier,
    /// The sizes.
    pub shape: PhantomData<fn(I)>,
}

impl<I: Picture, const C: usize> Mean<I, C> {
    /// Of inputs in steps of `x` and outputs in steps of `y`.
    ///
    /// Errors if a scale is not positive, or the quotient of the two is 2^31 or more.
    pub const fn new(x: f32, y: f32) -> Result<Self, Error> {
        let [x, y] = match both(x, y) {
            Ok(scales) => scales,
            Err(error) => return Err(error),
        };
        let pixels = (I::HEIGHT * I::WIDTH) as u64;
        match Multiplier::new(x / y) {
            Ok(scale) if pixels > 0 => Ok(Self { scale: scale.over(pixels), shape: PhantomData }),
            Ok(_) => Err(Error::Empty),
            Err(error) => Err(error),
        }
    }
}

impl<I, const C: usize> Zeroed for Mean<I, C> {
    const ZEROED: Self = Self { scale: Multiplier::ZEROED, shape: PhantomData };
}

impl<I: Picture, const C: usize> Layer for Mean<I, C> {
    type Input = I;
    type Output = [i16; C];
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        assert!(C == I::CHANNELS && C > 0, "a Mean has an output for each channel");
        assert!(I::HEIGHT * I::WIDTH <= 1 << 15, "the pixels of a Mean are too many for sums of 32 bits");
    };

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [[i16; C]]) {
        let output = |y| Clamp::NONE.output(y);
        each(xs, ys, |x, y| pool::mean::<Double, _>(0, self.scale, output, x, y));
    }
}
