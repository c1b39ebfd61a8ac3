//! Batch normalisation.

use super::conv::{Conv2d, derivative, finish};
use super::{Picture, Steps};
use crate::kernel::batch_norm::{Backward, EPSILON, Gradients, Infer, Normalize, Reciprocals, Statistics};
use crate::layers::activation::{Form, FormOf};
use crate::layers::{Activation, Derivative, Due, Identity, Init, InputGradient, Layer, Stream, Train};
use crate::memory::{count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut};
use crate::optimizers::{Formed, Optimizer};
use crate::pace::{FUNCTION, Pace};
use crate::{Epilogue, Isa, Pair, Plain, Rng, Zeroed, plain};
use core::marker::PhantomData;
use core::ops::Range;

/// Batch normalisation: brings each of the `C` channels of pictures `I` to mean 0 and variance 1, multiplies it by a
/// trained gain and adds a trained shift: `y = A(gain (x - mean) / sqrt(variance + 1e-5) + shift)`.
///
/// **In a training step**, mean and variance are those of all pixels of all pictures of the batch, and the gradient
/// passes through them. **In inference**, validation and [`input_gradient`](crate::Workspace::input_gradient) they are
/// the fields `mean` and `variance`, running averages. Each step moves these by a tenth of the way to the batch's, with
/// the unbiased variance, n / (n - 1) times the batch's, as in PyTorch. No optimiser changes them, and a step that
/// returns an error leaves them unchanged. With [`Accumulate`](crate::Accumulate) each part is a separate batch.
///
/// A batch needs at least two numbers per channel, so pictures of a single pixel need two rows: a step with one is an
/// [`Error::FewRows`](crate::Error::FewRows) (see [`Train::LEAST_ROWS`]). Private training does not compile. Sequences
/// are pictures of one column, rows those of one pixel, through a [`View`](crate::View).
///
/// Errors in training: that of y, before `A`, is at most `2 (L + 8) u |gain| (|xhat| + 1) + 2 u |shift|`, where u =
/// 2^-24, xhat is the normalised number, and L is n / 4 + 4 for up to n = 4096 numbers per channel, and 1028 + n /
/// 4096 above. A mean much larger than the deviation does not increase it. In inference, which is one multiply-add
/// per number, it does: the error is a few `u (|x| + |mean|) gain / sqrt(variance + 1e-5)`. A channel whose squares
/// overflow becomes NaN.
///
/// Weights from Keras are gamma, beta, moving mean and moving variance in this order; if its epsilon was 1e-3, the
/// default there, add `1e-3 - BatchNorm::EPSILON` to the variance. For inference, a convolution can replace the layer:
/// [`BatchNorm::folded_into`].
///
/// Source: S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
/// Covariate Shift", 2015.
///
/// ```
/// use fusebox::layers::Conv2d;
/// use fusebox::{BatchNorm, Dense, Relu, Rng, Seq, Sgd, View, Workspace};
/// type Picture = [[[f32; 1]; 4]; 4];
/// type Features = [[[f32; 2]; 4]; 4];
/// type Net = Seq![
///     Conv2d<Picture, Features, 3, 3, 1, 2>,
///     BatchNorm<Features, 2, Relu>,
///     View<Features, Dense<32, 2>, [f32; 2]>
/// ];
/// let mut net = Net::he(&mut Rng::new(1));
/// assert_eq!((net.rest.first.gain, net.rest.first.variance), ([1.0; 2], [1.0; 2]));
/// let xs = [[[[1.0]; 4]; 4], [[[100.0]; 4]; 4]];
/// Workspace::<Net, 2>::new().train_step(&mut net, &xs, &[0, 1], &Sgd::new(0.1))?;
/// assert_ne!(net.rest.first.mean, [0.0; 2]);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Other channels:
///
/// ```compile_fail,E0080
/// use fusebox::{BatchNorm, network};
/// network!(type Net = [BatchNorm<[[[f32; 2]; 4]; 4], 3>]);
/// ```
///
/// No private training:
///
/// ```compile_fail,E0080
/// use fusebox::{BatchNorm, Dense, Private, Seq, Sgd, View, Workspace, Zeroed};
/// type Picture = [[[f32; 1]; 2]; 2];
/// type Net = Seq![BatchNorm<Picture, 1>, View<Picture, Dense<4, 2>, [f32; 2]>];
/// let (mut net, mut workspace) = (Net::ZEROED, Workspace::<Net, 1, Private<Sgd>>::new());
/// // "a layer mixes the samples of a batch: no private training"
/// let optimizer = Private::new(Sgd::new(0.1), 1.0, 0.5, 7);
/// workspace.train_step_private(&mut net, &[[[[0.0]; 2]; 2]], &[0], &optimizer).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct BatchNorm<I, const C: usize, A = Identity> {
    /// Gamma. Starts as ones.
    pub gain: [f32; C],
    /// Beta. Starts as zeros.
    pub shift: [f32; C],
    /// The running mean. Starts as zeros.
    pub mean: [f32; C],
    /// The running variance. Starts as ones.
    pub variance: [f32; C],
    shape: PhantomData<fn(I) -> A>,
}

