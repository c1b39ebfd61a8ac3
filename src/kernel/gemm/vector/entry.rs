//! Where products come in, their shapes checked: they become [`Product`]s, and go to a kernel.

use super::fixed::FixedProduct;
use super::prepacked::Panels;
use super::thin::RankOne;
use crate::kernel::gemm::product::{Operands, PackedProduct, Product};
use crate::kernel::gemm::tile::{Finish, First};
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
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    if b.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && finish.takes_columns_as_rows() {
        // SAFETY: the caller's promises; C has one column, and no gaps.
        return unsafe { run_column_as_row(isa, a, b, c, first, finish) };
    }
    // SAFETY: 1. see above. 2. to 6. The views are borrowed until the end of this function, and the caller's promises.
    run_product(isa, &unsafe { Product::new(Operands::of_views(a, b, c, first), *finish) });
}

/// A column of products with a transposed A: a row of the transposed product, whose vectors lie along it.
///
/// # Safety
/// As for [`run`]; C is not empty, and has one column without gaps, which `finish` takes as a row.
#[inline(never)]
unsafe fn run_column_as_row<F: Finish>(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    c: MatMut<'_>,
    first: First,
    finish: &F,
) {
    let first = if let First::Row(bias) = first { First::Each(bias) } else { first };
    // SAFETY: 1., 5. C's column is a row of as many numbers. 2., 3. A and B change places, and A lies as it must. 4. The
    // bias is a number, and taken for one. 6. The caller's promise.
    run_product(isa, &unsafe { Product::new(Operands::of_column_as_row(a, b, c, first), *finish) });
}

/// On this thread, or with the feature `rayon` on several.
#[inline(always)]
fn run_product<F: Finish>(isa: Isa, product: &Product<'_, F>) {
    #[cfg(feature = "rayon")]
    super::threads::run(isa, product);
    #[cfg(not(feature = "rayon"))]
    isa.call(super::driver::Run { product });
}

/// `c = a b + bias`, and a ReLU if asked for, for one row of A.
#[inline(always)]
pub(in crate::kernel::gemm) fn row_product<const K: usize, const N: usize>(
    isa: Isa,
    a: &[f32; K],
    b: &[[f32; N]; K],
    c: &mut [f32; N],
    bias: &[f32; N],
    relu: bool,
) {
    let (a, c) = (core::array::from_ref(a), core::array::from_mut(c));
    isa.call(FixedProduct { a, b, c, bias, relu });
}

/// `c = c + a^T (b factor)`.
pub(in crate::kernel::gemm) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], mut c: MatMut<'_>, factor: f32) {
    isa.call(RankOne { a, b, c: &mut c, factor });
}

/// The product with a B in panels of sixteen columns.
pub(in crate::kernel::gemm) fn run_panels(isa: Isa, product: &PackedProduct<'_>) {
    isa.call(Panels { product });
}
