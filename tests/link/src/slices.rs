//! The slice of a training step, which only a learner makes.

use crate::{any, hide, keep};
use core::cell::Cell;
use fusebox::{Budget, Dense, Error, Isa, Learner, Loss, Sgd, Slice, Zeroed};

/// What is done with a slice: its budget, how much of it is spent and where it goes on are unknown.
pub(crate) fn slice(then: impl FnOnce(&mut Slice)) {
    let mut then = Some(then);
    hand(&mut |slice| {
        if let Some(then) = then.take() {
            then(hide(slice));
        }
    });
}

#[inline(never)]
fn hand(then: Then<'_>) {
    let loss = Handing(Cell::new(Some(then)));
    let mut learner = Learner::<_, 3, Sgd, _>::with_loss(Dense::<1, 1>::ZEROED, loss);
    keep(learner.push((), |_| ()));
    keep(learner.start(Sgd::new(any())));
    keep(learner.poll(Budget::macs(any())));
}

type Then<'a> = &'a mut dyn FnMut(&mut Slice);

/// A loss that hands over the slice that it is given.
struct Handing<'a>(Cell<Option<Then<'a>>>);

impl Loss<[f32; 1]> for Handing<'_> {
    type Target = ();

    fn check(&self, (): &(), _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(&self, _: Isa, _: &[[f32; 1]], _: &[()], _: &mut [[f32; 1]]) -> f32 {
        any()
    }

    fn gradient_slice(
        &self,
        _: Isa,
        slice: &mut Slice,
        _: &[[f32; 1]],
        _: &[()],
        _: &mut [[f32; 1]],
        _: &mut [f32; 16],
    ) -> Option<f32> {
        self.0.take().map(|then| {
            then(slice);
            any()
        })
    }
}
