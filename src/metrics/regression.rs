//! Errors of predicted numbers: mean absolute error, mean squared error, and unexplained variance.
//!
//! ```text
//! MAE  = 1/n sum |y_i - t_i|
//! RMSE = sqrt(1/n sum (y_i - t_i)^2)
//! R2   = 1 - sum (y_i - t_i)^2 / sum (t_i - mean t)^2
//! ```
//!
//! The last sum is computed by Welford's recurrence, which never subtracts two large sums: with d = t - mean, mean += d
//! / n, then spread += d (t - mean). (B. Welford, "Note on a Method for Calculating Corrected Sums of Squares and
//! Products", 1962.)

use super::check_finite;
use crate::Error;

/// Errors of predicted numbers against their targets, in forty bytes.
///
/// Each `observe` takes one number. For a network with several outputs, use an array of these for metrics per output,
/// or pass all outputs to the same one for metrics over all outputs.
///
/// ```
/// use fusebox::Regression;
/// let mut outputs = [const { Regression::new() }; 2]; // const: can be a static
/// for (y, target) in [([3.0, 0.5], [2.0, 1.0]), ([4.0, 2.0], [6.0, 2.0])] {
///     for (metrics, (y, target)) in outputs.iter_mut().zip(y.into_iter().zip(target)) {
///         metrics.observe(y, target)?;
///     }
/// }
/// assert_eq!(outputs[0].mae(), Some(1.5));
/// assert_eq!(outputs[1].rmse(), Some(0.125_f32.sqrt()));
/// assert_eq!(outputs[0].r2(), Some(0.375));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    count: u64,
    /// Sum of |y - t|.
    absolute: f64,
    /// Sum of (y - t)^2.
    squared: f64,
    /// Mean of t.
    mean: f64,
    /// Sum of (t - mean t)^2.
    spread: f64,
}

impl Regression {
    /// No predictions yet.
    pub const fn new() -> Self {
        Self { count: 0, absolute: 0.0, squared: 0.0, mean: 0.0, spread: 0.0 }
    }

    /// Adds a prediction. Errors, with nothing added, if either number is NaN or infinite: index 0 is the prediction,
    /// 1 the target.
    ///
    /// ```
    /// use core::num::FpCategory;
    /// use fusebox::{Error, Regression};
    /// let error = Regression::new().observe(0.0, f32::INFINITY);
    /// assert_eq!(error, Err(Error::NotFinite { row: 0, feature: 1, got: FpCategory::Infinite }));
    /// ```
    pub fn observe(&mut self, y: f32, target: f32) -> Result<(), Error> {
        check_finite(&[y, target])?;
        let (y, target) = (f64::from(y), f64::from(target));
        let error = y - target;
        self.absolute += error.abs();
        self.squared += error * error;
        self.count = self.count.saturating_add(1); // not full in a thousand years
        let deviation = target - self.mean;
        self.mean += deviation / self.count as f64;
        self.spread += deviation * (target - self.mean);
        Ok(())
    }

    /// The number of predictions.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean absolute error, in the targets' unit; `None` before the first prediction.
    pub fn mae(&self) -> Option<f32> {
        (self.count > 0).then(|| (self.absolute / self.count as f64) as f32)
    }

    /// The root of the mean squared error, in the targets' unit; `None` before the first prediction.
    pub fn rmse(&self) -> Option<f32> {
        (self.count > 0).then(|| libm::sqrt(self.squared / self.count as f64) as f32)
    }

    /// The coefficient of determination R2: 1 for perfect predictions, 0 for predictions no better than the targets'
    /// mean, negative for worse ones. `None`, since undefined, if all targets are equal or there are none.
    /// (scikit-learn returns 1 for perfect predictions of a constant, and 0 for others.)
    ///
    /// ```
    /// let mut metrics = fusebox::Regression::new();
    /// metrics.observe(1.0, 1.0)?;
    /// assert_eq!(metrics.r2(), None);
    /// metrics.observe(2.0, 2.0)?;
    /// assert_eq!(metrics.r2(), Some(1.0));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn r2(&self) -> Option<f32> {
        (self.spread > 0.0).then(|| (1.0 - self.squared / self.spread) as f32)
    }
}

impl Default for Regression {
    fn default() -> Self {
        Self::new()
    }
}
