//! Optimisers: how a gradient moves a parameter.
//!
//! | file | what it holds |
//! |---|---|
//! | `gradient` | the forms that a gradient comes in |
//! | `elementwise` | rules that see one parameter at a time, fused into the store of its gradient |
//! | `buffered` | rules that see all gradients before they move anything: clipping by norm, accumulation |
//! | `private` | clipping of every sample's gradient, with noise |
//! | `norms` | the norms of samples' gradients, taken by a sweep that moves nothing |

mod buffered;
mod elementwise;
mod gradient;
mod norms;
mod private;
pub(crate) mod settings;

pub use buffered::{Accumulate, Batches, Buffered, ClipNorm, MaxNorm};
pub use elementwise::{Adam, AdamW, ClipValue, Momentum, Nesterov, RmsProp, Sgd, WeightDecay};
pub use gradient::{Formed, Gradient, Product, Rows};
pub(crate) use norms::Norms;
pub use private::{Noise, Private};

use crate::pace::Pace;
use crate::{Error, Plain};

/// A rule that moves parameters against their gradient, and what it keeps for them.
///
/// A training step is one or more sweeps over all parameters: [`Optimizer::begin`] makes the first, [`Optimizer::next`] the
/// one after. In each sweep a layer calls [`Optimizer::step`] once for each of its arrays of parameters, with the gradient in
/// the form that it has.
///
/// There are [`Sgd`], [`Momentum`], [`Nesterov`], [`Adam`], [`AdamW`] and [`RmsProp`]; [`WeightDecay`] and [`ClipValue`] on any
/// of them; and [`ClipNorm`], [`Accumulate`] and [`Private`] on any optimiser. Most rules of your own are another optimiser
/// with settings that change:
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
    /// What the rule keeps for parameters of type `P` from step to step.
    type State<P: Plain>: Plain;
    /// What it keeps for the network as a whole, such as how many steps it has made.
    type Progress: Plain;
    /// One pass over all parameters: what it does to each.
    type Sweep;

    /// Whether it trusts that every sample's gradient has been clipped, which
    /// [`Workspace::train_step_private`](crate::Workspace::train_step_private) does and the other steps do not: they refuse to
    /// compile.
    const PER_SAMPLE: bool = false;

    /// Tells a saved state of this optimiser from that of another: see [`checkpoint`](crate::checkpoint).
    const LAYOUT: u64 = 0;

    /// Errors, naming the setting, unless every setting is in its range. Called at the start of every step.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The first sweep of a step on a batch whose mean loss the gradients are of: `weight` is what the mean was divided by,
    /// the number of rows unless the loss weighs them.
    fn begin(&self, progress: &mut Self::Progress, weight: f32) -> Self::Sweep;

    /// The sweep after `sweep`, if the step needs another.
    fn next(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<Self::Sweep>;

    /// What the sweep does to `parameters`, given their gradient: the units of it that `pace` grants.
    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        sweep: &mut Self::Sweep,
        gradient: G,
        parameters: &mut P,
        state: &mut Self::State<P>,
    );
}
