//! On processors with vectors, if nothing better is there: plain loops over channels, which the compiler turns into the vectors
//! of the instruction set.

use super::Depthwise;
use crate::Isa;
use crate::kernel;
use crate::kernel::int8::patches::place;
use crate::kernel::int8::scale::Rounding;
use crate::simd::Simd;
use core::marker::PhantomData;

/// Filters at a time.
const BLOCK: usize = 32;

/// Overwrites `y`. Lengths match.
pub(super) fn run<R: Rounding>(depthwise: &Depthwise<'_>, isa: Isa, x: &[i8], y: &mut [i8]) {
    isa.call(Pass { depthwise, x, y, rounding: PhantomData::<R> });
}

impl Depthwise<'_> {
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
