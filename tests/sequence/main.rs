//! Transformers: streams against whole sequences, sequences of different lengths, tokens that are refused, and PyTorch's numbers. What
//! their layers mean is compared with plain loops in `composition.rs`.

#[path = "../support"]
mod support {
    pub(crate) mod gpt;
    pub(crate) mod isas;
    #[path = "reveal.rs"]
    pub(crate) mod reveal;
    pub(crate) mod vectors;
}

mod absent;
mod derived;
mod pytorch;
mod streams;
mod tokens;

use fusebox::{Plain, Rng};

/// A value of random numbers.
fn random<V: Plain>(rng: &mut Rng) -> V {
    let bytes: Vec<u8> = (0..size_of::<V>() / 4).flat_map(|_| (rng.uniform() - 0.45).to_le_bytes()).collect();
    V::copy_from_bytes(&bytes).expect("as many bytes as the value has")
}

/// A value's numbers.
fn numbers<V: Plain>(value: &V) -> Vec<f32> {
    value.as_bytes().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}
