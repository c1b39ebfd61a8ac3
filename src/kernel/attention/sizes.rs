//! The sizes of an attention, and where its operands are.

use super::STRIP;
use crate::kernel::threads::in_parts;
use core::ops::Range;

/// Frames in a sample's numbers: the first number, and the numbers from a frame to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    pub(crate) first: usize,
    pub(crate) stride: usize,
}

/// The keys that a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// All of them.
    All,
    /// Those up to its own position.
    Past,
    /// All whose numbers, and those of their values, are not all zero. A query of zeros sees none.
    Present,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) heads: usize,
    /// Groups of heads with the same keys and values: a divisor of `heads`.
    pub(crate) groups: usize,
    /// Numbers in a head.
    pub(crate) head: usize,
    /// Numbers in a sample's input.
    pub(crate) sample: usize,
    pub(crate) q: Frames,
    pub(crate) k: Frames,
    pub(crate) v: Frames,
    pub(crate) visible: Visible,
}

impl Sizes {
    /// The factor of the scores: one over the square root of a head's numbers.
    pub(super) fn scale(&self) -> f32 {
        1.0 / libm::sqrtf(self.head as f32)
    }

    /// Strips of queries in a sample.
    pub(super) const fn strips(&self) -> usize {
        self.queries.div_ceil(STRIP)
    }

    /// Heads with the same keys and values. The layer's types assert that neither number is zero; `max` saves a check,
    /// and a panic.
    fn of_group(&self) -> usize {
        (self.heads / self.groups.max(1)).max(1)
    }

    /// Calls `run` with each sample that has some of the strips, numbered through the batch, those of its queries that
    /// are in them, and the heads of each group: with the feature `rayon` on several threads. A query, a key and a head
    /// take `products` multiply-adds for each number of a head.
    ///
    /// # Safety
    /// `run` may run on any threads, and at once with groups of which no other call has any.
    #[inline(always)]
    pub(super) unsafe fn in_parts(
        &self,
        strips: &Range<usize>,
        products: usize,
        run: impl Fn(usize, Range<usize>, Range<usize>),
    ) {
        let Self { queries, keys, groups, head, .. } = *self;
        let (each, of_group, groups) = (self.strips().max(1), self.of_group(), groups.max(1));
        let samples = strips.start / each..strips.end.div_ceil(each);
        let macs = (products * of_group * head).saturating_mul(queries).saturating_mul(keys);
        let run = |unit: usize| {
            let (sample, group) = (unit / groups, unit % groups);
            let first = strips.start.max(sample * each) - sample * each;
            let end = strips.end.min((sample + 1) * each) - sample * each;
            let rows = first * STRIP..queries.min(end * STRIP);
            run(sample, rows, group * of_group..(group + 1) * of_group);
        };
        // SAFETY: the caller's promise: a unit is a group of a sample.
        unsafe { in_parts(samples.start * groups..samples.end * groups, macs, |units| units.for_each(&run)) };
    }

    /// Numbers in a sample's outputs.
    pub(crate) const fn outputs(&self) -> usize {
        self.queries * self.heads * self.head
    }

    /// Queries of a head, keys and values of its group.
    pub(super) fn of_head(&self, head: usize) -> [Frames; 3] {
        let Self { head: width, q, k, v, .. } = *self;
        let group = head / self.of_group();
        [(q, head), (k, group), (v, group)]
            .map(|(frames, i)| Frames { first: frames.first + i * width, ..frames })
    }

    /// Keys that some of the queries see.
    pub(super) fn seen_by(&self, queries: &Range<usize>) -> usize {
        match self.visible {
            Visible::Past => self.keys.min(queries.end),
            Visible::All | Visible::Present => self.keys,
        }
    }

    /// The first of the queries that sees any of the keys from `key` on.
    pub(super) fn first_that_sees(&self, key: usize, queries: &Range<usize>) -> usize {
        match self.visible {
            Visible::Past => queries.start.max(key),
            Visible::All | Visible::Present => queries.start,
        }
    }

    /// Whether all operands are inside a sample, and the heads come out even.
    pub(super) fn are_sound(&self) -> bool {
        let inside = |frames: &Frames, count: usize, width: usize| {
            let last = frames.stride.checked_mul(count.saturating_sub(1));
            let end = last.and_then(|last| last.checked_add(frames.first)?.checked_add(width));
            end.is_some_and(|end| end <= self.sample)
        };
        let Self { queries, keys, heads, groups, head, q, k, v, visible, .. } = self;
        let [of_query, of_key] = [heads, groups].map(|heads| heads.saturating_mul(*head));
        *queries > 0
            && *keys > 0
            && *head > 0
            && *groups > 0
            && heads.is_multiple_of(*groups)
            && of_key <= k.stride
            && of_key <= v.stride
            && (*visible != Visible::Past || queries == keys)
            && inside(q, *queries, of_query)
            && inside(k, *keys, of_key)
            && inside(v, *keys, of_key)
    }
}
