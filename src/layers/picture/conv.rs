//! Convolutions.

use super::past::Past;
use super::window::{Picture, Steps, Window, axes};
use crate::kernel::conv::{self, Ends, Sizes};
use crate::layers::activation::{Form, FormOf};
use crate::layers::init::initialize;
use crate::layers::{
    Activation, Derivative, Due, Entry, Identity, Init, InputGradient, Layer, Stream, Train, View,
};
use crate::memory::{layout, numbers, numbers_mut, part_mut, values, values_mut};
use crate::optimizers::{Optimizer, Patches, Rows};
use crate::pace::Pace;
use crate::{Epilogue, Isa, Pair, Rng, plain};
use core::marker::PhantomData;
use core::ops::Range;

/// A convolution of pictures: each output pixel is `A` of `bias` plus the products of `weight` with a window of `KH`
/// rows of `KW` pixels.
///
/// | parameter | meaning |
/// |---|---|
/// | `I`, `O` | the types of the pictures before and after, `[[[f32; channels]; width]; height]` |
/// | `KH`, `KW` | rows and columns of the kernel |
/// | `C` | channels that each filter sees: those of `I`, or a divisor of their number |
/// | `F` | filters, which are the channels of `O` |
/// | `G` | strides, dilations and padding: a [`Window`] |
/// | `A` | an activation |
///
/// If `C` is smaller than the channels of `I`, channels and filters are divided into groups: the first filters see the
/// first `C` channels. Taps in the padding are left out of the sum.
///
/// Weights have the order of Keras and TensorFlow (HWIO): rows of taps, taps, channels, filters. PyTorch has filters,
/// channels, rows, taps. The initial weights are those of a dense layer with `KH KW C` inputs and `F` outputs (see
/// [`Init`]): for a ReLU a variance of 2 / (`KH KW C`). Source: K. He and others, "Delving Deep into Rectifiers", 2015,
/// section 2.2.
///
/// Training stores what `A` needs for its derivative, and no copy of the windows. Units of a slice are a row of
/// outputs, a row of inputs' gradients, and the gradient of `F` weights summed over the batch.
///
/// [`network!`](crate::network) derives `O` and `C`. Sizes that do not match are an error at compile time, with
/// `network!` in `cargo check`:
///
/// ```
/// use fusebox::layers::{Conv2d, Valid, Window};
/// use fusebox::{Dense, Flatten, Relu, Rng, Seq, Sgd, View, Workspace};
///
/// type Picture = [[[f32; 1]; 6]; 6];
/// type Features = [[[f32; 4]; 3]; 3];
/// type Net = Seq![
///     Conv2d<Picture, [[[f32; 4]; 6]; 6], 3, 3, 1, 4, Window, Relu>,
///     Conv2d<[[[f32; 4]; 6]; 6], Features, 2, 2, 4, 4, Window<Valid, 2, 2>, Relu>,
///     View<Features, Dense<36, 2>, [f32; 2]>
/// ];
/// let mut net = Net::he(&mut Rng::new(1));
/// let (mut workspace, mut picture) = (Workspace::<Net, 2>::new(), [[[0.0]; 6]; 6]);
/// picture[2] = [[1.0]; 6];
/// let other = core::array::from_fn(|y| core::array::from_fn(|x| picture[x][y])); // a line down, not across
/// let first = workspace.train_step(&mut net, &[picture, other], &[0, 1], &Sgd::new(0.1))?;
/// for _ in 0..50 {
///     workspace.train_step(&mut net, &[picture, other], &[0, 1], &Sgd::new(0.1))?;
/// }
/// assert!(workspace.train_step(&mut net, &[picture, other], &[0, 1], &Sgd::new(0.1))? < first / 4.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::layers::{Conv2d, Valid, Window};
/// use fusebox::{Layer, Scratch, Zeroed};
/// // 28 rows make 26 without padding, not 28.
/// type Layer1 = Conv2d<[[[f32; 1]; 28]; 28], [[[f32; 8]; 28]; 28], 3, 3, 1, 8, Window<Valid>>;
/// let mut ys = [[[[0.0; 8]; 28]; 28]];
/// Layer1::ZEROED.infer(&[[[[0.0]; 28]; 28]], &mut Scratch::<_, 1>::new(), &mut ys).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Conv2d<
    I,
    O,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G = Window,
    A = Identity,
