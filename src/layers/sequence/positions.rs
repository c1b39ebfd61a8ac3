//! A vector for each position.

use super::super::{Due, Init, InputGradient, Layer, Linear, Stream, Train};
use super::embedding::initialize_rows;
use crate::kernel::elementwise::{Add, Zip, are_zeros};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::{Optimizer, Picked};
use crate::pace::Pace;
use crate::{Isa, Rng, plain};

/// Adds a row of `D` numbers, trained, to each of the `T` frames of a sequence: attention itself knows no order. Frames of
/// zeros, where there is no token, stay zeros.
///
/// In a [stream](crate::Streaming) there are at most `T` frames.
///
/// ```
/// use fusebox::{Layer, Positions, Scratch, Zeroed};
/// let mut net = Positions::<3, 2>::ZEROED;
/// net.weight = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let mut ys = [[[f32::NAN; 2]; 3]];
/// net.infer(&[[[10.0, 10.0], [0.0, 0.0], [10.0, 0.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[11.0, 12.0], [0.0, 0.0], [15.0, 6.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Positions<const T: usize, const D: usize> {
    /// A row for each position.
    pub weight: [[f32; D]; T],
}

plain!([const T: usize, const D: usize] Positions<T, D> { weight: [[f32; D]; T] });

/// Overwrites `y` with `x + w`, or zeros if `x` is.
fn add<const D: usize>(isa: Isa, x: &[f32; D], w: &[f32; D], y: &mut [f32; D]) {
    *y = *x;
    if !are_zeros(x) {
        isa.call(Zip { function: Add, others: w, xs: y });
    }
}

impl<const T: usize, const D: usize> Layer for Positions<T, D> {
    type Input = [[f32; D]; T];
    type Output = [[f32; D]; T];
    type Scratch = ();
    type InPlace = [[f32; D]; T];

    fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [Self::Output]) {
        if xs.len() != ys.len() {
            return;
        }
        for (x, y) in xs.iter().zip(ys) {
            for ((x, w), y) in x.iter().zip(&self.weight).zip(y) {
                add(isa, x, w, y);
            }
        }
    }
}

/// After `T` frames there is no output.
impl<const T: usize, const D: usize> Stream for Positions<T, D> {
    type Frame = [f32; D];
    type Out = [f32; D];
    type Past = u32;

    const DUE: Due = Due::EACH;
    const FRAMES: usize = T;

    fn step(&self, isa: Isa, position: &mut u32, frame: &[f32; D], out: &mut [f32; D]) -> bool {
        let Some(w) = self.weight.get(*position as usize) else { return false };
        *position += 1;
        add(isa, frame, w, out);
        true
    }
}

/// Units are rows of the batch; in `update`, rows of weights.
impl<const T: usize, const D: usize> Train for Positions<T, D> {
    /// The row of weights that was added to each frame; `u32::MAX` where the frame is of zeros.
    type Tape = [u32; T];
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = O::State<[[f32; D]; T]>;
    type End = Linear;

    const LAYOUT: u64 = layout("Positions", &[T as u64, D as u64]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        initialize_rows(init, &mut self.weight, rng);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[Self::Input],
        _: Option<&()>,
        tape: &mut [[u32; T]],
        ys: &mut [Self::Output],
    ) {
        let rows = pace.take(xs.len(), T * D);
        let xs = part(xs, &rows);
        self.run(pace.isa(), xs, &mut [], part_mut(ys, &rows));
        for (x, added) in xs.iter().zip(part_mut(tape, &rows)) {
            for (position, (frame, added)) in (0..).zip(x.iter().zip(added)) {
                *added = if are_zeros(frame) { u32::MAX } else { position };
            }
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[Self::Input],
        tape: &[[u32; T]],
        dys: &[Self::Output],
        _: &mut [()],
        dx: InputGradient<'_, Self::Input>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), T * D);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            let frames = part(dys, &rows).as_flattened().iter().zip(part(tape, &rows).as_flattened());
            for (dx, (dy, &added)) in dxs.as_flattened_mut().iter_mut().zip(frames) {
                *dx = if added == u32::MAX { [0.0; D] } else { *dy };
            }
        });
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _: &[Self::Input],
        tape: &[[u32; T]],
        dys: &[Self::Output],
        _: &[()],
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    ) {
        let gradient = Picked::of(tape.as_flattened(), dys.as_flattened());
        O::step(pace, sweep, gradient, &mut self.weight, state);
    }
}
