//! Networks of eight bits: layers on whole numbers from -128 to 127, for inference; [`train`] has those that learn.
//!
//! A number `q` stands for the real number `scale (q - zero)`: see [`Quantization`]. Layers hold whole numbers only, and
//! compose like all others:
//!
//! ```
//! use fusebox::int8::{Clamp, Dense, Dequantize, Quantization, Quantize, WeightScale};
//! use fusebox::{Chain, Scratch, Seq};
//!
//! type Net = Seq![Quantize<[i8; 2]>, Dense<2, 1>, Dequantize<[i8; 1]>];
//! const X: Quantization = Quantization { scale: 0.5, zero: 0 };
//! const Y: Quantization = Quantization { scale: 0.25, zero: -3 };
//!
//! // 0.1 times 10 and 20: weights of 1 and 2.
//! let dense = Dense::new(&[[10, 20]], &[0], X, WeightScale::Tensor(0.1), Y, Clamp::of(Y))?;
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
//! Results are those of TensorFlow Lite for Microcontrollers, to the bit. With [`Single`] in place of [`Double`], the layers
//! that multiply sums round as LiteRT's reference kernels do.
//!
//! | file | layers |
//! |---|---|
//! | `quantize` | between real numbers and whole ones |
//! | `dense` | fully connected |
//! | `conv`, `pool` | on pictures and sequences |
//! | `table` | functions of one number: activations, other scales |
//! | `softmax` | the softmax |
//! | `join` | sums, products, concatenations of two arrays, or of one and a constant; layers made of others |
//! | `lstm` | the long short-term memory |
//! | `region` | parts of an array, borders around it, its axes in another order |
//!
//! `calibration` makes them of layers that were trained; `train` trains without floating point.
//! `prepare` is for programs that write layers: weights and biases as the layers store them.

mod calibration;
mod conv;
mod dense;
mod join;
mod lstm;
mod picture;
mod pool;
mod prepare;
mod quantization;
mod quantize;
mod region;
mod softmax;
mod table;
mod tensor;
pub mod train;

pub use crate::kernel::axis::Axis;
pub use crate::kernel::int8::{Clamp, Double, Multiplier, Region, Rounding, Single, Term};
pub use calibration::{
    Aware, Calibration, Clamping, Described, Fidelity, Line, MinMax, MovingAverage, Noise, Observer,
    Operation, Percentile, Quantized, Ranges, Real, Rows, RowsMut, ToInt8, Weights, Windows,
};
pub use conv::{Conv2d, DepthwiseConv2d};
pub use dense::Dense;
pub use join::{Add, Concat, Join, Max, Min, Mul, Parallel, Prelu, Residual, Sub, WithConstant};
pub use lstm::{Lstm, LstmScales};
pub use picture::Picture;
pub(in crate::layers) use picture::fitting;
pub use pool::{AvgPool2d, MaxPool2d, Mean, Pool};
pub use prepare::{fold, tile};
pub(super) use quantization::round;
pub use quantization::{Quantization, WeightScale};
pub use quantize::{Dequantize, Quantize};
pub use region::{Pad, Slice, Transpose};
pub use softmax::Softmax;
pub use table::Table;
pub use tensor::{Numbers, Tensor};
pub(super) use tensor::{each, flat, flat_mut};
