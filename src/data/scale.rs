//! Scaling features to a common range, with parameters stored in flash with the weights.
//!
//! ```text
//! Standardize   y = (x - mean) / std                       x = y std + mean
//! MinMax        t = (x - min) / (max - min)                y = (1 - t) low + t high; inverted likewise
//! ```
//!
//! Like scikit-learn's `StandardScaler` and `MinMaxScaler`, except that a feature that is constant in training always
//! becomes 0 (or `low`), whatever its value, because a network has not learnt to use other values. The form of
//! `MinMax` is exact at both ends.

use super::Statistics;
use crate::{Error, Plain, Zeroed, memory};
use core::ops::RangeInclusive;

/// Scales every feature to mean 0 and variance 1; a constant feature becomes 0.
///
/// Consists of plain numbers: write them as constants, or read them from bytes, to keep them in flash. NaN and
/// infinity become NaN or infinity. The mean is an `f32`: the result for a feature that varies little around a large
/// number has a mean of up to 2^-24 |mean| / std. `invert` after `apply` returns `x` within 2^-24 (3 |x - mean| +
/// |x|), up to second-order terms.
///
/// ```
/// use fusebox::data::{Standardize, Statistics};
/// let mut statistics = Statistics::new();
/// statistics.add(&[1.0, 7.0])?;
/// statistics.add(&[5.0, 7.0])?;
/// let standardize = Standardize::of(&statistics)?;
/// assert_eq!(standardize, Standardize { mean: [3.0, 7.0], std: [2.0, 0.0] });
///
/// let mut row = [7.0, 7.0];
/// standardize.apply(&mut row);
/// assert_eq!(row, [2.0, 0.0]);
/// standardize.invert(&mut row);
/// assert_eq!(row, [7.0, 7.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "scaler")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Standardize<const N: usize> {
    /// The mean of each feature.
    pub mean: [f32; N],
    /// The standard deviation of each feature; 0 for a constant feature.
    pub std: [f32; N],
}

impl<const N: usize> Zeroed for Standardize<N> {
    const ZEROED: Self = Self { mean: Zeroed::ZEROED, std: Zeroed::ZEROED };
}

// SAFETY: `repr(C)`, two arrays of numbers.
unsafe impl<const N: usize> Plain for Standardize<N> {
    type Slack = ();
}

impl<const N: usize> Standardize<N> {
    /// Computes the scale from the statistics of the training rows.
    ///
    /// Errors if there are no rows, a feature has no numbers, or its numbers are so large or differ by so little that
    /// their variance is not a normal `f32`.
    ///
    /// ```
    /// use fusebox::{Error, data::{Standardize, Statistics}};
    /// let mut statistics = Statistics::new();
    /// assert_eq!(Standardize::of(&statistics), Err(Error::Empty));
    /// statistics.add_finite(&[1.0, f32::NAN]);
    /// assert_eq!(Standardize::of(&statistics), Err(Error::NoNumbers { feature: 1 }));
    /// ```
    #[doc(alias = "fit")]
    pub fn of(statistics: &Statistics<N>) -> Result<Self, Error> {
        check(statistics)?;
        let mut result = Self::ZEROED;
        let targets = result.mean.iter_mut().zip(&mut result.std);
        for (feature, (moments, (mean, std))) in statistics.features().iter().zip(targets).enumerate() {
            *mean = moments.mean();
            if moments.min() < moments.max() {
                *std = moments.std();
            }
            let normal = *std == 0.0 || moments.variance().is_normal();
            if !(mean.is_finite() && normal) || (*std == 0.0 && moments.min() < moments.max()) {
                return Err(Error::Magnitude { feature });
            }
        }
        Ok(result)
    }

    /// Standardises a row in place.
    pub fn apply(&self, row: &mut [f32; N]) {
        for ((x, &mean), &std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
            *x = ratio(*x - mean, std);
        }
    }

    /// Inverts [`apply`](Standardize::apply) in place, up to rounding.
    pub fn invert(&self, row: &mut [f32; N]) {
        for ((x, &mean), &std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
            *x = *x * std + mean;
        }
    }

    /// The numbers as bytes: the means, then the standard deviations, each a little-endian `f32`.
    ///
    /// ```
    /// use fusebox::data::Standardize;
    /// let standardize = Standardize { mean: [1.0], std: [2.0] };
    /// assert_eq!(standardize.as_bytes(), [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
    /// ```
    pub const fn as_bytes(&self) -> &[u8] {
        memory::as_bytes(self)
    }

    /// Makes a scale from a copy of `bytes`, at any alignment. Errors unless their length is that of
    /// [`Standardize::as_bytes`].
    ///
    /// ```
    /// use fusebox::{Error, data::Standardize};
    /// static INPUT: Result<Standardize<1>, Error> = Standardize::copy_from_bytes(&[0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
    /// assert_eq!(INPUT, Ok(Standardize { mean: [1.0], std: [2.0] }));
    /// ```
    pub const fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        memory::copy_from_bytes(bytes)
    }
}

