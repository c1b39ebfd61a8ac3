//! Mean, variance, minimum and maximum of each feature, in one pass.
//!
//! ```text
//! d = x - mean          mean = mean + d / n          squares = squares + d (d - d / n)          variance = squares / n
//! ```
//!
//! Source: B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", 1962; two
//! statistics are merged as in T. Chan, G. Golub and R. LeVeque, "Updating Formulae and a Pairwise Algorithm for
//! Computing Sample Variances", 1979. Unlike `sum x^2 - n mean^2`, this never subtracts large squares.
//!
//! In plain `f32` the mean would stop changing once `d / n` is below half an ulp: for a sensor that varies by 1
//! around 10^6, after thirty rows. So mean and squares are each an unevaluated sum of two `f32`: `high`, and its
//! rounding error `low` (T. J. Dekker, "A Floating-Point Technique for Extending the Available Precision", 1971). For
//! n numbers of range R, magnitude up to M and standard deviation s, with u = 2^-24:
//!
//! ```text
//! |error of the mean|     <= E + u M                                 E = 4 u R + 2 (n + 2) u^2 M
//! |error of the variance| <= 2 E s + E^2 + (11 + 2 n u) u s^2
//! ```
//!
//! An update has three roundings in proportion to `d / n` (3 u R, averaged) and two in `low` (2 u^2 M, summed over
//! n). An error E of the means changes the squares by 2 sum |d| E <= 2 n E s, by Cauchy-Schwarz; a square has seven
//! roundings, and their sum and the division by n account for the rest. There is no bound if a square underflows or
//! the variance overflows an `f32`; [`Standardize::of`](super::Standardize::of) returns an error for such data.
//!
//! The sum of the squares may overflow although the variance does not: a thousand squares of 10^36. So if a feature's
//! numbers reach 2^46 in magnitude, distances are scaled by 2^-82 before they are squared. Then 2^32 squares of any
//! distances have a finite sum; numbers that large differ by at least 2^22, so no relevant square underflows. Scaling
//! by a power of two is exact: the bits are those of a sum that cannot overflow.

use super::check_finite;
use crate::Error;

/// Mean, variance, minimum, maximum and count of each of `N` features, one row at a time: 28 bytes per feature.
///
/// `new` is all zeros, so that a `static` of it is in `.bss`. The statistics of a feature without numbers are NaN.
/// After 2^32 - 1 numbers, a feature's statistics no longer change.
///
/// ```
/// use fusebox::data::Statistics;
/// let mut statistics = Statistics::new();
/// for row in [[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]] {
///     statistics.add(&row)?;
/// }
/// assert_eq!(statistics.mean(), [3.0, 5.0]);
/// assert_eq!(statistics.min(), [1.0, 5.0]);
/// assert_eq!(statistics.max(), [6.0, 5.0]);
/// assert!((statistics.variance()[0] - 14.0 / 3.0).abs() < 1e-6);
/// assert_eq!(statistics.std()[1], 0.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics<const N: usize> {
    rows: u32,
    features: [Moments; N],
}

impl<const N: usize> Statistics<N> {
    /// No rows counted.
    pub const fn new() -> Self {
        Self { rows: 0, features: [Moments::NONE; N] }
    }

