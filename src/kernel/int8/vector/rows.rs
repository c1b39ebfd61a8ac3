//! Products by sixteen outputs at a time, for instruction sets with vectors.
//!
//! ```text
//! for up to 64 rows:                            (the sum of each row's inputs, if weights are read with an offset)
//!     for up to 16 outputs:                     (their scales in vectors, their last weights in words)
//!         for a strip of 16, 8, 4 or 1 rows:
//!             sums[row] = bias
//!             for four inputs at a time:        (the only loop that counts)
//!                 w = four tiles: four weights of each output
//!                 for each row:  sums[row] += w times the row's four inputs
//!             ys[row] = sums[row], scaled and clamped
//! ```
//!
//! A lane is an output and a tile a quarter of a vector: so weights are read where they are, an input is a broadcast, and no
//! sum is taken along a vector. What does not fill a vector or a strip:
//!
//! - *Less than sixteen outputs*: the last tile stands for those that are not there; nothing of it is stored.
//! - *The last `outputs % 4` outputs*, which are in rows, are put into tiles, 32 words at a time.
//! - *The last `depth % 4` inputs*: the word is the row's last four inputs; weights of those that were counted are neutral.
//! - *Rows*: the last ones are computed together with some before them once more, to the same bytes.

use super::tiles::{CHUNK, Part, TILE, Tiles, last_words};
use super::words::{Scales, Words, Work, padded};
use crate::kernel::int8::product::{Inputs, Product};
use crate::kernel::int8::scale::Multiplier;

/// Outputs at a time.
pub(super) const LANES: usize = 16;
/// Inputs of a word.
pub(super) const WORD: usize = 4;
/// Rows at a time.
const ROWS: usize = 64;
/// The multiplier of lanes that are not stored, which any rounding takes.
pub(super) const NONE: Multiplier = Multiplier { mantissa: 0, exponent: -1 };

/// A product of rows.
pub(super) struct Rows<'a> {
    product: &'a Product<'a>,
    inputs: Inputs,
    twice: bool,
    rows: usize,
    xs: *const i8,
    ys: *mut i8,
}

impl<'a> Rows<'a> {
    /// `twice` is whether sums are rounded as [`Double`](crate::int8::Double) does it.
    ///
    /// # Safety
    /// 1. `product` has as many biases as scales, and for each of them `depth` weights.
    /// 2. `inputs` of `rows` rows can be read at `xs`, and as many rows of outputs be written at `ys`.
    /// 3. `depth` is at least a word, and stretches are whole words if there are several.
    pub(super) unsafe fn new(
        product: &'a Product<'a>,
        twice: bool,
        rows: usize,
        inputs: Inputs,
        xs: *const i8,
        ys: *mut i8,
    ) -> Self {
        debug_assert!(product.depth >= WORD && inputs.count * inputs.len == product.depth);
        debug_assert!(inputs.count == 1 || inputs.len.is_multiple_of(WORD));
        Self { product, inputs, twice, rows, xs, ys }
    }
}

impl Work for Rows<'_> {
    #[inline(always)]
    fn run<W: Words>(self, words: W) {
        let Self { product, inputs, twice, .. } = self;
        let outputs = product.bias.len();
        let mut space = Space {
            bias: [0; LANES],
            scale: [NONE; LANES],
            last: [u32::from_ne_bytes([-W::OFFSET as u8; WORD]); LANES],
            chunk: [[0; 4]; CHUNK],
        };
        let mut offsets = [0; ROWS];
        let mut first = 0;
        while first < self.rows {
            let rows = ROWS.min(self.rows - first);
            let x = self.xs.wrapping_add(first * inputs.step);
            if const { W::OFFSET != 0 } {
                // SAFETY: these rows can be read, by condition 2 of `new`.
                unsafe { offsets_of(words, x, rows, inputs, &mut offsets) };
            }
            let mut output = 0;
            while output < outputs {
                let weight = product.weight.get(output * product.depth..).unwrap_or_default();
                let bias = product.bias.get(output..).unwrap_or_default();
                let scale = product.scale.get(output..).unwrap_or_default();
                let Space { bias: some, scale: scales, last, chunk } = &mut space;
                let count = bias.len().min(LANES);
                last_words(weight, count, product.depth, last);
                let block = Block {
                    product,
                    inputs,
                    tiles: Tiles { depth: product.depth, outputs: count, weight, last },
                    bias: words.load(padded(bias, 0, some)),
                    scales: Scales::new(words, padded(scale, NONE, scales), twice),
                };
                let y = self.ys.wrapping_add(first * outputs + output);
                // SAFETY: rows from `first` on can be read and written, and the product's weights match, by `new`'s contract. The
                // outputs of a block are those from `output` on that the product has.
                unsafe {
                    if rows == 1 && count == LANES && inputs.count == 1 {
                        block.one(words, x, offsets[0], y);
                    } else {
                        block.run(words, x, &offsets, chunk, y, rows);
                    }
                }
                output += count;
            }
            first += rows;
        }
    }
}

