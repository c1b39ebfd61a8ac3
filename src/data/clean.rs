//! Missing numbers and outliers: found, handled as configured, and reported.
//!
//! A number is missing if it is NaN or infinite. It is an outlier if it is more than z standard deviations from the
//! mean: `|x - mean| > z std`. Mean and standard deviation are either fixed in advance ([`Clean::apply`]) or those of
//! the rows seen so far ([`Clean::apply_running`]).

use super::{Standardize, Statistics};
use crate::Error;
use core::fmt;
use core::num::FpCategory;

/// Errors with the first row and feature that is NaN or infinite.
///
/// ```
/// use fusebox::data::check_finite;
/// assert_eq!(check_finite(&[[1.0, 2.0]]), Ok(()));
/// let error = check_finite(&[[1.0, 2.0], [3.0, f32::NEG_INFINITY]]).unwrap_err();
/// assert_eq!(error.to_string(), "expected finite numbers, got infinity in row 1, feature 1");
/// ```
pub fn check_finite<const N: usize>(rows: &[[f32; N]]) -> Result<(), Error> {
    for (row, xs) in rows.iter().enumerate() {
        for (feature, x) in xs.iter().enumerate() {
            if !x.is_finite() {
                return Err(Error::NotFinite { row, feature, got: x.classify() });
            }
        }
    }
    Ok(())
}

/// How to handle a row with a NaN or infinite number.
///
/// ```
/// use fusebox::data::{Clean, Missing, Outliers, Standardize};
/// let reference = Standardize { mean: [5.0], std: [1.0] };
/// let mut row = [f32::NAN];
/// assert!(!Clean::new(Missing::Reject, Outliers::Keep)?.apply(&mut row, &reference));
/// assert!(Clean::new(Missing::Fill, Outliers::Keep)?.apply(&mut row, &reference));
/// assert_eq!(row, [5.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Reject the row.
    Reject,
    /// Replace the number by the feature's mean. If there is no mean yet, reject the row.
    Fill,
}

/// How to handle a row with a number more than some standard deviations from its feature's mean.
///
/// ```
/// use fusebox::data::{Clean, Missing, Outliers, Standardize};
/// let reference = Standardize { mean: [5.0], std: [2.0] };
/// let mut row = [-100.0];
/// assert!(!Clean::new(Missing::Reject, Outliers::Reject(3.0))?.apply(&mut row, &reference));
/// assert!(Clean::new(Missing::Reject, Outliers::Clip(3.0))?.apply(&mut row, &reference));
/// assert_eq!(row, [-1.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outliers {
    /// Do not look for outliers.
    Keep,
    /// Clip the number to this many standard deviations from the mean.
    Clip(f32),
    /// Reject a row with a number more than this many standard deviations from the mean.
    Reject(f32),
}

/// Cleans rows one by one and keeps a [`Report`]: 24 bytes per feature.
///
/// ```
/// use fusebox::data::{Clean, Missing, Outliers, Standardize};
/// const REFERENCE: Standardize<2> = Standardize { mean: [20.0, 1.0], std: [2.0, 0.5] };
/// let mut clean = Clean::new(Missing::Fill, Outliers::Reject(4.0))?;
/// let rows = [[21.0, f32::NAN], [99.0, 1.0], [19.0, 0.5]];
/// let kept = rows.map(|mut row| clean.apply(&mut row, &REFERENCE).then_some(row));
/// assert_eq!(kept, [Some([21.0, 1.0]), None, Some([19.0, 0.5])]);
/// assert_eq!(
///     clean.report.to_string(),
///     "3 rows, rejected 1; numbers filled 1, clipped 0\n\
///      feature 0: outlier 1, first in row 1\n\
///      feature 1: NaN 1, first in row 0\n"
/// );
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clean<const N: usize> {
    missing: Missing,
    outliers: Outliers,
    /// What was found and done so far; assign [`Report::new`] to reset it.
    pub report: Report<N>,
}

