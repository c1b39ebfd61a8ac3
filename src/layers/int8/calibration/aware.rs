//! Training that knows of the rounding: weights and outputs are rounded as eight bits would, gradients are not.
//!
//! ```text
//! forward    y  = round to the steps of the range(f(x, round(W)))
//! backward   dx, dW as if nothing had been rounded after W was: straight through
//! update     W  = rule(W, dW)                        the weights that learn are not rounded
//! remember   round(W) anew; the range moves by a tenth of the way to the batch's
//! ```
//!
//! Source: B. Jacob and others, 2018, section 3; Y. Bengio and others, "Estimating or Propagating Gradients Through Stochastic Neurons
//! for Conditional Computation", 2013.

use super::affine::{Affine, Whole};
use super::composed::NoNorm;
use super::describe::Described;
use super::layer::{Rows, RowsMut, ToInt8};
use super::observe::{MinMax, Observer};
use super::report::Noise;
use crate::layers::int8::quantization::{Quantization, round};
use crate::layers::{Derivative, Entry, Init, InputGradient, Layer, PerRow, Tapes, Train};
use crate::memory::{count_of, layout, numbers_mut, part_mut, stretches, stretches_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::{Error, Isa, Pair, Plain, Rng, Zeroed, plain};

/// The layer `F` (a `Dense` or a `Conv2d`), trained as it will run with eight bits: it computes with weights that are rounded to 255
/// steps for each output, and rounds its outputs to the 256 steps of a range, which follows those of the batches. Gradients go
/// straight through both roundings (that of a ReLU is 0 where its output was rounded to 0). For networks that lose too much when they
/// are quantised after training; start from the trained weights: [`Aware::new`].
///
/// Its counterpart is that of `F`, with the range of training instead of the one observed; so the two compute the same but for the
/// biases, which are rounded much finer, and an output half a step from two. The weights take twice the memory. Private training does
/// not compile: the range is a function of all samples.
///
/// ```
/// use fusebox::int8::{Aware, Calibration, Fidelity};
/// use fusebox::{Dense, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Aware<Dense<2, 8, Relu>>, Aware<Dense<8, 2>>];
/// let (xs, labels) = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]);
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 4>::new();
/// for _ in 0..500 {
///     workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.5))?;
/// }
/// let mut calibration = Calibration::<Net, 4>::new();
/// calibration.observe(&net, &xs)?; // the input's range
/// let ranges = calibration.ranges()?;
/// let int8 = ranges.quantize(&net)?;
/// let mut fidelity = Fidelity::<Net, 4>::new();
/// fidelity.observe(&ranges, &net, &int8, &xs)?;
/// assert_eq!(fidelity.agreement(), 1.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Aware<F> {
    /// The layer that learns.
    layer: F,
    /// The same with rounded weights.
    rounded: F,
    /// Of the outputs; zeros before the first step.
    range: [f32; 2],
}

plain!([F: Plain] Aware<F> { layer: F, rounded: F, range: [f32; 2] });

/// The part of the way that a range moves in a step.
const MOMENTUM: f32 = 0.1;

