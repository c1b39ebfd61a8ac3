//! Another network for `cargo xtask c --test`: one that learns numbers, with an optimiser that has a state.

use fusebox::{Dense, Init, Momentum, Mse};

/// A line.
pub type Net = Dense<1, 1>;

/// The most rows of one call.
pub const BATCH: usize = 4;

/// The loss, and its value.
pub type Loss = Mse;
pub const LOSS: Loss = Mse;

/// What is to be learned of a row: a number.
pub type Target = [f32; 1];

/// The optimiser, and its value for a learning rate. That of 100 is a test: another setting is out of range with it.
pub type Rule = Momentum;
pub const fn rule(learning_rate: f32) -> Rule {
    Momentum::new(learning_rate, if learning_rate == 100.0 { 2.0 } else { 0.9 })
}

/// The initial weights, and the seed that they follow from.
pub const INIT: Init = Init::Zeros;
pub const SEED: u64 = 1;