plain!([I: Copy + 'static, const C: usize, A: Copy + 'static] BatchNorm<I, C, A> {
    gain: [f32; C],
    shift: [f32; C],
    mean: [f32; C],
    variance: [f32; C],
    shape: PhantomData<fn(I) -> A>,
});

/// The part of the way that a running statistic moves.
const MOMENTUM: f32 = 0.1;

/// Channels of a unit: sums over a whole batch are not divided. The bits do not depend on it.
const UNIT: usize = if crate::simd::VECTORS { 16 } else { 1 };

/// The channels of some units.
fn channels<const C: usize>(units: &Range<usize>) -> Range<usize> {
    (units.start * UNIT).min(C)..(units.end * UNIT).min(C)
}

/// Mean, what was lost when that was rounded, variance, and one over the deviation; and whether they are the batch's,
/// or the running ones.
type Moments<const C: usize> = Pair<[[f32; C]; 4], u32>;

impl<I, const C: usize, A> BatchNorm<I, C, A> {
    /// Added to the variance.
    ///
    /// ```
    /// use fusebox::BatchNorm;
    /// assert_eq!(BatchNorm::<[[[f32; 1]; 2]; 2], 1>::EPSILON, 1e-5);
    /// ```
    pub const EPSILON: f32 = EPSILON;
}

impl<O: Picture, const C: usize, A: Activation> BatchNorm<O, C, A> {
    /// A convolution that computes in inference what `conv` followed by this layer does: for each filter, the weights
    /// times `gain / sqrt(variance + 1e-5)`, and the bias `(bias - mean) gain / sqrt(variance + 1e-5) + shift`.
    /// Returned by value. It can be trained, but then has no batch statistics.
    ///
    /// Each weight is rounded once more, so an output differs by about u = 2^-24 times the sum of the magnitudes of
    /// its products.
    ///
    /// ```
    /// use fusebox::layers::Conv2d;
    /// use fusebox::{BatchNorm, Layer, Relu, Scratch, Zeroed};
    /// type Picture = [[[f32; 1]; 2]; 2];
    /// let mut conv = Conv2d::<Picture, Picture, 1, 1, 1, 1>::ZEROED;
    /// (conv.weight, conv.bias) = ([[[[3.0]]]], [1.0]);
    /// let mut norm = BatchNorm::<Picture, 1, Relu>::ZEROED;
    /// (norm.gain, norm.shift, norm.mean, norm.variance) = ([2.0], [0.5], [4.0], [4.0 - 1e-5]);
    /// let folded = norm.folded_into(&conv);
    /// let mut ys = [[[[f32::NAN]; 2]; 2]];
    /// folded.infer(&[[[[0.0], [1.0]], [[2.0], [3.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[[[0.0], [0.5]], [[3.5], [6.5]]]]); // Relu(3 x + 1 - 4 + 0.5)
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[doc(alias = "fuse")]
    pub fn folded_into<I, const KH: usize, const KW: usize, const CI: usize, G: Steps>(
        &self,
        conv: &Conv2d<I, O, KH, KW, CI, C, G>,
    ) -> Conv2d<I, O, KH, KW, CI, C, G, A>
    where
        I: Picture,
    {
        let mut folded = Conv2d::<I, O, KH, KW, CI, C, G, A>::ZEROED;
        let factors: [f32; C] = core::array::from_fn(|channel| self.factor(channel));
        let to = folded.weight.as_flattened_mut().as_flattened_mut().iter_mut();
        for (to, from) in to.zip(conv.weight.as_flattened().as_flattened()) {
            for ((to, from), factor) in to.iter_mut().zip(from).zip(&factors) {
                *to = from * factor;
            }
        }
        for (channel, (to, bias)) in folded.bias.iter_mut().zip(&conv.bias).enumerate() {
            *to = self.value(channel, *bias);
        }
        folded
    }
}

