//! From a sum of 32 bits to an output of eight: a multiplication by a real number, rounded, and a clamp.

#[cfg(not(any(fusebox_dsp, fusebox_armv7m, fusebox_core = "m55")))]
use super::fixed::{divide_by_power, multiply};
use crate::{Error, Zeroed, plain};

/// A positive real number as whole ones: `mantissa` 2^(`exponent` - 31).
///
/// ```
/// use fusebox::int8::Multiplier;
/// assert_eq!(Multiplier::new(0.75)?, Multiplier { mantissa: 3 << 29, exponent: 0 });
/// assert!(Multiplier::new(f64::NAN).is_err());
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Multiplier {
    /// From 2^30 to 2^31 - 1; 0 if the number is less than 2^-32.
    pub mantissa: i32,
    /// From -31 to 31; of others, results differ between processors.
    pub exponent: i32,
}

plain!(Multiplier { mantissa: i32, exponent: i32 });

impl Multiplier {
    /// The multiplier nearest to `real`, a half away from zero.
    ///
    /// Errors unless `real` is positive and less than 2^31.
    pub const fn new(real: f64) -> Result<Self, Error> {
        const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
        // NaN fails both comparisons.
        if !(real > 0.0 && real < (1_u32 << 31) as f64) {
            return Err(Error::Setting { name: "multiplier", expected: "0 < multiplier < 2^31" });
        }
        // `real` is f 2^exponent, where f has 53 bits and is at least a half.
        let bits = real.to_bits();
        let exponent = (bits >> FRACTION) as i32 - (f64::MAX_EXP - 2);
        let f = bits & ((1 << FRACTION) - 1) | 1 << FRACTION;
        let rounded = (f + (1 << (FRACTION - 31))) >> (FRACTION - 30);
        let (mantissa, exponent) = match rounded >> 31 {
            0 => (rounded as i32, exponent),
            _ if exponent == 31 => (i32::MAX, exponent),
            _ => (1 << 30, exponent + 1),
        };
        Ok(match exponent {
            // Subnormal numbers too, whose f is not what it is said to be.
            ..-31 => Self::ZEROED,
            _ => Self { mantissa, exponent },
        })
    }

    /// The multiplier over a positive `n`, its mantissa rounded down: for means.
    pub(crate) const fn over(self, n: u64) -> Self {
        let bits = (63 - (n | 1).leading_zeros()) as i32;
        let room = 31 + self.exponent;
        let shift = if bits > 32 { 32 } else { bits };
        let shift = if shift > room { room } else { shift };
        let mantissa = ((self.mantissa as i64) << shift) / (n as i64 | (n == 0) as i64);
        Self { mantissa: mantissa as i32, exponent: self.exponent - shift }
    }

    /// The number.
    ///
    /// ```
    /// assert_eq!(fusebox::int8::Multiplier::new(0.1875)?.real(), 0.1875);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[must_use]
    pub fn real(self) -> f64 {
        libm::ldexp(f64::from(self.mantissa), self.exponent - 31)
    }
}

/// How a sum times a [`Multiplier`] is rounded. The results of [`Double`] and [`Single`] differ by at most one, but where the sum
/// times 2^`exponent` is beyond 32 bits, which takes a multiplier of at least 1: there [`Single`] gives the nearest number of 32
/// bits, and [`Double`] multiplies the lower 32 bits, as TensorFlow Lite for Microcontrollers does.
pub trait Rounding: Copy + Eq + core::fmt::Debug + 'static + sealed::Sealed {
    /// `sum` times `multiplier`, rounded.
    ///
    /// ```
    /// use fusebox::int8::{Double, Multiplier, Rounding, Single};
    /// let half = Multiplier::new(0.5)?;
    /// assert_eq!((Double::scale(5, half), Single::scale(5, half)), (3, 3));
    /// let small = Multiplier::new(0.124)?; // 4 times it is 0.496, rounded to 0.5 first
    /// assert_eq!((Double::scale(4, small), Single::scale(4, small)), (1, 0));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    fn scale(sum: i32, multiplier: Multiplier) -> i32;
}

