//! The kernels: each written once over [`Simd`](crate::simd::Simd).
//!
//! The reference of gemm, three loops, stands beside it; the others are tested against plain loops or `f64`.
//!
//! Sizes are checked by the functions that take views or slices; past those doors everything is in bounds.

pub(crate) mod cross_entropy;
pub(crate) mod elementwise;
pub mod functions;
pub(crate) mod gemm;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod pass;
pub(crate) mod softmax;
pub(crate) mod update;
pub(crate) mod weighted_cross_entropy;

/// The rows of `n` numbers that `numbers` holds whole; none where `n` is zero. Unlike `chunks_exact`, it has no panic on zero,
/// which the compiler would have to prove away, and does not where it optimises for size.
#[inline(always)]
fn rows(mut numbers: &[f32], n: usize) -> impl Iterator<Item = &[f32]> {
    core::iter::from_fn(move || numbers.split_off(..n).filter(|row| !row.is_empty()))
}

/// As [`rows`], to be written.
#[inline(always)]
fn rows_mut(mut numbers: &mut [f32], n: usize) -> impl Iterator<Item = &mut [f32]> {
    core::iter::from_fn(move || numbers.split_off_mut(..n).filter(|row| !row.is_empty()))
}
