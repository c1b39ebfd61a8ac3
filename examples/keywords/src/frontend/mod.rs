//! Features of speech, in integers: what TensorFlow Lite Micro's `microfrontend` computes, to the bit.
//!
//! Every 20 ms, of the last 30 ms of sound at 16 kHz:
//!
//! ```text
//! window   480 samples, times a raised cosine                                        i16
//! fft      shifted up until they fill 16 bits, to 256 bins of 31.25 Hz               i16, complex
//! mel      the energy of the bins in 40 channels; square root; shifted down again    u32
//! noise    less a running mean of the channel: what hums all the time                u32
//! gain     over a power of that mean: a near voice is as loud as a far one           u32
//! log      64 times the natural logarithm                                            u16
//! ```
//!
//! Each stage is a room of this folder. The tables are computed by the compiler; the device sees no floating point.

mod fft;
mod gain;
mod log;
mod mel;
mod noise;
mod series;
mod window;

use fft::Spectrum;
use noise::Noise;

/// Samples a second.
pub const RATE: usize = 16_000;

/// Samples from one frame to the next: 20 ms.
pub const STEP: usize = 320;

/// Features a frame.
pub const CHANNELS: usize = mel::CHANNELS;

/// The state of the features' computation: 2 KiB.
#[derive(Debug)]
pub struct Frontend {
    /// The last samples.
    last: Option<[i16; STEP]>,
    /// Of a frame, only while it is computed.
    spectrum: Spectrum,
    noise: Noise,
}

impl Frontend {
    /// A microphone that has heard nothing.
    pub const fn new() -> Self {
        Self { last: None, spectrum: Spectrum::new(), noise: Noise::new() }
    }

    /// The features of a frame: the last samples and the first half of `samples`. None for the first samples ever.
    pub fn frame(&mut self, samples: &[i16; STEP]) -> Option<[u16; CHANNELS]> {
        let last = self.last.replace(*samples)?;
        let largest = window::apply(last.iter().chain(samples), &mut self.spectrum);
        // So many bits are free above the largest sample.
        let shift = largest.leading_zeros() - 1;
        self.spectrum.shift_left(shift);
        self.spectrum.transform();
        let mut channels = mel::channels(self.spectrum.energies()).map(|sum| mel::root(sum) >> shift);
        self.noise.remove(&mut channels);
        gain::control(&mut channels, self.noise.estimates());
        Some(channels.map(log::logarithm))
    }
}

impl Default for Frontend {
    fn default() -> Self {
        Self::new()
    }
}

/// A feature as the networks of TensorFlow Lite Micro's `micro_speech` take it: 0 to 663 as -128 to 127, and more as 127.
///
/// They were trained on features over 25.6, quantised from 0 to 26: 256 / (25.6 26) is 256 / 666 there.
pub const fn eight_bits(feature: u16) -> i8 {
    const RANGE: u32 = 666;
    let level = (feature as u32 * 256 + RANGE / 2) / RANGE;
    if level > 255 { i8::MAX } else { (level as u8 ^ 0x80) as i8 }
}
