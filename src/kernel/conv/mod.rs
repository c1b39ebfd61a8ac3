//! Convolutions, forward and backward, as products whose rows are gathered from the picture: no patch is ever copied.
//!
//! # Rows that overlap
//!
//! Of a picture in NHWC the taps of a window's row lie side by side, `taps * channels` numbers, and the next output's window begins
//! `stride * channels` further on. So a row of outputs, at one row of taps, is a product whose A has rows that overlap; nothing in a kernel minds,
//! for it only reads. Where the window hangs over the edge, fewer taps take part: those outputs are a product of their own, of
//! fewer k ([`axis`]). A sum over all rows of taps is made of as many products, each of which starts from what the one before has left in C.
//!
//! The gradient of the input is the same with the ways reversed, from outputs to inputs, weights transposed. The gradient of the weights
//! is the product of the same overlapping rows, transposed, with the outputs' gradients.
//!
//! # The order of a sum
//!
//! Forward and to the input's gradient: tap by tap, row by row of the kernel (to the gradient, from the last tap to the first), within a tap channel by
//! channel, into one accumulator, that starts from the bias. To the weights' gradient: picture by picture, its runs of outputs in order, in segments of at most 4096 outputs
//! that are added. Taps in the padding take no part: they are not zeros that are multiplied. All of it depends on sizes only: never on
//! how many pictures there are, nor on which rows are computed at a time.
//!
//! | file | what it holds |
//! |---|---|
//! | `axis` | which taps meet which positions, along one axis |
//! | `sizes` | all sizes of a convolution |
//! | `gather` | outputs, and gradients of inputs |
//! | `pack` | weights transposed, a panel at a time |
//! | `weights` | the gradient of weights |
//! | `depthwise` | all three where each channel has one filter of its own |

mod axis;
pub(crate) mod depthwise;
mod gather;
#[cfg(not(fusebox_scalar))]
mod pack;
mod sizes;
#[cfg(test)]
mod tests;
mod weights;

pub(crate) use axis::Axis;
pub(crate) use gather::{Ends, forward, input_gradient};
pub(crate) use sizes::Sizes;
pub(crate) use weights::{Tile, weight_gradient};
