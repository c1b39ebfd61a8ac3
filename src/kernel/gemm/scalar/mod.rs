//! Products on cores without vectors: microcontrollers, where a program must be small before it is fast.
//!
//! ```text
//! for all of C                     (or 4 rows of 16 columns at a time, if the old C is needed at the end)
//!     kernel: sums                 (each chain of k: tiles of 4 x 4 in registers, see `vfp`)
//!     finish each row
//! ```
//!
//! The loops are compiled once, for all shapes and whatever becomes of a sum: a kernel is a pointer to the one for how A
//! and B lie, and the finish an object that says what it can do without. One row with a bias, a layer's outputs for one
//! sample, has a shorter way ([`row`]), so that a program that only infers holds little else. The first chain's sums lie in
//! C until the next one's are added, unless the old C still counts: then they lie on the stack, 256 bytes.

#[cfg(not(fusebox_core = "other"))]
#[macro_use]
mod abi;
#[cfg(all(fusebox_fused, fusebox_core = "m55"))]
mod helium;
mod plain;
#[cfg(not(fusebox_core = "other"))]
mod vfp;

use super::chains;
use super::epilogue::Activate;
use super::packed::PANEL;
use super::product::Product;
use super::tile::{Finish, First, Place};
use crate::simd::{Pass, Simd, multiply_add};
use crate::{Isa, Mat, MatMut};
use core::mem::MaybeUninit;

/// Rows and columns of C at a time where sums lie on the stack.
const ROWS: usize = 4;

const COLS: usize = 16;

/// Sums over a stretch of k: what a kernel is asked for. Strides are in numbers.
#[derive(Clone, Copy)]
struct Sums {
    a: *const f32,
    a_row: usize,
    a_k: usize,
    b: *const f32,
    b_k: usize,
    b_col: usize,
    k: usize,
    /// Numbers of k in a chain, whose sums are added in order.
    chain: usize,
    /// What the sums start from.
    first: *const f32,
    first_row: usize,
    first_col: usize,
    /// Where they go.
    out: *mut f32,
    out_row: usize,
    end: End,
    rows: usize,
    cols: usize,
}

/// How a sum is stored.
#[derive(Clone, Copy)]
enum End {
    /// In the place of what is there.
    Store,
    /// Added to what is there.
    Add,
    /// The same, but for this factor.
    AddTimes(f32),
}

impl End {
    /// # Safety
    /// `out` can be read and written.
    unsafe fn store<const FUSED: bool>(self, out: *mut f32, sum: f32) {
        // SAFETY: the caller's promise.
        unsafe {
            out.write(match self {
                Self::Store => sum,
                Self::Add => out.read() + sum,
                Self::AddTimes(factor) => multiply_add::<FUSED>(sum, factor, out.read()),
            });
        }
    }
}

/// What chains after the first start from.
const ZEROS: [f32; 16] = [0.0; 16];

impl Sums {
    /// One chain after the other, in the place of all.
    #[inline(always)]
    fn each_chain(&mut self, mut kernel: impl FnMut(&Self)) {
        let mut left = self.k;
        self.k = self.k.min(self.chain);
        loop {
            kernel(self);
            left -= self.k;
            if left == 0 {
                return;
            }
            self.a = self.a.wrapping_add(self.k * self.a_k);
            self.b = self.b.wrapping_add(self.k * self.b_k);
            self.k = self.chain.min(left);
            (self.first, self.first_row, self.first_col, self.end) = (ZEROS.as_ptr(), 0, 0, End::Add);
        }
    }
}

/// Computes sums, and makes what it likes of the request. Unsafe, because all that is named there must be.
type Kernel = unsafe fn(&mut Sums);

/// A column of `m` numbers times a row of `n`, added to C: `c_ij + a_i (b_j factor)`.
#[derive(Clone, Copy)]
struct RankOne {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    n: usize,
    factor: f32,
}

/// See [`drive_by_tiles`].
type Loops = fn(Kernel, &Product, &dyn FinishRows);

/// A finish, for loops that are compiled once for all of them.
trait FinishRows {
    /// The loops for a finish that the old C counts for, unless sums are only added to it.
    fn loops(&self) -> Option<Loops>;

