//! What happens to rows of scores between the products. A row is [`KEYS`] numbers, of which a query may see fewer.

use super::products::Rows;
use super::{KEYS, Softmax};
use crate::kernel::elementwise::sixteens;
use crate::kernel::math::exp_or_zero;
use crate::simd::{Lanes16, Pass, Simd};

/// Pieces of sixteen scores in a row.
const PIECES: usize = KEYS / 16;

/// The scores of some queries for a block of keys.
#[derive(Clone, Copy)]
pub(super) struct Scores<'a> {
    /// A row of [`KEYS`] for each query.
    pub(super) at: *mut f32,
    /// Keys in the block.
    pub(super) keys: usize,
    /// Keys that the first query sees, if there are so many; and how many more each further query.
    pub(super) seen: usize,
    pub(super) grow: usize,
    /// Bit r: query r sees no key.
    pub(super) absent_queries: u64,
    /// -inf for keys that no query sees.
    pub(super) bias: Option<&'a [f32; KEYS]>,
    pub(super) scale: f32,
}

impl Scores<'_> {
    /// Keys that a query sees.
    #[inline(always)]
    fn count(&self, query: usize) -> usize {
        if self.absent_queries >> query & 1 == 1 { 0 } else { self.keys.min(self.seen + query * self.grow) }
    }

    /// A query's scores, times the scale; -inf for keys that it does not see.
    ///
    /// # Safety
    /// The row can be read.
    #[inline(always)]
    unsafe fn of<S: Simd>(&self, s: S, query: usize) -> [Lanes16<S>; PIECES] {
        let (row, count) = (self.at.wrapping_add(query * KEYS), self.count(query));
        let mut pieces = [Lanes16::splat(s, f32::NEG_INFINITY); PIECES];
        for (i, piece) in pieces.iter_mut().enumerate() {
            let (first, lanes) = (16 * i, count.saturating_sub(16 * i).min(16));
            // SAFETY: the piece is inside the row.
            let x = unsafe { Lanes16::load(s, row.wrapping_add(first), lanes, f32::NEG_INFINITY) };
            *piece = x.map(|x| s.mul(x, s.splat(self.scale)));
            if let Some(bias) = self.bias {
                // SAFETY: sixteen of its numbers.
                let bias = unsafe { Lanes16::load(s, bias.as_ptr().wrapping_add(first), 16, 0.0) };
                *piece = piece.zip(bias, |x, bias| s.add(x, bias));
            }
        }
        pieces
    }
}

/// The number that a row's largest score is, for exponentials: zero if there is no score.
#[inline(always)]
fn reference(largest: f32) -> f32 {
    if largest == f32::NEG_INFINITY { 0.0 } else { largest }
}

/// Replaces the scores by their exponentials relative to the largest score up to this block, adds these to the sums, and
/// multiplies earlier sums, and outputs, if the largest score has changed.
pub(super) struct Weigh<'a> {
    pub(super) scores: Scores<'a>,
    /// Of each query the largest score and the sum of exponentials up to the previous block: -inf and 0 at first.
    pub(super) sums: &'a mut [Softmax],
    /// The queries' outputs, of `head` numbers.
    pub(super) outputs: Rows<*mut f32>,
    pub(super) head: usize,
}

impl Pass for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { scores, sums, outputs, head } = self;
        for (query, sum) in sums.iter_mut().enumerate() {
            let [before, total] = *sum;
            // SAFETY: a row for each query.
            let mut pieces = unsafe { scores.of(s, query) };
            let mut largest = pieces[0];
            for piece in &pieces[1..] {
                largest = piece.zip(largest, |x, largest| s.max(x, largest));
            }
            let largest = largest.max(s);
            let largest = if largest > before { largest } else { before };
            let one = s.splat(reference(largest));
            let mut lanes = Lanes16::splat(s, 0.0);
            for (i, piece) in pieces.iter_mut().enumerate() {
                for x in piece.registers() {
                    *x = exp_or_zero(s, s.sub(*x, one));
                }
                lanes = lanes.zip(*piece, |sum, p| s.add(sum, p));
                // SAFETY: sixteen numbers of the row.
                unsafe { piece.store(s, scores.at.wrapping_add(query * KEYS + 16 * i), 16) };
            }
            let of_block = lanes.sum(s);
            let mut scaled = total;
            if largest != before && before != f32::NEG_INFINITY {
                let factor = exp_or_zero(s, s.sub(s.splat(before), one));
                // SAFETY: `scaled` is a number; the outputs of a query.
                unsafe {
                    s.store_partial(&raw mut scaled, s.mul(factor, s.splat(total)), 1);
                    multiply(s, outputs.from(query).at, head, factor);
                }
            }
            *sum = [largest, scaled + of_block];
        }
    }
}

