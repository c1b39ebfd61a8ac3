//! Convolutions on vectors: rows of the picture are copied, not windows, with what stands for 0 around them. There the taps of one
//! row of a window are side by side already, so a window is as many stretches as it has rows, and neighbours share inputs.
//!
//! ```text
//! for as many columns of outputs as there is space for the rows of:
//!     for each row of outputs:
//!         unless its windows' rows are copied:   copy these and as many of the next ones as there is space for
//!         a product: window i is `taps` stretches, from i strides on, a row apart
//! ```
//!
//! A row of outputs without a tap in the padding reads the picture itself. A stretch that is no whole words, such as that of three
//! colours by three taps, is read to the end of a word, times weights of 0.

use super::patches::Convolution;
use super::{Inputs, Product, Rounding, order};
use crate::Isa;
use crate::kernel::rows_mut;

/// Below, a stretch is too short for what it costs.
const LEAST: usize = 8;

/// Copies of weights on the stack.
const PADDED: usize = 2048;

/// Inputs that vectors multiply at a time.
const WORD: usize = 4;

impl Convolution<'_> {
    /// [`Convolution::run`] by rows of the picture, which `space` is for. Returns false if there is no way to do it, and then `y` is to
    /// be overwritten.
    pub(super) fn run_stretches<R: Rounding>(
        &self,
        isa: Isa,
        x: &[i8],
        space: &mut [i8],
        y: &mut [i8],
    ) -> bool {
        let [rows, cols] = &self.patches.axes;
        let len = cols.taps * self.patches.channels;
        if cols.dilation != 1 || len < LEAST || rows.taps * rows.output * cols.output == 0 {
            return false;
        }
        match len.is_multiple_of(WORD) {
            true => self.by_stretches::<R>(isa, &self.product, x, space, y),
            false => self.by_padded_stretches::<R>(isa, rows.taps, len, x, space, y),
        }
    }

    /// The same for stretches that are no whole words. They are read to the end of the word, which is multiplied by weights of zero:
    /// copies of filters, if they are few.
    #[inline(never)] // For its memory on the stack.
    fn by_padded_stretches<R: Rounding>(
        &self,
        isa: Isa,
        count: usize,
        len: usize,
        x: &[i8],
        space: &mut [i8],
        y: &mut [i8],
    ) -> bool {
        let (filters, depth) = (self.product.bias.len(), self.product.depth);
        let (padded, mut weight) = (len.next_multiple_of(WORD), [0; PADDED]);
        let Some(weight) = weight.get_mut(..filters * count * padded) else { return false };
        if !filters.is_multiple_of(4) {
            return false;
        }
        for input in 0..depth {
            let to = input / len * padded + input % len;
            // Filters of four are as far apart in a tile or a remainder, and fours are as far apart as they have weights.
            let place = |depth, output, input| order::place(filters, depth, output, input);
            let (first, second) = (place(depth, 0, input), place(depth, 1, input));
            let at = place(count * padded, 0, to);
            for four in 0..filters / 4 {
                for within in 0..4 {
                    let from = four * 4 * depth + first + within * (second - first);
                    let to = four * 4 * count * padded + at + within * WORD;
                    if let (Some(&from), Some(to)) = (self.product.weight.get(from), weight.get_mut(to)) {
                        *to = from;
                    }
                }
            }
        }
        let product = Product { depth: count * padded, weight, ..self.product };
        self.by_stretches::<R>(isa, &product, x, space, y)
    }

    /// The same, of a product whose `depth` is that of stretches of whole words.
    fn by_stretches<R: Rounding>(
        &self,
        isa: Isa,
        product: &Product<'_>,
        x: &[i8],
        space: &mut [i8],
        y: &mut [i8],
    ) -> bool {
        let [rows, cols] = &self.patches.axes;
        let (channels, filters) = (self.patches.channels, product.bias.len());
        let (step, width) = (cols.stride * channels, cols.input * channels);
        let len = product.depth.checked_div(rows.taps).unwrap_or(0);
        // Bytes of the last word that are no inputs; rows from a window's first tap to its last.
        let (beyond, tall) = (len - cols.taps * channels, (rows.taps - 1) * rows.dilation + 1);
        // Columns that there is space for, and outputs.
        let bytes = space.len().saturating_sub(beyond);
        let room = bytes.checked_div(tall * channels).unwrap_or(0);
        let Some(at_once) = room.checked_sub(cols.taps).map(|more| more / cols.stride.max(1) + 1) else {
            return false;
        };
        let is_padded = cols.before > 0 || (cols.output - 1) * cols.stride + cols.taps > cols.input;
        let mut right = 0;
        while right < cols.output {
            let outputs = at_once.min(cols.output - right);
            let pixels = (outputs - 1) * cols.stride + cols.taps;
            let (span, copied) = (self.patches.span(right * cols.stride, pixels), pixels * channels);
            // Which rows are in `space`, counted with the padding above.
            let mut held = 0..0;
            for down in 0..rows.output {
                let start = (down * cols.output + right) * filters;
                let y = y.get_mut(start..start + outputs * filters).unwrap_or_default();
                let first = down * rows.stride;
                let is_inside = first >= rows.before && first + tall <= rows.before + rows.input;
                let (xs, apart) = if is_inside && !is_padded && beyond == 0 {
                    // No tap is in the padding: inputs are read where they are.
                    (x.get((first - rows.before) * width + right * step..), width)
                } else {
                    if first + tall > held.end {
                        // As many as there is space for, so that most are copied once.
                        let end = (rows.output - 1) * rows.stride + tall;
                        let most = bytes.checked_div(copied).unwrap_or(0).min(end - first);
                        held = first..first + most;
                        for (row, stretch) in held.clone().zip(rows_mut(space, copied)) {
                            let row = row.checked_sub(rows.before).filter(|&row| row < rows.input);
                            self.patches.stretch(x, row, span, stretch);
                        }
                    }
                    (space.get((first - held.start) * copied..), copied)
                };
                let inputs = Inputs { step, len, count: rows.taps, apart: rows.dilation * apart };
                if !product.run_stretches::<R>(isa, xs.unwrap_or_default(), inputs, y) {
                    return false;
                }
            }
            right += outputs;
        }
        true
    }
}
