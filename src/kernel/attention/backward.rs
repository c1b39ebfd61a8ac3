//! Gradients of queries, keys and values.

use super::forward::{Absent, Sample, zero};
use super::products::{Rows, Shape, add_product, add_transposed_product, rows_by_rows};
use super::rows::{Differences, Dots, Probabilities};
use super::sizes::{Frames, Sizes};
use super::{KEYS, STRIP, Softmax, TILE};
use crate::Isa;
use core::mem::MaybeUninit;
use core::ops::Range;

/// From what [`forward`](super::forward()) read and wrote, and `dys`, adds the gradient of strips of queries, numbered through
/// the batch, to `dxs`. Each sample's strips are given in order; with its first one the sample's `dxs` are overwritten with
/// zeros before. If a length does not match `sizes`, writes nothing.
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "what a gradient depends on")]
pub(crate) fn backward(
    isa: Isa,
    sizes: &Sizes,
    strips: Range<usize>,
    xs: &[f32],
    softmax: &[Softmax],
    ys: &[f32],
    dys: &[f32],
    dxs: &mut [f32],
) {
    let Sizes { queries, heads, head, groups, sample, .. } = *sizes;
    let samples = ys.len().checked_div(sizes.outputs()).unwrap_or(0);
    let fits = sizes.are_sound()
        && ys.len() == samples * sizes.outputs()
        && dys.len() == ys.len()
        && xs.len() == samples * sample
        && dxs.len() == xs.len()
        && softmax.len() == samples * queries * heads
        && strips.end <= samples * sizes.strips();
    if !fits {
        return;
    }
    // Where heads share keys, their sums take turns after each strip.
    let most = if heads == groups { TILE.max(STRIP) } else { STRIP };
    let (xs, softmax, ys, dys) = (xs.as_ptr(), softmax.as_ptr(), ys.as_ptr(), dys.as_ptr());
    let dxs = dxs.as_mut_ptr();
    // SAFETY: the lengths have been checked; a group of heads of a sample writes its own numbers only.
    unsafe {
        sizes.in_parts(&strips, 5, |of, rows, heads_of_group| {
            let numbers =
                |at: *const f32| Rows { at: at.wrapping_add(of * sizes.outputs()), stride: heads * head };
            let back = Backward {
                sample: Sample { isa, sizes, x: xs.wrapping_add(of * sample) },
                softmax: softmax.wrapping_add(of * queries * heads),
                y: numbers(ys),
                dy: numbers(dys),
                dx: dxs.wrapping_add(of * sample),
            };
            if rows.start == 0 {
                back.clear(&heads_of_group);
            }
            let mut start = rows.start;
            while start < rows.end {
                let strip = start..rows.end.min(start + most);
                heads_of_group.clone().for_each(|head| back.strip(&strip, head));
                start = strip.end;
            }
        });
    }
}

/// One sample: what forward read and wrote, and the gradients.
struct Backward<'a> {
    sample: Sample<'a>,
    softmax: *const Softmax,
    y: Rows<*const f32>,
    dy: Rows<*const f32>,
    dx: *mut f32,
}