/// Overwrites the first `rows` offsets with what is to be added to the sums of each row.
///
/// # Safety
/// `inputs` of so many rows, at most 64, can be read at `x`.
#[inline(always)]
unsafe fn offsets_of<W: Words>(
    words: W,
    x: *const i8,
    rows: usize,
    Inputs { step, len, count, apart }: Inputs,
    offsets: &mut [i32; ROWS],
) {
    let mut row = 0;
    while row < rows {
        let x = |i: usize| x.wrapping_add((row + i) * step);
        // SAFETY: rows below `rows` can be read.
        unsafe {
            if let Some(offsets) = offsets.get_mut(row..row + 4).filter(|_| row + 4 <= rows) {
                let totals = words.totals([x(0), x(1), x(2), x(3)], [len, count, apart]);
                offsets.copy_from_slice(&totals.map(|total| total.wrapping_mul(-W::OFFSET)));
                row += 4;
            } else {
                let [total] = words.totals([x(0)], [len, count, apart]);
                offsets[row % ROWS] = total.wrapping_mul(-W::OFFSET);
                row += 1;
            }
        }
    }
}

/// What is written to and read again.
struct Space {
    /// Of less than sixteen outputs.
    bias: [i32; LANES],
    scale: [Multiplier; LANES],
    /// The last word of each output.
    last: [u32; LANES],
    /// Tiles made of rows of weights.
    chunk: [[u32; 4]; CHUNK],
}

/// Up to sixteen outputs: as many fours as there are in tiles, and the product's last ones in rows.
struct Block<'a, W: Words> {
    product: &'a Product<'a>,
    inputs: Inputs,
    tiles: Tiles<'a>,
    bias: W::Sums,
    scales: Scales<'a, W>,
}

