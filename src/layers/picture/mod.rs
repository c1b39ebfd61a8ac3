//! Layers on pictures and on sequences: convolutions, pooling and normalisation.
//!
//! A picture is an array of rows of pixels of channels, `[[[f32; C]; W]; H]` (NHWC, as in Keras and TensorFlow Lite).
//! A sequence of `T` positions is `[[f32; C]; T]`. Input, output, kernel, strides, dilations and padding are
//! parameters of a layer's type, so the compiler checks that they match.
//!
//! | file | layers |
//! |---|---|
//! | `window` | no layer: pictures, padding and strides as types |
//! | `conv` | `Conv2d`, `DepthwiseConv2d`, `Conv1d`, `DepthwiseConv1d` |
//! | `transposed` | `ConvTranspose2d` |
//! | `pool` | `MaxPool2d`, `AvgPool2d`, their 1-D forms, `GlobalMaxPool`, `GlobalAvgPool` |
//! | `past` | no layer: what a window remembers of a stream |
//! | `batch_norm` | `BatchNorm`, and folding it into a convolution |
//! | `group_norm` | `GroupNorm`, `InstanceNorm` |
mod batch_norm;
mod conv;
mod group_norm;
mod past;
mod pool;
mod resize;
mod transposed;
mod window;

pub use batch_norm::BatchNorm;
pub use conv::{Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d};
pub use group_norm::{GroupNorm, InstanceNorm};
pub(super) use pool::{All, Function, Kernel, Largest, Mean};
pub use pool::{AvgPool1d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d, Pool};
pub use resize::{Pad2d, Resize, Upsample2d};
pub use transposed::ConvTranspose2d;
pub(super) use window::axes_of;
pub use window::{Around, Causal, Pad, Padding, Picture, Same, Steps, Valid, Window, output_len};
