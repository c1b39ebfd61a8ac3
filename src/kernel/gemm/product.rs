//! A product as its kernels see it: sizes, pointers and strides that the door has checked.

use super::segments;
use super::tile::First;
use crate::{Mat, MatMut};

/// Columns in a panel of a B that was packed ahead of time, and the most lanes a vector has.
pub(super) const PANEL: usize = 16;

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
    #[cfg_attr(
        fusebox_scalar,
        expect(dead_code, reason = "whole vectors are read past a row only with vectors")
    )]
    pub(super) b_len: usize,
    pub(super) b_stride: usize,
    /// B lies transposed: n rows of k.
    pub(super) b_transposed: bool,
    /// Columns of the whole of which this is a part, perhaps, which settle its segments; `usize::MAX` for one segment.
    pub(super) whole_n: usize,
    pub(super) first: First,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
}

impl Product {
    /// The product of views whose shapes agree.
    #[inline(always)]
    pub(super) fn of_views(a: Mat<'_>, b: Mat<'_>, mut c: MatMut<'_>, first: First) -> Self {
        // A single k has no order: B's column is a row as it lies.
        let (b_stride, b_transposed) = match b.is_transposed() && a.cols() == 1 && b.row_stride() == 1 {
            true => (b.cols(), false),
            false => (b.row_stride(), b.is_transposed()),
        };
        Self {
            m: a.rows(),
            n: b.cols(),
            k: a.cols(),
            a: a.data().as_ptr(),
            a_stride: a.row_stride(),
            a_transposed: a.is_transposed(),
            b: b.data().as_ptr(),
            b_len: b.data().len(),
            b_stride,
            b_transposed,
            // NN products alone have segments: in TN (weight gradients) and NT there are many rows, and k is short.
            whole_n: if a.is_transposed() || b_transposed { usize::MAX } else { b.cols() },
            first,
            c_stride: c.row_stride(),
            c: c.data_mut().as_mut_ptr(),
        }
    }

    /// The product of views of which A is transposed, B has one column, and C has no gaps: as a row of the transposed
    /// product, along which there are vectors, or tiles.
    #[inline(always)]
    pub(super) fn of_column_as_row(a: Mat<'_>, b: Mat<'_>, mut c: MatMut<'_>, first: First) -> Self {
        Self {
            m: 1,
            n: c.rows(),
            k: b.rows(),
            a: b.data().as_ptr(),
            a_stride: if b.is_transposed() { 1 } else { b.row_stride() },
            a_transposed: true,
            b: a.data().as_ptr(),
            b_len: a.data().len(),
            b_stride: a.row_stride(),
            b_transposed: false,
            whole_n: usize::MAX,
            first,
            c_stride: c.rows(),
            c: c.data_mut().as_mut_ptr(),
        }
    }

    /// The product of arrays.
    #[inline(always)]
    pub(super) fn of_arrays<const M: usize, const K: usize, const N: usize>(
        a: &[[f32; K]; M],
        b: &[[f32; N]; K],
        c: &mut [[f32; N]; M],
        first: First,
    ) -> Self {
        Self {
            m: M,
            n: N,
            k: K,
            a: a.as_ptr().cast(),
            a_stride: K,
            a_transposed: false,
            b: b.as_ptr().cast(),
            b_len: K * N,
            b_stride: N,
            b_transposed: false,
            whole_n: N,
            first,
            c_stride: N,
            c: c.as_mut_ptr().cast(),
        }
    }

    /// Of a product whose B lies in panels of sixteen columns, the panel that begins at a column, as a product of its own.
    #[inline(always)]
    pub(super) fn panel(&self, col: usize) -> Self {
        Self {
            n: PANEL.min(self.n - col),
            b: self.b.wrapping_add(col * self.k),
            b_len: PANEL * self.k,
            c: self.c.wrapping_add(col),
            first: self.first.at_col(col),
            ..*self
        }
    }

    /// Length of the segments of k that are summed apart.
    #[inline(always)]
    pub(super) fn segment(&self) -> usize {
        segments::segment_len(self.whole_n, self.k)
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
