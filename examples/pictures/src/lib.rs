//! Handwritten digits of 14 x 14 pixels as constants in flash, and a network that learnt them.
//!
//! The build script makes them of `examples/data/mnist.bin.gz`. They are a package of their own, so that only firmware that asks for
//! them builds what inflates that file. Where they come from, and their licence, which is not this package's, is told in
//! `examples/data/README.md`.
#![no_std]

/// A side of a picture.
pub const SIDE: usize = 14;

/// Pixels of a picture.
pub const PIXELS: usize = SIDE * SIDE;

/// A row: pixels of 0 (paper) to 255 (ink), row after row from the top left, and the label.
pub type Row = [u8; PIXELS + 1];

/// Pictures to learn from.
pub const TRAINING: usize = 4000;

/// Pictures to judge by.
pub const HELD_OUT: usize = 1000;

/// The pictures to learn from, sorted by label.
pub static TRAINING_ROWS: &[Row; TRAINING] = rows(include_bytes!(concat!(env!("OUT_DIR"), "/training.bin")));

/// The pictures to judge by, sorted by label.
pub static HELD_OUT_ROWS: &[Row; HELD_OUT] = rows(include_bytes!(concat!(env!("OUT_DIR"), "/held_out.bin")));

/// The parameters that a desktop without fused multiply-add learns by the firmware's recipe. `cargo xtask qemu` compares them;
///
/// ```text
/// cd examples/firmware && cargo run --release --features pictures --bin pictures -- --save ../pictures/weights.bin
/// ```
///
/// writes them anew. After a change of the network's size the firmware does not compile with the old file; leave `NET` out of it
/// until the new one is written.
pub const WEIGHTS: &[u8] = include_bytes!("../weights.bin");

/// Bytes as rows. A file of another length does not compile.
const fn rows<const N: usize>(bytes: &'static [u8]) -> &'static [Row; N] {
    let (rows, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    match rows.as_array() {
        Some(rows) => rows,
        None => panic!("another number of rows"),
    }
}
