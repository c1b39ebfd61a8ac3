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
mod tests {
    use super::*;
    use crate::{Isa, Rng};
    use std::vec;
    use std::vec::Vec;

    const U: f64 = 1.0 / 16_777_216.0;

    /// What surrounds results, which nothing may write.
    const CANARY: f32 = -77.0;

    /// Every axis of at most five positions under at most three taps, padded on either side by up to a window less one.
    fn axes() -> Vec<Axis> {
        let mut axes = Vec::new();
        for input in 1..=5 {
            for kernel in 1..=3 {
                for stride in 1..=2 {
                    for dilation in 1..=kernel.min(2) {
                        let span = (kernel - 1) * dilation + 1;
                        for before in 0..span {
                            for after in [0, before, span - 1] {
                                let padded = before + input + after;
                                if padded >= span {
                                    let output = (padded - span) / stride + 1;
                                    axes.push(Axis { input, output, taps: kernel, stride, dilation, before });
                                }
                            }
                        }
                    }
                }
            }
        }
        axes.retain(Axis::reached);
        axes
    }

    /// The positions of an output's taps that are inside.
    fn inside(axis: &Axis, output: usize) -> Vec<usize> {
        (0..axis.taps)
            .map(|tap| output * axis.stride + tap * axis.dilation)
            .filter(|&at| at >= axis.before && at < axis.before + axis.input)
            .map(|at| at - axis.before)
            .collect()
    }

    /// Offsets of taps for each number of the outputs.
    fn taps(windows: &Windows) -> Vec<Vec<usize>> {
        let Windows { height, width, channels, .. } = windows;
        let mut all = Vec::new();
        for row in 0..height.output {
            for col in 0..width.output {
                for channel in 0..*channels {
                    let mut taps = Vec::new();
                    for y in inside(height, row) {
                        for x in inside(width, col) {
                            taps.push((y * width.input + x) * channels + channel);
                        }
                    }
                    all.push(taps);
                }
            }
        }
        all
    }

    /// `run` on the middle of a buffer.
    fn guarded(len: usize, run: impl FnOnce(&mut [f32])) -> Vec<f32> {
        let mut buffer = vec![CANARY; len + 6];
        buffer[3..len + 3].fill(f32::NAN);
        run(&mut buffer[3..len + 3]);
        assert!(buffer[..3].iter().chain(&buffer[len + 3..]).all(|&x| x == CANARY), "a stray write");
        buffer[3..len + 3].to_vec()
    }

    /// The numbers' bits, for NaN and the sign of zero count.
    fn bits(xs: &[f32]) -> Vec<u32> {
        xs.iter().map(|x| x.to_bits()).collect()
    }

    /// The position of the largest number by plain comparison.
    fn largest(x: &[f32], taps: &[usize]) -> usize {
        if let Some(&nan) = taps.iter().find(|&&tap| x[tap].is_nan()) {
            return nan;
        }
        let most = taps.iter().map(|&tap| x[tap]).fold(f32::NEG_INFINITY, f32::max);
        *taps.iter().find(|&&tap| x[tap] == most).unwrap()
    }

    fn check(windows: &Windows, rng: &mut Rng) {
        const PICTURES: usize = 2;
        let [inputs, outputs] = windows.numbers();
        let taps = taps(windows);
        assert_eq!(taps.len(), outputs);
        // Numbers with equals among them, and a few that are special.
        let xs: Vec<f32> = (0..PICTURES * inputs)
            .map(|_| match rng.below(60) {
                0 => f32::from_bits(0x7FC0_0000 + rng.below(1000)),
                1 => f32::NEG_INFINITY,
                2 => f32::INFINITY,
                3..6 => -0.0,
                _ => rng.below(9) as f32 / 2.0 - 2.0,
            })
            .collect();
        let smooth: Vec<f32> = (0..PICTURES * inputs).map(|_| 2.0 * rng.uniform() - 1.0).collect();
        let dys: Vec<f32> = (0..PICTURES * outputs).map(|_| 2.0 * rng.uniform() - 1.0).collect();

        let (mut maxima, mut of_max) = (Vec::new(), vec![0.0_f32; xs.len()]);
        let (mut of_mean, mut of_mean_64) = (vec![0.0_f32; xs.len()], vec![(0.0_f64, 0.0_f64); xs.len()]);
        let (mut means, mut bounds, mut in_turn) = (Vec::new(), Vec::new(), Vec::new());
        for picture in 0..PICTURES {
            let (x, dy) = (&xs[picture * inputs..][..inputs], &dys[picture * outputs..][..outputs]);
            let smooth = &smooth[picture * inputs..][..inputs];
            for (taps, dy) in taps.iter().zip(dy) {
                let (place, count) = (largest(x, taps), taps.len() as f64);
                maxima.push(x[place]);
                of_max[picture * inputs + place] += dy;
                let numbers = || taps.iter().map(|&tap| f64::from(smooth[tap]));
                means.push(numbers().sum::<f64>() / count);
                bounds.push((count + 1.0) * U * numbers().map(f64::abs).sum::<f64>() / count);
                in_turn.push(taps.iter().fold(0.0, |sum, &tap| sum + smooth[tap]) / count as f32);
                for tap in taps {
                    of_mean[picture * inputs + tap] += dy / count as f32;
                    let (sum, magnitude) = &mut of_mean_64[picture * inputs + tap];
                    *sum += f64::from(*dy) / count;
                    *magnitude += f64::from(dy.abs()) / count;
                }
            }
        }
        let chains = taps.iter().all(|taps| taps.len() < 16);
        for isa in Isa::available() {
            let what = || std::format!("{isa}, {windows:?}");
            let y = guarded(dys.len(), |ys| isa.call(Max { windows, xs: &xs, ys }));
            assert_eq!(bits(&y), bits(&maxima), "{}: maxima", what());
            let dx = guarded(xs.len(), |dxs| isa.call(MaxBackward { windows, xs: &xs, dys: &dys, dxs }));
            assert_eq!(bits(&dx), bits(&of_max), "{}: the gradient of maxima", what());
            let y = guarded(dys.len(), |ys| isa.call(Mean { windows, xs: &smooth, ys }));
            for ((y, mean), bound) in y.iter().zip(&means).zip(&bounds) {
                assert!((f64::from(*y) - mean).abs() <= *bound, "{}: a mean of {y}, not {mean}", what());
            }
            if chains {
                assert_eq!(bits(&y), bits(&in_turn), "{}: means", what());
            }
            let dx = guarded(xs.len(), |dxs| isa.call(MeanBackward { windows, dys: &dys, dxs }));
            assert_eq!(bits(&dx), bits(&of_mean), "{}: the gradient of means", what());
            for (dx, (expected, magnitude)) in dx.iter().zip(&of_mean_64) {
                assert!((f64::from(*dx) - expected).abs() <= 10.0 * U * magnitude, "{}: {dx}", what());
            }
        }
    }

