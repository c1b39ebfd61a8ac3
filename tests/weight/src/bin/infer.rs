//! A network that somebody else trained, on one sample.

use fusebox::{Dense, Relu, Scratch, Seq};
use std::hint::black_box;

type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

fn main() -> Result<(), fusebox::Error> {
    let bytes = black_box([0; size_of::<Net>()]);
    let net = Net::copy_from_bytes(&bytes)?;
    let mut scores = [[0.0; 10]];
    let image = black_box([[0.0; 64]]);
    net.infer(&image, &mut Scratch::<Net, 1>::new(), &mut scores)?;
    black_box(scores);
    Ok(())
}
