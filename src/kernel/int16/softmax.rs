//! The softmax of rows of sixteen bits, by two tables and lines between their entries.
//!
//! ```text
//! power = e^(10 d / 65535)        d from -65535 to 0: the input minus the largest one, in steps of 10 / 65535
//! sum   = (1 + r) 2^n             r from 0 to 1
//! y     = power / (1 + r) / 2^n
//! ```
//!
//! Source: TensorFlow Lite's `SoftmaxInt16`, whose tables and roundings these are. It computes the tables when a program starts, in
//! `f32`; here the compiler does, in the same steps.

use crate::kernel::int8::{Double, Multiplier, Rounding};

/// Lines of a table.
const LINES: usize = 512;

/// e^(10 i / 65535), i from -65535 to 0, with 15 bits after the point.
static POWERS: [i16; LINES + 1] = table(10.0 / 65_535.0, 32_767, true);

/// 1 / (1 + i / 65535), i from 0 to 65535, likewise.
static RECIPROCALS: [i16; LINES + 1] = table(1.0 / 65_535.0, -32_768, false);

/// A table of a function of `scale (i - zero)`, i from -32768 to 32767. Entries are moved by half of a line's error in its middle.
const fn table(scale: f32, zero: i32, is_power: bool) -> [i16; LINES + 1] {
    let [first, last] = [scale * (-32_768 - zero) as f32, scale * (32_767 - zero) as f32];
    let step = (last - first) / LINES as f32;
    let unit = 2.0_f32 / 65_535.0;
    let per_unit = 65_536.0 / (unit * 32_767.0 - unit * -32_768.0);
    let mut entries = [0; LINES + 1];
    let mut i = 0;
    while i < LINES {
        let at = first + i as f32 * step;
        let here = value(at, is_power) * per_unit;
        let middle = value(at + step / 2.0, is_power) * per_unit;
        let next = value(first + (i + 1) as f32 * step, is_power) * per_unit;
        let error = round((next + round(here)) / 2.0) - round(middle);
        entries[i] = saturated(round(here) - round(error / 2.0));
        i += 1;
    }
    entries[LINES] = saturated(round(value(last, is_power) * per_unit));
    entries
}

/// e^x, x from -10 to 0, or 1 / (1 + x).
const fn value(x: f32, is_power: bool) -> f32 {
    if !is_power {
        return 1.0 / (1.0 + x);
    }
    // (e^(x / 1024))^1024, the root by its series.
    let root = x as f64 / 1024.0;
    let (mut power, mut term) = (1.0, 10);
    while term > 0 {
        power = 1.0 + power * root / term as f64;
        term -= 1;
    }
    let mut squared = 0;
    while squared < 10 {
        power *= power;
        squared += 1;
    }
    power as f32
}

/// The nearest whole number, a half away from zero.
const fn round(x: f32) -> f32 {
    (x as f64 + if x < 0.0 { -0.5 } else { 0.5 }) as i32 as f32
}

/// Conversions saturate.
const fn saturated(x: f32) -> i16 {
    x as i16
}

/// The entry of `x`, between two too.
#[inline(always)]
fn look_up(table: &[i16; LINES + 1], x: i32) -> i32 {
    let x = x.clamp(i16::MIN.into(), i16::MAX.into());
    let line = (x + (1 << 15)) as usize >> 7;
    match table.get(line..).and_then(|entries| entries.first_chunk()) {
        Some(&[a, b]) => {
            let (a, b) = (i32::from(a), i32::from(b));
            a + (((b - a) * (x & 127) + 64) >> 7)
        }
        None => 0,
    }
}

/// Overwrites `y`, a row of up to 65535 numbers: 2^15 e^(d m) / (sum of e^(d m)), with d the input minus the largest one. `scale`
/// turns d into steps of 10 / 65535.
#[inline]
pub(crate) fn softmax(scale: Multiplier, x: &[i16], y: &mut [i16]) {
    let largest = i32::from(x.iter().copied().max().unwrap_or_default());
    let mut sum = 0_i32;
    for (&x, y) in x.iter().zip(&mut *y) {
        let below = Double::scale(i32::from(x) - largest, scale);
        let power = look_up(&POWERS, below.saturating_add(i16::MAX.into()));
        *y = power as i16;
        sum = sum.wrapping_add(power);
    }
    // The largest alone is 2^15 - 1.
    let headroom = (sum | 1).leading_zeros().clamp(1, 17);
    let shifted = (i64::from(sum) << (headroom - 1)).wrapping_add(1 << 13) >> 14;
    let reciprocal = look_up(&RECIPROCALS, (shifted as i32).wrapping_sub((1 << 15) + (1 << 16)));
    let right = 31 - headroom;
    for y in y {
        let quotient = (i64::from(*y) * i64::from(reciprocal) + (1 << (right - 1))) >> right;
        *y = quotient.clamp(0, i16::MAX.into()) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::{POWERS, RECIPROCALS, softmax};
    use crate::kernel::int8::Multiplier;

    /// Near the functions: a line's error, halved, and roundings.
    #[test]
    fn tables_are_near_the_functions() {
        for (i, (&power, &reciprocal)) in POWERS.iter().zip(&RECIPROCALS).enumerate() {
            let at = i as f64 / 512.0;
            let expected = [32_768.0 * libm::exp(10.0 * (at - 1.0)), 32_768.0 / (1.0 + at)];
            for (entry, expected) in [power, reciprocal].into_iter().zip(expected) {
                assert!((f64::from(entry) - expected).abs() < 2.0, "{i}: {entry} for {expected}");
            }
        }
    }

    /// In steps of 1e-4, against the formula in `f64`.
    #[test]
    fn near_the_softmax() {
        let scale = Multiplier::new(1e-4 / (10.0 / 65_535.0)).expect("in range");
        let x = [30_000, 20_000, -5_000, 29_000, -32_768];
        let mut y = [0; 5];
        softmax(scale, &x, &mut y);
        let powers = x.map(|x: i16| libm::exp(f64::from(x) * 1e-4));
        let sum: f64 = powers.iter().sum();
        for (y, power) in y.into_iter().zip(powers) {
            assert!(
                (f64::from(y) - 32_768.0 * power / sum).abs() < 4.0,
                "{y} for {}",
                32_768.0 * power / sum
            );
        }
    }
}
