//! Weights and biases as layers store them, of sizes known at run time: for programs that write networks.

use crate::kernel::int8;

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
    if rows.len() == tiles.len() && are_rows(rows, outputs) {
        int8::tile(rows, tiles, outputs);
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
    if are_rows(rows, bias.len()) {
        int8::fold(rows, zero, bias);
    }
}

/// Whether there are weights, and as many for each output.
fn are_rows(weights: &[i8], outputs: usize) -> bool {
    !weights.is_empty() && weights.len().is_multiple_of(outputs)
}