impl<F: Affine + Plain> Aware<F> {
    /// With the weights of `layer`. Its outputs are rounded from the first training step on.
    ///
    /// ```
    /// use fusebox::int8::Aware;
    /// use fusebox::{Dense, Layer, Scratch, Zeroed};
    /// let mut dense = Dense::<2, 1>::ZEROED;
    /// dense.weight = [[127.0], [0.6]];
    /// let (aware, mut ys) = (Aware::new(dense), [[0.0]]);
    /// aware.infer(&[[1.0, 1.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[128.0]]);
    /// assert_eq!(aware.layer(), &dense);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn new(layer: F) -> Self {
        let mut aware = Self { layer, rounded: layer, range: [0.0; 2] };
        aware.round_weights();
        aware
    }

    /// The layer that learns, whose weights are not rounded.
    pub const fn layer(&self) -> &F {
        &self.layer
    }

    /// The range of the outputs, from the least to the largest; zeros before the first step.
    ///
    /// ```
    /// use fusebox::int8::Aware;
    /// use fusebox::{Dense, Mse, Sgd, Workspace, Zeroed};
    /// let mut dense = Dense::<1, 1>::ZEROED;
    /// dense.weight = [[3.0]];
    /// let mut net = Aware::new(dense);
    /// let mut workspace = Workspace::<_, 2, Sgd, _>::with_loss(Mse);
    /// workspace.train_step(&mut net, &[[1.0], [-2.0]], &[[3.0], [-6.0]], &Sgd::new(0.1))?;
    /// assert_eq!(net.range(), [-6.0, 3.0]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn range(&self) -> [f32; 2] {
        self.range
    }

    /// Overwrites the rounded weights. A layer's numbers are its weights, by input, and then its biases.
    fn round_weights(&mut self) {
        let (outputs, weights) = (F::Whole::FILTERS, F::Whole::FILTERS * F::Whole::DEPTH);
        crate::memory::copy(&mut self.rounded, &self.layer);
        let rounded = numbers_mut(core::slice::from_mut(&mut self.rounded));
        let rounded = part_mut(rounded, &(0..weights));
        for output in 0..outputs {
            let largest =
                rounded.iter().skip(output).step_by(outputs).fold(0.0_f32, |most, w| most.max(w.abs()));
            let scale = largest / 127.0;
            if scale >= f32::MIN_POSITIVE && scale.is_finite() {
                for weight in rounded.iter_mut().skip(output).step_by(outputs) {
                    *weight = scale * round((*weight / scale).into()) as f32;
                }
            }
        }
    }
}

impl<F> Aware<F> {
    /// Rounds outputs to the steps of the range, if there is one. NaN and infinity stay.
    fn round_outputs(&self, ys: &mut [f32]) {
        let [least, most] = self.range;
        if let Ok(scale) = Quantization::covering(least, most) {
            for y in ys.iter_mut().filter(|y| y.is_finite()) {
                *y = scale.real(scale.quantize(*y));
            }
        }
    }

    /// `ranges`, as the layer's counterpart takes them: the last is that of training, if there was any.
    fn ranges(&self, ranges: &[[f32; 2]]) -> [[f32; 2]; 2] {
        let last = |observed| if self.range == [0.0; 2] { observed } else { self.range };
        match *ranges {
            [sums, outputs] => [sums, last(outputs)],
            [outputs] => [last(outputs); 2],
            _ => [self.range; 2],
        }
    }
}

impl<F: Affine<Scratch = ()> + Plain> Layer for Aware<F> {
    type Input = F::Input;
    type Output = F::Output;
    type Scratch = ();
    type InPlace = F::Input;

    const CHECK: () = F::CHECK;
    const MACS: u64 = F::MACS;
    const SUMMARY: Entry = Entry::parts::<Self>([Some(&F::SUMMARY), None]);

    fn run(&self, isa: Isa, xs: &[F::Input], scratch: &mut [f32], ys: &mut [F::Output]) {
        if xs.len() == ys.len() {
            self.rounded.run(isa, xs, scratch, ys);
            self.round_outputs(numbers_mut(ys));
        }
    }
}

impl<F: Affine<Scratch = ()> + PerRow + Plain> PerRow for Aware<F> {}

/// The units of the layer, rows of the batch for the rounding, and all weights at once when they are rounded anew.
impl<F: Affine<Scratch = ()> + Train + Plain> Train for Aware<F> {
    /// The range of a row's outputs.
    type Tape = Pair<MinMax, F::Tape>;
    type Gradients = F::Gradients;
    type Memory = F::Memory;
    type State<O: Optimizer> = F::State<O>;
    type End = F::End;

