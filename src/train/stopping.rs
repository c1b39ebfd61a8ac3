//! Early stopping: ends training when the loss on held-out rows stops decreasing.
//!
//! The idea and its risks: L. Prechelt, "Early Stopping, but When?", 1998. The rule is the usual one: a patience,
//! counted from the best epoch, and a minimum improvement.

use crate::Error;
use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::layout;
use crate::optimizers::settings;

/// Tracks the loss on held-out rows over epochs: reports when to save the weights and when to stop.
///
/// An epoch is an improvement if its loss is lower than the best so far by more than `min_delta`; NaN never is. After
/// `patience` consecutive epochs without improvement, training should stop.
///
/// ```
/// use fusebox::{EarlyStopping, Verdict};
/// let mut stopping = EarlyStopping::new(2, 0.01)?;
/// let mut kept = None; // a copy of the weights, in a real program
/// for (epoch, loss) in [0.9, 0.5, 0.495, 0.6, 0.1].into_iter().enumerate() {
///     match stopping.observe(loss) {
///         Verdict::Improved => kept = Some(epoch),
///         Verdict::Waiting => {}
///         Verdict::Stop => break,
///     }
/// }
/// assert_eq!(stopping.epochs(), 4); // the fifth would have been better still
/// assert_eq!(stopping.best(), Some((1, 0.5)));
/// assert_eq!(kept, Some(1));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    patience: u32,
    min_delta: f32,
    epochs: u32,
    /// Epochs since the best one.
    waited: u32,
    best: Option<(u32, f32)>,
}

/// The verdict on an epoch.
///
/// ```
/// use fusebox::{EarlyStopping, Verdict};
/// let mut stopping = EarlyStopping::new(2, 0.0)?;
/// let verdicts = [1.0, f32::NAN, 1.0].map(|loss| stopping.observe(loss));
/// assert_eq!(verdicts, [Verdict::Improved, Verdict::Waiting, Verdict::Stop]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The best loss so far: save the weights.
    Improved,
    /// No improvement, but patience is not used up: continue.
    Waiting,
    /// No improvement for `patience` epochs: stop. If training continues anyway, a later epoch may still be an
    /// improvement.
    Stop,
}

impl EarlyStopping {
    /// Stops after `patience` epochs without an improvement of more than `min_delta`, in the loss's unit. A patience
    /// of 0 counts as 1. Errors if `min_delta` is negative or not finite.
    ///
    /// ```
    /// use fusebox::{EarlyStopping, Error};
    /// let expected = "finite and not negative";
    /// assert_eq!(EarlyStopping::new(3, f32::NAN), Err(Error::Setting { name: "min_delta", expected }));
    /// ```
    pub const fn new(patience: u32, min_delta: f32) -> Result<Self, Error> {
        match settings::not_negative("min_delta", min_delta) {
            Ok(()) => Ok(Self { patience, min_delta, epochs: 0, waited: 0, best: None }),
            Err(error) => Err(error),
        }
    }

    /// Records the held-out loss of the next epoch.
    pub fn observe(&mut self, loss: f32) -> Verdict {
        let best = self.best.map_or(f32::INFINITY, |(_, best)| best);
        // False for NaN, and for infinity minus infinity.
        let improved = best - loss > self.min_delta;
        if improved {
            self.best = Some((self.epochs, loss));
            self.waited = 0;
        } else {
            self.waited = self.waited.saturating_add(1);
        }
        self.epochs = self.epochs.saturating_add(1);
        match improved {
            true => Verdict::Improved,
            false if self.waited < self.patience => Verdict::Waiting,
            false => Verdict::Stop,
        }
    }

    /// The best epoch, counted from 0, and its loss; `None` if no loss was below infinity.
    pub const fn best(&self) -> Option<(u32, f32)> {
        self.best
    }

    /// Epochs observed.
    pub const fn epochs(&self) -> u32 {
        self.epochs
    }
}

