//! Products with a bias: dense layers, convolutions, batch normalisations.
//!
//! ```text
//! for each output:
//!     scale of w    max |w| / 127, or what a bias needs that is large beside it: |b| / (scale of x most)
//!     w             round(w / scale of w)
//!     b             round(b / (scale of x scale of w)) - zero of x sum(w)
//!     multiplier    scale of x scale of w / scale of y
//! ```
//!
//! `most` is 2^31 - 1 less `depth` products of -255 and 127, so that no sum leaves 32 bits. An output whose weights are all 0 and has
//! no bias may have any scale; it gets that for which the multiplier is 1.

use super::describe::{Clamping, Described, Operation, Windows};
use super::function::{Fused, Kind};
use super::layer::{Bytes, Real, Rows, RowsMut, ToInt8};
use super::report::Noise;
use crate::kernel::int8::{Clamp, Multiplier, Place, by_input, place};
use crate::layers::activation::{Form, FormOf};
use crate::layers::int8::picture::Picture as BytePicture;
use crate::layers::int8::quantization::{Quantization, round};
use crate::layers::int8::tensor::bytes_mut;
use crate::layers::int8::{Conv2d as Conv2dInt8, Dense as DenseInt8, DepthwiseConv2d as DepthwiseInt8};
use crate::layers::{BatchNorm, Chain, Conv2d, Dense, Identity, Layer, Picture, Steps, Window};
use crate::memory::{Either, numbers, numbers_mut, take_mut};
use crate::{Error, Isa, Plain, Zeroed};
use core::fmt;

/// A trained layer that is a product, a bias, and an activation.
pub trait Affine: Layer<Input: Real, Output: Real> {
    /// The activation.
    type Function: Fused;
    /// The same without activation, or clamped, of eight bits.
    type Whole: Whole + Layer<Input = Bytes<Self::Input>, Output = Bytes<Self::Output>>;
    /// Memory for the sums of a row, in addition to input and output.
    type Between: Plain;

    /// In reports.
    const NAME: &'static str;

    /// Overwrites `ys` with all but what the epilogue does not do of the activation.
    fn sums(&self, isa: Isa, xs: &[Self::Input], memory: &mut [f32], ys: &mut [Self::Output]);

    /// A weight by its number, inputs first, then outputs; 0 if there is none.
    fn weight(&self, at: usize) -> f32;

    /// The bias of an output; 0 if there is none.
    fn bias(&self, output: usize) -> f32;
}

/// A layer of eight bits whose fields are weights, biases, multipliers, and a clamp.
pub trait Whole: Zeroed {
    /// How many outputs have weights of their own.
    const FILTERS: usize;
    /// The weights of each.
    const DEPTH: usize;
    /// Where they are.
    const PLACE: Place;

    /// The fields.
    fn fields(&mut self) -> Fields<'_>;

    /// The output's zero and range, and the input's zero if it is a field.
    fn set(&mut self, clamp: Clamp, zero: i8);

    /// What it does, with these weights.
    fn operation(weights: Weights<'_>) -> Operation<'_>;
}

/// The arrays of a [`Whole`] layer.
#[derive(Debug)]
pub struct Fields<'a> {
    pub(super) bias: &'a mut [i32],
    pub(super) scale: &'a mut [Multiplier],
    pub(super) weight: &'a mut [i8],
}

/// The weights and biases of a trained layer, and what they become: see [`Ranges::describe`](super::Ranges::describe).
pub struct Weights<'a> {
    outputs: usize,
    depth: usize,
    /// The activation of the outputs.
    pub clamping: Clamping,
    weight: &'a dyn Fn(usize) -> f32,
    bias: &'a dyn Fn(usize) -> f32,
    x: Quantization,
    y: Quantization,
}

impl fmt::Debug for Weights<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights")
            .field("outputs", &self.outputs)
            .field("depth", &self.depth)
            .field("clamping", &self.clamping)
            .finish_non_exhaustive()
    }
}

