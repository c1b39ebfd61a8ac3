//! How sums are cut into what the assembly computes: whole tiles, and what is left beside them.

use super::super::abi::Tiles;
#[cfg(all(fusebox_fused, fusebox_core = "m55"))]
use super::super::helium::{nn_row, nn_tiles, nt_tiles, tn_tiles};
use super::super::plain;
use super::super::sums::{End, RankOne, Sums, ZEROS};
use super::rank_one::{eight_columns, one_column, sixteen_columns};
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::rows::nn_row;
use super::rows::nt_row;
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::tiles::{nn_tiles, nt_tiles, tn_tiles};
use core::mem::MaybeUninit;

/// Whether these kernels fuse multiply and add.
const FUSED: bool = cfg!(fusebox_fused);

const NUMBER: usize = size_of::<f32>();

impl Sums {
    /// One segment after the other, in the place of all.
    #[inline(always)]
    fn each_segment(&mut self, mut kernel: impl FnMut(&Self)) {
        let mut left = self.k;
        self.k = self.k.min(self.segment);
        loop {
            kernel(self);
            left -= self.k;
            if left == 0 {
                return;
            }
            self.a = self.a.wrapping_add(self.k * self.a_k);
            self.b = self.b.wrapping_add(self.k * self.b_k);
            self.k = self.segment.min(left);
            (self.first, self.first_row, self.first_col, self.end) = (ZEROS.as_ptr(), 0, 0, End::Add);
        }
    }

    /// Those of `rows` rows from a row on.
    fn rows_from(&self, row: usize, rows: usize) -> Self {
        Self {
            a: self.a.wrapping_add(row * self.a_row),
            first: self.first.wrapping_add(row * self.first_row),
            out: self.out.wrapping_add(row * self.out_row),
            rows,
            ..*self
        }
    }

    /// Those from a column on.
    fn cols_from(&self, col: usize) -> Self {
        Self {
            b: self.b.wrapping_add(col * self.b_col),
            first: self.first.wrapping_add(col * self.first_col),
            out: self.out.wrapping_add(col),
            cols: self.cols - col,
            ..*self
        }
    }
}

/// A kernel of whole tiles. Unsafe, because they must be there.
type Assembly = unsafe extern "C" fn(&mut Tiles);

/// A kernel of one row.
enum RowKernel {
    /// Of one segment.
    OfSegment(Assembly),
    /// Of all of them.
    OfAll(Assembly),
}

/// How A and B lie.
struct Layout {
    /// Four rows of A at a time.
    tiles: Assembly,
    /// One.
    row: Option<RowKernel>,
    a_transposed: bool,
    b_transposed: bool,
}

impl Layout {
    /// In place: a copy would need a routine for it.
    #[inline(never)]
    fn tiles_of<'a>(&self, sums: &Sums, tiles: &'a mut MaybeUninit<Tiles>) -> &'a mut Tiles {
        let (a_stride, a_block) = match self.a_transposed {
            true => (sums.a_k, 4),
            false => (sums.a_row, 4 * sums.a_row),
        };
        tiles.write(Tiles {
            a: sums.a,
            a_stride: a_stride * NUMBER,
            a_block: a_block * NUMBER,
            b: sums.b,
            b_stride: NUMBER * if self.b_transposed { sums.b_col } else { sums.b_k },
            k: sums.k,
            first: sums.first,
            first_row: sums.first_row * NUMBER,
            first_step: sums.first_col * 4 * NUMBER,
            out: sums.out,
            out_row: sums.out_row * NUMBER,
            tiles: if sums.rows == 1 { sums.cols / 16 } else { sums.cols / 4 },
            fours: sums.cols % 16 / 4,
            blocks: sums.rows / 4,
            end: match sums.end {
                End::Store => 0,
                End::Add => 1,
                End::AddTimes(_) => 2,
            },
            factor: if let End::AddTimes(factor) = sums.end { factor } else { 1.0 },
            kept: [ZEROS.as_ptr().addr(), sums.segment, 0],
        })
    }

    /// Computes sums: tiles where there are kernels for them.
    ///
    /// # Safety
    /// As for [`Kernel`](super::super::sums::Kernel): A and B lie like this.
    unsafe fn run(&self, sums: &mut Sums) {
        debug_assert!(sums.rows > 0 && sums.cols > 0 && sums.segment > 0);
        // SAFETY: the caller's promise, here and below: rows and columns of `sums`.
        unsafe {
            if sums.k == 0 || sums.cols < 4 {
                return plain::sums::<FUSED>(sums);
            }
            // What is left beside whole tiles first, for then the rest may take the place of all.
            let whole = sums.rows / 4 * 4;
            for row in whole..sums.rows {
                let mut row = sums.rows_from(row, 1);
                match self.row {
                    Some(RowKernel::OfAll(kernel)) => self.whole(kernel, &row),
                    Some(RowKernel::OfSegment(kernel)) => row.each_segment(|part| self.whole(kernel, part)),
                    None => plain::sums::<FUSED>(&mut row),
                }
            }
            if whole > 0 {
                sums.rows = whole;
                sums.each_segment(|part| self.whole(self.tiles, part));
            }
        }
    }

    /// All columns of one row, or of rows that are tiles.
    ///
    /// # Safety
    /// As for [`Layout::run`]; k is not zero, and there are at least four columns.
    #[inline(never)]
    unsafe fn whole(&self, kernel: Assembly, sums: &Sums) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut tiles = MaybeUninit::uninit();
            kernel(self.tiles_of(sums, &mut tiles));
            let mut row = 0;
            while row < sums.rows && !sums.cols.is_multiple_of(4) {
                let rows = 4.min(sums.rows - row);
                self.last_columns(kernel, &mut sums.rows_from(row, rows), &mut tiles);
                row += rows;
            }
        }
    }

    /// Columns beside the last whole tile of four rows or one: a tile that reaches back, in a copy. They take the place of
    /// all, in `sums` and in `tiles`.
    ///
    /// # Safety
    /// As for [`Layout::whole`].
    #[inline(never)]
    unsafe fn last_columns(&self, kernel: Assembly, sums: &mut Sums, tiles: &mut MaybeUninit<Tiles>) {
        let mut copy = [const { MaybeUninit::<f32>::uninit() }; 16];
        let copy = copy.as_mut_ptr().cast::<f32>();
        let (out, out_row) = (sums.out.wrapping_add(sums.cols - 4), sums.out_row);
        let last = 4 - sums.cols % 4..4;
        *sums = sums.cols_from(sums.cols - 4);
        (sums.out, sums.out_row) = (copy, 4);
        // SAFETY: the caller's promise.
        unsafe {
            for row in 0..sums.rows {
                for col in last.clone() {
                    copy.add(4 * row + col).write(out.wrapping_add(row * out_row + col).read());
                }
            }
            kernel(self.tiles_of(sums, tiles));
            for row in 0..sums.rows {
                for col in last.clone() {
                    out.wrapping_add(row * out_row + col).write(copy.add(4 * row + col).read());
                }
            }
        }
    }
}

