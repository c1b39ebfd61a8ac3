//! Products by sixteen outputs at a time, for instruction sets with vectors.
//!
//! ```text
//! for up to 64 rows:                            (the sum of each row's inputs, if weights are read with an offset)
//!     for up to 16 outputs:                     (their scales in steps, their last weights in words)
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

use super::Product;
use super::steps::{Long, Steps};
use crate::Zeroed;
use crate::kernel::int8::scale::{Clamp, Multiplier};

/// Outputs at a time.
pub(super) const LANES: usize = 16;
/// Inputs of a word.
pub(super) const WORD: usize = 4;
/// Bytes of a tile: a word of each of four outputs.
const TILE: usize = 16;
/// Rows of the largest strip.
const STRIP: usize = 16;
/// Rows at a time.
const ROWS: usize = 64;
/// Tiles at a time that are made of rows of weights.
const CHUNK: usize = 32;

/// Products of words, which are four bytes. The implementing type is a token: a value of it proves that the processor has
/// the instructions.
pub(super) trait Words: Copy {
    /// Sixteen sums of 32 bits.
    type Sums: Copy;
    /// A word of weights of each of sixteen outputs.
    type Weights: Copy;
    /// A word of inputs, for every output.
    type Inputs: Copy;
    /// Sixteen numbers of 64 bits.
    type Long: Long;

    /// What is added to each weight when it is read.
    const OFFSET: i32;
    /// Rows of the largest strip whose sums fit in the registers: 16 or 4.
    const STRIP: usize;

    /// Runs `rows` in a function compiled for this instruction set.
    fn call(self, rows: Rows<'_>);

    /// The sum of a row of inputs.
    #[inline(always)]
    fn total(self, x: &[i8]) -> i32 {
        x.iter().map(|&x| i32::from(x)).sum()
    }

    fn load(self, sums: &[i32; LANES]) -> Self::Sums;

    /// Overwrites `to`.
    fn store(self, sums: Self::Sums, to: &mut [i32; LANES]);

    /// # Safety
    /// A tile can be read at each.
    unsafe fn weights(self, tiles: [*const i8; 4]) -> Self::Weights;

    /// # Safety
    /// A word can be read at `x`.
    unsafe fn inputs(self, x: *const i8) -> Self::Inputs;

    /// `sums + w x`, wrapping.
    fn add(self, sums: Self::Sums, w: Self::Weights, x: Self::Inputs) -> Self::Sums;

    /// Adds the products of the first words of one row. Returns the sums, and how many words that was.
    ///
    /// # Safety
    /// `count` tiles can be read at each of `tiles`, and `count` words at `x`.
    #[inline(always)]
    unsafe fn row(
        self,
        sums: Self::Sums,
        _tiles: [*const i8; 4],
        _x: *const i8,
        _count: usize,
    ) -> (Self::Sums, usize) {
        (sums, 0)
    }

    /// The sums, widened.
    fn long(self, sums: &[i32; LANES]) -> Self::Long;

    /// Multipliers as they are in memory.
    fn scale(self, scale: &[Multiplier; LANES]) -> Self::Long;

    /// Overwrites `to` with [`Clamp::output`] of the first `count` numbers, which is at most 16.
    ///
    /// # Safety
    /// `count` bytes can be written at `to`.
    unsafe fn outputs(self, y: Self::Long, clamp: Clamp, to: *mut i8, count: usize);
}

/// A product of rows.
pub(super) struct Rows<'a> {
    product: &'a Product<'a>,
    twice: bool,
    rows: usize,
    xs: &'a [i8],
    ys: Outputs<'a>,
}

/// What a product overwrites.
pub(super) enum Outputs<'a> {
    /// Sums, scaled and clamped.
    Bytes(&'a mut [i8]),
    /// The sums themselves, without scales.
    Sums(&'a mut [i32]),
}

/// Where they go.
#[derive(Clone, Copy)]
enum To {
    Bytes(*mut i8),
    Sums(*mut i32),
}

impl Outputs<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(ys) => ys.len(),
            Self::Sums(ys) => ys.len(),
        }
    }

    /// From number `at` on.
    #[inline(always)]
    fn at(&mut self, at: usize) -> To {
        match self {
            Self::Bytes(ys) => To::Bytes(ys.as_mut_ptr().wrapping_add(at)),
            Self::Sums(ys) => To::Sums(ys.as_mut_ptr().wrapping_add(at)),
        }
    }
}

impl<'a> Rows<'a> {
    /// `twice` is whether sums are rounded as [`Double`](crate::int8::Double) does it.
    ///
    /// # Safety
    /// 1. `product` has `depth` weights for each bias, and as many scales as biases, if outputs are bytes.
    /// 2. `xs` is `rows` times `depth` inputs, and `ys` as many times outputs.
    /// 3. `depth` is at least a word.
    pub(super) unsafe fn new(
        product: &'a Product<'a>,
        twice: bool,
        rows: usize,
        xs: &'a [i8],
        ys: Outputs<'a>,
    ) -> Self {
        debug_assert!(product.depth >= WORD);
        debug_assert!(xs.len() == rows * product.depth && ys.len() == rows * product.bias.len());
        Self { product, twice, rows, xs, ys }
    }

