//! Networks of activations of sixteen bits and weights of eight.
//!
//! ```text
//! real = scale q                  no zero point: 0 stands for 0
//! sum  = bias + sum of x w        64 bits, or 32 if biases are
//! y    = clamp(round(sum m))      m = scale of x, times scale of w, over scale of y
//! ```
//!
//! A sum of 64 bits is multiplied by sixteen bits of the multiplier and rounded once, one of 32 bits as in `int8`, twice:
//!
//! ```text
//! m16 = round(mantissa / 2^16), at most 2^15 - 1
//! y   = floor(sum m16 / 2^(15 - exponent) + 1/2)
//! ```
//!
//! Source: TensorFlow Lite for Microcontrollers' kernels of `int16` activations, to the bit.
//!
//! | file | kernels |
//! |---|---|
//! | `scale` | from sums to outputs |
//! | `product` | rows by weights, for dense layers and convolutions |
//! | `conv`, `depthwise` | convolutions |
//! | `functions` | one number to one, or two to one |
//! | `softmax` | the softmax |
//!
//! Pools, parts of arrays and the larger of two numbers are `int8`'s, which are for both sizes.

pub(crate) mod conv;
pub(crate) mod depthwise;
pub(crate) mod functions;
pub(crate) mod product;
mod scale;
pub(crate) mod softmax;
#[cfg(test)]
mod tests;

pub use scale::{Clamp, Sum, Sum32, Sum64};