impl Weights<'_> {
    /// How many outputs, or filters, have weights of their own.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weights of each.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Overwrites `to` with the weights of an output, as many as there are and have room, and returns their scale and the bias. The
    /// bias is of the scale of the input times that, and the input's zero is not folded into it.
    ///
    /// Errors if there is no such output, or one of its numbers is NaN or infinite.
    pub fn row(&self, output: usize, to: &mut [i8]) -> Result<(f32, i32), Error> {
        if output >= self.outputs {
            return Err(Error::Setting { name: "output", expected: "less than the number of outputs" });
        }
        let scale = self.scale(output)?;
        for (to, (_, weight)) in to.iter_mut().zip(self.whole(output, scale)) {
            *to = weight;
        }
        Ok((scale, self.whole_bias(output, self.product(scale))))
    }

    /// The weights of an output, with the numbers of their inputs.
    fn of(&self, output: usize) -> impl Iterator<Item = (usize, f32)> {
        (0..self.depth).map(move |input| (input, (self.weight)(input * self.outputs + output)))
    }

    /// The scale of an output's weights.
    fn scale(&self, output: usize) -> Result<f32, Error> {
        let bias = (self.bias)(output);
        let refused = |row, x: f32| Error::NotFinite { row, feature: output, got: x.classify() };
        if !bias.is_finite() {
            return Err(refused(0, bias));
        }
        let mut largest = 0.0_f32;
        for (input, weight) in self.of(output) {
            if !weight.is_finite() {
                return Err(refused(input, weight));
            }
            largest = largest.max(weight.abs());
        }
        let most = i64::from(i32::MAX) - self.depth.min(1 << 16) as i64 * 255 * 127;
        let of_bias = f64::from(bias.abs()) / (f64::from(self.x.scale) * most as f64);
        let scale = (largest / 127.0).max(of_bias as f32);
        Ok(if scale < f32::MIN_POSITIVE { self.y.scale / self.x.scale } else { scale })
    }

    /// [`Weights::of`] an output, of the scale `scale`.
    fn whole(&self, output: usize, scale: f32) -> impl Iterator<Item = (usize, i8)> {
        self.of(output)
            .map(move |(input, weight)| (input, round((weight / scale).into()).clamp(-127, 127) as i8))
    }

    /// The scale of a product, and so of a bias.
    fn product(&self, scale: f32) -> f64 {
        f64::from(self.x.scale) * f64::from(scale)
    }

    /// The bias of an output, of the scale `product`.
    fn whole_bias(&self, output: usize, product: f64) -> i32 {
        round(f64::from((self.bias)(output)) / product)
    }

    /// Overwrites `to`, or only tells whether there is an error.
    fn convert(&self, place: Place, mut to: Option<Fields<'_>>) -> Result<(), Error> {
        for output in 0..self.outputs {
            let scale = self.scale(output)?;
            let product = self.product(scale);
            let multiplier = Multiplier::new(product / f64::from(self.y.scale))?;
            let Some(Fields { bias: biases, scale: multipliers, weight: weights }) = &mut to else {
                continue;
            };
            let mut sum = 0;
            for (input, weight) in self.whole(output, scale) {
                sum += i32::from(weight);
                if let Some(to) = weights.get_mut(place(self.outputs, self.depth, output, input)) {
                    *to = weight;
                }
            }
            if let Some((bias, to)) = biases.get_mut(output).zip(multipliers.get_mut(output)) {
                let whole = self.whole_bias(output, product);
                *bias = whole.wrapping_sub(i32::from(self.x.zero).wrapping_mul(sum));
                *to = multiplier;
            }
        }
        Ok(())
    }
}

/// Those of a layer, whose input and sums are of the scales `x` and `y`.
fn weights<'a, L: Affine>(
    weight: &'a dyn Fn(usize) -> f32,
    bias: &'a dyn Fn(usize) -> f32,
    x: Quantization,
    y: Quantization,
) -> Weights<'a> {
    let (outputs, depth, clamping) = (L::Whole::FILTERS, L::Whole::DEPTH, L::Function::CLAMPING);
    Weights { outputs, depth, clamping, weight, bias, x, y }
}

type KindOf<L> = <<L as Affine>::Function as Fused>::Kind;

impl<L: Affine> ToInt8 for L {
    type Int8 = <KindOf<L> as Kind>::After<L::Whole>;
    type PerOutput<T: Plain> = <KindOf<L> as Kind>::PerOutput<T>;
    type Memory = L::Between;
    type Both = Either<L::Between, <L::Whole as Layer>::Scratch>;