    /// Counts a row. Errors, with nothing counted, if a number is NaN or infinite; the row in the error is the number
    /// of rows counted before.
    ///
    /// ```
    /// use core::num::FpCategory;
    /// use fusebox::{Error, data::Statistics};
    /// let mut statistics = Statistics::new();
    /// statistics.add(&[1.0, 2.0])?;
    /// let refused = statistics.add(&[3.0, f32::NAN]);
    /// assert_eq!(refused, Err(Error::NotFinite { row: 1, feature: 1, got: FpCategory::Nan }));
    /// assert_eq!(statistics.count(), [1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add(&mut self, row: &[f32; N]) -> Result<(), Error> {
        check_finite(core::slice::from_ref(row)).map_err(|error| match error {
            Error::NotFinite { feature, got, .. } => {
                Error::NotFinite { row: self.rows as usize, feature, got }
            }
            other => other,
        })?;
        self.add_finite(row);
        Ok(())
    }

    /// Counts the finite numbers of a row and skips the others. Each feature has its own
    /// [`count`](Statistics::count); the number of missing ones is the difference to [`rows`](Statistics::rows).
    ///
    /// ```
    /// use fusebox::data::Statistics;
    /// let mut statistics = Statistics::new();
    /// statistics.add_finite(&[1.0, 2.0]);
    /// statistics.add_finite(&[3.0, f32::NAN]);
    /// assert_eq!((statistics.rows(), statistics.count()), (2, [2, 1]));
    /// assert_eq!(statistics.mean(), [2.0, 2.0]);
    /// ```
    pub fn add_finite(&mut self, row: &[f32; N]) {
        self.rows = self.rows.saturating_add(1);
        for (moments, &x) in self.features.iter_mut().zip(row) {
            if x.is_finite() {
                moments.add(x);
            }
        }
    }

    /// Adds the rows counted by `other`: two parts of the data give the same as the whole, up to rounding.
    ///
    /// ```
    /// use fusebox::data::Statistics;
    /// let [mut one, mut other] = [Statistics::new(); 2];
    /// one.add(&[1.0])?;
    /// other.add(&[2.0])?;
    /// other.add(&[6.0])?;
    /// one.merge(&other);
    /// assert_eq!((one.rows(), one.mean(), one.max()), (3, [3.0], [6.0]));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.rows = self.rows.saturating_add(other.rows);
        for (moments, other) in self.features.iter_mut().zip(&other.features) {
            moments.merge(other);
        }
    }

    /// The number of rows counted.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// The number of finite numbers of each feature.
    pub fn count(&self) -> [u32; N] {
        self.features.map(|moments| moments.count)
    }

    /// The mean of each feature.
    pub fn mean(&self) -> [f32; N] {
        self.features.map(|moments| moments.mean())
    }

    /// The population variance of each feature: the mean of the squared distances to the mean.
    pub fn variance(&self) -> [f32; N] {
        self.features.map(|moments| moments.variance())
    }

    /// The standard deviation of each feature, the square root of the variance.
    pub fn std(&self) -> [f32; N] {
        self.features.map(|moments| moments.std())
    }

    /// The smallest number of each feature.
    pub fn min(&self) -> [f32; N] {
        self.features.map(|moments| moments.min())
    }

    /// The largest number of each feature.
    pub fn max(&self) -> [f32; N] {
        self.features.map(|moments| moments.max())
    }

    pub(super) const fn features(&self) -> &[Moments; N] {
        &self.features
    }
}

impl<const N: usize> Default for Statistics<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// 2^46: from this magnitude on, distances are scaled.
const LARGE: f32 = 70_368_744_177_664.0;

/// 2^-82, the scale.
const SMALL: f32 = f32::from_bits((127 - 82) << 23);

/// The statistics of one feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    count: u32,
    mean: Sum,
    /// The sum of the squared distances to the mean, scaled by [`Moments::scale`].
    squares: Sum,
    min: f32,
    max: f32,
}

impl Moments {
    const NONE: Self = Self { count: 0, mean: Sum::ZERO, squares: Sum::ZERO, min: 0.0, max: 0.0 };

    /// Whether distances are scaled before they are squared.
    const fn is_large(&self) -> bool {
        self.min <= -LARGE || self.max >= LARGE
    }

    /// The factor of distances before they are squared, and its reciprocal.
    const fn scale(&self) -> (f32, f32) {
        if self.is_large() { (SMALL, 1.0 / SMALL) } else { (1.0, 1.0) }
    }

    /// Extends the range to `min` and `max`, and rescales the squares if that changes the scale.
    fn widen(&mut self, min: f32, max: f32) {
        let was_large = self.is_large();
        (self.min, self.max) =
            if self.count == 0 { (min, max) } else { (self.min.min(min), self.max.max(max)) };
        if self.is_large() && !was_large {
            let Sum { high, low } = self.squares;
            self.squares = Sum { high: high * SMALL * SMALL, low: low * SMALL * SMALL };
        }
    }

