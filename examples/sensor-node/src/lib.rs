//! A sensor node that learns on the device.
//!
//! It watches the magnetic field. For a moment it gathers samples of what is normal here, trains an autoencoder on them,
//! and from then on says so when the field looks different: with a light and with a line. What it learnt lies in an
//! EEPROM, so that a restart goes on watching.
//!
//! | room | what it is |
//! |---|---|
//! | [`magnetometer`] | the sensor: ST's LSM303DLHC |
//! | [`eeprom`] | the memory: Atmel's AT24C32 and its larger sisters |
//! | [`slots`] | how a model lies in the memory, so that no power cut loses one |
//! | [`model`] | the network, and how far a window of the field is from what it knows |
//! | [`learner`] | how it learns |
//! | [`node`] | what ties these together: states, commands, lines |
//! | `board` | the board's pins and timers; everything above is generic over `embedded-hal` and `embedded-io` |
//!
//! Nothing here allocates or panics. What cannot be done is an [`Error`] that names the cause, and the node goes on with
//! what it has.
#![no_std]

#[cfg(target_os = "none")]
pub mod board;
mod console;
pub mod eeprom;
mod error;
pub mod learner;
pub mod magnetometer;
pub mod model;
pub mod node;
pub mod slots;

pub use console::{Console, Decimal};
pub use error::{Error, Fault, Part};
pub use node::Node;
