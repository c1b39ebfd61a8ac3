//! What whole numbers stand for.

use crate::kernel::int8::{Clamp, Multiplier};
use crate::{Error, Zeroed};

/// The real number that `q` stands for is `scale (q - zero)`.
///
/// ```
/// use fusebox::int8::Quantization;
/// let q = Quantization { scale: 0.5, zero: -10 };
/// assert_eq!(q.real(-8), 1.0);
/// assert_eq!([1.25, -1e9, f32::NAN].map(|x| q.quantize(x)), [-7, -128, -10]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Positive and finite.
    pub scale: f32,
    /// What stands for 0.
    pub zero: i8,
}

impl Quantization {
    /// Itself. Errors unless the scale is positive, finite and not subnormal.
    pub const fn checked(self) -> Result<Self, Error> {
        match self.scale >= f32::MIN_POSITIVE && self.scale <= f32::MAX {
            true => Ok(self),
            false => Err(Error::Setting { name: "scale", expected: "2^-126 <= scale, finite" }),
        }
    }

    /// The number that `q` stands for.
    #[must_use]
    pub const fn real(self, q: i8) -> f32 {
        self.scale * (q as i32 - self.zero as i32) as f32
    }

    /// The whole number nearest to `x`, a half away from zero, from -128 to 127; NaN is as 0.
    #[must_use]
    pub const fn quantize(self, x: f32) -> i8 {
        let q = round((x / self.scale) as f64).saturating_add(self.zero as i32);
        if q < -128 {
            -128
        } else if q > 127 {
            127
        } else {
            q as i8
        }
    }
}

/// The nearest whole number, a half away from zero, saturated; 0 for NaN.
pub(in crate::layers) const fn round(x: f64) -> i32 {
    // Exact for an `f32`: 29 bits of an `f64` are beyond its own.
    let half = if x < 0.0 { -0.5 } else { 0.5 };
    (x + half) as i32
}

impl Clamp {
    /// All 256 outputs: no activation.
    ///
    /// ```
    /// use fusebox::int8::{Clamp, Quantization};
    /// let y = Quantization { scale: 0.25, zero: -28 };
    /// assert_eq!(Clamp::of(y), Clamp { zero: -28, least: -128, most: 127 });
    /// assert_eq!(Clamp::relu(y), Clamp { zero: -28, least: -28, most: 127 });
    /// assert_eq!(Clamp::relu6(y), Clamp { zero: -28, least: -28, most: -4 });
    /// assert_eq!(Clamp::between(y, -1.0, 1.0), Clamp { zero: -28, least: -32, most: -24 });
    /// ```
    #[must_use]
    pub const fn of(y: Quantization) -> Self {
        Self { zero: y.zero, least: -128, most: 127 }
    }

    /// Outputs of at least 0.
    #[must_use]
    pub const fn relu(y: Quantization) -> Self {
        Self { least: y.zero, ..Self::of(y) }
    }

    /// Outputs from 0 to 6.
    #[must_use]
    pub const fn relu6(y: Quantization) -> Self {
        Self::between(y, 0.0, 6.0)
    }

    /// Outputs from `least` to `most`.
    #[must_use]
    pub const fn between(y: Quantization, least: f32, most: f32) -> Self {
        Self { zero: y.zero, least: y.quantize(least), most: y.quantize(most) }
    }
}

/// The scales of weights, whose zero is 0: one, or one for each of the `N` outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightScale<const N: usize> {
    /// Of all weights.
    Tensor(f32),
    /// Of the weights of each output.
    Outputs([f32; N]),
}

impl<const N: usize> WeightScale<N> {
    /// What the sums of each output are multiplied by: the scale of `x` times that of its weights, over that of `y`.
    pub(in crate::layers) const fn multipliers(
        &self,
        x: Quantization,
        y: Quantization,
    ) -> Result<[Multiplier; N], Error> {
        let (x, y) = match (x.checked(), y.checked()) {
            (Ok(x), Ok(y)) => (x.scale, y.scale),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let mut multipliers = [Multiplier::ZEROED; N];
        let mut i = 0;
        while i < N {
            let product = match self {
                Self::Tensor(scale) => x as f64 * *scale as f64,
                Self::Outputs(scales) => x as f64 * scales[i] as f64,
            };
            multipliers[i] = match Multiplier::new(product / y as f64) {
                Ok(multiplier) => multiplier,
                Err(error) => return Err(error),
            };
            i += 1;
        }
        Ok(multipliers)
    }
}
