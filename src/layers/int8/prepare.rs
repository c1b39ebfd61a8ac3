//! Weights and biases as layers store them, of sizes known at run time: for programs that write networks.

use crate::kernel::int8::place;

/// Overwrites `tiles` with `rows`, `outputs` rows of as many weights, in the order of [`Dense::weight`](super::Dense::weight).
///
/// Nothing happens unless both have the same length, a multiple of `outputs`.
///
/// ```
/// use fusebox::int8::{Clamp, Dense, Quantization, WeightScale, tile};
/// const X: Quantization = Quantization { scale: 1.0, zero: 0 };
/// let rows = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15], [16, 17, 18, 19, 20]];
/// let mut tiles = [0; 20];
/// tile(rows.as_flattened(), &mut tiles, 4);
/// assert_eq!(tiles, [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 5, 10, 15, 20]);
/// let layer: Dense<5, 4> = Dense::new(&rows, &[0; 4], X, WeightScale::Tensor(1.0), X, Clamp::of(X))?;
/// assert_eq!(layer.weight.as_flattened(), tiles);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn tile(rows: &[i8], tiles: &mut [i8], outputs: usize) {
    let depth = rows.len().checked_div(outputs).unwrap_or(0);
    if depth == 0 || rows.len() != tiles.len() || !rows.len().is_multiple_of(outputs) {
        return;
    }
    for (output, row) in rows.chunks_exact(depth).enumerate() {
        for (input, &weight) in row.iter().enumerate() {
            if let Some(tile) = tiles.get_mut(place(outputs, depth, output, input)) {
                *tile = weight;
            }
        }
    }
}

/// Takes `zero` times the sum of an output's weights, a row of `rows`, off its bias: `bias + W (x - zero)` becomes
/// `folded + W x`.
///
/// Nothing happens unless the number of weights is a multiple of that of biases.
///
/// ```
/// let mut bias = [100, 200];
/// fusebox::int8::fold(&[1, 2, 3, 4], 10, &mut bias);
/// assert_eq!(bias, [100 - 30, 200 - 70]);
/// ```
pub fn fold(rows: &[i8], zero: i8, bias: &mut [i32]) {
    let depth = rows.len().checked_div(bias.len()).unwrap_or(0);
    if depth == 0 || !rows.len().is_multiple_of(bias.len()) {
        return;
    }
    for (bias, row) in bias.iter_mut().zip(rows.chunks_exact(depth)) {
        *bias =
            row.iter().fold(*bias, |bias, &weight| bias.wrapping_sub(i32::from(zero) * i32::from(weight)));
    }
}
