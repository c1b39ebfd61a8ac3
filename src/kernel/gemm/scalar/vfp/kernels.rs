//! How sums are cut into what the assembly computes: whole tiles, and what is left beside them.

#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::super::abi::Stretched;
use super::super::abi::Tiles;
#[cfg(all(fusebox_fused, fusebox_core = "m55"))]
use super::super::helium::{nn_row, nn_tiles, nt_tiles, tn_tiles};
use super::super::plain;
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::super::stretches::Stretches;
use super::super::sums::{End, RankOne, Sums, ZEROS};
use super::rank_one::{eight_columns, one_column};
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::rows::nn_row;
use super::rows::nt_row;
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::tiles::{nn_stretches, nn_tiles, nt_stretches, nt_tiles, tn_stretches, tn_tiles};
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
use super::wide_row::{WideRow, wide_row};
use crate::kernel::gemm::segments::segment_len;
use crate::simd::rolled;
use core::mem::MaybeUninit;

/// Whether these kernels fuse multiply and add.
const FUSED: bool = cfg!(fusebox_fused);

const NUMBER: usize = size_of::<f32>();

/// A kernel of whole tiles of one segment. Unsafe, because they must be there.
type Assembly = unsafe extern "C" fn(&mut Tiles);

/// How A and B lie.
struct Layout {
    /// Four rows of A at a time.
    tiles: Assembly,
    /// One.
    row: Option<Assembly>,
    a_transposed: bool,
    b_transposed: bool,
}

/// Some rows of the sums, from a column on.
struct Part {
    row: usize,
    rows: usize,
    col: usize,
}

impl Layout {
    /// What the assembly is handed for a part. In place: a copy would need a routine for it.
    #[inline(never)]
    fn tiles_of<'a>(&self, sums: &Sums, part: &Part, tiles: &'a mut MaybeUninit<Tiles>) -> &'a mut Tiles {
        let (a_stride, a_block) = match self.a_transposed {
            true => (sums.a_k, 4),
            false => (sums.a_row, 4 * sums.a_row),
        };
        let cols = sums.cols - part.col;
        tiles.write(Tiles {
            a: sums.a.wrapping_add(part.row * sums.a_row),
            a_stride: a_stride * NUMBER,
            a_block: a_block * NUMBER,
            b: sums.b.wrapping_add(part.col * sums.b_col),
            b_stride: NUMBER * if self.b_transposed { sums.b_col } else { sums.b_k },
            k: sums.k,
            first: sums.first.wrapping_add(part.row * sums.first_row + part.col * sums.first_col),
            first_row: sums.first_row * NUMBER,
            first_step: sums.first_col * 4 * NUMBER,
            out: sums.out.wrapping_add(part.row * sums.out_row + part.col),
            out_row: sums.out_row * NUMBER,
            tiles: if part.rows == 1 { cols / 16 } else { cols / 4 },
            fours: cols % 16 / 4,
            blocks: part.rows / 4,
            end: match sums.end {
                End::Store => 0,
                End::Add => 1,
                End::AddTimes(_) => 2,
            },
            factor: if let End::AddTimes(factor) = sums.end { factor } else { 1.0 },
            kept: [0; 3],
        })
    }

    /// Computes sums: segment by segment, whole tiles first, then rows one by one.
    ///
    /// # Safety
    /// As for [`Kernel`](super::super::sums::Kernel): A and B lie like this.
    unsafe fn run(&self, sums: &mut Sums) {
        debug_assert!(sums.rows > 0 && sums.cols > 0 && sums.segment > 0);
        let whole = sums.rows / 4 * 4;
        // What there is no assembly for.
        let plain_from = match self.row {
            _ if sums.k == 0 || sums.cols < 4 => 0,
            None => whole,
            Some(_) => sums.rows,
        };
        // SAFETY: the caller's promise, here and below: rows and columns of `sums`.
        unsafe { plain::rows_from::<FUSED>(sums, plain_from) };
        if plain_from == 0 {
            return;
        }
        let mut left = sums.k;
        loop {
            sums.k = sums.segment.min(left);
            let mut part = Part { row: 0, rows: whole, col: 0 };
            while part.row < plain_from {
                let kernel = match self.row {
                    Some(row) if part.row >= whole => {
                        part.rows = 1;
                        row
                    }
                    _ => self.tiles,
                };
                // SAFETY: see above; there are k and four columns.
                unsafe { self.columns(kernel, sums, &mut part) };
            }
            left -= sums.k;
            if left == 0 {
                return;
            }
            sums.a = sums.a.wrapping_add(sums.k * sums.a_k);
            sums.b = sums.b.wrapping_add(sums.k * sums.b_k);
            (sums.first, sums.first_row, sums.first_col, sums.end) = (ZEROS.as_ptr(), 0, 0, End::Add);
        }
    }

    /// All columns of a row, or of rows that are tiles; goes on to the row after them. Columns beside the last whole tile are
    /// computed in a tile that reaches back, in a copy.
    ///
    /// # Safety
    /// As for [`Layout::run`]; k is not zero, and there are at least four columns.
    #[inline(never)]
    unsafe fn columns(&self, kernel: Assembly, sums: &Sums, part: &mut Part) {
        let mut tiles = MaybeUninit::uninit();
        let end = part.row + part.rows;
        // SAFETY: the caller's promise.
        unsafe { kernel(self.tiles_of(sums, part, &mut tiles)) };
        let beside = sums.cols % 4;
        if beside > 0 {
            let mut copy = [const { Number::uninit() }; 16];
            let copy = copy.as_mut_ptr();
            (part.rows, part.col) = (part.rows.min(4), sums.cols - 4);
            while part.row < end {
                let last = Columns { first: 4 - beside, rows: part.rows };
                let tiles = self.tiles_of(sums, part, &mut tiles);
                let (out, out_row) = (tiles.out.cast::<Number>(), sums.out_row);
                (tiles.out, tiles.out_row) = (copy.cast(), 4 * NUMBER);
                // SAFETY: the caller's promise; the copy has four rows of four.
                unsafe {
                    last.copy((out, out_row), (copy, 4));
                    kernel(tiles);
                    last.copy((copy, 4), (out, out_row));
                }
                part.row += part.rows;
            }
        }
        (part.row, part.col) = (end, 0);
    }
}

