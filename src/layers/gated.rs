//! Gated linear units: one half of a row, through an activation, multiplies the other.
//!
//! ```text
//! forward    y = A(a) b,  x = [a, b]
//! backward   da = A'(a) b dy,  db = A(a) dy
//! ```
//!
//! Source: N. Shazeer, "GLU Variants Improve Transformer", 2020.

use super::activate::begin;
use super::activation::{Form, FormOf};
use super::{Activation, InputGradient, Layer, Linear, PerRow, Train};
use crate::kernel::elementwise::{Times, Zip};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, Pair, plain};
use core::marker::PhantomData;
use core::slice::{from_mut, from_ref};

/// Makes a row of `N` numbers from one of `N2`, twice as many: `A` of the first half times the second half. With
/// [`Silu`](super::Silu) it is SwiGLU, with [`Gelu`](super::Gelu) GEGLU, with [`Sigmoid`](super::Sigmoid) GLU.
///
/// Source: N. Shazeer, "GLU Variants Improve Transformer", 2020. The layer before it computes both halves in one product. In
/// [`network!`](crate::network): `Gated(Silu)`.
///
/// ```
/// use fusebox::{Dense, Gated, Layer, Relu, Rng, Scratch, Seq, Sgd, Silu, Train, Workspace, Zeroed};
/// let mut ys = [[f32::NAN; 2]];
/// Gated::<4, 2, Relu>::ZEROED.infer(&[[3.0, -1.0, 10.0, 20.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[30.0, 0.0]]);
///
/// type SwiGlu = Seq![Dense<8, 64>, Gated<64, 32, Silu>, Dense<32, 8>];
/// let mut net = SwiGlu::he(&mut Rng::new(1));
/// Workspace::<SwiGlu, 1>::new().train_step(&mut net, &[[1.0; 8]], &[3], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Gated<const N2: usize, const N: usize, A> {
    function: PhantomData<A>,
}

plain!([const N2: usize, const N: usize, A: Copy + 'static] Gated<N2, N, A> { function: PhantomData<A> });

/// `ys[i] *= factors[i]`.
fn multiply(isa: Isa, factors: &[f32], ys: &mut [f32]) {
    isa.call_in_parts(Zip { function: Times, others: factors, xs: ys });
}

impl<const N2: usize, const N: usize, A: Activation> Layer for Gated<N2, N, A> {
    type Input = [f32; N2];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N2];

    const CHECK: () =
        assert!(N2 / 2 == N && N2.is_multiple_of(2), "a Gated layer has twice as many inputs as outputs");

    fn run(&self, isa: Isa, xs: &[[f32; N2]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        const { Self::CHECK }
        if xs.len() != ys.len() {
            return;
        }
        for (x, y) in xs.iter().zip(ys) {
            let (gate, value) = x.split_at(N2 / 2);
            begin::<A>(isa, gate, y);
            FormOf::<A>::infer(isa, y);
            multiply(isa, value, y);
        }
    }
}

impl<const N2: usize, const N: usize, A: Activation> PerRow for Gated<N2, N, A> {}

/// Units are rows of the batch.
impl<const N2: usize, const N: usize, A: Activation> Train for Gated<N2, N, A> {
    /// `A(a)`, and what its derivative needs in addition.
    type Tape = Pair<[f32; N], <FormOf<A> as Form>::Kept<N>>;
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("Gated", &[N as u64, A::NAME]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N2]],
        _memory: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [[f32; N]],
    ) {
        const { Self::CHECK }
        let rows = pace.take(xs.len(), (2 + FormOf::<A>::MACS) * N);
        let (isa, xs, tape, ys) = (pace.isa(), part(xs, &rows), part_mut(tape, &rows), part_mut(ys, &rows));
        for ((x, Pair(gated, kept)), y) in xs.iter().zip(tape).zip(ys) {
            let (gate, value) = x.split_at(N2 / 2);
            begin::<A>(isa, gate, gated);
            FormOf::<A>::forward(isa, from_mut(gated), from_mut(kept));
            *y = *gated;
            multiply(isa, value, y);
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N2]],
        tape: &[Self::Tape],
        dys: &[[f32; N]],
        _gradients: &mut [()],
        dx: InputGradient<'_, [f32; N2]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), 5 * N);
        let (isa, xs, tape, dys) = (pace.isa(), part(xs, &rows), part(tape, &rows), part(dys, &rows));
        dx.rows(&rows).write(isa, |dxs| {
            for (((x, Pair(gated, kept)), dy), dx) in xs.iter().zip(tape).zip(dys).zip(dxs) {
                let (dgate, dvalue) = dx.split_at_mut(N2 / 2);
                if let (Some(dgate), Some(dvalue)) = (dgate.as_mut_array::<N>(), dvalue.as_mut_array::<N>()) {
                    *dvalue = *dy;
                    multiply(isa, gated, dvalue);
                    *dgate = *dy;
                    multiply(isa, x.split_at(N2 / 2).1, dgate);
                    FormOf::<A>::derivative(from_ref(kept), from_ref(gated)).apply(isa, from_mut(dgate));
                }
            }
        });
    }
}
