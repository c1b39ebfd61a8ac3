//! The energy of the bins in 40 channels that are equally wide in mel, as pitch is heard: mel(f) = 1127 ln(1 + f / 700).
//!
//! 41 centres divide 125 to 7500 Hz evenly. A bin between two centres goes to both, in parts that fall linearly from one to the other
//! and have 12 bits after the point: channel c is a triangle that rises to centre c and falls to centre c + 1.

use super::series::ln;

pub(super) const CHANNELS: usize = 40;
/// Between centres, and one below the first.
const BANDS: usize = CHANNELS + 1;
/// Of a bin, in hertz.
const WIDTH: f32 = 31.25;
const LOWEST: f32 = 125.;
const HIGHEST: f32 = 7500.;
/// The first bin that counts.
const FIRST: usize = (1.5 + LOWEST / WIDTH) as usize;
const ONE: u16 = 1 << 12;

const fn mel(hertz: f32) -> f32 {
    1127. * ln(1. + (hertz / 700.) as f64) as f32
}

const fn centre(band: usize) -> f32 {
    // The definition's `log1pf`, of the C library, is one unit in the last place above the nearest here: two weights depend on it.
    let spacing = (mel(HIGHEST).next_up() - mel(LOWEST)) / BANDS as f32;
    mel(LOWEST) + spacing * (band + 1) as f32
}

/// The bins of each band, up to its centre.
static BINS: [u8; BANDS] = {
    let mut bins = [0; BANDS];
    let (mut bin, mut band) = (FIRST, 0);
    while band < BANDS {
        while mel(bin as f32 * WIDTH) <= centre(band) {
            bin += 1;
            bins[band] += 1;
        }
        band += 1;
    }
    bins
};

const COUNT: usize = {
    let mut bin = FIRST;
    while mel(bin as f32 * WIDTH) <= centre(BANDS - 1) {
        bin += 1;
    }
    bin - FIRST
};

/// For each bin, the part that goes to the channel below its band; the rest goes to the one above.
static WEIGHTS: [u16; COUNT] = {
    let mut weights = [0; COUNT];
    let (mut i, mut band) = (0, 0);
    while i < COUNT {
        let pitch = mel((FIRST + i) as f32 * WIDTH);
        if pitch > centre(band) {
            band += 1;
        } else {
            let below = if band == 0 { mel(LOWEST) } else { centre(band - 1) };
            let weight = (centre(band) - pitch) / (centre(band) - below);
            weights[i] = (weight * ONE as f32 + 0.5) as u16;
            i += 1;
        }
    }
    weights
};

/// The channels' sums of all bins' energies.
pub(super) fn channels(energies: impl Iterator<Item = u32>) -> [u64; CHANNELS] {
    let mut bins = energies.skip(FIRST).zip(&WEIGHTS);
    let mut channels = [0; CHANNELS];
    // The rising half of the next channel. That of the first band is no channel's falling half.
    let mut rising = 0;
    for (band, &count) in BINS.iter().enumerate() {
        let mut falling = rising;
        rising = 0;
        for (energy, &weight) in bins.by_ref().take(count.into()) {
            falling += u64::from(weight) * u64::from(energy);
            rising += u64::from(ONE - weight) * u64::from(energy);
        }
        if let Some(channel) = band.checked_sub(1).and_then(|channel| channels.get_mut(channel)) {
            *channel = falling;
        }
    }
    channels
}

/// The square root, rounded to the nearest, but for the last of 16 and of 32 bits, which is not rounded up.
pub(super) const fn root(x: u64) -> u32 {
    let root = x.isqrt();
    let up = x - root * root > root && root != u16::MAX as u64 && root != u32::MAX as u64;
    root as u32 + up as u32
}
