//! Neural networks that run *and train* without a heap, from a Cortex-M0 to AVX-512.
#![no_std]
#![forbid(unsafe_op_in_unsafe_fn)]

#[cfg(any(feature = "std", test))]
extern crate std;

mod error;
mod kernel;
mod layer;
mod mat;
mod memory;
mod rng;
mod simd;
mod train;

pub use error::Error;
pub use kernel::gemm::{Epilogue, gemm, gemm_with};
pub use kernel::matmul::{matmul, matmul_with};
pub use layer::{
    Activation, Chain, Dense, Derivative, Identity, Init, InputGradient, Layer, Relu, Scratch, Train,
};
pub use mat::{Mat, MatMut};
pub use memory::{Aligned, Either, Plain, Zeroed};
pub use rng::Rng;
pub use simd::Isa;
pub use train::{CrossEntropy, Loss, Memory, Optimizer, Sgd, Stage, Workspace, argmax, evaluate};

/// The kernels as plain loops: what they mean.
pub mod reference {
    pub use crate::kernel::gemm::reference::gemm;
}
