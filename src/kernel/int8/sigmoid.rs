//! The logistic function and tanh of 16 bits, by a table and lines between its entries.
//!
//! ```text
//! logistic(x) = table(24 x)              table(i) = logistic(i / 24)
//! tanh(x)     = 2 table(48 x) - 1
//! ```
//!
//! Entries are raised by half of the largest error of a line below the curve, which is then wrong by as much in the middle as at both
//! ends. Source: TensorFlow Lite's integer kernels of the two functions, whose roundings these are.

/// e^(-1/24).
const FACTOR: f64 = 0.959_189_457_109_138_2;

/// `table(i)`, 16 bits after the point.
static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let (mut entries, mut power, mut i) = ([0; 256], 1.0, 0);
    while i < 256 {
        let y = 1.0 / (1.0 + power);
        // A line over a step h is below a curve by up to h^2 f'' / 8.
        let half = y * (1.0 - y) * (1.0 - 2.0 * y) / (16.0 * 24.0 * 24.0);
        entries[i] = (65_536.0 * (y - half) + 0.5) as u16;
        power *= FACTOR;
        i += 1;
    }
    // Where the function is 1.
    entries[255] = u16::MAX;
    entries
}

/// The table at `x / 2^BITS`, between the entries too, with 16 + `BITS` bits after the point; beyond its end `most`.
#[inline(always)]
fn between<const BITS: u32>(x: u32, most: i32) -> i32 {
    match TABLE.get((x >> BITS) as usize..).and_then(|entries| entries.first_chunk()) {
        Some(&[a, b]) => {
            let (a, b) = (i32::from(a), i32::from(b));
            (a << BITS) + (x & ((1 << BITS) - 1)) as i32 * (b - a)
        }
        None => most,
    }
}

/// 1 / (1 + e^-x), with 15 bits after the point, of a number with 12.
#[inline(always)]
pub(crate) fn logistic(x: i16) -> i16 {
    logistic_of(3 * i32::from(x))
}

/// [`logistic`] of x, if `x` is 24 times it with 9 bits after the point.
#[inline(always)]
pub(crate) fn logistic_of(x: i32) -> i16 {
    let y = between::<9>(x.unsigned_abs(), i32::from(i16::MAX) << 10);
    let y = if x >= 0 { y + (1 << 9) } else { (1 << 25) - y + (1 << 9) - 1 };
    (y >> 10) as i16
}

/// tanh, with 15 bits after the point, of a number with `bits`, at most 24.
#[inline(always)]
pub(crate) fn tanh(x: i16, bits: u32) -> i16 {
    tanh_of(match bits {
        ..=12 => i32::from(x) * (3 << (12 - bits)),
        13.. => {
            let right = bits.min(24) - 12;
            (3 * i32::from(x) + (1 << (right - 1))) >> right
        }
    })
}

/// [`tanh`] of x, if `x` is 48 times it with 8 bits after the point.
#[inline(always)]
pub(crate) fn tanh_of(x: i32) -> i16 {
    let y = between::<8>(x.unsigned_abs(), i32::from(u16::MAX) << 8);
    let y = if x >= 0 { y - (1 << 23) + (1 << 7) } else { (1 << 23) - y + (1 << 7) - 1 };
    (y >> 8) as i16
}

#[cfg(test)]
mod tests {
    use super::{TABLE, logistic, tanh};

    /// The largest errors, in units of the last bit: half of what a line is below the curve, and roundings.
    #[test]
    fn near_the_functions() {
        let mut errors = [0.0_f64; 3];
        for x in i16::MIN..=i16::MAX {
            let real = |bits: i32| libm::ldexp(f64::from(x), -bits);
            let logistic = (f64::from(logistic(x)) - 32_768.0 / (1.0 + libm::exp(-real(12)))).abs();
            let tanhs = [12, 15]
                .map(|bits: u32| (f64::from(tanh(x, bits)) - 32_768.0 * libm::tanh(real(bits as i32))).abs());
            errors[0] = errors[0].max(logistic);
            errors[1] = errors[1].max(tanhs[0]);
            errors[2] = errors[2].max(tanhs[1]);
        }
        assert!(errors[0] < 1.4 && errors[1] < 2.0 && errors[2] < 3.0, "{errors:?}");
    }

    /// No entry is so near a half that the order of its roundings would matter.
    #[test]
    fn entries_are_those_of_the_formula() {
        for (i, &entry) in TABLE.iter().enumerate().take(255) {
            let y = 1.0 / (1.0 + libm::exp(-(i as f64) / 24.0));
            let exact = 65_536.0 * (y - y * (1.0 - y) * (1.0 - 2.0 * y) / (16.0 * 576.0));
            assert!((exact - f64::from(entry)).abs() < 0.5 - 1e-6, "{i}: {exact} {entry}");
        }
    }

    /// With fewer bits before the point, the same number.
    #[test]
    fn ends_and_shifts() {
        assert_eq!([i16::MIN, 0, i16::MAX].map(logistic), [11, 16_384, 32_757]);
        assert_eq!([i16::MIN, 0, i16::MAX].map(|x| tanh(x, 12)), [-32_767, 0, 32_767]);
        for x in -2048..2048_i16 {
            assert_eq!(tanh(x, 8), tanh(x.saturating_mul(16), 12), "{x}");
            assert_eq!(tanh(8 * x, 15), tanh(x, 12), "{x}");
        }
    }
}
