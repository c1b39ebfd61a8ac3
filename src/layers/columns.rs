//! A slice of each row.

use super::{InputGradient, Layer, Linear, PerRow, Train};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, plain};

/// Numbers `START..START + LEN` of each row of `N`: the first layer of a [`Parallel`](super::Parallel) branch that
/// uses only part of the input.
///
/// ```
/// use fusebox::{Columns, Layer, Scratch};
/// let mut ys = [[0.0; 2]];
/// Columns::<4, 1, 2>.infer(&[[1.0, 2.0, 3.0, 4.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[2.0, 3.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Columns<const N: usize, const START: usize, const LEN: usize>;

plain!([const N: usize, const START: usize, const LEN: usize] Columns<N, START, LEN> {});

impl<const N: usize, const START: usize, const LEN: usize> Layer for Columns<N, START, LEN> {
    type Input = [f32; N];
    type Output = [f32; LEN];
    type Scratch = ();
    type InPlace = [f32; N];

    const CHECK: () = assert!(START <= N && LEN <= N - START, "the Columns lie in the row");

    fn run(&self, _: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; LEN]]) {
        const { Self::CHECK }
        if xs.len() != ys.len() {
            return;
        }
        for (x, y) in xs.iter().zip(ys) {
            for (y, x) in y.iter_mut().zip(x.iter().skip(START)) {
                *y = *x;
            }
        }
    }
}

impl<const N: usize, const START: usize, const LEN: usize> PerRow for Columns<N, START, LEN> {}

/// Units are rows of the batch.
impl<const N: usize, const START: usize, const LEN: usize> Train for Columns<N, START, LEN> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("Columns", &[N as u64, START as u64, LEN as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _memory: Option<&()>,
        _tape: &mut [()],
        ys: &mut [[f32; LEN]],
    ) {
        let rows = pace.take(xs.len(), LEN);
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[f32; N]],
        _: &[()],
        dys: &[[f32; LEN]],
        _: &mut [()],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), N);
        let dys = part(dys, &rows);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for (dy, dx) in dys.iter().zip(dxs) {
                dx.fill(0.0);
                for (dx, dy) in dx.iter_mut().skip(START).zip(dy) {
                    *dx = *dy;
                }
            }
        });
    }
}
