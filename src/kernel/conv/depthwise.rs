//! Convolutions in which each channel has one filter of its own: vectors lie along the channels.
//!
//! ```text
//! for each line of outputs that meet the same taps
//!     for each eight outputs, for each vector of channels
//!         for each tap:  sums += inputs * weights
//! ```
//!
//! There is no product of matrices here: a multiply-add takes one number of the picture and one weight, and almost
//! nothing in registers is used twice. So loads from the first-level cache limit the speed. The order of a sum is that
//! of all convolutions, so the bits are the same.

use super::gather::{End, Ends, fits};
use super::runs::{Run, Way};
use super::sizes::Sizes;
use super::threads::tile_in_parts;
use super::weights::flush;
use crate::Isa;
use crate::kernel::gemm::LONGEST;
use crate::kernel::threads::in_parts;
use crate::memory::part;
use crate::simd::{Pass, Simd};
use core::ops::Range;

/// Outputs at a time. Without vectors eight would fill a microcontroller's registers.
const PIXELS: usize = if crate::simd::VECTORS { 8 } else { FEWER };

/// Outputs at a time where there are fewer.
const FEWER: usize = 4;

/// [`forward`](super::forward) of such a convolution.
#[inline(never)]
pub(crate) fn forward(
    isa: Isa,
    sizes: &Sizes,
    rows: Range<usize>,
    xs: &[f32],
    weight: &[f32],
    ends: &Ends<'_>,
    ys: &mut [f32],
) {
    if sizes.is_depthwise() && fits(sizes, Way::Forward, &rows, xs, weight, ends, ys) {
        let (macs, xs, ys) = (sizes.macs_of_row(Way::Forward), xs.as_ptr(), ys.as_mut_ptr());
        // SAFETY: the lengths have been checked; a part writes its own rows only.
        unsafe { in_parts(rows, macs, |rows| all(isa, sizes, Way::Forward, rows, xs, weight, ends, ys)) };
    }
}

/// [`input_gradient`](super::input_gradient) of such a convolution.
#[inline(never)]
pub(crate) fn input_gradient(
    isa: Isa,
    sizes: &Sizes,
    rows: Range<usize>,
    dys: &[f32],
    weight: &[f32],
    ends: &Ends<'_>,
    dxs: &mut [f32],
) {
    if sizes.is_depthwise() && fits(sizes, Way::Back, &rows, dys, weight, ends, dxs) {
        let (macs, dys, dxs) = (sizes.macs_of_row(Way::Back), dys.as_ptr(), dxs.as_mut_ptr());
        // SAFETY: the lengths have been checked; a part writes its own rows only.
        unsafe { in_parts(rows, macs, |rows| all(isa, sizes, Way::Back, rows, dys, weight, ends, dxs)) };
    }
}

/// # Safety
/// Source and destination have as many pictures as the rows, numbered through the batch, say; weights and a bias (or
/// none) their sizes; a gate, the destination's shape.
unsafe fn all(
    isa: Isa,
    sizes: &Sizes,
    way: Way,
    rows: Range<usize>,
    from: *const f32,
    weight: &[f32],
    ends: &Ends<'_>,
    to: *mut f32,
) {
    let (bias, end) = (ends.bias.unwrap_or_default(), ends.end());
    let Sizes { rows: vertical, cols: horizontal, channels, .. } = *sizes;
    let [source, destination] = sizes.sides(way);
    let height = destination.height;
    let mut row = rows.start;
    while row < rows.end {
        let picture = row.checked_div(height).unwrap_or(0);
        let until = rows.end.min((picture + 1) * height);
        for y in vertical.runs(way, row - picture * height..until - picture * height) {
            for i in 0..y.count {
                for x in horizontal.runs(way, 0..destination.width) {
                    let at = picture * destination.numbers()
                        + ((y.to + i * y.to_step) * destination.width + x.to) * channels;
                    let met = ((y.from + i * y.from_step) * source.width + x.from) * channels;
                    let line = Line {
                        count: x.count,
                        channels,
                        from: from.wrapping_add(picture * source.numbers() + met),
                        from_step: x.from_step * channels,
                        from_taps: [y.tap_from * source.width * channels, x.tap_from * channels],
                        taps: [y.taps, x.taps],
                        weight: weight.as_ptr(),
                        weight_taps: Taps { way, y, x, across: horizontal.taps }.weights(channels),
                        bias: bias.as_ptr(),
                        has_bias: !bias.is_empty(),
                        to: to.wrapping_add(at),
                        to_step: x.to_step * channels,
                        end: end.at(at),
                    };
                    isa.call(line);
                }
            }
        }
        row = until;
    }
}