    #[inline(always)]
    pub(super) fn run<W: Words>(self, words: W) {
        let Self { product, twice, xs, mut ys, .. } = self;
        let (depth, outputs) = (product.depth, product.bias.len());
        let mut space = Space { sums: [[0; LANES]; STRIP], chunk: [[0; 4]; CHUNK] };
        let mut offsets = [0; ROWS];
        let mut first = 0;
        while first < self.rows {
            let rows = ROWS.min(self.rows - first);
            let xs = xs.get(first * depth..).unwrap_or_default();
            if W::OFFSET != 0 {
                for (row, offset) in offsets.iter_mut().enumerate().take(rows) {
                    let x = xs.get(row * depth..).and_then(|x| x.get(..depth)).unwrap_or_default();
                    *offset = words.total(x).wrapping_mul(-W::OFFSET);
                }
            }
            let mut output = 0;
            while output < outputs {
                let block = Block::new(words, product, output, twice);
                let y = ys.at(first * outputs + output);
                // SAFETY: rows from `first` on are in `xs` and `ys`, which match the product, by `new`'s contract. The outputs
                // of a block are those from `output` on that the product has.
                unsafe { block.run(words, xs.as_ptr(), &offsets, &mut space, y, rows) };
                output += block.outputs;
            }
            first += rows;
        }
    }
}

/// What is written to and read again.
struct Space {
    /// Of a strip.
    sums: [[i32; LANES]; STRIP],
    /// Tiles made of rows of weights.
    chunk: [[u32; 4]; CHUNK],
}

/// Up to sixteen outputs: as many fours as there are in tiles, and the product's last ones in rows.
struct Block<'a, W: Words> {
    product: &'a Product<'a>,
    outputs: usize,
    /// From these outputs' first on.
    weight: &'a [i8],
    bias: [i32; LANES],
    steps: Steps<W::Long>,
    /// The last word of each output.
    last: [u32; LANES],
}

impl<'a, W: Words> Block<'a, W> {
    /// From `output` on.
    #[inline(always)]
    fn new(words: W, product: &'a Product<'a>, output: usize, twice: bool) -> Self {
        let weight = product.weight.get(output * product.depth..).unwrap_or_default();
        let bias = product.bias.get(output..).unwrap_or_default();
        let scale = product.scale.get(output..).unwrap_or_default();
        let outputs = bias.len().min(LANES);
        let scale = padded(scale, Multiplier::ZEROED);
        let scales_up = scale.iter().fold(false, |up, scale| up | (scale.exponent > 0));
        let steps = Steps::new(words.scale(&scale), scales_up, twice);
        let last = Self::last_words(weight, outputs, product.depth);
        Self { product, outputs, weight, bias: padded(bias, 0), steps, last }
    }

    /// The last weights of each output, if they are no word; before them are some that change nothing.
    #[inline(always)]
    fn last_words(weight: &[i8], outputs: usize, depth: usize) -> [u32; LANES] {
        let neutral = u32::from_ne_bytes([-W::OFFSET as u8; WORD]);
        let (mut words, rest) = ([neutral; LANES], depth % WORD);
        if rest > 0 {
            for (lane, word) in words.iter_mut().enumerate().take(outputs) {
                let start = match lane < outputs / 4 * 4 {
                    true => (lane / 4 + 1) * 4 * depth - (4 - lane % 4) * rest,
                    false => (lane + 1) * depth - rest,
                };
                for &w in weight.get(start..).unwrap_or_default().iter().take(rest) {
                    *word = *word >> 8 | u32::from(w as u8) << 24;
                }
            }
        }
        words
    }

