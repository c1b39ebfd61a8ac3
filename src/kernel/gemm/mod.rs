//! Products of matrices: C = A B and what follows from it.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | the door: shapes are checked here and nowhere below |
//! | `chains` | how sums are cut, on every instruction set |
//! | `product`, `tile` | what kernels are handed: a product; what a tile starts from, and how it ends |
//! | `epilogue` | what happens at the store |
//! | `packed` | weights packed once |
//! | `reference` | the same product as three loops |
//! | with vectors: `driver` | who takes which product; the loops over blocks, panels and tiles; packing |
//! | `plan` | how rows, columns and k are cut: arithmetic on sizes |
//! | `micro` | the micro-kernel: one tile in registers; why it is fast |
//! | `column`, `long_row`, `few_rows`, `thin`, `tiny` | products with too little of something for a tile |
//! | `fixed`, `panels` | products whose shape is a type, or whose B is packed |
//! | without vectors: `scalar/` | the same for microcontrollers: small, and assembly where it pays |

mod chains;
mod epilogue;
mod packed;
mod product;
pub(crate) mod reference;
mod tile;

#[cfg(not(fusebox_scalar))]
mod column;
#[cfg(not(fusebox_scalar))]
mod driver;
#[cfg(not(fusebox_scalar))]
mod few_rows;
#[cfg(not(fusebox_scalar))]
mod fixed;
#[cfg(not(fusebox_scalar))]
mod long_row;
#[cfg(not(fusebox_scalar))]
mod micro;
#[cfg(not(fusebox_scalar))]
mod panels;
#[cfg(not(fusebox_scalar))]
mod plan;
#[cfg(not(fusebox_scalar))]
mod thin;
#[cfg(all(feature = "rayon", not(fusebox_scalar)))]
mod threads;
#[cfg(not(fusebox_scalar))]
mod tiny;

#[cfg(fusebox_scalar)]
mod scalar;

pub use epilogue::Epilogue;
#[cfg(not(fusebox_scalar))]
pub(super) use fixed::fixed_product;
pub use packed::{Packed, gemm_packed, gemm_packed_with};
#[cfg(fusebox_scalar)]
pub(super) use scalar::fixed_product;
#[cfg(fusebox_scalar)]
use scalar::run;
pub(crate) use tile::{Finish, Place, load_row, next_row, store_tile};

use crate::{Error, Isa, Mat, MatMut};
use epilogue::Activate;
use product::Product;
use tile::First;

/// The product of `a` (m x k) and `b` (k x n) into `c` (m x n), finished by `epilogue`; on the fastest instruction set
/// there is. Either of `a` and `b` may be a transposed view. `c` is overwritten, or added to with
/// [`Epilogue::Accumulate`]. A product over k = 0 is zero, then the epilogue.
///
/// Errors, with nothing written, when the inner dimensions differ, `c` or a mask is not m x n, or a bias does not
/// have n numbers. Takes, in an optimised build, at most 64 KiB of stack on desktops (`tests/stack.rs` measures it), 1 KiB
/// on microcontrollers. A large product packs panels of `b` in rows of `c` that are still to be written; there is no heap.
///
/// With the feature `rayon`, a large product runs on the threads of the current pool, and gives the same bits.
///
/// The sum's order and its error bound are the crate's contract: see ARCHITECTURE.md.
///
/// ```
/// use fusebox::{Epilogue, Mat, MatMut, gemm};
/// let a = Mat::new(&[1.0, 2.0, 3.0, 4.0], 2, 2)?;
/// let b = Mat::new(&[5.0, 6.0, 7.0, 8.0], 2, 2)?;
/// let mut c = [0.0; 4];
/// gemm(a, b.t(), MatMut::new(&mut c, 2, 2)?, Epilogue::Bias(&[0.5, 0.25]))?;
/// assert_eq!(c, [17.5, 23.25, 39.5, 53.25]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[inline]
pub fn gemm(a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, epilogue: Epilogue<'_>) -> Result<(), Error> {
    gemm_with(Isa::detect(), a, b, c, epilogue)
}

/// [`gemm`] on the instruction set given.
///
/// ```
/// use fusebox::{Epilogue, Isa, Mat, MatMut, gemm_with};
/// for isa in Isa::available() {
///     let mut c = [f32::NAN];
///     let (a, b) = (Mat::new(&[1.0, 2.0], 1, 2)?, Mat::new(&[3.0, 4.0], 2, 1)?);
///     gemm_with(isa, a, b, MatMut::new(&mut c, 1, 1)?, Epilogue::None)?;
///     assert_eq!(c, [11.0]);
/// }
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn gemm_with(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    epilogue: Epilogue<'_>,
) -> Result<(), Error> {
    check(&a, (b.rows(), b.cols()), &c, &epilogue)?;
    run(isa, a, b, c.reborrow(), epilogue.first(), &epilogue.activate());
    if let Epilogue::ReluMask(gate) = epilogue
        && gate.is_transposed()
    {
        // A gate that lies across the tiles is rare; it is not worth code in every micro-kernel.
        reference::relu_mask(&mut c, gate);
    }
    Ok(())
}

