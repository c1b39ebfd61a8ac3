//! Layer normalisation.

use super::{
    FUNCTION, Init, InputGradient, Layer, PerSample, Slice, Sliced, Train, part, part_mut, scale_each,
    squared_norm,
};
use crate::kernel::norm::{Moments, Normalize, NormalizeBackward, NormalizeInput};
use crate::{Aligned, Isa, Optimizer, Plain, Rng, Zeroed};

/// Brings every row to mean 0 and variance 1, then multiplies each number by a gain of its own and adds a shift, both
/// learnt: `y = gain (x - mean) / sqrt(var + 1e-5) + shift`. A constant row becomes `shift`.
///
/// Source: J. Ba and others, "Layer Normalization", 2016.
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct LayerNorm<const N: usize> {
    /// Starts as ones.
    pub gain: [f32; N],
    /// Starts as zeros.
    pub shift: [f32; N],
}

impl<const N: usize> Zeroed for LayerNorm<N> {
    const ZEROED: Self = Self { gain: Zeroed::ZEROED, shift: Zeroed::ZEROED };
}

// SAFETY: `repr(C)` and two arrays of numbers.
unsafe impl<const N: usize> Plain for LayerNorm<N> {}

impl<const N: usize> LayerNorm<N> {
    fn normalize(&self, isa: Isa, xs: &[[f32; N]], moments: &mut [Moments], ys: &mut [[f32; N]]) {
        let (xs, ys) = (xs.as_flattened(), ys.as_flattened_mut());
        if xs.len() == ys.len() {
            isa.call(Normalize { xs, gain: &self.gain, shift: &self.shift, moments, ys });
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
        isa.call(NormalizeBackward { xs, moments, gain: &self.gain, dys, products });
        dx.write(isa, |dxs| {
            let dxs = dxs.as_flattened_mut();
            isa.call(NormalizeInput { xs, moments, gain: &self.gain, dys, products, dxs });
        });
    }
}

impl<const N: usize> Layer for LayerNorm<N> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    fn run(&self, isa: Isa, xs: &[[f32; N]], _scratch: [&mut [f32]; 2], ys: &mut [[f32; N]]) {
        self.normalize(isa, xs, &mut [], ys);
    }
}

impl<const N: usize> Train for LayerNorm<N> {
    /// Each row's mean, and the reciprocal of its deviation.
    type Tape<const B: usize> = [Moments; B];
    /// Each row's share in the gradient of the gain.
    type Gradients<const B: usize> = Aligned<[[f32; N]; B]>;
    type State<O: Optimizer> = (O::State<[f32; N]>, O::State<[f32; N]>);

    fn init(&mut self, _: Init, _: &mut Rng) {
        *self = Self { gain: [1.0; N], shift: [0.0; N] };
    }

    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; N]],
        moments: &mut [Moments; B],
        ys: &mut [[f32; N]],
    ) {
        self.normalize(isa, xs, moments, ys);
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; N]],
        moments: &[Moments; B],
        dys: &[[f32; N]],
        products: &mut Self::Gradients<B>,
        dx: InputGradient<'_, [f32; N]>,
    ) {
        self.normalize_back(isa, xs, moments, dys, &mut products.0, dx);
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        _xs: &[[f32; N]],
        _moments: &[Moments; B],
        dys: &[[f32; N]],
        products: &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        (gain, shift): &mut Self::State<O>,
    ) {
        O::step_rows(sweep, isa, &products.0[..dys.len().min(B)], &mut self.gain, gain);
        O::step_rows(sweep, isa, dys, &mut self.shift, shift);
    }
}

impl<const N: usize> Sliced for LayerNorm<N> {
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; N]],
        moments: &mut [Moments; B],
        ys: &mut [[f32; N]],
    ) {
        let rows = slice.take(xs.len(), 4 * N + 2 * FUNCTION);
        if rows.is_empty() {
            return;
        }
        self.normalize(isa, part(xs, &rows), part_mut(moments, &rows), part_mut(ys, &rows));
    }

    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[[f32; N]],
        moments: &[Moments; B],
        dys: &[[f32; N]],
        products: &mut Self::Gradients<B>,
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = slice.take(dys.len(), 2 * N + dx.wanted(6 * N + 2 * FUNCTION));
        if rows.is_empty() {
            return;
        }
        let (xs, moments, dys) = (part(xs, &rows), part(moments, &rows), part(dys, &rows));
        self.normalize_back(isa, xs, moments, dys, part_mut(&mut products.0, &rows), dx.rows(&rows));
    }

    fn update_slice<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        _xs: &[[f32; N]],
        _moments: &[Moments; B],
        dys: &[[f32; N]],
        products: &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        (gain, shift): &mut Self::State<O>,
    ) {
        O::step_rows_slice(slice, sweep, isa, &products.0[..dys.len().min(B)], &mut self.gain, gain);
        O::step_rows_slice(slice, sweep, isa, dys, &mut self.shift, shift);
    }
}

impl<const N: usize> PerSample for LayerNorm<N> {
    fn add_norms<const B: usize>(
        &self,
        isa: Isa,
        _xs: &[[f32; N]],
        _moments: &[Moments; B],
        dys: &[[f32; N]],
        products: &Self::Gradients<B>,
        squares: &mut [f32],
    ) {
        for ((dy, product), squares) in dys.iter().zip(&products.0).zip(squares) {
            *squares += squared_norm(isa, product) + squared_norm(isa, dy);
        }
    }

    fn scale_rows<const B: usize>(factors: &[f32], products: &mut Self::Gradients<B>) {
        scale_each(factors, &mut products.0);
    }
}
