//! The largest number, or the mean, of every window on a picture, channel by channel, and the gradients of both.
//!
//! ```text
//! at tap (i, j) of output (r, c): pixel (r SH + i DH - top, c SW + j DW - left), if it is inside the picture
//! max    y = the first of the largest taps inside,  dx there += dy
//! mean   y = sum of the taps inside / how many,     dx at each += dy / how many
//! ```
//!
//! Pixels are rows of channels, so that vectors run along the channels and no sum or comparison runs along a vector: every
//! instruction set gives the same bits. Taps are visited from top to bottom and from left to right. So are the outputs, each of
//! which adds to a dx that starts as zeros.
//!
//! # Order
//!
//! The largest number starts as minus infinity, and a tap replaces it if it is greater. So of equal numbers the first one stays,
//! and -0.0 and +0.0 are equal. A NaN is never greater: the first one is remembered beside, and replaces the result. Both are
//! selected, not computed, and keep their bits. Without vectors the first NaN ends the window, which is the same.
//!
//! # Accuracy
//!
//! The sum of t taps is one chain of additions from zero, with an error of at most (t - 1) u times the sum of magnitudes,
//! u = 2^-24, and the quotient is rounded once. A window that is the whole picture, of n pixels, is summed as the rows of a bias's
//! gradient are: in a chain below 16 pixels, in four chains up to 4096, and in blocks of so many above. The error is then at
//! most (n / 4 + 4) u times the sum of magnitudes up to 4096, and (1028 + n / 4096) u above.

use super::axis::Axis;
use super::elementwise::vectors;
use super::update::sum_of_rows;
use super::{rows, rows_mut};
#[cfg(fusebox_scalar)]
use crate::simd::rolled;
use crate::simd::{Pass, Simd};

/// The taps of an output that are inside the picture, along one axis: their number, and the position of the first. They are
/// `dilation` apart.
#[derive(Clone, Copy)]
struct Inside {
    first: usize,
    taps: usize,
}

/// Any values are safe.
impl Axis {
    /// The whole axis as one window.
    pub(crate) const fn whole(input: usize) -> Self {
        Self { input, output: 1, taps: input, stride: 1, dilation: 1, before: 0 }
    }

    /// The taps of output `output` that are inside: the last of them too is below `input`.
    const fn inside(&self, output: usize) -> Inside {
        let (mut at, mut left) = (output.saturating_mul(self.stride), self.taps);
        while at < self.before && left > 0 {
            at = at.saturating_add(self.dilation);
            left -= 1;
        }
        let first = at.wrapping_sub(self.before);
        let (mut at, mut taps) = (first, 0);
        while at < self.input && taps < left {
            at = at.saturating_add(self.dilation);
            taps += 1;
        }
        Inside { first, taps }
    }

    /// Whether there is one window, and it is all of the axis.
    const fn is_whole(&self) -> bool {
        self.output == 1
            && self.taps == self.input
            && self.before == 0
            && (self.dilation == 1 || self.taps == 1)
    }

    /// Whether every output has a tap inside.
    pub(crate) const fn reached(&self) -> bool {
        let mut output = 0;
        while output < self.output {
            if self.inside(output).taps == 0 {
                return false;
            }
            output += 1;
        }
        true
    }
}

/// How a window goes over pictures of so many channels.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Down.
    pub height: Axis,
    /// To the right.
    pub width: Axis,
    /// Numbers in a pixel.
    pub channels: usize,
    /// Whether the only window is the whole picture, and is summed as such.
    pub whole: bool,
}

/// An output, and the taps of its window that are inside the picture, as offsets in numbers.
struct Window {
    output: usize,
    first: usize,
    /// Rows and columns of taps.
    taps: [usize; 2],
}

impl Windows {
    pub(crate) const fn of(height: Axis, width: Axis, channels: usize) -> Self {
        Self { height, width, channels, whole: height.is_whole() && width.is_whole() }
    }

    /// Numbers in a picture, and in its outputs. Zero if they cannot be counted, so that there are none.
    fn numbers(&self) -> [usize; 2] {
        let count = |height: usize, width: usize| {
            height.checked_mul(width).and_then(|pixels| pixels.checked_mul(self.channels)).unwrap_or(0)
        };
        [count(self.height.input, self.width.input), count(self.height.output, self.width.output)]
    }

    /// The outputs' windows in order. If pictures and outputs can be counted, the `channels` numbers at each of
    /// [`Windows::taps`] are inside a picture, and those at `output` inside its outputs.
    #[inline(always)]
    fn each(&self) -> Each<'_> {
        Each { windows: self, row: 0, col: 0, down: self.height.inside(0) }
    }

    /// From one tap to the next to its right, and to the one below. Neither is used if it wraps: there is then one tap.
    #[inline(always)]
    fn distances(&self) -> [usize; 2] {
        let right = self.width.dilation.wrapping_mul(self.channels);
        [right, self.height.dilation.wrapping_mul(self.width.input).wrapping_mul(self.channels)]
    }
}

