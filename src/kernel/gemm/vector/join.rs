//! What becomes of sums that lie in memory: those of a segment, on the stack or in columns of C that are still to be written,
//! join the sums of the segments before; and sums in C itself are finished.

use super::Product;
use crate::Isa;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::tile::{FinishTile, Place, Store, Tile, finish};
use crate::simd::{Pass, Simd};

/// Sums of a segment, `rows` rows of `cols`.
pub(super) struct Segment {
    pub(super) sums: *const f32,
    /// Numbers from one row of them to the next.
    pub(super) stride: usize,
    /// Where they belong in C, whose numbers are the sums of the segments before.
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Whether k ends here.
    pub(super) is_last: bool,
}

/// Adds the segment's sums to C, and finishes it if this is the last.
pub(super) struct Join<'a> {
    product: &'a Product<'a>,
    segment: Segment,
}

impl<'a> Join<'a> {
    /// # Safety
    /// 1. The product has these rows and columns.
    /// 2. The sums can be read.
    pub(super) unsafe fn new(product: &'a Product<'a>, segment: Segment) -> Self {
        Self { product, segment }
    }
}

impl Pass for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, segment: Segment { sums, stride, row, col, rows, cols, is_last } } = self;
        let c_stride = product.c_stride;
        let store = if is_last { product.finish() } else { &Store::Sums };
        for r in 0..rows {
            let mut at = 0;
            while at < cols {
                let last_lanes = S::LANES.min(cols - at);
                let c = product.c.wrapping_add((row + r) * c_stride + col + at);
                let place = Place { c, c_stride, row: row + r, col: col + at, last_lanes };
                // SAFETY: some lanes of the sums (2), and a tile of as many of C (1).
                unsafe {
                    let sum = s.load_partial(sums.wrapping_add(r * stride + at), last_lanes);
                    let before = s.load_partial(c, last_lanes);
                    finish(s, &mut [[s.add(before, sum)]], place, store);
                }
                at += S::LANES;
            }
        }
    }
}

/// Finishes sums that lie in C.
#[inline(always)]
pub(super) fn store_rows(isa: Isa, product: &Product<'_>) {
    let Operands { m, n, c, c_stride, .. } = **product;
    if !matches!(product.finish(), Store::Sums) {
        let place = Place { c, c_stride, row: 0, col: 0, last_lanes: 0 };
        let tile = Tile { sums: c, stride: c_stride, rows: m, cols: n, place };
        // SAFETY: all of the product.
        isa.call(unsafe { FinishTile::new(tile, product.finish()) });
    }
}