impl<I: Picture, const C: usize, A: Activation> BatchNorm<I, C, A> {
    /// What inference multiplies a channel by; 0 if there is none of this number.
    pub(in crate::layers) fn factor(&self, channel: usize) -> f32 {
        let parameters = self.gain.get(channel).zip(self.variance.get(channel));
        parameters.map_or(0.0, |(gain, variance)| gain * (1.0 / libm::sqrtf(variance + EPSILON)))
    }

    /// What inference makes of `x` in a channel, before the activation; 0 if there is none of this number.
    pub(in crate::layers) fn value(&self, channel: usize, x: f32) -> f32 {
        let parameters = self.mean.get(channel).zip(self.shift.get(channel));
        parameters.map_or(0.0, |(mean, shift)| (x - mean) * self.factor(channel) + shift)
    }

    const SIZES: () = {
        assert!(C == I::CHANNELS, "a BatchNorm has as many channels as its pictures");
        assert!(I::HEIGHT * I::WIDTH * C > 0, "a BatchNorm's pictures have pixels");
    };

    /// Numbers in a channel of a picture.
    const PIXELS: usize = I::HEIGHT * I::WIDTH;

    /// Whether the kernel applies all of the activation.
    fn relu(&self) -> bool {
        matches!(FormOf::<A>::epilogue(&self.shift), Epilogue::BiasRelu(_))
    }

    /// Inference, but for what the kernel does not do of the activation.
    pub(in crate::layers) fn scale<T: Plain>(&self, isa: Isa, xs: &[T], ys: &mut [T]) {
        let Self { gain, shift, mean, variance, .. } = self;
        let (xs, relu, ys) = (numbers(xs), self.relu(), numbers_mut(ys));
        isa.call(Infer { xs, mean, variance, gain, shift, relu, ys });
    }

    /// The statistics that a step used, its derivative's numbers, and how many pixels the statistics are of if they
    /// are the batch's.
    fn statistics(tape: &[<Self as Train>::Tape]) -> Option<([&[f32]; 3], Option<usize>)> {
        let Pair([mean, rest, _, reciprocal], of_batch) = stretches(tape).0.first()?;
        let pixels = tape.len().saturating_mul(Self::PIXELS);
        Some(([mean, rest, reciprocal], (*of_batch != 0).then_some(pixels)))
    }
}

impl<I: Picture, const C: usize, A: Activation> Layer for BatchNorm<I, C, A> {
    type Input = I;
    type Output = I;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = Self::SIZES;

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [I]) {
        const { Self::SIZES }
        if xs.len() == ys.len() {
            self.scale(isa, xs, ys);
            FormOf::<A>::infer(isa, numbers_mut(ys));
        }
    }
}

/// A frame is a row.
impl<I: Picture, const C: usize, A: Activation> Stream for BatchNorm<I, C, A> {
    type Frame = I::Frame;
    type Out = I::Frame;
    type Past = ();

    const DUE: Due = Due::EACH;

    fn step(&self, isa: Isa, _past: &mut (), frame: &I::Frame, out: &mut I::Frame) -> bool {
        let out = core::slice::from_mut(out);
        self.scale(isa, core::slice::from_ref(frame), out);
        FormOf::<A>::infer(isa, numbers_mut(out));
        true
    }
}

/// Units are up to sixteen channels of the whole batch (one, on microcontrollers), then rows of the batch.
impl<I: Picture, const C: usize, A: Activation> Train for BatchNorm<I, C, A> {
    /// The statistics, in the first row's place, and what the activation stores of each pixel.
    type Tape = Pair<Moments<C>, I::Of<<FormOf<A> as Form>::Kept<C>>>;
    /// The gradients of gain and shift, in the first row's place.
    type Gradients = [[f32; C]; 2];
    type Memory = ();
    type State<O: Optimizer> = Pair<O::State<[f32; C]>, O::State<[f32; C]>>;
    type End = <FormOf<A> as Form>::End;

    const MIXES_SAMPLES: bool = true;
    const LEAST_ROWS: usize = if Self::PIXELS > 1 { 1 } else { 2 };
    const LAYOUT: u64 = layout("BatchNorm", &[C as u64, A::NAME]);

