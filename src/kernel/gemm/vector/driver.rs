//! Where products come in, and who takes which.
//!
//! ```text
//! one column of A's rows                      column      vectors along k
//! one row, of 256 numbers or more             long_row    B from end to end
//! up to three rows, B transposed, one segment few_rows    from the shuffles into the multiply-adds
//! k of one                                    thin        a row at a time
//! all others                                  blocks      panels and tiles
//! ```
//!
//! Nothing here knows an instruction set: a kernel is a [`Pass`](crate::simd::Pass), and what the loops must know of its
//! vectors are numbers ([`Tiles`](super::plan::Tiles)). So the loops are compiled once, for all instruction sets, and for
//! all that may become of sums ([`Store`]).

use super::blocks::blocks;
use super::column::Column;
use super::few_rows::{FEW, FewRows};
use super::fixed::FixedProduct;
use super::long_row::{LONG, LongRow};
use super::thin::{RankOne, Thin};
use super::{Product, prepacked};
use crate::kernel::gemm::product::{Operands, PackedProduct};
use crate::kernel::gemm::tile::{Finish, First, Store};
use crate::{Isa, Mat, MatMut};

/// The product of views.
///
/// # Safety
/// 1. The shapes agree: A is m x k, B k x n, C m x n.
/// 2. What `first` points to can be read: n numbers.
/// 3. `finish` was made for C, and what it points to can be accessed: see [`Finish`].
#[inline(always)]
pub(in crate::kernel::gemm) unsafe fn run<F: Finish>(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    c: MatMut<'_>,
    first: First,
    finish: &F,
) {
    let as_row = b.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && finish.takes_columns_as_rows();
    // SAFETY: the caller's promises.
    unsafe { run_store(isa, a, b, c, first, finish.store(), as_row) }
}

/// The same, compiled once. A column of products with a transposed A is a row of the transposed product, whose vectors lie
/// along it, if C has no gaps and `as_row` says that `store` takes it so.
///
/// # Safety
/// As for [`run`].
unsafe fn run_store(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    mut first: First,
    store: Store<'_>,
    as_row: bool,
) {
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    if let (true, First::Row(bias)) = (as_row, first) {
        let rows = c.rows();
        for x in c.data_mut().iter_mut().take(rows) {
            // SAFETY: the bias is one number, as C has one column.
            *x = unsafe { bias.read() };
        }
        first = First::Output;
    }
    let operands = match as_row {
        true => Operands::of_column_as_row(a, b, c, first),
        false => Operands::of_views(a, b, c, first),
    };
    // SAFETY: 1. see above. 2. to 6. The views are borrowed until the end of this function, and the caller's promises; a
    // column without gaps is a row of as many numbers, A and B change places, and A lies as it must.
    let product = unsafe { Product::new(operands, store) };
    #[cfg(feature = "rayon")]
    super::threads::run(isa, &product);
    #[cfg(not(feature = "rayon"))]
    run_product(isa, &product);
}

/// A product on this thread.
pub(super) fn run_product(isa: Isa, product: &Product<'_>) {
    let Operands { m, n, k, a_transposed, b_transposed, .. } = **product;
    if n == 1 && !a_transposed {
        return isa.call(Column { product });
    }
    if m == 1 && n >= LONG && k > 0 && !b_transposed && !product.finish().reads_output() {
        return isa.call(LongRow { product });
    }
    if m <= FEW && b_transposed && product.segment() >= k {
        return isa.call(FewRows { product });
    }
    if k == 1 && !b_transposed {
        return isa.call(Thin { product });
    }
    blocks(isa, product);
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
    prepacked::run(isa, product);
}