    /// Whether sums are results as they are.
    fn is_nothing(&self) -> bool;

    /// Whether a column of C may be finished as a row.
    fn takes_columns_as_rows(&self) -> bool;

    /// The factor of sums that are added to C, if that is all.
    fn factor(&self) -> Option<f32>;

    /// Turns the `len` numbers at `sums` into what is stored at `place` and after it, and stores it.
    ///
    /// # Safety
    /// So many numbers are there, and the place is part of the C that the finish was made for.
    unsafe fn finish_row(&self, sums: *mut f32, place: Place, len: usize);
}

struct Finishing<'a, F> {
    isa: Isa,
    finish: &'a F,
}

impl<F: Finish> FinishRows for Finishing<'_, F> {
    fn is_nothing(&self) -> bool {
        self.finish.is_nothing()
    }

    fn takes_columns_as_rows(&self) -> bool {
        self.finish.takes_columns_as_rows()
    }

    fn factor(&self) -> Option<f32> {
        F::ADDS.then(|| self.finish.factor())
    }

    fn loops(&self) -> Option<Loops> {
        if F::READS_OUTPUT && !F::ADDS { Some(drive_by_tiles) } else { None }
    }

    unsafe fn finish_row(&self, sums: *mut f32, place: Place, len: usize) {
        if !F::ADDS {
            self.isa.call(Row { finish: self.finish, sums, place, len });
        }
    }
}

/// A row to be finished: see [`FinishRows::finish_row`], whose caller has promised that it is there.
struct Row<'a, F> {
    finish: &'a F,
    sums: *mut f32,
    place: Place,
    len: usize,
}

impl<F: Finish> Pass for Row<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: see above.
        unsafe { self.finish.finish_row(s, self.sums, self.place, self.len) }
    }
}

/// Whether assembly is for an instruction set: of those that fuse and those that do not, a build has one.
#[cfg(not(fusebox_core = "other"))]
#[inline(always)]
fn is_assembled(isa: Isa) -> bool {
    isa.is_fused() == cfg!(fusebox_fused)
}

/// The kernel for how A and B lie.
#[inline(always)]
fn kernel(isa: Isa, _layout: [bool; 2]) -> Kernel {
    #[cfg(not(fusebox_core = "other"))]
    if is_assembled(isa) {
        match _layout {
            [false, false] => return vfp::nn,
            [true, false] => return vfp::tn,
            [false, true] => return vfp::nt,
            [true, true] => {}
        }
    }
    plain_kernel(isa)
}

#[inline(always)]
fn plain_kernel(isa: Isa) -> Kernel {
    if isa.is_fused() { plain::sums::<true> } else { plain::sums::<false> }
}

/// The kernel for one row of A.
#[inline(always)]
fn row_kernel(isa: Isa) -> Kernel {
    #[cfg(not(fusebox_core = "other"))]
    if is_assembled(isa) {
        return vfp::nn_row_alone;
    }
    plain_kernel(isa)
}

/// The kernel for a column times a row.
#[inline(always)]
fn rank_one_kernel(isa: Isa) -> unsafe fn(&RankOne) {
    #[cfg(not(fusebox_core = "other"))]
    if is_assembled(isa) {
        return vfp::rank_one;
    }
    if isa.is_fused() { plain::rank_one::<true> } else { plain::rank_one::<false> }
}

/// Computes a product of shapes that have been checked.
#[inline(always)]
pub(super) fn run<F: Finish>(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, first: First, finish: &F) {
    make(isa, a, b, c, first, &Finishing { isa, finish });
}

/// Where a [`Product`] is made.
#[inline(never)]
fn make(isa: Isa, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, first: First, finish: &dyn FinishRows) {
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    // A column as a row, but not with a bias: the column's one number is not a row, from which tiles start.
    let has_bias = matches!(first, First::Row(_));
    let column = c.cols() == 1 && a.is_transposed() && c.row_stride() == 1 && !has_bias;
    let mut product = match column && finish.takes_columns_as_rows() {
        true => Product::of_column_as_row(a, b, c, first),
        false => Product::of_views(a, b, c, first),
    };
    // A transposed column is a row. Not where C is a single number: a dot product of rows has lanes, this one a chain.
    if product.m == 1 && product.n > 1 && product.a_stride == 1 {
        product.a_transposed = false;
    }
    drive(isa, &product, finish);
}

