//! Pictures as types, and the windows of convolutions and pools: strides, dilations, padding.

use crate::kernel::axis::Axis;
use crate::layers::Frames;
use crate::{Plain, plain};
use core::fmt;
use core::marker::PhantomData;

/// A picture: `HEIGHT` rows of `WIDTH` pixels of `CHANNELS` numbers. Implemented for arrays.
///
/// ```
/// use fusebox::layers::Picture;
/// type Digit = [[[f32; 1]; 28]; 14];
/// assert_eq!((Digit::HEIGHT, Digit::WIDTH, Digit::CHANNELS), (14, 28, 1));
/// ```
pub trait Picture: Frames + sealed::Sealed {
    /// Rows.
    const HEIGHT: usize;
    /// Pixels in a row.
    const WIDTH: usize;
    /// Numbers in a pixel.
    const CHANNELS: usize;
    /// A picture of the same height and width whose pixels are `T`.
    type Of<T: Plain>: Plain;
}

mod sealed {
    pub trait Sealed {}
    impl<const H: usize, const W: usize, const C: usize> Sealed for [[[f32; C]; W]; H] {}
}

impl<const H: usize, const W: usize, const C: usize> Picture for [[[f32; C]; W]; H] {
    const HEIGHT: usize = H;
    const WIDTH: usize = W;
    const CHANNELS: usize = C;
    type Of<T: Plain> = [[T; W]; H];
}

/// Positions added before and after an axis of `input` positions. Layers do not multiply them as zeros but leave their
/// taps out, so means and maxima ignore them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// None: an output needs a whole window of input.
    Valid,
    /// As many as give `input / stride` outputs, rounded up. Half of them before, and the odd one after, as in
    /// TensorFlow.
    Same,
    /// As many outputs as [`Padding::Same`], but all padding before the first position: an output depends on no later
    /// position. Along the height only, which is time in a [stream](crate::Stream); the width is padded as by `Same`.
    Causal,
    /// This number before and as many after, as in PyTorch. Must be less than the span of the kernel.
    Around(usize),
}

/// [`Padding`] as a type.
pub trait Pad: Copy + 'static {
    /// The value.
    const PADDING: Padding;
}

/// [`Padding::Valid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid;

/// [`Padding::Same`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Same;

/// [`Padding::Causal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causal;

/// [`Padding::Around`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around<const P: usize>;

impl Pad for Valid {
    const PADDING: Padding = Padding::Valid;
}

impl Pad for Same {
    const PADDING: Padding = Padding::Same;
}

impl Pad for Causal {
    const PADDING: Padding = Padding::Causal;
}

impl<const P: usize> Pad for Around<P> {
    const PADDING: Padding = Padding::Around(P);
}

/// The positions of windows on a picture: strides, dilations, padding. Along rows first, then columns.
pub trait Steps: Copy + 'static {
    /// Distance between the windows of adjacent outputs, in input positions: down, and to the right.
    const STRIDE: [usize; 2];
    /// Distance between adjacent taps of the kernel, in input positions: down, and to the right.
    const DILATION: [usize; 2];
    /// Along the height. Along the width too, but as [`Padding::Same`] where this is [`Padding::Causal`].
    const PADDING: Padding;
    /// As many values as the taps of a kernel are rows apart.
    type Apart<T: Plain>: Plain;
}

/// The usual [`Steps`]: a padding, the strides down and to the right, the dilations.
///
/// ```
/// use fusebox::layers::{Padding, Steps, Valid, Window};
/// type Halving = Window<Valid, 2, 2>;
/// assert_eq!((Halving::STRIDE, Halving::DILATION, Halving::PADDING), ([2; 2], [1; 2], Padding::Valid));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Window<
    P = Same,
    const SH: usize = 1,
    const SW: usize = 1,
    const DH: usize = 1,
    const DW: usize = 1,
> {
    padding: PhantomData<P>,
}

plain!([P: Copy + 'static, const SH: usize, const SW: usize, const DH: usize, const DW: usize]
    Window<P, SH, SW, DH, DW> { padding: PhantomData<P> });

impl<P, const SH: usize, const SW: usize, const DH: usize, const DW: usize> fmt::Debug
    for Window<P, SH, SW, DH, DW>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}

impl<P: Pad, const SH: usize, const SW: usize, const DH: usize, const DW: usize> Steps
    for Window<P, SH, SW, DH, DW>
{
    const STRIDE: [usize; 2] = [SH, SW];
    const DILATION: [usize; 2] = [DH, DW];
    const PADDING: Padding = P::PADDING;
    type Apart<T: Plain> = [T; DH];
}

