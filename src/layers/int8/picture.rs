//! Pictures of whole numbers, and windows on them.

use super::tensor::Numbers;
use crate::kernel::axis::Axis;
use crate::kernel::int8::Number;
use crate::layers::Steps;
use crate::layers::picture::axes_of;

/// A picture: `HEIGHT` rows of `WIDTH` pixels of `CHANNELS` `i8`s or `i16`s. A sequence is a picture of one column.
///
/// ```
/// use fusebox::int8::Picture;
/// type Digit = [[[i8; 1]; 28]; 14];
/// assert_eq!((Digit::HEIGHT, Digit::WIDTH, Digit::CHANNELS), (14, 28, 1));
/// assert_eq!(<[[[i16; 1]; 28]; 14]>::WIDTH, 28);
/// ```
pub trait Picture: Numbers {
    /// Rows.
    const HEIGHT: usize;
    /// Pixels in a row.
    const WIDTH: usize;
    /// Numbers in a pixel.
    const CHANNELS: usize;
}

impl<T: Numbers<Number = T> + Number, const H: usize, const W: usize, const C: usize> Picture
    for [[[T; C]; W]; H]
{
    const HEIGHT: usize = H;
    const WIDTH: usize = W;
    const CHANNELS: usize = C;
}

/// The axes of windows on `I`. Panics, when it is compiled, if they do not make `O`, of so many channels.
pub(in crate::layers) const fn fitting<I: Picture, O: Picture, G: Steps>(
    taps: [usize; 2],
    channels: usize,
) -> [Axis; 2] {
    let axes = axes_of::<G>([I::HEIGHT, I::WIDTH], taps);
    assert!(axes[0].output > 0 && axes[1].output > 0, "a window is larger than its input");
    assert!(
        O::HEIGHT == axes[0].output && O::WIDTH == axes[1].output && O::CHANNELS == channels,
        "the output is another picture than the input, the window, its strides and its padding make"
    );
    axes
}
