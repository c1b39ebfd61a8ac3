//! An optimiser that shows gradients, on a desktop and on boards (`examples/firmware`).

use fusebox::{Isa, Optimizer, Plain, Sgd, Zeroed};

/// An optimiser that leaves the gradient itself in the place of the parameters.
pub(crate) struct Reveal;

/// Descent the other way.
fn ascent() -> <Sgd as Optimizer>::Sweep {
    Sgd::new(-1.0).begin(&mut (), 1)
}

impl Optimizer for Reveal {
    type State<P: Zeroed> = ();
    type Progress = ();
    type Sweep = ();

    fn begin(&self, (): &mut (), _: usize) {}

    fn next(&self, (): &mut (), (): ()) -> Option<()> {
        None
    }

    fn step<P: Plain>((): &mut (), _: Isa, gradient: &P, parameters: &mut P, (): &mut ()) {
        *parameters = *gradient;
    }

    fn step_product<const IN: usize, const OUT: usize>(
        (): &mut (),
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        (): &mut (),
    ) {
        *weight = Zeroed::ZEROED;
        Sgd::step_product(&mut ascent(), isa, xs, dys, weight, &mut ());
    }

    fn step_rows<const OUT: usize>(
        (): &mut (),
        isa: Isa,
        dys: &[[f32; OUT]],
        bias: &mut [f32; OUT],
        (): &mut (),
    ) {
        *bias = Zeroed::ZEROED;
        Sgd::step_rows(&mut ascent(), isa, dys, bias, &mut ());
    }
}
