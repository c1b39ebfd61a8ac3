//! The confusion matrix of a classifier, and the metrics computed from it.
//!
//! ```text
//! tp    = counts[c][c]                   of class c and predicted as c
//! precision = tp / sum counts[.][c]      fraction of the rows predicted as c that are c
//! recall    = tp / sum counts[c][.]      fraction of the rows that are c predicted as c
//! f1        = 2 tp / (sum counts[.][c] + sum counts[c][.])      the harmonic mean
//! ```
//!
//! 0 / 0 is defined as 0, as in scikit-learn with `zero_division=0`: the precision of a class that was never
//! predicted, the recall of a class that never occurred. (C. van Rijsbergen, "Information Retrieval", 1979, chapter
//! 7.)

use super::argmax;
use super::check_finite;
use crate::{Error, Label};
use core::fmt;

/// Counts of predictions per label and predicted class: `CLASSES` x `CLASSES` counts of four bytes.
///
/// ```
/// use fusebox::Confusion;
/// let mut confusion = Confusion::<3>::new(); // const: can be a static
/// for (label, predicted) in [(0, 0), (1, 2), (2, 2), (2, 0), (0, 0)] {
///     confusion.add(label, predicted)?;
/// }
/// assert_eq!(confusion.accuracy(), 0.6);
/// assert_eq!(confusion.class(2)?.recall, 0.5);
/// assert_eq!(confusion.class(1)?.precision, 0.0); // never predicted: 0 / 0 is 0
/// assert_eq!(confusion.to_string(), "\
/// label \\ as  0  1  2   precision  recall     f1
///          0  2  0  0       0.667   1.000  0.800
///          1  0  0  1       0.000   0.000  0.000
///          2  1  0  1       0.500   0.500  0.500
///       mean                0.389   0.500  0.433
/// accuracy 0.600 of 5
/// ");
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion<const CLASSES: usize> {
    counts: [[u32; CLASSES]; CLASSES],
}

/// The scores of one class, or their mean over all classes: numbers from 0 to 1.
///
/// ```
/// let scores = fusebox::Confusion::<2>::new().macro_mean();
/// assert_eq!((scores.precision, scores.recall, scores.f1), (0.0, 0.0, 0.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// The fraction of the rows predicted to be of the class that are of the class.
    pub precision: f32,
    /// The fraction of the rows of the class that were predicted to be of the class.
    pub recall: f32,
    /// The harmonic mean of precision and recall.
    pub f1: f32,
}

impl<const CLASSES: usize> Confusion<CLASSES> {
    /// No predictions yet.
    pub const fn new() -> Self {
        Self { counts: [[0; CLASSES]; CLASSES] }
    }

    /// Counts a prediction of class `predicted` for a row of class `label`.
    ///
    /// Errors, with nothing counted, if one of them is not below `CLASSES` ([`Error::Label`], row 0), or if that pair
    /// has been counted 2^32 - 1 times ([`Error::Full`]).
    pub fn add(&mut self, label: impl Label, predicted: usize) -> Result<(), Error> {
        let outside = |got| Error::Label { classes: CLASSES, got, row: 0 };
        let row = self.counts.get_mut(label.class()).ok_or(outside(label.class()))?;
        let count = row.get_mut(predicted).ok_or(outside(predicted))?;
        *count = count.checked_add(1).ok_or(Error::Full { capacity: u32::MAX as usize })?;
        Ok(())
    }

