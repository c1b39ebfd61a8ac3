//! Pools: the largest input of every window, or the mean.

use super::Number;
use super::patches::place;
use super::scale::{Multiplier, Rounding};
use crate::kernel;
use crate::kernel::axis::Axis;

/// Windows on a picture of so many channels.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Down, and to the right.
    pub axes: [Axis; 2],
    /// Numbers in a pixel.
    pub channels: usize,
}

/// Channels at a time.
const BLOCK: usize = 16;

impl Windows {
    /// Folds the inputs of every window that lie in the picture, channel by channel, and calls `output` with the result and their
    /// number.
    #[inline(always)]
    fn fold<T: Number>(
        &self,
        x: &[T],
        y: &mut [T],
        start: i32,
        f: impl Fn(i32, i32) -> i32,
        output: impl Fn(i32, i32) -> T,
    ) {
        let [rows, cols] = &self.axes;
        let places = (0..rows.output).flat_map(|down| (0..cols.output).map(move |right| [down, right]));
        for ([down, right], y) in places.zip(kernel::rows_mut(y, self.channels)) {
            for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                let (mut folded, mut count) = ([start; BLOCK], 0);
                for row in (0..rows.taps).filter_map(|tap| place(rows, down, tap)) {
                    for col in (0..cols.taps).filter_map(|tap| place(cols, right, tap)) {
                        let at = (row * cols.input + col) * self.channels + block * BLOCK;
                        let inputs = x.get(at..at + y.len()).unwrap_or_default();
                        for (folded, &x) in folded.iter_mut().zip(inputs) {
                            *folded = f(*folded, x.into());
                        }
                        count += 1;
                    }
                }
                for (y, &folded) in y.iter_mut().zip(&folded) {
                    *y = output(folded, count);
                }
            }
        }
    }

    /// Overwrites `y`, one picture, with the largest of each window, clamped.
    pub(crate) fn largest<T: Number>(&self, range: [T; 2], x: &[T], y: &mut [T]) {
        self.fold(x, y, i16::MIN.into(), i32::max, |largest, _| T::within(range, largest));
    }

    /// Overwrites `y`, one picture, with the mean of each window, rounded, a half away from zero, and clamped.
    pub(crate) fn mean<T: Number>(&self, range: [T; 2], x: &[T], y: &mut [T]) {
        self.fold(
            x,
            y,
            0,
            |sum, x| sum + x,
            |sum, n| {
                let half = if sum > 0 { n / 2 } else { -(n / 2) };
                T::within(range, (sum + half).checked_div(n).unwrap_or_default())
            },
        );
    }
}

/// Overwrites `y` with the mean of each channel over all pixels: `output(round((sum of x - zero) scale))`, where the scale holds
/// the division by their number.
pub(crate) fn mean<R: Rounding, T: Number>(
    zero: T,
    scale: Multiplier,
    output: impl Fn(i32) -> T,
    x: &[T],
    y: &mut [T],
) {
    let channels = y.len();
    let Some(pixels) = x.len().checked_div(channels) else { return };
    for (first, y) in y.chunks_mut(BLOCK).enumerate().map(|(block, y)| (block * BLOCK, y)) {
        let mut sums = [zero.into().wrapping_neg().wrapping_mul(pixels as i32); BLOCK];
        for pixel in kernel::rows(x, channels) {
            for (sum, &x) in sums.iter_mut().zip(pixel.get(first..first + y.len()).unwrap_or_default()) {
                *sum = sum.wrapping_add(x.into());
            }
        }
        for (y, &sum) in y.iter_mut().zip(&sums) {
            *y = output(R::scale(sum, scale));
        }
    }
}