impl<const N: usize> Clean<N> {
    /// Sets how to handle rows. Errors if the number of standard deviations is not positive and finite.
    ///
    /// ```
    /// use fusebox::data::{Clean, Missing, Outliers};
    /// let error = Clean::<2>::new(Missing::Fill, Outliers::Clip(-1.0)).unwrap_err();
    /// assert!(error.to_string().starts_with("expected `z` to be a positive, finite number"));
    /// ```
    pub const fn new(missing: Missing, outliers: Outliers) -> Result<Self, Error> {
        if let Outliers::Clip(z) | Outliers::Reject(z) = outliers
            && !(z > 0.0 && z.is_finite())
        {
            return Err(Error::Setting {
                name: "z",
                expected: "a positive, finite number of standard deviations",
            });
        }
        Ok(Self { missing, outliers, report: Report::new() })
    }

    /// Returns whether to use the row. If so, it is finite, and its numbers have been filled and clipped in place. A
    /// rejected row is unchanged.
    ///
    /// Mean and standard deviation are those of `reference`. If a feature is constant there, any other number is an
    /// outlier.
    #[must_use]
    pub fn apply(&mut self, row: &mut [f32; N], reference: &Standardize<N>) -> bool {
        self.apply_by(row, reference.mean.iter().copied().zip(reference.std))
    }

    /// [`Clean::apply`] with the mean and standard deviation so far: `statistics` first counts the row's original
    /// finite numbers, including outliers; then the row is compared with them.
    ///
    /// None of n numbers is more than sqrt(n - 1) standard deviations from their mean (P. Samuelson, "How Deviant Can
    /// You Be?", 1968), so nothing is an outlier while there is little data: for 3, none of the first nine rows.
    ///
    /// ```
    /// use fusebox::data::{Clean, Missing, Outliers, Statistics};
    /// let mut statistics = Statistics::new();
    /// let mut clean = Clean::new(Missing::Fill, Outliers::Clip(3.0))?;
    /// let mut rows = [[f32::NAN], [2.0], [4.0], [f32::NAN]];
    /// let kept = rows.each_mut().map(|row| clean.apply_running(row, &mut statistics));
    /// assert_eq!(kept, [false, true, true, true]); // there was nothing to fill the first with
    /// assert_eq!(rows[3], [3.0]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[must_use]
    pub fn apply_running(&mut self, row: &mut [f32; N], statistics: &mut Statistics<N>) -> bool {
        statistics.add_finite(row);
        self.apply_by(row, statistics.features().iter().map(|moments| (moments.mean(), moments.std())))
    }

    /// `reference` is the mean and standard deviation of each feature.
    fn apply_by(&mut self, row: &mut [f32; N], reference: impl Iterator<Item = (f32, f32)> + Clone) -> bool {
        let number = self.report.rows;
        let (mut rejected, mut filled, mut clipped) = (false, 0, 0);
        for ((&x, findings), (mean, std)) in row.iter().zip(&mut self.report.features).zip(reference.clone())
        {
            let (kind, verdict) = match x.classify() {
                FpCategory::Nan => (&mut findings.nan, self.missing.judge(mean)),
                FpCategory::Infinite => (&mut findings.infinity, self.missing.judge(mean)),
                _ => (&mut findings.outlier, self.outliers.judge(x, mean, std)),
            };
            if verdict != Verdict::Keep {
                kind.note(number);
            }
            match verdict {
                Verdict::Keep => {}
                Verdict::Reject => rejected = true,
                Verdict::Replace(_) if x.is_finite() => clipped += 1,
                Verdict::Replace(_) => filled += 1,
            }
        }
        self.report.rows = number.saturating_add(1);
        if rejected {
            self.report.rejected = self.report.rejected.saturating_add(1);
            return false;
        }
        if filled + clipped > 0 {
            for (x, (mean, std)) in row.iter_mut().zip(reference) {
                let verdict =
                    if x.is_finite() { self.outliers.judge(*x, mean, std) } else { self.missing.judge(mean) };
                if let Verdict::Replace(y) = verdict {
                    *x = y;
                }
            }
            self.report.filled = self.report.filled.saturating_add(filled);
            self.report.clipped = self.report.clipped.saturating_add(clipped);
        }
        true
    }
}

/// What to do with a number, or with its row.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Keep,
    Replace(f32),
    Reject,
}

