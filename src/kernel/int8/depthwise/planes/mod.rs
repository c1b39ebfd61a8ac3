//! Depthwise convolutions of 3 x 3 on Cortex-M4, M7, M33 and M55: four channels at a time, each as a plane of its own.
//!
//! The products of an output are of one channel, whose pixels lie apart. So three rows of some columns of a channel are copied, with
//! the padding, to three slots side by side, as the core's instructions want them: row r in slot r % 3. The next row of outputs
//! needs one new row, and other weights for the slots. Sums wait in memory, since a channel's multiplier takes as many registers
//! as its weights.

#[cfg(fusebox_dsp)]
mod dsp;
#[cfg(fusebox_core = "m55")]
mod helium;

use super::Depthwise;
use crate::kernel::int8::scale::{Multiplier, Rounding};
use core::array;
use core::mem::offset_of;
#[cfg(fusebox_dsp)]
use dsp::{Plane, Weights, fill, halving, store_double, straight};
#[cfg(fusebox_core = "m55")]
use helium::{Plane, Weights, fill, halving, store_double, straight};

/// Outputs of a row at a time with a stride of 1; half as many with one of 2. A multiple of eight.
const WIDTH: usize = 16;

/// Columns that they see, and those that are loaded with them.
const COLUMNS: usize = WIDTH + 4;

/// A channel of some outputs of a row, for the assembly.
#[repr(C)]
struct Task {
    plane: *const Plane,
    /// Of the three slots.
    weights: *const u32,
    sums: *mut i32,
    /// Where sums end.
    end: *const i32,
    bias: i32,
    scale: Multiplier,
    zero: i32,
    /// Bytes from an output to the next.
    step: usize,
    y: *mut i8,
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, plane) == 0
        && offset_of!(Task, weights) == 4
        && offset_of!(Task, sums) == 8
        && offset_of!(Task, end) == 12
        && offset_of!(Task, bias) == 16
        && offset_of!(Task, scale) == 20
        && offset_of!(Task, zero) == 28
        && offset_of!(Task, step) == 32
        && offset_of!(Task, y) == 36
);

/// A row of the input; an empty one is of zeros.
struct Row<'a> {
    row: &'a [i8],
    channels: usize,
    /// The first of the four channels wanted.
    channel: usize,
    /// The first column wanted, which may be before the first: it wraps.
    from: usize,
    /// How many.
    columns: usize,
    zero: i8,
}

/// Whether these are what this computes: no dilation, one filter for each channel, four channels at a time.
pub(super) fn fits(depthwise: &Depthwise<'_>) -> bool {
    let [rows, cols] = &depthwise.axes;
    [rows, cols].into_iter().all(|axis| axis.taps == 3 && axis.dilation == 1)
        && (cols.stride == 1 || cols.stride == 2)
        && depthwise.channels == depthwise.bias.len()
        && depthwise.channels.is_multiple_of(4)
}

/// Overwrites `y`. It fits, and lengths match.
pub(super) fn run<R: Rounding>(depthwise: &Depthwise<'_>, x: &[i8], y: &mut [i8]) {
    let [_, cols] = &depthwise.axes;
    let most = WIDTH / cols.stride.max(1);
    for channel in (0..depthwise.channels).step_by(4) {
        for first in (0..cols.output).step_by(most) {
            columns::<R>(depthwise, x, channel, [first, most.min(cols.output - first)], y);
        }
    }
    let clamp = depthwise.clamp;
    if (clamp.least, clamp.most) != (-128, 127) {
        for y in y {
            *y = (*y).max(clamp.least).min(clamp.most);
        }
    }
}

/// Four channels of `count` outputs of every row, from `first` on.
#[inline(never)]
fn columns<R: Rounding>(
    depthwise: &Depthwise<'_>,
    x: &[i8],
    channel: usize,
    [first, count]: [usize; 2],
    y: &mut [i8],
) {
    let (channels, [rows, cols]) = (depthwise.channels, &depthwise.axes);
    let mut planes = [const { Plane::new() }; 4];
    let mut sums = [0; WIDTH];
    let weights: [Weights; 4] = array::from_fn(|i| {
        Weights::new(|row, tap| {
            let at = (row * 3 + tap) * channels + channel + i;
            depthwise.weight.get(at).copied().unwrap_or_default()
        })
    });
    let from = (first * cols.stride).wrapping_sub(cols.before);
    let columns = (count * cols.stride + 2).min(COLUMNS);
    // Rows are counted from the first one of the padding.
    let mut next = 0;
    for down in 0..rows.output {
        let above = down * rows.stride;
        next = next.max(above);
        while next < above + 3 {
            let row = next.checked_sub(rows.before).filter(|&row| row < rows.input);
            let width = cols.input * channels;
            let row = row.and_then(|row| x.get(row * width..(row + 1) * width)).unwrap_or_default();
            let zero = depthwise.zero;
            fill(&mut planes, next % 3, Row { row, channels, channel, from, columns, zero });
            next += 1;
        }
        let y = y.get_mut((down * cols.output + first) * channels + channel..).unwrap_or_default();
        let scales = depthwise.bias.get(channel..).unwrap_or_default().iter();
        let scales = scales.zip(depthwise.scale.get(channel..).unwrap_or_default());
        for ((i, (plane, weights)), (&bias, &scale)) in planes.iter().zip(&weights).enumerate().zip(scales) {
            let y = y.get_mut(i..).unwrap_or_default();
            if count == 0 || count * cols.stride > WIDTH || y.len() <= (count - 1) * channels {
                return;
            }
            let mut task = Task {
                plane,
                weights: weights.of(above % 3),
                sums: sums.as_mut_ptr(),
                end: sums.as_ptr().wrapping_add(count),
                bias,
                scale,
                zero: depthwise.clamp.zero.into(),
                step: channels,
                y: y.as_mut_ptr(),
            };
            // SAFETY: this processor has the instructions. Weights are those of the slots. `count` outputs see the columns that a plane
            // has, or fewer. Four at a time are no more than `WIDTH`. There are as many outputs in `y`.
            unsafe {
                if cols.stride == 1 {
                    straight(&mut task)
                } else {
                    halving(&mut task)
                }
                if R::TWICE {
                    store_double(&mut task);
                    continue;
                }
            }
            for (&sum, y) in sums.iter().take(count).zip(y.iter_mut().step_by(channels.max(1))) {
                let y32 = R::scale(sum.wrapping_add(bias), scale).saturating_add(depthwise.clamp.zero.into());
                *y = y32.clamp(-128, 127) as i8;
            }
        }
    }
}
