//! An activation function as a layer of its own.
//!
//! ```text
//! forward    y = A(x), element-wise
//! backward   dx = dy, which the layer after it has multiplied by A's derivative
//! ```

use super::activation::{Form, FormOf};
use super::{Activation, Derivative, InputGradient, Layer, PerRow, Train};
use crate::kernel::elementwise::{Mapped, Positive};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Epilogue, Isa, plain};
use core::marker::PhantomData;

/// Applies `A` to rows of `N` numbers, for sums: a layer that can end in an activation takes it as a parameter, which costs less.
/// In [`network!`](crate::network), `Activate(Relu)` takes any shape: each position of a sequence, each row of a picture.
///
/// ```
/// use fusebox::{Activate, Conv2d, Dense, Relu, Rng, Sgd, Workspace, network};
/// network! {
///     type Net = [4, 4, 2] => [Residual[Conv2d(2, 3)], Activate(Relu), Flatten, Dense(2)];
/// }
/// let mut net = Net::he(&mut Rng::new(1));
/// let (mut workspace, xs) = (Workspace::<Net, 1>::new(), [[[[1.0; 2]; 4]; 4]]);
/// let first = workspace.train_step(&mut net, &xs, &[1], &Sgd::new(0.1))?;
/// assert!(workspace.train_step(&mut net, &xs, &[1], &Sgd::new(0.1))? < first);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Activate<const N: usize, A> {
    function: PhantomData<A>,
}

plain!([const N: usize, A: Copy + 'static] Activate<N, A> { function: PhantomData<A> });

/// Overwrites `ys` with `xs`, or their positive parts if the [`Form`] leaves ReLU to an epilogue. Both have the same length.
pub(super) fn begin<A: Activation>(isa: Isa, xs: &[f32], ys: &mut [f32]) {
    if matches!(FormOf::<A>::epilogue(&[]), Epilogue::BiasRelu(_)) {
        isa.call(Mapped { function: Positive, xs, ys });
    } else if xs.len() == ys.len() {
        ys.copy_from_slice(xs);
    }
}

impl<const N: usize, A: Activation> Layer for Activate<N, A> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            begin::<A>(isa, xs.as_flattened(), ys.as_flattened_mut());
            FormOf::<A>::infer(isa, ys.as_flattened_mut());
        }
    }
}

impl<const N: usize, A: Activation> PerRow for Activate<N, A> {}

/// Units are rows of the batch.
impl<const N: usize, A: Activation> Train for Activate<N, A> {
    type Tape = <FormOf<A> as Form>::Kept<N>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("Activate", &[N as u64, A::NAME]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _memory: Option<&()>,
        kept: &mut [Self::Tape],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), (1 + FormOf::<A>::MACS) * N);
        let (isa, xs, ys) = (pace.isa(), part(xs, &rows), part_mut(ys, &rows));
        if xs.len() == ys.len() {
            begin::<A>(isa, xs.as_flattened(), ys.as_flattened_mut());
            FormOf::<A>::forward(isa, ys, part_mut(kept, &rows));
        }
    }

    fn derivative<'a>(kept: &'a [Self::Tape], ys: &'a [[f32; N]]) -> Derivative<'a> {
        FormOf::<A>::derivative(kept, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[[f32; N]],
        _kept: &[Self::Tape],
        dys: &[[f32; N]],
        _gradients: &mut [()],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), 2 * N);
        let dys = part(dys, &rows);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            if dxs.len() == dys.len() {
                dxs.copy_from_slice(dys);
            }
        });
    }
}
