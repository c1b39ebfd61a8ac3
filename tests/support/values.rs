//! Numbers to fill matrices with.

use fusebox::Rng;

/// Numbers between -1 and 1.
pub(crate) fn random(seed: u64) -> impl FnMut() -> f32 {
    let mut rng = Rng::new(seed);
    move || 2.0 * rng.uniform() - 1.0
}

/// The same, but one in `rarity` is a zero of either sign, subnormal, huge, infinite, or NaN.
pub(crate) fn with_edges(seed: u64, rarity: u32) -> impl FnMut() -> f32 {
    let least = f32::from_bits(1);
    let edges =
        [0.0, -0.0, least, -least, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let (mut ordinary, mut choice) = (random(seed), Rng::new(seed + 1));
    move || match choice.below(rarity) {
        0 => edges[choice.below(edges.len() as u32) as usize],
        _ => ordinary(),
    }
}
