//! Accuracy of a classifier.

use crate::layers::check_batch;
use crate::memory::numbers;
use crate::metrics::argmax;
use crate::{Error, Isa, Label, Layer, Scratch};

/// Returns the accuracy: the fraction of rows, from 0 to 1, whose largest output is at their label. Takes any number
/// of rows, in batches as large as `B` and `ys` allow; `ys` is overwritten.
///
/// Errors if there are no rows, `ys` is empty, the numbers of labels and rows differ, or a label is not below the
/// number of outputs; and, like [`Confusion::observe`](crate::Confusion::observe), if an output is NaN or infinite
/// ([`Error::NotFinite`]), because such a row has no prediction.
///
/// ```
/// use fusebox::{Dense, Relu, Scratch, Seq, Zeroed, evaluate};
/// type Net = Seq![Dense<2, 3, Relu>, Dense<3, 2>];
/// let mut net = Net::ZEROED;
/// net.rest.bias = [1.0, 0.0];
/// let (xs, labels) = ([[0.5, 0.5]; 5], [0, 0, 1, 0, 0]);
/// let accuracy = evaluate(&net, &xs, &labels, &mut Scratch::<_, 2>::new(), &mut [[0.0; 2]; 2])?;
/// assert_eq!(accuracy, 0.8);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn evaluate<N: Layer, const B: usize, T: Label>(
    net: &N,
    xs: &[N::Input],
    labels: &[T],
    scratch: &mut Scratch<N, B>,
    ys: &mut [N::Output],
) -> Result<f32, Error> {
    evaluate_with(Isa::detect(), net, xs, labels, scratch, ys)
}

/// [`evaluate`] on the given instruction set.
///
/// ```
/// use fusebox::{Dense, Error, Isa, Scratch, Zeroed, evaluate_with};
/// let (net, mut scratch) = (Dense::<1, 2>::ZEROED, Scratch::<_, 2>::new());
/// let result = evaluate_with(Isa::portable(), &net, &[[1.0]; 3], &[0, 1, 2], &mut scratch, &mut [[0.0; 2]]);
/// assert_eq!(result, Err(Error::Label { classes: 2, got: 2, row: 2 }));
/// ```
pub fn evaluate_with<N: Layer, const B: usize, T: Label>(
    isa: Isa,
    net: &N,
    xs: &[N::Input],
    labels: &[T],
    scratch: &mut Scratch<N, B>,
    ys: &mut [N::Output],
) -> Result<f32, Error> {
    if labels.len() != xs.len() {
        return Err(Error::Rows { expected: xs.len(), got: labels.len() });
    }
    let batch = B.min(ys.len());
    check_batch::<{ usize::MAX }>(xs.len().min(batch))?;
    let classes = size_of::<N::Output>() / size_of::<f32>();
    if let Some(row) = labels.iter().position(|label| label.class() >= classes) {
        return Err(Error::Label { classes, got: labels[row].class(), row });
    }
    let (mut right, mut row) = (0_usize, 0_usize);
    for (xs, labels) in xs.chunks(batch).zip(labels.chunks(batch)) {
        let ys = &mut ys[..xs.len()];
        net.infer_with(isa, xs, scratch, ys)?;
        for (y, &label) in ys.iter().zip(labels) {
            let y = numbers(core::slice::from_ref(y));
            if let Some((feature, x)) = y.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(Error::NotFinite { row, feature, got: x.classify() });
            }
            right += usize::from(argmax(y) == label.class());
            row += 1;
        }
    }
    Ok(right as f32 / xs.len() as f32)
}
