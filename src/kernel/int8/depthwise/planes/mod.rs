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
use dsp::{Plane, Weights, double, fill, sums};
#[cfg(fusebox_core = "m55")]
use helium::{Plane, Weights, double, fill, sums};

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
    /// Where sums are written, and where they end.
    sums: *mut i32,
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
        && size_of::<Task>() == 40
);

/// Columns of four channels, wanted of a row of the input.
struct Columns {
    /// Numbers in a pixel.
    channels: usize,
    /// The first number of the first column in the picture.
    first: usize,
    /// Columns in the padding before it.
    before: usize,
    /// Columns in the picture.
    inside: usize,
    /// What stands for 0 in the padding.
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
    // Not a quotient, which may be 0 as far as the compiler sees.
    let most = if cols.stride == 2 { WIDTH / 2 } else { WIDTH };
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
    let (channels, [rows, cols], zero) = (depthwise.channels, &depthwise.axes, depthwise.zero);
    let bias = depthwise.bias.get(channel..).and_then(|bias| bias.first_chunk::<4>());
    let scale = depthwise.scale.get(channel..).and_then(|scale| scale.first_chunk::<4>());
    let (Some(bias), Some(scale)) = (bias, scale) else { return };
    if count == 0 || count * cols.stride > WIDTH {
        return;
    }
    let mut planes: [Plane; 4] = array::from_fn(|_| Plane::new(zero));
    let mut sums = [0; WIDTH];
    let weights: [Weights; 4] = array::from_fn(|i| {
        Weights::new(|row, tap| {
            let at = (row * 3 + tap) * channels + channel + i;
            depthwise.weight.get(at).copied().unwrap_or_default()
        })
    });
    let from = first * cols.stride;
    let before = cols.before.saturating_sub(from);
    let from = from.saturating_sub(cols.before);
    let seen = (count * cols.stride + 2).min(COLUMNS).saturating_sub(before);
    let inside = seen.min(cols.input.saturating_sub(from));
    let wanted = Columns { channels, first: from * channels + channel, before, inside, zero };
    let mut tasks: [Task; 4] = array::from_fn(|i| Task {
        plane: &raw const planes[i],
        weights: core::ptr::null(),
        sums: sums.as_mut_ptr(),
        end: sums.as_ptr().wrapping_add(count),
        bias: bias[i],
        scale: scale[i],
        zero: depthwise.clamp.zero.into(),
        step: channels,
        y: core::ptr::null_mut(),
    });
    // Rows are counted from the first one of the padding.
    let mut next = 0;
    for down in 0..rows.output {
        let above = down * rows.stride;
        next = next.max(above);
        while next < above + 3 {
            let row = next.checked_sub(rows.before).filter(|&row| row < rows.input);
            let width = cols.input * channels;
            let row = row.and_then(|row| x.get(row * width..(row + 1) * width)).unwrap_or_default();
            fill(&mut planes, next % 3, row, &wanted);
            next += 1;
        }
        let y = y.get_mut((down * cols.output + first) * channels + channel..).unwrap_or_default();
        if y.len() < (count - 1) * channels + 4 {
            return;
        }
        for (i, (task, weights)) in tasks.iter_mut().zip(&weights).enumerate() {
            task.weights = weights.of(above % 3);
            task.y = y.as_mut_ptr().wrapping_add(i);
        }
        // SAFETY: this processor has the instructions. Weights are those of the slots. `count` outputs see the columns that a plane
        // has, or fewer. Four at a time are no more than `WIDTH`. There are as many outputs in `y`, of four channels.
        unsafe {
            if R::TWICE {
                double(&mut tasks, cols.stride);
                continue;
            }
        }
        for (i, (task, &scale)) in tasks.iter_mut().zip(scale).enumerate() {
            // SAFETY: as above.
            unsafe { self::sums(task, cols.stride) };
            let ys = y.iter_mut().skip(i).step_by(channels.max(1));
            for (&sum, y) in sums.iter().take(count).zip(ys) {
                let sum = sum.wrapping_add(task.bias);
                let scaled = R::scale(sum, scale).saturating_add(depthwise.clamp.zero.into());
                *y = scaled.clamp(-128, 127) as i8;
            }
        }
    }
}
