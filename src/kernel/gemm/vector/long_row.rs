//! One long row: m = 1, n of [`LONG`] or more, a B that does not lie transposed, and a finish that does not read C.
//!
//! ```text
//! c = first value
//! for four rows of B at a time:                                        (from end to end, as prefetching likes best)
//!     for each four vectors of c:  c += A[0, j] * B[j] for the four j  (c stays in L1)
//! finish(c)
//! ```
//!
//! All the work is reading B once. Panels would read a piece of each row, and learn nothing of the next; whole rows, a few
//! at a time, come within a tenth of a plain read. k ascends into one sum as ever, which between two rounds lies in C.

use super::join::{Segment, join};
use super::panel::framed;
use crate::Aligned;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Operands, Product, a_steps};
use crate::kernel::gemm::tile::{Finish, First, Place, first_values};
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// Numbers in a row from which on it is long: two of the widest panels of sixteen lanes.
pub(super) const LONG: usize = 256;

/// Rows of B in a round.
const STEPS: usize = 4;

/// A product of one long row, whose finish does not read C, and whose sums have one segment.
pub(super) struct LongRow<'a, F, const TN: bool> {
    pub(super) product: &'a Product<'a, F>,
}

impl<F: Finish, const TN: bool> Pass for LongRow<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.m == 1 && product.a_transposed == TN && !product.b_transposed);
        debug_assert!(!F::READS_OUTPUT);
        // SAFETY: all of a product.
        unsafe { sums::<S, F, TN>(s, **product, product.finish()) };
    }
}

/// The same where sums have several segments: a stretch of the row at a time, whose sums over the segment at hand are on the
/// stack.
pub(super) struct LongRowInSegments<'a, F, const TN: bool> {
    pub(super) product: &'a Product<'a, F>,
}

/// Numbers of a row on the stack: 16 KiB.
const STRETCH: usize = 4 * 1024;

impl<F: Finish, const TN: bool> Pass for LongRowInSegments<'_, F, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        debug_assert!(product.m == 1 && product.a_transposed == TN && !product.b_transposed);
        debug_assert!(!F::READS_OUTPUT);
        let mut scratch = Aligned([MaybeUninit::<f32>::uninit(); STRETCH]);
        let scratch = framed(&mut scratch);
        let (_, a_k) = a_steps::<TN>(product);
        let (k, segment) = (product.k, product.segment());
        let mut col = 0;
        while col < product.n {
            let cols = STRETCH.min(product.n - col);
            let mut start = 0;
            while start < k {
                let end = k.min(start + segment);
                // The first segment's sums are in C, and start from what the product does.
                let (first, c) = match start {
                    0 => (product.first.at_col(col), product.c.wrapping_add(col)),
                    _ => (First::Zero, scratch),
                };
                let part = Operands {
                    n: cols,
                    k: end - start,
                    a: product.a.wrapping_add(start * a_k),
                    b: product.b.wrapping_add(start * product.b_stride + col),
                    first,
                    c,
                    ..**product
                };
                // SAFETY: 1. a stretch of the product's row, and of its k, with C or the scratch to put sums in. 2. There is
                // nothing to be made for.
                unsafe { sums::<S, Activate, TN>(s, part, &Activate::Nothing) };
                if start > 0 {
                    let is_last = end == k;
                    let sums = Segment { sums: scratch, stride: cols, row: 0, col, rows: 1, cols, is_last };
                    // SAFETY: 1. the same stretch. 2. They have just been written.
                    unsafe { join(s, product, sums) };
                }
                start = end;
            }
            col += cols;
        }
    }
}

/// All of a row: four rows of B at a time, and then up to four.
///
/// # Safety
/// 1. `part` is of a product of one row whose B does not lie transposed, and whose A lies as `TN` says.
/// 2. `finish` was made for its C.
#[inline(always)]
unsafe fn sums<S: Simd, F: Finish, const TN: bool>(s: S, mut part: Operands, finish: &F) {
    // SAFETY: the caller's promises; so many k are left.
    unsafe {
        while part.k > STEPS {
            sweep::<S, Activate, STEPS, TN>(s, &part, &Activate::Nothing);
            part.k -= STEPS;
            part.a = part.a.wrapping_add(STEPS * a_steps::<TN>(&part).1);
            part.b = part.b.wrapping_add(STEPS * part.b_stride);
            part.first = First::Output;
        }
        match part.k {
            0 => sweep::<S, F, 0, TN>(s, &part, finish),
            1 => sweep::<S, F, 1, TN>(s, &part, finish),
            2 => sweep::<S, F, 2, TN>(s, &part, finish),
            3 => sweep::<S, F, 3, TN>(s, &part, finish),
            _ => sweep::<S, F, STEPS, TN>(s, &part, finish),
        }
    }
}

/// Adds the first `K` products to all of the row, and finishes it.
///
/// # Safety
/// 1. `row` is part of a product of one row whose B does not lie transposed and whose A lies as `TN` says, with `K` k at
///    least.
/// 2. `finish` was made for its C.
#[inline(always)]
unsafe fn sweep<S: Simd, F: Finish, const K: usize, const TN: bool>(s: S, row: &Operands, finish: &F) {
    let Operands { n, a, .. } = *row;
    let (_, a_k) = a_steps::<TN>(row);
    // SAFETY: K numbers of A (1).
    let x: [S::V; K] = core::array::from_fn(|j| s.splat(unsafe { a.wrapping_add(j * a_k).read() }));
    let mut col = 0;
    // SAFETY: 1., 2. the caller's promises. 3. So many columns are left.
    unsafe {
        while n - col >= 4 * S::LANES {
            vectors::<S, F, K, 4>(s, row, finish, &x, col, S::LANES);
            col += 4 * S::LANES;
        }
        while col < n {
            vectors::<S, F, K, 1>(s, row, finish, &x, col, S::LANES.min(n - col));
            col += S::LANES;
        }
    }
}

/// The `NV` vectors from `col` on, the last of which has `last_lanes`.
///
/// # Safety
/// 1., 2. As for [`sweep`].
/// 3. These vectors lie inside C.
#[inline(always)]
unsafe fn vectors<S: Simd, F: Finish, const K: usize, const NV: usize>(
    s: S,
    row: &Operands,
    finish: &F,
    x: &[S::V; K],
    col: usize,
    last_lanes: usize,
) {
    let Operands { b, b_stride, c, c_stride, first, .. } = *row;
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    // SAFETY: these vectors of C, and of K rows of B, each as long as C's (1, 3).
    unsafe {
        let mut acc = first_values::<S, 1, NV>(s, first.at_col(col), place);
        for (j, &x) in x.iter().enumerate() {
            let b = b.wrapping_add(j * b_stride + col);
            for (v, acc) in acc[0].iter_mut().enumerate() {
                let lanes = if v + 1 == NV { last_lanes } else { S::LANES };
                *acc = s.mul_add(x, s.load_partial(b.wrapping_add(v * S::LANES), lanes), *acc);
            }
        }
        finish.finish(s, &mut acc, place);
    }
}
