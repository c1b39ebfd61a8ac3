//! Convolutions, forward and backward, as products whose A is read from the picture in place. No patch is copied.
//!
//! # Rows that overlap
//!
//! In an NHWC picture the taps of one row of a window are adjacent: `taps * channels` numbers. The window of the next
//! output begins `stride * channels` numbers later. So a row of outputs, for one row of taps, is a product whose A
//! has overlapping rows: its row stride is less than its k. Kernels only read A, so overlap is harmless.
//!
//! ```text
//! for each picture, run of rows, run of columns       positions that meet the same taps
//!     for each row of outputs in it
//!         for each row of taps that it meets          (each tap, if dilation or groups separate them)
//!             C = (bias or C) + A B                   A: pixels in place, B: the taps' weights
//! ```
//!
//! Where a window extends beyond the edge, fewer taps take part. Those outputs are separate products with a smaller k
//! ([`runs`]). The sum over rows of taps is a sequence of products, each of which continues the sums in C.
//!
//! The gradient of the input is the same from outputs to inputs, with transposed weights. The gradient of the weights
//! is the product of the same overlapping rows, transposed, and the gradients of the outputs.
//!
//! # The order of a sum
//!
//! - Forward, and the gradient of the input: by rows of the kernel, then taps (for the gradient, from the last tap to
//!   the first), then channels, into one accumulator that starts from the bias.
//! - The gradient of the weights: picture by picture, the runs of outputs in order, in segments of at most 4096
//!   outputs, which are added.
//!
//! Taps in the padding are left out: they are not multiplied as zeros. The order depends only on sizes, never on the
//! number of pictures or on which rows are computed in one call.
//!
//! | file | contents |
//! |---|---|
//! | `runs` | which taps meet which positions along one axis, in runs |
//! | `sizes` | the sizes of a convolution |
//! | `gather` | outputs, and gradients of the input |
//! | `pack` | transposed weights for the gradient of the input, a panel at a time on the stack |
//! | `weights` | the gradient of the weights, a tile at a time |
//! | `threads` | with the feature `rayon`, all of this on several threads |
//! | `depthwise` | all three passes where each channel has one filter of its own |

pub(crate) mod depthwise;
mod gather;
#[cfg(not(fusebox_scalar))]
mod pack;
mod runs;
mod sizes;
#[cfg(test)]
mod tests;
mod threads;
mod weights;

pub(crate) use gather::{Ends, forward, input_gradient};
pub(crate) use sizes::Sizes;
pub(crate) use weights::{Tile, weight_gradient};