    fn add(&mut self, x: f32) {
        if self.count == u32::MAX {
            return;
        }
        self.widen(x, x);
        self.count += 1;
        let (scale, back) = self.scale();
        let distance = (scale * x - scale * self.mean.high) - scale * self.mean.low;
        let step = distance / self.count as f32;
        self.mean.add(step * back);
        self.squares.add(distance * (distance - step));
    }

    fn merge(&mut self, other: &Self) {
        let mut other = *other;
        let count = match (self.count, other.count) {
            (_, 0) => return,
            (0, _) => return *self = other,
            (one, other) => one.saturating_add(other),
        };
        self.widen(other.min, other.max);
        other.widen(self.min, self.max);
        let (scale, back) = self.scale();
        let distance = (scale * other.mean.high - scale * self.mean.high)
            + (scale * other.mean.low - scale * self.mean.low);
        let part = other.count as f32 / count as f32;
        let step = distance * part;
        if self.is_large() {
            // Add half of it twice: the whole may overflow.
            self.mean.add(step * (0.5 * back));
            self.mean.add(step * (0.5 * back));
        } else {
            self.mean.add(step);
        }
        self.squares.add(step * (distance * self.count as f32));
        self.squares.add(other.squares.high);
        self.squares.add(other.squares.low);
        self.count = count;
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn mean(&self) -> f32 {
        self.unless_empty(self.mean.high)
    }

    pub(super) const fn variance(&self) -> f32 {
        let (_, back) = self.scale();
        self.squares.high / self.count as f32 * back * back // 0 / 0 is NaN
    }

    pub(super) fn std(&self) -> f32 {
        let (_, back) = self.scale();
        libm::sqrtf(self.squares.high / self.count as f32) * back
    }

    pub(super) const fn min(&self) -> f32 {
        self.unless_empty(self.min)
    }

    pub(super) const fn max(&self) -> f32 {
        self.unless_empty(self.max)
    }

    const fn unless_empty(&self, x: f32) -> f32 {
        if self.count == 0 { f32::NAN } else { x }
    }
}

/// An unevaluated sum: `high` is its value in `f32`, `low` the rounding error.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sum {
    high: f32,
    low: f32,
}

impl Sum {
    const ZERO: Self = Self { high: 0.0, low: 0.0 };

    fn add(&mut self, x: f32) {
        let (sum, error) = two_sum(self.high, x);
        (self.high, self.low) = two_sum(sum, self.low + error);
    }
}

/// The rounded sum and its rounding error; `sum + error` is exact.
///
/// Source: D. Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B.
fn two_sum(a: f32, b: f32) -> (f32, f32) {
    let sum = a + b;
    let of_b = sum - a;
    let of_a = sum - of_b;
    (sum, (a - of_a) + (b - of_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_count_stays() {
        let mut moments = Moments::NONE;
        moments.add(1.0);
        moments.count = u32::MAX;
        let before = moments;
        moments.add(2.0);
        assert_eq!(moments, before);
        moments.merge(&before);
        assert_eq!((moments.count, moments.mean()), (u32::MAX, 1.0));
    }

    /// Compared with `f64`, which holds the sum of two `f32` exactly unless one is much larger.
    #[test]
    fn two_sums_are_exact() {
        let numbers = || (-40..40).map(|e| 2f32.powi(e) * 1.000_000_1).flat_map(|x| [x, -x, x * 3.0]);
        for a in numbers() {
            for b in numbers() {
                let (sum, error) = two_sum(a, b);
                if (a / b).abs() < 1e8 && (b / a).abs() < 1e8 {
                    assert_eq!(f64::from(sum) + f64::from(error), f64::from(a) + f64::from(b));
                }
                assert_eq!(sum, a + b);
            }
        }
    }
}