/// A number that need not have a value.
type Number = MaybeUninit<f32>;

/// Some rows of a tile's columns from one on.
struct Columns {
    first: usize,
    rows: usize,
}

impl Columns {
    /// Copies them; rows are so many numbers apart. What the kernel stores over may have no values yet.
    ///
    /// # Safety
    /// They lie in memory that can be read and written.
    #[inline(never)]
    unsafe fn copy(
        &self,
        (mut from, from_row): (*mut Number, usize),
        (mut to, to_row): (*mut Number, usize),
    ) {
        for _ in 0..self.rows {
            let mut col = self.first;
            while col < 4 {
                // SAFETY: the caller's promise.
                unsafe { to.wrapping_add(col).write(from.wrapping_add(col).read()) };
                col = rolled(col + 1);
            }
            (from, to) = (from.wrapping_add(from_row), to.wrapping_add(to_row));
        }
    }
}

/// Sums of A's rows and B as it lies.
///
/// # Safety
/// As for [`Kernel`](super::super::sums::Kernel): A's and B's numbers side by side in rows.
pub(in super::super) unsafe fn nn(sums: &mut Sums) {
    let layout = Layout { tiles: nn_tiles, row: Some(nn_row), a_transposed: false, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// The same for one row and a bias, stored: columns beside the last whole tile first, in a tile that reaches back, for what it
/// stores there others will store again.
///
/// # Safety
/// As for [`RowKernel`](super::super::sums::RowKernel).
pub(in super::super) unsafe fn nn_row_alone(a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32]) {
    let (k, n) = (a.len(), c.len());
    if k == 0 || n < 4 {
        // SAFETY: the caller's promise.
        return unsafe { plain::row::<FUSED>(a, b, c, bias) };
    }
    // SAFETY: the caller's promise; there are k and four columns.
    unsafe { nn_row_from(0, a, b, c, bias) };
}

/// [`nn_row_alone`] from a column on, which is a multiple of four.
///
/// # Safety
/// Those of [`RowKernel`](super::super::sums::RowKernel); k is not zero, and there are at least four columns from that one on.
#[inline(always)]
unsafe fn nn_row_from(from: usize, a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32]) {
    let (k, n) = (a.len(), c.len());
    let segment = segment_len(n, k);
    let mut col = if n.is_multiple_of(4) { from } else { n - 4 };
    loop {
        let mut tiles = Tiles {
            a: a.as_ptr(),
            a_stride: 0,
            a_block: 0,
            b: b.wrapping_add(col),
            b_stride: n * NUMBER,
            k: 0,
            first: bias.as_ptr().wrapping_add(col),
            first_row: 0,
            first_step: 4 * NUMBER,
            out: c.as_mut_ptr().wrapping_add(col),
            out_row: 0,
            tiles: (n - col) / 16,
            fours: (n - col) % 16 / 4,
            blocks: 0,
            end: 0,
            factor: 1.0,
            kept: [0; 3],
        };
        let mut left = k;
        loop {
            tiles.k = segment.min(left);
            // SAFETY: the caller's promise; kernels of a row change only what they keep.
            unsafe { nn_row(&mut tiles) };
            left -= tiles.k;
            if left == 0 {
                break;
            }
            tiles.a = tiles.a.wrapping_add(tiles.k);
            tiles.b = tiles.b.wrapping_add(tiles.k * n);
            (tiles.first, tiles.first_step, tiles.end) = (ZEROS.as_ptr(), 0, 1);
        }
        if col == from {
            return;
        }
        col = from;
    }
}

