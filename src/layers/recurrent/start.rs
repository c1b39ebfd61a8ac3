//! The state before the first position.

use crate::Plain;

/// The state before the first position of a sequence: [`Fresh`] or [`Carried`].
pub trait Start: sealed::Start {}

impl<S: sealed::Start> Start for S {}

mod sealed {
    use super::Plain;

    pub trait Start: Copy + 'static {
        /// What is stored from a training step to the next, of a state `M`.
        type Memory<M: Plain>: Plain;
        /// Whether a row starts from the last state of the row before.
        const CARRIED: bool;

        fn state<M: Plain>(memory: &Self::Memory<M>) -> Option<&M>;
        fn remember<M: Plain>(memory: &mut Self::Memory<M>, state: &M);
    }
}

/// Zeros, for each sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh;

impl sealed::Start for Fresh {
    type Memory<M: Plain> = ();
    const CARRIED: bool = false;

    fn state<M: Plain>(_: &()) -> Option<&M> {
        None
    }

    fn remember<M: Plain>(_: &mut (), _: &M) {}
}

/// The rows of a batch are consecutive windows of one long sequence: each starts from the last state of the row before,
/// and the first row of a training step from the last state of the step before, which the workspace stores. Gradients
/// do not pass from a window to the one before: truncated backpropagation through time, over `T` positions.
///
/// The first training step, inference, validation and input gradients start from zeros. (For inference over a long
/// sequence, use a [`Streaming`](crate::Streaming).) Samples of a batch depend on one another, so private training does
/// not compile.
///
/// Source: R. Williams and J. Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
/// Trajectories", 1990.
///
/// ```
/// use fusebox::layers::Carried;
/// use fusebox::{EachPosition, Gru, Mse, Rng, Sgd, Train, Workspace};
/// type Net = Gru<4, 1, 8, Carried>;
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 1, Sgd, _>::with_loss(EachPosition(Mse));
/// let window = [[1.0]; 4];
/// let mut step = || workspace.train_step(&mut net, &[window], &[[[0.0; 8]; 4]], &Sgd::new(0.0));
/// assert_ne!(step()?, step()?); // the second goes on where the first ended
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried;

impl sealed::Start for Carried {
    type Memory<M: Plain> = M;
    const CARRIED: bool = true;

    fn state<M: Plain>(memory: &M) -> Option<&M> {
        Some(memory)
    }

    fn remember<M: Plain>(memory: &mut M, state: &M) {
        *memory = *state;
    }
}
