//! Features brought to a common scale, by numbers that stay in flash beside the weights.
//!
//! ```text
//! Standardize   y = (x - mean) / std                       x = y std + mean
//! MinMax        t = (x - min) / (max - min)                y = (1 - t) low + t high, and back alike
//! ```
//!
//! As scikit-learn's `StandardScaler` and `MinMaxScaler` do it, except that a constant feature stays constant: a number
//! that training never saw vary becomes 0 (or `low`) whatever it is, for a network cannot know what to make of another.
//! The form of `MinMax` gives both ends exactly.

use super::Statistics;
use crate::{Error, Plain, Zeroed, memory};
use core::ops::RangeInclusive;

/// Brings every feature to mean 0 and variance 1; a constant feature becomes 0.
///
/// Plain numbers: write them down, or make them from bytes, to keep them in flash. NaN and infinity come out as NaN or
/// infinity. The mean is an `f32`: of a feature that varies little around a large number, what comes out has a mean of up
/// to 2^-24 |mean| / std. Invert after apply gives `x` back within 2^-24 (3 |x - mean| + |x|), second order apart.
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
    /// The standard deviation of each feature; 0 marks one that is constant.
    pub std: [f32; N],
}

impl<const N: usize> Zeroed for Standardize<N> {
    const ZEROED: Self = Self { mean: Zeroed::ZEROED, std: Zeroed::ZEROED };
}

// SAFETY: `repr(C)`, two arrays of numbers.
unsafe impl<const N: usize> Plain for Standardize<N> {}

impl<const N: usize> Standardize<N> {
    /// From the statistics of the training rows.
    ///
    /// Errors when there are no rows, a feature has no numbers, or its numbers are so large or differ by so little that
    /// their variance is no normal `f32`.
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

    /// Overwrites a row with its standardised numbers.
    pub fn apply(&self, row: &mut [f32; N]) {
        for ((x, &mean), &std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
            *x = ratio(*x - mean, std);
        }
    }

    /// Overwrites standardised numbers with what they were before [`apply`](Standardize::apply), but for rounding.
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

    /// Made from a copy of `bytes`, which may start anywhere. Errors unless they are as many as
    /// [`Standardize::as_bytes`] gives.
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

/// Brings every feature from the range of its numbers to a given one, 0 to 1 unless said otherwise; a constant feature
/// becomes the lower end.
///
/// Plain numbers, as [`Standardize`] is. Numbers outside of the range seen come out outside of the range given, NaN and
/// infinity as NaN or infinity. From 0 to 1 and back gives an `x` of the range seen within 2^-24 (3 (max - min) + 4 |x|),
/// |x| being the largest of the feature, second order apart.
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
    /// What the smallest number becomes.
    pub low: f32,
    /// What the largest number becomes.
    pub high: f32,
}

impl<const N: usize> Zeroed for MinMax<N> {
    const ZEROED: Self = Self { min: Zeroed::ZEROED, max: Zeroed::ZEROED, low: 0.0, high: 0.0 };
}

// SAFETY: `repr(C)`, two arrays of numbers and two numbers.
unsafe impl<const N: usize> Plain for MinMax<N> {}

impl<const N: usize> MinMax<N> {
    /// To the range from 0 to 1, from the statistics of the training rows.
    ///
    /// Errors when there are no rows, a feature has no numbers, or they span more than an `f32` holds.
    #[doc(alias = "fit")]
    pub fn of(statistics: &Statistics<N>) -> Result<Self, Error> {
        Self::with_range(statistics, 0.0..=1.0)
    }

    /// To `range`, from the statistics of the training rows.
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

    /// Overwrites a row with its numbers brought to the range.
    pub fn apply(&self, row: &mut [f32; N]) {
        for ((x, &min), &max) in row.iter_mut().zip(&self.min).zip(&self.max) {
            *x = between(self.low, self.high, ratio(*x - min, max - min));
        }
    }

    /// Overwrites numbers brought to the range with what they were before [`apply`](MinMax::apply), but for rounding.
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

    /// Made from a copy of `bytes`, which may start anywhere. Errors unless they are as many as [`MinMax::as_bytes`]
    /// gives.
    ///
    /// ```
    /// use fusebox::{Error, data::MinMax};
    /// assert_eq!(MinMax::<1>::copy_from_bytes(&[0; 8]), Err(Error::Bytes { expected: 16, got: 8 }));
    /// ```
    pub const fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        memory::copy_from_bytes(bytes)
    }
}

/// Whether there are rows, and numbers of every feature.
fn check<const N: usize>(statistics: &Statistics<N>) -> Result<(), Error> {
    if statistics.rows() == 0 {
        return Err(Error::Empty);
    }
    match statistics.features().iter().position(|moments| moments.count() == 0) {
        Some(feature) => Err(Error::NoNumbers { feature }),
        None => Ok(()),
    }
}

/// `part / whole`, or 0 where `whole` is 0; NaN stays NaN, and infinity is none the less.
fn ratio(part: f32, whole: f32) -> f32 {
    if whole == 0.0 { part * 0.0 } else { part / whole }
}

/// From `low` where `t` is 0 to `high` where it is 1, exact at both.
fn between(low: f32, high: f32, t: f32) -> f32 {
    (1.0 - t) * low + t * high
}