/// # Safety
/// `len` numbers can be read and written.
#[inline(always)]
unsafe fn multiply<S: Simd>(s: S, row: *mut f32, len: usize, factor: S::V) {
    for (start, lanes) in sixteens(len) {
        let at = row.wrapping_add(start);
        // SAFETY: the caller's promise.
        unsafe { Lanes16::load(s, at, lanes, 0.0).map(|x| s.mul(x, factor)).store(s, at, lanes) };
    }
}

/// Divides the outputs by the sums of exponentials, and replaces these by their reciprocals: 0 if there was no key.
pub(super) struct Divide<'a> {
    pub(super) sums: &'a mut [Softmax],
    pub(super) outputs: Rows<*mut f32>,
    pub(super) head: usize,
}

impl Pass for Divide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (query, [_, sum]) in self.sums.iter_mut().enumerate() {
            *sum = if *sum == 0.0 { 0.0 } else { 1.0 / *sum };
            // SAFETY: the outputs of a query.
            unsafe { multiply(s, self.outputs.from(query).at, self.head, s.splat(*sum)) };
        }
    }
}

/// Replaces the scores by the weights of the values, from what forward stored.
pub(super) struct Probabilities<'a> {
    pub(super) scores: Scores<'a>,
    pub(super) softmax: &'a [Softmax],
}

impl Pass for Probabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (query, &[largest, reciprocal]) in self.softmax.iter().enumerate() {
            // SAFETY: a row for each query.
            let mut pieces = unsafe { self.scores.of(s, query) };
            for (i, piece) in pieces.iter_mut().enumerate() {
                for x in piece.registers() {
                    let p = exp_or_zero(s, s.sub(*x, s.splat(reference(largest))));
                    *x = s.mul(p, s.splat(reciprocal));
                }
                // SAFETY: sixteen numbers of the row.
                unsafe { piece.store(s, self.scores.at.wrapping_add(query * KEYS + 16 * i), 16) };
            }
        }
    }
}

/// Overwrites `dots` with the products of a query's outputs and their gradients, summed.
pub(super) struct Dots<'a> {
    pub(super) dots: &'a mut [f32],
    pub(super) outputs: Rows<*const f32>,
    pub(super) d_outputs: Rows<*const f32>,
    pub(super) head: usize,
}

impl Pass for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { dots, outputs, d_outputs, head } = self;
        for (query, dot) in dots.iter_mut().enumerate() {
            let mut sum = Lanes16::splat(s, 0.0);
            for (start, lanes) in sixteens(head) {
                // SAFETY: the outputs of a query, and their gradients.
                unsafe {
                    let x = Lanes16::load(s, outputs.from(query).at.wrapping_add(start), lanes, 0.0);
                    let dx = Lanes16::load(s, d_outputs.from(query).at.wrapping_add(start), lanes, 0.0);
                    sum = sum.zip(x.zip(dx, |x, dx| s.mul(x, dx)), |sum, x| s.add(sum, x));
                }
            }
            *dot = sum.sum(s);
        }
    }
}

/// Overwrites the gradients of the weights of values, in `scores`, with those of the scores: `scale p (dp - d)`.
pub(super) struct Differences<'a> {
    pub(super) scores: Scores<'a>,
    /// The weights: a row of [`KEYS`] for each query.
    pub(super) weights: *const f32,
    pub(super) dots: &'a [f32],
}

impl Pass for Differences<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (query, &dot) in self.dots.iter().enumerate() {
            let count = self.scores.count(query);
            for i in 0..PIECES {
                let at = query * KEYS + 16 * i;
                let lanes = count.saturating_sub(16 * i).min(16);
                // SAFETY: pieces of the query's rows.
                unsafe {
                    let p = Lanes16::load(s, self.weights.wrapping_add(at), lanes, 0.0);
                    let ds = self.scores.at.wrapping_add(at);
                    Lanes16::load(s, ds, lanes, 0.0)
                        .zip(p, |dp, p| s.mul(s.mul(p, s.splat(self.scores.scale)), s.sub(dp, s.splat(dot))))
                        .store(s, ds, 16);
                }
            }
        }
    }
}
