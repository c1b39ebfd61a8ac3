//! Losses on the number of a class.

use super::Loss;
use crate::kernel::cross_entropy::cross_entropy;
use crate::kernel::elementwise::SumOfLanes;
use crate::kernel::weighted_cross_entropy::{WeightedCrossEntropyPass, weight_of};
use crate::layer::{FUNCTION, part, part_mut};
use crate::{Error, Isa, Slice};
use core::slice::from_ref;

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
        check_label(label, CLASSES, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; CLASSES]], labels: &[u8], dys: &mut [[f32; CLASSES]]) -> f32 {
        let scale = 1.0 / ys.len().max(1) as f32;
        let logits = (ys.as_flattened(), CLASSES);
        cross_entropy(isa, logits, labels, scale, dys.as_flattened_mut()) * scale
    }

    /// A unit is a row, whose loss goes to its virtual lane.
    fn gradient_slice(
        &self,
        isa: Isa,
        slice: &mut Slice,
        ys: &[[f32; CLASSES]],
        labels: &[u8],
        dys: &mut [[f32; CLASSES]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        let scale = 1.0 / ys.len().max(1) as f32;
        let rows = slice.take(ys.len(), row_macs(CLASSES));
        let batch = ys.iter().zip(labels).zip(dys).enumerate();
        for (row, ((y, label), dy)) in batch.take(rows.end).skip(rows.start) {
            let loss = cross_entropy(isa, (y, CLASSES), from_ref(label), scale, dy);
            sums[row % 16] += loss;
        }
        let last = !rows.is_empty() && rows.end == ys.len();
        last.then(|| isa.call(SumOfLanes(sums)) * scale)
    }
}

/// What a row counts as: an exponential for each class; its largest, its sum and its logarithm come to some dozen more.
const fn row_macs(classes: usize) -> usize {
    FUNCTION * (classes + 12)
}

/// Whether `label` is one of `classes`.
fn check_label(label: u8, classes: usize, row: usize) -> Result<(), Error> {
    if usize::from(label) < classes { Ok(()) } else { Err(Error::Label { classes, got: label.into(), row }) }
}

/// [`CrossEntropy`] with a weight for each class, and with labels smoothed: the part `smoothing` of each label is spread
/// evenly over all classes.
///
/// ```text
/// l_i = (1 - s) w_t (-ln a_t) + s / C sum_c w_c (-ln a_c)        a = softmax(z), t the label, C classes, s the smoothing
/// J   = sum_i l_i / sum_i w_t
/// ```
///
/// That is PyTorch's form, whose mean is weighted; a batch whose weights are all zero has loss 0 and gradient 0. Smoothing
/// is from C. Szegedy and others, "Rethinking the Inception Architecture for Computer Vision", 2016, section 7.
///
/// ```
/// use fusebox::{Dense, Sgd, WeightedCrossEntropy, Workspace, Zeroed};
/// let loss = WeightedCrossEntropy::new([1.0, 3.0], 0.1)?;
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 2, Sgd, _>::with_loss(loss);
/// workspace.train_step(&mut net, &[[0.0]; 2], &[0, 1], &Sgd::new(1.0))?;
/// assert!(net.bias[1] > 0.0); // the second class counts for more
/// assert!(WeightedCrossEntropy::new([1.0, -1.0], 0.0).is_err());
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedCrossEntropy<const CLASSES: usize> {
    weights: [f32; CLASSES],
    smoothing: f32,
}

impl<const CLASSES: usize> WeightedCrossEntropy<CLASSES> {
    /// The loss with the weights and the smoothing given. Errors unless every weight is 0 or between 1e-30 and 1e30, so
    /// that neither their sum nor its reciprocal overflows, and `smoothing` lies between 0 and 1.
    pub const fn new(weights: [f32; CLASSES], smoothing: f32) -> Result<Self, Error> {
        if !(smoothing >= 0.0 && smoothing <= 1.0) {
            return Err(Error::Setting { name: "smoothing", expected: "from 0 to 1" });
        }
        let mut class = 0;
        while class < CLASSES {
            if !(weights[class] == 0.0 || weights[class] >= 1e-30 && weights[class] <= 1e30) {
                return Err(Error::Setting { name: "weights", expected: "0 or from 1e-30 to 1e30" });
            }
            class += 1;
        }
        Ok(Self { weights, smoothing })
    }
}

impl<const CLASSES: usize> WeightedCrossEntropy<CLASSES> {
    /// The sum of the weights of the labels.
    fn weight_of_all(&self, labels: &[u8]) -> f32 {
        labels.iter().map(|&label| weight_of(&self.weights, label)).sum()
    }

    fn sum(
        &self,
        isa: Isa,
        ys: &[[f32; CLASSES]],
        labels: &[u8],
        scale: f32,
        dys: &mut [[f32; CLASSES]],
        before: f32,
    ) -> f32 {
        let (logits, gradients) = (ys.as_flattened(), dys.as_flattened_mut());
        let (weights, smoothing) = (&self.weights, self.smoothing);
        isa.call(WeightedCrossEntropyPass { logits, labels, weights, smoothing, scale, before, gradients })
    }
}

impl<const CLASSES: usize> Loss<[f32; CLASSES]> for WeightedCrossEntropy<CLASSES> {
    type Target = u8;

    fn check(&self, &label: &u8, row: usize) -> Result<(), Error> {
        check_label(label, CLASSES, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; CLASSES]], labels: &[u8], dys: &mut [[f32; CLASSES]]) -> f32 {
        let all = self.weight_of_all(labels);
        if all == 0.0 {
            dys.as_flattened_mut().fill(0.0);
            return 0.0;
        }
        let scale = 1.0 / all;
        scale * self.sum(isa, ys, labels, scale, dys, 0.0)
    }

    /// A unit is a row.
    fn gradient_slice(
        &self,
        isa: Isa,
        slice: &mut Slice,
        ys: &[[f32; CLASSES]],
        labels: &[u8],
        dys: &mut [[f32; CLASSES]],
        [sum, ..]: &mut [f32; 16],
    ) -> Option<f32> {
        let rows = slice.take(ys.len(), row_macs(CLASSES));
        if rows.is_empty() {
            return None;
        }
        let all = self.weight_of_all(labels);
        let (ys, labels, last) = (part(ys, &rows), part(labels, &rows), rows.end == ys.len());
        let dys = part_mut(dys, &rows);
        if all == 0.0 {
            dys.as_flattened_mut().fill(0.0);
            return last.then_some(0.0);
        }
        let scale = 1.0 / all;
        *sum = self.sum(isa, ys, labels, scale, dys, *sum);
        last.then_some(scale * *sum)
    }
}
