//! The network and how it learns: the only file to edit. `cargo xtask c` then writes the library and its header again.

use fusebox::{CrossEntropy, Dense, Init, Relu, Seq, Sgd};

/// The network: 64 pixels, 32 neurons, 10 digits. Its inputs and outputs are `f32`.
pub type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

/// The most rows of one call.
pub const BATCH: usize = 32;

/// The loss, and its value.
pub type Loss = CrossEntropy;
pub const LOSS: Loss = CrossEntropy;

/// What is to be learned of a row: for a class, its number, from zero; for numbers (`Mse`, `Huber`), as many as the network has
/// outputs.
pub type Target = u8;

/// The optimiser, and its value for a learning rate.
pub type Rule = Sgd;
pub const fn rule(learning_rate: f32) -> Rule {
    Sgd::new(learning_rate)
}

/// The initial weights, and the seed that they follow from.
pub const INIT: Init = Init::He;
pub const SEED: u64 = 1;
