//! Losses.
//!
//! Textbooks write a network's last activation and its loss separately; here they are computed together:
//!
//! | loss | textbook | gradient with respect to the logits | computed here |
//! |---|---|---|---|
//! | [`CrossEntropy`](struct@crate::CrossEntropy) | a = softmax(z), J = -1/m sum ln a_t | (a - [class = t]) / m | ln(sum exp(z - max z)) + max z - z_t |
//! | [`BinaryCrossEntropy`] | a = sigmoid(z), J = -1/m sum (y ln a + (1 - y) ln(1 - a)) | (a - y) / m | y softplus(-z) + (1 - y) softplus(z) |
//! | [`Mse`] | a = relu(z), J = 1/m sum (a - target)^2 | 2/m (a - target) relu'(z) | the same; the layer applies relu' |
//! | [`Huber`] | quadratic near zero, linear beyond | clipped to +-delta | the same |
//!
//! [`Weighted`] gives each row a weight, [`Ignoring`] leaves out rows without a target, [`EachPosition`] applies a loss at each position of a sequence.
//!
//! In the textbook form, a confident output makes `a` exactly 0 or 1, and the loss takes the logarithm of zero. The
//! forms computed here are mathematically equal and finite for all finite logits.

mod classes;
mod ignoring;
mod numbers;
mod positions;
mod weighted;

pub use classes::{CrossEntropy, WeightedCrossEntropy};
pub use ignoring::Ignoring;
pub use numbers::{BinaryCrossEntropy, Huber, Mse};
pub use positions::EachPosition;

use crate::memory::count_of;
use crate::pace::{FUNCTION, Pace, Whole};
use crate::{Error, Isa};
pub use weighted::Weighted;

/// A loss over rows of `Output`.
///
/// ```
/// use fusebox::{Dense, Error, Isa, Loss, Rng, Seq, Sgd, Train, Workspace, Zeroed};
///
/// /// Half the squared distance to one number.
/// struct Distance;
/// impl Loss<[f32; 1]> for Distance {
///     type Target = f32;
///     fn check(&self, _: &f32, _: usize) -> Result<(), Error> {
///         Ok(())
///     }
///     fn gradient(&self, _: Isa, ys: &[[f32; 1]], targets: &[f32], dys: &mut [[f32; 1]]) -> f32 {
///         let (scale, mut sum) = (1.0 / ys.len() as f32, 0.0);
///         for ((y, target), dy) in ys.iter().zip(targets).zip(dys) {
///             let error = y[0] - target;
///             sum += 0.5 * error * error;
///             *dy = [scale * error];
///         }
///         scale * sum
///     }
/// }
///
/// let mut line = Dense::<1, 1>::ZEROED; // y = 2 x + 1, to be found
/// let mut workspace = Workspace::<_, 3, Sgd, _>::with_loss(Distance);
/// for _ in 0..500 {
///     workspace.train_step(&mut line, &[[0.0], [1.0], [2.0]], &[1.0, 3.0, 5.0], &Sgd::new(0.3))?;
/// }
/// assert!((line.weight[0][0] - 2.0).abs() < 1e-4 && (line.bias[0] - 1.0).abs() < 1e-4);
/// # Ok::<(), Error>(())
/// ```
pub trait Loss<Output> {
    /// The target of a row of output.
    type Target: Copy;

    /// Errors, naming the setting, if a setting of the loss is out of range. Called at the start of every step.
    fn settings(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Errors unless `target` is valid; `row` is its position in the batch, for the error.
    fn check(&self, target: &Self::Target, row: usize) -> Result<(), Error>;

    /// The batch's weight when several batches are combined (validation in parts, [`Accumulate`](crate::Accumulate)):
    /// the divisor of its mean. The number of rows, unless the loss weights them.
    fn weight(&self, targets: &[Self::Target]) -> f32 {
        targets.len() as f32
    }

    /// Returns the mean loss over the batch and overwrites `dys` with its gradient with respect to `ys`. All three
    /// have the same number of rows, at least one, and the targets have been checked.
    ///
    /// Called by [`Workspace::train_step`](crate::Workspace::train_step) and its variants, which ensure that.
    /// Otherwise there is no error: the losses of this crate then return meaningless numbers.
    fn gradient(&self, isa: Isa, ys: &[Output], targets: &[Self::Target], dys: &mut [Output]) -> f32;

    /// The units of [`Loss::gradient`] that `pace` grants. `sums` is zeros in the first slice of a step; later slices
    /// get it as the loss left it. Returns the mean loss once all units are done. By default, the whole loss is one
    /// unit.
    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[Output],
        targets: &[Self::Target],
        dys: &mut [Output],
        _sums: &mut [f32; 16],
    ) -> Option<f32> {
        let macs = (FUNCTION * count_of::<Output>()).saturating_mul(ys.len());
        pace.take_whole(macs).then(|| self.gradient(pace.isa(), ys, targets, dys))
    }
}

/// The whole of a loss that is implemented with [`Loss::paced`].
fn whole<Output, L: Loss<Output>>(
    loss: &L,
    isa: Isa,
    ys: &[Output],
    targets: &[L::Target],
    dys: &mut [Output],
) -> f32 {
    loss.paced(&mut Whole::on(isa), ys, targets, dys, &mut [0.0; 16]).unwrap_or(0.0)
}
