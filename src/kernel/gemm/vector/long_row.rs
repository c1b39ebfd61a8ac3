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

use super::Product;
use super::join::{Join, Segment};
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{First, Place, first_values, load_row, store_tile};
use crate::simd::{Pass, Simd};
use crate::{Aligned, Isa};
use core::mem::MaybeUninit;

/// Numbers in a row from which on it is long: two of the widest panels of sixteen lanes.
pub(super) const LONG: usize = 256;

/// Rows of B in a round.
const STEPS: usize = 4;

/// Numbers of a row on the stack: 16 KiB.
const STRETCH: usize = 4 * 1024;

/// The sums of a product of one long row, over one k or more: what becomes of them is for the caller.
pub(super) fn run(isa: Isa, product: &Product<'_>) {
    debug_assert!(product.m == 1 && product.k > 0 && !product.b_transposed);
    debug_assert!(!product.finish().reads_output());
    if product.segment() < product.k {
        return in_segments(isa, product);
    }
    // SAFETY: all of a product.
    isa.call(unsafe { Sums::new(**product) });
}

/// Where sums have several segments: a stretch of the row at a time, whose sums over the segment at hand are on the stack.
#[inline(never)]
fn in_segments(isa: Isa, product: &Product<'_>) {
    let mut scratch = MaybeUninit::<Aligned<[f32; STRETCH]>>::uninit();
    let scratch = scratch.as_mut_ptr().cast();
    let (_, a_k) = product.a_steps();
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
            // SAFETY: a stretch of the product's row, and of its k, with C or the scratch to put sums in.
            isa.call(unsafe { Sums::new(part) });
            if start > 0 {
                let sums =
                    Segment { sums: scratch, stride: cols, row: 0, col, rows: 1, cols, is_last: false };
                // SAFETY: 1. the same stretch. 2. They have just been written.
                isa.call(unsafe { Join::new(product, sums) });
            }
            start = end;
        }
        col += cols;
    }
}

/// The sums of all of a row: four rows of B at a time, and then one by one.
struct Sums(Operands);

impl Sums {
    /// # Safety
    /// `part` is of a product of one row whose B does not lie transposed.
    unsafe fn new(part: Operands) -> Self {
        Self(part)
    }
}

impl Pass for Sums {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(mut part) = self;
        while part.k > 0 {
            let steps = if part.k >= STEPS { STEPS } else { 1 };
            // SAFETY: whoever made this signed for it; so many k are left.
            unsafe {
                match steps {
                    STEPS => sweep::<S, STEPS>(s, &part),
                    _ => sweep::<S, 1>(s, &part),
                }
            }
            part.k -= steps;
            part.a = part.a.wrapping_add(steps * part.a_steps().1);
            part.b = part.b.wrapping_add(steps * part.b_stride);
            part.first = First::Output;
        }
    }
}

/// Adds the first `K` products to all of the row.
///
/// # Safety
/// `row` is part of a product of one row whose B does not lie transposed, with `K` k at least.
#[inline(always)]
unsafe fn sweep<S: Simd, const K: usize>(s: S, row: &Operands) {
    let Operands { n, a, .. } = *row;
    let (_, a_k) = row.a_steps();
    let mut x = [s.splat(0.0); K];
    for j in 0..K {
        // SAFETY: K numbers of A.
        x[j] = s.splat(unsafe { a.wrapping_add(j * a_k).read() });
    }
    let mut col = 0;
    // SAFETY: 1. the caller's promise. 2. So many columns are left.
    unsafe {
        while n - col >= 4 * S::LANES {
            vectors::<S, K, 4>(s, row, &x, col, S::LANES);
            col += 4 * S::LANES;
        }
        while col < n {
            vectors::<S, K, 1>(s, row, &x, col, S::LANES.min(n - col));
            col += S::LANES;
        }
    }
}

/// The `NV` vectors from `col` on, the last of which has `last_lanes`.
///
/// # Safety
/// 1. As for [`sweep`].
/// 2. These vectors lie inside C.
#[inline(always)]
unsafe fn vectors<S: Simd, const K: usize, const NV: usize>(
    s: S,
    row: &Operands,
    x: &[S::V; K],
    col: usize,
    last_lanes: usize,
) {
    let Operands { b, b_stride, c, c_stride, first, .. } = *row;
    let place = Place { c: c.wrapping_add(col), c_stride, row: 0, col, last_lanes };
    // SAFETY: these vectors of C, and of K rows of B, each as long as C's (1, 2).
    unsafe {
        let mut acc = first_values::<S, 1, NV>(s, first.at_col(col), place);
        for j in 0..K {
            let b = load_row::<S, NV>(s, b.wrapping_add(j * b_stride + col), last_lanes);
            for v in 0..NV {
                acc[0][v] = s.mul_add(x[j], b[v], acc[0][v]);
            }
        }
        store_tile(s, &acc, place);
    }
}
