//! The application on this machine: its drivers against `embedded-hal-mock`, to the byte; the rest against parts that are
//! simulated and can be broken.

mod board;
mod eeprom;
mod learner;
mod magnetometer;
mod node;
mod slots;