impl Missing {
    fn judge(self, mean: f32) -> Verdict {
        match self {
            Self::Fill if mean.is_finite() => Verdict::Replace(mean),
            _ => Verdict::Reject,
        }
    }
}

impl Outliers {
    /// Judges a finite `x`. It is kept if `mean` is not finite or `std` is NaN, because there is nothing to compare
    /// it with.
    fn judge(self, x: f32, mean: f32, std: f32) -> Verdict {
        let (Self::Clip(z) | Self::Reject(z)) = self else { return Verdict::Keep };
        let (distance, reach) = (x - mean, z * std);
        if !(mean.is_finite() && reach >= 0.0 && distance.abs() > reach) {
            return Verdict::Keep;
        }
        match self {
            // Between the mean and `x`, so it cannot overflow.
            Self::Clip(_) => Verdict::Replace(mean + reach.copysign(distance)),
            _ => Verdict::Reject,
        }
    }
}

/// What [`Clean`] found in the rows, and what it did. Counts saturate at 2^32 - 1.
///
/// Findings include those in rejected rows; `filled` and `clipped` count numbers in accepted rows only. Printed, it
/// is one line about the rows and one line for each feature with findings.
///
/// ```
/// use fusebox::data::Report;
/// static REPORT: Report<4> = Report::new(); // all zeros: one that is written to lies in .bss
/// assert_eq!(REPORT.to_string(), "0 rows, rejected 0; numbers filled 0, clipped 0\n");
/// assert_eq!(size_of::<Report<4>>(), 4 * 24 + 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<const N: usize> {
    /// Rows seen.
    pub rows: u32,
    /// Rows rejected.
    pub rejected: u32,
    /// Missing numbers replaced by the mean.
    pub filled: u32,
    /// Outliers clipped.
    pub clipped: u32,
    /// Findings per feature.
    pub features: [Findings; N],
}

/// Findings in one feature, by reason.
///
/// ```
/// use fusebox::data::{Clean, Missing, Outliers, Standardize};
/// let mut clean = Clean::new(Missing::Reject, Outliers::Keep)?;
/// for x in [1.0, f32::NAN, f32::INFINITY, f32::NAN] {
///     let _ = clean.apply(&mut [x], &Standardize { mean: [0.0], std: [1.0] });
/// }
/// let [findings] = clean.report.features;
/// assert_eq!((findings.nan.count, findings.nan.first), (2, 1));
/// assert_eq!((findings.infinity.count, findings.infinity.first), (1, 2));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Numbers that were NaN.
    pub nan: Found,
    /// Numbers that were infinite.
    pub infinity: Found,
    /// Finite outliers.
    pub outlier: Found,
}

/// The count and the first row of a finding: see [`Findings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of occurrences.
    pub count: u32,
    /// The row of the first, counted from 0; also 0 if there is none.
    pub first: u32,
}

impl<const N: usize> Report<N> {
    /// An empty report.
    pub const fn new() -> Self {
        let features = [Findings { nan: Found::NONE, infinity: Found::NONE, outlier: Found::NONE }; N];
        Self { rows: 0, rejected: 0, filled: 0, clipped: 0, features }
    }
}

impl<const N: usize> Default for Report<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl Found {
    const NONE: Self = Self { count: 0, first: 0 };

    fn note(&mut self, row: u32) {
        if self.count == 0 {
            self.first = row;
        }
        self.count = self.count.saturating_add(1);
    }
}

impl<const N: usize> fmt::Display for Report<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, rejected, filled, clipped, features } = self;
        writeln!(f, "{rows} rows, rejected {rejected}; numbers filled {filled}, clipped {clipped}")?;
        for (feature, Findings { nan, infinity, outlier }) in features.iter().enumerate() {
            let named = [("NaN", nan), ("infinity", infinity), ("outlier", outlier)];
            let mut separator = ": ";
            for (reason, Found { count, first }) in named.into_iter().filter(|(_, found)| found.count > 0) {
                if separator == ": " {
                    write!(f, "feature {feature}")?;
                }
                write!(f, "{separator}{reason} {count}, first in row {first}")?;
                separator = "; ";
            }
            if separator == "; " {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