> {
    /// Rows of taps, taps, channels, filters.
    pub weight: [[[[f32; F]; C]; KW]; KH],
    /// For each filter.
    pub bias: [f32; F],
    shape: PhantomData<fn(I, G, A) -> O>,
}

plain!([I: Copy + 'static, O: Copy + 'static, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Copy + 'static, A: Copy + 'static]
Conv2d<I, O, KH, KW, C, F, G, A> {
    weight: [[[[f32; F]; C]; KW]; KH],
    bias: [f32; F],
    shape: PhantomData<fn(I, G, A) -> O>,
});

/// A convolution in which each channel has its own filters: a [`Conv2d`] whose filters see one channel. `F` is a
/// multiple of the number of the input's channels; the filters of the first channel come first.
///
/// With as many filters as channels it has 1 / `F` of the multiply-adds of a `Conv2d` from `F` channels to `F`. A
/// `Conv2d` with a kernel of 1 after it mixes the channels; the two are a separable convolution. Source: A. Howard and
/// others, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017.
///
/// ```
/// use fusebox::layers::DepthwiseConv2d;
/// use fusebox::{Layer, Scratch, Zeroed};
/// type Picture = [[[f32; 2]; 3]; 3];
/// let mut blur = DepthwiseConv2d::<Picture, Picture, 3, 3, 2>::ZEROED;
/// blur.weight = [[[[1.0, 10.0]]; 3]; 3];
/// let mut ys = [[[[0.0; 2]; 3]; 3]];
/// blur.infer(&[[[[1.0; 2]; 3]; 3]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!((ys[0][1][1], ys[0][0][0]), ([9.0, 90.0], [4.0, 40.0]));
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type DepthwiseConv2d<I, O, const KH: usize, const KW: usize, const F: usize, G = Window, A = Identity> =
    Conv2d<I, O, KH, KW, 1, F, G, A>;

/// A convolution of sequences, from `T` positions of `CI` numbers to `TO` positions of `F`: a [`Conv2d`] of pictures
/// of one column, whose kernel has `K` rows. `C` is as for `Conv2d`. Strides and dilations are those down, as in
/// `Window<Same, 2>`. With [`Causal`](super::Causal) padding an output depends on no later position, and the layer can run
/// as a [`Stream`](crate::Stream).
///
/// ```
/// use fusebox::layers::{Causal, Conv1d, Window};
/// use fusebox::{Layer, Scratch, Zeroed};
/// let mut sums = Conv1d::<4, 1, 4, 3, 1, 1, Window<Causal>>::ZEROED;
/// sums.layer.weight = [[[[1.0]]]; 3];
/// let mut ys = [[[0.0]; 4]];
/// sums.infer(&[[[1.0], [2.0], [4.0], [8.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[1.0], [3.0], [7.0], [14.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type Conv1d<
    const T: usize,
    const CI: usize,
    const TO: usize,
    const K: usize,
    const C: usize,
    const F: usize,
    G = Window,
    A = Identity,
> = View<[[f32; CI]; T], Conv2d<[[[f32; CI]; 1]; T], [[[f32; F]; 1]; TO], K, 1, C, F, G, A>, [[f32; F]; TO]>;

/// [`DepthwiseConv2d`] of sequences, with the parameters of [`Conv1d`] but `C`, which is 1.
///
/// ```
/// use fusebox::{DepthwiseConv1d, Layer, Scratch, Zeroed};
/// let mut sums = DepthwiseConv1d::<3, 2, 3, 3, 2>::ZEROED;
/// sums.layer.weight = [[[[1.0, 10.0]]]; 3]; // a filter for each channel
/// let mut ys = [[[f32::NAN; 2]; 3]];
/// sums.infer(&[[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[3.0, 30.0], [6.0, 60.0], [5.0, 50.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type DepthwiseConv1d<
    const T: usize,
    const CI: usize,
    const TO: usize,
    const K: usize,
    const F: usize,
    G = Window,
    A = Identity,
> = Conv1d<T, CI, TO, K, 1, F, G, A>;

