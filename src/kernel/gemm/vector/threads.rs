//! Large products on all threads of a rayon pool.
//!
//! ```text
//! parts = one for each thread of the pool, if each is worth its wake-up
//! rows of C in equal parts; if rows are few, or long, columns                (multiples of the tiles' heights and widths)
//! each part is a product of its own, with the whole's segments
//! ```
//!
//! Neither rows nor threads are in the order of a sum, and the length of a segment of k is settled by the whole (see
//! [`super::plan`]): the bits are those of one thread. Rows go first, for a part of rows is a product like any other, with
//! spare rows of its own; parts of columns would have gaps between their rows of C. But each part of rows reads all of B,
//! and packs it: where B is wide beside C's height, parts of columns are faster, up to 1.8 times (96 x 4096 x 1024).

use super::Product;
use super::driver::run_product;
use crate::Isa;
use crate::kernel::gemm::product::Operands;
use core::ops::Range;

/// Multiply-adds of a part that is worth waking a thread: some fifty microseconds, where the waking takes five to ten.
pub(in crate::kernel) const PART: usize = 4 << 20;

/// Numbers of B that are, where memory is the limit.
const PART_READ: usize = 512 * 1024;

/// Parts are cut at multiples of these: a common multiple of the usual tiles' heights, and of the panels' widths.
const ROWS: usize = 24;
const COLS: usize = 48;

/// How many times as wide as high C is from where on its columns are divided.
const WIDE: usize = 4;

/// Some rows or columns of a product.
struct Part<'a>(Product<'a>);

// SAFETY: the product holds the lifetime of all that it points to. Parts only read A, B and the bias; the elements of C
// that they write, and read if they do, are no other part's. Of what a finish holds, `Finish`'s contract says the same.
unsafe impl Send for Part<'_> {}

/// Runs a product, on threads if it is large.
#[inline(always)]
pub(super) fn run(isa: Isa, product: &Product<'_>) {
    let work = product.m.saturating_mul(product.n).saturating_mul(product.k);
    if work < 2 * PART && product.n.saturating_mul(product.k) < 2 * PART_READ {
        return run_product(isa, product);
    }
    run_large(isa, product, work);
}

#[inline(never)]
fn run_large(isa: Isa, product: &Product<'_>, work: usize) {
    let Operands { m, n, k, .. } = **product;
    let worth = (work / PART).max(if m < ROWS { n.saturating_mul(k) / PART_READ } else { 0 });
    if worth < 2 {
        return run_product(isa, product);
    }
    let threads = rayon::current_num_threads();
    let by_rows = n == 1 || m >= 2 * ROWS * threads && n / WIDE < m;
    let most = if by_rows { m / ROWS } else { n / COLS };
    let parts = threads.min(worth).min(most.max(1));
    split(isa, Part(*product), parts, by_rows);
}

/// Runs `part` in so many parts, halving it until one is left.
fn split(isa: Isa, part: Part<'_>, parts: usize, by_rows: bool) {
    let Part(product) = part;
    if parts < 2 {
        return run_product(isa, &product);
    }
    let (m, n) = (product.m, product.n);
    let (len, unit) = if by_rows { (m, ROWS) } else { (n, COLS) };
    let cut = len / parts * (parts / 2) / unit * unit;
    let half = |range: Range<usize>| {
        let (rows, cols) = if by_rows { (range, 0..n) } else { (0..m, range) };
        let finish = product.finish().at(rows.start, cols.start);
        // SAFETY: 1. there are at least as many units as parts, so a half has one. 2. to 6. Rows and columns of a product's, and the two halves share
        // none; the finish is made for the same half.
        Part(unsafe { Product::new(product.part(rows, cols), finish) })
    };
    let (first, second) = (half(0..cut), half(cut..len));
    rayon::join(|| split(isa, first, parts / 2, by_rows), || split(isa, second, parts - parts / 2, by_rows));
}
