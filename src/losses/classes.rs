//! Losses for class labels.

use super::{Loss, whole};
use crate::kernel::cross_entropy::cross_entropy;
use crate::kernel::weighted_cross_entropy::{WeightedCrossEntropyPass, weight_of};
use crate::memory::{part, part_mut};
use crate::optimizers::settings;
use crate::pace::{FUNCTION, Pace};
use crate::{Error, Isa, Label};
use core::marker::PhantomData;

/// Softmax cross-entropy: the outputs are logits, the target is the class label.
///
/// J = -1/m sum ln a_t, where a = softmax(z), computed as ln(sum exp(z - max z)) + max z - z_t, which neither overflows
/// nor takes the logarithm of zero. Its gradient with respect to z is (a - [class = t]) / m.
///
/// ```
/// use fusebox::{CrossEntropy, Isa, Loss};
/// let mut dys = [[f32::NAN; 2]];
/// let loss = CrossEntropy.gradient(Isa::detect(), &[[1.0, 1.0]], &[0], &mut dys);
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(dys, [[-0.5, 0.5]]);
/// ```
///
/// Labels are bytes by default; for more than 256 classes give another type:
///
/// ```
/// use fusebox::{CrossEntropy, Dense, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 1000>::ZEROED;
/// let mut workspace = Box::new(Workspace::<_, 1, Sgd, CrossEntropy<u16>>::with_loss(CrossEntropy::new()));
/// workspace.train_step(&mut net, &[[1.0]], &[999], &Sgd::new(1.0))?;
/// assert!(net.bias[999] > 0.99);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossEntropy<T = u8> {
    labels: PhantomData<T>,
}

/// The loss with byte labels: `CrossEntropy` as a value.
#[expect(non_upper_case_globals, reason = "the type's name, as a unit struct would have it")]
pub const CrossEntropy: CrossEntropy = CrossEntropy::<u8>::new();

impl<T> CrossEntropy<T> {
    /// Creates the loss. It has no settings.
    pub const fn new() -> Self {
        Self { labels: PhantomData }
    }
}

impl<T: Label, const CLASSES: usize> Loss<[f32; CLASSES]> for CrossEntropy<T> {
    type Target = T;

    fn check(&self, &label: &T, row: usize) -> Result<(), Error> {
        check_label(label, CLASSES, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; CLASSES]], labels: &[T], dys: &mut [[f32; CLASSES]]) -> f32 {
        whole(self, isa, ys, labels, dys)
    }

    /// A unit is a row, whose loss is added to its virtual lane.
    #[inline]
    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; CLASSES]],
        labels: &[T],
        dys: &mut [[f32; CLASSES]],
        sums: &mut [f32; 16],
    ) -> Option<f32> {
        let scale = 1.0 / ys.len().max(1) as f32;
        let rows = pace.take(ys.len(), row_macs(CLASSES));
        if rows.is_empty() {
            return None;
        }
        let (logits, gradients) = (part(ys, &rows).as_flattened(), part_mut(dys, &rows).as_flattened_mut());
        let labels = (rows.start, part(labels, &rows));
        let sum = cross_entropy(pace.isa(), (logits, CLASSES), labels, scale, gradients, sums);
        (rows.end == ys.len()).then_some(sum * scale)
    }
}

/// The cost of a row: one exponential per class, plus a few dozen multiply-adds for maximum, sum and logarithm.
const fn row_macs(classes: usize) -> usize {
    FUNCTION * (classes + 12)
}

/// Errors unless `label` is below `classes`.
fn check_label(label: impl Label, classes: usize, row: usize) -> Result<(), Error> {
    let got = label.class();
    if got < classes { Ok(()) } else { Err(Error::Label { classes, got, row }) }
}

/// [`CrossEntropy`](struct@crate::CrossEntropy) with a weight per class and label smoothing: the fraction `smoothing` of each label is spread
/// evenly over all classes.
///
/// ```text
/// l_i = (1 - s) w_t (-ln a_t) + s / C sum_c w_c (-ln a_c)        a = softmax(z), t the label, C classes, s the smoothing
/// J   = sum_i l_i / sum_i w_t
/// ```
///
/// This is PyTorch's form, a weighted mean; a batch whose weights are all zero has loss 0 and gradient 0. Smoothing
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
pub struct WeightedCrossEntropy<const CLASSES: usize, T = u8> {
    weights: [f32; CLASSES],
    smoothing: f32,
    labels: PhantomData<T>,
}

impl<const CLASSES: usize> WeightedCrossEntropy<CLASSES> {
    /// The loss with the given weights and smoothing, for byte labels. Errors unless every weight is 0 or between
    /// 1e-30 and 1e30, so that neither their sum nor its reciprocal overflows, and `smoothing` is between 0 and 1.
    pub const fn new(weights: [f32; CLASSES], smoothing: f32) -> Result<Self, Error> {
        Self::with_labels(weights, smoothing)
    }
}

impl<const CLASSES: usize, T> WeightedCrossEntropy<CLASSES, T> {
    /// [`WeightedCrossEntropy::new`] for labels of any type.
    pub const fn with_labels(weights: [f32; CLASSES], smoothing: f32) -> Result<Self, Error> {
        if let Err(error) = settings::share("smoothing", smoothing) {
            return Err(error);
        }
        let mut class = 0;
        while class < CLASSES {
            if !(weights[class] == 0.0 || weights[class] >= 1e-30 && weights[class] <= 1e30) {
                return Err(Error::Setting { name: "weights", expected: "0 or from 1e-30 to 1e30" });
            }
            class += 1;
        }
        Ok(Self { weights, smoothing, labels: PhantomData })
    }
}

impl<T: Label, const CLASSES: usize> Loss<[f32; CLASSES]> for WeightedCrossEntropy<CLASSES, T> {
    type Target = T;

    fn check(&self, &label: &T, row: usize) -> Result<(), Error> {
        check_label(label, CLASSES, row)
    }

    /// The sum of the weights of the labels.
    fn weight(&self, labels: &[T]) -> f32 {
        labels.iter().map(|&label| weight_of(&self.weights, label)).sum()
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; CLASSES]], labels: &[T], dys: &mut [[f32; CLASSES]]) -> f32 {
        whole(self, isa, ys, labels, dys)
    }

    /// A unit is a row.
    fn paced<P: Pace>(
        &self,
        pace: &mut P,
        ys: &[[f32; CLASSES]],
        labels: &[T],
        dys: &mut [[f32; CLASSES]],
        [sum, ..]: &mut [f32; 16],
    ) -> Option<f32> {
        let rows = pace.take(ys.len(), row_macs(CLASSES));
        if rows.is_empty() {
            return None;
        }
        let (all, last) = (Loss::<[f32; CLASSES]>::weight(self, labels), rows.end == ys.len());
        let (ys, labels, dys) = (part(ys, &rows), part(labels, &rows), part_mut(dys, &rows));
        if all == 0.0 {
            dys.as_flattened_mut().fill(0.0);
            return last.then_some(0.0);
        }
        let scale = 1.0 / all;
        *sum = pace.isa().call(WeightedCrossEntropyPass {
            logits: ys.as_flattened(),
            labels,
            weights: &self.weights,
            smoothing: self.smoothing,
            scale,
            before: *sum,
            gradients: dys.as_flattened_mut(),
        });
        last.then_some(scale * *sum)
    }
}
