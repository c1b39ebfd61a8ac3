//! The window: 480 samples fade in and out, so that the transform sees no edge.
//!
//! w(i) = 1/2 - 1/2 cos(2 pi (i + 1/2) / 480), a Hann window, with 12 bits after the point.

use super::fft::Spectrum;
use super::series::cos;

const SIZE: usize = 480;
const BITS: u32 = 12;

static WEIGHTS: [i16; SIZE] = {
    let mut weights = [0; SIZE];
    let step = core::f32::consts::PI * 2. / SIZE as f32;
    let mut i = 0;
    while i < SIZE {
        let angle = step * (i as f32 + 0.5);
        let weight = 0.5 - 0.5 * cos(angle as f64) as f32;
        weights[i] = (weight * (1 << BITS) as f32 + 0.5) as i16;
        i += 1;
    }
    weights
};

/// Overwrites `spectrum` with the first 480 samples, windowed, and zeros. Returns the largest absolute value.
pub(super) fn apply<'a>(samples: impl Iterator<Item = &'a i16>, spectrum: &mut Spectrum) -> u16 {
    let mut largest: i16 = 0;
    let windowed = samples.zip(&WEIGHTS).map(|(&x, &w)| {
        let y = ((i32::from(x) * i32::from(w)) >> BITS) as i16;
        // -32768 stays itself, and is not the largest: so it is in the definition.
        largest = largest.max(y.wrapping_abs());
        y
    });
    spectrum.load(windowed);
    largest.unsigned_abs()
}
