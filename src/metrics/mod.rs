//! Metrics: how good predictions are, observed one at a time in memory that is known when it compiles.
//!
//! Nothing here keeps the predictions, except for the exact area under the ROC curve, which needs their scores. Every
//! metric starts with a `const fn new` of zeros, so that a `static` of it lies in `.bss`, and is filled by `observe`,
//! which counts a prediction wholly or, when it returns an error, not at all.
//!
//! Counts are whole numbers and sums are `f64`: a long evaluation loses no digits of the `f32` that comes out, and
//! the result has the same bits on every machine.

mod confusion;
mod regression;
mod roc;

pub use confusion::{Confusion, Scores};
pub use regression::Regression;
pub use roc::{RocAuc, RocHistogram};

use crate::Error;

/// The place of the largest number, the first of them if several are; NaN is never the largest. 0 if there is none, as
/// in a row of NaNs: [`evaluate`] and [`Confusion::observe`](crate::Confusion::observe) refuse such rows.
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

/// Refuses numbers of which one is NaN or infinite.
fn check_finite(numbers: &[f32]) -> Result<(), Error> {
    match numbers.iter().enumerate().find(|(_, number)| !number.is_finite()) {
        Some((index, number)) => Err(Error::NotFinite { row: 0, feature: index, got: number.classify() }),
        None => Ok(()),
    }
}