    fn init(&mut self, _: Init, _: &mut Rng) {
        (self.gain, self.shift) = ([1.0; C], [0.0; C]);
        (self.mean, self.variance) = ([0.0; C], [1.0; C]);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        memory: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [I],
    ) {
        const { Self::SIZES }
        let isa = pace.isa();
        let pixels = if memory.is_some() { xs.len().saturating_mul(Self::PIXELS) } else { 0 };
        let units = pace.take(C.div_ceil(UNIT), UNIT.min(C) * (3 * pixels + 2 * FUNCTION));
        let (moments, kept) = stretches_mut(tape);
        let Some(Pair([mean, rest, variance, reciprocal], of_batch)) = moments.first_mut() else { return };
        if !units.is_empty() {
            let here = channels::<C>(&units);
            *of_batch = memory.is_some().into();
            match memory {
                Some(()) => {
                    isa.call(Statistics {
                        xs: numbers(xs),
                        here,
                        moments: [mean, rest, variance, reciprocal],
                    });
                }
                None => {
                    (*mean, *rest, *variance) = (self.mean, [0.0; C], self.variance);
                    isa.call(Reciprocals { variance, reciprocals: part_mut(reciprocal, &(0..C)) });
                }
            }
        }
        let rows = pace.take(xs.len(), count_of::<I>() * (1 + FormOf::<A>::MACS));
        let (from, to) = (part(xs, &rows), part_mut(ys, &rows));
        if rows.is_empty() || from.len() != to.len() {
            return;
        }
        match memory {
            Some(()) => {
                let Self { gain, shift, .. } = self;
                let (xs, relu, ys) = (numbers(from), self.relu(), numbers_mut(to));
                isa.call(Normalize { xs, moments: [mean, rest, reciprocal], gain, shift, relu, ys });
            }
            None => self.scale(isa, from, to),
        }
        finish::<I, C, A>(isa, &rows, Self::PIXELS, kept, ys);
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [I]) -> Derivative<'a> {
        derivative::<I, C, A>(stretches(tape).1, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        tape: &[Self::Tape],
        dys: &[I],
        gradients: &mut [[[f32; C]; 2]],
        dx: InputGradient<'_, I>,
    ) {
        let isa = pace.isa();
        let pixels = xs.len().saturating_mul(Self::PIXELS);
        let units = pace.take(C.div_ceil(UNIT), UNIT.min(C) * 4 * pixels);
        let rows = pace.take(dx.wanted(dys.len()), 4 * count_of::<I>());
        let Some((moments, of_batch)) = Self::statistics(tape) else { return };
        let Some([dgain, dshift]) = gradients.first_mut() else { return };
        if !units.is_empty() {
            let here = channels::<C>(&units);
            isa.call(Gradients { xs: numbers(xs), moments, dys: numbers(dys), here, dgain, dshift });
        }
        if rows.is_empty() {
            return;
        }
        let share = of_batch.map_or(0.0, |pixels| 1.0 / pixels as f32);
        let (xs, dys) = (numbers(part(xs, &rows)), numbers(part(dys, &rows)));
        dx.rows(&rows).write(isa, |dxs| {
            let (gain, dxs) = (&self.gain, numbers_mut(dxs));
            isa.call(Backward { xs, moments, gain, dys, dgain, dshift, share, dxs });
        });
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[I],
        _tape: &[Self::Tape],
        _dys: &[I],
        gradients: &[[[f32; C]; 2]],
        sweep: &mut O::Sweep,
        Pair(gain, shift): &mut Self::State<O>,
    ) {
        let [dgain, dshift] = gradients.first().unwrap_or(const { &[[0.0; C]; 2] });
        O::step(pace, sweep, Formed::of_offsets(dgain), &mut self.gain, gain);
        O::step(pace, sweep, Formed::of_offsets(dshift), &mut self.shift, shift);
    }

    fn remember<P: Pace>(&mut self, pace: &mut P, _xs: &[I], tape: &[Self::Tape], _memory: &mut ()) {
        let (moments, _) = stretches(tape);
        let pixels = tape.len().saturating_mul(Self::PIXELS);
        let here = pace.take(C, 2);
        let Some(Pair([mean, rest, variance, _], 1)) = moments.first() else { return };
        let unbiased = pixels as f32 / pixels.saturating_sub(1).max(1) as f32;
        let (to, mean, rest) = (part_mut(&mut self.mean, &here), part(mean, &here), part(rest, &here));
        for ((to, mean), rest) in to.iter_mut().zip(mean).zip(rest) {
            *to += MOMENTUM * ((mean - *to) + rest);
        }
        let (to, variance) = (part_mut(&mut self.variance, &here), part(variance, &here));
        for (to, variance) in to.iter_mut().zip(variance) {
            *to += MOMENTUM * (variance * unbiased - *to);
        }
    }
}
