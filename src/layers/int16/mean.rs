//! Means of whole pictures.

use super::Clamp;
use super::scale::both;
use crate::kernel::int8::pool;
use crate::kernel::int8::{Double, Multiplier};
use crate::layers::Layer;
use crate::layers::int8::{Picture, each};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

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

impl<I: Picture<Number = i16>, const C: usize> Mean<I, C> {
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

impl<I: Picture<Number = i16>, const C: usize> Layer for Mean<I, C> {
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
