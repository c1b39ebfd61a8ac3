//! A quantised network, operation by operation, as file formats have it: for programs that write files.
//!
//! What is shown is computed by the functions that make the layers, so both are the same network.

use super::affine::Weights;
use crate::kernel::axis::Axis;
use crate::kernel::int8::Clamp;
use crate::layers::int8::quantization::Quantization;

/// An operation of a quantised network: see [`Ranges::describe`](super::Ranges::describe).
#[derive(Debug)]
pub struct Described<'a> {
    /// Of the layer, as in [`Ranges::iter`](super::Ranges::iter).
    pub name: &'static str,
    /// How many rows it is applied to: the positions of an [`Each`](crate::Each) around it, or 1.
    pub rows: usize,
    /// Scale and zero of the input.
    pub x: Quantization,
    /// Scale and zero of the output.
    pub y: Quantization,
    /// What is done.
    pub operation: Operation<'a>,
}

/// What is done to the numbers that the operation before has put out. Views do nothing to them, so the same numbers may be a picture
/// before and a row here. Sizes are those of one row of [`Described::rows`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// [`Dense`](super::super::Dense).
    Dense(Weights<'a>),
    /// [`Conv2d`](super::super::Conv2d). Inputs of a filter are rows of taps, taps, channels.
    Conv2d(Windows, Weights<'a>),
    /// [`DepthwiseConv2d`](super::super::DepthwiseConv2d). Inputs of a filter are rows of taps, taps.
    DepthwiseConv2d(Windows, Weights<'a>),
    /// [`MaxPool2d`](super::super::MaxPool2d).
    MaxPool2d(Windows),
    /// [`AvgPool2d`](super::super::AvgPool2d).
    AvgPool2d(Windows),
    /// [`Mean`](super::super::Mean) of a picture of so many rows, pixels in a row, channels.
    Mean([usize; 3]),
    /// [`Softmax`](super::super::Softmax) of so many numbers.
    Softmax(usize),
    /// [`Table::logistic`](super::super::Table::logistic) of so many numbers.
    Logistic(usize),
    /// [`Table::tanh`](super::super::Table::tanh) of so many numbers.
    Tanh(usize),
    /// [`Table::leaky_relu`](super::super::Table::leaky_relu) of so many numbers, and its slope.
    LeakyRelu(usize, f32),
    /// A [`Residual`](super::super::Residual) begins: these numbers are also an operand of the [`Operation::Add`] at its end.
    /// Residuals may be inside of others.
    Branch,
    /// [`Add`](super::super::Add): the numbers from where the residual began plus these, so many.
    Add(usize),
    /// Another function, or a layer that does not describe itself.
    Other,
}

/// Windows of a convolution or a pool.
///
/// ```
/// use fusebox::int8::{Axis, Calibration, Operation};
/// use fusebox::{MaxPool2d, Zeroed};
/// type Pool = MaxPool2d<[[[f32; 1]; 4]; 2], [[[f32; 1]; 2]; 1], 2, 2>;
/// let mut calibration = Calibration::<Pool, 1>::new();
/// calibration.observe(&Pool::ZEROED, &[[[[1.0]; 4]; 2]])?;
/// calibration.ranges()?.describe(&Pool::ZEROED, &mut |described| {
///     let Operation::MaxPool2d(windows) = described.operation else { panic!("a pool") };
///     let Axis { input, output, taps, stride, dilation, before } = windows.axes[1];
///     assert_eq!([input, output, taps, stride, dilation, before], [4, 2, 2, 2, 1, 0]);
///     assert_eq!(windows.channels, [1, 1]);
/// })?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Down, and to the right.
    pub axes: [Axis; 2],
    /// Of the input, and of the output.
    pub channels: [usize; 2],
}

/// An activation that is a clamp.
///
/// ```
/// use fusebox::int8::Clamping;
/// assert_eq!(Clamping::default(), Clamping::None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clamping {
    /// No activation.
    #[default]
    None,
    /// [`Relu`](crate::Relu).
    Relu,
    /// [`Relu6`](crate::Relu6).
    Relu6,
}

impl Clamping {
    /// The clamp of outputs of the scale and zero `y`.
    pub(super) const fn of(self, y: Quantization) -> Clamp {
        match self {
            Self::None => Clamp::of(y),
            Self::Relu => Clamp::relu(y),
            Self::Relu6 => Clamp::relu6(y),
        }
    }
}
