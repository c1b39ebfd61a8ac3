//! The softmax cross-entropy of logits of eight bits, in whole numbers.
//!
//! ```text
//! z    = y / 16
//! e_c  = exp(z_c - max z)                 in 2^-16
//! dz_c = e_c / sum e - [c = label]        in 2^-12
//! loss = ln(sum e) + max z - z_label      in 2^-16
//! ```

use super::fixed::exp;
use super::learn::{POINT, error};
use core::iter::zip;

/// e^(-i / 16) in 2^-16; of 0 it is 2^16 - 1.
static POWERS: [u16; 256] = {
    let (mut powers, mut i) = ([0; 256], 0);
    while i < powers.len() {
        // In `Q<5>` a sixteenth is 2^22.
        powers[i] = (exp::<5>(-(i as i32) << 22) >> 15) as u16;
        i += 1;
    }
    powers
};

/// Overwrites `dy`; returns the loss. Lengths match, there are at most 512 classes, and the label is one of them.
pub(crate) fn cross_entropy(y: &[i8], label: usize, dy: &mut [i16]) -> u32 {
    let largest = y.iter().copied().max().unwrap_or_default();
    let below = |y: i8| largest.wrapping_sub(y) as u8;
    let power = |y: i8| u32::from(POWERS[usize::from(below(y))]);
    let sum = y.iter().map(|&y| power(y)).sum::<u32>().max(1);
    for (&y, dy) in zip(y, &mut *dy) {
        *dy = error((((power(y) << POINT) + sum / 2) / sum) as i32);
    }
    if let Some(dy) = dy.get_mut(label) {
        *dy = error(i32::from(*dy) - (1 << POINT));
    }
    let below = y.get(label).map_or(0, |&y| below(y));
    (u32::from(below) << 12) + ln(sum).saturating_sub(ln(1 << 16))
}

/// The natural logarithm of a positive number, in 2^-16.
///
/// The whole part of the binary logarithm is the position of the highest bit; squaring what is left, from 1 to 2,
/// doubles its logarithm and moves one bit of the fraction after another before the point.
fn ln(x: u32) -> u32 {
    let zeros = x.max(1).leading_zeros();
    let (mut rest, mut binary) = (u64::from(x) << zeros, 31 - zeros);
    for _ in 0..16 {
        rest = (rest * rest) >> 31;
        let bit = (rest >> 32) as u32;
        rest >>= bit;
        binary = binary << 1 | bit;
    }
    // ln 2 in 2^-32.
    ((u64::from(binary) * 2_977_044_472) >> 32) as u32
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

    /// Powers are cut to 16 bits, quotients rounded to 12.
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
                    let expected = (power / sum - if i == label { 1.0 } else { 0.0 }) * 4096.0;
                    assert!((f64::from(dy) - expected).abs() <= 1.0, "{row:?} {label} {i}: {dy}, {expected}");
                }
            }
        }
    }
}
