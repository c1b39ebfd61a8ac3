//! Products on any processor.

use super::{Product, Rounding};
use crate::kernel;

/// Overwrites `ys`. Lengths match.
pub(super) fn rows<R: Rounding>(product: &Product<'_>, xs: &[i8], ys: &mut [i8]) {
    for (x, y) in kernel::rows(xs, product.depth).zip(kernel::rows_mut(ys, product.bias.len())) {
        row::<R>(product, x, y);
    }
}

/// One row: four outputs at a time, then one.
fn row<R: Rounding>(product: &Product<'_>, x: &[i8], y: &mut [i8]) {
    let (x4, x_rest) = x.as_chunks::<4>();
    let mut weight = product.weight;
    let (y4, y_rest) = y.as_chunks_mut::<4>();
    let (bias4, bias_rest) = product.bias.as_chunks::<4>();
    let (scale4, scale_rest) = product.scale.as_chunks::<4>();
    for ((y, bias), scale) in y4.iter_mut().zip(bias4).zip(scale4) {
        let Some(weight) = weight.split_off(..4 * product.depth) else { return };
        let mut sums = *bias;
        let (tiles, _) = weight.as_chunks::<16>();
        for (x, tile) in x4.iter().zip(tiles) {
            let (words, _) = tile.as_chunks::<4>();
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = dot(*sum, x, word);
            }
        }
        if !x_rest.is_empty() {
            let rest = weight.get(16 * x4.len()..).unwrap_or_default();
            for (sum, word) in sums.iter_mut().zip(kernel::rows(rest, x_rest.len())) {
                *sum = dot(*sum, x_rest, word);
            }
        }
        for ((y, sum), &scale) in y.iter_mut().zip(sums).zip(scale) {
            *y = product.clamp.output(R::scale(sum, scale));
        }
    }
    let rows = kernel::rows(weight, product.depth);
    for (((y, &bias), &scale), row) in y_rest.iter_mut().zip(bias_rest).zip(scale_rest).zip(rows) {
        *y = product.clamp.output(R::scale(dot(bias, x, row), scale));
    }
}

/// `sum` plus the products of the pairs.
#[inline(always)]
fn dot(sum: i32, xs: &[i8], ws: &[i8]) -> i32 {
    xs.iter().zip(ws).fold(sum, |sum, (&x, &w)| sum.wrapping_add(i32::from(x) * i32::from(w)))
}
