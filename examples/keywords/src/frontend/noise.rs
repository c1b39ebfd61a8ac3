//! What a channel hears all the time is subtracted: its running mean, but never more than 95 % of the signal.
//!
//! With s = 0.025 in the even channels and 0.06 in the odd: mean = s signal + (1 - s) mean, with 10 bits after the point.

use super::mel::CHANNELS;

/// After the point of the means.
pub(super) const BITS: u32 = 10;
/// After the point of the constants.
const ONE: u32 = 1 << 14;
/// For even and odd channels.
const SMOOTHING: [u32; 2] = [(0.025 * ONE as f32) as u32, (0.06 * ONE as f32) as u32];
/// The part of a signal that stays.
const REST: u32 = (0.05 * ONE as f32) as u32;

/// The channels' means.
#[derive(Debug)]
pub(super) struct Noise([u32; CHANNELS]);

impl Noise {
    pub(super) const fn new() -> Self {
        Self([0; CHANNELS])
    }

    pub(super) const fn estimates(&self) -> &[u32; CHANNELS] {
        &self.0
    }

    /// Updates the means and subtracts them from `signal`.
    pub(super) fn remove(&mut self, signal: &mut [u32; CHANNELS]) {
        for ((signal, mean), &smoothing) in signal.iter_mut().zip(&mut self.0).zip(SMOOTHING.iter().cycle()) {
            let scaled = *signal << BITS;
            *mean = part(scaled, smoothing, *mean);
            let less = (scaled - scaled.min(*mean)) >> BITS;
            *signal = less.max(part(*signal, REST, 0));
        }
    }
}

/// `a` weighted with `weight`, and `b` with the rest of one.
const fn part(a: u32, weight: u32, b: u32) -> u32 {
    ((a as u64 * weight as u64 + b as u64 * (ONE - weight) as u64) / ONE as u64) as u32
}
