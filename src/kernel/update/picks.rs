//! Rows added to some rows of a product's sums, before a rule is applied to them.

use crate::Isa;
use crate::MatMut;
use crate::kernel::elementwise::{Add, Zip};
use crate::kernel::gemm::{TakeTile, Tile};
use core::ops::Range;

/// A rule for sums to which rows are added first. `picks` calls the function that it gets for each of them that belongs to
/// one of the rows of C, with the row, counted from the first of these, and the part of its numbers in the columns.
pub(crate) struct WithPicks<'a, F> {
    isa: Isa,
    rule: &'a dyn TakeTile,
    picks: F,
}

/// Numbers of a row that are copied at a time.
const PIECE: usize = 64;

impl<'a, F: Fn(&Range<usize>, &Range<usize>, &mut dyn FnMut(usize, &[f32]))> WithPicks<'a, F> {
    pub(crate) fn new(isa: Isa, rule: &'a dyn TakeTile, picks: F) -> Self {
        Self { isa, rule, picks }
    }
}

impl<F: Fn(&Range<usize>, &Range<usize>, &mut dyn FnMut(usize, &[f32]))> TakeTile for WithPicks<'_, F> {
    fn takes_columns_as_rows(&self) -> bool {
        false
    }

    fn fits(&self, weight: &MatMut<'_>) -> bool {
        self.rule.fits(weight)
    }

    /// # Safety
    /// See [`TakeTile::take`].
    unsafe fn take(&self, tile: Tile) {
        let rows = tile.place.row..tile.place.row + tile.rows;
        let mut any = false;
        (self.picks)(&rows, &(0..0), &mut |_, _| any = true);
        if !any {
            // SAFETY: the caller's promise.
            return unsafe { self.rule.take(tile) };
        }
        for row in 0..tile.rows {
            let mut col = 0;
            while col < tile.cols {
                let len = PIECE.min(tile.cols - col);
                let mut sums = [0.0; PIECE];
                let (part, _) = sums.split_at_mut(len);
                for (i, sum) in part.iter_mut().enumerate() {
                    // SAFETY: one of the tile's sums.
                    *sum = unsafe { tile.sums.wrapping_add(row * tile.stride + col + i).read() };
                }
                let (at, first) = (rows.start + row, tile.place.col + col);
                (self.picks)(&(at..at + 1), &(first..first + len), &mut |_, others| {
                    self.isa.call(Zip { function: Add, others, xs: part });
                });
                let mut place = tile.place;
                place.c = place.c.wrapping_add(row * place.c_stride + col);
                (place.row, place.col) = (at, first);
                // SAFETY: part of the tile: no other call takes it.
                unsafe {
                    self.rule.take(Tile { sums: part.as_ptr(), stride: len, rows: 1, cols: len, place })
                };
                col += len;
            }
        }
    }
}
