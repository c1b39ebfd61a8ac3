//! One row by a B that lies transposed: the gradient of a sample, whose vectors along n must be made of columns.
//!
//! ```text
//! for each four vectors of columns of C:
//!     for each LANES k:
//!         for each of these vectors:
//!             column[j] = the numbers of B at k + j, one of each of LANES rows       (a block, transposed in registers)
//!             for j:  acc[v] += A[0, k + j] * column[j]
//! ```
//!
//! Transposing costs more than multiplying here, so a block goes from its shuffles straight into multiply-adds. A sum
//! ascends in k as ever, each step waiting for the one before; some vectors take turns, so that the others' shuffles
//! fill the wait. More rows pay for a packed panel instead (see [`super::blocks`]).
//!
//! Past the last k, A is taken to be -0.0 and B zero: to add their product changes no sum, not even one of -0.0, and takes
//! no branch.

use super::Product;
use super::plan::Tiles;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{Place, first_values, store_tile};
use crate::simd::{Pass, Simd};

/// The sums of a product of one row with a transposed B, of one segment each: what becomes of them is for the caller.
pub(super) struct TransposedRow<'a> {
    pub(super) product: &'a Product<'a>,
}

impl Pass for TransposedRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.m == 1 && product.b_transposed && product.segment() >= product.k);
        let mut col = 0;
        while col < product.n {
            let vectors = Tiles::of::<S>().vectors(product.n - col).min(TURNS);
            // SAFETY: 1. it was made so. 2. So many columns are left.
            unsafe { turns(s, product, col, vectors) };
            col += vectors * S::LANES;
        }
    }
}

/// Vectors that take turns.
const TURNS: usize = 4;

/// The `vectors` vectors of columns from `col` on, the last of which may be in part.
///
/// # Safety
/// 1. The product has one row, and its B lies transposed.
/// 2. All these vectors, at most [`TURNS`], but the last lie inside C, and of the last at least one lane.
#[inline(always)]
unsafe fn turns<S: Simd>(s: S, product: &Operands, col: usize, vectors: usize) {
    let Operands { n, k, a, b, b_stride, c, c_stride, first, .. } = *product;
    let (_, a_k) = product.a_steps();
    let first = first.at_col(col);
    let last_lanes = Tiles::of::<S>().last_lanes(n - col, vectors);
    let lanes = |v: usize| if v + 1 == vectors { last_lanes } else { S::LANES };
    let place = |v: usize| Place {
        c: c.wrapping_add(col + v * S::LANES),
        c_stride,
        row: 0,
        col: col + v * S::LANES,
        last_lanes: lanes(v),
    };
    let mut sums = [s.splat(0.0); TURNS];
    // By a pointer, and numbers hidden from the compiler: the block's code is long, and once is enough.
    let sums = sums.as_mut_ptr();
    let mut xs = [-0.0; 16];
    // SAFETY: one row of A and C (1); of B's n rows as many as there are columns in each vector (2), and of each as many
    // numbers as are left of k; `v` is below `vectors`.
    unsafe {
        for v in 0..vectors {
            let v = s.number_in_register(v);
            let [[sum]] = first_values::<S, 1, 1>(s, first.at_col(v * S::LANES), place(v));
            sums.wrapping_add(v).write(sum);
        }
        let mut start = 0;
        while start < k {
            let depth = S::LANES.min(k - start);
            let (mut x, mut x_step) = (a.wrapping_add(start * a_k), a_k);
            if depth < S::LANES {
                for (j, to) in xs.iter_mut().enumerate().take(depth) {
                    *to = x.wrapping_add(j * a_k).read();
                }
                (x, x_step) = (xs.as_ptr(), 1);
            }
            for v in 0..vectors {
                let v = s.number_in_register(v);
                let block = b.wrapping_add((col + v * S::LANES) * b_stride + start);
                let columns = s.load_transposed(block, b_stride, [lanes(v), depth]);
                let mut sum = sums.wrapping_add(v).read();
                for j in 0..S::LANES {
                    sum = s.mul_add(s.splat(x.wrapping_add(j * x_step).read()), columns[j], sum);
                }
                sums.wrapping_add(v).write(sum);
            }
            start += S::LANES;
        }
        for v in 0..vectors {
            let v = s.number_in_register(v);
            store_tile(s, &[[sums.wrapping_add(v).read()]], place(v));
        }
    }
}
