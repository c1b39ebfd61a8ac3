//! Optimisers: how a gradient moves a parameter.
//!
//! | file | what it holds |
//! |---|---|
//! | `elementwise` | rules that see one parameter at a time, fused into the store of its gradient |
//! | `buffered` | rules that see all gradients before they move anything: clipping by norm, accumulation |
//! | `private` | clipping of every sample's gradient, with noise |

mod buffered;
mod elementwise;
mod private;

pub use buffered::{Accumulate, Batches, Buffered, ClipNorm, Shorten};
pub use elementwise::{Adam, AdamW, ClipValue, Momentum, Nesterov, RmsProp, Sgd, WeightDecay};
pub use private::{Noise, Private};

use crate::memory::count_of;
use crate::{Isa, Plain, Slice, Zeroed};

/// A rule that moves parameters against their gradient, and what it keeps for them.
///
/// A training step is one or more sweeps over all parameters: [`Optimizer::begin`] makes the first, [`Optimizer::next`] the
/// one after. In each sweep a layer calls, once for each of its arrays of parameters, whichever of the `step`
/// functions has the form that its gradient has.
///
/// There are [`Sgd`], [`Momentum`], [`Nesterov`], [`Adam`], [`AdamW`] and [`RmsProp`]; [`WeightDecay`] and [`ClipValue`] on any
/// of them; and [`ClipNorm`], [`Accumulate`] and [`Private`] on any optimiser. Most rules of your own are another optimiser with settings that change:
///
/// ```
/// use fusebox::{Dense, Isa, Optimizer, Plain, Sgd, Workspace, Zeroed};
///
/// /// Gradient descent with the rate 1, 1/2, 1/3, ..
/// struct Harmonic;
/// impl Optimizer for Harmonic {
///     type State<P: Zeroed> = ();
///     type Progress = u32; // steps made
///     type Sweep = <Sgd as Optimizer>::Sweep;
///
///     fn begin(&self, steps: &mut u32, rows: usize) -> Self::Sweep {
///         *steps += 1;
///         Sgd::new(1.0 / *steps as f32).begin(&mut (), rows)
///     }
///     fn next(&self, _: &mut u32, _: Self::Sweep) -> Option<Self::Sweep> {
///         None
///     }
///     fn step<P: Plain>(sweep: &mut Self::Sweep, isa: Isa, gradient: &P, parameters: &mut P, state: &mut ()) {
///         Sgd::step(sweep, isa, gradient, parameters, state);
///     }
///     fn step_product<const IN: usize, const OUT: usize>(
///         sweep: &mut Self::Sweep,
///         isa: Isa,
///         xs: &[[f32; IN]],
///         dys: &[[f32; OUT]],
///         weight: &mut [[f32; OUT]; IN],
///         state: &mut (),
///     ) {
///         Sgd::step_product(sweep, isa, xs, dys, weight, state);
///     }
///     fn step_rows<const OUT: usize>(
///         sweep: &mut Self::Sweep,
///         isa: Isa,
///         dys: &[[f32; OUT]],
///         bias: &mut [f32; OUT],
///         state: &mut (),
///     ) {
///         Sgd::step_rows(sweep, isa, dys, bias, state);
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
    type State<P: Zeroed>: Zeroed;
    /// What it keeps for the network as a whole, such as how many steps it has made.
    type Progress: Zeroed;
    /// One pass over all parameters: what it does to each.
    type Sweep;

    /// Whether it trusts that every sample's gradient has been clipped, which
    /// [`Workspace::train_step_private`](crate::Workspace::train_step_private) does and the other steps do not: they refuse to
    /// compile.
    const PER_SAMPLE: bool = false;

    /// The first sweep of a step on a batch of `rows`, whose mean loss the gradients are of.
    fn begin(&self, progress: &mut Self::Progress, rows: usize) -> Self::Sweep;

    /// The sweep after `sweep`, if the step needs another.
    fn next(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<Self::Sweep>;

    /// What the sweep does to `parameters`, given their gradient.
    fn step<P: Plain>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        gradient: &P,
        parameters: &mut P,
        state: &mut Self::State<P>,
    );

    /// What the sweep does to `weight`, whose gradient is `xs^T dys` and need never be in memory. Does nothing unless
    /// there are as many `xs` as `dys`.
    fn step_product<const IN: usize, const OUT: usize>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        state: &mut Self::State<[[f32; OUT]; IN]>,
    );

    /// What the sweep does to `bias`, whose gradient is the sum of the rows of `dys`.
    fn step_rows<const OUT: usize>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        dys: &[[f32; OUT]],
        bias: &mut [f32; OUT],
        state: &mut Self::State<[f32; OUT]>,
    );

    /// A part of [`Optimizer::step`], for a training step in slices: see [`Sliced`](crate::Sliced). As it stands, all of it
    /// is one unit.
    fn step_slice<P: Plain>(
        slice: &mut Slice,
        sweep: &mut Self::Sweep,
        isa: Isa,
        gradient: &P,
        parameters: &mut P,
        state: &mut Self::State<P>,
    ) {
        if slice.take_whole(count_of::<P>()) {
            Self::step(sweep, isa, gradient, parameters, state);
        }
    }

    /// A part of [`Optimizer::step_product`]. As it stands, all of it is one unit.
    fn step_product_slice<const IN: usize, const OUT: usize>(
        slice: &mut Slice,
        sweep: &mut Self::Sweep,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        state: &mut Self::State<[[f32; OUT]; IN]>,
    ) {
        if slice.take_whole(count_of::<[[f32; OUT]; IN]>().saturating_mul(dys.len())) {
            Self::step_product(sweep, isa, xs, dys, weight, state);
        }
    }

    /// A part of [`Optimizer::step_rows`]. As it stands, all of it is one unit.
    fn step_rows_slice<const OUT: usize>(
        slice: &mut Slice,
        sweep: &mut Self::Sweep,
        isa: Isa,
        dys: &[[f32; OUT]],
        bias: &mut [f32; OUT],
        state: &mut Self::State<[f32; OUT]>,
    ) {
        if slice.take_whole(count_of::<[f32; OUT]>().saturating_mul(dys.len())) {
            Self::step_rows(sweep, isa, dys, bias, state);
        }
    }
}
