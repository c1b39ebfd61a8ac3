//! The softmax cross-entropy of logits of eight bits, in whole numbers.
//!
//! ```text
//! z_c  = y_c / 16
//! e_c  = exp(z_c - max z)                            in 2^-16
//! dy_c = e_c / sum e - [c is the label]              in 2^-15
//! loss = ln(sum e) - (z_label - max z)               in 2^-16
//! ```

use super::fixed::exp;
use super::learn::error;
use core::iter::zip;

/// Overwrites `dy`; returns the loss. Lengths match, there are at most 512 classes, and the label is one of them.
pub(crate) fn cross_entropy(y: &[i8], label: usize, dy: &mut [i16]) -> u32 {
    let largest = i32::from(y.iter().copied().max().unwrap_or_default());
    // In `Q<5>` a sixteenth is 2^22.
    let power = |y: i8| exp::<5>((i32::from(y) - largest) << 22) as u32 >> 15;
    // Of the largest it is 2^16 - 1.
    let sum = y.iter().map(|&y| power(y)).sum::<u32>().max(1);
    for (&y, dy) in zip(y, &mut *dy) {
        *dy = error((((power(y) << 15) + sum / 2) / sum) as i32);
    }
    if let Some(dy) = dy.get_mut(label) {
        *dy = error(i32::from(*dy) - (1 << 15));
    }
    let below = y.get(label).map_or(0, |&y| largest - i32::from(y)) as u32;
    (below << 12) + ln(sum).saturating_sub(ln(1 << 16))
}

/// The natural logarithm of a positive number, in 2^-16.
///
/// The whole part of the binary logarithm is the position of the highest bit; squaring what is left, from 1 to 2, doubles its
/// logarithm and moves one bit of the fraction after another before the point.
fn ln(x: u32) -> u32 {
    let zeros = x.max(1).leading_zeros();
    let (mut rest, mut binary) = (u64::from(x) << zeros, 31 - zeros);
    for _ in 0..16 {
        rest = (rest * rest) >> 31;
        let bit = (rest >> 32) as u32;
        rest >>= bit;
        binary = binary << 1 | bit;
    }
    // ln 2 in 2^-16.
    (u64::from(binary) * 45_426 >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::{cross_entropy, ln};

    #[test]
    fn near_the_logarithm() {
        for x in (1..2000).chain((0..2000).map(|i| u32::MAX - i * 2_000_003)) {
            let real = libm::log(x.into()) * 65_536.0;
            assert!((f64::from(ln(x)) - real).abs() < 2.0, "{x}");
        }
    }

    /// Powers are cut to 16 bits, quotients rounded to 15.
    #[test]
    fn near_the_formula() {
        let rows: [&[i8]; 5] = [&[0, 0], &[127, -128, 3], &[-5, 4, 9, 9, -100], &[7; 512], &[-128]];
        for row in rows {
            for label in 0..row.len() {
                let mut dy = std::vec![0; row.len()];
                let loss = cross_entropy(row, label, &mut dy);
                let largest = row.iter().copied().max().map_or(0.0, f64::from);
                let powers: std::vec::Vec<_> =
                    row.iter().map(|&y| libm::exp((f64::from(y) - largest) / 16.0)).collect();
                let sum: f64 = powers.iter().sum();
                let expected = -libm::log(powers[label] / sum) * 65_536.0;
                assert!((f64::from(loss) - expected).abs() < 6.0, "{row:?} {label}: {loss}, {expected}");
                for (i, (&dy, power)) in dy.iter().zip(&powers).enumerate() {
                    let expected = (power / sum - if i == label { 1.0 } else { 0.0 }) * 32_768.0;
                    assert!((f64::from(dy) - expected).abs() <= 2.0, "{row:?} {label} {i}: {dy}, {expected}");
                }
            }
        }
    }
}
