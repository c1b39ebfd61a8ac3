//! Rows without a target.

use super::weighted::by_row;
use super::{Loss, whole};
use crate::pace::Pace;
use crate::{Error, Isa, Plain};
use core::slice::from_ref;

/// Another loss, whose rows may have no target: those of `None` take no part in the mean, and their gradient is zero, whatever
/// the outputs are. A batch of `None` only has loss 0 and gradient 0.
///
/// For padding, and for positions that a language model is not asked about: `EachPosition(Ignoring(CrossEntropy))`. PyTorch's
/// `ignore_index` does the same. Computed one row at a time, as [`Weighted`](super::Weighted) is.
///
/// ```
/// use fusebox::{CrossEntropy, Ignoring, Isa, Loss};
/// let mut dys = [[f32::NAN; 2]; 3];
/// let labels = [Some(0), None, Some(1)];
/// let loss = Ignoring(CrossEntropy).gradient(Isa::detect(), &[[1.0, 1.0], [5.0, f32::NAN], [0.0, 0.0]], &labels, &mut dys);
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(dys, [[-0.25, 0.25], [0.0, 0.0], [0.25, -0.25]]); // a mean of two rows
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignoring<L>(
    /// The loss of a row that has a target.
    pub L,
);

impl<Output: Plain, L: Loss<Output>> Loss<Output> for Ignoring<L> {
    type Target = Option<L::Target>;

    fn settings(&self) -> Result<(), Error> {
        self.0.settings()
    }

    fn check(&self, target: &Self::Target, row: usize) -> Result<(), Error> {
        target.as_ref().map_or(Ok(()), |target| self.0.check(target, row))
    }

    /// That of the rows that have a target: their number, unless the other loss weights them.
    fn weight(&self, targets: &[Self::Target]) -> f32 {
        targets.iter().flatten().map(|target| self.0.weight(from_ref(target))).sum()
    }

    fn gradient(&self, isa: Isa, ys: &[Output], targets: &[Self::Target], dys: &mut [Output]) -> f32 {
        whole(self, isa, ys, targets, dys)
    }

    /// A unit is a row.
    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[Output],
        targets: &[Self::Target],
        dys: &mut [Output],
        [sum, ..]: &mut [f32; 16],
    ) -> Option<f32> {
        let of = |target: &Self::Target| target.map(|target| (target, 1.0));
        by_row(&self.0, pace, self.weight(targets), (ys, targets, of), dys, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrossEntropy, EachPosition, Mse, Weighted, WeightedCrossEntropy};

    const YS: [[f32; 3]; 5] =
        [[1.0, -2.0, 0.5], [0.0, 3.0, -1.0], [f32::NAN; 3], [-4.0, 0.25, 1.0], [2.0, 2.0, 2.0]];

    /// Bit for bit the loss with weights of zero and one, alone, within another and around another.
    #[test]
    fn no_target_is_no_weight() {
        let labels = [Some(0), Some(2), None, Some(1), None];
        let weights = labels.map(|label| (label.unwrap_or(0), if label.is_some() { 1.0 } else { 0.0 }));
        let halves = labels.map(|label| (label, 0.5));
        let doubled = labels.map(|label| label.map(|label| (label, 2.0)));
        for isa in Isa::available() {
            let mut dys = [[[f32::NAN; 3]; 5]; 4];
            let [expected, ignoring, inside, outside] = &mut dys;
            let loss = Weighted(CrossEntropy).gradient(isa, &YS, &weights, expected);
            assert!(loss > 0.0 && expected[2] == [0.0; 3] && expected[4] == [0.0; 3], "{isa}");
            let losses = [
                Ignoring(CrossEntropy).gradient(isa, &YS, &labels, ignoring),
                Weighted(Ignoring(CrossEntropy)).gradient(isa, &YS, &halves, inside),
                Ignoring(Weighted(CrossEntropy)).gradient(isa, &YS, &doubled, outside),
            ];
            assert_eq!(losses.map(f32::to_bits), [loss.to_bits(); 3], "{isa}");
            assert_eq!([*ignoring, *inside, *outside], [*expected; 3], "{isa}");
        }
    }

    /// A mean over positions, not over rows; its weight is how many have a target.
    #[test]
    fn at_each_position() {
        let loss = EachPosition(Ignoring(CrossEntropy));
        let (ys, targets) = ([[YS[0], YS[1]], [YS[3], YS[2]]], [[Some(0), Some(2)], [Some(1), None]]);
        assert_eq!(Loss::<[[f32; 3]; 2]>::weight(&loss, &targets), 3.0);
        for isa in Isa::available() {
            let (mut dys, mut rows) = ([[[f32::NAN; 3]; 2]; 2], [[f32::NAN; 3]; 4]);
            let got = loss.gradient(isa, &ys, &targets, &mut dys);
            let expected =
                Ignoring(CrossEntropy).gradient(isa, ys.as_flattened(), targets.as_flattened(), &mut rows);
            assert_eq!((got.to_bits(), dys.as_flattened()), (expected.to_bits(), &rows[..]), "{isa}");
            // The loss of the rows that take part, but for a rounding of each number.
            let mut alone = [[f32::NAN; 3]; 3];
            let exact = CrossEntropy.gradient(isa, &[YS[0], YS[1], YS[3]], &[0, 2, 1], &mut alone);
            assert!((got - exact).abs() <= 4.0 * f32::EPSILON * exact, "{isa}: {got}, not {exact}");
            for (got, exact) in rows[..3].as_flattened().iter().zip(alone.as_flattened()) {
                assert!((got - exact).abs() <= 2.0 * f32::EPSILON * exact.abs(), "{isa}: {got}, not {exact}");
            }
        }
    }

    #[test]
    fn none_at_all() {
        for isa in Isa::available() {
            let mut dys = [[f32::NAN; 3]; 2];
            let loss = Ignoring(Mse).gradient(isa, &[[1.0; 3]; 2], &[None; 2], &mut dys);
            assert_eq!((loss, dys), (0.0, [[0.0; 3]; 2]), "{isa}");
        }
        let targets: [Option<[f32; 3]>; 2] = [None; 2];
        assert_eq!(Loss::<[f32; 3]>::weight(&Ignoring(Mse), &targets), 0.0);
    }

    /// The other loss's weights, settings and checks are those of the rows that have a target.
    #[test]
    fn what_the_other_loss_says() {
        let loss = Ignoring(WeightedCrossEntropy::new([0.5, 2.0], 0.0).expect("weights"));
        assert_eq!(Loss::<[f32; 2]>::weight(&loss, &[Some(0), None, Some(1)]), 2.5);
        assert_eq!(Loss::<[f32; 2]>::check(&loss, &None, 4), Ok(()));
        let error = Error::Label { classes: 2, got: 2, row: 4 };
        assert_eq!(Loss::<[f32; 2]>::check(&loss, &Some(2), 4), Err(error));
        let huber = Ignoring(crate::Huber::new(-1.0));
        assert!(matches!(Loss::<[f32; 2]>::settings(&huber), Err(Error::Setting { name: "delta", .. })));
    }
}
