//! Products whose k is several stretches, equally far apart: the rows of taps of a convolution, or its lines of outputs.
//!
//! ```text
//! C = first + A_0 B_0 + A_1 B_1 + ..     each sum one chain
//! ```
//!
//! In the assembly's whole tiles a sum stays in its register from the first stretch to the last. Elsewhere it continues in C, a
//! product for each stretch. A function for each way in which operands lie holds no other's kernel.

use crate::Isa;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::Operands;

/// How many stretches, and how many numbers of A and of B from where one begins to where the next does: backwards, they wrap.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Stretches {
    pub(in crate::kernel) count: usize,
    pub(in crate::kernel) a: usize,
    pub(in crate::kernel) b: usize,
}

/// Computes such a product; its A, B and k are those of the first stretch. A mask's rows are as far apart as C's.
///
/// # Safety
/// 1. As for [`chain`](super::drive::chain), for each of the stretches, of which there is one at least.
/// 2. The operands lie as the function says.
pub(in crate::kernel) type Chains = unsafe fn(Isa, &Operands, &Stretches, Activate);

#[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
mod in_registers {
    use super::super::finish::FinishRows;
    use super::super::finishing::Finishing;
    use super::super::loops::sums_at;
    use super::super::vfp::Kernels;
    use super::{Activate, Isa, Operands, Stretches};
    use crate::kernel::gemm::tile::Place;

    /// Operands as they lie.
    ///
    /// # Safety
    /// See [`Chains`](super::Chains).
    pub(in crate::kernel) unsafe fn nn(isa: Isa, operands: &Operands, stretches: &Stretches, end: Activate) {
        // SAFETY: the caller's promise.
        unsafe { sums(isa, Kernels::NN, operands, stretches, end) }
    }

    /// A transposed.
    ///
    /// # Safety
    /// See [`Chains`](super::Chains).
    pub(in crate::kernel) unsafe fn tn(isa: Isa, operands: &Operands, stretches: &Stretches, end: Activate) {
        // SAFETY: the caller's promise.
        unsafe { sums(isa, Kernels::TN, operands, stretches, end) }
    }

    /// B transposed.
    ///
    /// # Safety
    /// See [`Chains`](super::Chains).
    pub(in crate::kernel) unsafe fn nt(isa: Isa, operands: &Operands, stretches: &Stretches, end: Activate) {
        // SAFETY: the caller's promise.
        unsafe { sums(isa, Kernels::NT, operands, stretches, end) }
    }

    /// # Safety
    /// See [`Chains`](super::Chains); the kernels are for how the operands lie.
    #[inline(never)]
    unsafe fn sums(isa: Isa, kernels: Kernels, operands: &Operands, stretches: &Stretches, end: Activate) {
        debug_assert!(isa.is_fused() == cfg!(fusebox_fused), "a build has one class of instruction sets");
        let Operands { m, n, c, c_stride, .. } = *operands;
        let mut sums = sums_at(operands, [0, 0]);
        (sums.out, sums.out_row) = (c, c_stride);
        (sums.rows, sums.cols) = (m, n);
        // SAFETY: the caller's promises.
        unsafe { kernels.run(&mut sums, stretches) };
        let finish = Finishing { isa, finish: &end };
        if finish.is_nothing() {
            return;
        }
        // Rows without gaps are one.
        let (rows, len) = if c_stride == n { (m, m * n) } else { (1, n) };
        let mut place = Place { c, c_stride, row: 0, col: 0, last_lanes: 1 };
        while place.row < m {
            // SAFETY: rows of C, and of a mask of C's shape, whose rows have no gaps either.
            unsafe { finish.finish_row(place.c, place, len) };
            place.row += rows;
            place.c = place.c.wrapping_add(rows * c_stride);
        }
    }
}

#[cfg(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55")))]
mod one_by_one {
    use super::super::drive::chain;
    use super::{Activate, Isa, Operands, Stretches};
    use crate::kernel::gemm::segments::LONGEST;
    use crate::kernel::gemm::tile::First;

    /// Operands in any way: what they say.
    ///
    /// # Safety
    /// See [`Chains`](super::Chains).
    #[inline(never)]
    pub(in crate::kernel) unsafe fn chains(
        isa: Isa,
        operands: &Operands,
        stretches: &Stretches,
        end: Activate,
    ) {
        let mut product = *operands;
        let b_k = if product.b_transposed { 1 } else { product.b_stride };
        let a_k = if product.a_transposed { product.a_stride } else { 1 };
        for i in 0..stretches.count {
            let (a, b) = (stretches.a.wrapping_mul(i), stretches.b.wrapping_mul(i));
            let mut done = 0;
            loop {
                let from_b = b.wrapping_add(done * b_k);
                product.k = (operands.k - done).min(LONGEST);
                product.a = operands.a.wrapping_add(a.wrapping_add(done * a_k));
                product.b = operands.b.wrapping_add(from_b);
                product.b_len = operands.b_len.wrapping_sub(from_b);
                done += product.k;
                let last = i + 1 == stretches.count && done == operands.k;
                // SAFETY: the caller's promise.
                unsafe { chain(isa, &product, if last { end } else { Activate::Nothing }) };
                product.first = First::Output;
                if done >= operands.k {
                    break;
                }
            }
        }
    }
}

#[cfg(not(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55"))))]
pub(in crate::kernel) use in_registers::{nn, nt, tn};
#[cfg(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55")))]
pub(in crate::kernel) use one_by_one::{chains as nn, chains as nt, chains as tn};
