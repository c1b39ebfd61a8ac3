//! Protection against divergence: a harmful step is rejected before any weight changes, and the last good weights can
//! be restored.

use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::{List, copy, layout};
use crate::optimizers::settings;
use crate::{Error, Plain};
use core::fmt;

/// Checks training steps: see [`Workspace::train_step_guarded`](crate::Workspace::train_step_guarded). Holds a copy
/// of the network, and can be a `static`.
///
/// A step is rejected, and changes nothing, if
///
/// - its loss is not finite, or above a multiple of the running mean of the losses (see [`Limits`]): the weights or the
///   batch are bad; [`Guard::restore`] restores the weights of the last accepted step, or of a few steps before it;
/// - its gradient is not finite, or the sum of the samples' squared norms overflows: the batch is bad.
///
/// A loss may be negative, as a log-likelihood may be. Around a negative running mean, the limit is as far above the
/// mean as around a positive one of the same magnitude (see [`Limits::leap`]).
///
/// The harm of a learning rate that is too large shows in the loss of the following step.
///
/// ```
/// use fusebox::{Dense, Error, Guard, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let (xs, labels) = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]);
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 4>::new();
/// let mut guard = Guard::<Net>::new();
/// let good = workspace.train_step_guarded(&mut net, &xs, &labels, &Sgd::new(1000.0), &mut guard)?;
/// let refused = workspace.train_step_guarded(&mut net, &xs, &labels, &Sgd::new(1000.0), &mut guard);
/// assert!(matches!(refused, Err(Error::Leap { .. })));
/// assert!(guard.restore(&mut net));
/// let again = workspace.train_step_guarded(&mut net, &xs, &labels, &Sgd::new(0.5), &mut guard)?;
/// assert_eq!(again, good);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Guard<N> {
    /// The limits; `None` means [`Limits::DEFAULT`], so that a new guard is all zeros and a `static` of it is in
    /// `.bss`.
    pub limits: Option<Limits>,
    mean: f32,
    admitted: u32,
    /// The last good weights, if any, written in place.
    good: List<N, 1>,
}

/// The limits of a [`Guard`].
///
/// ```
/// use fusebox::{Dense, Guard, Limits};
/// let mut guard = Guard::<Dense<2, 2>>::new();
/// guard.limits = Some(Limits { every: 10, ..Limits::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// A loss is too large if it exceeds the running mean by more than `leap - 1` times the mean's magnitude: for a
    /// positive mean, if it is above `leap` times the mean.
    pub leap: f32,
    /// Added to that limit.
    pub slack: f32,
    /// The decay of the running mean per step.
    pub memory: f32,
    /// Steps between copies of the weights, at least 1. A copy costs about a read and a write of the network.
    pub every: u32,
}

impl Limits {
    /// A loss may be three times the mean of about the last ten, plus 1; the weights are copied at every step.
    pub const DEFAULT: Self = Self { leap: 3.0, slack: 1.0, memory: 0.9, every: 1 };
}

impl<N: Copy> Guard<N> {
    /// Size of a guard in bytes.
    pub const BYTES: usize = size_of::<Self>();

    /// A guard without any history.
    pub const fn new() -> Self {
        Self { limits: None, mean: 0.0, admitted: 0, good: List::new() }
    }
}

impl<N: Copy> Default for Guard<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Guard<N> {
    /// Errors, naming the limit, if a limit is out of range.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Some(Limits { leap, slack, memory, every }) = self.limits else { return Ok(()) };
        // Infinity means no limit.
        for (name, limit) in [("leap", leap), ("slack", slack)] {
            if limit.is_nan() || limit < 0.0 {
                return Err(Error::Setting { name, expected: "not negative" });
            }
        }
        settings::share("memory", memory)?;
        if every == 0 {
            return Err(Error::Setting { name: "every", expected: "at least 1" });
        }
        Ok(())
    }
}

impl<N: Copy> Guard<N> {
    /// Accepts or rejects a step on `net`, given its loss and the sum of its samples' squared norms.
    pub(super) fn admit(&mut self, loss: f32, squares: f32, net: &N) -> Result<(), Error> {
        if !loss.is_finite() {
            return Err(Error::Loss { got: loss.classify() });
        }
        if !squares.is_finite() {
            return Err(Error::Gradient { got: squares.classify() });
        }
        let Limits { leap, slack, memory, every } = self.limits.unwrap_or(Limits::DEFAULT);
        // For a positive mean, `mean + (leap - 1) |mean|` is `leap mean`.
        let factor = if self.mean < 0.0 { 2.0 - leap } else { leap };
        let limit = factor * self.mean + slack;
        if self.admitted != 0 && loss > limit {
            // Measure the loss from zero, or from the mean if that is negative.
            let origin = self.mean.min(0.0);
            let percent = 100.0 * ((loss - origin) / (limit - origin));
            return Err(Error::Leap { percent: percent as u32 });
        }
        if self.admitted.checked_rem(every).unwrap_or(0) == 0 {
            self.good.clear();
            self.good.push_copy(net);
        }
        self.mean = if self.admitted == 0 { loss } else { memory * self.mean + (1.0 - memory) * loss };
        // Saturating would stop the copies. After the first step only the remainder matters.
        self.admitted = self.admitted.wrapping_add(1).max(1);
        Ok(())
    }

    /// Overwrites `net` with the last good weights; returns false, with nothing written, if there are none yet. The
    /// optimiser's state is unchanged: see [`Workspace::reset_optimizer`](crate::Workspace::reset_optimizer).
    pub fn restore(&self, net: &mut N) -> bool {
        if let Some(good) = self.good.first() {
            copy(net, good);
        }
        !self.good.is_empty()
    }
}

impl<N: Copy> Clone for Guard<N> {
    fn clone(&self) -> Self {
        let mut clone =
            Self { limits: self.limits, mean: self.mean, admitted: self.admitted, good: List::new() };
        if let Some(good) = self.good.first() {
            clone.good.push_copy(good);
        }
        clone
    }
}

impl<N: Copy + fmt::Debug> fmt::Debug for Guard<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("limits", &self.limits)
            .field("mean", &self.mean)
            .field("admitted", &self.admitted)
            .field("good", &self.good.first())
            .finish()
    }
}

/// Saves the running mean and the good weights, not the limits, which are settings.
impl<N: Part + Plain> Part for Guard<N> {
    const BYTES: usize = f32::BYTES + u32::BYTES + bool::BYTES + N::BYTES;
    const LAYOUT: u64 = layout("Guard", &[N::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.mean.write(to)?;
        self.admitted.write(to)?;
        match self.good.first() {
            Some(good) => {
                true.write(to)?;
                good.write(to)
            }
            None => {
                false.write(to)?;
                (0..N::BYTES).for_each(|_| to.put(&[0]));
                Ok(())
            }
        }
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        from.skip(f32::BYTES + u32::BYTES);
        let mut any = false;
        let flag = bool::accepts(&mut from.clone());
        any.read(from);
        if any {
            return N::accepts(from) && flag;
        }
        from.skip(N::BYTES);
        flag
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.mean.read(from);
        self.admitted.read(from);
        let mut any = false;
        any.read(from);
        self.good.clear();
        match self.good.push_zeros().filter(|_| any) {
            Some(good) => good.read(from),
            None => {
                self.good.clear();
                from.skip(N::BYTES);
            }
        }
    }
}
