//! Sample weights: a loss computed one row at a time.

use super::{Loss, whole};
use crate::memory::{Plain, numbers_mut, part, part_mut};
use crate::pace::{FUNCTION, Pace};
use crate::{Error, Isa};
use core::slice::{from_mut, from_ref};

/// Another loss with a non-negative weight per sample, given in the target: the mean over the batch is
/// `sum_i w_i l_i / sum_i w_i`. A batch whose weights are all zero has loss 0 and gradient 0. If the other loss
/// weights its rows too, the two weights are multiplied.
///
/// Computed one row at a time, which is slower than the other loss alone.
///
/// ```
/// use fusebox::{CrossEntropy, Dense, Sgd, Weighted, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 2, Sgd, _>::with_loss(Weighted(CrossEntropy));
/// // Two samples that contradict each other, of which one counts three times.
/// workspace.train_step(&mut net, &[[0.0]; 2], &[(0, 1.0), (1, 3.0)], &Sgd::new(1.0))?;
/// assert_eq!(net.bias, [-0.25, 0.25]); // (0.5 - 3 * 0.5) / 4
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weighted<L>(
    /// The loss of a row.
    pub L,
);

impl<Output: Plain, L: Loss<Output>> Loss<Output> for Weighted<L> {
    type Target = (L::Target, f32);

    fn settings(&self) -> Result<(), Error> {
        self.0.settings()
    }

    /// Errors as the other loss does, and if the weight is negative, or the product with the other loss's own is
    /// neither 0 nor between 1e-30 and 1e30. So neither the sum of weights nor its reciprocal overflows.
    fn check(&self, (target, weight): &(L::Target, f32), row: usize) -> Result<(), Error> {
        self.0.check(target, row)?;
        let product = weight * self.0.weight(from_ref(target));
        let fits = *weight >= 0.0 && (product == 0.0 || (1e-30..=1e30).contains(&product));
        if fits { Ok(()) } else { Err(Error::Weight { row }) }
    }

    fn weight(&self, targets: &[(L::Target, f32)]) -> f32 {
        targets.iter().map(|(target, weight)| weight * self.0.weight(from_ref(target))).sum()
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
        let of = |(target, weight): &'_ Self::Target| Some((*target, *weight));
        by_row(&self.0, pace, self.weight(targets), (ys, targets, of), dys, sum)
    }
}

/// The weighted mean of `loss`, and its gradient: `of` says the target and the weight of a row, if it takes part. `all` is the
/// sum of the weights, `sum` that of the preceding rows' losses. A unit is a row.
#[inline(always)]
pub(super) fn by_row<Output: Plain, T, L: Loss<Output>, P: Pace>(
    loss: &L,
    pace: &mut P,
    all: f32,
    (ys, targets, of): (&[Output], &[T], impl Fn(&T) -> Option<(L::Target, f32)>),
    dys: &mut [Output],
    sum: &mut f32,
) -> Option<f32> {
    let rows = pace.take(ys.len(), FUNCTION * (size_of::<Output>() / size_of::<f32>() + FUNCTION));
    if rows.is_empty() {
        return None;
    }
    let last = rows.end == ys.len();
    let scale = if all > 0.0 { 1.0 / all } else { 0.0 };
    let (ys, targets, dys) = (part(ys, &rows), part(targets, &rows), part_mut(dys, &rows));
    for ((y, target), dy) in ys.iter().zip(targets).zip(dys) {
        let dy = from_mut(dy);
        let target = of(target);
        let factor = target.map_or(0.0, |(target, weight)| weight * loss.weight(from_ref(&target)) * scale);
        match target {
            Some((target, _)) if factor != 0.0 => {
                *sum += factor * loss.gradient(pace.isa(), from_ref(y), from_ref(&target), dy);
                for dy in numbers_mut(dy) {
                    *dy *= factor;
                }
            }
            // A row without a weight contributes nothing, whatever its numbers are.
            _ => numbers_mut(dy).fill(0.0),
        }
    }
    last.then_some(*sum)
}
