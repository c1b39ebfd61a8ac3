//! A loss and an optimiser that show what flows through a network.

#[path = "reveal.rs"]
mod reveal;

use fusebox::{Error, Isa, Loss};
pub(crate) use reveal::Reveal;
use std::cell::RefCell;

/// A loss whose gradient is its target, so that a test decides what flows back; remembers the outputs it saw.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) seen: RefCell<Vec<f32>>,
}

impl<const N: usize> Loss<[f32; N]> for Given {
    type Target = [f32; N];

    fn check(&self, _: &[f32; N], _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(&self, _: Isa, ys: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        *self.seen.borrow_mut() = ys.as_flattened().to_vec();
        dys.copy_from_slice(targets);
        0.0
    }
}