/// The loops.
#[inline(never)]
fn drive(isa: Isa, product: &Product, finish: &dyn FinishRows) {
    let Product { m, n, a_transposed, b_transposed, c, c_stride, .. } = *product;
    let factor = finish.factor();
    // One of sixteen columns may be left of a wider product, whose sums are in chains.
    if n == 1 && !a_transposed && factor.is_none() && (product.chained_n == 1 || b_transposed) {
        return match isa.is_fused() {
            true => column::<true>(product, finish),
            false => column::<false>(product, finish),
        };
    }
    // Of the assembly, that for how operands lie in a gradient of weights can add to C.
    let kernel = match factor.is_none() || a_transposed && !b_transposed {
        true => kernel(isa, [a_transposed, b_transposed]),
        false => plain_kernel(isa),
    };
    if let Some(by_tiles) = finish.loops() {
        return by_tiles(kernel, product, finish);
    }
    let mut sums = sums_at(product, [0, 0]);
    (sums.out, sums.out_row) = (c, c_stride);
    (sums.rows, sums.cols) = (m, n);
    sums.end = factor.map_or(End::Store, End::AddTimes);
    // SAFETY: whoever made the product promised that its operands are there.
    unsafe {
        kernel(&mut sums);
        if factor.is_none() && !finish.is_nothing() {
            let mut place = Place { c, c_stride, row: 0, col: 0, last_lanes: 1 };
            while place.row < m {
                finish.finish_row(place.c, place, n);
                place.row += 1;
                place.c = place.c.wrapping_add(c_stride);
            }
        }
    }
}

