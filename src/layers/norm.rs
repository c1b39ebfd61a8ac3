//! Layer normalisation, of mean and variance.

use super::{Init, InputGradient, Layer, Linear, PerRow, Train};
use crate::kernel::norm::{self, Moments, Normalize, NormalizeBackward, NormalizeInput};
use crate::memory::{layout, part, part_mut};
use crate::optimizers::{Optimizer, Rows};
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, Pair, Rng, plain};

/// Normalises every row to mean 0 and variance 1, then multiplies each element by a gain and adds a shift, both
/// trained: `y = gain (x - mean) / sqrt(var + 10^EPSILON) + shift`. A constant row becomes `shift`.
///
/// Source: J. Ba and others, "Layer Normalization", 2016. `EPSILON` is an exponent from -20 to 0: -5 as in PyTorch if it is
/// left out, -12 for weights of BERT, -3 for those of Keras. In [`network!`](crate::network): `LayerNorm`, `LayerNorm(-12)`.
///
/// ```
/// use fusebox::{Dense, Init, LayerNorm, Relu, Rng, Scratch, Seq, Train, Zeroed};
/// type Net = Seq![LayerNorm<2>, Dense<2, 8, Relu>, Dense<8, 2>];
/// let net = Net::he(&mut Rng::new(1));
/// assert_eq!(net.first.gain, [1.0; 2]);
/// let mut ys = [[f32::NAN; 2]; 2];
/// net.infer(&[[1.0, 3.0], [100.0, 300.0]], &mut Scratch::<_, 2>::new(), &mut ys)?;
/// assert!((ys[0][0] - ys[1][0]).abs() < 1e-4); // the scale of a row does not matter
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Another epsilon is another type, also in a checkpoint:
///
/// ```
/// use fusebox::{LayerNorm, Train};
/// let bert = LayerNorm::<384, -12> { gain: [1.0; 384], shift: [0.0; 384] };
/// assert_ne!(<LayerNorm<384, -12> as Train>::LAYOUT, <LayerNorm<384> as Train>::LAYOUT);
/// # _ = bert;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct LayerNorm<const N: usize, const EPSILON: i32 = -5> {
    /// Starts as ones.
    pub gain: [f32; N],
    /// Starts as zeros.
    pub shift: [f32; N],
}

plain!([const N: usize, const EPSILON: i32] LayerNorm<N, EPSILON> { gain: [f32; N], shift: [f32; N] });

impl<const N: usize, const EPSILON: i32> LayerNorm<N, EPSILON> {
    const ADDED: f32 = norm::epsilon(EPSILON);

    fn normalize(&self, isa: Isa, xs: &[[f32; N]], moments: &mut [Moments], ys: &mut [[f32; N]]) {
        let (xs, ys) = (xs.as_flattened(), ys.as_flattened_mut());
        if xs.len() == ys.len() {
            let (gain, shift, epsilon) = (&self.gain, &self.shift, Self::ADDED);
            isa.call_in_parts(Normalize { xs, gain, shift, epsilon, moments, ys });
        }
    }

    fn normalize_back(
        &self,
        isa: Isa,
        xs: &[[f32; N]],
        moments: &[Moments],
        dys: &[[f32; N]],
        products: &mut [[f32; N]],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let (xs, dys, products) = (xs.as_flattened(), dys.as_flattened(), products.as_flattened_mut());
        isa.call_in_parts(NormalizeBackward { xs, moments, gain: &self.gain, dys, products });
        dx.write(isa, |dxs| {
            let dxs = dxs.as_flattened_mut();
            isa.call_in_parts(NormalizeInput { xs, moments, gain: &self.gain, dys, products, dxs });
        });
    }
}

impl<const N: usize, const EPSILON: i32> Layer for LayerNorm<N, EPSILON> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    const CHECK: () = _ = Self::ADDED;

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        self.normalize(isa, xs, &mut [], ys);
    }
}

impl<const N: usize, const EPSILON: i32> PerRow for LayerNorm<N, EPSILON> {}

/// Units are rows of the batch; the gain and the shift are one unit each.
impl<const N: usize, const EPSILON: i32> Train for LayerNorm<N, EPSILON> {
    /// The row's mean and the reciprocal of its standard deviation.
    type Tape = Moments;
    /// The row's contribution to the gradient of the gain.
    type Gradients = [f32; N];
    type Memory = ();
    type State<O: Optimizer> = Pair<O::State<[f32; N]>, O::State<[f32; N]>>;
    type End = Linear;

    const LAYOUT: u64 = layout("LayerNorm", &[N as u64, EPSILON.unsigned_abs() as u64]);

    fn init(&mut self, _: Init, _: &mut Rng) {
        *self = Self { gain: [1.0; N], shift: [0.0; N] };
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _memory: Option<&()>,
        moments: &mut [Moments],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), 4 * N + 2 * FUNCTION);
        if rows.is_empty() {
            return;
        }
        self.normalize(pace.isa(), part(xs, &rows), part_mut(moments, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        moments: &[Moments],
        dys: &[[f32; N]],
        products: &mut [[f32; N]],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(dys.len(), 2 * N + dx.wanted(6 * N + 2 * FUNCTION));
        if rows.is_empty() {
            return;
        }
        let (xs, moments, dys) = (part(xs, &rows), part(moments, &rows), part(dys, &rows));
        self.normalize_back(pace.isa(), xs, moments, dys, part_mut(products, &rows), dx.rows(&rows));
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[f32; N]],
        _moments: &[Moments],
        dys: &[[f32; N]],
        products: &[[f32; N]],
        sweep: &mut O::Sweep,
        Pair(gain, shift): &mut Self::State<O>,
    ) {
        O::step(pace, sweep, Rows::of(products), &mut self.gain, gain);
        O::step(pace, sweep, Rows::of(dys), &mut self.shift, shift);
    }
}
