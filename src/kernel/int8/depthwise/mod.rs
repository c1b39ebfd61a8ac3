//! Convolutions in which each channel has filters of its own.

#[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
mod planes;

use super::patches::place;
use super::scale::{Clamp, Multiplier, Rounding};
use crate::Isa;
use crate::kernel;
use crate::kernel::axis::Axis;
use crate::simd::Simd;
use core::marker::PhantomData;

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

/// Filters at a time.
const BLOCK: usize = if crate::simd::VECTORS { 32 } else { 16 };

impl Depthwise<'_> {
    /// Overwrites `y`, one picture.
    pub(crate) fn run<R: Rounding>(&self, isa: Isa, x: &[i8], y: &mut [i8]) {
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
        if super::vector::Way::of(isa).is_some_and(|way| unsafe { way.depthwise(self, R::TWICE, x, y) }) {
            return;
        }
        isa.call(Pass { depthwise: self, x, y, rounding: PhantomData::<R> });
    }

    /// `BLOCK` filters of one output pixel, from `first` on.
    #[inline(always)]
    fn block<R: Rounding>(&self, x: &[i8], [down, right]: [usize; 2], first: usize, y: &mut [i8]) {
        let [rows, cols] = &self.axes;
        let filters = self.bias.len();
        let mut sums = [0_i32; BLOCK];
        for (sum, &bias) in sums.iter_mut().zip(self.bias.get(first..).unwrap_or_default()) {
            *sum = bias;
        }
        for tap_down in 0..rows.taps {
            let row = place(rows, down, tap_down);
            for tap_right in 0..cols.taps {
                let pixel = row.and_then(|row| {
                    let at = (row * cols.input + place(cols, right, tap_right)?) * self.channels;
                    x.get(at..at + self.channels)
                });
                let at = (tap_down * cols.taps + tap_right) * filters;
                let weights = self.weight.get(at + first..at + first + y.len()).unwrap_or_default();
                match pixel {
                    Some(pixel) if self.channels == filters => {
                        let inputs = pixel.get(first..first + y.len()).unwrap_or_default();
                        match (inputs.first_chunk::<BLOCK>(), weights.first_chunk::<BLOCK>()) {
                            // Of a known length, so in vectors.
                            (Some(inputs), Some(weights)) => accumulate(&mut sums, inputs, weights),
                            _ => accumulate(&mut sums, inputs, weights),
                        }
                    }
                    Some(pixel) => {
                        let of_each = filters.checked_div(self.channels).unwrap_or(1);
                        for (i, (sum, &w)) in sums.iter_mut().zip(weights).enumerate() {
                            let channel = (first + i).checked_div(of_each).unwrap_or_default();
                            let x = pixel.get(channel).copied().unwrap_or_default();
                            *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                        }
                    }
                    None => {
                        for (sum, &w) in sums.iter_mut().zip(weights) {
                            *sum = sum.wrapping_add(i32::from(self.zero) * i32::from(w));
                        }
                    }
                }
            }
        }
        let scales = self.scale.get(first..).unwrap_or_default();
        for ((y, &sum), &scale) in y.iter_mut().zip(&sums).zip(scales) {
            *y = self.clamp.output(R::scale(sum, scale));
        }
    }
}

#[inline(always)]
fn accumulate(sums: &mut [i32; BLOCK], xs: &[i8], ws: &[i8]) {
    for ((sum, &x), &w) in sums.iter_mut().zip(xs).zip(ws) {
        *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
    }
}

struct Pass<'a, R> {
    depthwise: &'a Depthwise<'a>,
    x: &'a [i8],
    y: &'a mut [i8],
    rounding: PhantomData<R>,
}

/// Plain loops, which the compiler turns into the vectors of the instruction set.
impl<R: Rounding> crate::simd::Pass for Pass<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let [rows, cols] = &self.depthwise.axes;
        let mut pixels = kernel::rows_mut(self.y, self.depthwise.bias.len());
        for down in 0..rows.output {
            for (right, y) in (0..cols.output).zip(&mut pixels) {
                for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                    self.depthwise.block::<R>(self.x, [down, right], block * BLOCK, y);
                }
            }
        }
    }
}
