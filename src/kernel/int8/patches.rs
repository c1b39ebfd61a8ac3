//! Convolutions: the inputs of a window are a row of a product.
//!
//! Windows are copied, so that their inputs are side by side. With vectors, rows of the picture are (`stretches`).

#[cfg(fusebox_dsp)]
use super::product::Triples;
use super::{Product, Rounding};
use crate::Isa;
use crate::kernel::axis::Axis;
use crate::kernel::rows_mut;

/// Where the windows of a picture are.
#[derive(Clone, Copy)]
pub(crate) struct Patches {
    /// Down, and to the right.
    pub axes: [Axis; 2],
    /// Bytes in a pixel of the input.
    pub channels: usize,
    /// What stands for 0 in the input: in the padding.
    pub zero: i8,
}

/// A convolution of pictures.
pub(crate) struct Convolution<'a> {
    pub patches: Patches,
    /// Of a window with the filters.
    pub product: Product<'a>,
}

impl Convolution<'_> {
    /// Overwrites `y`, one picture. `patches` is memory for some windows, at least one.
    pub(crate) fn run<R: Rounding>(&self, isa: Isa, x: &[i8], patches: &mut [i8], y: &mut [i8]) {
        let Patches { axes: [rows, cols], channels, .. } = &self.patches;
        let depth = self.product.depth;
        let outputs = rows.output * cols.output;
        if x.len() != rows.input * cols.input * channels || depth != rows.taps * cols.taps * channels {
            return;
        }
        if self.patches.is_pointwise() {
            return self.product.run_in::<R>(isa, x, patches, y);
        }
        #[cfg(fusebox_dsp)]
        if self.run_in_threes::<R>(isa, x, patches, y) {
            return;
        }
        #[cfg(fusebox_vectors_of_bytes)]
        if self.run_stretches::<R>(isa, x, patches, y) {
            return;
        }
        let at_once = patches.len().checked_div(depth).unwrap_or(0);
        let filters = self.product.bias.len();
        let (mut first, mut place) = (0, [0; 2]);
        while at_once > 0 && first < outputs {
            let last = outputs.min(first + at_once);
            for (_, patch) in (first..last).zip(rows_mut(patches, depth)) {
                self.patches.gather(x, place, patch);
                let [down, right] = &mut place;
                *right += 1;
                if *right == cols.output {
                    (*down, *right) = (*down + 1, 0);
                }
            }
            let rows = patches.get(..(last - first) * depth).unwrap_or_default();
            self.product.run::<R>(isa, rows, y.get_mut(first * filters..last * filters).unwrap_or_default());
            first = last;
        }
    }

    /// [`Convolution::run`], three windows at a time, in memory for seven. Returns false, and has done nothing, if filters are no groups
    /// of four, or an address is no word's.
    #[cfg(fusebox_dsp)]
    fn run_in_threes<R: Rounding>(&self, isa: Isa, x: &[i8], memory: &mut [i8], y: &mut [i8]) -> bool {
        let (product, [_, cols]) = (&self.product, &self.patches.axes);
        let (depth, filters) = (product.depth, product.bias.len());
        let (words, patch) = memory.split_at_mut_checked(Triples::bytes(depth)).unwrap_or_default();
        let (Some(patch), Some(mut triples)) = (patch.get_mut(..depth), Triples::new(product, words)) else {
            return false;
        };
        if !filters.is_multiple_of(4) {
            return false;
        }
        let (mut place, mut ys) = ([0; 2], y);
        while !ys.is_empty() {
            let three = ys.split_off_mut(..3 * filters);
            let rows = if three.is_some() { 3 } else { 1 };
            let y = three.or_else(|| ys.split_off_mut(..filters)).unwrap_or_default();
            for row in 0..rows {
                self.patches.gather(x, place, patch);
                triples.fill(row, patch);
                let [down, right] = &mut place;
                *right += 1;
                if *right == cols.output {
                    (*down, *right) = (*down + 1, 0);
                }
            }
            match rows {
                3 => triples.run::<R>(product, y),
                _ => product.run::<R>(isa, patch, y),
            }
            if y.is_empty() {
                return true;
            }
        }
        true
    }
}

impl Patches {
    /// Of `pixels` from position `start` of a padded row on: how many lie before the picture, the first one in it, how many lie in it.
    pub(super) fn span(&self, start: usize, pixels: usize) -> [usize; 3] {
        let cols = &self.axes[1];
        let before = cols.before.saturating_sub(start).min(pixels);
        let from = (start + before).saturating_sub(cols.before).min(cols.input);
        [before, from, (pixels - before).min(cols.input - from)]
    }

