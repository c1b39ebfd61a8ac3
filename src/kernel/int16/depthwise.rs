//! Convolutions in which each channel has filters of its own.

use super::scale::{Clamp, Sum};
use crate::Isa;
use crate::kernel::axis::Axis;
use crate::kernel::int8::Multiplier;
use crate::kernel::int8::patches::place;
use crate::kernel::rows_mut;
use crate::simd::{Pass, Simd};
use core::marker::PhantomData;

/// A depthwise convolution of pictures.
#[derive(Clone, Copy)]
pub(crate) struct Depthwise<'a> {
    /// Down, and to the right; that to the right has at most [`TAPS`] taps.
    pub axes: [Axis; 2],
    /// Numbers in a pixel of the input. The filters are a multiple of them, those of the first channel first.
    pub channels: usize,
    /// For each tap, by rows, a weight of each filter.
    pub weight: &'a [i8],
    /// Of each filter.
    pub bias: &'a [i64],
    /// Of each filter.
    pub scale: &'a [Multiplier],
    pub clamp: Clamp,
}

/// Most taps of a row of a window: so many products fit a sum of 32 bits.
pub(crate) const TAPS: usize = 256;

/// Filters at a time.
const BLOCK: usize = 16;

impl Depthwise<'_> {
    /// Overwrites `y`, one picture. Nothing happens unless all lengths match.
    pub(crate) fn run<S: Sum>(self, isa: Isa, x: &[i16], y: &mut [i16]) {
        let [rows, cols] = &self.axes;
        let filters = self.bias.len();
        if self.channels > 0
            && filters.is_multiple_of(self.channels)
            && self.scale.len() == filters
            && self.weight.len() == rows.taps * cols.taps * filters
            && x.len() == rows.input * cols.input * self.channels
            && y.len() == rows.output * cols.output * filters
        {
            isa.call(Pixels { depthwise: self, x, y, sum: PhantomData::<S> });
        }
    }

    /// `BLOCK` filters, or fewer, of one output pixel, from `first` on.
    #[inline(always)]
    fn block<S: Sum>(&self, x: &[i16], [down, right]: [usize; 2], first: usize, y: &mut [i16]) {
        let [rows, cols] = &self.axes;
        let filters = self.bias.len();
        let of_each = filters.checked_div(self.channels).unwrap_or(1);
        let mut sums = [0_i64; BLOCK];
        for (tap_down, row) in (0..rows.taps).filter_map(|tap| Some((tap, place(rows, down, tap)?))) {
            let mut short = [0_i32; BLOCK];
            for (tap_right, col) in (0..cols.taps).filter_map(|tap| Some((tap, place(cols, right, tap)?))) {
                let at = (row * cols.input + col) * self.channels;
                let pixel = x.get(at..at + self.channels).unwrap_or_default();
                let at = (tap_down * cols.taps + tap_right) * filters + first;
                let weights = self.weight.get(at..at + y.len()).unwrap_or_default();
                if of_each == 1 {
                    let inputs = pixel.get(first..first + y.len()).unwrap_or_default();
                    match (inputs.first_chunk::<BLOCK>(), weights.first_chunk::<BLOCK>()) {
                        // Of a known length, so in vectors.
                        (Some(inputs), Some(weights)) => accumulate(&mut short, inputs, weights),
                        _ => accumulate(&mut short, inputs, weights),
                    }
                    continue;
                }
                for (i, (sum, &w)) in short.iter_mut().zip(weights).enumerate() {
                    let channel = (first + i).checked_div(of_each).unwrap_or_default();
                    let x = pixel.get(channel).copied().unwrap_or_default();
                    *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                }
            }
            for (sum, short) in sums.iter_mut().zip(short) {
                *sum = sum.wrapping_add(short.into());
            }
        }
        let outputs = self.bias.iter().zip(self.scale).skip(first);
        for ((y, sum), (&bias, &scale)) in y.iter_mut().zip(sums).zip(outputs) {
            *y = self.clamp.output(S::scale(sum.wrapping_add(bias), scale));
        }
    }
}

#[inline(always)]
fn accumulate(sums: &mut [i32; BLOCK], xs: &[i16], ws: &[i8]) {
    for ((sum, &x), &w) in sums.iter_mut().zip(xs).zip(ws) {
        *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
    }
}

struct Pixels<'a, S> {
    depthwise: Depthwise<'a>,
    x: &'a [i16],
    y: &'a mut [i16],
    sum: PhantomData<S>,
}

/// Plain loops, which the compiler turns into the vectors of the instruction set.
impl<S: Sum> Pass for Pixels<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        let [rows, cols] = &self.depthwise.axes;
        let places = (0..rows.output).flat_map(|down| (0..cols.output).map(move |right| [down, right]));
        for (place, y) in places.zip(rows_mut(self.y, self.depthwise.bias.len())) {
            for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                self.depthwise.block::<S>(self.x, place, block * BLOCK, y);
            }
        }
    }
}
