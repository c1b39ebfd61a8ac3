//! Optimisers: update rules for parameters.
//!
//! | file | contents |
//! |---|---|
//! | `gradient`, `patches`, `picked` | the representations of a gradient |
//! | `elementwise` | rules for one parameter at a time, fused into the store of its gradient |
//! | `buffered` | rules that need all gradients before any parameter changes: clipping by norm, accumulation |
//! | `private` | clipping of every sample's gradient, with noise |
//! | `norms` | the norms of samples' gradients, computed by a sweep that changes no parameter |

mod buffered;
mod elementwise;
mod gradient;
mod norms;
mod patches;
mod picked;
mod private;
pub(crate) mod settings;

pub use buffered::{Accumulate, Batches, Buffered, ClipNorm, MaxNorm};
pub use elementwise::{Adam, AdamW, ClipValue, Momentum, Nesterov, RmsProp, Sgd, WeightDecay};
pub use gradient::{Formed, Gradient, Product, Rows};
pub(crate) use norms::Norms;
pub(crate) use patches::Patches;
pub use picked::Picked;
pub use private::{Noise, Private};

use crate::pace::Pace;
use crate::{Error, Plain};

/// A rule that updates parameters from their gradient, and its state.
///
/// A training step is one or more sweeps over all parameters: [`Optimizer::begin`] starts the first,
/// [`Optimizer::next`] each following one. In each sweep a layer calls [`Optimizer::step`] once for each of its
/// parameter arrays, with the gradient in the representation it has.
///
/// The optimisers are [`Sgd`], [`Momentum`], [`Nesterov`], [`Adam`], [`AdamW`] and [`RmsProp`]; [`WeightDecay`] and
/// [`ClipValue`] wrap any of them; [`ClipNorm`], [`Accumulate`] and [`Private`] wrap any optimiser. Most rules of
/// your own can wrap another optimiser and change its settings:
///
/// ```
/// use fusebox::{Dense, Gradient, Optimizer, Pace, Plain, Sgd, Workspace, Zeroed};
///
/// /// Gradient descent with the rate 1, 1/2, 1/3, ..
/// struct Harmonic;
/// impl Optimizer for Harmonic {
///     type State<P: Plain> = ();
///     type Progress = u32; // steps made
///     type Sweep = <Sgd as Optimizer>::Sweep;
///
///     fn begin(&self, steps: &mut u32, weight: f32) -> Self::Sweep {
///         *steps += 1;
///         Sgd::new(1.0 / *steps as f32).begin(&mut (), weight)
///     }
///     fn next(&self, _: &mut u32, _: Self::Sweep) -> Option<Self::Sweep> {
///         None
///     }
///     fn step<P: Plain, G: Gradient<P>, Q: Pace>(
///         pace: &mut Q,
///         sweep: &mut Self::Sweep,
///         gradient: G,
///         parameters: &mut P,
///         state: &mut (),
///     ) {
///         Sgd::step(pace, sweep, gradient, parameters, state);
///     }
/// }
///
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, Harmonic>::new();
/// workspace.train_step(&mut net, &[[0.0]], &[1], &Harmonic)?;
/// assert_eq!(net.bias, [-0.5, 0.5]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub trait Optimizer {
    /// The state for parameters of type `P`.
    type State<P: Plain>: Plain;
    /// The state for the network as a whole, such as the number of steps made.
    type Progress: Plain;
    /// The data of one pass over all parameters.
    type Sweep;

    /// Whether every sample's gradient must have been clipped.
    /// [`Workspace::train_step_private`](crate::Workspace::train_step_private) does that; the other steps do not, and
    /// do not compile with this optimiser.
    const PER_SAMPLE: bool = false;

    /// Distinguishes saved states of different optimisers: see [`checkpoint`](crate::checkpoint).
    const LAYOUT: u64 = 0;

    /// Errors, naming the setting, if a setting is out of range. Called at the start of every step.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Starts the first sweep of a step. The gradients are those of the batch's mean loss; `weight` is the divisor of
    /// that mean: the number of rows, unless the loss weights them.
    fn begin(&self, progress: &mut Self::Progress, weight: f32) -> Self::Sweep;

    /// Starts the sweep after `sweep`; `None` if the step needs no other.
    fn next(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<Self::Sweep>;

    /// Updates `parameters` or their state from their gradient: the units that `pace` grants.
    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        sweep: &mut Self::Sweep,
        gradient: G,
        parameters: &mut P,
        state: &mut Self::State<P>,
    );
}
