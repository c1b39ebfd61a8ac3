//! Layers on pictures and on sequences: convolutions, pooling and batch normalisation.
//!
//! A picture is an array of rows of pixels of channels, `[[[f32; C]; W]; H]` (NHWC, as Keras and TensorFlow Lite have it); a
//! sequence of `T` positions is `[[f32; C]; T]`. A layer's input and output are such types, and its
//! kernel, strides, dilations and padding are too, so that whether they fit is known when it compiles.

mod batch_norm;
mod conv;
mod pool;
mod transposed;
mod window;

pub use batch_norm::BatchNorm;
pub use conv::{Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d};
pub use pool::{AvgPool1d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d, Pool};
pub use transposed::ConvTranspose2d;
pub(crate) use window::padding_before;
pub use window::{Around, Causal, Pad, Padding, Picture, Same, Steps, Valid, Window, output_len};
