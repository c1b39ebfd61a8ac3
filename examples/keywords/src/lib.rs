//! Spoken words on a microcontroller: features of sound, a network on the last second of them, and a decision.
//!
//! ```text
//! 20 ms of samples -> frontend: 40 features -> the newest 49 frames -> network: a score for each word -> decision: a word
//! ```
//!
//! Two programs: `yes-no` has the network of TensorFlow Lite Micro's example `micro_speech`, imported, and `ten-words` one that was
//! trained with fusebox, on the same features.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(target_os = "none")]
pub mod board;
mod decision;
pub mod frontend;
mod listener;
mod ulaw;
pub mod words;

pub use decision::Decision;
pub use listener::{FRAMES, Frames, Listener};
pub use ulaw::linear;

/// The network of `micro_speech`, imported by `build.rs`.
pub mod yes_no {
    include!(concat!(env!("OUT_DIR"), "/micro_speech_quantized.rs"));

    /// Its classes.
    pub const CLASSES: [&str; 4] = ["silence", "unknown", "yes", "no"];
}
