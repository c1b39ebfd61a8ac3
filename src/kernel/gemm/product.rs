//! A product as its kernels see it: sizes, pointers and strides, and whoever put them together has signed for them.

use super::epilogue::Activate;
use super::segments;
use super::tile::First;
use crate::{Mat, MatMut};
use core::marker::PhantomData;
use core::ops::Deref;

/// Columns in a panel of a B that was packed ahead of time, and the most lanes a vector has.
pub(super) const PANEL: usize = 16;

/// Sizes, pointers and strides of C = A B: plain data, of which nothing is promised.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Operands {
    pub(in crate::kernel) m: usize,
    pub(in crate::kernel) n: usize,
    pub(in crate::kernel) k: usize,
    pub(in crate::kernel) a: *const f32,
    pub(in crate::kernel) a_stride: usize,
    /// A lies transposed: k rows of m.
    pub(in crate::kernel) a_transposed: bool,
    pub(in crate::kernel) b: *const f32,
    /// Numbers that can be read from `b` on.
    pub(in crate::kernel) b_len: usize,
    pub(in crate::kernel) b_stride: usize,
    /// B lies transposed: n rows of k.
    pub(in crate::kernel) b_transposed: bool,
    /// Columns of the whole of which this is a part, perhaps, which settle its segments: see [`segments::segment_len`].
    pub(in crate::kernel) whole_n: usize,
    pub(in crate::kernel) first: First,
    pub(in crate::kernel) c: *mut f32,
    pub(in crate::kernel) c_stride: usize,
}

impl Operands {
    /// What can be seen of the preconditions on C and A.
    #[inline(always)]
    fn check_c_and_a(&self) {
        debug_assert!(self.m > 0 && self.n > 0);
        debug_assert!(self.a.is_aligned() && !self.a.is_null());
        debug_assert!(self.c.is_aligned() && !self.c.is_null());
        debug_assert!(self.m < 2 || self.n <= self.c_stride);
    }

    /// Those of views whose shapes agree.
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
            // Only NN products are cut for speed: in TN (weight gradients) and NT there are many rows.
            whole_n: if a.is_transposed() || b_transposed { usize::MAX } else { b.cols() },
            first,
            c_stride: c.row_stride(),
            c: c.data_mut().as_mut_ptr(),
        }
    }

    /// Those of views of which A is transposed, B has one column, and C has no gaps: as a row of the transposed product,
    /// along which there are vectors, or tiles.
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

    /// Those of arrays.
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

    /// Of a B in panels of sixteen columns, the panel that begins at a column, which is a matrix of its own.
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

    /// How far from one row of A's view to the next, and from one k to the next.
    #[cfg(not(fusebox_scalar))]
    #[inline(always)]
    pub(super) fn a_steps(&self) -> (usize, usize) {
        if self.a_transposed { (1, self.a_stride) } else { (self.a_stride, 1) }
    }

    /// Length of the segments of k that are summed apart.
    #[inline(always)]
    pub(super) fn segment(&self) -> usize {
        segments::segment_len(self.whole_n, self.k)
    }
}

#[cfg(fusebox_threads)]
impl Operands {
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

/// [`Operands`] that somebody has signed for, and what becomes of the tiles of C.
#[derive(Clone, Copy)]
pub(super) struct Product<'a, F> {
    operands: Operands,
    finish: F,
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a, F> Product<'a, F> {
    /// # Safety
    /// For as long as `'a`:
    /// 1. `m` and `n` are not zero.
    /// 2. A can be read: `m` rows of `k` numbers, or if it lies transposed `k` rows of `m`, `a_stride` apart.
    /// 3. B can be read: `k` rows of `n` numbers, or if it lies transposed `n` rows of `k`, `b_stride` apart; and from its
    ///    first number on `b_len` numbers.
    /// 4. What `first` points to can be read: a row of `n` numbers, or a number.
    /// 5. C can be read and written by nobody else: `m` rows of `n` numbers, `c_stride` apart.
    /// 6. `finish` was made for this C, and can be used: see [`Finish::finish`](super::tile::Finish::finish).
    #[inline(always)]
    pub(super) unsafe fn new(operands: Operands, finish: F) -> Self {
        operands.check_c_and_a();
        let Operands { n, k, b, b_len, b_stride, b_transposed, .. } = operands;
        let (rows, cols) = if b_transposed { (n, k) } else { (k, n) };
        debug_assert!(b.is_aligned() && !b.is_null());
        debug_assert!(rows < 2 || cols <= b_stride);
        debug_assert!(rows * cols == 0 || (rows - 1) * b_stride + cols <= b_len);
        Self { operands, finish, borrowed: PhantomData }
    }

    #[inline(always)]
    pub(super) fn finish(&self) -> &F {
        &self.finish
    }
}

impl<F> Deref for Product<'_, F> {
    type Target = Operands;

    #[inline(always)]
    fn deref(&self) -> &Operands {
        &self.operands
    }
}

/// The same with a B that was packed ahead of time, in panels of sixteen columns.
pub(super) struct PackedProduct<'a> {
    operands: Operands,
    finish: Activate,
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a> PackedProduct<'a> {
    /// # Safety
    /// As for [`Product::new`], but for B:
    /// 3. B can be read: a panel for each sixteen columns, the last in part, of `k` rows of sixteen numbers.
    #[inline(always)]
    pub(super) unsafe fn new(operands: Operands, finish: Activate) -> Self {
        operands.check_c_and_a();
        let Operands { n, k, b, b_len, b_stride, b_transposed, .. } = operands;
        debug_assert!(b.is_aligned() && !b.is_null());
        debug_assert!(!b_transposed && b_stride == PANEL && n.next_multiple_of(PANEL) * k <= b_len);
        Self { operands, finish, borrowed: PhantomData }
    }

    #[inline(always)]
    pub(super) fn finish(&self) -> Activate {
        self.finish
    }
}

impl Deref for PackedProduct<'_> {
    type Target = Operands;

    #[inline(always)]
    fn deref(&self) -> &Operands {
        &self.operands
    }
}
