//! Bytes as input.

use super::{InputGradient, Layer, Linear, PerRow, Train};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, plain};

/// Converts bytes from 0 to `MAX` to numbers from 0 to 1: the first layer of a network whose input is pixels. Each
/// pixel then takes one byte, not four, in staging, in a [`Reservoir`](crate::Reservoir) and in flash. Bytes have no
/// gradient.
///
/// ```
/// use fusebox::{Dense, Pixels, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Pixels<64>, Dense<64, 8, Relu>, Dense<8, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let pictures = [[0_u8; 64], [255; 64]];
/// Workspace::<Net, 2>::new().train_step(&mut net, &pictures, &[0, 1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Pixels<const N: usize, const MAX: u32 = 255>;

plain!([const N: usize, const MAX: u32] Pixels<N, MAX> {});

impl<const N: usize, const MAX: u32> Layer for Pixels<N, MAX> {
    type Input = [u8; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = ();

    const CHECK: () = assert!(MAX > 0, "the largest of Pixels is positive");

    fn run(&self, _: Isa, xs: &[[u8; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        if xs.len() != ys.len() {
            return;
        }
        for (x, y) in xs.iter().zip(ys) {
            for (&x, y) in x.iter().zip(y) {
                *y = f32::from(x) / MAX as f32;
            }
        }
    }
}

impl<const N: usize, const MAX: u32> PerRow for Pixels<N, MAX> {}

/// Units are rows of the batch.
impl<const N: usize, const MAX: u32> Train for Pixels<N, MAX> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const PASSES_GRADIENT: bool = false;
    const LAYOUT: u64 = layout("Pixels", &[N as u64, MAX as u64]);

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[u8; N]],
        _memory: Option<&()>,
        _tape: &mut [()],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), FUNCTION * N);
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[u8; N]],
        _: &[()],
        _: &[[f32; N]],
        _: &mut [()],
        dx: InputGradient<'_, [u8; N]>,
    ) {
        dx.write_zeros(pace);
    }
}
