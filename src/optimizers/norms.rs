//! A sweep that changes no parameter: it adds the squared norm of every sample's gradient to that sample's element.
//!
//! Private training clips by these norms, and [`Guard`](crate::Guard) checks with them that a gradient is finite. A
//! layer makes the same calls as in training, so layers made of layers need no extra code.

use super::{Gradient, Optimizer};
use crate::Plain;
use crate::pace::Pace;
use core::marker::PhantomData;

/// The sweep is the squares, one per sample of the batch. `FINITE`: they need only be finite if the norms are.
pub(crate) struct Norms<'a, const FINITE: bool>(PhantomData<&'a mut [f32]>);

impl<'a, const FINITE: bool> Optimizer for Norms<'a, FINITE> {
    type State<P: Plain> = ();
    type Progress = ();
    type Sweep = &'a mut [f32];

    /// Not used: the caller passes the squares as the sweep.
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
