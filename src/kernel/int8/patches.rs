//! Convolutions: the inputs of a window side by side are a row of a product.

use super::{Product, Rounding};
use crate::Isa;
use crate::kernel::axis::Axis;

/// A convolution of pictures.
pub(crate) struct Convolution<'a> {
    /// Down, and to the right.
    pub axes: [Axis; 2],
    /// Numbers in a pixel of the input.
    pub channels: usize,
    /// What stands for 0 in the input: in the padding.
    pub zero: i8,
    /// Of a window with the filters.
    pub product: Product<'a>,
}

impl Convolution<'_> {
    /// Overwrites `y`, one picture. `patches` is memory for some windows, at least one.
    pub(crate) fn run<R: Rounding>(&self, isa: Isa, x: &[i8], patches: &mut [i8], y: &mut [i8]) {
        let [rows, cols] = &self.axes;
        let depth = self.product.depth;
        let outputs = rows.output * cols.output;
        if x.len() != rows.input * cols.input * self.channels
            || depth != rows.taps * cols.taps * self.channels
        {
            return;
        }
        if self.is_pointwise() {
            return self.product.run::<R>(isa, x, y);
        }
        let at_once = patches.len().checked_div(depth).unwrap_or(0);
        let filters = self.product.bias.len();
        let mut first = 0;
        while at_once > 0 && first < outputs {
            let last = outputs.min(first + at_once);
            for (output, patch) in (first..last).zip(patches.chunks_exact_mut(depth)) {
                self.gather(x, output / cols.output, output % cols.output, patch);
            }
            let rows = patches.get(..(last - first) * depth).unwrap_or_default();
            self.product.run::<R>(isa, rows, y.get_mut(first * filters..last * filters).unwrap_or_default());
            first = last;
        }
    }

    /// Whether each window is one pixel, and adjacent windows are adjacent ones: then the picture is its own patches.
    fn is_pointwise(&self) -> bool {
        self.axes
            .iter()
            .all(|axis| axis.taps == 1 && axis.stride == 1 && axis.before == 0 && axis.output == axis.input)
    }

    /// Overwrites `patch` with the inputs of a window, by rows.
    fn gather(&self, x: &[i8], down: usize, right: usize, patch: &mut [i8]) {
        let [rows, cols] = &self.axes;
        let (channels, width) = (self.channels, cols.input * self.channels);
        let taps = cols.taps * channels;
        for (tap, patch) in patch.chunks_exact_mut(taps).enumerate() {
            let row = place(rows, down, tap).and_then(|at| x.get(at * width..(at + 1) * width));
            let Some(row) = row else {
                patch.fill(self.zero);
                continue;
            };
            if cols.dilation == 1 {
                // Taps before the picture, in it, after it.
                let start = right * cols.stride;
                let before = cols.before.saturating_sub(start).min(cols.taps);
                let from = (start + before).saturating_sub(cols.before).min(cols.input);
                let inside = (cols.taps - before).min(cols.input - from);
                let (left, rest) = patch.split_at_mut(before * channels);
                let (middle, beyond) = rest.split_at_mut(inside * channels);
                left.fill(self.zero);
                middle.copy_from_slice(
                    row.get(from * channels..(from + inside) * channels).unwrap_or_default(),
                );
                beyond.fill(self.zero);
            } else {
                for (tap, patch) in patch.chunks_exact_mut(channels).enumerate() {
                    match place(cols, right, tap).and_then(|at| row.get(at * channels..(at + 1) * channels)) {
                        Some(pixel) => patch.copy_from_slice(pixel),
                        None => patch.fill(self.zero),
                    }
                }
            }
        }
    }
}

/// The input where an output and a tap meet, if there is one.
pub(super) fn place(axis: &Axis, output: usize, tap: usize) -> Option<usize> {
    (output * axis.stride + tap * axis.dilation).checked_sub(axis.before).filter(|&at| at < axis.input)
}
