//! Convolutions in which each channel has filters of its own.

#[cfg(not(fusebox_scalar))]
mod blocks;
#[cfg(fusebox_scalar)]
mod pixels;
#[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
mod planes;

use super::scale::{Clamp, Multiplier, Rounding};
use crate::Isa;
use crate::kernel::axis::Axis;

/// A depthwise convolution of pictures.
#[derive(Clone, Copy)]
pub(crate) struct Depthwise<'a> {
    /// Down, and to the right.
    pub axes: [Axis; 2],
    /// Numbers in a pixel of the input. The filters are a multiple of them, those of the first channel first.
    pub channels: usize,
    /// What stands for 0 in the input: in the padding.
    pub zero: i8,
    /// For each tap, by rows, a weight of each filter.
    pub weight: &'a [i8],
    /// Of each filter, with the input's zero point folded in.
    pub bias: &'a [i32],
    /// Of each filter.
    pub scale: &'a [Multiplier],
    pub clamp: Clamp,
}

impl Depthwise<'_> {
    /// Overwrites `y`, one picture.
    pub(crate) fn run<R: Rounding>(&self, _isa: Isa, x: &[i8], y: &mut [i8]) {
        let [rows, cols] = &self.axes;
        let filters = self.bias.len();
        if self.channels == 0
            || filters == 0
            || !filters.is_multiple_of(self.channels)
            || self.scale.len() != filters
            || self.weight.len() != rows.taps * cols.taps * filters
            || x.len() != rows.input * cols.input * self.channels
            || y.len() != rows.output * cols.output * filters
        {
            return;
        }
        #[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
        if planes::fits(self) {
            return planes::run::<R>(self, x, y);
        }
        #[cfg(fusebox_vectors_of_bytes)]
        // SAFETY: all lengths match.
        if super::vector::Way::of(_isa).is_some_and(|way| unsafe { way.depthwise(self, R::TWICE, x, y) }) {
            return;
        }
        #[cfg(fusebox_scalar)]
        pixels::run::<R>(self, x, y);
        #[cfg(not(fusebox_scalar))]
        blocks::run::<R>(self, _isa, x, y);
    }
}
