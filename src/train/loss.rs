//! Losses: what training minimises.

use crate::kernel::cross_entropy::CrossEntropyPass;
use crate::{Error, Isa};

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

    /// Whether `target` can be compared with an output at all; `row` is its place in the batch, for the error.
    fn check(&self, target: &Self::Target, row: usize) -> Result<(), Error>;

    /// The mean loss over the batch; overwrites `dys` with its gradient with respect to `ys`. There are as many rows in
    /// each, at least one, and the targets are checked.
    fn gradient(&self, isa: Isa, ys: &[Output], targets: &[Self::Target], dys: &mut [Output]) -> f32;
}

/// Softmax cross-entropy: the outputs are logits, a target the number of the right class.
///
/// J = -1/m sum ln a_t, where a = softmax(z): computed as ln(sum exp(z - max z)) + max z - z_t, which neither overflows
/// nor takes the logarithm of zero. Its gradient with respect to z is (a - [class = t]) / m.
///
/// ```
/// use fusebox::{CrossEntropy, Isa, Loss};
/// let mut dys = [[f32::NAN; 2]];
/// let loss = CrossEntropy.gradient(Isa::detect(), &[[1.0, 1.0]], &[0], &mut dys);
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(dys, [[-0.5, 0.5]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossEntropy;

impl<const CLASSES: usize> Loss<[f32; CLASSES]> for CrossEntropy {
    type Target = u8;

    fn check(&self, &label: &u8, row: usize) -> Result<(), Error> {
        if usize::from(label) < CLASSES {
            Ok(())
        } else {
            Err(Error::Label { classes: CLASSES, got: label.into(), row })
        }
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; CLASSES]], labels: &[u8], dys: &mut [[f32; CLASSES]]) -> f32 {
        let scale = 1.0 / ys.len() as f32;
        let (logits, gradients) = (ys.as_flattened(), dys.as_flattened_mut());
        isa.call(CrossEntropyPass { logits, labels, classes: CLASSES, scale, gradients }) * scale
    }
}
