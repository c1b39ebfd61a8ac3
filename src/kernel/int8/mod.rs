//! Networks of eight bits: whole numbers from -128 to 127, each standing for a real one.
//!
//! ```text
//! real = scale (q - zero)          scale and zero: one of each for a tensor of activations; weights have a zero of 0 and
//!                                  a scale for each output
//! sum  = bias + sum of x w         32 bits, wrapping; minus zero times the sum of the weights is in the bias
//! y    = clamp(round(sum m) + zero)    m = scale of x, times scale of w, over scale of y
//! ```
//!
//! Whole numbers have no order of summation, so every instruction set gives the same bits by any way through a product:
//! all of them are tested against three loops.
//!
//! `learn` and `cross_entropy` are what training in whole numbers needs besides.
//!
//! Source of the arithmetic: B. Jacob and others, "Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference", 2018, as TensorFlow Lite for Microcontrollers keeps it.

pub(crate) mod cross_entropy;
pub(crate) mod depthwise;
pub(crate) mod fixed;
pub(crate) mod learn;
pub(crate) mod lstm;
mod number;
mod order;
pub(crate) mod patches;
pub(crate) mod pool;
mod product;
pub(crate) mod region;
mod scale;
pub(crate) mod sigmoid;
pub(crate) mod softmax;
#[cfg(fusebox_vectors_of_bytes)]
mod stretches;
pub(crate) mod sums;
#[cfg(fusebox_vectors_of_bytes)]
mod vector;

pub(crate) use number::Number;
pub(crate) use order::{Place, by_input, fold, place, tile, transpose};
#[cfg(fusebox_vectors_of_bytes)]
pub(crate) use product::Inputs;
pub(crate) use product::Product;
pub use region::Region;
pub use scale::{Clamp, Double, Multiplier, Rounding, Single};
pub use sums::Term;