/// Sums of A's rows and B as it lies.
///
/// # Safety
/// As for [`Kernel`](super::super::sums::Kernel): A's and B's numbers side by side in rows.
pub(in super::super) unsafe fn nn(sums: &mut Sums) {
    let layout = Layout {
        tiles: nn_tiles,
        row: Some(RowKernel::OfAll(nn_row)),
        a_transposed: false,
        b_transposed: false,
    };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// The same for one row, stored.
///
/// # Safety
/// As for [`nn`].
pub(in super::super) unsafe fn nn_row_alone(sums: &mut Sums) {
    let layout = Layout { tiles: nn_row, row: None, a_transposed: false, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe {
        if sums.k == 0 || sums.cols < 4 {
            return plain::sums::<FUSED>(sums);
        }
        let mut tiles = MaybeUninit::uninit();
        nn_row(layout.tiles_of(sums, &mut tiles));
        if !sums.cols.is_multiple_of(4) {
            layout.last_columns(nn_row, sums, &mut tiles);
        }
    }
}

/// Sums of a transposed A and B as it lies: gradients of weights.
///
/// # Safety
/// As for [`Kernel`](super::super::sums::Kernel): A's numbers side by side in columns, B's in rows.
pub(in super::super) unsafe fn tn(sums: &mut Sums) {
    let layout = Layout { tiles: tn_tiles, row: None, a_transposed: true, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// Sums of A's rows and a transposed B: gradients of a layer's inputs.
///
/// # Safety
/// As for [`Kernel`](super::super::sums::Kernel): A's numbers side by side in rows, B's in columns.
pub(in super::super) unsafe fn nt(sums: &mut Sums) {
    let layout = Layout {
        tiles: nt_tiles,
        row: Some(RowKernel::OfSegment(nt_row)),
        a_transposed: false,
        b_transposed: true,
    };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// A column times a row, added.
///
/// # Safety
/// All that `product` names is there.
pub(in super::super) unsafe fn rank_one(product: &RankOne) {
    let RankOne { a, b, c, stride, m, n, factor } = *product;
    let (stride, factor) = (stride * NUMBER, factor.to_bits());
    let mut col = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while col < n {
            let (kernel, cols): (RankOneAssembly, usize) = match n - col {
                16.. => (sixteen_columns, 16),
                8.. => (eight_columns, 8),
                _ => (one_column, 1),
            };
            kernel(a, b.wrapping_add(col), c.wrapping_add(col), stride, m, factor);
            col += cols;
        }
    }
}

/// Some columns of [`rank_one`], all rows. The stride is in bytes, the factor a number's bits.
type RankOneAssembly = unsafe extern "C" fn(*const f32, *const f32, *mut f32, usize, usize, u32);
