//! The loops, and where products come into this room.

use super::choice::{kernel, plain_kernel, rank_one_kernel, recurrent_row_kernel, row_kernel};
use super::column::dots;
use super::finish::FinishRows;
use super::finishing::Finishing;
use super::loops::sums_at;
use super::sums::{End, RankOne, RowKernel};
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Operands, PANEL, PackedProduct, Product};
use crate::kernel::gemm::segments::DOTS;
use crate::kernel::gemm::tile::{Finish, First, Place};
use crate::simd::{Simd, is_zero_in_relu, rolled};
use crate::{Isa, Mat, MatMut};

/// The product of views.
///
/// # Safety
/// 1. The shapes agree: A is m x k, B k x n, C m x n.
/// 2. What `first` points to can be read: n numbers.
/// 3. `finish` was made for C, and what it points to can be accessed: see [`Finish::finish`].
#[inline(always)]
pub(in crate::kernel::gemm) unsafe fn run<F: Finish>(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    c: MatMut<'_>,
    first: First,
    finish: &F,
) {
    // SAFETY: the caller's promises.
    unsafe { make(isa, a, b, c, first, &Finishing { isa, finish }) };
}

/// Where a [`Product`] is made of views.
///
/// # Safety
/// As for [`run`].
#[inline(never)]
unsafe fn make(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, first: First, finish: &dyn FinishRows) {
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    // A column as a row, but not with a bias: the column's one number is not a row, from which tiles start.
    let has_bias = matches!(first, First::Row(_));
    let column = c.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && !has_bias;
    let mut operands = match column && finish.takes_columns_as_rows() {
        true => Operands::of_column_as_row(a, b, c, first),
        false => Operands::of_views(a, b, c, first),
    };
    // A transposed column is a row. Not where C is a single number, or B's rows are long: a dot product of rows has lanes, this
    // one a segment.
    let dots = operands.n == 1 || operands.b_transposed && operands.k >= DOTS;
    if operands.m == 1 && !dots && operands.a_stride == 1 {
        operands.a_transposed = false;
    }
    // SAFETY: 1. see above. 2. to 6. The views are borrowed until the end of this function, and the caller's promises; a
    // column becomes a row only if `finish` takes it for one, and not with a bias.
    drive(isa, &unsafe { Product::new(operands, finish) }, true);
}

/// The loops. Dot products in lanes, of one column and of long rows, or if not `in_lanes` every sum a chain of k.
fn drive(isa: Isa, product: &Product<'_, &dyn FinishRows>, in_lanes: bool) {
    let Operands { m, n, a_transposed, b_transposed, c, c_stride, .. } = **product;
    let finish = *product.finish();
    let factor = finish.factor();
    // One of sixteen columns may be left of a wider product, whose sums are in segments.
    let column = n == 1 && (product.whole_n == 1 || b_transposed);
    if in_lanes && !a_transposed && factor.is_none() && (column || b_transposed && product.k >= DOTS) {
        // SAFETY: it has one column or B lies transposed, and A's rows lie along k.
        return unsafe {
            match isa.is_fused() {
                true => dots::<true>(product),
                false => dots::<false>(product),
            }
        };
    }
    // Of the assembly, that for how operands lie in a gradient of weights can add to C, what is one segment.
    let adds = a_transposed && !b_transposed && product.segment() >= product.k;
    let kernel = match factor.is_none() || adds {
        true => kernel(isa, [a_transposed, b_transposed]),
        false => plain_kernel(isa),
    };
    if let Some(by_tiles) = finish.loops() {
        // SAFETY: the kernel is for how A and B lie.
        return unsafe { by_tiles(kernel, product) };
    }
    let mut sums = sums_at(product, [0, 0]);
    (sums.out, sums.out_row) = (c, c_stride);
    (sums.rows, sums.cols) = (m, n);
    sums.end = factor.map_or(End::Store, End::AddTimes);
    // SAFETY: a kernel for how A and B lie, all rows and columns, and C to put them in; then each row of C.
    unsafe {
        kernel(&mut sums);
        if factor.is_none() && !finish.is_nothing() {
            let mut place = Place { c, c_stride, row: 0, col: 0, last_lanes: 1 };
            while place.row < m {
                finish.finish_row(place.c, place, n);
                place.row += 1;
                place.c = place.c.wrapping_add(c_stride);
            }
        }
    }
}

/// A product each of whose sums is one chain of k, whatever its shape, in the order of k: part of a longer sum. A's rows may overlap.
///
/// # Safety
/// As for [`Product::new`], but that A's rows may overlap.
#[cfg(any(fusebox_core = "other", all(fusebox_fused, fusebox_core = "m55")))]
#[inline(never)]
pub(super) unsafe fn chain(isa: Isa, operands: &Operands, end: Activate) {
    let finish: &dyn FinishRows = &Finishing { isa, finish: &end };
    // SAFETY: the caller's promises.
    drive(isa, &unsafe { Product::new(*operands, finish) }, false);
}

