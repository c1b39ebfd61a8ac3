//! What the page's JavaScript calls: a playground of points in a plane, handwriting that it reads and learns, and a training whose
//! every bit is that of a microcontroller.
//!
//! | file | contents |
//! |---|---|
//! | `playground` | small networks that tell points of two classes apart |
//! | `handwriting` | drawings, and a network that reads them and learns new signs |
//! | `bits` | the training that the boards run, and the hash of its weights |
//! | `digits` | the data as they are downloaded |
//! | `wasm` | the functions that JavaScript calls, and the memory they exchange |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bits;
pub mod digits;
mod fault;
pub mod handwriting;
pub mod playground;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", feature = "speed"))]
mod speed;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use fault::Fault;