impl<W: Words> Block<'_, W> {
    /// Overwrites these outputs of each row.
    ///
    /// # Safety
    /// 1. `tiles` has `depth` weights of each of these outputs, and `depth` is at least a word.
    /// 2. At `x`, `inputs` of `rows` rows can be read, at most 64.
    /// 3. At `y`, these outputs can be written in each of so many rows, as far apart as the product has outputs.
    #[inline(always)]
    unsafe fn run(
        &self,
        words: W,
        x: *const i8,
        offsets: &[i32; ROWS],
        chunk: &mut [[u32; 4]; CHUNK],
        y: *mut i8,
        rows: usize,
    ) {
        let mut row = 0;
        while row < rows {
            let size = match rows - row {
                9.. if rows >= 16 && W::STRIP >= 16 => 16,
                5.. if rows >= 8 && W::STRIP >= 8 => 8,
                2.. if rows >= 4 => 4,
                _ => 1,
            };
            // At most `rows - size`, as `size` is at most `rows`.
            row = row.min(rows - size);
            // SAFETY: `size` rows from `row` on are below `rows`: all three conditions.
            unsafe {
                let (x, y) = (x.add(row * self.inputs.step), y.add(row * self.product.bias.len()));
                let offsets = offsets.get_unchecked(row..);
                // Constants: what is never called is not compiled.
                if const { W::STRIP >= 16 } && size == 16 {
                    self.strip::<16>(words, x, offsets, chunk, y);
                } else if const { W::STRIP >= 8 } && size == 8 {
                    self.strip::<8>(words, x, offsets, chunk, y);
                } else if size == 4 {
                    self.strip::<4>(words, x, offsets, chunk, y);
                } else {
                    self.strip::<1>(words, x, offsets, chunk, y);
                }
            }
            row += size;
        }
    }

    /// Overwrites sixteen outputs of one row of one stretch: `run` without what it takes to choose.
    ///
    /// # Safety
    /// As of `run`.
    #[inline(always)]
    unsafe fn one(&self, words: W, x: *const i8, offset: i32, y: *mut i8) {
        let depth = self.product.depth;
        let (weight, last) = (self.tiles.weight.as_ptr(), self.tiles.last.as_ptr().cast::<i8>());
        let mut sums = [words.plus(self.bias, offset)];
        // SAFETY: sixteen outputs have four times `depth / 4` tiles, and as many last words. Condition 2, and 3.
        unsafe {
            let tiles = [0, 1, 2, 3].map(|four| weight.add(four * 4 * depth));
            Part { tiles, count: depth / WORD, is_last: false }.add(words, x, 0, &mut sums);
            if !depth.is_multiple_of(WORD) {
                let tiles = [0, 1, 2, 3].map(|four: usize| last.wrapping_add(four * TILE));
                Part { tiles, count: 1, is_last: true }.add(words, x.add(depth - WORD), 0, &mut sums);
            }
            let [halves] = self.scales.halves(words, sums);
            words.output(halves, self.product.clamp, y, LANES);
        }
    }

    /// Overwrites these outputs of `P` rows.
    ///
    /// # Safety
    /// As of `run`, for `P` rows; `offsets` has one of each.
    #[inline(always)]
    unsafe fn strip<const P: usize>(
        &self,
        words: W,
        x: *const i8,
        offsets: &[i32],
        chunk: &mut [[u32; 4]; CHUNK],
        y: *mut i8,
    ) {
        let Inputs { step, len, apart, .. } = self.inputs;
        let mut sums = [self.bias; P];
        if const { W::OFFSET != 0 } {
            for p in 0..P {
                // SAFETY: there is an offset of each row.
                sums[p] = words.plus(self.bias, unsafe { *offsets.get_unchecked(p) });
            }
        }
        let (all, of_stretch) = (self.product.depth.div_ceil(WORD), len.div_ceil(WORD));
        let (mut done, mut stretch) = (0, x);
        while done < all {
            let (mut left, mut x) = (of_stretch, stretch);
            while left > 0 {
                let mut part = self.tiles.part(done, chunk);
                part.count = part.count.min(left);
                // SAFETY: a part's words are in a stretch, and its tiles in `weight`, `last` or `chunk`, by conditions 1 and 2.
                // The last one, if it is no word, ends with the row.
                unsafe {
                    // The last word of a row that is no whole words begins in the one before.
                    let back = WORD - self.product.depth % WORD;
                    let at = if part.is_last { x.wrapping_sub(back) } else { x };
                    part.add(words, at, step, &mut sums);
                }
                (done, left, x) = (done + part.count, left - part.count, x.wrapping_add(part.count * WORD));
            }
            stretch = stretch.wrapping_add(apart);
        }
        // SAFETY: condition 3.
        unsafe {
            if const { P < 4 } {
                let [halves] = self.scales.halves(words, [sums[0]]);
                words.output(halves, self.product.clamp, y, self.tiles.outputs);
            }
            if const { P >= 4 } {
                self.four(words, &sums, 0, y);
            }
            if const { P >= 8 } {
                self.four(words, &sums, 4, y);
            }
            if const { P >= 16 } {
                self.four(words, &sums, 8, y);
                self.four(words, &sums, 12, y);
            }
        }
    }

    /// Overwrites these outputs of rows `p` to `p + 3`.
    ///
    /// # Safety
    /// At `y`, these outputs can be written in each of these rows.
    #[inline(always)]
    unsafe fn four<const P: usize>(&self, words: W, sums: &[W::Sums; P], p: usize, y: *mut i8) {
        let outputs = self.product.bias.len();
        let halves = self.scales.halves(words, [sums[p], sums[p + 1], sums[p + 2], sums[p + 3]]);
        // SAFETY: this function's contract.
        unsafe {
            let y = y.add(p * outputs);
            if self.tiles.outputs == LANES {
                return words.outputs(halves, self.product.clamp, y, outputs);
            }
            for i in 0..4 {
                words.output(halves[i], self.product.clamp, y.add(i * outputs), self.tiles.outputs);
            }
        }
    }
}
