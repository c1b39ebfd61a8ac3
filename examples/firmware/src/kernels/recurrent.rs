//! Gated recurrent units of widths at which code paths change, and inputs of every size: the bits of their outputs.

use super::products::fill;
use crate::bits::Fnv1a;
use fusebox::layers::Stream;
use fusebox::{Gru, Init, Isa, Plain, Rng, Train, Zeroed};

/// Numbers of an input: products of k in several segments.
const IN: usize = 37;

/// The largest inputs, one for each frame: sums of gates are next to zero, common, saturated, and huge.
const SPREADS: [f32; 6] = [0.01, 1.0, 9.0, 80.0, 1e30, 0.3];

/// Hashes outputs of frame after frame, for each width.
pub(super) fn check(isa: Isa) -> Fnv1a {
    let mut hash = Fnv1a::new();
    let hash = &mut hash;
    frames::<1>(isa, hash);
    // Rows that end beside a tile, in one of four columns, and in one of eight.
    frames::<7>(isa, hash);
    frames::<4>(isa, hash);
    frames::<8>(isa, hash);
    // Tiles of twenty columns alone, and before tiles of sixteen.
    frames::<20>(isa, hash);
    frames::<12>(isa, hash);
    *hash
}

#[inline(never)]
fn frames<const H: usize>(isa: Isa, hash: &mut Fnv1a) {
    let mut rng = Rng::new(H as u64);
    let mut layer = Gru::<1, IN, H>::ZEROED;
    layer.init(Init::Glorot, &mut rng);
    fill(layer.bias.as_flattened_mut(), &mut rng);
    fill(layer.recurrent_bias.as_flattened_mut(), &mut rng);
    let mut past = <Gru<1, IN, H> as Stream>::Past::ZEROED;
    for spread in SPREADS {
        let (mut x, mut y) = ([0.0; IN], [0.0; H]);
        fill(&mut x, &mut rng);
        x.iter_mut().for_each(|x| *x *= spread);
        layer.step(isa, &mut past, &x, &mut y);
        hash.add(y.as_bytes());
    }
}
