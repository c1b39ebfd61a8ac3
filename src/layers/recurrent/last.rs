//! The last position of a sequence.

use crate::layers::{Due, InputGradient, Layer, Linear, Stream, Train};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::Pace;
use crate::{Isa, plain};

/// The last of the `T` positions of a sequence: what a recurrent layer says of all of it. In a stream, where every
/// frame is the last so far, the layer gives each of them.
///
/// ```
/// use fusebox::{Last, Layer, Scratch, Streaming};
/// let mut ys = [[0.0; 2]];
/// Last::<3, 2>.infer(&[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[5.0, 6.0]]);
/// assert_eq!(Streaming::new().push(&Last::<3, 2>, &[1.0, 2.0]), Some(&[1.0, 2.0]));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Last<const T: usize, const N: usize>;

plain!([const T: usize, const N: usize] Last<T, N> {});

impl<const T: usize, const N: usize> Layer for Last<T, N> {
    type Input = [[f32; N]; T];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [[f32; N]; T];

    const CHECK: () = assert!(T > 0, "a sequence has a Last position");

    fn run(&self, _: Isa, xs: &[[[f32; N]; T]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        const { Self::CHECK }
        if xs.len() == ys.len() {
            for (x, y) in xs.iter().zip(ys) {
                *y = x[T - 1];
            }
        }
    }
}

impl<const T: usize, const N: usize> Stream for Last<T, N> {
    type Frame = [f32; N];
    type Out = [f32; N];
    type Past = ();

    const DUE: Due = Due::EACH;

    fn step(&self, _: Isa, _past: &mut (), frame: &[f32; N], out: &mut [f32; N]) -> bool {
        *out = *frame;
        true
    }
}

/// Units are rows of the batch.
impl<const T: usize, const N: usize> Train for Last<T, N> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout("Last", &[T as u64, N as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[[f32; N]; T]],
        _memory: Option<&()>,
        _tape: &mut [()],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), N);
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[[f32; N]; T]],
        _: &[()],
        dys: &[[f32; N]],
        _: &mut [()],
        dx: InputGradient<'_, [[f32; N]; T]>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), T * N);
        let dys = part(dys, &rows);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for (dy, dx) in dys.iter().zip(dxs) {
                *dx = [[0.0; N]; T];
                dx[T - 1] = *dy;
            }
        });
    }
}
