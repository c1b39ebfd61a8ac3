//! Outputs from queries, keys and values.

use super::products::{Rows, Shape, add_product, rows_by_rows};
use super::rows::{Divide, Scores, Weigh};
use super::sizes::{Frames, Sizes, Visible};
use super::{KEYS, Softmax, TILE};
use crate::Isa;
use crate::kernel::elementwise::are_zeros;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Overwrites the outputs of strips of [`STRIP`](super::STRIP) queries, numbered through the batch, each sample's last one in part; and
/// `softmax`, with a number for each head of each query, unless it is empty. If a length does not match `sizes`, writes nothing.
#[inline(never)]
pub(crate) fn forward(
    isa: Isa,
    sizes: &Sizes,
    strips: Range<usize>,
    xs: &[f32],
    softmax: &mut [Softmax],
    ys: &mut [f32],
) {
    let Sizes { queries, heads, head, sample, .. } = *sizes;
    let samples = ys.len().checked_div(sizes.outputs()).unwrap_or(0);
    let fits = sizes.are_sound()
        && ys.len() == samples * sizes.outputs()
        && xs.len() == samples * sample
        && (softmax.is_empty() || softmax.len() == samples * queries * heads)
        && strips.end <= samples * sizes.strips();
    if !fits {
        return;
    }
    let (xs, softmax_at, ys) = (xs.as_ptr(), softmax.as_mut_ptr(), ys.as_mut_ptr());
    // SAFETY: the lengths have been checked; a group of heads of a sample writes its own numbers only.
    unsafe {
        sizes.in_parts(&strips, 2, |of, rows, heads| {
            let y = Rows { at: ys.wrapping_add(of * sizes.outputs()), stride: sizes.heads * head };
            let softmax = match softmax.is_empty() {
                true => None,
                false => Some(softmax_at.wrapping_add(of * queries * sizes.heads)),
            };
            Sample { isa, sizes, x: xs.wrapping_add(of * sample) }.attend(rows, heads, softmax, y);
        });
    }
}

/// Overwrites `y` with the outputs of one query, at `position`, which sees keys as in a sequence. The sample's queries are
/// one frame, that of this query; its keys and values are all frames. If a length does not match, writes nothing.
#[inline(never)]
pub(crate) fn forward_one(isa: Isa, sizes: &Sizes, position: usize, x: &[f32], y: &mut [f32]) {
    let width = sizes.heads * sizes.head;
    if sizes.are_sound() && x.len() == sizes.sample && y.len() == width && position < sizes.queries {
        let sample = Sample { isa, sizes, x: x.as_ptr() };
        let y = Rows { at: y.as_mut_ptr(), stride: 0 };
        // SAFETY: the lengths have been checked. One output: its stride is none.
        unsafe { sample.attend(position..position + 1, 0..sizes.heads, None, y) };
    }
}

/// One sample's queries, keys and values.
pub(super) struct Sample<'a> {
    pub(super) isa: Isa,
    pub(super) sizes: &'a Sizes,
    pub(super) x: *const f32,
}

impl Sample<'_> {
    /// Queries of a head, keys and values of its group.
    pub(super) fn of_head(&self, head: usize) -> [Rows<*const f32>; 3] {
        self.sizes
            .of_head(head)
            .map(|Frames { first, stride }| Rows { at: self.x.wrapping_add(first), stride })
    }

    /// The scores of queries `rows` for the keys from `key` on, at `at`.
    ///
    /// # Safety
    /// The sample's numbers can be read; `bias` is for these keys.
    pub(super) unsafe fn scores<'b>(
        &self,
        rows: &Range<usize>,
        key: usize,
        absent: &'b Absent,
        at: *mut f32,
    ) -> Scores<'b> {
        let keys = KEYS.min(self.sizes.keys - key);
        let (seen, grow) = match self.sizes.visible {
            Visible::Past => (rows.start + 1 - key, 1),
            Visible::All | Visible::Present => (keys, 0),
        };
        let bias = (self.sizes.visible == Visible::Present).then_some(&absent.bias);
        Scores { at, keys, seen, grow, absent_queries: absent.queries, bias, scale: self.sizes.scale() }
    }

    /// Overwrites some heads' outputs of queries `rows`, and `softmax` from the sample's first query on.
    ///
    /// # Safety
    /// The sample's numbers can be read, and what is overwritten be written; `y` begins with the sample's first query.
    unsafe fn attend(
        &self,
        rows: Range<usize>,
        heads: Range<usize>,
        softmax: Option<*mut Softmax>,
        y: Rows<*mut f32>,
    ) {
        let mut start = rows.start;
        while start < rows.end {
            let tile = start..rows.end.min(start + TILE);
            for head in heads.clone() {
                let mut sums = [[f32::NEG_INFINITY, 0.0]; TILE];
                let sums = sums.get_mut(..tile.len()).unwrap_or_default();
                let y = Rows { at: y.at.wrapping_add(head * self.sizes.head), ..y };
                // SAFETY: the caller's promise.
                unsafe {
                    self.tile(&tile, head, sums, y.from(tile.start));
                    if let Some(softmax) = softmax {
                        for (query, &sum) in tile.clone().zip(&*sums) {
                            softmax.wrapping_add(query * self.sizes.heads + head).write(sum);
                        }
                    }
                }
            }
            start = tile.end;
        }
    }

    /// Overwrites one head's outputs of some queries, and `sums`, which starts as -inf and 0.
    ///
    /// # Safety
    /// As for [`Sample::attend`]; `y` begins with the first of these queries.
    unsafe fn tile(&self, tile: &Range<usize>, head: usize, sums: &mut [Softmax], y: Rows<*mut f32>) {
        let Self { isa, sizes, .. } = *self;
        let width = sizes.head;
        let [q, k, v] = self.of_head(head);
        let mut buffer = MaybeUninit::<[f32; TILE * KEYS]>::uninit();
        let scores_at = buffer.as_mut_ptr().cast::<f32>();
        // SAFETY: one head's outputs.
        unsafe { zero(y, tile.len(), width) };
        // SAFETY: the queries can be read.
        let mut absent = unsafe { Absent::queries(sizes.visible, q.from(tile.start), tile.len(), width) };
        // Those after the last query that is there stay zeros.
        let end = tile.start + absent.end_of_queries(tile.len());
        let until = if end > tile.start { sizes.seen_by(tile) } else { 0 };
        let mut key = 0;
        while key < until {
            let rows = sizes.first_that_sees(key, tile)..end;
            let keys = KEYS.min(sizes.keys - key);
            let (values, y) = (v.from(key), y.from(rows.start - tile.start));
            let shape = Shape { m: rows.len(), n: keys, k: width };
            let scores = Rows { at: scores_at, stride: KEYS };
            // SAFETY: these queries and keys; the buffer has a row for each query of a tile.
            unsafe {
                if !absent.keys(sizes.visible, [k.from(key), values], keys, width) {
                    key += KEYS;
                    continue;
                }
                rows_by_rows(isa, shape, q.from(rows.start), k.from(key), scores);
                let of_block = self.scores(&rows, key, &absent, scores_at);
                let sums = sums.get_mut(rows.start - tile.start..).unwrap_or_default();
                isa.call(Weigh { scores: of_block, sums, outputs: y, head: width });
                // Queries that see the whole block come last.
                let partial = (keys - of_block.seen.min(keys)).min(rows.len());
                triangle(isa, partial, of_block.seen, values, scores, y, width);
                let shape = Shape { m: rows.len() - partial, n: width, k: keys };
                add_product(isa, shape, scores.from(partial).as_const(), values, y.from(partial));
            }
            key += KEYS;
        }
        isa.call(Divide { sums, outputs: y, head: width });
    }
}

