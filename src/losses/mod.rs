//! Losses: what training minimises.
//!
//! The textbook writes a network's last step and its loss apart, the computer does well to join them:
//!
//! | loss | textbook | delta of the last layer, as derived there | computed here |
//! |---|---|---|---|
//! | [`CrossEntropy`] | a = softmax(z), J = -1/m sum ln a_t | (a - [class = t]) / m | ln(sum exp(z - max z)) + max z - z_t |
//! | [`BinaryCrossEntropy`] | a = sigmoid(z), J = -1/m sum (y ln a + (1 - y) ln(1 - a)) | (a - y) / m | y softplus(-z) + (1 - y) softplus(z) |
//! | [`Mse`] | a = relu(z), J = 1/m sum (a - target)^2 | 2/m (a - target) relu'(z) | the same; relu' is the layer's to apply |
//! | [`Huber`] | quadratic near zero, straight beyond | clipped to +-delta | the same |
//!
//! As the textbook writes them, a sure answer makes a 0 or a 1 of `a`, and then a logarithm of zero; the forms computed
//! here are the same numbers without that step, finite for all finite logits.

mod classes;
mod numbers;
mod weighted;

pub use classes::{CrossEntropy, WeightedCrossEntropy};
pub use numbers::{BinaryCrossEntropy, Huber, Mse};

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
    /// What a row of output is compared with.
    type Target: Copy;

    /// Errors, naming the setting, unless every setting of the loss is in its range. Called at the start of every step.
    fn settings(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether `target` can be compared with an output at all; `row` is its place in the batch, for the error.
    fn check(&self, target: &Self::Target, row: usize) -> Result<(), Error>;

    /// What the batch counts for where several are taken together (a validation in parts, [`Accumulate`](crate::Accumulate)):
    /// what its mean is divided by. The number of rows, unless the loss weighs them.
    fn weight(&self, targets: &[Self::Target]) -> f32 {
        targets.len() as f32
    }

    /// The mean loss over the batch; overwrites `dys` with its gradient with respect to `ys`. There are as many rows in
    /// each, at least one, and the targets are checked.
    ///
    /// Called by [`Workspace::train_step`](crate::Workspace::train_step) and its like, which see to that. Whoever calls it
    /// otherwise gets no error: a loss of this crate then gives numbers that mean nothing.
    fn gradient(&self, isa: Isa, ys: &[Output], targets: &[Self::Target], dys: &mut [Output]) -> f32;

    /// The units of [`Loss::gradient`] that `pace` grants. `sums` is zeros in the first slice of a step, and as the loss left
    /// it in the others. Returns the mean loss once all is done. As it stands, all of it is one unit.
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

/// All of a loss that is written at a pace.
fn whole<Output, L: Loss<Output>>(
    loss: &L,
    isa: Isa,
    ys: &[Output],
    targets: &[L::Target],
    dys: &mut [Output],
) -> f32 {
    loss.paced(&mut Whole::on(isa), ys, targets, dys, &mut [0.0; 16]).unwrap_or(0.0)
}
