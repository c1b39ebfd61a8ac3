//! Products on any processor.

use super::{Product, Rounding};

/// Overwrites `ys`. Lengths match.
pub(super) fn rows<R: Rounding>(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i8]) {
    // No chunks, which would divide, and could panic as far as the compiler sees.
    while let (Some(x), Some(y)) = (xs.split_off(..product.depth), ys.split_off_mut(..product.bias.len())) {
        fours::<R>(product, x, y);
        last_outputs::<R>(product, x, y, dot);
        if xs.is_empty() {
            return;
        }
    }
}

/// Overwrites `ys` with the sums. Lengths match.
pub(super) fn sums(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i32]) {
    let (bias4, bias) = product.bias.as_chunks::<4>();
    while let (Some(x), Some(y)) = (xs.split_off(..product.depth), ys.split_off_mut(..product.bias.len())) {
        let mut weights = product.weight;
        let (y4, y) = y.as_chunks_mut::<4>();
        for (y, bias) in y4.iter_mut().zip(bias4) {
            *y = four(x, bias, weights.split_off(..4 * product.depth).unwrap_or_default());
        }
        for (y, &bias) in y.iter_mut().zip(bias) {
            *y = dot(bias, x, weights.split_off(..product.depth).unwrap_or_default());
        }
        if xs.is_empty() {
            return;
        }
    }
}

/// One row of `x` by the outputs in groups of four.
fn fours<R: Rounding>(product: &Product<'_>, x: &[i8], y: &mut [i8]) {
    let mut weights = product.weight;
    let (y4, _) = y.as_chunks_mut::<4>();
    let (bias4, _) = product.bias.as_chunks::<4>();
    let (scale4, _) = product.scale.as_chunks::<4>();
    for ((y, bias), scale) in y4.iter_mut().zip(bias4).zip(scale4) {
        let sums = four(x, bias, weights.split_off(..4 * product.depth).unwrap_or_default());
        for ((y, sum), &scale) in y.iter_mut().zip(sums).zip(scale) {
            *y = product.clamp.output(R::scale(sum, scale));
        }
    }
}

/// The sums of four outputs, whose weights are in tiles.
#[inline(always)]
fn four(x: &[i8], bias: &[i32; 4], weight: &[i8]) -> [i32; 4] {
    let (x4, x_rest) = x.as_chunks::<4>();
    let mut sums = *bias;
    #[cfg(fusebox_armv7m)]
    if !x4.is_empty() && weight.len() >= 16 * x4.len() {
        // SAFETY: there are as many tiles as four inputs, at least one.
        unsafe { super::armv7m::tiles(x.as_ptr(), weight.as_ptr(), x4.len(), &mut sums) };
    }
    #[cfg(not(fusebox_armv7m))]
    for (x, tile) in x4.iter().zip(weight.as_chunks::<16>().0) {
        let (words, _) = tile.as_chunks::<4>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = dot(*sum, x, word);
        }
    }
    if !x_rest.is_empty() {
        let mut rest = weight.get(16 * x4.len()..).unwrap_or_default();
        for sum in &mut sums {
            *sum = dot(*sum, x_rest, rest.split_off(..x_rest.len()).unwrap_or_default());
        }
    }
    sums
}

/// The last outputs of a row, up to three, after those in groups of four. `dot` is the sum that it is given plus the products of
/// the pairs.
#[inline(never)]
pub(super) fn last_outputs<R: Rounding>(
    product: &Product<'_>,
    x: &[i8],
    y: &mut [i8],
    dot: impl Fn(i32, &[i8], &[i8]) -> i32,
) {
    let (_, y) = y.as_chunks_mut::<4>();
    let (bias4, bias) = product.bias.as_chunks::<4>();
    let (_, scale) = product.scale.as_chunks::<4>();
    let mut weights = product.weight.get(4 * bias4.len() * product.depth..).unwrap_or_default();
    for ((y, &bias), &scale) in y.iter_mut().zip(bias).zip(scale) {
        let row = weights.split_off(..product.depth).unwrap_or_default();
        *y = product.clamp.output(R::scale(dot(bias, x, row), scale));
    }
}

/// `sum` plus the products of the pairs.
#[inline(always)]
pub(super) fn dot(sum: i32, xs: &[i8], ws: &[i8]) -> i32 {
    xs.iter().zip(ws).fold(sum, |sum, (&x, &w)| sum.wrapping_add(i32::from(x) * i32::from(w)))
}
