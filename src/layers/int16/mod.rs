//! Networks of activations of sixteen bits and weights of eight (`int16x8`), for inference: an error of quantisation 256 times as
//! small as in [`int8`](crate::int8), for twice the memory of activations and two to three times the time of products.
//!
//! A number `q` of an activation stands for the real number `scale q`; there is no zero point. Layers compose like all others, and with
//! those of [`int8`](crate::int8) by a [`Rescale`]:
//!
//! ```
//! use fusebox::int16::{Clamp, Dense, Dequantize, Quantize};
//! use fusebox::int8::WeightScale;
//! use fusebox::{Chain, Scratch, Seq};
//!
//! type Net = Seq![Quantize<[i16; 2]>, Dense<2, 1>, Dequantize<[i16; 1]>];
//! const X: f32 = 1.0 / 4096.0;
//! const Y: f32 = 1.0 / 1024.0;
//!
//! // 0.1 times 10 and 20: weights of 1 and 2.
//! let dense = Dense::new(&[[10, 20]], &[0], X, WeightScale::Tensor(0.1), Y, Clamp::NONE)?;
//! let net: Net = Chain {
//!     first: Quantize::new(X)?,
//!     rest: Chain { first: dense, rest: Dequantize::new(Y) },
//! };
//! let mut ys = [[0.0]];
//! net.infer(&[[1.5, -2.0]], &mut Scratch::<Net, 1>::new(), &mut ys)?;
//! assert_eq!(ys, [[-2.5]]);
//! # Ok::<(), fusebox::Error>(())
//! ```
//!
//! Results are those of TensorFlow Lite for Microcontrollers, to the bit. What only moves numbers, or joins layers, is one type for
//! both sizes, and in [`int8`](crate::int8): [`Concat`](crate::int8::Concat), [`Slice`](crate::int8::Slice),
//! [`Pad`](crate::int8::Pad), [`Max`](crate::int8::Max), [`Min`](crate::int8::Min), [`Parallel`](crate::int8::Parallel),
//! [`Residual`](crate::int8::Residual), [`WithConstant`](crate::int8::WithConstant), and pools.
//!
//! | file | layers |
//! |---|---|
//! | `quantize` | between real numbers and whole ones |
//! | `dense` | fully connected |
//! | `conv`, `mean` | on pictures and sequences |
//! | `functions` | functions of one number: activations, other scales |
//! | `softmax` | the softmax |
//! | `join` | sums and products of two arrays |

mod conv;
mod dense;
mod functions;
mod join;
mod mean;
mod quantize;
mod scale;
mod softmax;

pub use crate::kernel::int16::{Clamp, Sum, Sum32, Sum64};
pub use crate::layers::int8::{AvgPool2d, MaxPool2d, Picture, Pool};
pub use conv::{Conv2d, DepthwiseConv2d};
pub use dense::Dense;
pub use functions::{Logistic, Rescale, Tanh};
pub use join::{Add, Mul, Sub};
pub use mean::Mean;
pub use quantize::{Dequantize, Quantize, Tensor};
pub use softmax::Softmax;