/// [`nn_row_alone`] for recurrent layers: as many tiles of twenty columns as leave a multiple of sixteen, if there are so many.
///
/// # Safety
/// As for [`RowKernel`](super::super::sums::RowKernel).
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
pub(in super::super) unsafe fn nn_row_wide(a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32]) {
    let (k, n) = (a.len(), c.len());
    let tiles = n % 16 / 4;
    let wide = 20 * tiles;
    if k == 0 || tiles == 0 || n < wide || !n.is_multiple_of(4) {
        // SAFETY: the caller's promise.
        return unsafe { nn_row_alone(a, b, c, bias) };
    }
    let row = WideRow {
        a: a.as_ptr(),
        b,
        tiles,
        b_stride: n * NUMBER,
        out: c.as_mut_ptr(),
        bias: bias.as_ptr(),
        segment: segment_len(n, k),
        k,
    };
    // SAFETY: the caller's promise; there is a tile and k, and what is left are tiles of sixteen.
    unsafe {
        wide_row(&row);
        if wide < n {
            nn_row_from(wide, a, b, c, bias);
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
    let layout = Layout { tiles: nt_tiles, row: Some(nt_row), a_transposed: false, b_transposed: true };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// The kernels of sums over several stretches of k, for how A and B lie.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
#[derive(Clone, Copy)]
pub(in super::super) struct Kernels {
    tiles: unsafe extern "C" fn(&mut Stretched),
    /// If there is none, the last one to three rows are left to [`plain`].
    row: Option<Assembly>,
    a_transposed: bool,
    b_transposed: bool,
}

#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
impl Kernels {
    pub(in super::super) const NN: Self =
        Self { tiles: nn_stretches, row: Some(nn_row), a_transposed: false, b_transposed: false };
    pub(in super::super) const TN: Self =
        Self { tiles: tn_stretches, row: None, a_transposed: true, b_transposed: false };
    pub(in super::super) const NT: Self =
        Self { tiles: nt_stretches, row: Some(nt_row), a_transposed: false, b_transposed: true };

    /// Stores sums, each of which is one chain.
    ///
    /// # Safety
    /// As for [`Kernel`](super::super::sums::Kernel), for each of the stretches, of which there is one at least; `sums` are those of
    /// the first.
    pub(in super::super) unsafe fn run(&self, sums: &mut Sums, stretches: &Stretches) {
        // SAFETY: the caller's promise, here and below.
        let whole = if sums.k > 0 && sums.cols >= 4 { unsafe { self.whole(sums, stretches) } } else { 0 };
        if whole == sums.rows {
            return;
        }
        let row = self.row.filter(|_| sums.k > 0 && sums.cols >= 4);
        sums.segment = sums.k.max(1);
        for _ in 0..stretches.count {
            let mut part = Part { row: whole, rows: 1, col: 0 };
            while let Some(row) = row
                && part.row < sums.rows
            {
                let layout = Layout {
                    tiles: row,
                    row: None,
                    a_transposed: self.a_transposed,
                    b_transposed: self.b_transposed,
                };
                // SAFETY: see above: there are k and four columns.
                unsafe { layout.columns(row, sums, &mut part) };
                part.rows = 1;
            }
            // SAFETY: see above.
            unsafe { plain::rows_from::<FUSED>(sums, part.row) };
            sums.a = sums.a.wrapping_add(stretches.a);
            sums.b = sums.b.wrapping_add(stretches.b);
            (sums.first, sums.first_row, sums.first_col) = (sums.out, sums.out_row, 1);
        }
    }

    /// The rows that are whole tiles: how many. Columns beside the last whole tile are computed in one that reaches back, in a copy.
    ///
    /// # Safety
    /// As for [`Kernels::run`]; k is not zero, and there are at least four columns.
    unsafe fn whole(&self, sums: &Sums, stretches: &Stretches) -> usize {
        let rows = sums.rows / 4 * 4;
        let beside = sums.cols % 4;
        let mut part = Part { row: 0, rows, col: 0 };
        let mut copy = [const { Number::uninit() }; 16];
        let copy = copy.as_mut_ptr();
        while part.row < rows {
            let mut stretched = self.stretched(sums, &part, stretches);
            let (out, out_row) = (stretched.tiles.out, sums.out_row);
            if part.col > 0 {
                (stretched.tiles.out, stretched.tiles.out_row) = (copy.cast(), 4 * NUMBER);
            }
            // SAFETY: the caller's promise; the copy has four rows of four.
            unsafe { (self.tiles)(&mut stretched) };
            if part.col > 0 {
                // SAFETY: the same.
                unsafe { Columns { first: 4 - beside, rows: 4 }.copy((copy, 4), (out.cast(), out_row)) };
                part.row += 4;
            } else if beside == 0 {
                break;
            } else {
                (part.rows, part.col) = (4, sums.cols - 4);
            }
        }
        rows
    }

    /// What the assembly is handed for a part.
    fn stretched(&self, sums: &Sums, part: &Part, stretches: &Stretches) -> Stretched {
        let Self { a_transposed, b_transposed, .. } = *self;
        let (a_stride, a_block) = if a_transposed { (sums.a_k, 4) } else { (sums.a_row, 4 * sums.a_row) };
        let (a_k, b_k) = (sums.k * sums.a_k, sums.k * sums.b_k);
        let bytes = |numbers: usize| numbers.wrapping_mul(NUMBER);
        Stretched {
            tiles: Tiles {
                a: sums.a.wrapping_add(part.row * sums.a_row),
                a_stride: a_stride * NUMBER,
                a_block: a_block * NUMBER,
                b: sums.b.wrapping_add(part.col * sums.b_col),
                b_stride: NUMBER * if b_transposed { sums.b_col } else { sums.b_k },
                k: sums.k,
                first: sums.first.wrapping_add(part.row * sums.first_row + part.col * sums.first_col),
                first_row: sums.first_row * NUMBER,
                first_step: sums.first_col * 4 * NUMBER,
                out: sums.out.wrapping_add(part.row * sums.out_row + part.col),
                out_row: sums.out_row * NUMBER,
                tiles: (sums.cols - part.col) / 4,
                fours: 0,
                blocks: part.rows / 4,
                end: 0,
                factor: 1.0,
                kept: [0; 3],
            },
            count: stretches.count,
            a_next: bytes(stretches.a.wrapping_sub(a_k)),
            b_next: bytes(stretches.b.wrapping_sub(b_k)),
            a_back: bytes(stretches.a.wrapping_mul(stretches.count - 1).wrapping_add(a_k)),
            left: 0,
        }
    }
}

/// A column times a row, added.
///
/// # Safety
/// All that `product` names is there.
pub(in super::super) unsafe fn rank_one(product: &RankOne) {
    let RankOne { a, b, c, stride, m, n, factor } = *product;
    let (stride, factor) = (stride * NUMBER, factor.to_bits());
    let mut col = 0;
    while col < n {
        let (kernel, cols): (RankOneAssembly, usize) =
            if n - col >= 8 { (eight_columns, 8) } else { (one_column, 1) };
        // SAFETY: the caller's promise.
        unsafe { kernel(a, b.wrapping_add(col), c.wrapping_add(col), stride, m, factor) };
        col += cols;
    }
}

/// Some columns of [`rank_one`], all rows. The stride is in bytes, the factor a number's bits.
type RankOneAssembly = unsafe extern "C" fn(*const f32, *const f32, *mut f32, usize, usize, u32);
