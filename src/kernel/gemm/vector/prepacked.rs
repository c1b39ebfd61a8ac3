//! The product with a B that was packed ahead of time: see [`crate::kernel::gemm::packed`].

use super::Product;
use super::driver::run_product;
use super::panel::{Block, Panel, first_strip};
use super::plan::Tiles;
use super::strips::rows;
use crate::Isa;
use crate::kernel::gemm::product::{Operands, PANEL, PackedProduct};
use crate::kernel::gemm::tile::Finish;

/// A product whose B is in panels.
pub(in crate::kernel::gemm) fn run_panels(isa: Isa, product: &PackedProduct<'_>) {
    let Operands { m, n, k, .. } = **product;
    let finish = product.finish();
    let store = finish.store();
    if product.a_transposed || n == 1 {
        // Each panel as a matrix of its own, for products that have kernels of their own.
        for col in (0..n).step_by(PANEL) {
            // SAFETY: 1. columns are left. 2. to 6. One panel of the whole, and the mask of the same columns.
            run_product(isa, &unsafe { Product::new(product.panel(col), store.at(0, col)) });
        }
        return;
    }
    let tiles = Tiles::of_isa(isa);
    let block = Block { row: 0, rows: m, start: 0, depth: k };
    let mut col = 0;
    while col < n {
        let vectors = tiles.prepacked_vectors(tiles.vectors(n - col), m);
        let last_lanes = tiles.last_lanes(n - col, vectors);
        let mut strip = first_strip(product, &store, block, Panel { col, vectors, last_lanes });
        strip.b = product.b.wrapping_add(col / PANEL * PANEL * k + col % PANEL);
        strip.b_panel = PANEL * k;
        // SAFETY: 1. all rows of these columns, of panels which are whole. 2. As `plan` made it.
        unsafe { rows(isa, tiles, &mut strip, m, vectors) };
        col += vectors * tiles.lanes;
    }
}
