//! A loss and an optimiser that note what flows through a network.

use fusebox::{Error, Gradient, Isa, Loss, Mse, Optimizer, Pace, Plain, Weighted};
use std::cell::RefCell;

/// The weighted mean of the rows' mean squared errors; notes the outputs that it saw last.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) ys: RefCell<Vec<f32>>,
}

impl<const N: usize> Loss<[f32; N]> for Noted {
    type Target = ([f32; N], f32);

    fn check(&self, target: &Self::Target, row: usize) -> Result<(), Error> {
        Weighted(Mse).check(target, row)
    }

    fn weight(&self, targets: &[Self::Target]) -> f32 {
        Loss::<[f32; N]>::weight(&Weighted(Mse), targets)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; N]], targets: &[Self::Target], dys: &mut [[f32; N]]) -> f32 {
        Weighted(Mse).gradient(isa, ys, targets, dys)
    }

    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; N]],
        targets: &[Self::Target],
        dys: &mut [[f32; N]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        *self.ys.borrow_mut() = ys.as_flattened().to_vec();
        Weighted(Mse).paced(pace, ys, targets, dys, sums)
    }
}

/// An optimiser that leaves the gradient itself in the place of the parameters, and notes the squares of the norms of the
/// samples' gradients.
#[derive(Default)]
pub(crate) struct Notes {
    /// Samples of the batch.
    pub(crate) samples: usize,
    pub(crate) squares: RefCell<Vec<f32>>,
}

impl Optimizer for Notes {
    type State<P: Plain> = ();
    type Progress = ();
    type Sweep = Vec<f32>;

    fn begin(&self, (): &mut (), _: f32) -> Vec<f32> {
        vec![0.0; self.samples]
    }

    fn next(&self, (): &mut (), squares: Vec<f32>) -> Option<Vec<f32>> {
        *self.squares.borrow_mut() = squares;
        None
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        squares: &mut Vec<f32>,
        gradient: G,
        parameters: &mut P,
        (): &mut (),
    ) {
        gradient.add_squares::<Q, false>(pace, squares);
        gradient.add_to(pace, true, 1.0, parameters);
    }
}
