//! The gradient of the weights: the taps' pixels, transposed, times the gradients of the outputs.
//!
//! ```text
//! for each picture, run of rows, run of columns, line of outputs in it
//!     if this segment would have more than 4096 outputs:  sum += segment, segment = 0
//!     for each row of taps that meets it:                 segment += A^T dY     (rows of weights in the tile)
//! sum += segment
//! ```
//!
//! The caller asks for a tile of the weights at a time and provides both arrays, so no gradient is stored in full.

use super::runs::{Lines, Run, Way};
use super::sizes::Sizes;
use super::threads::tile_in_parts;
use crate::Isa;
#[cfg(not(fusebox_scalar))]
use crate::kernel::gemm::chain;
#[cfg(fusebox_scalar)]
use crate::kernel::gemm::stretches::{Chains, Stretches, nn, tn};
use crate::kernel::gemm::{Activate, First, LONGEST, Operands};
use crate::memory::part;
use core::ops::Range;

/// Part of the weights: rows, numbered through taps and channels, of some filters of one group.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub(crate) rows: Range<usize>,
    pub(crate) filters: Range<usize>,
}

/// Overwrites `sum` with the gradient of the weights in `tile`, summed over the pictures `xs`, where `dys` is the
/// gradient of their outputs. `spare`, as long as `sum`, is clobbered. If a length does not match `sizes`, writes
/// nothing.
pub(crate) fn weight_gradient(
    isa: Isa,
    sizes: &Sizes,
    tile: &Tile,
    xs: &[f32],
    dys: &[f32],
    spare: &mut [f32],
    sum: &mut [f32],
) {
    let pictures = xs.len().checked_div(sizes.pictures()[0]).unwrap_or(0);
    let macs = sizes.macs_of_weights(tile.filters.len(), pictures);
    tile_in_parts(&tile.rows, macs, spare, sum, |rows, spare, sum| {
        gradient_of(isa, sizes, &Tile { rows, filters: tile.filters.clone() }, xs, dys, spare, sum);
    });
}

/// [`weight_gradient`] on this thread.
#[inline(never)]
fn gradient_of(
    isa: Isa,
    sizes: &Sizes,
    tile: &Tile,
    xs: &[f32],
    dys: &[f32],
    spare: &mut [f32],
    sum: &mut [f32],
) {
    let [picture, output] = sizes.pictures();
    let pictures = xs.len().checked_div(picture).unwrap_or(0);
    let [channels, filters] = sizes.of_group();
    let numbers = tile.rows.len() * tile.filters.len();
    let group = tile.filters.start.checked_div(filters).unwrap_or(0);
    let fits = xs.len() == pictures * picture
        && dys.len() == pictures * output
        && (spare.len(), sum.len()) == (numbers, numbers)
        && tile.rows.end <= sizes.rows.taps * sizes.cols.taps * channels
        && tile.filters.end <= ((group + 1) * filters).min(sizes.filters);
    if !fits || numbers == 0 {
        return;
    }
    spare.fill(0.0);
    sum.fill(0.0);
    let mut outputs = 0;
    let gradient = WeightGradient { isa, sizes, tile, group, sum: spare.as_mut_ptr() };
    for p in 0..pictures {
        let x = part(xs, &(p * picture..(p + 1) * picture));
        let dy = part(dys, &(p * output..(p + 1) * output));
        for y in sizes.rows.runs(Way::Forward, 0..sizes.rows.output) {
            for across in sizes.cols.runs(Way::Forward, 0..sizes.cols.output) {
                let lines = Lines::of(&y, &across, sizes.cols.input, sizes.cols.output);
                let mut done = 0;
                while done < lines.count {
                    // As many lines as the segment has room for, or one. With vectors a line is long enough, and its pixels are read
                    // for all rows of taps while they are in the cache.
                    let mut room = LONGEST.saturating_sub(outputs) / lines.first.count.max(1);
                    if room == 0 {
                        flush(spare, sum);
                        (outputs, room) = (0, 1);
                    }
                    let count = if crate::simd::VECTORS { 1 } else { room.min(lines.count - done) };
                    outputs += count * lines.first.count;
                    // SAFETY: the lengths have been checked; the tile is this function's.
                    unsafe {
                        gradient.add(&y, &across, &Lines { first: lines.line(done), count, ..lines }, x, dy)
                    };
                    done += count;
                }
            }
        }
    }
    flush(spare, sum);
}

/// Adds a segment's sums to those of the previous segments, and sets them to zero.
pub(super) fn flush(segment: &mut [f32], sum: &mut [f32]) {
    for (sum, of_segment) in sum.iter_mut().zip(segment) {
        *sum += core::mem::take(of_segment);
    }
}

struct WeightGradient<'a> {
    isa: Isa,
    sizes: &'a Sizes,
    tile: &'a Tile,
    group: usize,
    sum: *mut f32,
}

impl WeightGradient<'_> {
    /// Adds the contribution of some lines of outputs: with vectors, of one.
    ///
    /// # Safety
    /// The picture and its outputs have their sizes; the sum has the tile's, and is nobody else's.
    unsafe fn add(&self, y: &Run, x: &Run, lines: &Lines, picture: &[f32], dys: &[f32]) {
        let line = &lines.first;
        let Sizes { cols, channels, filters, .. } = *self.sizes;
        let [depth, _] = self.sizes.of_group();
        let b = line.to * filters + self.tile.filters.start;
        let n = self.tile.filters.len();
        let merged = x.tap_from * channels == depth;
        for v in 0..y.taps {
            let mut h = 0;
            while h < x.taps {
                let count = if merged { x.taps } else { 1 };
                let first = ((y.tap + v * y.tap_step) * cols.taps + x.tap + h * x.tap_step) * depth;
                let start = first.max(self.tile.rows.start);
                let end = (first + count * depth).min(self.tile.rows.end);
                if start < end {
                    let pixel = line.from + v * y.tap_from * cols.input + h * x.tap_from;
                    let a = pixel * channels + self.group * depth + start - first;
                    let product = Operands {
                        m: end - start,
                        n,
                        k: line.count,
                        a: picture.as_ptr().wrapping_add(a),
                        a_stride: line.from_step * channels,
                        // Where pixels are single numbers, the next tap's row begins with this one's second number: both
                        // ways of lying are the same, and without vectors, fewer than four rows have a kernel only if
                        // they lie along k.
                        a_transposed: !cfg!(fusebox_scalar) || line.from_step * channels != 1,
                        b: dys.as_ptr().wrapping_add(b),
                        b_len: dys.len() - b,
                        b_stride: line.to_step * filters,
                        b_transposed: false,
                        whole_n: usize::MAX,
                        first: First::Output,
                        c: self.sum.wrapping_add((start - self.tile.rows.start) * n),
                        c_stride: n,
                    };
                    // SAFETY: the caller's promise: inputs that taps meet, outputs of the line, rows of the tile.
                    #[cfg(not(fusebox_scalar))]
                    unsafe {
                        chain(self.isa, &product, Activate::Nothing)
                    };
                    // SAFETY: the same for each of the lines.
                    #[cfg(fusebox_scalar)]
                    unsafe {
                        let (a, b) = (lines.from_next * channels, lines.to_next * filters);
                        let chains: Chains = if product.a_transposed { tn } else { nn };
                        chains(
                            self.isa,
                            &product,
                            &Stretches { count: lines.count, a, b },
                            Activate::Nothing,
                        );
                    }
                }
                h += count;
            }
        }
    }
}