/// Which weights the taps of two runs have.
struct Taps {
    way: Way,
    y: Run,
    x: Run,
    across: usize,
}

impl Taps {
    /// The first tap's weights, and from one row of taps, and one tap, to the next: forward or back.
    fn weights(&self, channels: usize) -> [isize; 3] {
        let sign = if self.way == Way::Forward { 1 } else { -1 };
        let numbers = |taps: usize| (taps * channels) as isize;
        [
            numbers(self.y.tap * self.across + self.x.tap),
            sign * numbers(self.y.tap_step * self.across),
            sign * numbers(self.x.tap_step),
        ]
    }
}

/// Outputs beside each other that meet the same taps. Whoever makes one owes that all that it names is there.
struct Line {
    count: usize,
    channels: usize,
    from: *const f32,
    from_step: usize,
    /// From what one row of taps, and one tap, meets to what the next one does.
    from_taps: [usize; 2],
    taps: [usize; 2],
    weight: *const f32,
    weight_taps: [isize; 3],
    bias: *const f32,
    has_bias: bool,
    to: *mut f32,
    to_step: usize,
    end: End,
}

impl Pass for Line {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut pixel = 0;
        while pixel < self.count {
            // The last outputs of a line are computed with some before them, whose bits are the same again.
            #[cfg(not(fusebox_scalar))]
            if self.count >= PIXELS {
                pixel = pixel.min(self.count - PIXELS);
            }
            let left = self.count - pixel;
            let pixels = if left < FEWER { 1 } else { FEWER };
            let pixels = if left < PIXELS { pixels } else { PIXELS };
            let mut channel = 0;
            // All channels of these pixels first: a picture is read as it lies.
            while channel < self.channels {
                let lanes = (self.channels - channel).min(S::LANES);
                // SAFETY: whoever made this signed for it: pixels below `count`, channels below `channels`.
                unsafe {
                    if pixels == PIXELS {
                        self.sums::<S, PIXELS>(s, channel, lanes, pixel);
                    } else if pixels == FEWER {
                        self.sums::<S, FEWER>(s, channel, lanes, pixel);
                    } else {
                        self.sums::<S, 1>(s, channel, lanes, pixel);
                    }
                }
                channel += S::LANES;
            }
            pixel += pixels;
        }
    }
}

impl Line {
    /// `N` outputs from a pixel on, in some lanes from a channel on.
    ///
    /// # Safety
    /// They are there.
    #[inline(always)]
    unsafe fn sums<S: Simd, const N: usize>(&self, s: S, channel: usize, lanes: usize, pixel: usize) {
        let [first_weight, weight_row, weight_tap] = self.weight_taps;
        let [from_row, from_tap] = self.from_taps;
        // SAFETY: the caller's promise, for all below.
        unsafe {
            let first = match self.has_bias {
                true => s.load_partial(self.bias.wrapping_add(channel), lanes),
                false => s.splat(0.0),
            };
            let mut sums = [first; N];
            let from = self.from.wrapping_add(pixel * self.from_step + channel);
            let weight = self.weight.wrapping_offset(first_weight).wrapping_add(channel);
            for row in 0..self.taps[0] {
                let mut from = from.wrapping_add(row * from_row);
                let mut weight = weight.wrapping_offset(row as isize * weight_row);
                #[cfg(not(fusebox_scalar))]
                if S::LANES == 16 && N == PIXELS && self.taps[1] == 3 && from_tap == self.from_step {
                    // Outputs side by side meet the same inputs: each is loaded once, where there are registers for them.
                    let x: [S::V; PIXELS + 2] =
                        core::array::from_fn(|j| s.load_partial(from.wrapping_add(j * from_tap), lanes));
                    for tap in 0..3 {
                        let w = s.load_partial(weight.wrapping_offset(tap as isize * weight_tap), lanes);
                        for (sum, &x) in sums.iter_mut().zip(&x[tap..]) {
                            *sum = s.mul_add(x, w, *sum);
                        }
                    }
                    continue;
                }
                for _ in 0..self.taps[1] {
                    let w = s.load_partial(weight, lanes);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        let x = s.load_partial(from.wrapping_add(i * self.from_step), lanes);
                        *sum = s.mul_add(x, w, *sum);
                    }
                    from = from.wrapping_add(from_tap);
                    weight = weight.wrapping_offset(weight_tap);
                }
            }
            for (i, &sum) in sums.iter().enumerate() {
                let at = (pixel + i) * self.to_step + channel;
                let sum = match self.end {
                    End::Nothing => sum,
                    End::Relu => s.relu(sum),
                    End::Gate(gates) => s.relu_mask(s.load_partial(gates.wrapping_add(at), lanes), sum),
                };
                s.store_partial(self.to.wrapping_add(at), sum, lanes);
            }
        }
    }
}