/// Adds the weighted values of the first `queries`, of which the first sees `seen` keys and each further one more.
///
/// # Safety
/// The weights and values can be read, the outputs written.
unsafe fn triangle(
    isa: Isa,
    queries: usize,
    seen: usize,
    values: Rows<*const f32>,
    scores: Rows<*mut f32>,
    outputs: Rows<*mut f32>,
    head: usize,
) {
    #[cfg(not(fusebox_scalar))]
    if queries > 0 {
        isa.call(super::triangle::Triangle {
            weights: scores.at.cast_const(),
            queries,
            seen,
            values,
            outputs,
            head,
        });
    }
    #[cfg(fusebox_scalar)]
    for query in 0..queries {
        let shape = Shape { m: 1, n: head, k: seen + query };
        // SAFETY: the caller's promise.
        unsafe { add_product(isa, shape, scores.from(query).as_const(), values, outputs.from(query)) };
    }
}

/// # Safety
/// The rows can be written.
pub(super) unsafe fn zero(rows: Rows<*mut f32>, count: usize, len: usize) {
    for row in 0..count {
        // SAFETY: the caller's promise; zero bytes are the number zero.
        unsafe { rows.from(row).at.write_bytes(0, len) };
    }
}

/// Queries and keys that are all zeros.
pub(super) struct Absent {
    /// Bit r: query r of the tile is.
    queries: u64,
    /// -inf for keys of the block that are, with their values.
    bias: [f32; KEYS],
}

impl Absent {
    /// # Safety
    /// `count` rows of `len` can be read.
    pub(super) unsafe fn queries(visible: Visible, q: Rows<*const f32>, count: usize, len: usize) -> Self {
        let mut queries = 0;
        if visible == Visible::Present {
            for query in 0..count.min(64) {
                // SAFETY: the caller's promise.
                queries |= u64::from(unsafe { is_zero(q.from(query).at, len) }) << query;
            }
        }
        Self { queries, bias: [0.0; KEYS] }
    }

    /// The number of queries up to the last of the tile's `count` that is not.
    pub(super) fn end_of_queries(&self, count: usize) -> usize {
        (0..count).rev().find(|query| self.queries >> query & 1 == 0).map_or(0, |last| last + 1)
    }

    /// Returns whether any of the keys is there. A block without one changes nothing.
    ///
    /// # Safety
    /// `count` rows of `len` can be read in both.
    pub(super) unsafe fn keys(
        &mut self,
        visible: Visible,
        [k, v]: [Rows<*const f32>; 2],
        count: usize,
        len: usize,
    ) -> bool {
        if visible != Visible::Present {
            return true;
        }
        let mut any = false;
        for (key, bias) in self.bias.iter_mut().enumerate().take(count) {
            // SAFETY: the caller's promise.
            let absent = unsafe { is_zero(k.from(key).at, len) && is_zero(v.from(key).at, len) };
            *bias = if absent { f32::NEG_INFINITY } else { 0.0 };
            any |= !absent;
        }
        any
    }
}

/// # Safety
/// `len` numbers can be read.
unsafe fn is_zero(row: *const f32, len: usize) -> bool {
    // SAFETY: the caller's promise.
    are_zeros(unsafe { core::slice::from_raw_parts(row, len) })
}
