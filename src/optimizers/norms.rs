//! A sweep that moves nothing: it adds the square of the norm of every sample's gradient to a number of the sample's own.
//!
//! That is how private training clips and how the [`Guard`](crate::Guard) knows that a gradient is finite; so each layer tells
//! its gradients once, by the calls that also train it, and a composition of layers needs nothing more.

use super::{Gradient, Optimizer};
use crate::Plain;
use crate::pace::Pace;
use core::marker::PhantomData;

/// The sweep is the squares, one for each sample of the batch. `FINITE`: they need only be finite if the norms are.
pub(crate) struct Norms<'a, const FINITE: bool>(PhantomData<&'a mut [f32]>);

impl<'a, const FINITE: bool> Optimizer for Norms<'a, FINITE> {
    type State<P: Plain> = ();
    type Progress = ();
    type Sweep = &'a mut [f32];

    /// No sweep of its own: whoever takes norms has the squares already.
    fn begin(&self, (): &mut (), _: f32) -> &'a mut [f32] {
        &mut []
    }

    fn next(&self, (): &mut (), _: &'a mut [f32]) -> Option<&'a mut [f32]> {
        None
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        squares: &mut &'a mut [f32],
        gradient: G,
        _: &mut P,
        (): &mut (),
    ) {
        gradient.add_squares::<Q, FINITE>(pace, squares);
    }
}