/// `c = a b + bias`, and a ReLU if asked for, for one row of A: the kernel alone, so that a program that infers holds no
/// other. A single column has an order of its own, in the general product.
#[inline(always)]
pub(in crate::kernel::gemm) fn row_product<const K: usize, const N: usize>(
    isa: Isa,
    a: &[f32; K],
    b: &[[f32; N]; K],
    c: &mut [f32; N],
    bias: &[f32; N],
    relu: bool,
) {
    if N == 0 {
        return;
    }
    if N == 1 {
        let (a, c) = (core::array::from_ref(a), core::array::from_mut(c));
        let finish = if relu { Activate::Relu } else { Activate::Nothing };
        let (a, b, c) = (Mat::of_rows(a), Mat::of_rows(b), MatMut::of_rows(c));
        // SAFETY: 1. the types say so. 2. The bias has N numbers. 3. There is no mask.
        return unsafe { run(isa, a, b, c, First::Row(bias.as_ptr()), &finish) };
    }
    let b = b.as_flattened().as_ptr();
    // SAFETY: 1., 2. the types say so. 3. That is what the kernel is for.
    unsafe { finished_row(row_kernel(isa), a, b, c, bias, relu) }
}

/// The same, compiled once.
///
/// # Safety
/// Those of [`RowKernel`].
#[inline(never)]
unsafe fn finished_row(kernel: RowKernel, a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32], relu: bool) {
    debug_assert!(bias.len() == c.len() && b.is_aligned() && !b.is_null());
    // SAFETY: the caller's promises.
    unsafe { kernel(a, b, c, bias) };
    if relu {
        let mut i = 0;
        while let Some(c) = c.get_mut(i) {
            if is_zero_in_relu(*c) {
                *c = 0.0;
            }
            i = rolled(i + 1);
        }
    }
}

/// `c = a b + bias` if A is one row, not transposed, and B's rows lie one behind another. Returns C if they do not, or
/// if there is a single column, or lengths do not agree.
pub(in crate::kernel::gemm) fn biased_row<'a>(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'a>,
    bias: &[f32],
) -> Option<MatMut<'a>> {
    let (k, n) = (b.rows(), b.cols());
    let row = c.rows() == 1 && a.rows() == 1 && a.cols() == k && c.cols() == n && bias.len() == n && n > 1;
    let in_rows = !a.is_transposed() && !b.is_transposed() && b.row_stride() == n;
    let (Some(a), Some(y), true) = (a.data().get(..k), c.data_mut().get_mut(..n), row && in_rows) else {
        return Some(c);
    };
    // SAFETY: 1. B is k x n, without gaps. 2. See above.
    unsafe { finished_row(recurrent_row_kernel(isa), a, b.data().as_ptr(), y, bias, false) };
    None
}

/// `c = c + a^T (b factor)` for a row `a` of m numbers and a row `b` of n.
pub(in crate::kernel::gemm) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], mut c: MatMut<'_>, factor: f32) {
    let (m, n) = (a.len().min(c.rows()), b.len().min(c.cols()));
    if m == 0 || n == 0 {
        return;
    }
    let stride = c.row_stride();
    let product =
        RankOne { a: a.as_ptr(), b: b.as_ptr(), c: c.data_mut().as_mut_ptr(), stride, m, n, factor };
    // SAFETY: these are C's first m rows of n.
    unsafe { rank_one_kernel(isa)(&product) };
}

/// The product of `a` and `b` into `c`, whose shape is known.
#[inline(always)]
pub(in crate::kernel) fn fixed_product<S: Simd, const M: usize, const K: usize, const N: usize>(
    s: S,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
) {
    if M == 0 || N == 0 {
        return;
    }
    let isa = s.isa();
    let finish: &dyn FinishRows = &Finishing { isa, finish: &Activate::Nothing };
    // SAFETY: 1. see above. 2., 3., 5. Arrays, borrowed until the end of this function. 4., 6. There is nothing to read.
    drive(isa, &unsafe { Product::new(Operands::of_arrays(a, b, c, First::Zero), finish) }, true);
}

/// A product whose B lies in panels of sixteen columns.
pub(in crate::kernel::gemm) fn run_panels(isa: Isa, product: &PackedProduct<'_>) {
    for col in (0..product.n).step_by(PANEL) {
        let finish = product.finish().at(0, col);
        let finish: &dyn FinishRows = &Finishing { isa, finish: &finish };
        // SAFETY: 1. columns are left. 2. to 6. One panel of the whole, and the mask of the same columns.
        drive(isa, &unsafe { Product::new(product.panel(col), finish) }, true);
    }
}
