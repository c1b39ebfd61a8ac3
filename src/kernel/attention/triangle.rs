//! The values of a block's last keys, of which each query sees one more than the query before.
//!
//! ```text
//! for each four queries, each two vectors of a head's numbers:
//!     o_r += p_rj v_j      j ascending: for all four up to the last key of the first, then for those that see it
//! ```

use super::KEYS;
use super::products::Rows;
use crate::simd::{Pass, Simd};

/// Queries at once, and vectors: eight sums hide a multiply-add's latency.
const ROWS: usize = 4;
const VECTORS: usize = 2;

/// Adds to each query's outputs those of its weighted values that it sees.
pub(super) struct Triangle {
    /// A row of [`KEYS`] weights for each query.
    pub(super) weights: *const f32,
    pub(super) queries: usize,
    /// Keys that the first query sees. Each further one sees one more.
    pub(super) seen: usize,
    pub(super) values: Rows<*const f32>,
    pub(super) outputs: Rows<*mut f32>,
    pub(super) head: usize,
}

impl Pass for Triangle {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut row = 0;
        while row < self.queries {
            let rows = ROWS.min(self.queries - row);
            let mut col = 0;
            while col < self.head {
                // SAFETY: these queries and columns, and the keys that they see.
                unsafe {
                    match rows {
                        ROWS => self.tile::<S, ROWS>(s, row, col),
                        _ => (row..row + rows).for_each(|row| self.tile::<S, 1>(s, row, col)),
                    }
                }
                col += VECTORS * S::LANES;
            }
            row += rows;
        }
    }
}

impl Triangle {
    /// # Safety
    /// The queries from `row` on and columns from `col` on are there, and the values of keys that they see.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize>(&self, s: S, row: usize, col: usize) {
        let lanes: [usize; VECTORS] =
            core::array::from_fn(|v| (self.head - col).saturating_sub(v * S::LANES).min(S::LANES));
        let whole = lanes[VECTORS - 1] == S::LANES;
        let weights = self.weights.wrapping_add(row * KEYS);
        let mut sums = [[s.splat(0.0); VECTORS]; R];
        let load = |at: *const f32, v: usize| {
            let at = at.wrapping_add(col + v * S::LANES);
            // SAFETY: the caller's promise: numbers of a head.
            unsafe { if whole { s.load(at) } else { s.load_partial(at, lanes[v]) } }
        };
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = load(self.outputs.from(row + r).at, v);
            }
        }
        let of_first = self.seen + row;
        let mut value = self.values.at;
        for j in 0..of_first {
            let vectors: [S::V; VECTORS] = core::array::from_fn(|v| load(value, v));
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: a weight of the query.
                let p = s.splat(unsafe { weights.wrapping_add(r * KEYS + j).read() });
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = s.mul_add(p, vectors[v], *sum);
                }
            }
            value = value.wrapping_add(self.values.stride);
        }
        for more in 1..R {
            let vectors: [S::V; VECTORS] = core::array::from_fn(|v| load(value, v));
            for (r, sums) in sums.iter_mut().enumerate().skip(more) {
                // SAFETY: a weight of the query.
                let p = s.splat(unsafe { weights.wrapping_add(r * KEYS + of_first + more - 1).read() });
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = s.mul_add(p, vectors[v], *sum);
                }
            }
            value = value.wrapping_add(self.values.stride);
        }
        for (r, sums) in sums.iter().enumerate() {
            let output = self.outputs.from(row + r).at;
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: numbers of the query's outputs.
                unsafe { s.store_partial(output.wrapping_add(col + v * S::LANES), sum, lanes[v]) };
            }
        }
    }
}
