//! Scales, multipliers and ranges.

use super::{Clamp, Sum};
use crate::Error;
use crate::kernel::int8::Multiplier;
use crate::layers::int8::{Quantization, WeightScale, round};

/// `scale` if it is positive, finite and not subnormal.
pub(super) const fn checked(scale: f32) -> Result<f64, Error> {
    match (Quantization { scale, zero: 0 }).checked() {
        Ok(q) => Ok(q.scale as f64),
        Err(error) => Err(error),
    }
}

/// Two scales, or the first error.
pub(super) const fn both(x: f32, y: f32) -> Result<[f64; 2], Error> {
    match (checked(x), checked(y)) {
        (Ok(x), Ok(y)) => Ok([x, y]),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The nearest whole number of a real one, a half away from zero, saturated; NaN is as 0.
pub(super) const fn quantize(x: f32, scale: f32) -> i16 {
    let q = round((x / scale) as f64);
    if q < i16::MIN as i32 {
        i16::MIN
    } else if q > i16::MAX as i32 {
        i16::MAX
    } else {
        q as i16
    }
}

/// What the sums of each output are multiplied by. A sum of 64 bits takes less than 2^7.
pub(super) const fn multipliers<const N: usize, S: Sum>(
    x: f32,
    weights: &WeightScale<N>,
    y: f32,
) -> Result<[Multiplier; N], Error> {
    let [x, y] = [Quantization { scale: x, zero: 0 }, Quantization { scale: y, zero: 0 }];
    let multipliers = match weights.multipliers(x, y) {
        Ok(multipliers) => multipliers,
        Err(error) => return Err(error),
    };
    let mut i = 0;
    while i < N {
        if multipliers[i].exponent > S::MOST {
            return Err(Error::Setting { name: "multiplier", expected: "0 < multiplier < 2^7" });
        }
        i += 1;
    }
    Ok(multipliers)
}

impl Clamp {
    /// All outputs: no activation.
    pub const NONE: Self = Self { least: i16::MIN, most: i16::MAX };

    /// Outputs of at least 0.
    pub const RELU: Self = Self { least: 0, most: i16::MAX };

    /// Outputs from 0 to 6, of a scale of `y`.
    ///
    /// ```
    /// use fusebox::int16::Clamp;
    /// assert_eq!(Clamp::relu6(0.01), Clamp { least: 0, most: 600 });
    /// assert_eq!(Clamp::relu6(0.0001), Clamp::RELU);
    /// assert_eq!(Clamp::between(0.01, -1.0, 1.0), Clamp { least: -100, most: 100 });
    /// assert_eq!(Clamp::between(0.01, -1e6, 1e6), Clamp::NONE);
    /// ```
    #[must_use]
    #[inline]
    pub const fn relu6(y: f32) -> Self {
        Self::between(y, 0.0, 6.0)
    }

    /// Outputs from `least` to `most`, of a scale of `y`.
    #[must_use]
    #[inline]
    pub const fn between(y: f32, least: f32, most: f32) -> Self {
        Self { least: quantize(least, y), most: quantize(most, y) }
    }
}
