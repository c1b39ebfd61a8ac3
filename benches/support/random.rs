//! Numbers to work on.

use fusebox::Rng;

/// `len` numbers in [-1, 1), always the same.
pub(crate) fn random(len: usize) -> Vec<f32> {
    let mut rng = Rng::new(1);
    (0..len).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}
