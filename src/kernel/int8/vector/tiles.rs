//! Weights of up to sixteen outputs, as words: where their tiles are, and those that are made of weights in rows.

use super::rows::{LANES, WORD};
use super::words::Words;

/// Bytes of a tile: a word of each of four outputs.
pub(super) const TILE: usize = 16;
/// Tiles at a time that are made of rows of weights.
pub(super) const CHUNK: usize = 32;

/// Overwrites the ends of `words` with the last weights of each output, if they are no word; what is before them changes nothing.
#[inline(always)]
pub(super) fn last_words(weight: &[i8], outputs: usize, depth: usize, words: &mut [u32; LANES]) {
    let rest = depth % WORD;
    if rest > 0 {
        for (lane, word) in words.iter_mut().enumerate().take(outputs) {
            let start = match lane < outputs / 4 * 4 {
                true => (lane / 4 + 1) * 4 * depth - (4 - lane % 4) * rest,
                false => (lane + 1) * depth - rest,
            };
            let mut bytes = word.to_le_bytes();
            let weights = weight.get(start..start + rest).unwrap_or_default();
            for (byte, &w) in bytes.iter_mut().skip(WORD - rest).zip(weights) {
                *byte = w as u8;
            }
            *word = u32::from_le_bytes(bytes);
        }
    }
}

/// Weights of up to sixteen outputs.
pub(super) struct Tiles<'a> {
    pub(super) depth: usize,
    pub(super) outputs: usize,
    /// From these outputs' first on.
    pub(super) weight: &'a [i8],
    /// The last word of each output.
    pub(super) last: &'a [u32; LANES],
}

impl Tiles<'_> {
    /// Some words after the first `done`. Overwrites `chunk` if there are outputs in rows.
    #[inline(always)]
    pub(super) fn part(&self, done: usize, chunk: &mut [[u32; 4]; CHUNK]) -> Part {
        let depth = self.depth;
        let (whole, in_tiles) = (depth / WORD, self.outputs / 4 * 4);
        let mut tiles = [self.last.as_ptr().cast::<i8>(); 4];
        if done == whole {
            for (group, tile) in tiles.iter_mut().enumerate() {
                *tile = tile.wrapping_add(group * TILE);
            }
            return Part { tiles, count: 1, is_last: true };
        }
        for (group, tile) in tiles.iter_mut().enumerate() {
            let four = (4 * group).min(in_tiles.saturating_sub(4));
            *tile = self.weight.as_ptr().wrapping_add(four * depth + done * TILE);
        }
        if in_tiles == self.outputs {
            return Part { tiles, count: whole - done, is_last: false };
        }
        for lane in in_tiles..self.outputs {
            let row = self.weight.get(lane * depth + done * WORD..).unwrap_or_default();
            for (tile, &[a, b, c, d]) in chunk.iter_mut().zip(row.as_chunks::<WORD>().0) {
                tile[lane % 4] = u32::from_ne_bytes([a as u8, b as u8, c as u8, d as u8]);
            }
        }
        for tile in tiles.iter_mut().skip(in_tiles / 4) {
            *tile = chunk.as_ptr().cast();
        }
        Part { tiles, count: CHUNK.min(whole - done), is_last: false }
    }
}

/// Words of sixteen outputs: tiles side by side, `count` of each four.
pub(super) struct Part {
    pub(super) tiles: [*const i8; 4],
    pub(super) count: usize,
    /// Whether it is the last inputs, which are no word.
    pub(super) is_last: bool,
}

impl Part {
    /// Adds the products with `P` rows of inputs, `step` bytes apart.
    ///
    /// # Safety
    /// 1. `count` tiles can be read at each of `tiles`.
    /// 2. `count` words can be read at `x`, and at each of the `P - 1` next rows.
    #[inline(always)]
    pub(super) unsafe fn add<W: Words, const P: usize>(
        &self,
        words: W,
        x: *const i8,
        step: usize,
        sums: &mut [W::Sums; P],
    ) {
        let Self { tiles, count, .. } = *self;
        let [a, b, c, d] = tiles;
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
                    sums[p] = words.add(sums[p], w, words.inputs(x.add(p * step + word * WORD)));
                }
            }
            word += 1;
        }
    }
}
