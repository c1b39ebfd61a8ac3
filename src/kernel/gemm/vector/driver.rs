//! Where products come in, and who takes which.
//!
//! ```text
//! one column of A's rows                 column           vectors along k
//! one vector of columns, short sums      blocks           the shortest way to the micro-kernel
//! one row, of 256 numbers or more        long_row         B from end to end
//! rows by rows, of 512 k or more         dots             vectors along k
//! one row, B transposed, one segment     transposed_row   from the shuffles into the multiply-adds
//! k of one                               thin             a row at a time
//! all others                             blocks           panels and tiles
//! ```
//!
//! Nothing here knows an instruction set: a kernel is a [`Pass`](crate::simd::Pass), and what the loops must know of its
//! vectors are numbers ([`Tiles`](super::plan::Tiles)). So the loops are compiled once, for all instruction sets, and for
//! all that may become of sums ([`Store`]).

use super::Product;
use super::blocks::{blocks, in_place, is_one_vector, one_vector};
use super::column::Column;
use super::dots::Dots;
use super::fixed::FixedProduct;
use super::join::store_rows;
use super::long_row::{self, LONG};
use super::panel::{Pack, Panel};
use super::plan::Tiles;
use super::thin::Thin;
use super::transposed_row::TransposedRow;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::segments::DOTS;
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
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    if b.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && finish.takes_columns_as_rows() {
        // SAFETY: the caller's promises; C has one column, and no gaps.
        return unsafe { run_column_as_row(isa, a, b, c, first, finish.store()) };
    }
    // SAFETY: 1. see above. 2. to 6. The views are borrowed until the end of this function, and the caller's promises.
    run_whole(isa, &unsafe { Product::new(Operands::of_views(a, b, c, first), finish.store()) });
}

/// On this thread, or with the feature `rayon` on several.
#[inline(always)]
fn run_whole(isa: Isa, product: &Product<'_>) {
    #[cfg(fusebox_threads)]
    super::threads::run(isa, product);
    #[cfg(not(fusebox_threads))]
    run_product(isa, product);
}

/// A column of products with a transposed A: a row of the transposed product, whose vectors lie along it.
///
/// # Safety
/// As for [`run`]; C is not empty, and has one column without gaps, which `store` takes as a row.
#[inline(never)]
unsafe fn run_column_as_row(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    mut first: First,
    store: Store<'_>,
) {
    if let First::Row(bias) = first {
        let rows = c.rows();
        for x in c.data_mut().iter_mut().take(rows) {
            // SAFETY: the bias is one number, as C has one column.
            *x = unsafe { bias.read() };
        }
        first = First::Output;
    }
    // SAFETY: 1., 5. C's column is a row of as many numbers. 2., 3. A and B change places, and A lies as it must. 4. The old
    // C. 6. The caller's promise.
    run_whole(isa, &unsafe { Product::new(Operands::of_column_as_row(a, b, c, first), store) });
}

/// A product on this thread.
pub(super) fn run_product(isa: Isa, product: &Product<'_>) {
    let Operands { m, n, k, a_transposed, b_transposed, .. } = **product;
    if n == 1 && !a_transposed {
        return isa.call(Column { product });
    }
    let tiles = Tiles::of_isa(isa);
    if is_one_vector(tiles, product) {
        // SAFETY: it is.
        return unsafe { one_vector(isa, tiles, product) };
    }
    if m == 1 && n >= LONG && k > 0 && !b_transposed && !product.finish().reads_output() {
        long_row::run(isa, product);
        return store_rows(isa, product);
    }
    if b_transposed && !a_transposed && k >= DOTS {
        // SAFETY: see above.
        return isa.call(unsafe { Dots::new(product) });
    }
    if m == 1 && b_transposed && product.segment() >= k {
        isa.call(TransposedRow { product });
        return store_rows(isa, product);
    }
    if k == 1 && !b_transposed && matches!(product.finish(), Store::Sums) {
        return isa.call(Thin { product, factor: None });
    }
    blocks(isa, tiles, product);
}

/// A product each of whose sums is one chain of k, whatever its shape, in the order of k: part of a longer sum. A's rows may overlap.
///
/// # Safety
/// As for [`Product::new`], but that A's rows may overlap; B does not lie transposed.
#[inline(never)]
pub(in crate::kernel) unsafe fn chain(isa: Isa, operands: &Operands, end: Activate) {
    let tiles = Tiles::of_isa(isa);
    // SAFETY: the caller's promises.
    unsafe {
        let product = Product::new(*operands, end.store());
        if is_one_vector(tiles, &product) {
            one_vector(isa, tiles, &product);
        } else {
            in_place(isa, tiles, &product);
        }
    }
}

/// The same where B lies transposed, for sums of less than [`DOTS`]. C is overwritten.
///
/// # Safety
/// As for [`Product::new`].
#[inline(never)]
pub(in crate::kernel) unsafe fn chain_by_rows(isa: Isa, operands: &Operands) {
    // SAFETY: the caller's promise.
    let product = unsafe { Product::new(*operands, Activate::Nothing.store()) };
    debug_assert!(product.b_transposed && product.k < DOTS && product.segment() >= product.k);
    if product.m == 1 {
        return isa.call(TransposedRow { product: &product });
    }
    if product.n > 1 {
        return blocks(isa, Tiles::of_isa(isa), &product);
    }
    // A single column has another order elsewhere.
    for row in 0..product.m {
        let (a, c) =
            (product.a.wrapping_add(row * product.a_stride), product.c.wrapping_add(row * product.c_stride));
        // SAFETY: a row of the product.
        let product =
            unsafe { Product::new(Operands { m: 1, a, c, ..*operands }, Activate::Nothing.store()) };
        isa.call(TransposedRow { product: &product });
    }
}

/// Numbers in a row of a panel of B, where `cols` columns are left.
pub(in crate::kernel) fn panel_width(isa: Isa, cols: usize) -> usize {
    let tiles = Tiles::of_isa(isa);
    tiles.buffered_vectors(tiles.vectors(cols), usize::MAX) * tiles.lanes
}

/// Copies `depth` numbers of `cols` rows, `stride` apart, to as many rows of a panel: transposed, with zeros past the last column.
///
/// # Safety
/// They can be read; there is room for `depth` rows of [`panel_width`].
pub(in crate::kernel) unsafe fn pack_transposed(
    isa: Isa,
    from: *const f32,
    stride: usize,
    cols: usize,
    depth: usize,
    to: *mut f32,
) {
    let tiles = Tiles::of_isa(isa);
    let vectors = tiles.vectors(cols);
    let panel = Panel { col: 0, vectors, last_lanes: tiles.last_lanes(cols, vectors) };
    // SAFETY: 1., 2. the caller's promise.
    isa.call(unsafe { Pack::new(from, stride, true, panel, depth, to) });
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
