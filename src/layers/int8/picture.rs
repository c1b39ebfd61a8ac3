//! Pictures of bytes.

use super::tensor::Tensor;

/// A picture: `HEIGHT` rows of `WIDTH` pixels of `CHANNELS` bytes. A sequence is a picture of one column.
///
/// ```
/// use fusebox::int8::Picture;
/// type Digit = [[[i8; 1]; 28]; 14];
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

impl<const H: usize, const W: usize, const C: usize> Picture for [[[i8; C]; W]; H] {
    const HEIGHT: usize = H;
    const WIDTH: usize = W;
    const CHANNELS: usize = C;
}
