//! Transposed convolutions.

use super::conv::{derivative, ends, finish, pixels, sizes, write_rows};
use super::window::{Picture, Steps, Window};
use crate::kernel::conv::{self, Sizes};
use crate::layers::activation::{Form, FormOf};
use crate::layers::init::initialize;
use crate::layers::{Activation, Derivative, Identity, Init, InputGradient, Layer, Train};
use crate::memory::{layout, numbers, numbers_mut};
use crate::optimizers::{Optimizer, Patches, Rows};
use crate::pace::Pace;
use crate::{Isa, Pair, Rng, plain};
use core::marker::PhantomData;
use core::ops::Range;

/// A transposed convolution: each input pixel times `weight` is added to a window of `KH` rows of `KW` pixels of the
/// output, which starts from `bias`; then `A` is applied. With a stride of 2 it doubles a picture's height and width.
///
/// It computes what the input's gradient is for a [`Conv2d`](super::Conv2d) from `O` to `I` with the same kernel and
/// `G`, so those sizes must match. `C` is the number of channels of `I`, `F` that of `O`.
///
/// Weights have the order of Keras and TensorFlow: rows of taps, taps, channels of the output, channels of the input.
/// PyTorch has input channels, output channels, rows, taps. The fan-in of the initial weights is the number of products
/// that meet in an output: `KH KW C` divided by both strides. Training stores what `A` needs for its derivative.
///
/// Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
///
/// ```
/// use fusebox::layers::{ConvTranspose2d, Valid, Window};
/// use fusebox::{Layer, Scratch, Zeroed};
/// type Doubling = ConvTranspose2d<[[[f32; 1]; 2]; 1], [[[f32; 1]; 4]; 2], 2, 2, 1, 1, Window<Valid, 2, 2>>;
/// let mut layer = Doubling::ZEROED;
/// layer.weight = [[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]];
/// let mut ys = [[[[f32::NAN]; 4]; 2]];
/// layer.infer(&[[[[1.0], [10.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[1.0], [2.0], [10.0], [20.0]], [[3.0], [4.0], [30.0], [40.0]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct ConvTranspose2d<
    I,
    O,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G = Window,
    A = Identity,
> {
    /// Rows of taps, taps, channels of the output, channels of the input.
    pub weight: [[[[f32; C]; F]; KW]; KH],
    /// For each channel of the output.
    pub bias: [f32; F],
    shape: PhantomData<fn(I, G, A) -> O>,
}

plain!([I: Copy + 'static, O: Copy + 'static, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Copy + 'static, A: Copy + 'static]
ConvTranspose2d<I, O, KH, KW, C, F, G, A> {
    weight: [[[[f32; C]; F]; KW]; KH],
    bias: [f32; F],
    shape: PhantomData<fn(I, G, A) -> O>,
});

impl<I: Picture, O: Picture, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Steps, A>
    ConvTranspose2d<I, O, KH, KW, C, F, G, A>
{
    /// Those of the convolution from `O` to `I`. Does not compile if they do not match.
    const SIZES: Sizes = {
        assert!(I::CHANNELS == C, "a transposed convolution's channels are its input's");
        sizes::<O, I, G>(KH, KW, F, C).along()
    };

    /// Multiply-adds of an input pixel.
    const PIXEL: usize = KH * KW * C * F;
}

impl<
    I: Picture,
    O: Picture,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    A: Activation,
> ConvTranspose2d<I, O, KH, KW, C, F, G, A>
{
    fn convolve(&self, isa: Isa, rows: &Range<usize>, xs: &[I], ys: &mut [O]) {
        let weight = numbers(core::slice::from_ref(&self.weight));
        let ends = ends::<A>(&self.bias);
        conv::input_gradient(isa, &Self::SIZES, rows.clone(), numbers(xs), weight, &ends, numbers_mut(ys));
    }
}

impl<
    I: Picture,
    O: Picture,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    A: Activation,
> Layer for ConvTranspose2d<I, O, KH, KW, C, F, G, A>
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::SIZES;
    };
    const MACS: u64 = (I::HEIGHT * I::WIDTH) as u64 * Self::PIXEL as u64;

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        if xs.len() == ys.len() {
            self.convolve(isa, &(0..xs.len().saturating_mul(Self::SIZES.rows.input)), xs, ys);
            FormOf::<A>::infer(isa, numbers_mut(ys));
        }
    }
}

/// Units are rows of the output in `forward`, of the input in `backward`, rows of weights in `update`; the bias is
/// one unit.
impl<
    I: Picture,
    O: Picture,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    A: Activation,
> Train for ConvTranspose2d<I, O, KH, KW, C, F, G, A>
{
    /// What the activation stores of each pixel.
    type Tape = O::Of<<FormOf<A> as Form>::Kept<F>>;
    type Gradients = ();
    type Memory = ();
    type State<Opt: Optimizer> = Pair<Opt::State<[[[[f32; C]; F]; KW]; KH]>, Opt::State<[f32; F]>>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("ConvTranspose2d", &[Self::SIZES.layout(), A::NAME]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        let weight = numbers_mut(core::slice::from_mut(&mut self.weight));
        // Windows a stride apart: so many taps of all meet at an output.
        let taps = (KH * KW).div_ceil((G::STRIDE[0] * G::STRIDE[1]).max(1));
        initialize(init, A::GAIN, weight, [taps * C, weight.len() / (taps * C).max(1)], rng);
        self.bias = [0.0; F];
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        _memory: Option<&()>,
        kept: &mut [Self::Tape],
        ys: &mut [O],
    ) {
        let [rows, width] = [Self::SIZES.rows.input, Self::SIZES.cols.input];
        let macs = (I::HEIGHT * I::WIDTH).saturating_mul(Self::PIXEL).div_ceil(rows.max(1));
        let rows = pace.take(xs.len().saturating_mul(rows), macs + width * F * FormOf::<A>::MACS);
        if rows.is_empty() || xs.len() != ys.len() {
            return;
        }
        self.convolve(pace.isa(), &rows, xs, ys);
        finish::<O, F, A>(pace.isa(), &rows, width, kept, ys);
    }

    fn derivative<'a>(kept: &'a [Self::Tape], ys: &'a [O]) -> Derivative<'a> {
        derivative::<O, F, A>(kept, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[I],
        _kept: &[Self::Tape],
        dys: &[O],
        _gradients: &mut [()],
        dx: InputGradient<'_, I>,
    ) {
        let [rows, width] = [Self::SIZES.rows.output, Self::SIZES.cols.output];
        let rows = pace.take(dx.wanted(dys.len()).saturating_mul(rows), width * (Self::PIXEL + C));
        let (isa, weight) = (pace.isa(), numbers(core::slice::from_ref(&self.weight)));
        write_rows(isa, &rows, width, dx, |ends, dxs| {
            conv::forward(isa, &Self::SIZES, rows.clone(), numbers(dys), weight, ends, dxs);
        });
    }

    fn update<Opt: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[I],
        _kept: &[Self::Tape],
        dys: &[O],
        _gradients: &[()],
        sweep: &mut Opt::Sweep,
        Pair(weight_state, bias_state): &mut Self::State<Opt>,
    ) {
        let patches = Patches::of(&Self::SIZES, numbers(dys), numbers(xs));
        Opt::step(pace, sweep, patches, &mut self.weight, weight_state);
        Opt::step(pace, sweep, Rows::of(pixels::<O, F>(dys)), &mut self.bias, bias_state);
    }
}
