//! Which kernel, by the instruction set and how A and B lie.

use super::plain;
use super::sums::{Kernel, RankOne, RowKernel};
#[cfg(not(fusebox_core = "other"))]
use super::vfp;
use crate::Isa;

/// The kernel for how A and B lie.
#[inline(always)]
pub(super) fn kernel(isa: Isa, _layout: [bool; 2]) -> Kernel {
    #[cfg(not(fusebox_core = "other"))]
    if isa.is_assembled() {
        match _layout {
            [false, false] => return vfp::nn,
            [true, false] => return vfp::tn,
            [false, true] => return vfp::nt,
            [true, true] => {}
        }
    }
    plain_kernel(isa)
}

#[inline(always)]
pub(super) fn plain_kernel(isa: Isa) -> Kernel {
    if isa.is_fused() { plain::sums::<true> } else { plain::sums::<false> }
}

/// The kernel for one row of A.
#[inline(always)]
pub(super) fn row_kernel(isa: Isa) -> RowKernel {
    #[cfg(not(fusebox_core = "other"))]
    if isa.is_assembled() {
        return vfp::nn_row_alone;
    }
    if isa.is_fused() { plain::row::<true> } else { plain::row::<false> }
}

/// The same for recurrent layers.
#[inline(always)]
pub(super) fn recurrent_row_kernel(isa: Isa) -> RowKernel {
    #[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
    if isa.is_assembled() {
        return vfp::nn_row_wide;
    }
    row_kernel(isa)
}

/// The kernel for a column times a row.
#[inline(always)]
pub(super) fn rank_one_kernel(isa: Isa) -> unsafe fn(&RankOne) {
    #[cfg(not(fusebox_core = "other"))]
    if isa.is_assembled() {
        return vfp::rank_one;
    }
    if isa.is_fused() { plain::rank_one::<true> } else { plain::rank_one::<false> }
}
