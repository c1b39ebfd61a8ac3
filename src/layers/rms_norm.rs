//! Root mean square normalisation.

use super::{Init, InputGradient, Layer, Linear, PerRow, Train};
use crate::kernel::norm;
use crate::kernel::rms_norm::{RmsBackward, RmsInput, RmsNormalize};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::{Optimizer, Rows};
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, Rng, plain};

/// Divides every row by its root mean square, then multiplies each element by a trained gain:
/// `y = gain x / sqrt(mean of x^2 + 10^EPSILON)`. Unlike [`LayerNorm`](super::LayerNorm) it subtracts no mean and adds no shift.
///
/// Source: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", 2019. `EPSILON` is an exponent from -20 to 0, -6 if
/// it is left out. In [`network!`](crate::network): `RmsNorm`, `RmsNorm(-5)`. A row that contains infinity becomes zeros and NaN.
///
/// ```
/// use fusebox::{Dense, RmsNorm, Rng, Scratch, Seq, Silu, Train};
/// type Net = Seq![RmsNorm<2>, Dense<2, 8, Silu>, Dense<8, 2>];
/// let net = Net::he(&mut Rng::new(1));
/// assert_eq!(net.first.gain, [1.0; 2]);
/// let mut ys = [[f32::NAN; 2]; 2];
/// net.infer(&[[1.0, 3.0], [100.0, 300.0]], &mut Scratch::<_, 2>::new(), &mut ys)?;
/// assert!((ys[0][0] - ys[1][0]).abs() < 1e-5); // the scale of a row does not matter
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct RmsNorm<const N: usize, const EPSILON: i32 = -6> {
    /// Starts as ones.
    pub gain: [f32; N],
}

plain!([const N: usize, const EPSILON: i32] RmsNorm<N, EPSILON> { gain: [f32; N] });

impl<const N: usize, const EPSILON: i32> RmsNorm<N, EPSILON> {
    const ADDED: f32 = norm::epsilon(EPSILON);

    fn normalize(&self, isa: Isa, xs: &[[f32; N]], reciprocals: &mut [f32], ys: &mut [[f32; N]]) {
        let (xs, ys) = (xs.as_flattened(), ys.as_flattened_mut());
        if xs.len() == ys.len() {
            isa.call_in_parts(RmsNormalize { xs, gain: &self.gain, epsilon: Self::ADDED, reciprocals, ys });
        }
    }
}

impl<const N: usize, const EPSILON: i32> Layer for RmsNorm<N, EPSILON> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    const CHECK: () = _ = Self::ADDED;

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        self.normalize(isa, xs, &mut [], ys);
    }
}

impl<const N: usize, const EPSILON: i32> PerRow for RmsNorm<N, EPSILON> {}

/// Units are rows of the batch; the gain is one unit.
impl<const N: usize, const EPSILON: i32> Train for RmsNorm<N, EPSILON> {
    /// Four times the reciprocal of the row's root mean square.
    type Tape = f32;
    /// The row's contribution to the gradient of the gain.
    type Gradients = [f32; N];
    type Memory = ();
    type State<O: Optimizer> = O::State<[f32; N]>;
    type End = Linear;

    const LAYOUT: u64 = layout("RmsNorm", &[N as u64, EPSILON.unsigned_abs() as u64]);

    fn init(&mut self, _: Init, _: &mut Rng) {
        self.gain = [1.0; N];
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _memory: Option<&()>,
        reciprocals: &mut [f32],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), 3 * N + 2 * FUNCTION);
        if rows.is_empty() {
            return;
        }
        self.normalize(pace.isa(), part(xs, &rows), part_mut(reciprocals, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        reciprocals: &[f32],
        dys: &[[f32; N]],
        products: &mut [[f32; N]],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dys.len(), 2 * N + dx.wanted(5 * N + FUNCTION));
        if rows.is_empty() {
            return;
        }
        let (isa, gain, reciprocals) = (pace.isa(), &self.gain, part(reciprocals, &rows));
        let (xs, dys) = (part(xs, &rows).as_flattened(), part(dys, &rows).as_flattened());
        let products = part_mut(products, &rows).as_flattened_mut();
        isa.call_in_parts(RmsBackward { n: N, xs, reciprocals, dys, products });
        dx.rows(&rows).write(isa, |dxs| {
            let dxs = dxs.as_flattened_mut();
            isa.call_in_parts(RmsInput { xs, reciprocals, gain, dys, products, dxs });
        });
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[f32; N]],
        _reciprocals: &[f32],
        _dys: &[[f32; N]],
        products: &[[f32; N]],
        sweep: &mut O::Sweep,
        gain: &mut Self::State<O>,
    ) {
        O::step(pace, sweep, Rows::of(products), &mut self.gain, gain);
    }
}
