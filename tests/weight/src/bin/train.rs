//! A network that is trained in batches, by plain descent.

use fusebox::{Dense, Init, Relu, Rng, Seq, Sgd, Workspace, Zeroed};
use std::hint::black_box;

type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

fn main() -> Result<(), fusebox::Error> {
    let mut net = Net::ZEROED;
    net.init(Init::He, &mut Rng::new(1));
    let mut workspace = Workspace::<Net, 32>::new();
    let (images, labels) = (black_box([[0.0; 64]; 32]), black_box([0; 32]));
    let loss = workspace.train_step(&mut net, &images, &labels, &Sgd::new(0.1))?;
    black_box(loss);
    Ok(())
}