    /// Every pair of [`axes`], each with one of the numbers of channels; without optimisation, some of the pairs.
    #[test]
    fn every_small_window_is_plain_loops() {
        let (axes, mut rng) = (axes(), Rng::new(1));
        let (channels, step) = ([1, 3, 4, 16, 17], if cfg!(debug_assertions) { 11 } else { 1 });
        for (i, &height) in axes.iter().enumerate() {
            for (j, &width) in axes.iter().enumerate().skip(i % step).step_by(step) {
                check(&Windows::of(height, width, channels[(i + j / step) % 5]), &mut rng);
            }
        }
        for &axis in &axes {
            for channels in channels {
                let row = Axis::whole(1);
                check(&Windows::of(axis, row, channels), &mut rng);
                check(&Windows::of(row, axis, channels), &mut rng);
            }
        }
    }

    #[test]
    fn whole_pictures_are_summed_within_the_bound_and_alike() {
        let mut rng = Rng::new(2);
        for [rows, cols] in [[1, 1], [3, 5], [4, 4], [7, 7], [17, 31], [64, 64], [1, 4097], [130, 100]] {
            for channels in [1, 3, 17] {
                let windows = &Windows::of(Axis::whole(rows), Axis::whole(cols), channels);
                let n = rows * cols;
                let xs: Vec<f32> = (0..2 * n * channels).map(|_| 2.0 * rng.uniform() - 0.5).collect();
                let mut first: Option<Vec<u32>> = None;
                for isa in Isa::available() {
                    let y = guarded(2 * channels, |ys| isa.call(Mean { windows, xs: &xs, ys }));
                    let alike = first.get_or_insert_with(|| bits(&y));
                    assert_eq!(*alike, bits(&y), "{isa}, {rows} x {cols} x {channels}");
                    for (i, y) in y.into_iter().enumerate() {
                        let (picture, channel) = (i / channels, i % channels);
                        let numbers = || {
                            let picture = &xs[picture * n * channels..][..n * channels];
                            picture.iter().skip(channel).step_by(channels).map(|&x| f64::from(x))
                        };
                        let terms = match n {
                            0..16 => n,
                            16..=4096 => n / 4 + 4,
                            _ => 1028 + n / 4096,
                        };
                        let sum = numbers().sum::<f64>();
                        // And the quotient's rounding.
                        let bound =
                            terms as f64 * U * numbers().map(f64::abs).sum::<f64>() + 2.0 * U * sum.abs();
                        assert!(
                            (f64::from(y) * n as f64 - sum).abs() <= bound,
                            "{isa}, {rows} x {cols}: {y}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_mean_passes_on_what_is_not_finite() {
        let windows = &Windows::of(Axis::whole(1), Axis::whole(2), 4);
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let xs = [1.0, nan, inf, inf, 3.0, 1.0, 2.0, -inf];
        for isa in Isa::available() {
            let y = guarded(4, |ys| isa.call(Mean { windows, xs: &xs, ys }));
            assert!(y[0] == 2.0 && y[1].is_nan() && y[2] == inf && y[3].is_nan(), "{isa}: {y:?}");
        }
    }

    /// Sizes that no layer has: nothing outside is touched, and nothing panics.
    #[test]
    fn sizes_that_make_no_sense_are_harmless() {
        let sizes = [0, 1, 2, 3, usize::MAX / 2, usize::MAX];
        let mut rng = Rng::new(3);
        for _ in 0..20_000 {
            let mut pick = |most: u32| sizes[rng.below(most) as usize];
            let axis = |pick: &mut dyn FnMut(u32) -> usize| Axis {
                input: pick(6),
                output: pick(4),
                taps: pick(4),
                stride: pick(6),
                dilation: pick(6),
                before: pick(6),
            };
            let (height, width) = (axis(&mut pick), axis(&mut pick));
            let whole = pick(2) == 0;
            let windows = &Windows { height, width, channels: pick(6), whole };
            let xs = [1.0; 30];
            for isa in Isa::available() {
                guarded(20, |ys| isa.call(Max { windows, xs: &xs, ys }));
                guarded(20, |ys| isa.call(Mean { windows, xs: &xs, ys }));
                guarded(20, |dxs| isa.call(MaxBackward { windows, xs: &xs, dys: &xs, dxs }));
                guarded(20, |dxs| isa.call(MeanBackward { windows, dys: &xs, dxs }));
            }
        }
    }
}
