//! Where products come in: shapes are checked here, and what is wrong is an error; past this file all sizes are right.

use super::epilogue::Epilogue;
use super::kernels;
use super::reference;
use super::shape::check;
use super::tile::{Finish, First};
use crate::{Error, Isa, Mat, MatMut};

/// The product of `a` (m x k) and `b` (k x n) into `c` (m x n), finished by `epilogue`; on the fastest instruction set
/// there is. Either of `a` and `b` may be a transposed view. `c` is overwritten, or added to with
/// [`Epilogue::Accumulate`]. A product over k = 0 is zero, then the epilogue.
///
/// Errors, with nothing written, when the inner dimensions differ, `c` or a mask is not m x n, or a bias does not
/// have n numbers. Takes, in an optimised build, at most 64 KiB of stack on desktops (`tests/stack.rs` measures it), less than
/// 1 KiB on microcontrollers. A large product packs panels of `b` in rows of `c` that are still to be written; there is no heap.
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
    // SAFETY: 1. the shapes have been checked. 2., 3. The bias has n numbers, the mask is m x n, and both are borrowed.
    unsafe { kernels::run(isa, a, b, c.reborrow(), epilogue.first(), &epilogue.activate(isa)) };
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
        // SAFETY: as in `gemm_with`.
        unsafe { kernels::run(isa, a, b, c, epilogue.first(), &epilogue.activate(isa)) };
    }
}

/// [`product`] with a bias, for a caller that often has a single row: on cores without vectors that is then the kernel
/// alone, 1200 cycles less on a Cortex-M4F.
pub(crate) fn biased_product(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, bias: &[f32]) {
    #[cfg(fusebox_scalar)]
    let Some(c) = kernels::biased_row(isa, a, b, c, bias) else { return };
    product(isa, a, b, c, Epilogue::Bias(bias));
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
    kernels::row_product(isa, a, b, c, bias, relu);
}

/// The same, finished by `finish`, which may read the old C: then B must not be transposed, for its blocks of k would
/// leave sums there, and nothing is written.
///
/// # Safety
/// `finish` was made for `c`: see [`Finish::finish`].
pub(crate) unsafe fn finish_product<F: Finish>(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, finish: &F) {
    let fits = check(&a, (b.rows(), b.cols()), &c, &Epilogue::None).is_ok();
    if fits && !(F::READS_OUTPUT && b.is_transposed()) {
        // SAFETY: 1. the shapes have been checked. 2. There is nothing to read. 3. The caller's promise.
        unsafe { kernels::run(isa, a, b, c, First::Zero, finish) };
    }
}

/// `c = c + a^T (b factor)` for a row `a` of m numbers and a row `b` of n, `c` being m x n: as far as all of them go.
pub(crate) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], c: MatMut<'_>, factor: f32) {
    kernels::add_rank_one(isa, a, b, c, factor);
}