impl Window {
    /// The offsets of its taps, row by row.
    #[inline(always)]
    fn taps(
        &self,
        [right, down]: [usize; 2],
    ) -> impl Iterator<Item = impl Iterator<Item = usize> + use<>> + use<> {
        let [rows, cols] = self.taps;
        steps(self.first, rows, down).map(move |row| steps(row, cols, right))
    }
}

/// So many numbers, `step` apart.
#[inline(always)]
fn steps(start: usize, count: usize, step: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| start.wrapping_add(i.wrapping_mul(step)))
}

/// See [`Windows::each`].
struct Each<'a> {
    windows: &'a Windows,
    row: usize,
    col: usize,
    /// The taps of row `row`.
    down: Inside,
}

impl Iterator for Each<'_> {
    type Item = Window;

    #[inline(always)]
    fn next(&mut self) -> Option<Window> {
        let Windows { height, width, channels, .. } = self.windows;
        if self.col >= width.output {
            (self.row, self.col) = (self.row + 1, 0);
            self.down = height.inside(self.row);
        }
        if self.row >= height.output {
            return None;
        }
        let (down, right) = (self.down, width.inside(self.col));
        let output = (self.row * width.output + self.col) * channels;
        // Wraps only if there is no tap.
        let first = down.first.wrapping_mul(width.input).wrapping_add(right.first).wrapping_mul(*channels);
        self.col += 1;
        Some(Window { output, first, taps: [down.taps, right.taps] })
    }
}

/// The most lanes a vector has.
const MOST_LANES: usize = if crate::simd::VECTORS { 16 } else { 1 };

/// The largest number of a window in each of some channels, the first of which is at `x`, and the offset of the tap that has it, as
/// bits, which selecting leaves as they are.
///
/// # Safety
/// `lanes` channels of each tap can be read.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
unsafe fn largest<S: Simd>(
    s: S,
    window: &Window,
    distances: [usize; 2],
    x: *const f32,
    lanes: usize,
) -> (S::V, S::V) {
    let (mut largest, mut first_nan) = (s.splat(f32::NEG_INFINITY), s.splat(0.0));
    let mut place = s.splat(f32::from_bits(window.first as u32));
    let mut place_of_nan = place;
    for row in window.taps(distances) {
        for tap in row {
            // SAFETY: the caller's promise.
            let x = unsafe { s.load_partial(x.add(tap), lanes) };
            let tap = s.splat(f32::from_bits(tap as u32));
            place = s.select_gt(x, largest, tap, place);
            largest = s.max(x, largest);
            place_of_nan = select_nan(s, first_nan, place_of_nan, tap);
            first_nan = select_nan(s, first_nan, first_nan, x);
        }
    }
    (select_nan(s, first_nan, first_nan, largest), select_nan(s, first_nan, place_of_nan, place))
}

/// The same without vectors, where a comparison is a branch: one for a tap, and the first NaN ends it.
///
/// # Safety
/// Each tap can be read.
#[cfg(fusebox_scalar)]
#[inline(always)]
unsafe fn largest<S: Simd>(
    s: S,
    window: &Window,
    distances: [usize; 2],
    x: *const f32,
    _lanes: usize,
) -> (S::V, S::V) {
    let (mut largest, mut place) = (f32::NEG_INFINITY, window.first);
    let [right, down] = distances;
    let (mut first, [mut rows, cols]) = (window.first, window.taps);
    'taps: while rows > 0 {
        let (mut tap, mut left) = (first, cols);
        while left > 0 {
            // SAFETY: the caller's promise.
            let x = unsafe { x.add(tap).read() };
            #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN too")]
            if !(x <= largest) {
                (largest, place) = (x, tap);
                if x.is_nan() {
                    break 'taps;
                }
            }
            (tap, left) = (tap.wrapping_add(right), rolled(left - 1));
        }
        (first, rows) = (first.wrapping_add(down), rolled(rows - 1));
    }
    (s.splat(largest), s.splat(f32::from_bits(place as u32)))
}

