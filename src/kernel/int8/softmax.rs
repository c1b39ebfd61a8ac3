//! The softmax of rows of eight bits, in whole numbers.

use super::fixed::{divide_by_power, exp, multiply, reciprocal};
use super::scale::Multiplier;

/// Overwrites `y`: 256 e^(d m) / (sum of e^(d m)) - 128, with d the input minus the largest one. Inputs below the largest by more
/// than `least` are as if they had no part. `multiplier` turns d into `Q<5>`: m 2^26.
pub(crate) fn softmax(multiplier: Multiplier, least: i32, x: &[i8], y: &mut [i8]) {
    let largest = i32::from(x.iter().copied().max().unwrap_or_default());
    let power = |x: i8| {
        let below = i32::from(x) - largest;
        let left = multiplier.exponent.clamp(0, 31) as u32;
        (below >= least).then(|| exp::<5>(multiply(below.wrapping_shl(left), multiplier.mantissa).min(0)))
    };
    // `Q<12>`: rows of up to 4095 equal inputs.
    let sum = x
        .iter()
        .filter_map(|&x| power(x))
        .fold(0_i32, |sum, power| sum.wrapping_add(divide_by_power(power, 12)));
    let headroom = sum.leading_zeros();
    // 1 / sum is 2^(headroom - 12) / (1 + rest).
    let rest = (sum.unbounded_shl(headroom)).wrapping_sub(i32::MIN);
    let scale = reciprocal(rest);
    for (&x, y) in x.iter().zip(y) {
        let quotient =
            power(x).map(|power| divide_by_power(multiply(scale, power), 35_u32.saturating_sub(headroom)));
        *y = (quotient.unwrap_or_default() - 128).clamp(-128, 127) as i8;
    }
}
