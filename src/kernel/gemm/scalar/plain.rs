//! Sums in plain Rust, for any layout: where floating point is software, the loop hardly counts.
//!
//! Elsewhere it does the few rows and columns that are left beside whole tiles.

#[cfg(fusebox_core = "other")]
use super::RankOne;
use super::{LANES, Sums};

/// Columns at a time, for which a number of A is read once.
const AT_ONCE: usize = 4;

/// Computes sums of any number of rows and columns.
///
/// # Safety
/// All that `sums` names is there.
pub(super) unsafe fn sums(sums: &Sums) {
    // SAFETY: the caller's promise.
    sums.each_chain(|chain| unsafe { one_chain(chain) });
}

/// # Safety
/// As for [`sums`].
unsafe fn one_chain(sums: &Sums) {
    for row in 0..sums.rows {
        let row = sums.from_row(row, 1);
        let mut col = 0;
        // SAFETY: the caller's promise.
        unsafe {
            while col + AT_ONCE <= sums.cols {
                block::<AT_ONCE>(&row.from_col(col));
                col += AT_ONCE;
            }
            while col < sums.cols {
                block::<1>(&row.from_col(col));
                col += 1;
            }
        }
    }
}

/// The first `N` sums of a row.
///
/// # Safety
/// They are there.
#[inline(always)]
unsafe fn block<const N: usize>(sums: &Sums) {
    let Sums { mut a, a_k, mut b, b_k, b_col, k, first, first_col, out, end, .. } = *sums;
    // SAFETY: the caller's promise.
    unsafe {
        let mut acc: [f32; N] = core::array::from_fn(|j| first.wrapping_add(j * first_col).read());
        for _ in 0..k {
            let x = a.read();
            for (j, acc) in acc.iter_mut().enumerate() {
                *acc = x * b.wrapping_add(j * b_col).read() + *acc;
            }
            (a, b) = (a.wrapping_add(a_k), b.wrapping_add(b_k));
        }
        for (j, acc) in acc.into_iter().enumerate() {
            end.store(out.wrapping_add(j), acc);
        }
    }
}

/// Adds the products of `k` numbers at `a` and as many at `b`, `b_k` apart, to virtual lanes.
///
/// # Safety
/// The numbers can be read.
pub(super) unsafe fn add_products(
    lanes: &mut [f32; LANES],
    mut a: *const f32,
    mut b: *const f32,
    b_k: usize,
    k: usize,
) {
    let mut left = k;
    while left > 0 {
        for lane in lanes.iter_mut().take(left) {
            // SAFETY: the caller's promise.
            *lane = unsafe { a.read() * b.read() + *lane };
            (a, b) = (a.wrapping_add(1), b.wrapping_add(b_k));
        }
        left = left.saturating_sub(LANES);
    }
}

/// A column times a row, added.
///
/// # Safety
/// All that `product` names is there.
#[cfg(fusebox_core = "other")]
pub(super) unsafe fn rank_one(product: &RankOne) {
    let RankOne { a, b, c, stride, m, n, factor } = *product;
    for j in 0..n {
        // SAFETY: the caller's promise, here and below.
        let x = unsafe { b.wrapping_add(j).read() } * factor;
        for i in 0..m {
            let c = c.wrapping_add(i * stride + j);
            // SAFETY: see above.
            unsafe { c.write(c.read() + a.wrapping_add(i).read() * x) };
        }
    }
}