    fn name(output: usize) -> &'static str {
        if output == 0 { L::NAME } else { L::Function::NAME_SHOWN }
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[L::Input],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [L::Output],
    ) {
        self.sums(isa, xs, memory, ys);
        if Self::OUTPUTS > 1 {
            see(0, numbers(ys));
        }
        FormOf::<L::Function>::infer(isa, numbers_mut(ys));
        see(Self::OUTPUTS - 1, numbers(ys));
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let scales = <KindOf<L> as Kind>::scales::<L::Function>(x, ranges)?;
        let (weight, bias) = (|at| self.weight(at), |output| self.bias(output));
        let weights = weights::<L>(&weight, &bias, x, scales[0]);
        let results = if Self::OUTPUTS > 1 { Some(L::Function::table(scales)?.results) } else { None };
        match to {
            None => weights.convert(L::Whole::PLACE, None)?,
            Some(to) => {
                let (whole, table) = <KindOf<L> as Kind>::parts_mut(to);
                whole.set(weights.clamping.of(scales[0]), x.zero);
                weights.convert(L::Whole::PLACE, Some(whole.fields()))?;
                if let (Some(table), Some(results)) = (table, results) {
                    table.results = results;
                }
            }
        }
        Ok(scales[1])
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let [sums, y] = <KindOf<L> as Kind>::scales::<L::Function>(x, ranges)?;
        let (weight, bias) = (|at| self.weight(at), |output| self.bias(output));
        let operation = L::Whole::operation(weights::<L>(&weight, &bias, x, sums));
        see(Described { name: L::NAME, rows: 1, x, y: sums, operation });
        if Self::OUTPUTS > 1 {
            let operation = L::Function::OPERATION(size_of::<Bytes<L::Output>>());
            see(Described { name: L::Function::NAME_SHOWN, rows: 1, x: sums, y, operation });
        }
        Ok(y)
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, L::Input>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        mut ys: RowsMut<'_, L::Output>,
    ) -> Result<Quantization, Error> {
        let scales = <KindOf<L> as Kind>::scales::<L::Function>(xs.scale, ranges)?;
        let (whole, table) = <KindOf<L> as Kind>::parts(int8);
        self.sums(isa, xs.reals, memory, ys.reals);
        whole.run(isa, xs.bytes, memory, ys.bytes);
        if let Some(table) = table {
            ys.reborrow().measure(scales[0], noise.get_mut(..1).unwrap_or_default());
            bytes_mut(ys.bytes).iter_mut().for_each(|byte| *byte = table.of_byte(*byte));
        }
        FormOf::<L::Function>::infer(isa, numbers_mut(ys.reals));
        Ok(ys.measure(scales[1], noise))
    }
}

/// A weight of a layer by its number.
fn weight<T: Plain>(weights: &T, at: usize) -> f32 {
    numbers(core::slice::from_ref(weights)).get(at).copied().unwrap_or(0.0)
}

impl<const IN: usize, const OUT: usize, A: Fused> Affine for Dense<IN, OUT, A> {
    type Function = A;
    type Whole = DenseInt8<IN, OUT>;
    type Between = ();

    const NAME: &'static str = "Dense";

    fn sums(&self, isa: Isa, xs: &[[f32; IN]], _memory: &mut [f32], ys: &mut [[f32; OUT]]) {
        crate::layers::dense::affine::<IN, OUT, A>(isa, xs, &self.weight, &self.bias, ys);
    }

    fn weight(&self, at: usize) -> f32 {
        weight(&self.weight, at)
    }

    fn bias(&self, output: usize) -> f32 {
        weight(&self.bias, output)
    }
}

impl<const IN: usize, const OUT: usize, R> Whole for DenseInt8<IN, OUT, R> {
    const FILTERS: usize = OUT;
    const DEPTH: usize = IN;
    const PLACE: Place = place;

    fn fields(&mut self) -> Fields<'_> {
        Fields { bias: &mut self.bias, scale: &mut self.scale, weight: bytes_mut(&mut self.weight) }
    }

    fn set(&mut self, clamp: Clamp, _zero: i8) {
        self.clamp = clamp;
    }

    fn operation(weights: Weights<'_>) -> Operation<'_> {
        Operation::Dense(weights)
    }
}

impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A> Affine
    for Conv2d<I, O, KH, KW, C, F, G, A>
