//! A gated recurrent unit on inputs of every size: the bits of its outputs, which other tests compare with a reference.

use super::products::fill;
use crate::bits::Fnv1a;
use fusebox::layers::Stream;
use fusebox::{Gru, Isa, Plain, Rng, Zeroed};

/// Numbers of an input: products of an odd k in several segments.
const IN: usize = 37;

/// Numbers of an output. The products' 60 columns are tiles of twenty on a Cortex-M4.
const OUT: usize = 20;

/// The largest inputs, one for each frame: sums of gates are next to zero, common, saturated, and huge.
const SPREADS: [f32; 6] = [0.01, 1.0, 9.0, 80.0, 1e30, 0.3];

/// Hashes outputs of frame after frame.
pub(super) fn check(isa: Isa) -> Fnv1a {
    let mut hash = Fnv1a::new();
    let mut rng = Rng::new(1);
    let mut layer = Gru::<1, IN, OUT>::ZEROED;
    fill(layer.input.as_flattened_mut().as_flattened_mut(), &mut rng);
    fill(layer.recurrent.as_flattened_mut().as_flattened_mut(), &mut rng);
    fill(layer.bias.as_flattened_mut(), &mut rng);
    fill(layer.recurrent_bias.as_flattened_mut(), &mut rng);
    let mut past = <Gru<1, IN, OUT> as Stream>::Past::ZEROED;
    for spread in SPREADS {
        let (mut x, mut y) = ([0.0; IN], [0.0; OUT]);
        fill(&mut x, &mut rng);
        x.iter_mut().for_each(|x| *x *= spread);
        layer.step(isa, &mut past, &x, &mut y);
        hash.add(y.as_bytes());
    }
    hash
}