/// Saves the settings too.
impl Part for EarlyStopping {
    const BYTES: usize = 6 * u32::BYTES + bool::BYTES;
    const LAYOUT: u64 = layout("EarlyStopping", &[]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        let Self { patience, min_delta, epochs, waited, best } = *self;
        let (epoch, loss) = best.unwrap_or((0, 0.0));
        [patience, min_delta.to_bits(), epochs, waited, epoch, loss.to_bits()].write(to)?;
        best.is_some().write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        u32::accepts(from);
        let mut min_delta = 0.0;
        min_delta.read(from);
        from.skip(4 * u32::BYTES);
        bool::accepts(from) && settings::not_negative("min_delta", min_delta).is_ok()
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        let (mut numbers, mut any) = ([0; 6], false);
        numbers.read(from);
        any.read(from);
        let [patience, min_delta, epochs, waited, epoch, loss] = numbers;
        let best = any.then_some((epoch, f32::from_bits(loss)));
        *self = Self { patience, min_delta: f32::from_bits(min_delta), epochs, waited, best };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Improved, Stop, Waiting};

    fn verdicts<const N: usize>(patience: u32, min_delta: f32, losses: [f32; N]) -> [Verdict; N] {
        let mut stopping = EarlyStopping::new(patience, min_delta).unwrap();
        losses.map(|loss| stopping.observe(loss))
    }

    #[test]
    fn patience_counts_epochs_in_a_row() {
        assert_eq!(verdicts(1, 0.0, [3.0, 2.0, 2.0]), [Improved, Improved, Stop]);
        assert_eq!(verdicts(0, 0.0, [3.0, 2.0, 2.0]), [Improved, Improved, Stop]);
        let losses = [3.0, 4.0, 2.0, 3.0, 3.0, 2.5];
        assert_eq!(verdicts(3, 0.0, losses), [Improved, Waiting, Improved, Waiting, Waiting, Stop]);
        assert_eq!(verdicts(u32::MAX, 0.0, [1.0, 1.0]), [Improved, Waiting]);
    }

    /// Uses numbers that subtract exactly. Small decreases add up: the best stays the same until one epoch is lower
    /// by enough.
    #[test]
    fn improvements_must_exceed_min_delta() {
        assert_eq!(verdicts(9, 0.25, [1.0, 0.75, 0.5, 0.25]), [Improved, Waiting, Improved, Waiting]);
        assert_eq!(verdicts(9, 0.0, [1.0, 1.0_f32.next_down()]), [Improved, Improved]);
        assert_eq!(verdicts(9, f32::MAX, [1.0, 0.0]), [Improved, Waiting]);
    }

    #[test]
    fn losses_that_are_not_finite() {
        let losses = [f32::NAN, f32::INFINITY, 5.0, f32::NAN, 4.0, f32::INFINITY, f32::NAN];
        let expected = [Waiting, Stop, Improved, Waiting, Improved, Waiting, Stop];
        assert_eq!(verdicts(2, 0.5, losses), expected);
        let mut stopping = EarlyStopping::new(2, 0.0).unwrap();
        assert_eq!([f32::NAN, f32::INFINITY].map(|loss| stopping.observe(loss)), [Waiting, Stop]);
        assert_eq!((stopping.best(), stopping.epochs()), (None, 2));
        assert_eq!(verdicts(2, 0.0, [f32::NEG_INFINITY; 3]), [Improved, Waiting, Stop]);
    }

    #[test]
    fn the_best_is_remembered_past_the_stop() {
        let mut stopping = EarlyStopping::new(1, 0.0).unwrap();
        assert_eq!([2.0, 3.0, 1.0, 1.5].map(|loss| stopping.observe(loss)), [Improved, Stop, Improved, Stop]);
        assert_eq!((stopping.best(), stopping.epochs()), (Some((2, 1.0)), 4));
    }

    #[test]
    fn a_min_delta_out_of_range_is_refused() {
        for min_delta in [f32::NAN, f32::INFINITY, -0.1] {
            assert!(matches!(
                EarlyStopping::new(1, min_delta),
                Err(Error::Setting { name: "min_delta", .. })
            ));
        }
    }
}
