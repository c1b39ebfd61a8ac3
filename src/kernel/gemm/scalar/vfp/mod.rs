//! Sums in the registers of a Cortex-M's floating-point unit: M4F and M33; M7; what Helium leaves over on M55.
//!
//! ```text
//! s0 .. s15   sixteen sums: 4 x 4, or 1 x 16
//! s16 ..      numbers of B, numbers of A, and products on their way to the sums
//! ```
//!
//! # Why assembly
//!
//! On an M4F or M33 a multiplication and an addition take a cycle each, and so does each number loaded; a fused
//! multiply-add, or the `VMLA` that compilers choose for the stock target, takes three. Two steps of k of a 4 x 4 tile:
//!
//! ```text
//! 32 VMUL, 32 VADD                64 cycles
//! 2 VLDM, a row of B's four       10               (1 + n)
//! 4 VLDM, of each row of A two    12
//! 2 ADD, to the next row of B      2
//! half of a loop's SUBS and BNE    2
//!                                 90: 2.81 cycles a multiply-accumulate, in 2.28 instructions
//! ```
//!
//! Cycles by the Cortex-M4 Technical Reference Manual (tables 3-1 and 7-1), as in `xtask/src/cycles.rs`; with more rows or
//! columns a tile loads less, but 4 x 5 and 6 x 4 gain only 0.1, and fit few matrices. What a compiler makes of the same tile
//! in Rust takes 5.6 to 5.9 cycles: it multiplies and adds by `VMLA` unless told that the core is an M4, computes the place
//! of each number anew, and loads numbers one by one. On an M7, which starts a fused multiply-add every cycle, the same
//! steps are 41 instructions: 1.28.
//!
//! # How they are cut
//!
//! Whole tiles are done here; the last columns in a tile that reaches back, and rows beside tiles one by one. Of a transposed
//! A the last one to three rows, and matrices of less than four columns, are left to [`plain`]. A loop of two steps is
//! entered in its middle when k is odd, so that nothing is there twice.
//!
//! Recurrent layers have a kernel of a row of their own, with wider tiles (`wide_row`).
//!
//! For convolutions each kernel of tiles is there once more, for a k of several stretches (`Kernels`): programs without
//! convolutions do not contain them.

#[macro_use]
mod assembly;
mod kernels;
mod rank_one;
mod rows;
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
mod tiles;
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
mod wide_row;

#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
pub(super) use kernels::{Kernels, nn_row_wide};
pub(super) use kernels::{nn, nn_row_alone, nt, rank_one, tn};
