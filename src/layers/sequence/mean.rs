//! The mean of the frames that are there.

use super::super::{InputGradient, Layer, Linear, Train};
use crate::kernel::elementwise::{Add, Zip, are_zeros};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, plain};

/// The mean of the `T` frames of `D` numbers that are not zeros; zeros if all are.
///
/// ```
/// use fusebox::layers::MeanPresent;
/// use fusebox::{Layer, Scratch};
/// let mut ys = [[f32::NAN; 2]];
/// MeanPresent::<3, 2>.infer(&[[[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[2.0, 1.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct MeanPresent<const T: usize, const D: usize>;

plain!([const T: usize, const D: usize] MeanPresent<T, D> {});

impl<const T: usize, const D: usize> Layer for MeanPresent<T, D> {
    type Input = [[f32; D]; T];
    type Output = [f32; D];
    type Scratch = ();
    type InPlace = [[f32; D]; T];

    fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [[f32; D]]) {
        for (x, y) in xs.iter().zip(ys) {
            *y = [0.0; D];
            let mut count = 0.0;
            for x in x.iter().filter(|x| !are_zeros(*x)) {
                isa.call(Zip { function: Add, others: x, xs: y });
                count += 1.0;
            }
            if count > 0.0 {
                y.iter_mut().for_each(|y| *y /= count);
            }
        }
    }
}

/// Units are rows of the batch.
impl<const T: usize, const D: usize> Train for MeanPresent<T, D> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("MeanPresent", &[T as u64, D as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        _: Option<&()>,
        _: &mut [()],
        ys: &mut [[f32; D]],
    ) {
        let rows = pace.take(xs.len(), T * D);
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        _: &[()],
        dys: &[[f32; D]],
        _: &mut [()],
        dx: InputGradient<'_, Self::Input>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), T * D);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for ((x, dx), dy) in part(xs, &rows).iter().zip(dxs).zip(part(dys, &rows)) {
                let count = x.iter().filter(|x| !are_zeros(*x)).count() as f32;
                for (x, dx) in x.iter().zip(dx) {
                    *dx = if are_zeros(x) { [0.0; D] } else { dy.map(|dy| dy / count) };
                }
            }
        });
    }
}