/// [`gemm_with`] for a caller in this crate whose types settle the shapes but for the rows of a batch, and who has
/// nobody to tell: where shapes do not agree, nothing is written. A mask must not be transposed.
pub(crate) fn product(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, epilogue: Epilogue<'_>) {
    if check(&a, (b.rows(), b.cols()), &c, &epilogue).is_ok() {
        run(isa, a, b, c, epilogue.first(), &epilogue.activate());
    }
}

/// `c = a b + bias`, and a ReLU if asked for, for one row of A: all that is to be chosen is chosen when the layer is
/// compiled, which a single row feels (two thirds of the time for 64 x 32). Where there are no vectors this is the kernel
/// alone, so that a program that infers holds no other; a single column has an order of its own, in the general product.
#[inline(always)]
pub(crate) fn row_product<const K: usize, const N: usize>(
    isa: Isa,
    a: &[f32; K],
    b: &[[f32; N]; K],
    c: &mut [f32; N],
    bias: &[f32; N],
    relu: bool,
) {
    #[cfg(not(fusebox_scalar))]
    {
        let (a, c) = (core::array::from_ref(a), core::array::from_mut(c));
        isa.call(fixed::FixedProduct { a, b, c, bias, relu });
    }
    #[cfg(fusebox_scalar)]
    if N == 1 {
        let (a, c) = (core::array::from_ref(a), core::array::from_mut(c));
        let epilogue = if relu { Epilogue::BiasRelu(bias) } else { Epilogue::Bias(bias) };
        product(isa, Mat::of_rows(a), Mat::of_rows(b), MatMut::of_rows(c), epilogue);
    } else {
        scalar::row(isa, a, b, c, bias, relu);
    }
}

/// The same, finished by `finish`, which may read the old C: then B must not be transposed, for its blocks of k would
/// leave sums there.
pub(crate) fn finish_product<F: Finish>(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, finish: &F) {
    debug_assert!(!F::READS_OUTPUT || !b.is_transposed(), "blocks of k would leave sums in C");
    if check(&a, (b.rows(), b.cols()), &c, &Epilogue::None).is_ok() {
        run(isa, a, b, c, First::Zero, finish);
    }
}

/// `c = c + a^T (b factor)` for a row `a` of m numbers and a row `b` of n, `c` being m x n: as far as all of them go.
pub(crate) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], mut c: MatMut<'_>, factor: f32) {
    #[cfg(fusebox_scalar)]
    scalar::add_rank_one(isa, a, b, &mut c, factor);
    #[cfg(not(fusebox_scalar))]
    isa.call(thin::RankOne { a, b, c: &mut c, factor });
}

/// Where a [`Product`] is made: of shapes that [`check`] has passed.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
fn run<F: Finish>(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, first: First, finish: &F) {
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    if b.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && finish.takes_columns_as_rows() {
        return run_column_as_row(isa, a, b, c, first, finish);
    }
    run_product(isa, &Product::of_views(a, b, c, first), finish);
}

/// A column of products with a transposed A: a row of the transposed product, whose vectors lie along it.
#[cfg(not(fusebox_scalar))]
#[inline(never)]
fn run_column_as_row<F: Finish>(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, first: First, finish: &F) {
    let first = if let First::Row(bias) = first { First::Each(bias) } else { first };
    run_product(isa, &Product::of_column_as_row(a, b, c, first), finish);
}

/// On this thread, or with the feature `rayon` on several.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
fn run_product<F: Finish>(isa: Isa, product: &Product, finish: &F) {
    #[cfg(feature = "rayon")]
    threads::run(isa, product, finish);
    #[cfg(not(feature = "rayon"))]
    isa.call(driver::Run { product, finish });
}

/// The same with a B in panels of sixteen columns.
fn run_panels(isa: Isa, product: &Product, finish: Activate) {
    #[cfg(fusebox_scalar)]
    scalar::run_panels(isa, product, finish);
    #[cfg(not(fusebox_scalar))]
    isa.call(panels::Panels { product, finish });
}

/// Whether the shapes of a product agree, B being `k` x `n`.
fn check(a: &Mat<'_>, (k, n): (usize, usize), c: &MatMut<'_>, epilogue: &Epilogue<'_>) -> Result<(), Error> {
    let shape = |expected, got| if expected == got { Ok(()) } else { Err(Error::Shape { expected, got }) };
    shape((a.cols(), n), (k, n))?;
    shape((a.rows(), n), (c.rows(), c.cols()))?;
    match epilogue {
        Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) if bias.len() != c.cols() => {
            Err(Error::Length { expected: c.cols(), got: bias.len() })
        }
        Epilogue::ReluMask(gate) => shape((c.rows(), c.cols()), (gate.rows(), gate.cols())),
        _ => Ok(()),
    }
}
