//! The kernels, each written once over [`Simd`](crate::simd::Simd).
//!
//! Gemm has a reference implementation, three loops; the other kernels are tested against plain loops or `f64`.
//!
//! Functions that take views or slices check sizes; the code below them relies on those checks.

pub(crate) mod attention;
pub(crate) mod axis;
pub(crate) mod batch_norm;
pub(crate) mod conv;
pub(crate) mod cross_entropy;
pub(crate) mod elementwise;
pub mod functions;
pub(crate) mod gemm;
pub(crate) mod group_norm;
pub(crate) mod int16;
pub(crate) mod int8;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod pass;
pub(crate) mod pool;
pub(crate) mod recurrent;
pub(crate) mod rms_norm;
pub(crate) mod rotary;
pub(crate) mod softmax;
mod threads;
pub(crate) mod update;
pub(crate) mod weighted_cross_entropy;

/// The whole rows of `n` numbers in `numbers`; none if `n` is zero. Unlike `chunks_exact`, it has no panic for zero,
/// which the compiler does not remove when it optimises for size.
#[inline(always)]
pub(crate) fn rows<T>(mut numbers: &[T], n: usize) -> impl Iterator<Item = &[T]> {
    core::iter::from_fn(move || numbers.split_off(..n).filter(|row| !row.is_empty()))
}

/// [`rows`], mutable.
#[inline(always)]
pub(crate) fn rows_mut<T>(mut numbers: &mut [T], n: usize) -> impl Iterator<Item = &mut [T]> {
    core::iter::from_fn(move || numbers.split_off_mut(..n).filter(|row| !row.is_empty()))
}
