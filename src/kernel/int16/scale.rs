//! From a sum of 64 or 32 bits to an output of sixteen.

use crate::Zeroed;
use crate::kernel::int8::{Multiplier, Number};

/// How wide sums are: [`Sum64`] or [`Sum32`].
pub trait Sum: Copy + Eq + core::fmt::Debug + 'static + sealed::Sealed {}

mod sealed {
    use crate::kernel::int8::{Double, Multiplier, Rounding};

    pub trait Sealed {
        /// Multipliers are less than 2 to the power of this.
        const MOST: i32;
        /// `sum` times the multiplier, rounded.
        fn scale(sum: i64, multiplier: Multiplier) -> i32;
    }
    impl Sealed for super::Sum64 {
        // So that the product fits.
        const MOST: i32 = 7;

        #[inline(always)]
        fn scale(sum: i64, multiplier: Multiplier) -> i32 {
            super::long(sum, multiplier)
        }
    }
    impl Sealed for super::Sum32 {
        const MOST: i32 = 31;

        #[inline(always)]
        fn scale(sum: i64, multiplier: Multiplier) -> i32 {
            Double::scale(sum as i32, multiplier)
        }
    }
}

/// Sums of 64 bits, times sixteen bits of a multiplier, rounded once, a half up: what TensorFlow Lite for Microcontrollers does if
/// biases have 64 bits, or there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum64;

/// Sums of 32 bits, wrapping, and rounded as [`Double`](crate::int8::Double): what it does if biases have 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum32;

impl Sum for Sum64 {}
impl Sum for Sum32 {}

/// The range that an activation leaves of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Clamp {
    /// The smallest output.
    pub least: i16,
    /// The largest output.
    pub most: i16,
}

impl Zeroed for Clamp {
    const ZEROED: Self = Self { least: 0, most: 0 };
}

impl Clamp {
    /// `y`, clamped.
    #[inline(always)]
    pub(crate) fn output(self, y: i32) -> i16 {
        i16::within([self.least, self.most], y)
    }
}

/// `sum` times the multiplier, rounded once, saturated.
#[inline(always)]
fn long(sum: i64, Multiplier { mantissa, exponent }: Multiplier) -> i32 {
    let short = match mantissa < 0x7FFF_0000 {
        true => mantissa.wrapping_add(1 << 15) >> 16,
        false => 0x7FFF,
    };
    let shift = 15_i32.saturating_sub(exponent).clamp(1, 62) as u32;
    let product = sum.wrapping_mul(short.into()).wrapping_add(1 << (shift - 1));
    (product >> shift).max(i32::MIN.into()).min(i32::MAX.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::long;
    use crate::kernel::int8::Multiplier;

    /// The nearest, a half up, of the product with the rounded mantissa, in 128 bits.
    #[test]
    fn sums_are_rounded_as_defined() {
        let sums = [0, 1, 2, 3, 127, 32_767, 1 << 22, (1 << 31) + 7, (1 << 38) + 12_345, (1 << 46) - 1];
        for exponent in -31..=7 {
            for mantissa in [1 << 30, (1 << 30) + 32_768, 0x5555_5555, 0x7FFE_FFFF, 0x7FFF_0000, i32::MAX] {
                let short = ((f64::from(mantissa) / 65_536.0).round() as i128).min(32_767);
                for sum in sums.into_iter().flat_map(|sum: i64| [sum, -sum, !sum]) {
                    let (product, half) = (i128::from(sum) * short, 1_i128 << (14 - exponent));
                    let nearest = (product + half).div_euclid(2 * half);
                    let nearest = nearest.clamp(i32::MIN.into(), i32::MAX.into());
                    let multiplier = Multiplier { mantissa, exponent };
                    assert_eq!(i128::from(long(sum, multiplier)), nearest, "{sum} {multiplier:?}");
                }
            }
        }
    }
}
