//! Metrics of prediction quality, updated one prediction at a time, in memory whose size is known at compile time.
//!
//! No metric stores predictions, except for the exact area under the ROC curve, which stores scores. Every metric has a
//! `const fn new` that returns zeros, so that a `static` of it is in `.bss`. Its `observe` counts a prediction
//! completely or, if it returns an error, not at all.
//!
//! Counts are integers and sums are `f64`: long evaluations lose no digits of the `f32` result, which has the same
//! bits on every machine.

mod confusion;
mod likelihood;
mod regression;
mod roc;

pub use confusion::{Confusion, Scores};
pub use likelihood::Likelihood;
pub use regression::Regression;
pub use roc::{RocAuc, RocHistogram};

use crate::Error;

/// The index of the largest number, the first if there are several; NaN is never the largest. 0 if there is none, as
/// in a row of NaNs: [`evaluate`](crate::evaluate()) and [`Confusion::observe`](crate::Confusion::observe) return an error for such
/// rows.
///
/// ```
/// assert_eq!(fusebox::argmax(&[0.5, 2.0, 2.0, f32::NAN]), 1);
/// ```
pub fn argmax(xs: &[f32]) -> usize {
    let (mut best, mut largest) = (0, f32::NEG_INFINITY);
    for (i, &x) in xs.iter().enumerate() {
        if x > largest {
            (best, largest) = (i, x);
        }
    }
    best
}

/// Errors if a number is NaN or infinite.
fn check_finite(numbers: &[f32]) -> Result<(), Error> {
    match numbers.iter().enumerate().find(|(_, number)| !number.is_finite()) {
        Some((index, number)) => Err(Error::NotFinite { row: 0, feature: index, got: number.classify() }),
        None => Ok(()),
    }
}