mod sealed {
    pub trait Sealed {
        /// Whether the product is rounded to 32 bits before it is shifted.
        const TWICE: bool;
    }
    impl Sealed for super::Double {
        const TWICE: bool = true;
    }
    impl Sealed for super::Single {
        const TWICE: bool = false;
    }
}

/// Rounds twice, a half up and then a half away from zero, as TensorFlow Lite for Microcontrollers and CMSIS-NN do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Double;

/// Rounds once, a half up, as LiteRT's reference kernels do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single;

/// ```text
/// high = floor((sum 2^left mod 2^32) mantissa / 2^31 + 1/2)     left, right: the exponent, if positive; its negative
/// y    = high / 2^right, rounded, a half away from zero
/// ```
impl Rounding for Double {
    #[inline(always)]
    fn scale(sum: i32, multiplier: Multiplier) -> i32 {
        let left = multiplier.exponent.clamp(0, 31);
        #[cfg(any(fusebox_dsp, fusebox_armv7m, fusebox_core = "m55"))]
        return scale_double(sum, multiplier.mantissa, left, left.wrapping_sub(multiplier.exponent));
        #[cfg(not(any(fusebox_dsp, fusebox_armv7m, fusebox_core = "m55")))]
        {
            let right = multiplier.exponent.saturating_neg().clamp(0, 31);
            divide_by_power(multiply(sum.wrapping_shl(left as u32), multiplier.mantissa), right as u32)
        }
    }
}

/// The same in six instructions: see `product/dsp/assembly.rs`.
#[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
#[inline(always)]
fn scale_double(sum: i32, mantissa: i32, left: i32, right: i32) -> i32 {
    let scaled;
    // SAFETY: this processor has the instructions. No memory is accessed.
    unsafe {
        core::arch::asm!(
            ".arch armv7e-m",
            "lsl {sum}, {sum}, {left}",
            "and {high}, {sum}, {mantissa}, asr #31",
            "smmlar {sum}, {sum}, {mantissa}, {high}",
            "adds {sum}, {sum}, {sum}, asr #31",
            "asrs {sum}, {sum}, {right}",
            "adc {sum}, {sum}, #0",
            sum = inout(reg) sum => scaled,
            high = out(reg) _,
            mantissa = in(reg) mantissa.wrapping_shl(1),
            left = in(reg) left,
            right = in(reg) right,
            options(pure, nomem, nostack),
        );
    }
    scaled
}

/// The same in nine, where the plain code takes thirty. A half is added to the product of 64 bits before its upper half is
/// doubled; the rest is as in `product/dsp/assembly.rs`.
#[cfg(fusebox_armv7m)]
#[inline(always)]
fn scale_double(sum: i32, mantissa: i32, left: i32, right: i32) -> i32 {
    let scaled;
    // SAFETY: this processor has the instructions. No memory is accessed.
    unsafe {
        core::arch::asm!(
            "lsl {sum}, {sum}, {left}",
            "mov {low}, #0x40000000",
            "mov {high}, #0",
            "smlal {low}, {high}, {sum}, {mantissa}",
            "lsls {low}, {low}, #1",
            "adc {sum}, {high}, {high}",
            "adds {sum}, {sum}, {sum}, asr #31",
            "asrs {sum}, {sum}, {right}",
            "adc {sum}, {sum}, #0",
            sum = inout(reg) sum => scaled,
            low = out(reg) _,
            high = out(reg) _,
            mantissa = in(reg) mantissa,
            left = in(reg) left,
            right = in(reg) right,
            options(pure, nomem, nostack),
        );
    }
    scaled
}

/// ```text
/// y = floor(sum mantissa / 2^(31 - exponent) + 1/2)
/// ```
impl Rounding for Single {
    #[inline(always)]
    fn scale(sum: i32, multiplier: Multiplier) -> i32 {
        let shift = 31_i32.saturating_sub(multiplier.exponent).clamp(0, 62);
        let product = i64::from(sum) * i64::from(multiplier.mantissa);
        ((product + ((1 << shift) >> 1)) >> shift).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }
}

