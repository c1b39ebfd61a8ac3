//! A loss at each position of a sequence.

use super::{Loss, whole};
use crate::pace::Pace;
use crate::{Error, Isa};

/// The loss `L` at each of `T` positions of a row of output: the mean over the positions of all rows. A target is one for each
/// position.
///
/// ```
/// use fusebox::{CrossEntropy, Dense, Each, EachPosition, Sgd, Workspace, Zeroed};
/// let mut net = Each::<3, Dense<1, 2>>::ZEROED; // a class at each of three positions: is the number positive?
/// let mut workspace = Workspace::<_, 1, Sgd, _>::with_loss(EachPosition(CrossEntropy));
/// let (sequence, labels) = ([[1.0], [-2.0], [3.0]], [1, 0, 1]);
/// let first = workspace.train_step(&mut net, &[sequence], &[labels], &Sgd::new(1.0))?;
/// for _ in 0..20 {
///     workspace.train_step(&mut net, &[sequence], &[labels], &Sgd::new(1.0))?;
/// }
/// assert!(workspace.train_step(&mut net, &[sequence], &[labels], &Sgd::new(1.0))? < first / 10.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EachPosition<L>(pub L);

impl<L: Loss<O>, O, const T: usize> Loss<[O; T]> for EachPosition<L> {
    type Target = [L::Target; T];

    fn settings(&self) -> Result<(), Error> {
        self.0.settings()
    }

    fn check(&self, targets: &Self::Target, row: usize) -> Result<(), Error> {
        targets.iter().try_for_each(|target| self.0.check(target, row))
    }

    fn weight(&self, targets: &[Self::Target]) -> f32 {
        self.0.weight(targets.as_flattened())
    }

    fn gradient(&self, isa: Isa, ys: &[[O; T]], targets: &[Self::Target], dys: &mut [[O; T]]) -> f32 {
        whole(self, isa, ys, targets, dys)
    }

    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[O; T]],
        targets: &[Self::Target],
        dys: &mut [[O; T]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        self.0.paced(pace, ys.as_flattened(), targets.as_flattened(), dys.as_flattened_mut(), sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrossEntropy, Huber, Weighted};

    /// Bit for bit, the loss of all positions as rows.
    #[test]
    fn positions_are_rows() {
        let ys = [[[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], [[2.0, 2.0, 2.0], [-4.0, 0.25, 1.0]]];
        for isa in Isa::available() {
            let (mut dys, mut rows) = ([[[f32::NAN; 3]; 2]; 2], [[f32::NAN; 3]; 4]);
            let loss = EachPosition(CrossEntropy).gradient(isa, &ys, &[[0, 1], [2, 2]], &mut dys);
            let expected = CrossEntropy.gradient(isa, ys.as_flattened(), &[0, 1, 2, 2], &mut rows);
            assert_eq!((loss.to_bits(), dys.as_flattened()), (expected.to_bits(), &rows[..]), "{isa}");
        }
    }

    /// Of what the loss at a position refuses, the row is told.
    #[test]
    fn what_is_refused() {
        let check = |labels: [u8; 2]| Loss::<[[f32; 3]; 2]>::check(&EachPosition(CrossEntropy), &labels, 5);
        assert_eq!(check([2, 1]), Ok(()));
        assert_eq!(check([2, 3]), Err(Error::Label { classes: 3, got: 3, row: 5 }));
        let settings = Loss::<[[f32; 1]; 2]>::settings(&EachPosition(Huber::new(f32::NAN)));
        assert!(matches!(settings, Err(Error::Setting { .. })), "{settings:?}");
    }

    #[test]
    fn weights_are_those_of_all_positions() {
        let loss = EachPosition(Weighted(CrossEntropy));
        let weight = Loss::<[[f32; 2]; 2]>::weight(&loss, &[[(0, 1.0), (1, 0.5)], [(0, 0.0), (1, 2.0)]]);
        assert_eq!(weight, 3.5);
    }
}
