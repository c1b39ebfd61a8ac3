//! The same on batches of any size up to 32.

use fusebox::{Dense, Relu, Scratch, Seq};
use std::hint::black_box;

type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

fn main() -> Result<(), fusebox::Error> {
    let bytes = black_box([0; size_of::<Net>()]);
    let net = Net::copy_from_bytes(&bytes)?;
    let mut scores = [[0.0; 10]; 32];
    let images = black_box([[0.0; 64]; 32]);
    net.infer(&images, &mut Scratch::<Net, 32>::new(), &mut scores)?;
    black_box(scores);
    Ok(())
}