where
    I: Picture + Real<Int8: BytePicture<Number = i8>>,
    O: Picture + Real<Int8: BytePicture<Number = i8>>,
    G: Steps,
    A: Fused,
{
    type Function = A;
    type Whole = Conv2dInt8<I::Int8, O::Int8, KH, KW, C, F, G>;
    type Between = ();

    const NAME: &'static str = if C == 1 && I::CHANNELS > 1 { "DepthwiseConv2d" } else { "Conv2d" };

    fn sums(&self, isa: Isa, xs: &[I], _memory: &mut [f32], ys: &mut [O]) {
        self.affine(isa, xs, ys);
    }

    fn weight(&self, at: usize) -> f32 {
        weight(&self.weight, at)
    }

    fn bias(&self, output: usize) -> f32 {
        weight(&self.bias, output)
    }
}

impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, R> Whole
    for Conv2dInt8<I, O, KH, KW, C, F, G, R>
where
    I: BytePicture<Number = i8>,
    O: BytePicture<Number = i8>,
    G: Steps,
{
    const FILTERS: usize = F;
    const DEPTH: usize = KH * KW * C;
    const PLACE: Place = Self::PLACE;

    fn fields(&mut self) -> Fields<'_> {
        Fields { bias: &mut self.bias, scale: &mut self.scale, weight: bytes_mut(&mut self.weight) }
    }

    fn set(&mut self, clamp: Clamp, zero: i8) {
        (self.clamp, self.zero) = (clamp, zero);
    }

    fn operation(weights: Weights<'_>) -> Operation<'_> {
        let operation = if Self::DEPTHWISE { Operation::DepthwiseConv2d } else { Operation::Conv2d };
        operation(Windows { axes: Self::AXES, channels: [I::CHANNELS, F] }, weights)
    }
}

/// A weight for each channel.
impl<I, const C: usize, A> Affine for BatchNorm<I, C, A>
where
    I: Picture + Real<Int8: BytePicture<Number = i8>>,
    A: Fused,
{
    type Function = A;
    type Whole = DepthwiseInt8<I::Int8, I::Int8, 1, 1, C, Window>;
    type Between = ();

    const NAME: &'static str = "BatchNorm";

    fn sums(&self, isa: Isa, xs: &[I], _memory: &mut [f32], ys: &mut [I]) {
        if xs.len() == ys.len() {
            self.scale(isa, xs, ys);
        }
    }

    fn weight(&self, at: usize) -> f32 {
        self.factor(at)
    }

    fn bias(&self, output: usize) -> f32 {
        self.value(output, 0.0)
    }
}

impl<I, O, const KH: usize, const KW: usize, const F: usize, G, R> Whole
    for DepthwiseInt8<I, O, KH, KW, F, G, R>
where
    I: BytePicture<Number = i8>,
    O: BytePicture<Number = i8>,
    G: Steps,
{
    const FILTERS: usize = F;
    const DEPTH: usize = KH * KW;
    const PLACE: Place = by_input;

    fn fields(&mut self) -> Fields<'_> {
        Fields { bias: &mut self.bias, scale: &mut self.scale, weight: bytes_mut(&mut self.weight) }
    }

    fn set(&mut self, clamp: Clamp, zero: i8) {
        (self.clamp, self.zero) = (clamp, zero);
    }

    fn operation(weights: Weights<'_>) -> Operation<'_> {
        Operation::DepthwiseConv2d(Windows { axes: Self::AXES, channels: [I::CHANNELS, F] }, weights)
    }
}

/// A convolution with the normalisation after it folded into its weights: see [`BatchNorm::folded_into`].
impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A> Affine
    for Chain<Conv2d<I, O, KH, KW, C, F, G, Identity>, BatchNorm<O, F, A>>
where
    I: Picture + Real<Int8: BytePicture<Number = i8>>,
    O: Picture + Real<Int8: BytePicture<Number = i8>>,
    G: Steps,
    A: Fused,
{
    type Function = A;
    type Whole = Conv2dInt8<I::Int8, O::Int8, KH, KW, C, F, G>;
    type Between = O;

    const NAME: &'static str = <Conv2d<I, O, KH, KW, C, F, G, Identity> as Affine>::NAME;

    fn sums(&self, isa: Isa, xs: &[I], mut memory: &mut [f32], ys: &mut [O]) {
        let between = take_mut(&mut memory, xs.len());
        self.first.affine(isa, xs, between);
        self.rest.sums(isa, between, &mut [], ys);
    }

    fn weight(&self, at: usize) -> f32 {
        self.first.weight(at) * self.rest.factor(at.checked_rem(F).unwrap_or(0))
    }

    fn bias(&self, output: usize) -> f32 {
        self.rest.value(output, Affine::bias(&self.first, output))
    }
}
