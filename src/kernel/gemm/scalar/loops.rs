//! The loops around a kernel where the old C is needed at the end: sums lie on the stack, a few rows and columns at a time.

use super::finish::FinishRows;
use super::sums::{End, Kernel, Sums, ZEROS};
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::tile::{First, Place};
use core::mem::MaybeUninit;

/// Rows and columns of C at a time where sums lie on the stack.
const ROWS: usize = 4;

const COLS: usize = 16;

/// Sums from a row and a column on, all k of them; where they go, and how many they are, is for the caller to add.
pub(super) fn sums_at(operands: &Operands, [row, col]: [usize; 2]) -> Sums {
    let Operands { k, a, a_stride, a_transposed, b, b_stride, b_transposed, c, c_stride, .. } = *operands;
    let (a_row, a_k) = if a_transposed { (1, a_stride) } else { (a_stride, 1) };
    let (b_k, b_col) = if b_transposed { (1, b_stride) } else { (b_stride, 1) };
    let (first, first_row, first_col) = match operands.first {
        First::Zero => (ZEROS.as_ptr(), 0, 0),
        First::Row(row) => (row.wrapping_add(col), 0, 1),
        First::Output => (c.wrapping_add(row * c_stride + col).cast_const(), c_stride, 1),
    };
    Sums {
        a: a.wrapping_add(row * a_row),
        a_row,
        a_k,
        b: b.wrapping_add(col * b_col),
        b_k,
        b_col,
        k,
        segment: operands.segment(),
        first,
        first_row,
        first_col,
        out: core::ptr::null_mut(),
        out_row: 0,
        end: End::Store,
        rows: 0,
        cols: 0,
    }
}

/// Computes a product a few rows and columns at a time.
///
/// # Safety
/// The kernel is for how the product's A and B lie.
#[inline(never)]
pub(super) unsafe fn drive_by_tiles(kernel: Kernel, product: &Product<'_, &dyn FinishRows>) {
    let Operands { m, n, c, c_stride, .. } = **product;
    let finish = *product.finish();
    let mut tile = [const { MaybeUninit::<f32>::uninit() }; ROWS * COLS];
    let out = tile.as_mut_ptr().cast::<f32>();
    let (mut row, mut col) = (0, 0);
    while row < m {
        let (rows, cols) = (ROWS.min(m - row), COLS.min(n - col));
        let mut sums = sums_at(product, [row, col]);
        (sums.out, sums.out_row) = (out, COLS);
        (sums.rows, sums.cols) = (rows, cols);
        // SAFETY: rows below m and columns below n; the tile has room.
        unsafe {
            kernel(&mut sums);
            for r in 0..rows {
                let c = c.wrapping_add((row + r) * c_stride + col);
                let place = Place { c, c_stride, row: row + r, col, last_lanes: 1 };
                finish.finish_row(out.wrapping_add(r * COLS), place, cols);
            }
        }
        col += cols;
        if col == n {
            (row, col) = (row + rows, 0);
        }
    }
}
