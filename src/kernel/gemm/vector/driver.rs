//! Who takes which product.
//!
//! ```text
//! one column of A's rows                      column      vectors along k
//! one row, of 256 numbers or more             long_row    B from end to end
//! up to three rows, B transposed, one segment few_rows    from the shuffles into the multiply-adds
//! one tile of one vector                      tiny        the shortest way there
//! k up to three                               thin        a row at a time
//! all others                                  blocks      panels and tiles
//! ```

use super::blocks::Blocks;
use super::column::Column;
use super::few_rows::{FEW, FewRows};
use super::long_row::{LONG, LongRow, LongRowInSegments};
use super::plan;
use super::thin::{THIN, Thin};
use super::tiny;
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::tile::Finish;
use crate::simd::{Pass, Simd};

/// A product as a pass.
pub(super) struct Run<'a, F> {
    pub(super) product: &'a Product<'a, F>,
}

impl<F: Finish> Pass for Run<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { plan::check::<S>() };
        let Self { product } = self;
        let Operands { m, n, k, a_transposed, b_transposed, .. } = **product;
        if n == 1 && !a_transposed {
            return s.call(Column { product });
        }
        let one_segment = product.segment() >= k;
        if m == 1 && n >= LONG && !b_transposed && !F::READS_OUTPUT {
            return match (a_transposed, one_segment) {
                (false, true) => s.call(LongRow::<F, false> { product }),
                (true, true) => s.call(LongRow::<F, true> { product }),
                (false, false) => s.call(LongRowInSegments::<F, false> { product }),
                (true, false) => s.call(LongRowInSegments::<F, true> { product }),
            };
        }
        if m <= FEW && b_transposed && one_segment {
            return match a_transposed {
                false => s.call(FewRows::<F, false> { product }),
                true => s.call(FewRows::<F, true> { product }),
            };
        }
        let tiny = tiny::is_tiny::<S>(product);
        let thin = k.wrapping_sub(1) < THIN && !b_transposed;
        match (a_transposed, tiny, thin) {
            // SAFETY: 1. it is tiny. 2. A lies so; below, too.
            (false, true, _) => unsafe { tiny::run::<S, F, false>(s, product) },
            // SAFETY: see above.
            (true, true, _) => unsafe { tiny::run::<S, F, true>(s, product) },
            (false, _, true) => s.call(Thin::<F, false> { product }),
            (true, _, true) => s.call(Thin::<F, true> { product }),
            (false, _, _) => s.call(Blocks::<F, false> { product }),
            (true, _, _) => s.call(Blocks::<F, true> { product }),
        }
    }
}
