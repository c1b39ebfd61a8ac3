//! Sums in plain Rust, for any layout: where floating point is software, the loop hardly counts.
//!
//! Elsewhere it does the few rows and columns that are left beside whole tiles.

use super::{Descent, LANES, Sums};

/// Columns at a time, for which a number of A is read once.
const AT_ONCE: usize = 4;

/// Computes sums of any number of rows and columns.
///
/// # Safety
/// All that `sums` names is there.
pub(super) unsafe fn sums(sums: &Sums) {
    for row in 0..sums.rows {
        let row = sums.of_row(row);
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
    let Sums { mut a, a_k, mut b, b_k, b_col, k, first, first_col, out, add, .. } = *sums;
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
            let out = out.wrapping_add(j);
            out.write(if add { out.read() + acc } else { acc });
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

/// Gradient descent for one sample.
///
/// # Safety
/// All that `descent` names is there.
pub(super) unsafe fn descend(descent: &Descent) {
    let Descent { x, dy, weights, stride, m, n, rate } = *descent;
    for i in 0..m {
        let row = weights.wrapping_add(i * stride);
        for j in 0..n {
            // SAFETY: the caller's promise.
            unsafe {
                let gradient = x.wrapping_add(i).read() * dy.wrapping_add(j).read();
                let weight = row.wrapping_add(j);
                weight.write(weight.read() - gradient * rate);
            }
        }
    }
}
