//! The product with a B that was packed ahead of time: see [`crate::kernel::gemm::packed`].

use super::driver::Run;
use super::micro::Strip;
use super::plan;
use super::strips::rows;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Operands, PANEL, PackedProduct, Product};
use crate::kernel::gemm::tile::Place;
use crate::simd::{Pass, Simd};

/// A product whose B is in panels.
pub(super) struct Panels<'a> {
    pub(super) product: &'a PackedProduct<'a>,
}

impl Pass for Panels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { plan::check::<S>() };
        let Self { product } = self;
        let finish = product.finish();
        if product.a_transposed || product.n == 1 {
            return self.one_by_one(s);
        }
        let Operands { m, n, k, a, a_stride, b, c, c_stride, first, .. } = **product;
        let mut col = 0;
        while col < n {
            let left = (n - col).div_ceil(S::LANES);
            let vectors = plan::packed_vectors::<S>(left, m);
            let strip = Strip {
                a,
                a_stride,
                b: b.wrapping_add(col / PANEL * PANEL * k + col % PANEL),
                b_stride: PANEL,
                panel_stride: PANEL * k,
                k,
                k_whole: k,
                segment: product.segment(),
                first: first.at_col(col),
                place: Place {
                    c: c.wrapping_add(col),
                    c_stride,
                    row: 0,
                    col,
                    last_lanes: plan::last_lanes::<S>(n - col, vectors),
                },
                tiles: 0,
                ahead: None,
            };
            // SAFETY: 1. all rows of these columns, of panels which are whole. 2. As `plan` made it.
            unsafe { rows::<S, Activate, false, true>(s, strip, m, vectors, &finish) };
            col += vectors * S::LANES;
        }
    }
}

impl Panels<'_> {
    /// Each panel as a matrix of its own, for products that have kernels of their own: a transposed A, a single column.
    #[inline(always)]
    fn one_by_one<S: Simd>(self, s: S) {
        for col in (0..self.product.n).step_by(PANEL) {
            // SAFETY: 1. columns are left. 2. to 6. One panel of the whole, and the mask of the same columns.
            let product = unsafe { Product::new(self.product.panel(col), self.product.finish().at(0, col)) };
            s.call(Run { product: &product });
        }
    }
}
