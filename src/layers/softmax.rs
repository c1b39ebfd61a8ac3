//! Softmax as a layer of its own. A network that ends in a choice is better trained on its logits, with
//! [`CrossEntropy`](crate::CrossEntropy), which joins the two.

use super::{FUNCTION, Init, InputGradient, Layer, PerSample, Slice, Sliced, Train, part, part_mut};
use crate::kernel::softmax::{SoftmaxBackward, SoftmaxPass};
use crate::{Isa, Optimizer, Plain, Rng, Zeroed};

/// Turns each row into positive numbers that sum to one: `y_j = exp(x_j - max x) / sum_i exp(x_i - max x)`.
///
/// Its gradient is `dx_j = y_j (dy_j - sum_i y_i dy_i)`; `y` is computed again rather than kept.
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

impl<const N: usize> Zeroed for Softmax<N> {
    const ZEROED: Self = Self;
}

// SAFETY: no fields.
unsafe impl<const N: usize> Plain for Softmax<N> {}

impl<const N: usize> Layer for Softmax<N> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: [&mut [f32]; 2], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            ys.copy_from_slice(xs);
            isa.call(SoftmaxPass { rows: ys.as_flattened_mut(), classes: N });
        }
    }
}

impl<const N: usize> Softmax<N> {
    fn back(&self, isa: Isa, xs: &[[f32; N]], dys: &[[f32; N]], dx: InputGradient<'_, [f32; N]>) {
        dx.write(isa, |dxs| {
            self.run(isa, xs, [&mut [], &mut []], dxs);
            isa.call(SoftmaxBackward { classes: N, dys: dys.as_flattened(), ys: dxs.as_flattened_mut() });
        });
    }
}

impl<const N: usize> Train for Softmax<N> {
    type Tape<const B: usize> = ();
    type Gradients<const B: usize> = ();
    type State<O: Optimizer> = ();

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<const B: usize>(&self, isa: Isa, xs: &[[f32; N]], _: &mut (), ys: &mut [[f32; N]]) {
        self.run(isa, xs, [&mut [], &mut []], ys);
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; N]],
        _: &(),
        dys: &[[f32; N]],
        _: &mut (),
        dx: InputGradient<'_, [f32; N]>,
    ) {
        self.back(isa, xs, dys, dx);
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        _: Isa,
        _: &[[f32; N]],
        _: &(),
        _: &[[f32; N]],
        _: &(),
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

impl<const N: usize> Sliced for Softmax<N> {
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; N]],
        _: &mut (),
        ys: &mut [[f32; N]],
    ) {
        let rows = slice.take(xs.len(), FUNCTION * N);
        if rows.is_empty() {
            return;
        }
        self.run(isa, part(xs, &rows), [&mut [], &mut []], part_mut(ys, &rows));
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; N]],
        _: &(),
        dys: &[[f32; N]],
        _: &mut (),
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = slice.take(dx.wanted(dys.len()), FUNCTION * N);
        if rows.is_empty() {
            return;
        }
        self.back(isa, part(xs, &rows), part(dys, &rows), dx.rows(&rows));
    }
}

impl<const N: usize> PerSample for Softmax<N> {
    fn add_norms<const B: usize>(
        &self,
        _: Isa,
        _: &[[f32; N]],
        _: &(),
        _: &[[f32; N]],
        _: &(),
        _: &mut [f32],
    ) {
    }

    fn scale_rows<const B: usize>(_: &[f32], _: &mut ()) {}
}