/// Scales every feature from its range to a given one, by default 0 to 1; a constant feature becomes the lower end.
///
/// Consists of plain numbers, like [`Standardize`]. Numbers outside the training range become numbers outside the
/// given range, NaN and infinity become NaN or infinity. Scaling to 0..1 and back returns an `x` of the training
/// range within 2^-24 (3 (max - min) + 4 |x|), where |x| is the largest of the feature, up to second-order terms.
///
/// ```
/// use fusebox::data::{MinMax, Statistics};
/// let mut statistics = Statistics::new();
/// statistics.add(&[1.0, 7.0])?;
/// statistics.add(&[5.0, 7.0])?;
///
/// let mut row = [2.0, 7.0];
/// MinMax::of(&statistics)?.apply(&mut row);
/// assert_eq!(row, [0.25, 0.0]);
///
/// let min_max = MinMax::with_range(&statistics, -1.0..=1.0)?;
/// let mut row = [5.0, 7.0];
/// min_max.apply(&mut row);
/// assert_eq!(row, [1.0, -1.0]);
/// min_max.invert(&mut row);
/// assert_eq!(row, [5.0, 7.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "scaler")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct MinMax<const N: usize> {
    /// The smallest number of each feature.
    pub min: [f32; N],
    /// The largest number of each feature.
    pub max: [f32; N],
    /// What `min` is mapped to.
    pub low: f32,
    /// What `max` is mapped to.
    pub high: f32,
}

impl<const N: usize> Zeroed for MinMax<N> {
    const ZEROED: Self = Self { min: Zeroed::ZEROED, max: Zeroed::ZEROED, low: 0.0, high: 0.0 };
}

// SAFETY: `repr(C)`, two arrays of numbers and two numbers.
unsafe impl<const N: usize> Plain for MinMax<N> {
    type Slack = ();
}

impl<const N: usize> MinMax<N> {
    /// Scales to the range from 0 to 1, given the statistics of the training rows.
    ///
    /// Errors if there are no rows, a feature has no numbers, or its range overflows an `f32`.
    #[doc(alias = "fit")]
    pub fn of(statistics: &Statistics<N>) -> Result<Self, Error> {
        Self::with_range(statistics, 0.0..=1.0)
    }

    /// Scales to `range`, given the statistics of the training rows.
    ///
    /// Errors as [`MinMax::of`] does, and unless the range has finite ends, the first below the last, and a finite width.
    ///
    /// ```
    /// use fusebox::data::{MinMax, Statistics};
    /// let error = MinMax::<1>::with_range(&Statistics::new(), 1.0..=1.0).unwrap_err();
    /// assert!(error.to_string().starts_with("expected `range` to be a range with finite ends"));
    /// ```
    pub fn with_range(statistics: &Statistics<N>, range: RangeInclusive<f32>) -> Result<Self, Error> {
        let (low, high) = (*range.start(), *range.end());
        if !(low < high && (high - low).is_finite()) {
            return Err(Error::Setting {
                name: "range",
                expected: "a range with finite ends, the first below the last",
            });
        }
        check(statistics)?;
        let (min, max) = (statistics.min(), statistics.max());
        if let Some(feature) = min.iter().zip(&max).position(|(min, max)| !(max - min).is_finite()) {
            return Err(Error::Magnitude { feature });
        }
        Ok(Self { min, max, low, high })
    }

    /// Scales a row in place.
    pub fn apply(&self, row: &mut [f32; N]) {
        for ((x, &min), &max) in row.iter_mut().zip(&self.min).zip(&self.max) {
            *x = between(self.low, self.high, ratio(*x - min, max - min));
        }
    }

    /// Inverts [`apply`](MinMax::apply) in place, up to rounding.
    pub fn invert(&self, row: &mut [f32; N]) {
        for ((x, &min), &max) in row.iter_mut().zip(&self.min).zip(&self.max) {
            *x = between(min, max, ratio(*x - self.low, self.high - self.low));
        }
    }

    /// The numbers as bytes: `min`, `max`, `low`, `high`, each a little-endian `f32`.
    ///
    /// ```
    /// use fusebox::data::MinMax;
    /// let min_max = MinMax { min: [0.0], max: [1.0], low: -1.0, high: 1.0 };
    /// assert_eq!(MinMax::<1>::copy_from_bytes(min_max.as_bytes()), Ok(min_max));
    /// ```
    pub const fn as_bytes(&self) -> &[u8] {
        memory::as_bytes(self)
    }

    /// Makes a scale from a copy of `bytes`, at any alignment. Errors unless their length is that of
    /// [`MinMax::as_bytes`].
    ///
    /// ```
    /// use fusebox::{Error, data::MinMax};
    /// assert_eq!(MinMax::<1>::copy_from_bytes(&[0; 8]), Err(Error::Bytes { expected: 16, got: 8 }));
    /// ```
    pub const fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        memory::copy_from_bytes(bytes)
    }
}

/// Errors unless there are rows, and numbers of every feature.
fn check<const N: usize>(statistics: &Statistics<N>) -> Result<(), Error> {
    if statistics.rows() == 0 {
        return Err(Error::Empty);
    }
    match statistics.features().iter().position(|moments| moments.count() == 0) {
        Some(feature) => Err(Error::NoNumbers { feature }),
        None => Ok(()),
    }
}

/// `part / whole`, or 0 if `whole` is 0. NaN stays NaN; infinity over zero becomes NaN.
fn ratio(part: f32, whole: f32) -> f32 {
    if whole == 0.0 { part * 0.0 } else { part / whole }
}

/// Interpolates linearly: `low` at `t = 0` and `high` at `t = 1`, exact at both.
fn between(low: f32, high: f32, t: f32) -> f32 {
    (1.0 - t) * low + t * high
}