/// Overwrites `sum` with the gradient of the taps `taps` (numbered through the rows) of the weights of all channels,
/// `spare` too: see [`weight_gradient`](super::weight_gradient).
pub(crate) fn weight_gradient(
    isa: Isa,
    sizes: &Sizes,
    taps: &Range<usize>,
    xs: &[f32],
    dys: &[f32],
    spare: &mut [f32],
    sum: &mut [f32],
) {
    let pictures = xs.len().checked_div(sizes.pictures()[0]).unwrap_or(0);
    let macs = sizes.macs_of_weights(sizes.channels, pictures);
    tile_in_parts(taps, macs, spare, sum, |taps, spare, sum| {
        gradient_of(isa, sizes, &taps, xs, dys, spare, sum);
    });
}

/// [`weight_gradient`] on this thread.
#[inline(never)]
fn gradient_of(
    isa: Isa,
    sizes: &Sizes,
    taps: &Range<usize>,
    xs: &[f32],
    dys: &[f32],
    spare: &mut [f32],
    sum: &mut [f32],
) {
    let [picture, output] = sizes.pictures();
    let pictures = xs.len().checked_div(picture).unwrap_or(0);
    let Sizes { rows, cols, channels, .. } = *sizes;
    let numbers = taps.len() * channels;
    let fits = sizes.is_depthwise()
        && xs.len() == pictures * picture
        && dys.len() == pictures * output
        && (spare.len(), sum.len()) == (numbers, numbers)
        && taps.end <= rows.taps * cols.taps;
    if !fits {
        return;
    }
    spare.fill(0.0);
    sum.fill(0.0);
    let mut outputs = 0;
    for p in 0..pictures {
        let picture = part(xs, &(p * picture..(p + 1) * picture));
        let dys = part(dys, &(p * output..(p + 1) * output));
        for y in rows.runs(Way::Forward, 0..rows.output) {
            for i in 0..y.count {
                for x in cols.runs(Way::Forward, 0..cols.output) {
                    if outputs + x.count > LONGEST {
                        flush(spare, sum);
                        outputs = 0;
                    }
                    outputs += x.count;
                    let from = ((y.from + i * y.from_step) * cols.input + x.from) * channels;
                    let to = ((y.to + i * y.to_step) * cols.output + x.to) * channels;
                    for v in 0..y.taps {
                        for h in 0..x.taps {
                            let tap = (y.tap + v * y.tap_step) * cols.taps + x.tap + h * x.tap_step;
                            let Some(at) = tap.checked_sub(taps.start).filter(|_| tap < taps.end) else {
                                continue;
                            };
                            let met = from + (v * y.tap_from * cols.input + h * x.tap_from) * channels;
                            isa.call(LineGradient {
                                count: x.count,
                                channels,
                                from: picture.as_ptr().wrapping_add(met),
                                from_step: x.from_step * channels,
                                to: dys.as_ptr().wrapping_add(to),
                                to_step: x.to_step * channels,
                                sum: spare.as_mut_ptr().wrapping_add(at * channels),
                            });
                        }
                    }
                }
            }
        }
    }
    flush(spare, sum);
}

/// What a line of outputs adds to one tap's gradient. Whoever makes one owes that all that it names is there.
struct LineGradient {
    count: usize,
    channels: usize,
    from: *const f32,
    from_step: usize,
    to: *const f32,
    to_step: usize,
    sum: *mut f32,
}

impl Pass for LineGradient {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut channel = 0;
        while channel < self.channels {
            let lanes = (self.channels - channel).min(S::LANES);
            // SAFETY: whoever made this signed for it.
            unsafe {
                let mut sum = s.load_partial(self.sum.wrapping_add(channel), lanes);
                for pixel in 0..self.count {
                    let x = s.load_partial(self.from.wrapping_add(pixel * self.from_step + channel), lanes);
                    let dy = s.load_partial(self.to.wrapping_add(pixel * self.to_step + channel), lanes);
                    sum = s.mul_add(x, dy, sum);
                }
                s.store_partial(self.sum.wrapping_add(channel), sum, lanes);
            }
            channel += S::LANES;
        }
    }
}