/// An output's zero point, and the range that an activation leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Clamp {
    /// The output that stands for 0.
    pub zero: i8,
    /// The smallest output.
    pub least: i8,
    /// The largest output.
    pub most: i8,
}

impl Zeroed for Clamp {
    const ZEROED: Self = Self { zero: 0, least: 0, most: 0 };
}

impl Clamp {
    /// `y` plus the zero point, clamped.
    ///
    /// ```
    /// use fusebox::int8::Clamp;
    /// let relu = Clamp { zero: -128, least: -128, most: 127 };
    /// assert_eq!([-5, 5, 300].map(|y| relu.output(y)), [-128, -123, 127]);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn output(self, y: i32) -> i8 {
        // Not `clamp`, which panics if the bounds are exchanged.
        y.saturating_add(i32::from(self.zero)).max(i32::from(self.least)).min(i32::from(self.most)) as i8
    }
}

#[cfg(test)]
mod tests {
    use super::{Double, Multiplier, Rounding, Single};

    /// By the definition, in 128 bits and reals.
    #[test]
    fn multipliers_are_the_nearest() {
        let mut x = 1_u64;
        for _ in 0..100_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Exponents from -40 to 29.
            let exponent = (x >> 5) % 70;
            let real = f64::from_bits((1023 - 40 + exponent) << 52 | x >> 12);
            let m = Multiplier::new(real).expect("in range");
            let (mut fraction, mut power) = libm::frexp(real);
            fraction = libm::round(fraction * 2_147_483_648.0);
            if fraction == 2_147_483_648.0 {
                (fraction, power) = (1_073_741_824.0, power + 1);
            }
            let expected = if power < -31 { (0, 0) } else { (fraction as i32, power) };
            assert_eq!((m.mantissa, m.exponent), expected, "{real:e}");
        }
        for (real, mantissa, exponent) in [
            (1.0, 1 << 30, 1),
            (1.0 - f64::EPSILON / 2.0, 1 << 30, 1),
            (f64::MIN_POSITIVE / 2.0, 0, 0),
            (1.073_741_823_999e9, 1 << 30, 31),
            (2_147_483_647.999_999, i32::MAX, 31),
        ] {
            assert_eq!(
                Multiplier::new(real).map(|m| (m.mantissa, m.exponent)),
                Ok((mantissa, exponent)),
                "{real:e}"
            );
        }
        for bad in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 2_147_483_648.0] {
            assert!(Multiplier::new(bad).is_err(), "{bad}");
        }
    }

    /// Rounding once is the nearest, a half up; twice is rounding the product and then the quotient.
    #[test]
    fn sums_are_rounded_as_defined() {
        let sums = [0, 1, 2, 3, 5, 127, 128, 255, 256, 4095, 65_535, 1 << 20, (1 << 30) + 1, i32::MAX];
        for exponent in -31..=31 {
            for mantissa in [1 << 30, (1 << 30) + 1, 0x5555_5555, i32::MAX] {
                let m = Multiplier { mantissa, exponent };
                for sum in sums.into_iter().flat_map(|sum| [sum, -sum, !sum]) {
                    let product = i128::from(sum) * i128::from(mantissa);
                    let shift = 31 - exponent;
                    let nearest = (product + ((1 << shift) >> 1)).div_euclid(1 << shift);
                    let nearest = nearest.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
                    assert_eq!(i128::from(Single::scale(sum, m)), nearest, "{sum} {m:?}");
                    if exponent <= 0 {
                        let high = (product + (1 << 30)).div_euclid(1 << 31);
                        let power = 1_i128 << -exponent;
                        let away = (2 * high.abs() + power) / (2 * power) * high.signum();
                        assert_eq!(i128::from(Double::scale(sum, m)), away, "{sum} {m:?}");
                    }
                }
            }
        }
    }
}
