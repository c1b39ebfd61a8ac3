//! Softmax as a separate layer. Train a classifier on its logits with [`CrossEntropy`](struct@crate::CrossEntropy) instead,
//! which combines softmax and loss.

use super::{InputGradient, Layer, Linear, PerRow, Train};
use crate::kernel::softmax::{SoftmaxBackward, SoftmaxPass};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, plain};

/// Normalises each row to positive numbers that sum to one: `y_j = exp(x_j - max x) / sum_i exp(x_i - max x)`.
///
/// Its gradient is `dx_j = y_j (dy_j - sum_i y_i dy_i)`; `y` is recomputed, not stored.
///
/// ```
/// use fusebox::{Dense, Scratch, Seq, Softmax, Zeroed};
/// type Net = Seq![Dense<1, 4>, Softmax<4>];
/// let mut ys = [[f32::NAN; 4]];
/// Net::ZEROED.infer(&[[1.0]], &mut Scratch::<Net, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[0.25; 4]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Softmax<const N: usize>;

plain!([const N: usize] Softmax<N> {});

impl<const N: usize> Layer for Softmax<N> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            ys.copy_from_slice(xs);
            isa.call(SoftmaxPass { rows: ys.as_flattened_mut(), classes: N });
        }
    }
}

impl<const N: usize> PerRow for Softmax<N> {}

/// Units are rows of the batch.
impl<const N: usize> Train for Softmax<N> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("Softmax", &[N as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _memory: Option<&()>,
        _tape: &mut [()],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), FUNCTION * N);
        if rows.is_empty() {
            return;
        }
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _tape: &[()],
        dys: &[[f32; N]],
        _gradients: &mut [()],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), FUNCTION * N);
        if rows.is_empty() {
            return;
        }
        let (isa, xs, dys) = (pace.isa(), part(xs, &rows), part(dys, &rows));
        dx.rows(&rows).write(isa, |dxs| {
            self.run(isa, xs, &mut [], dxs);
            isa.call(SoftmaxBackward { classes: N, dys: dys.as_flattened(), ys: dxs.as_flattened_mut() });
        });
    }
}