/// Sums from a row and a column on, all k of them; where they go, and how many they are, is for the caller to add.
fn sums_at(product: &Product, [row, col]: [usize; 2]) -> Sums {
    let Product { k, a, a_stride, a_transposed, b, b_stride, b_transposed, c, c_stride, .. } = *product;
    let (a_row, a_k) = if a_transposed { (1, a_stride) } else { (a_stride, 1) };
    let (b_k, b_col) = if b_transposed { (1, b_stride) } else { (b_stride, 1) };
    let (first, first_row, first_col) = match product.first {
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
        chain: product.segment(),
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

/// The loops where the old C is needed at the end: sums lie on the stack, a few rows and columns at a time.
#[inline(never)]
fn drive_by_tiles(kernel: Kernel, product: &Product, finish: &dyn FinishRows) {
    let Product { m, n, c, c_stride, .. } = *product;
    let mut tile = [const { MaybeUninit::<f32>::uninit() }; ROWS * COLS];
    let out = tile.as_mut_ptr().cast::<f32>();
    let (mut row, mut col) = (0, 0);
    while row < m {
        let (rows, cols) = (ROWS.min(m - row), COLS.min(n - col));
        let mut sums = sums_at(product, [row, col]);
        (sums.out, sums.out_row) = (out, COLS);
        (sums.rows, sums.cols) = (rows, cols);
        // SAFETY: rows below m and columns below n, of operands that are there; the tile has room.
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

/// `c = bias + a b` for one row, n numbers, and a ReLU if asked for: a layer's outputs for one sample.
#[inline(always)]
pub(super) fn row<const K: usize, const N: usize>(
    isa: Isa,
    a: &[f32; K],
    b: &[[f32; N]; K],
    c: &mut [f32; N],
    bias: &[f32; N],
    relu: bool,
) {
    let b = b.as_flattened().as_ptr();
    // SAFETY: the types say so.
    unsafe { finished_row(row_kernel(isa), a, b, c, bias, relu) }
}

/// # Safety
/// `b` has as many rows as `a` has numbers, each as long as `c`; the bias is as long as `c`, too. The kernel is one for a
/// single row of an A and a B that lie in rows.
#[inline(never)]
unsafe fn finished_row(kernel: Kernel, a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32], relu: bool) {
    let (k, n) = (a.len(), c.len());
    let mut sums = Sums {
        a: a.as_ptr(),
        a_row: 0,
        a_k: 1,
        b,
        b_k: n,
        b_col: 1,
        k,
        chain: chains::segment_len(n, k),
        first: bias.as_ptr(),
        first_row: 0,
        first_col: 1,
        out: c.as_mut_ptr(),
        out_row: 0,
        end: End::Store,
        rows: 1,
        cols: n,
    };
    // SAFETY: the caller's promise.
    unsafe { kernel(&mut sums) };
    if relu {
        for c in c {
            if *c <= 0.0 {
                *c = 0.0;
            }
        }
    }
}

/// `c = c + a^T (b factor)` for a row `a` of m numbers and a row `b` of n.
pub(super) fn add_rank_one(isa: Isa, a: &[f32], b: &[f32], c: &mut MatMut<'_>, factor: f32) {
    let (m, n) = (a.len().min(c.rows()), b.len().min(c.cols()));
    if m == 0 {
        return;
    }
    let stride = c.row_stride();
    let product =
        RankOne { a: a.as_ptr(), b: b.as_ptr(), c: c.data_mut().as_mut_ptr(), stride, m, n, factor };
    // SAFETY: these are C's first m rows of n.
    unsafe { rank_one_kernel(isa)(&product) };
}

/// Virtual lanes of a dot product.
const LANES: usize = 64;

/// One column of an A whose rows lie along k: dot products, in the lanes and the tree of all instruction sets.
#[inline(never)]
fn column<const FUSED: bool>(product: &Product, finish: &dyn FinishRows) {
    let Product { m, k, a, a_stride, b, b_stride, b_transposed, c, c_stride, .. } = *product;
    let b_k = if b_transposed { 1 } else { b_stride };
    for row in 0..m {
        let place = Place { c: c.wrapping_add(row * c_stride), c_stride, row, col: 0, last_lanes: 1 };
        let a = a.wrapping_add(row * a_stride);
        let mut lanes = [0.0; LANES];
        // SAFETY: whoever made the product promised that its operands are there.
        unsafe {
            lanes[0] = match product.first {
                First::Zero => 0.0,
                First::Row(bias) => bias.read(),
                First::Output => place.c.read(),
            };
            plain::add_products::<FUSED>(&mut lanes, a, b, b_k, k);
        }
        // What was never added to is +0.0, which changes nothing but a -0.0, and that is seen to below. The bounds are hidden
        // from the compiler, which would make a copy for each addition.
        let sums = lanes.as_mut_ptr();
        let mut half = core::hint::black_box(LANES / 2);
        while half > 0 {
            for lane in 0..half.min(k.saturating_sub(half)) {
                // SAFETY: the upper half's last is lane `2 half - 1`, at most the 64th.
                unsafe { *sums.add(lane) += *sums.add(half + lane) };
            }
            half /= 2;
        }
        // SAFETY: see above.
        unsafe {
            *sums += 0.0;
            if finish.loops().is_some() {
                finish.finish_row(sums, place, 1);
                continue;
            }
            // Where the old C does not count, it takes the sum before that is finished.
            place.c.write(sums.read());
            if !finish.is_nothing() {
                finish.finish_row(place.c, place, 1);
            }
        }
    }
}

/// The product of `a` and `b` into `c`, whose shape is known.
#[inline(always)]
pub(in crate::kernel) fn fixed_product<S: Simd, const M: usize, const K: usize, const N: usize>(
    s: S,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
) {
    if M == 0 || N == 0 {
        return;
    }
    let isa = s.isa();
    let product = Product::of_arrays(a, b, c, First::Zero);
    drive(isa, &product, &Finishing { isa, finish: &Activate::Nothing });
}

/// A product whose B lies in panels of sixteen columns.
pub(super) fn run_panels(isa: Isa, product: &Product, finish: Activate) {
    for col in (0..product.n).step_by(PANEL) {
        let finish = finish.at(0, col);
        drive(isa, &product.panel(col), &Finishing { isa, finish: &finish });
    }
}
