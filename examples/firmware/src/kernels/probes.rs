//! A loss and an optimiser that show what flows through a layer.

use fusebox::{Error, Isa, Loss, Optimizer, Plain, Sgd, Zeroed};

/// A loss whose gradient is its target.
pub(super) struct Given;

impl<const N: usize> Loss<[f32; N]> for Given {
    type Target = [f32; N];

    fn check(&self, _: &[f32; N], _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(&self, _: Isa, _: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        dys.iter_mut().zip(targets).for_each(|(dy, target)| *dy = *target);
        0.0
    }
}

/// An optimiser that leaves the gradient itself in the place of the parameters.
pub(super) struct Reveal;

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