impl<I: Picture, O: Picture, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Steps, A>
    Conv2d<I, O, KH, KW, C, F, G, A>
{
    /// Does not compile if they do not match.
    const SIZES: Sizes = Self::IN_TIME.along();

    /// The same, rows being time.
    const IN_TIME: Sizes = sizes::<I, O, G>(KH, KW, C, F);

    /// Multiply-adds of an output pixel.
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
> Conv2d<I, O, KH, KW, C, F, G, A>
{
    /// Overwrites `ys`, but for what the epilogue does not do of the activation. Both have as many rows.
    pub(in crate::layers) fn affine(&self, isa: Isa, xs: &[I], ys: &mut [O]) {
        if xs.len() == ys.len() {
            self.convolve(isa, &(0..xs.len().saturating_mul(Self::SIZES.rows.output)), xs, ys);
        }
    }

    /// Computes rows of output, as numbered through the batch, but for what the epilogue does not do of the activation.
    fn convolve(&self, isa: Isa, rows: &Range<usize>, xs: &[I], ys: &mut [O]) {
        self.convolve_with(isa, &Self::SIZES, rows, numbers(xs), numbers_mut(ys));
    }

    /// The same with other sizes: as many channels and filters.
    fn convolve_with(&self, isa: Isa, sizes: &Sizes, rows: &Range<usize>, xs: &[f32], ys: &mut [f32]) {
        let weight = numbers(core::slice::from_ref(&self.weight));
        let forward =
            if const { Self::SIZES.is_depthwise() } { conv::depthwise::forward } else { conv::forward };
        forward(isa, sizes, rows.clone(), xs, weight, &ends::<A>(&self.bias), ys);
    }
}

/// The sizes of a convolution from `I` to `O`, whose filters see `channels`. Panics, when it is compiled, if they do
/// not fit.
pub(super) const fn sizes<I: Picture, O: Picture, G: Steps>(
    kh: usize,
    kw: usize,
    channels: usize,
    filters: usize,
) -> Sizes {
    let [rows, cols] = axes::<I, G>([kh, kw]);
    assert!(
        rows.output > 0 && cols.output > 0,
        "a convolution's kernel is larger than its input, or its stride would drop positions at the end"
    );
    assert!(
        O::HEIGHT == rows.output && O::WIDTH == cols.output && O::CHANNELS == filters,
        "a convolution's output is another picture than its input, kernel, strides and padding make"
    );
    assert!(
        channels > 0
            && filters > 0
            && I::CHANNELS.is_multiple_of(channels)
            && filters.is_multiple_of(I::CHANNELS / channels),
        "a convolution's channels are a part of its input's, and its filters fall into as many groups"
    );
    Sizes { rows, cols, channels: I::CHANNELS, filters, groups: I::CHANNELS / channels }
}

/// The pixels of pictures.
pub(super) fn pixels<P: Picture, const F: usize>(pictures: &[P]) -> &[[f32; F]] {
    values(numbers(pictures), pictures.len().saturating_mul(P::HEIGHT * P::WIDTH))
}

pub(super) fn pixels_mut<P: Picture, const F: usize>(pictures: &mut [P]) -> &mut [[f32; F]] {
    let count = pictures.len().saturating_mul(P::HEIGHT * P::WIDTH);
    values_mut(numbers_mut(pictures), count)
}

/// Applies what the epilogue does not do of the activation to rows of `width` outputs, as numbered through the batch, and keeps
/// what its derivative needs.
pub(super) fn finish<O: Picture, const F: usize, A: Activation>(
    isa: Isa,
    rows: &Range<usize>,
    width: usize,
    kept: &mut [O::Of<<FormOf<A> as Form>::Kept<F>>],
    ys: &mut [O],
) {
    let here = rows.start * width..rows.end * width;
    let count = kept.len().saturating_mul(O::HEIGHT * O::WIDTH);
    let kept = values_mut(numbers_mut(kept), count);
    FormOf::<A>::forward(isa, part_mut(pixels_mut::<O, F>(ys), &here), part_mut(kept, &here));
}

/// The derivative of the activation, from what [`finish`] kept.
pub(super) fn derivative<'a, O: Picture, const F: usize, A: Activation>(
    kept: &'a [O::Of<<FormOf<A> as Form>::Kept<F>>],
    ys: &'a [O],
) -> Derivative<'a> {
    let count = kept.len().saturating_mul(O::HEIGHT * O::WIDTH);
    FormOf::<A>::derivative(values(numbers(kept), count), pixels::<O, F>(ys))
}

