//! A product as its kernels see it: sizes, pointers and strides that the door has checked.

use super::chains;
use super::tile::First;

/// A whole product C = A B, checked: every pointer is good for the sizes beside it.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: *const f32,
    pub(super) a_stride: usize,
    /// A lies transposed: k rows of m.
    pub(super) a_transposed: bool,
    pub(super) b: *const f32,
    /// Numbers that can be read from `b` on.
    pub(super) b_len: usize,
    pub(super) b_stride: usize,
    /// B lies transposed: n rows of k.
    pub(super) b_transposed: bool,
    /// Columns of the whole of which this is a part, perhaps, which settle its segments; `usize::MAX` for one chain.
    pub(super) chained_n: usize,
    pub(super) first: First,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
}

impl Product {
    /// Length of the segments of k that are summed apart.
    #[inline(always)]
    pub(super) fn segment(&self) -> usize {
        chains::segment_len(self.chained_n, self.k)
    }
}

#[cfg(all(feature = "rayon", not(fusebox_scalar)))]
impl Product {
    /// Some rows and columns of C.
    pub(super) fn part(&self, rows: core::ops::Range<usize>, cols: core::ops::Range<usize>) -> Self {
        let a_row = if self.a_transposed { 1 } else { self.a_stride };
        let b_before = cols.start * if self.b_transposed { self.b_stride } else { 1 };
        Self {
            m: rows.len(),
            n: cols.len(),
            a: self.a.wrapping_add(rows.start * a_row),
            b: self.b.wrapping_add(b_before),
            b_len: self.b_len.saturating_sub(b_before),
            first: self.first.at_col(cols.start),
            c: self.c.wrapping_add(rows.start * self.c_stride + cols.start),
            ..*self
        }
    }
}

/// How far from one row of A's view to the next, and from one k to the next.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
pub(super) fn a_steps<const TN: bool>(product: &Product) -> (usize, usize) {
    if TN { (1, product.a_stride) } else { (product.a_stride, 1) }
}