/// Overwrites `ys` with the largest numbers of the windows on the pictures `xs`.
pub(crate) struct Max<'a> {
    pub(crate) windows: &'a Windows,
    pub(crate) xs: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Max<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { windows, xs, ys } = self;
        let [inputs, outputs] = windows.numbers();
        let distances = windows.distances();
        for (x, y) in rows(xs, inputs).zip(rows_mut(ys, outputs)) {
            for window in windows.each() {
                for (start, lanes) in vectors::<S>(windows.channels) {
                    // SAFETY: the `lanes` channels from `start` on of a tap are inside the picture.
                    let (largest, _) =
                        unsafe { largest(s, &window, distances, x.as_ptr().add(start), lanes) };
                    // SAFETY: those of an output are inside the outputs.
                    unsafe { s.store_partial(y.as_mut_ptr().add(window.output + start), largest, lanes) };
                }
            }
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to the pictures `xs` of [`Max`].
pub(crate) struct MaxBackward<'a> {
    pub(crate) windows: &'a Windows,
    pub(crate) xs: &'a [f32],
    pub(crate) dys: &'a [f32],
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for MaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { windows, xs, dys, dxs } = self;
        let [inputs, outputs] = windows.numbers();
        let distances = windows.distances();
        for ((x, dy), dx) in rows(xs, inputs).zip(rows(dys, outputs)).zip(rows_mut(dxs, inputs)) {
            dx.fill(0.0);
            for window in windows.each() {
                for (start, lanes) in vectors::<S>(windows.channels) {
                    // SAFETY: the `lanes` channels from `start` on of a tap are inside the picture.
                    let (_, place) = unsafe { largest(s, &window, distances, x.as_ptr().add(start), lanes) };
                    let mut places = [0.0_f32; MOST_LANES];
                    // SAFETY: the array has at least as many numbers as a vector.
                    unsafe { s.store(places.as_mut_ptr(), place) };
                    let dy = dy.get(window.output + start..).unwrap_or_default();
                    for (lane, (place, dy)) in places.iter().zip(dy).take(lanes).enumerate() {
                        if let Some(dx) = dx.get_mut((place.to_bits() as usize).wrapping_add(start + lane)) {
                            *dx += dy;
                        }
                    }
                }
            }
        }
    }
}

/// Overwrites `ys` with the means of the windows on the pictures `xs`.
pub(crate) struct Mean<'a> {
    pub(crate) windows: &'a Windows,
    pub(crate) xs: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Mean<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { windows, xs, ys } = self;
        let [inputs, outputs] = windows.numbers();
        let Windows { height, width, channels, whole } = *windows;
        let distances = windows.distances();
        for (x, y) in rows(xs, inputs).zip(rows_mut(ys, outputs)) {
            for window in windows.each() {
                let count = s.splat(window.count());
                for (start, lanes) in vectors::<S>(channels) {
                    let first = x.as_ptr().wrapping_add(start);
                    let mut sum = s.splat(0.0);
                    if whole {
                        // SAFETY: the `lanes` channels from `start` on of each pixel are inside the picture.
                        sum = unsafe { sum_of_rows(s, first, channels, height.input * width.input, lanes) };
                    } else {
                        for row in window.taps(distances) {
                            for tap in row {
                                // SAFETY: those of a tap are.
                                sum = s.add(sum, unsafe { s.load_partial(first.add(tap), lanes) });
                            }
                        }
                    }
                    let y = y.as_mut_ptr().wrapping_add(window.output + start);
                    // SAFETY: the `lanes` channels from `start` on of an output are inside the outputs.
                    unsafe { s.store_partial(y, s.div(sum, count), lanes) };
                }
            }
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to the pictures of [`Mean`].
pub(crate) struct MeanBackward<'a> {
    pub(crate) windows: &'a Windows,
    pub(crate) dys: &'a [f32],
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for MeanBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { windows, dys, dxs } = self;
        let [inputs, outputs] = windows.numbers();
        let distances = windows.distances();
        for (dy, dx) in rows(dys, outputs).zip(rows_mut(dxs, inputs)) {
            dx.fill(0.0);
            for window in windows.each() {
                let count = s.splat(window.count());
                for (start, lanes) in vectors::<S>(windows.channels) {
                    let dy = dy.as_ptr().wrapping_add(window.output + start);
                    // SAFETY: the `lanes` channels from `start` on of an output are inside the outputs.
                    let share = s.div(unsafe { s.load_partial(dy, lanes) }, count);
                    for row in window.taps(distances) {
                        for tap in row {
                            let dx = dx.as_mut_ptr().wrapping_add(tap + start);
                            // SAFETY: those of a tap are inside the picture.
                            unsafe { s.store_partial(dx, s.add(s.load_partial(dx, lanes), share), lanes) };
                        }
                    }
                }
            }
        }
    }
}

impl Window {
    /// How many taps are inside.
    #[inline(always)]
    fn count(&self) -> f32 {
        let [rows, cols] = self.taps;
        (rows * cols) as f32
    }
}

/// `x` where `a` is NaN, else `y`.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
fn select_nan<S: Simd>(s: S, a: S::V, x: S::V, y: S::V) -> S::V {
    s.select_gt(s.abs(a), s.splat(-1.0), y, x)
}

#[cfg(test)]
mod tests;
