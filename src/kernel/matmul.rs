//! Products whose shape is part of a type: panels, tiles, edge tiles and unrolling are decided at compile time.

use super::gemm::fixed_product;
use crate::Isa;
use crate::simd::{Pass, Simd};

/// Overwrites `c` with the product of `a` and `b`, on the fastest available instruction set. Same bits as
/// [`crate::gemm`] for that shape.
///
/// ```
/// let a = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let b = [[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]];
/// let mut c = [[f32::NAN; 3]; 3];
/// fusebox::matmul::<3, 2, 3>(&a, &b, &mut c);
/// assert_eq!(c, [[1.0, 2.0, 8.0], [3.0, 4.0, 18.0], [5.0, 6.0, 28.0]]);
/// ```
#[inline]
pub fn matmul<const M: usize, const K: usize, const N: usize>(
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
) {
    matmul_with(Isa::detect(), a, b, c);
}

/// [`matmul`] on the given instruction set.
///
/// ```
/// use fusebox::{Isa, matmul_with};
/// let mut c = [[f32::NAN]];
/// matmul_with(Isa::portable(), &[[2.0]], &[[3.0]], &mut c);
/// assert_eq!(c, [[6.0]]);
/// ```
#[inline]
pub fn matmul_with<const M: usize, const K: usize, const N: usize>(
    isa: Isa,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
) {
    isa.call(Matmul { a, b, c });
}

struct Matmul<'a, const M: usize, const K: usize, const N: usize> {
    a: &'a [[f32; K]; M],
    b: &'a [[f32; N]; K],
    c: &'a mut [[f32; N]; M],
}

impl<const M: usize, const K: usize, const N: usize> Pass for Matmul<'_, M, K, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        fixed_product::<S, M, K, N>(s, self.a, self.b, self.c);
    }
}
