//! The area under the ROC curve of scores that should be higher for positives than for negatives.
//!
//! It is the probability that a random positive has a higher score than a random negative; a tie counts half (J.
//! Hanley and B. McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve",
//! 1982):
//!
//! ```text
//! AUC = sum over pairs ([p > n] + [p >= n]) / (2 positives negatives)
//! ```
//!
//! [`RocAuc`] stores the scores and counts the pairs, as integers: each new score is compared with all scores of the
//! other class, which needs no sorting and does not depend on the order. [`RocHistogram`] stores two histograms,
//! takes any number of scores, and gives a bound on its error.

use super::check_finite;
use crate::Error;

/// The exact area under the ROC curve of at most `N` scores, in `4 N` bytes plus at most 24.
///
/// Observing the i-th score compares it with the earlier ones of the other class: at most i - 1 comparisons.
///
/// ```
/// use fusebox::RocAuc;
/// let mut roc = RocAuc::<4>::new(); // const: can be a static
/// for (score, positive) in [(0.1, false), (0.4, false), (0.35, true), (0.8, true)] {
///     roc.observe(score, positive)?;
/// }
/// assert_eq!(roc.value(), Some(0.75));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RocAuc<const N: usize> {
    /// Positives from the front, negatives from the back.
    scores: [f32; N],
    positives: usize,
    negatives: usize,
    /// Twice the number of correctly ordered pairs, plus the number of ties.
    halves: u64,
}

impl<const N: usize> RocAuc<N> {
    /// No scores yet.
    pub const fn new() -> Self {
        const { assert!(N as u64 <= u32::MAX as u64, "twice the number of pairs must fit in 64 bits") };
        Self { scores: [0.0; N], positives: 0, negatives: 0, halves: 0 }
    }

    /// Adds the score of a positive or a negative row.
    ///
    /// Errors, with nothing added, if there are `N` scores already ([`Error::Full`]) or the score is NaN or infinite
    /// ([`Error::NotFinite`]).
    ///
    /// ```
    /// use fusebox::{Error, RocAuc};
    /// let mut roc = RocAuc::<1>::new();
    /// roc.observe(0.5, true)?;
    /// assert_eq!(roc.observe(0.1, false), Err(Error::Full { capacity: 1 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn observe(&mut self, score: f32, positive: bool) -> Result<(), Error> {
        check_finite(&[score])?;
        let Self { scores, positives, negatives, .. } = self;
        let full = Error::Full { capacity: N };
        if *positives + *negatives >= N {
            return Err(full);
        }
        let (place, in_order): (_, u64) = if positive {
            let others = scores.iter().rev().take(*negatives);
            (*positives, others.map(|&other| u64::from(score > other) + u64::from(score >= other)).sum())
        } else {
            let others = scores.iter().take(*positives);
            (
                N - 1 - *negatives,
                others.map(|&other| u64::from(other > score) + u64::from(other >= score)).sum(),
            )
        };
        *scores.get_mut(place).ok_or(full)? = score;
        *(if positive { positives } else { negatives }) += 1;
        self.halves += in_order;
        Ok(())
    }

    /// The area, from 0 to 1, rounded twice: to `f64` and to `f32`. `None` without positives or without negatives.
    ///
    /// ```
    /// assert_eq!(fusebox::RocAuc::<4>::new().value(), None);
    /// ```
    pub fn value(&self) -> Option<f32> {
        let pairs = self.positives as f64 * self.negatives as f64;
        (pairs > 0.0).then(|| (self.halves as f64 / (2.0 * pairs)) as f32)
    }

    /// The number of scores.
    pub const fn count(&self) -> usize {
        self.positives + self.negatives
    }
}

impl<const N: usize> Default for RocAuc<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The area under the ROC curve of any number of scores between 0 and 1, in `8 BINS` bytes: scores in the same of
/// `BINS` equal intervals count as ties.
///
/// A pair in the same bin counts half instead of 0 or 1; all other pairs are exact. So the error is at most half the
/// fraction of pairs that share a bin, which [`RocHistogram::bound`] returns.
///
/// ```
/// use fusebox::RocHistogram;
/// let mut roc = RocHistogram::<10>::new(); // const: can be a static
/// for (score, positive) in [(0.11, false), (0.43, false), (0.36, true), (0.87, true), (0.17, true)] {
///     roc.observe(score, positive)?;
/// }
/// assert_eq!(roc.value(), Some(3.5 / 6.0)); // 0.11 and 0.17 share a bin, the exact area is 4 / 6:
/// assert_eq!(roc.bound(), Some(0.5 / 6.0)); // just so far off
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RocHistogram<const BINS: usize> {
    positives: [u32; BINS],
    negatives: [u32; BINS],
}

impl<const BINS: usize> RocHistogram<BINS> {
    /// No scores yet.
    pub const fn new() -> Self {
        const { assert!(BINS > 0, "scores need a bin to fall into") };
        Self { positives: [0; BINS], negatives: [0; BINS] }
    }

    /// Adds the score of a positive or a negative row. Scores below 0 go into the first bin, scores from 1 into the
    /// last; the bound still holds.
    ///
    /// Errors, with nothing added, if the score is NaN or infinite ([`Error::NotFinite`]) or the bin has 2^32 - 1
    /// scores of its class already ([`Error::Full`]).
    pub fn observe(&mut self, score: f32, positive: bool) -> Result<(), Error> {
        check_finite(&[score])?;
        let full = Error::Full { capacity: u32::MAX as usize };
        // The cast maps negative numbers to 0. The product is monotonic in the score, so the bin is too.
        let bin = ((score * BINS as f32) as usize).min(BINS - 1);
        let counts = if positive { &mut self.positives } else { &mut self.negatives };
        let count = counts.get_mut(bin).ok_or(full)?;
        *count = count.checked_add(1).ok_or(full)?;
        Ok(())
    }

    /// The area, from 0 to 1; `None` without positives or without negatives.
    pub fn value(&self) -> Option<f32> {
        let Pairs { all, ordered, tied } = self.pairs();
        (all > 0.0).then(|| ((ordered + 0.5 * tied) / all) as f32)
    }

    /// The largest distance of the exact area from [`RocHistogram::value`], apart from rounding: half the fraction of
    /// pairs that share a bin. `None` without positives or without negatives.
    pub fn bound(&self) -> Option<f32> {
        let Pairs { all, tied, .. } = self.pairs();
        (all > 0.0).then(|| (0.5 * tied / all) as f32)
    }

    fn pairs(&self) -> Pairs {
        let (mut ordered, mut tied) = (0.0, 0.0);
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (&p, &n) in self.positives.iter().zip(&self.negatives) {
            let (p, n) = (f64::from(p), f64::from(n));
            ordered += p * negatives;
            tied += p * n;
            positives += p;
            negatives += n;
        }
        Pairs { all: positives * negatives, ordered, tied }
    }
}

impl<const BINS: usize> Default for RocHistogram<BINS> {
    fn default() -> Self {
        Self::new()
    }
}

/// Pairs of a positive and a negative: integers, exact below 2^53.
struct Pairs {
    all: f64,
    /// The positive is in a higher bin.
    ordered: f64,
    /// Both are in the same bin.
    tied: f64,
}
