//! The network that reads digits of 14 x 14 pixels, and how much work it is.

use fusebox::layers::{Conv2d, MaxPool2d};
use fusebox::{Dense, Pixels, Relu, network};

pub(crate) const CLASSES: usize = 10;

/// A side of a picture.
const SIDE: usize = 14;

pub(crate) const PIXELS: usize = SIDE * SIDE;

network! {
    /// Two convolutions, each halved by a maximum, and a dense layer.
    pub(crate) type Net = [PIXELS] => [
        Pixels,
        Reshape(SIDE, SIDE, 1),
        Conv2d(8, 3, Valid, Relu),
        MaxPool2d(2),
        Conv2d(16, 3, Relu),
        MaxPool2d(2),
        Flatten,
        Dense(CLASSES),
    ]
}

/// Rows of a training step.
pub(crate) const BATCH: usize = 3;

/// Multiply-accumulates of one picture's products, layer by layer.
const MACS: [u64; 3] = [12 * 12 * 9 * 8, 6 * 6 * 72 * 16, 3 * 3 * 16 * 10];

/// Those of a forward pass.
pub(crate) const FORWARD_MACS: u64 = MACS[0] + MACS[1] + MACS[2];

/// Those of a training step: forward, gradients of weights, and of all inputs but the pictures.
pub(crate) const STEP_MACS: u64 = 2 * FORWARD_MACS + MACS[1] + MACS[2];