    /// Overwrites `stretch` with pixels of a row of the picture side by side, those of a `span`.
    #[inline(always)]
    pub(super) fn stretch(
        &self,
        x: &[i8],
        row: Option<usize>,
        [before, from, inside]: [usize; 3],
        mut stretch: &mut [i8],
    ) {
        let (channels, width) = (self.channels, self.axes[1].input * self.channels);
        let start = row.map_or(0, |row| row * width) + from * channels;
        let (before, inside) = (before * channels, inside * channels);
        match x.get(start..start + inside).filter(|_| row.is_some()) {
            Some(inputs) if inside == stretch.len() => copy(inputs, stretch),
            Some(inputs) => {
                stretch.split_off_mut(..before).unwrap_or_default().fill(self.zero);
                copy(inputs, stretch.split_off_mut(..inside).unwrap_or_default());
                stretch.fill(self.zero);
            }
            None => stretch.fill(self.zero),
        }
    }

    /// Whether each window is one pixel, and adjacent windows are adjacent ones: then the picture is its own patches.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.axes
            .iter()
            .all(|axis| axis.taps == 1 && axis.stride == 1 && axis.before == 0 && axis.output == axis.input)
    }

    /// Overwrites `patch` with the inputs of the window of an output, by rows.
    pub(crate) fn gather(&self, x: &[i8], [down, right]: [usize; 2], patch: &mut [i8]) {
        let [rows, cols] = &self.axes;
        let (channels, width) = (self.channels, cols.input * self.channels);
        let span = self.span(right * cols.stride, cols.taps);
        for (tap, patch) in rows_mut(patch, cols.taps * channels).enumerate() {
            let row = place(rows, down, tap);
            if cols.dilation == 1 {
                self.stretch(x, row, span, patch);
                continue;
            }
            let row = row.and_then(|at| x.get(at * width..(at + 1) * width));
            for (tap, patch) in rows_mut(patch, channels).enumerate() {
                let at = row.zip(place(cols, right, tap));
                match at.and_then(|(row, at)| row.get(at * channels..(at + 1) * channels)) {
                    Some(pixel) => copy(pixel, patch),
                    None => patch.fill(self.zero),
                }
            }
        }
    }
}

/// Overwrites `to` with `from`, if it is as long.
#[inline(always)]
pub(crate) fn copy(from: &[i8], to: &mut [i8]) {
    if from.len() != to.len() || (crate::simd::VECTORS && copy_few(from, to)) {
        return;
    }
    #[cfg(fusebox_core = "m55")]
    if !to.is_empty() {
        // SAFETY: this processor has the instructions. Both slices have `count` bytes, at least one: the loop's last turn has only
        // the lanes of those that are left.
        unsafe {
            core::arch::asm!(
                ".arch armv8.1-m.main",
                ".arch_extension mve.fp",
                "dlstp.8 lr, {count}",
                "2:",
                "vldrb.u8 q0, [{from}], #16",
                "vstrb.8 q0, [{to}], #16",
                "letp lr, 2b",
                count = in(reg) to.len(),
                from = inout(reg) from.as_ptr() => _,
                to = inout(reg) to.as_mut_ptr() => _,
                out("lr") _,
                out("d0") _,
                out("d1") _,
                options(nostack),
            );
        }
    }
    #[cfg(not(fusebox_core = "m55"))]
    to.copy_from_slice(from);
}

/// Overwrites `to` with `from`, which is as long, if that is 4 to 32 bytes: with two words, which may overlap, instead of a call.
#[inline(always)]
fn copy_few(from: &[i8], to: &mut [i8]) -> bool {
    match from.len() {
        4..8 => copy_ends::<4>(from, to),
        8..16 => copy_ends::<8>(from, to),
        16..=32 => copy_ends::<16>(from, to),
        _ => false,
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(from: &[i8], to: &mut [i8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else { return false };
    if let Some(to) = to.first_chunk_mut() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut() {
        *to = *last;
    }
    true
}

/// The input where an output and a tap meet, if there is one.
pub(crate) fn place(axis: &Axis, output: usize, tap: usize) -> Option<usize> {
    (output * axis.stride + tap * axis.dilation).checked_sub(axis.before).filter(|&at| at < axis.input)
}
