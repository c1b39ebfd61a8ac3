//! What the example boards run, written once: the recipe, the programs, and how a board prints and counts.
//!
//! A board (`examples/cortex-m`, `examples/riscv`) adds only its start-up code, its counter and its memory map. The
//! desktop runs [`check`] too, on each of its instruction sets, and must print the very same lines: because both sides
//! compile this one crate, they cannot drift apart.
//!
//! Nothing here panics: errors go back to the board's `main` as a [`Failure`], which becomes the exit status. Numbers are
//! printed as integers, since `core`'s way of printing floats would be the largest part of the firmware.
#![no_std]

mod accelerometer;
mod bare;
mod bits;
mod board;
mod check;
mod composed;
mod counts;
mod data;
mod gestures;
#[cfg(feature = "goldens")]
mod goldens;
#[cfg(target_os = "none")]
mod host;
mod infer;
mod integers;
mod kernels;
mod lora;
mod mixed;
mod picture_net;
#[cfg(feature = "pictures")]
mod pictures;
mod quantize;
mod recipe;
mod slices;
mod small;
mod stack;
mod trace;
mod train;

pub use bare::{bare_inference, bare_int8, bare_nothing, bare_training};
pub use board::{Board, Failure, Mismatch};
pub use check::{Memory, check};
pub use counts::counts;
pub use data::{COUNT, HELD_OUT, Order, PIXELS, ROWS, Row, split, stage};
pub use gestures::{Hand, gestures};
#[cfg(feature = "goldens")]
pub use goldens::goldens;
#[cfg(target_os = "none")]
pub use host::{print, run};
pub use infer::infer;
pub use integers::{Integers, integers};
pub use lora::{Adaptation, Pretraining, TRANSFORMER, lora};
#[cfg(feature = "pictures")]
pub use pictures::{Lesson, pictures, pictures_infer};
pub use quantize::{Quantizing, quantize};
pub use recipe::{BATCH, Digits, EPOCHS, SEED, Trainer};
pub use slices::slices;
pub use stack::{Painted, stack};
pub use train::{learn, train};
