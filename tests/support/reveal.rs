//! An optimiser that shows gradients, on a desktop and on boards (`examples/firmware`).

use fusebox::{Gradient, Optimizer, Pace, Plain, Sgd};

/// An optimiser that leaves the gradient itself in the place of the parameters, in steps that are taken whole.
pub(crate) struct Reveal;

impl Optimizer for Reveal {
    type State<P: Plain> = ();
    type Progress = ();
    type Sweep = ();

    fn begin(&self, (): &mut (), _: f32) {}

    fn next(&self, (): &mut (), (): ()) -> Option<()> {
        None
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        (): &mut (),
        gradient: G,
        parameters: &mut P,
        (): &mut (),
    ) {
        // Descent the other way, from zero.
        let sweep = &mut Sgd::new(-1.0).begin(&mut (), 1.0);
        *parameters = P::ZEROED;
        Sgd::step(pace, sweep, gradient, parameters, &mut ());
    }
}