impl Backward<'_> {
    /// The gradients of a head's queries, and of its group's keys and values.
    fn gradients(&self, head: usize) -> [Rows<*mut f32>; 3] {
        let at = |Frames { first, stride }| Rows { at: self.dx.wrapping_add(first), stride };
        self.sample.sizes.of_head(head).map(at)
    }

    /// Overwrites the gradients of a group with zeros. The queries of its heads are adjacent.
    ///
    /// # Safety
    /// As for [`Backward::strip`].
    unsafe fn clear(&self, heads: &Range<usize>) {
        let Sizes { queries, keys, head: width, .. } = *self.sample.sizes;
        let [dq, dk, dv] = self.gradients(heads.start);
        // SAFETY: the caller's promise.
        unsafe {
            zero(dq, queries, heads.len() * width);
            zero(dk, keys, width);
            zero(dv, keys, width);
        }
    }

    /// One head's gradients from some queries.
    ///
    /// # Safety
    /// The pointers are to the sample's numbers; `dx` is nobody else's.
    unsafe fn strip(&self, strip: &Range<usize>, head: usize) {
        let mut start = strip.start;
        while start < strip.end {
            let tile = start..strip.end.min(start + TILE);
            // SAFETY: the caller's promise.
            unsafe { self.tile(&tile, head) };
            start = tile.end;
        }
    }

    /// The same for as many queries as there is room for on the stack.
    ///
    /// # Safety
    /// As for [`Backward::strip`].
    unsafe fn tile(&self, tile: &Range<usize>, head: usize) {
        let Sample { isa, sizes, .. } = self.sample;
        let width = sizes.head;
        let [q, k, v] = self.sample.of_head(head);
        let [dq, dk, dv] = self.gradients(head);
        let of_head = |rows: Rows<*const f32>| Rows { at: rows.at.wrapping_add(head * width), ..rows };
        let (y, dy) = (of_head(self.y), of_head(self.dy));
        let mut buffers = MaybeUninit::<[[f32; TILE * KEYS]; 2]>::uninit();
        let p = Rows { at: buffers.as_mut_ptr().cast::<f32>(), stride: KEYS };
        let ds = Rows { at: p.at.wrapping_add(TILE * KEYS), stride: KEYS };
        let (mut softmax, mut dots) = ([[0.0; 2]; TILE], [0.0; TILE]);
        for (query, softmax) in tile.clone().zip(&mut softmax) {
            // SAFETY: a query of the sample.
            *softmax = unsafe { self.softmax.wrapping_add(query * sizes.heads + head).read() };
        }
        let of_tile = dots.get_mut(..tile.len()).unwrap_or_default();
        isa.call(Dots {
            dots: of_tile,
            outputs: y.from(tile.start),
            d_outputs: dy.from(tile.start),
            head: width,
        });
        // SAFETY: the queries can be read.
        let mut absent = unsafe { Absent::queries(sizes.visible, q.from(tile.start), tile.len(), width) };
        let until = if absent.end_of_queries(tile.len()) == 0 { 0 } else { sizes.seen_by(tile) };
        let mut key = 0;
        while key < until {
            let rows = sizes.first_that_sees(key, tile)..tile.end;
            let keys = KEYS.min(sizes.keys - key);
            let of_rows = rows.start - tile.start..tile.len();
            let softmax = softmax.get(of_rows.clone()).unwrap_or_default();
            let dots = dots.get(of_rows).unwrap_or_default();
            let by_rows = Shape { m: rows.len(), n: keys, k: width };
            let of_keys = Shape { m: keys, n: width, k: rows.len() };
            let (q, dy, dq) = (q.from(rows.start), dy.from(rows.start), dq.from(rows.start));
            // SAFETY: these queries and keys; the buffers have a row for each query of a tile.
            unsafe {
                if !absent.keys(sizes.visible, [k.from(key), v.from(key)], keys, width) {
                    key += KEYS;
                    continue;
                }
                rows_by_rows(isa, by_rows, q, k.from(key), p);
                isa.call(Probabilities { scores: self.sample.scores(&rows, key, &absent, p.at), softmax });
                add_transposed_product(isa, of_keys, p.as_const(), dy, dv.from(key));
                rows_by_rows(isa, by_rows, dy, v.from(key), ds);
                let scores = self.sample.scores(&rows, key, &absent, ds.at);
                isa.call(Differences { scores, weights: p.at.cast_const(), dots });
                let of_queries = Shape { m: rows.len(), n: width, k: keys };
                add_product(isa, of_queries, ds.as_const(), k.from(key), dq);
                add_transposed_product(isa, of_keys, ds.as_const(), q, dk.from(key));
            }
            key += KEYS;
        }
    }
}
