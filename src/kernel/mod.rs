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