/// Lets `gradient` overwrite rows of `width` pixels of the input's gradient, as numbered through the batch, if it is wanted; it is
/// told the mask of a ReLU below. Other derivatives are applied after it.
pub(super) fn write_rows<I: Picture>(
    isa: Isa,
    rows: &Range<usize>,
    width: usize,
    dx: InputGradient<'_, I>,
    gradient: impl FnOnce(&Ends<'_>, &mut [f32]),
) {
    let Some((dxs, derivative)) = dx.target().filter(|_| !rows.is_empty()) else { return };
    let (gates, after) = match derivative {
        Derivative::Relu(gates) => (Some(gates), Derivative::One),
        other => (None, other),
    };
    let dxs = numbers_mut(dxs);
    gradient(&Ends { bias: None, relu: false, gates }, dxs);
    let row = width * I::CHANNELS;
    let here = rows.start * row..rows.end * row;
    after.part(&here).apply(isa, part_mut(dxs, &here));
}

/// The bias, and whether a ReLU follows.
pub(super) fn ends<A: Activation>(bias: &[f32]) -> Ends<'_> {
    let relu = matches!(FormOf::<A>::epilogue(bias), Epilogue::BiasRelu(_));
    Ends { bias: Some(bias), relu, gates: None }
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
> Layer for Conv2d<I, O, KH, KW, C, F, G, A>
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::SIZES;
    };
    const MACS: u64 = (O::HEIGHT * O::WIDTH) as u64 * Self::PIXEL as u64;
    const SUMMARY: Entry = match C == 1 && I::CHANNELS > 1 {
        true => Entry::layer::<Self>().named(|| "DepthwiseConv2d"),
        false => Entry::layer::<Self>(),
    };

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        if xs.len() == ys.len() {
            self.affine(isa, xs, ys);
            FormOf::<A>::infer(isa, numbers_mut(ys));
        }
    }
}

/// A frame is a row.
impl<
    I: Picture,
    O: Picture,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
    A: Activation,
> Stream for Conv2d<I, O, KH, KW, C, F, G, A>
{
    type Frame = I::Frame;
    type Out = O::Frame;
    type Past = Past<[G::Apart<I::Frame>; KH]>;

    const DUE: Due = Self::IN_TIME.rows.due();

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &I::Frame, out: &mut O::Frame) -> bool {
        const { _ = Self::DUE }
        let out = numbers_mut(core::slice::from_mut(out));
        past.next(&Self::IN_TIME.rows, numbers(core::slice::from_ref(frame)), |rows, frames| {
            let sizes = Sizes { rows, ..Self::IN_TIME }.along();
            self.convolve_with(isa, &sizes, &(0..1), frames, out);
            FormOf::<A>::infer(isa, out);
        })
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
> Train for Conv2d<I, O, KH, KW, C, F, G, A>
{
    /// What the activation stores of each pixel.
    type Tape = O::Of<<FormOf<A> as Form>::Kept<F>>;
    type Gradients = ();
    type Memory = ();
    type State<Opt: Optimizer> = Pair<Opt::State<[[[[f32; F]; C]; KW]; KH]>, Opt::State<[f32; F]>>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("Conv2d", &[Self::SIZES.layout(), A::NAME]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        let weight = numbers_mut(core::slice::from_mut(&mut self.weight));
        initialize(init, A::GAIN, weight, [KH * KW * C, F], rng);
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
        let [rows, width] = [Self::SIZES.rows.output, Self::SIZES.cols.output];
        let rows = pace.take(xs.len().saturating_mul(rows), width * (Self::PIXEL + FormOf::<A>::MACS * F));
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
        let [rows, width] = [Self::SIZES.rows.input, Self::SIZES.cols.input];
        let macs =
            (O::HEIGHT * O::WIDTH).saturating_mul(Self::PIXEL).div_ceil(rows.max(1)) + width * I::CHANNELS;
        let rows = pace.take(dx.wanted(dys.len()).saturating_mul(rows), macs);
        let (isa, weight) = (pace.isa(), numbers(core::slice::from_ref(&self.weight)));
        let gradient = match const { Self::SIZES.is_depthwise() } {
            true => conv::depthwise::input_gradient,
            false => conv::input_gradient,
        };
        write_rows(isa, &rows, width, dx, |ends, dxs| {
            gradient(isa, &Self::SIZES, rows.clone(), numbers(dys), weight, ends, dxs);
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
        let patches = Patches::of(&Self::SIZES, numbers(xs), numbers(dys));
        Opt::step(pace, sweep, patches, &mut self.weight, weight_state);
        Opt::step(pace, sweep, Rows::of(pixels::<O, F>(dys)), &mut self.bias, bias_state);
    }
}
