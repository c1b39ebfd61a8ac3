//! Neural networks that run *and train* without a heap, from a Cortex-M0 to AVX-512.
//!
//! A network is a type made of plain numbers, and its memory is known at compile time. [`Seq!`] chains layers,
//! [`Scratch`] is the memory for inference, and [`Workspace`] the memory for training. All three can be statics.
//!
//! ```
//! use fusebox::{Dense, Relu, Rng, Scratch, Seq, Sgd, Workspace, argmax};
//!
//! type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
//! let xs = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let labels = [0, 1, 1, 0];
//!
//! let mut net = Net::he(&mut Rng::new(1));
//! let mut workspace = Workspace::<Net, 4>::new();
//! for _ in 0..500 {
//!     workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.5))?;
//! }
//! let mut ys = [[0.0; 2]; 4];
//! net.infer(&xs, &mut Scratch::<Net, 4>::new(), &mut ys)?;
//! assert_eq!(ys.map(|y| argmax(&y) as u8), labels);
//! # Ok::<(), fusebox::Error>(())
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | preparing rows before training | [`data`] |
//! | layers, and layers made of layers | [`layers`]; your own: [`Layer`], [`Train`] |
//! | convolutions, pools | [`Conv2d`] and others in [`layers`]; [`network!`], which derives sizes; [`layers::Summary`] |
//! | losses | [`losses`]; your own: [`Loss`] |
//! | optimisers | [`optimizers`]; your own: [`Optimizer`] |
//! | steps, schedules, early stopping, replay, a guard | [`train`] |
//! | training beside a control loop | [`Learner`], which runs each step in slices of a [`Budget`] |
//! | resuming training after a restart | [`checkpoint`] |
//! | evaluation | [`metrics`], [`evaluate()`], [`Workspace::validate`] |
//! | the next token of a language model | [`decoding`] |
//!
//! The networks are built on kernels: [`gemm`] multiplies matrices whose shape is known at run time, given as views
//! ([`Mat`], [`MatMut`]); [`matmul`] multiplies matrices whose shape is part of their type. [`Isa`] is the
//! instruction set they run on: detected at run time, or chosen by calling the `_with` variant of a function.
//!
//! [`data`] standardises rows, handles missing numbers and splits data sets, one row at a time.
//!
//! # Guarantees
//!
//! - **Reproducibility.** A row gives the same bits alone and in a batch (but for [`BatchNorm`] in a training
//!   step, which is a function of the whole batch). Instruction sets with the same
//!   [`Isa::is_fused`] give the same bits (with [Helium](Isa::helium), on data without subnormal numbers); with the
//!   feature `reproducible`, all do. The bits of a NaN are unspecified.
//! - **Errors.** A call that fails returns an [`Error`] with the expected and the actual value, and has written
//!   nothing. Safe functions do not panic. NaN and infinity propagate.
//! - **Memory.** No heap. Stack use in an optimised build is at most 64 KiB on desktops, not counting the caller's
//!   values. `new` and `he` return networks by value, so put a large network in a `static` or, with the feature
//!   `alloc`, in a `Box` made by `boxed`.
//!
//! The stack on a microcontroller depends on the compiler and is measured, not guaranteed: networks of dense layers
//! take 0.6 KiB to infer and 1.3 KiB to train (`cargo xtask size`); a convolution's training step takes 3 KiB more,
//! attention's 1 KiB, a product of eight bits 0.8 KiB.
//!
//! # Features
//!
//! - `alloc`: creates networks, workspaces and learners directly on the heap (`boxed`).
//! - `reproducible`: multiplication and addition are never fused.
//! - `std`: for what needs an operating system: asking it whether a 64-bit Arm processor multiplies bytes by `sdot`.
//! - `cortex-m7`, `cortex-m55`: the processor is a Cortex-M7, or a Cortex-M55 or M85, and multiplication and addition are
//!   fused. They exclude each other, and do what `-C target-cpu` does for these kernels.
//! - `cortex-m33`: the processor is a Cortex-M33 or M35P with the DSP extension, which products of eight bits then use.
//! - `defmt`: firmware can log [`Error`], [`Isa`] and [`Memory`].
//! - `rayon` (with `std`): large products, convolutions, attention and passes over rows run on all threads of the current rayon
//!   pool and give the same bits.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(target_endian = "big")]
compile_error!("fusebox stores parameters as little-endian numbers and views them in place");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/tour.md")]
struct Tour;

#[cfg(doctest)]
#[doc = include_str!("../GUIDE.md")]
struct Guide;

pub mod checkpoint;
pub mod data;
pub mod decoding;
mod error;
mod kernel;
mod label;
pub mod layers;
#[cfg(feature = "defmt")]
mod log;
pub mod losses;
mod mat;
mod memory;
pub mod metrics;
pub mod optimizers;
mod pace;
mod rng;
mod simd;
pub mod train;

pub use error::Error;
pub use kernel::gemm::{Epilogue, Packed, gemm, gemm_packed, gemm_packed_with, gemm_with};
pub use kernel::matmul::{matmul, matmul_with};
pub use kernel::pass::{Kernels, Pass};
pub use label::Label;
#[doc(no_inline)]
pub use layers::{
    Activate, Activation, Attention, AvgPool1d, AvgPool2d, BatchNorm, BiasOnly, Borrowed, Chain, Columns,
    Concat, ConcatChannels, Conv1d, Conv2d, ConvTranspose2d, CrossAttention, Curved, Dense, DepthwiseConv1d,
    DepthwiseConv2d, Derivative, Dropout, Each, Embedding, Flatten, Frozen, Gated, Gelu, GeluTanh,
    GlobalAvgPool, GlobalMaxPool, GroupNorm, Gru, Identity, Init, InputGradient, InstanceNorm, Last, Layer,
    LayerNorm, LeakyRelu, Linear, LowRank, Lstm, MaxPool1d, MaxPool2d, Pad2d, Parallel, Pixels, Positions,
    Present, Relu, Relu6, Repeat, Residual, Reversed, RmsNorm, Rnn, Rotary, Scratch, Sigmoid, Silu, Softmax,
    Stream, Streaming, Sum, Tanh, Tied, TiedEmbedding, Train, Upsample2d, View,
};
pub use layers::{int8, int16};
#[doc(no_inline)]
pub use losses::{
    BinaryCrossEntropy, CrossEntropy, EachPosition, Huber, Ignoring, Loss, Mse, Weighted,
    WeightedCrossEntropy,
};
pub use mat::{Mat, MatMut};
#[doc(hidden)]
pub use memory::is_plain;
pub use memory::{Aligned, Beside, Either, Pair, Plain, Zeroed};
#[doc(no_inline)]
pub use metrics::{Confusion, Likelihood, Regression, RocAuc, RocHistogram, Scores, argmax};
#[doc(no_inline)]
pub use optimizers::{
    Accumulate, Adam, AdamW, ClipNorm, ClipValue, Formed, Gradient, Momentum, Nesterov, Optimizer, Private,
    Product, RmsProp, Rows, Sgd, WeightDecay,
};
pub use pace::{Budget, Pace, Slice, Whole};
pub use rng::Rng;
pub use simd::Isa;
#[cfg(feature = "alloc")]
pub use train::boxed;
#[doc(no_inline)]
pub use train::{
    EarlyStopping, Guard, Learner, Limits, Memory, Offered, Reservoir, Schedule, Stage, Verdict, Workspace,
    evaluate, evaluate_with,
};

pub use kernel::functions;

/// The kernels as plain loops: they define the result.
pub mod reference {
    pub use crate::kernel::gemm::reference::gemm;
}
