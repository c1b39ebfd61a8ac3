//! Gain control per channel (PCAN: Wang et al., "Trainable frontend for robust and far-field keyword spotting", 2017, without the
//! training): what is left of the signal, over a power of the noise.
//!
//! ```text
//! gain = (noise + 80)^-0.95                                  21 bits after the point
//! y    = gain signal                                         12 bits
//! out  = y^2 / 4 below 2, else y - 1                         6 bits
//! ```
//!
//! The gain is interpolated: for each power of two of the noise, a parabola through its value at the start, half-way and at the end.

use super::mel::CHANNELS;
use super::series::{exp, ln};

/// After the point of a signal, of which 6 bits come of the weights of the channels and 9 are lost to the transform.
const SIGNAL_BITS: u32 = 3;
const NOISE_BITS: u32 = super::noise::BITS - SIGNAL_BITS;
const GAIN_BITS: u32 = 21;
const RATIO_BITS: u32 = 12;
const OUT_BITS: u32 = 6;

/// A parabola over t from 0 to 1: `start` + `slope` t + `bend` t^2.
#[derive(Clone, Copy)]
struct Parabola {
    start: i16,
    slope: i16,
    bend: i16,
}

/// For each number of bits of the noise, from 2 to 32.
static PARABOLAS: [Parabola; 31] = {
    let mut parabolas = [Parabola { start: 0, slope: 0, bend: 0 }; 31];
    let mut i = 0;
    while i < 31 {
        let start = 2u32 << i;
        let half = start + start / 2;
        let end = if i == 30 { u32::MAX } else { 2 * start };
        let first = exact(start) as i32;
        let (middle, last) = (exact(half) as i32 - first, exact(end) as i32 - first);
        let slope = 4 * middle - last;
        parabolas[i] = Parabola { start: first as i16, slope: slope as i16, bend: (last - slope) as i16 };
        i += 1;
    }
    parabolas
};

/// Of a noise of 0 and 1.
static SMALLEST: [i16; 2] = [exact(0), exact(1)];

/// The gain as it is defined.
const fn exact(noise: u32) -> i16 {
    let noise = noise as f32 / (1 << NOISE_BITS) as f32;
    let power = exp(-0.95f32 as f64 * ln((noise + 80.) as f64)) as f32;
    ((1 << GAIN_BITS) as f32 * power + 0.5) as i16
}

fn gain(noise: u32) -> u32 {
    let bits = 32 - noise.leading_zeros();
    let Some(parabola) = bits.checked_sub(2).and_then(|bits| PARABOLAS.get(bits as usize)) else {
        return SMALLEST[noise as usize & 1] as u32;
    };
    // The bits after the first, ten of them.
    let t = (if bits < 11 { noise << (11 - bits) } else { noise >> (bits - 11) } & 0x3ff) as i32;
    let slope = ((i32::from(parabola.bend) * t) >> 5) + (i32::from(parabola.slope) << 5);
    let rise = (slope * t + (1 << 14)) >> 15;
    (i32::from(parabola.start) + rise) as i16 as u32
}

/// Overwrites `signal` with the outputs.
pub(super) fn control(signal: &mut [u32; CHANNELS], noise: &[u32; CHANNELS]) {
    for (signal, &noise) in signal.iter_mut().zip(noise) {
        let ratio = (u64::from(*signal) * u64::from(gain(noise))) >> (GAIN_BITS - SIGNAL_BITS - RATIO_BITS);
        *signal = shrink(ratio as u32);
    }
}

const fn shrink(ratio: u32) -> u32 {
    if ratio < 2 << RATIO_BITS {
        (ratio * ratio) >> (2 + 2 * RATIO_BITS - OUT_BITS)
    } else {
        (ratio >> (RATIO_BITS - OUT_BITS)) - (1 << OUT_BITS)
    }
}
