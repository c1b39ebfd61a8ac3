//! Against divergence: a step that would do harm is refused before any weight changes, and the last weights known to be
//! good can be had back.

use crate::Error;
use crate::optimizers::settings;

/// Watches over training: see [`Workspace::train_step_guarded`](crate::Workspace::train_step_guarded). Holds a copy of the
/// network, and can be a `static` as it is.
///
/// A step is refused, and changes nothing, when
///
/// - its loss is not finite, or above a multiple of the running mean of the losses (see [`Limits`]): the weights, or the
///   batch, are bad; [`Guard::restore`] brings back the weights of the last step let through (or of some steps before it);
/// - its gradient is not finite, or so long that the squares of the samples' norms, summed, overflow: the batch is bad.
///
/// A learning rate that is too large does its harm in a step that looked well; the step after it leaps.
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
#[derive(Clone, Debug)]
pub struct Guard<N> {
    /// What counts as a leap; [`Limits::DEFAULT`] where there are none, so that a new guard is all zeros and lies in
    /// `.bss`.
    pub limits: Option<Limits>,
    mean: f32,
    admitted: u32,
    good: Option<N>,
}

/// What a [`Guard`] lets pass.
///
/// ```
/// use fusebox::{Dense, Guard, Limits};
/// let mut guard = Guard::<Dense<2, 2>>::new();
/// guard.limits = Some(Limits { every: 10, ..Limits::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// A loss above this many times the running mean is a leap; none is with infinity.
    pub leap: f32,
    /// But only by more than this.
    pub slack: f32,
    /// What is left of the running mean at the next step.
    pub memory: f32,
    /// Steps from one copy of the weights to the next, at least 1: copying costs about a read and a write of the network.
    pub every: u32,
}

impl Limits {
    /// A loss may be three times the mean of about the last ten, plus 1; the weights are copied at every step.
    pub const DEFAULT: Self = Self { leap: 3.0, slack: 1.0, memory: 0.9, every: 1 };
}

impl<N> Guard<N> {
    /// Bytes of a guard.
    pub const BYTES: usize = size_of::<Self>();

    /// A guard that has seen nothing yet.
    pub const fn new() -> Self {
        Self { limits: None, mean: 0.0, admitted: 0, good: None }
    }
}

impl<N> Default for Guard<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Guard<N> {
    /// Errors, naming the limit, unless every limit is in its range.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Some(Limits { leap, slack, memory, every }) = self.limits else { return Ok(()) };
        if leap < 1.0 || leap.is_nan() {
            return Err(Error::Setting { name: "leap", expected: "at least 1" });
        }
        settings::not_negative("slack", slack)?;
        settings::share("memory", memory)?;
        if every == 0 {
            return Err(Error::Setting { name: "every", expected: "at least 1" });
        }
        Ok(())
    }
}

impl<N: Clone> Guard<N> {
    /// Lets a step on `net` pass, whose loss and whose samples' squared norms, summed, are given.
    pub(super) fn admit(&mut self, loss: f32, squares: f32, net: &N) -> Result<(), Error> {
        if !loss.is_finite() {
            return Err(Error::Loss { got: loss.classify() });
        }
        if !squares.is_finite() {
            return Err(Error::Gradient { got: squares.classify() });
        }
        let Limits { leap, slack, memory, every } = self.limits.unwrap_or(Limits::DEFAULT);
        let limit = leap * self.mean + slack;
        if self.admitted != 0 && loss > limit {
            return Err(Error::Leap { percent: (100.0 * (loss / limit)) as u32 });
        }
        if self.admitted.checked_rem(every).unwrap_or(0) == 0 {
            match &mut self.good {
                Some(good) => good.clone_from(net),
                none => *none = Some(net.clone()),
            }
        }
        self.mean = if self.admitted == 0 { loss } else { memory * self.mean + (1.0 - memory) * loss };
        // Saturating would stop the copies; after the first step only the remainder counts.
        self.admitted = self.admitted.wrapping_add(1).max(1);
        Ok(())
    }

    /// Overwrites `net` with the last good weights, and says whether there are any yet. What an optimiser keeps is as it
    /// was: see [`Workspace::reset_optimizer`](crate::Workspace::reset_optimizer).
    pub fn restore(&self, net: &mut N) -> bool {
        if let Some(good) = &self.good {
            net.clone_from(good);
        }
        self.good.is_some()
    }
}