    /// Counts a network's output `y` for a row of class `label`. The prediction is the index of the largest number
    /// ([`argmax`]).
    ///
    /// Errors as [`Confusion::add`] does, and if a number is NaN or infinite, because such an output has no prediction.
    ///
    /// ```
    /// use core::num::FpCategory;
    /// use fusebox::{Confusion, Error};
    /// let mut confusion = Confusion::<2>::new();
    /// confusion.observe(&[0.3, 1.7], 1)?;
    /// let error = confusion.observe(&[0.3, f32::NAN], 0);
    /// assert_eq!(error, Err(Error::NotFinite { row: 0, feature: 1, got: FpCategory::Nan }));
    /// assert_eq!(confusion.counts(), &[[0, 0], [0, 1]]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn observe(&mut self, y: &[f32; CLASSES], label: impl Label) -> Result<(), Error> {
        check_finite(y)?;
        self.add(label, argmax(y))
    }

    /// The counts: `counts()[label][predicted]`.
    pub const fn counts(&self) -> &[[u32; CLASSES]; CLASSES] {
        &self.counts
    }

    /// The number of predictions counted.
    pub fn total(&self) -> u64 {
        self.counts.as_flattened().iter().copied().map(u64::from).sum()
    }

    /// The fraction of predictions that were correct, from 0 to 1; 0 if there are none.
    pub fn accuracy(&self) -> f32 {
        let right = self.counts.iter().enumerate().filter_map(|(class, row)| row.get(class));
        ratio(right.copied().map(u64::from).sum(), self.total())
    }

    /// The scores of one class. Errors if there is no such class.
    pub fn class(&self, class: usize) -> Result<Scores, Error> {
        let outside = Error::Label { classes: CLASSES, got: class, row: 0 };
        let row = self.counts.get(class).ok_or(outside)?;
        let column = self.counts.iter().filter_map(|row| row.get(class));
        let right = row.get(class).copied().map_or(0, u64::from);
        let actual: u64 = row.iter().copied().map(u64::from).sum();
        let predicted: u64 = column.copied().map(u64::from).sum();
        Ok(Scores {
            precision: ratio(right, predicted),
            recall: ratio(right, actual),
            f1: ratio(2 * right, actual + predicted),
        })
    }

    /// The unweighted mean of the scores over all `CLASSES` classes. Classes that never occurred are included, with
    /// their zeros, as in scikit-learn with `average="macro", labels=range(CLASSES)`. If every class occurred, the
    /// recall is the balanced accuracy.
    ///
    /// ```
    /// let mut confusion = fusebox::Confusion::<2>::new();
    /// confusion.add(1, 1)?;
    /// assert_eq!(confusion.macro_mean().recall, 0.5);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn macro_mean(&self) -> Scores {
        let mut sum = Scores::default();
        for scores in (0..CLASSES).filter_map(|class| self.class(class).ok()) {
            sum.precision += scores.precision;
            sum.recall += scores.recall;
            sum.f1 += scores.f1;
        }
        // Dividing the sum, not each term, makes the mean of ones exactly one. Without classes the sum is zero.
        let classes = CLASSES.max(1) as f32;
        Scores { precision: sum.precision / classes, recall: sum.recall / classes, f1: sum.f1 / classes }
    }
}

impl<const CLASSES: usize> Default for Confusion<CLASSES> {
    fn default() -> Self {
        Self::new()
    }
}

/// `part / whole`, and 0 for 0 / 0. Correctly rounded if both are below 2^24, else with a relative error of at most 3
/// x 2^-24.
fn ratio(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

/// A table: one row per label, one column per predicted class, and each class's scores at the end of its row.
impl<const CLASSES: usize> fmt::Display for Confusion<CLASSES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.counts.as_flattened().iter().max().copied().unwrap_or(0);
        let largest = largest.max(CLASSES.saturating_sub(1) as u32);
        // Ten digits hold every `u32`; the bound also shows the compiler that the width is in range.
        let width = (largest.checked_ilog10().unwrap_or(0) as usize + 1).min(10);

        f.write_str("label \\ as")?;
        for class in 0..CLASSES {
            write!(f, "  {class:>width$}")?;
        }
        f.write_str("   precision  recall     f1\n")?;
        for (class, row) in self.counts.iter().enumerate() {
            write!(f, "{class:>10}")?;
            for count in row {
                write!(f, "  {count:>width$}")?;
            }
            write_scores(f, self.class(class).unwrap_or_default())?;
        }
        f.write_str("      mean")?;
        for _ in 0..CLASSES {
            write!(f, "  {:>width$}", "")?;
        }
        write_scores(f, self.macro_mean())?;
        writeln!(f, "accuracy {} of {}", Thousandths(self.accuracy()), self.total())
    }
}

fn write_scores(f: &mut fmt::Formatter<'_>, scores: Scores) -> fmt::Result {
    let Scores { precision, recall, f1 } = scores;
    writeln!(f, "       {}   {}  {}", Thousandths(precision), Thousandths(recall), Thousandths(f1))
}

/// A number from 0 to 1 printed with three decimals, by integer arithmetic: printing an `f32` would cost a firmware
/// 10 KB of flash.
struct Thousandths(f32);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = (self.0 * 1000.0 + 0.5) as u32;
        write!(f, "{}.{:03}", thousandths / 1000, thousandths % 1000)
    }
}
