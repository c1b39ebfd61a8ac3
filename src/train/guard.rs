//! Against divergence: a step that would do harm is refused before any weight changes, and the last weights known to be
//! good can be had back.

use crate::{Error, Zeroed};

/// Watches over training: see [`Workspace::train_step_guarded`](crate::Workspace::train_step_guarded). Holds a copy of the
/// network, and can be a `static` as it is.
///
/// A step is refused, and changes nothing, when
///
/// - its loss is not finite, or above `leap` times the running mean of the losses plus `slack`: the weights, or the batch,
///   are bad; [`Guard::restore`] brings back the weights of the last step let through (or of up to `every` before it);
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
    /// A loss above this many times the running mean is a leap.
    pub leap: f32,
    /// But only by more than this.
    pub slack: f32,
    /// Steps from one copy of the weights to the next, at least 1: copying costs about a read and a write of the network.
    pub every: u32,
    /// What is left of the running mean at the next step.
    pub memory: f32,
    mean: f32,
    admitted: u32,
    copied: bool,
    good: N,
}

impl<N: Zeroed> Guard<N> {
    /// Bytes of a guard.
    pub const BYTES: usize = size_of::<Self>();

    /// A guard that lets a loss be three times the mean of about the last ten, plus 1, and copies at every step.
    pub const fn new() -> Self {
        Self {
            leap: 3.0,
            slack: 1.0,
            every: 1,
            memory: 0.9,
            mean: 0.0,
            admitted: 0,
            copied: false,
            good: N::ZEROED,
        }
    }
}

impl<N: Zeroed> Default for Guard<N> {
    fn default() -> Self {
        Self::new()
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
        let limit = self.leap * self.mean + self.slack;
        if self.admitted != 0 && loss > limit {
            return Err(Error::Leap { percent: (100.0 * (loss / limit)) as u32 });
        }
        if self.admitted.checked_rem(self.every).unwrap_or(0) == 0 {
            self.good.clone_from(net);
            self.copied = true;
        }
        self.mean =
            if self.admitted == 0 { loss } else { self.memory * self.mean + (1.0 - self.memory) * loss };
        // Saturating would stop the copies; after the first step only the remainder counts.
        self.admitted = self.admitted.wrapping_add(1).max(1);
        Ok(())
    }

    /// Overwrites `net` with the last good weights, and says whether there are any yet. What an optimiser keeps is as it
    /// was: see [`Workspace::reset_optimizer`](crate::Workspace::reset_optimizer).
    pub fn restore(&self, net: &mut N) -> bool {
        if self.copied {
            net.clone_from(&self.good);
        }
        self.copied
    }
}