    /// Overwrites these outputs of each row.
    ///
    /// # Safety
    /// 1. `weight` has `depth` weights of each of these outputs, and `depth` is at least a word.
    /// 2. At `x`, `rows` rows of `depth` inputs can be read, at most 64.
    /// 3. At `y`, these outputs can be written in each of so many rows, as far apart as the product has outputs.
    #[inline(always)]
    unsafe fn run(
        &self,
        words: W,
        x: *const i8,
        offsets: &[i32; ROWS],
        Space { sums, chunk }: &mut Space,
        y: To,
        rows: usize,
    ) {
        let Product { depth, clamp, bias, .. } = *self.product;
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
            for (sums, &offset) in sums.iter_mut().zip(offsets.iter().skip(row).take(size)) {
                *sums = self.bias.map(|bias| bias.wrapping_add(offset));
            }
            let mut done = 0;
            while done < depth.div_ceil(WORD) {
                let part = self.part(done, chunk);
                // SAFETY: `size` rows from `row` on are below `rows`. A part's words are in a row of inputs, and its tiles in
                // `weight`, `last` or `chunk`, by conditions 1 and 2.
                unsafe {
                    let x = x.add(row * depth + part.input);
                    match size {
                        16 if W::STRIP >= 16 => part.add::<W, 16>(words, x, depth, sums),
                        8 if W::STRIP >= 8 => part.add::<W, 8>(words, x, depth, sums),
                        4 => part.add::<W, 4>(words, x, depth, sums),
                        _ => part.add::<W, 1>(words, x, depth, sums),
                    }
                }
                done += part.count;
            }
            for (i, sums) in sums.iter().enumerate().take(size) {
                let at = (row + i) * bias.len();
                // SAFETY: row `row + i` is below `rows`: condition 3. A block has at most as many outputs as there are sums.
                unsafe {
                    match y {
                        To::Bytes(y) => {
                            words.outputs(
                                self.steps.scaled(words.long(sums)),
                                clamp,
                                y.add(at),
                                self.outputs,
                            );
                        }
                        To::Sums(y) => y.add(at).copy_from_nonoverlapping(sums.as_ptr(), self.outputs),
                    }
                }
            }
            row += size;
        }
    }

    /// Some words after the first `done`. Overwrites `chunk` if there are outputs in rows.
    #[inline(always)]
    fn part(&self, done: usize, chunk: &mut [[u32; 4]; CHUNK]) -> Part {
        let depth = self.product.depth;
        let (whole, in_tiles) = (depth / WORD, self.outputs / 4 * 4);
        let mut tiles = [self.last.as_ptr().cast::<i8>(); 4];
        if done == whole {
            for (group, tile) in tiles.iter_mut().enumerate() {
                *tile = tile.wrapping_add(group * TILE);
            }
            return Part { tiles, count: 1, input: depth - WORD };
        }
        for (group, tile) in tiles.iter_mut().enumerate() {
            let four = (4 * group).min(in_tiles.saturating_sub(4));
            *tile = self.weight.as_ptr().wrapping_add(four * depth + done * TILE);
        }
        if in_tiles == self.outputs {
            return Part { tiles, count: whole, input: 0 };
        }
        for lane in in_tiles..self.outputs {
            let row = self.weight.get(lane * depth + done * WORD..).unwrap_or_default();
            for (tile, word) in chunk.iter_mut().zip(row.as_chunks::<WORD>().0) {
                tile[lane % 4] = u32::from_ne_bytes(word.map(|w| w as u8));
            }
        }
        for tile in tiles.iter_mut().skip(in_tiles / 4) {
            *tile = chunk.as_ptr().cast();
        }
        Part { tiles, count: CHUNK.min(whole - done), input: done * WORD }
    }
}

/// Words of sixteen outputs: tiles side by side, `count` of each four.
struct Part {
    tiles: [*const i8; 4],
    count: usize,
    /// Their first input.
    input: usize,
}

impl Part {
    /// Adds the products with `P` rows of inputs, `stride` bytes apart, to `to`.
    ///
    /// # Safety
    /// 1. `count` tiles can be read at each of `tiles`.
    /// 2. `count` words can be read at `x`, and at each of the `P - 1` next rows.
    #[inline(always)]
    unsafe fn add<W: Words, const P: usize>(
        &self,
        words: W,
        x: *const i8,
        stride: usize,
        to: &mut [[i32; LANES]; STRIP],
    ) {
        let Self { tiles, count, .. } = *self;
        let [a, b, c, d] = tiles;
        let mut sums = [words.load(&to[0]); P];
        for p in 1..P {
            sums[p] = words.load(&to[p]);
        }
        let mut word = 0;
        if P == 1 {
            // SAFETY: both conditions.
            (sums[0], word) = unsafe { words.row(sums[0], tiles, x, count) };
        }
        while word < count {
            // SAFETY: `word` is below `count`, and `p` below `P`: so the tiles can be read by condition 1, the word by 2.
            unsafe {
                let at = word * TILE;
                let w = words.weights([a.add(at), b.add(at), c.add(at), d.add(at)]);
                for p in 0..P {
                    sums[p] = words.add(sums[p], w, words.inputs(x.add(p * stride + word * WORD)));
                }
            }
            word += 1;
        }
        for p in 0..P {
            words.store(sums[p], &mut to[p]);
        }
    }
}

/// The first sixteen; or all, and then `none`.
#[inline(always)]
fn padded<T: Copy>(values: &[T], none: T) -> [T; LANES] {
    let mut all = [none; LANES];
    if let Some(values) = values.first_chunk() {
        return *values;
    }
    for (to, &value) in all.iter_mut().zip(values) {
        *to = value;
    }
    all
}
