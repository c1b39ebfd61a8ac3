#![doc = include_str!("../README.md")]

mod error;
mod file;
mod layers;
mod map;
mod places;

pub use error::Error;
pub use file::{File, Tensor};
pub use map::Map;
pub use safetensors::Dtype;
