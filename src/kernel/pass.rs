//! Many products with one detection of the instruction set.

use super::gemm::{self, fixed_product};
use crate::simd::{self, Simd};
use crate::{Epilogue, Error, Isa, Mat, MatMut};

/// Work with many products, compiled once for each instruction set and run by [`Isa::run`].
///
/// Its body becomes part of a function compiled for the instruction set, and so do its products of fixed shape: they
/// need no detection, branch or call. Mark [`Pass::run`] `#[inline(always)]`; without it the results are the same,
/// but the compiler may not inline the body.
///
/// ```
/// use fusebox::{Isa, Kernels, Pass};
///
/// /// Three layers of a small network, without their activations.
/// struct Forward<'a> {
///     x: &'a [[f32; 4]; 2],
///     weights: &'a [[[f32; 4]; 4]; 3],
/// }
///
/// impl Pass for Forward<'_> {
///     type Output = [[f32; 4]; 2];
///
///     #[inline(always)]
///     fn run<K: Kernels>(self, kernels: K) -> [[f32; 4]; 2] {
///         let mut x = *self.x;
///         for weight in self.weights {
///             let mut y = [[0.0; 4]; 2];
///             kernels.matmul(&x, weight, &mut y);
///             x = y;
///         }
///         x
///     }
/// }
///
/// let mut double = [[0.0; 4]; 4];
/// for i in 0..4 {
///     double[i][i] = 2.0;
/// }
/// let y = Isa::detect().run(Forward { x: &[[1.0; 4]; 2], weights: &[double; 3] });
/// assert_eq!(y, [[8.0; 4]; 2]);
/// ```
pub trait Pass {
    /// The result of the work.
    type Output;

    /// Does the work with the kernels of one instruction set.
    fn run<K: Kernels>(self, kernels: K) -> Self::Output;
}

/// The kernels of one instruction set, passed to a [`Pass`]. Cannot be implemented outside this crate.
pub trait Kernels: Copy + sealed::Sealed {
    /// [`matmul`](crate::matmul): overwrites `c` with the product of `a` and `b`.
    fn matmul<const M: usize, const K: usize, const N: usize>(
        self,
        a: &[[f32; K]; M],
        b: &[[f32; N]; K],
        c: &mut [[f32; N]; M],
    );

    /// [`gemm`](crate::gemm()), including its errors.
    fn gemm(self, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, epilogue: Epilogue<'_>) -> Result<(), Error>;
}

mod sealed {
    pub trait Sealed {}
}

/// The kernels of the instruction set whose token this is.
#[derive(Clone, Copy)]
struct KernelsOf<S>(S, Isa);

impl<S: Simd> sealed::Sealed for KernelsOf<S> {}

impl<S: Simd> Kernels for KernelsOf<S> {
    #[inline(always)]
    fn matmul<const M: usize, const K: usize, const N: usize>(
        self,
        a: &[[f32; K]; M],
        b: &[[f32; N]; K],
        c: &mut [[f32; N]; M],
    ) {
        fixed_product::<S, M, K, N>(self.0, a, b, c);
    }

    #[inline(always)]
    fn gemm(self, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, epilogue: Epilogue<'_>) -> Result<(), Error> {
        gemm::gemm_with(self.1, a, b, c, epilogue)
    }
}

/// Adapts a public pass to the crate's internal trait.
struct Inner<P>(P, Isa);

impl<P: Pass> simd::Pass for Inner<P> {
    type Output = P::Output;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> P::Output {
        self.0.run(KernelsOf(s, self.1))
    }
}

impl Isa {
    /// Runs `pass` compiled for this instruction set: its products of fixed shape have no overhead. See [`Pass`].
    #[inline]
    pub fn run<P: Pass>(self, pass: P) -> P::Output {
        self.call(Inner(pass, self))
    }
}
