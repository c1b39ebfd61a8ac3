//! Products on cores without vectors: microcontrollers, where a program must be small before it is fast.
//!
//! ```text
//! for all of C                     (or 4 rows of 16 columns at a time, if the old C is needed at the end)
//!     kernel: sums                 (each segment of k: tiles of 4 x 4 in registers, see `vfp`)
//!     finish each row
//! ```
//!
//! The loops are compiled once, for all shapes and whatever becomes of a sum: a kernel is a pointer to the one for how A
//! and B lie, and the finish an object that says what it can do without. One row with a bias, a layer's outputs for one
//! sample, has a shorter way (`row_product`), so that a program that only infers holds little else. The first segment's sums lie in
//! C until the next one's are added, unless the old C still counts: then they lie on the stack, 256 bytes.
//!
//! | file | what it holds |
//! |---|---|
//! | `sums` | what a kernel is asked for |
//! | `plain` | kernels in plain Rust, for any layout |
//! | `abi`, `vfp/`, `helium` | kernels in assembly |
//! | `choice` | which kernel, by the instruction set and how A and B lie |
//! | `finish`, `finishing` | what becomes of sums, as an object, and how any `Finish` is one |
//! | `loops` | the loops around a kernel where the old C is needed at the end |
//! | `column` | a single column, whose sums have lanes |
//! | `stretches` | products of which k is several stretches, for convolutions |
//! | `drive` | the loops, and where products come into this room |

#[cfg(not(fusebox_core = "other"))]
#[macro_use]
mod abi;
mod choice;
mod column;
mod drive;
mod finish;
mod finishing;
#[cfg(all(fusebox_fused, fusebox_core = "m55"))]
mod helium;
mod loops;
mod plain;
pub(in crate::kernel) mod stretches;
mod sums;
#[cfg(not(fusebox_core = "other"))]
mod vfp;

pub(in crate::kernel) use drive::fixed_product;
pub(super) use drive::{add_rank_one, biased_row, row_product, run, run_panels};
