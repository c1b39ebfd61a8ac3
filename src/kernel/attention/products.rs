//! The three products of an attention, each sum of which is one chain, whatever its shape.

use crate::Isa;
use crate::kernel::gemm::{Activate, First, Operands};

/// Rows of numbers, `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<P> {
    pub(super) at: P,
    pub(super) stride: usize,
}

impl Rows<*const f32> {
    /// From a row on.
    pub(super) fn from(self, row: usize) -> Self {
        Self { at: self.at.wrapping_add(row * self.stride), ..self }
    }
}

impl Rows<*mut f32> {
    /// From a row on.
    pub(super) fn from(self, row: usize) -> Self {
        Self { at: self.at.wrapping_add(row * self.stride), ..self }
    }

    pub(super) fn as_const(self) -> Rows<*const f32> {
        Rows { at: self.at.cast_const(), stride: self.stride }
    }
}

/// Rows and columns of C, and the length of its sums.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
}

impl Shape {
    /// Whether there is anything to add.
    fn has_sums(self) -> bool {
        self.m > 0 && self.n > 0 && self.k > 0
    }

    /// Operands as they lie, with sums that start from C.
    fn operands(self, a: Rows<*const f32>, b: Rows<*const f32>, c: Rows<*mut f32>) -> Operands {
        let Self { m, n, k } = self;
        Operands {
            m,
            n,
            k,
            a: a.at,
            a_stride: a.stride,
            a_transposed: false,
            b: b.at,
            b_len: k.saturating_sub(1) * b.stride + n,
            b_stride: b.stride,
            b_transposed: false,
            whole_n: usize::MAX,
            first: First::Output,
            c: c.at,
            c_stride: c.stride,
        }
    }
}

/// Overwrites C with A B^T, m rows of k by n rows of k.
///
/// # Safety
/// A and B can be read, C can be written and is nobody else's.
pub(super) unsafe fn rows_by_rows(
    isa: Isa,
    shape: Shape,
    a: Rows<*const f32>,
    b: Rows<*const f32>,
    c: Rows<*mut f32>,
) {
    let Shape { m, n, k } = shape;
    if m > 0 && n > 0 {
        let b_len = (n - 1) * b.stride + k;
        let operands = Operands { b_transposed: true, b_len, first: First::Zero, ..shape.operands(a, b, c) };
        // SAFETY: the caller's promise; the shape is not empty.
        unsafe { kernels::nt(isa, &operands) };
    }
}

/// Adds A B to C, m rows of k by k rows of n.
///
/// # Safety
/// A and B can be read, C can be written and is nobody else's.
pub(super) unsafe fn add_product(
    isa: Isa,
    shape: Shape,
    a: Rows<*const f32>,
    b: Rows<*const f32>,
    c: Rows<*mut f32>,
) {
    if shape.has_sums() {
        // SAFETY: the caller's promise; the shape is not empty.
        unsafe { kernels::nn(isa, &shape.operands(a, b, c)) };
    }
}

/// Adds A^T B to C, k rows of m by k rows of n.
///
/// # Safety
/// A and B can be read, C can be written and is nobody else's.
pub(super) unsafe fn add_transposed_product(
    isa: Isa,
    shape: Shape,
    a: Rows<*const f32>,
    b: Rows<*const f32>,
    c: Rows<*mut f32>,
) {
    if shape.has_sums() {
        let operands = Operands { a_transposed: true, ..shape.operands(a, b, c) };
        // SAFETY: the caller's promise; the shape is not empty.
        unsafe { kernels::tn(isa, &operands) };
    }
}

/// A kernel for each way in which operands lie, so that a program links those that it needs. For all of them:
///
/// # Safety
/// As for [`Operands`] of a product that somebody has signed for: A and B can be read, C is not empty, can be written and is
/// nobody else's; they lie as the function says.
#[cfg(not(fusebox_scalar))]
mod kernels {
    use super::{Activate, Isa, Operands};
    use crate::kernel::gemm::chain;
    pub(super) use crate::kernel::gemm::chain_by_rows as nt;

    /// # Safety
    /// See the module.
    pub(super) unsafe fn nn(isa: Isa, operands: &Operands) {
        // SAFETY: the caller's promise.
        unsafe { chain(isa, operands, Activate::Nothing) };
    }

    pub(super) use nn as tn;
}

/// The same without vectors.
#[cfg(fusebox_scalar)]
mod kernels {
    use super::{Activate, Isa, Operands};
    use crate::kernel::gemm::stretches::{self, Stretches};

    const ONE: Stretches = Stretches { count: 1, a: 0, b: 0 };

    /// # Safety
    /// See the module.
    pub(super) unsafe fn nn(isa: Isa, operands: &Operands) {
        // SAFETY: the caller's promise.
        unsafe { stretches::nn(isa, operands, &ONE, Activate::Nothing) };
    }

    /// # Safety
    /// See the module.
    pub(super) unsafe fn nt(isa: Isa, operands: &Operands) {
        // SAFETY: the caller's promise.
        unsafe { stretches::nt(isa, operands, &ONE, Activate::Nothing) };
    }

    /// # Safety
    /// See the module.
    pub(super) unsafe fn tn(isa: Isa, operands: &Operands) {
        // SAFETY: the caller's promise.
        unsafe { stretches::tn(isa, operands, &ONE, Activate::Nothing) };
    }
}