    /// Through the range.
    const MIXES_SAMPLES: bool = true;
    const LEAST_ROWS: usize = F::LEAST_ROWS;
    const PASSES_GRADIENT: bool = F::PASSES_GRADIENT;
    const TAPES: Tapes = Tapes::new(size_of::<MinMax>(), [Some(&F::TAPES), None]);
    const LAYOUT: u64 = layout("Aware", &[F::LAYOUT]);

    fn init(&mut self, init: Init, rng: &mut Rng) {
        self.layer.init(init, rng);
        self.range = [0.0; 2];
        self.round_weights();
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[F::Input],
        memory: Option<&F::Memory>,
        tape: &mut [Self::Tape],
        ys: &mut [F::Output],
    ) {
        let (ranges, tape) = stretches_mut(tape);
        self.rounded.forward(pace, xs, memory, tape, ys);
        let rows = pace.take(xs.len(), FUNCTION * count_of::<F::Output>());
        for (range, y) in part_mut(ranges, &rows).iter_mut().zip(part_mut(ys, &rows)) {
            let y = numbers_mut(core::slice::from_mut(y));
            *range = MinMax::ZEROED;
            range.observe(y);
            self.round_outputs(y);
        }
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [F::Output]) -> Derivative<'a> {
        F::derivative(stretches(tape).1, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[F::Input],
        tape: &[Self::Tape],
        dys: &[F::Output],
        gradients: &mut [F::Gradients],
        dx: InputGradient<'_, F::Input>,
    ) {
        self.rounded.backward(pace, xs, stretches(tape).1, dys, gradients, dx);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[F::Input],
        tape: &[Self::Tape],
        dys: &[F::Output],
        gradients: &[F::Gradients],
        sweep: &mut O::Sweep,
        state: &mut F::State<O>,
    ) {
        self.layer.update::<O, P>(pace, xs, stretches(tape).1, dys, gradients, sweep, state);
    }

    fn remember<P: Pace>(
        &mut self,
        pace: &mut P,
        xs: &[F::Input],
        tape: &[Self::Tape],
        memory: &mut F::Memory,
    ) {
        let (ranges, tape) = stretches(tape);
        self.layer.remember(pace, xs, tape, memory);
        if pace.take_whole(count_of::<F>() * FUNCTION) {
            self.round_weights();
            let mut batch = MinMax::ZEROED;
            ranges.iter().for_each(|range| batch.observe(&range.range()));
            let [least, most] = batch.range();
            self.range = match self.range {
                [from, to] if from < to => [from + MOMENTUM * (least - from), to + MOMENTUM * (most - to)],
                // The first, or after NaN.
                _ => [least, most],
            };
        }
    }
}

impl<F> NoNorm for Aware<F> {}

impl<F: Affine<Scratch = ()> + Plain> ToInt8 for Aware<F> {
    type Int8 = <F as ToInt8>::Int8;
    type PerOutput<T: Plain> = <F as ToInt8>::PerOutput<T>;
    type Memory = <F as ToInt8>::Memory;
    type Both = <F as ToInt8>::Both;

    fn name(output: usize) -> &'static str {
        F::name(output)
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[F::Input],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [F::Output],
    ) {
        self.rounded.observe(isa, xs, memory, see, ys);
        self.round_outputs(numbers_mut(ys));
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let own = self.ranges(ranges);
        self.layer.convert(x, own.get(..Self::OUTPUTS).unwrap_or_default(), to)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let own = self.ranges(ranges);
        self.layer.describe(x, own.get(..Self::OUTPUTS).unwrap_or_default(), see)
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, F::Input>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        mut ys: RowsMut<'_, F::Output>,
    ) -> Result<Quantization, Error> {
        let own = self.ranges(ranges);
        let own = own.get(..Self::OUTPUTS).unwrap_or_default();
        let scale = self.rounded.compare(int8, isa, xs, memory, own, noise, ys.reborrow())?;
        self.round_outputs(numbers_mut(ys.reals));
        Ok(scale)
    }
}