/// The number of outputs of a window of `kernel` taps along an axis of `input` positions.
///
/// Returns 0 if the window does not fit, if a size or a step is 0, if [`Padding::Around`] is as large as the window, or
/// if no window reaches the last positions (PyTorch and TensorFlow ignore these silently; here, crop the input or
/// choose another padding). An axis of one position is not padded for a kernel of one tap: a sequence has nothing beside it.
///
/// ```
/// use fusebox::layers::{Padding, output_len};
/// assert_eq!(output_len(28, 3, 1, 1, Padding::Same), 28);
/// assert_eq!(output_len(28, 3, 2, 1, Padding::Same), 14);
/// assert_eq!(output_len(28, 3, 1, 2, Padding::Valid), 24);
/// assert_eq!(output_len(28, 3, 2, 1, Padding::Valid), 0); // the last row would be lost
/// assert_eq!(output_len(32, 3, 2, 1, Padding::Around(1)), 16);
/// assert_eq!(output_len(1, 1, 2, 1, Padding::Around(1)), 1);
/// ```
pub const fn output_len(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> usize {
    whole(axis(input, kernel, stride, dilation, padding), padding).output
}

/// The axis, without outputs if no window reaches its last positions.
const fn whole(axis: Axis, padding: Padding) -> Axis {
    let reached = match (padding, span(axis.taps, axis.dilation)) {
        (Padding::Same | Padding::Causal, _) => true,
        (_, Some(span)) => {
            axis.output > 0 && (axis.output - 1) * axis.stride + span >= axis.before + axis.input
        }
        (_, None) => false,
    };
    if reached { axis } else { Axis { output: 0, before: 0, ..axis } }
}

/// [`output_len`], but windows may leave out the last positions, as in TensorFlow and PyTorch.
const fn outputs(input: usize, kernel: usize, stride: usize, dilation: usize, padding: Padding) -> usize {
    if input == 0 || kernel == 0 || stride == 0 || dilation == 0 {
        return 0;
    }
    if input == 1 && kernel == 1 {
        return 1;
    }
    let Some(span) = span(kernel, dilation) else { return 0 };
    let padded = match padding {
        Padding::Valid => Some(input),
        Padding::Same | Padding::Causal => return input.div_ceil(stride),
        Padding::Around(around) => match around.checked_mul(2) {
            // A window in the padding alone would be none.
            Some(both) if around < span => input.checked_add(both),
            _ => None,
        },
    };
    match padded {
        Some(padded) if span <= padded => (padded - span) / stride + 1,
        _ => 0,
    }
}

/// Both axes of a window of `kernel` taps on pictures `I`: down, and to the right. An axis that the window does not fit has no
/// outputs.
pub(super) const fn axes<I: Picture, G: Steps>([rows, cols]: [usize; 2]) -> [Axis; 2] {
    let [down, right] = axes_of::<G>([I::HEIGHT, I::WIDTH], [rows, cols]);
    let [padding, across] = paddings::<G>();
    [whole(down, padding), whole(right, across)]
}

/// [`axes`] of pictures of `height` by `width` of any numbers. Windows may leave out the last positions.
pub(in crate::layers) const fn axes_of<G: Steps>(
    [height, width]: [usize; 2],
    [rows, cols]: [usize; 2],
) -> [Axis; 2] {
    let [down, right] = G::STRIDE;
    let [below, beside] = G::DILATION;
    let [padding, across] = paddings::<G>();
    [axis(height, rows, down, below, padding), axis(width, cols, right, beside, across)]
}

/// Of the height and of the width: a picture has no before and after from left to right.
const fn paddings<G: Steps>() -> [Padding; 2] {
    match G::PADDING {
        Padding::Causal => [Padding::Causal, Padding::Same],
        padding => [padding; 2],
    }
}

const fn axis(input: usize, taps: usize, stride: usize, dilation: usize, padding: Padding) -> Axis {
    let output = outputs(input, taps, stride, dilation, padding);
    let before = if output == 0 { 0 } else { padding_before(input, output, taps, stride, dilation, padding) };
    Axis { input, output, taps, stride, dilation, before }
}

/// Positions that are padded before the first, for `output` outputs, of which there is one.
const fn padding_before(
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> usize {
    let needed = match span(kernel, dilation) {
        Some(span) => ((output - 1) * stride + span).saturating_sub(input),
        None => 0,
    };
    match padding {
        _ if input == 1 && kernel == 1 => 0,
        Padding::Valid => 0,
        Padding::Same => needed / 2,
        Padding::Causal => (kernel - 1) * dilation,
        Padding::Around(around) => around,
    }
}

/// Positions from a window's first tap to its last; `None` if they are more than can be counted.
const fn span(kernel: usize, dilation: usize) -> Option<usize> {
    match kernel.saturating_sub(1).checked_mul(dilation) {
        Some(span) => span.checked_add(1),
        None => None,
    }
}
