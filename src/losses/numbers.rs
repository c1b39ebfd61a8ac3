//! Losses that compare each output number with a target number. All are means over the rows and the numbers of a row.

use super::{Loss, whole};
use crate::kernel::loss::{HuberLoss, LogisticLoss, LossPass, Pointwise, SquaredLoss};
use crate::memory::{part, part_mut};
use crate::optimizers::settings;
use crate::pace::{FUNCTION, Pace};
use crate::{Error, Isa};

/// Mean squared error: J = 1 / (m n) sum (y - target)^2, over m rows of n numbers. (Some texts use half of it.)
///
/// Targets must be finite.
///
/// ```
/// use fusebox::{Isa, Loss, Mse};
/// let mut dys = [[f32::NAN; 2]];
/// assert_eq!(Mse.gradient(Isa::detect(), &[[3.0, 1.0]], &[[1.0, 1.0]], &mut dys), 2.0);
/// assert_eq!(dys, [[2.0, 0.0]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mse;

impl<const N: usize> Loss<[f32; N]> for Mse {
    type Target = [f32; N];

    fn check(&self, target: &[f32; N], row: usize) -> Result<(), Error> {
        check_each("finite", f32::MIN, f32::MAX, target, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        whole(self, isa, ys, targets, dys)
    }

    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; N]],
        targets: &[[f32; N]],
        dys: &mut [[f32; N]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        mean(SquaredLoss, pace, ys, targets, dys, sums)
    }
}

/// Huber loss: quadratic for errors up to `delta`, linear beyond, so that an outlier's gradient is at most `delta`.
/// The mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), with e = y - target.
///
/// Targets must be finite. Source: P. Huber, "Robust Estimation of a Location Parameter", 1964.
///
/// ```
/// use fusebox::{Huber, Isa, Loss};
/// let mut dys = [[f32::NAN; 2]];
/// let loss = Huber::new(1.0).gradient(Isa::detect(), &[[0.5, 9.0]], &[[0.0, 0.0]], &mut dys);
/// assert_eq!(loss, (0.125 + 8.5) / 2.0);
/// assert_eq!(dys, [[0.25, 0.5]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// The error at which the loss becomes linear.
    pub delta: f32,
}

impl Huber {
    /// A loss that is linear for errors above `delta`.
    pub const fn new(delta: f32) -> Self {
        Self { delta }
    }
}

impl<const N: usize> Loss<[f32; N]> for Huber {
    type Target = [f32; N];

    fn settings(&self) -> Result<(), Error> {
        settings::positive("delta", self.delta)
    }

    fn check(&self, target: &[f32; N], row: usize) -> Result<(), Error> {
        check_each("finite", f32::MIN, f32::MAX, target, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        whole(self, isa, ys, targets, dys)
    }

    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; N]],
        targets: &[[f32; N]],
        dys: &mut [[f32; N]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        mean(HuberLoss { delta: self.delta }, pace, ys, targets, dys, sums)
    }
}

/// Binary cross-entropy with logits: each output is an independent yes-or-no question, each target number the
/// probability of yes, 0 to 1.
///
/// With a = sigmoid(z), J = -1/m sum (w y ln a + (1 - y) ln(1 - a)), computed as w y softplus(-z) + (1 - y) softplus(z),
/// which is finite for every finite z. `w` is the weight of the positive class.
///
/// ```
/// use fusebox::{BinaryCrossEntropy, Isa, Loss};
/// let mut dys = [[f32::NAN]];
/// let loss = BinaryCrossEntropy::new().gradient(Isa::detect(), &[[0.0]], &[[1.0]], &mut dys);
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(dys, [[-0.5]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryCrossEntropy {
    /// The weight of a yes relative to a no: above 1 if yes is rare and missing it is costly.
    pub positive_weight: f32,
}

impl BinaryCrossEntropy {
    /// The loss with equal weights for yes and no.
    pub const fn new() -> Self {
        Self { positive_weight: 1.0 }
    }
}

impl Default for BinaryCrossEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Loss<[f32; N]> for BinaryCrossEntropy {
    type Target = [f32; N];

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("positive_weight", self.positive_weight)
    }

    fn check(&self, target: &[f32; N], row: usize) -> Result<(), Error> {
        check_each("from 0 to 1", 0.0, 1.0, target, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        whole(self, isa, ys, targets, dys)
    }

    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; N]],
        targets: &[[f32; N]],
        dys: &mut [[f32; N]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        mean(LogisticLoss { positive_weight: self.positive_weight }, pace, ys, targets, dys, sums)
    }
}

/// Returns the mean of `loss` over all numbers and overwrites `dys` with its gradient. A unit is sixteen numbers,
/// across rows.
#[inline(always)]
fn mean<F: Pointwise, P: Pace, const N: usize>(
    loss: F,
    pace: &mut P,
    ys: &[[f32; N]],
    targets: &[[f32; N]],
    dys: &mut [[f32; N]],
    sums: &mut [f32; 16],
) -> Option<f32> {
    let (ys, targets, dys) = (ys.as_flattened(), targets.as_flattened(), dys.as_flattened_mut());
    let scale = 1.0 / ys.len().max(1) as f32;
    let units = pace.take(ys.len().div_ceil(16), 16 * FUNCTION);
    if units.is_empty() {
        return None;
    }
    let range = units.start * 16..ys.len().min(units.end * 16);
    let last = range.end == ys.len();
    let (ys, targets, dys) = (part(ys, &range), part(targets, &range), part_mut(dys, &range));
    let sum = pace.isa().call(LossPass { loss, ys, targets, scale, dys, sums });
    last.then_some(scale * sum)
}

/// Errors unless each number of a target is between `least` and `most`; `expected` describes that range.
fn check_each(
    expected: &'static str,
    least: f32,
    most: f32,
    target: &[f32],
    row: usize,
) -> Result<(), Error> {
    match target.iter().position(|&got| !(got >= least && got <= most)) {
        Some(index) => Err(Error::Target { expected, row, index }),
        None => Ok(()),
    }
}
