//! On processors without vectors: four channels of one output at a time, whose sums stay in registers.
//!
//! ```text
//! for every output
//!     window = the taps that lie in the picture
//!     for every four channels
//!         sums = bias
//!         for every row of the window, for every tap of it: sums += x w      four channels side by side
//!         for every tap outside: sums += zero w
//!         scale and store
//! ```
//!
//! Channels that are left, and all if a channel has several filters, go one by one.

use super::Depthwise;
use crate::kernel::axis::Axis;
use crate::kernel::int8::scale::Rounding;

/// The taps of an output.
struct Window {
    /// The first one and the one after the last, of rows and of columns, that lie in the picture.
    rows: [usize; 2],
    cols: [usize; 2],
    /// The pixel of the first.
    x: *const i8,
    /// From a tap to the next, and from the end of a row of taps to the next row.
    step: usize,
    gap: usize,
}

/// The taps of an output that lie in the picture: the first, and the one after the last.
#[inline(always)]
fn inside(axis: &Axis, output: usize) -> [usize; 2] {
    [axis.before, axis.before + axis.input].map(|limit| {
        let below = |&tap: &usize| output * axis.stride + tap * axis.dilation < limit;
        (0..axis.taps).take_while(below).count()
    })
}

/// Overwrites `y`. Lengths match.
pub(super) fn run<R: Rounding>(depthwise: &Depthwise<'_>, x: &[i8], y: &mut [i8]) {
    let (channels, filters, [rows, cols]) = (depthwise.channels, depthwise.bias.len(), &depthwise.axes);
    let of_each = filters.checked_div(channels).unwrap_or(1);
    let mut y = y.as_mut_ptr();
    for down in 0..rows.output {
        let rows_inside = inside(rows, down);
        for right in 0..cols.output {
            let cols_inside = inside(cols, right);
            let [width, row_step] = [cols_inside[1].wrapping_sub(cols_inside[0]), rows.dilation * cols.input];
            let at = |axis: &Axis, output: usize, tap: usize| {
                (output * axis.stride + tap * axis.dilation).wrapping_sub(axis.before)
            };
            let pixel = at(rows, down, rows_inside[0])
                .wrapping_mul(cols.input)
                .wrapping_add(at(cols, right, cols_inside[0]));
            let step = cols.dilation * channels;
            let window = Window {
                rows: rows_inside,
                cols: cols_inside,
                x: x.as_ptr().wrapping_add(pixel.wrapping_mul(channels)),
                step,
                gap: (row_step * channels).wrapping_sub(width.wrapping_mul(step)),
            };
            let (mut filter, mut channel, mut left) = (0, 0, of_each);
            while filter < filters {
                // SAFETY: there are as many filters, one for each channel or as many for each; lengths match.
                unsafe {
                    if of_each == 1 && filters - filter >= 4 {
                        outputs::<4, R>(depthwise, &window, filter, filter, y);
                        (filter, y) = (filter + 4, y.wrapping_add(4));
                        channel = filter;
                        continue;
                    }
                    outputs::<1, R>(depthwise, &window, filter, channel, y);
                }
                (filter, left, y) = (filter + 1, left - 1, y.wrapping_add(1));
                if left == 0 {
                    (channel, left) = (channel + 1, of_each);
                }
            }
        }
    }
}

/// Overwrites `N` outputs, of as many filters from the given one on, and of channels.
///
/// # Safety
/// The window is one of the picture; there are so many filters, and channels, from these on; at `y` there are `N` bytes. The
/// lengths of `depthwise` match.
#[inline(never)]
unsafe fn outputs<const N: usize, R: Rounding>(
    depthwise: &Depthwise<'_>,
    window: &Window,
    filter: usize,
    channel: usize,
    y: *mut i8,
) {
    let (filters, [rows, cols]) = (depthwise.bias.len(), &depthwise.axes);
    let Window { rows: [top, bottom], cols: [left, right], step, gap, .. } = *window;
    let weight = depthwise.weight.as_ptr().wrapping_add(filter);
    let mut x = window.x.wrapping_add(channel);
    let mut w = weight.wrapping_add((top * cols.taps + left) * filters);
    let skipped = (cols.taps + left).wrapping_sub(right) * filters;
    // SAFETY: the filters that the caller vouches for have biases.
    let mut sums = unsafe { *depthwise.bias.as_ptr().wrapping_add(filter).cast::<[i32; N]>() };
    for _ in top..bottom {
        for _ in left..right {
            // SAFETY: a tap of the window, in the picture: the caller vouches for its channels, and for its filters' weights.
            let [xs, ws] = unsafe { [&*x.cast::<[i8; N]>(), &*w.cast::<[i8; N]>()] };
            accumulate(&mut sums, xs.map(i32::from), ws);
            (x, w) = (x.wrapping_add(step), w.wrapping_add(filters));
        }
        (x, w) = (x.wrapping_add(gap), w.wrapping_add(skipped));
    }
    if (bottom - top, right - left) != (rows.taps, cols.taps) {
        let mut w = weight;
        for row in 0..rows.taps {
            for col in 0..cols.taps {
                if !((top..bottom).contains(&row) && (left..right).contains(&col)) {
                    // SAFETY: the weights of a tap, for which the caller vouches.
                    accumulate(&mut sums, [depthwise.zero.into(); N], unsafe { &*w.cast::<[i8; N]>() });
                }
                w = w.wrapping_add(filters);
            }
        }
    }
    let scales = depthwise.scale.get(filter..).unwrap_or_default();
    for (i, (&sum, &scale)) in sums.iter().zip(scales).enumerate() {
        // SAFETY: there are `N` bytes.
        unsafe { *y.wrapping_add(i) = depthwise.clamp.output(R::scale(sum, scale)) };
    }
}

#[inline(always)]
fn accumulate<const N: usize>(sums: &mut [i32; N], xs: [i32; N], ws: &[i8; N]) {
    for ((sum, x), &w) in sums.iter_mut().zip(xs).zip(ws) {
        *sum = sum.wrapping_add(x * i32::from(w));
    }
}
