//! How a window goes along one axis of a picture: for convolutions and pools.

use crate::memory::layout;

/// Sizes along an axis. Output `o` and tap `t` meet at the input `o stride + t dilation - before`, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Positions.
    pub input: usize,
    /// Outputs.
    pub output: usize,
    /// Taps of the kernel.
    pub taps: usize,
    /// From one output to the next.
    pub stride: usize,
    /// From one tap to the next.
    pub dilation: usize,
    /// Positions that are padded before the first.
    pub before: usize,
}

impl Axis {
    /// Whether there is one position, and a kernel of one tap on it.
    pub(crate) const fn is_one(&self) -> bool {
        self.input == 1 && self.output == 1 && self.taps == 1 && self.before == 0
    }

    /// Distinguishes layers of other sizes in a saved state.
    pub(crate) const fn layout(&self) -> u64 {
        let Self { input, output, taps, stride, dilation, before } = *self;
        let sizes = [input as u64, output as u64, taps as u64, stride as u64, dilation as u64, before as u64];
        layout("Axis", &sizes)
    }
}
