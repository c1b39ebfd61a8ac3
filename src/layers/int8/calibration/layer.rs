//! The counterpart of a layer: what a trained layer must tell to become one of eight bits.

use super::describe::{Described, Operation};
use super::report::Noise;
use crate::layers::Layer;
use crate::layers::int8::quantization::Quantization;
use crate::layers::int8::tensor::{Tensor, bytes};
use crate::memory::numbers;
use crate::{Error, Isa, Plain, Zeroed};

/// A row of real numbers, and a row of as many whole ones in the same arrays.
///
/// ```
/// use fusebox::int8::Real;
/// let bytes: <[[f32; 2]; 3] as Real>::Int8 = [[0_i8; 2]; 3];
/// ```
pub trait Real: Plain {
    /// The same arrays of `i8`.
    type Int8: Tensor<Of<f32> = Self>;
}

impl Real for f32 {
    type Int8 = i8;
}

impl<X: Real, const N: usize> Real for [X; N] {
    type Int8 = [X::Int8; N];
}

/// The whole numbers of the same arrays as `T`.
pub(super) type Bytes<T> = <T as Real>::Int8;

/// A trained layer that has a counterpart of eight bits.
///
/// | layer | counterpart |
/// |---|---|
/// | `Dense`, `Conv2d`, `DepthwiseConv2d`, with no activation, ReLU or ReLU6 | [`Dense`](super::super::Dense), [`Conv2d`](super::super::Conv2d), whose outputs are clamped |
/// | the same with another activation | the same, and then a [`Table`](super::super::Table): of `Sigmoid`, `Tanh` and `LeakyRelu` TensorFlow Lite's |
/// | `BatchNorm` after a `Conv2d` or `DepthwiseConv2d` without activation | none: it is folded into the weights |
/// | `BatchNorm` elsewhere | a [`DepthwiseConv2d`](super::super::DepthwiseConv2d) of single pixels |
/// | `MaxPool2d`, `AvgPool2d`, `GlobalMaxPool` | pools of the same scale |
/// | `GlobalAvgPool` | [`Mean`](super::super::Mean) |
/// | `Activate` | [`Table`](super::super::Table) |
/// | `Softmax` | [`Softmax`](super::super::Softmax) |
/// | `Residual` | [`Residual`](super::super::Residual) with an [`Add`](super::super::Add) |
/// | `Chain`, `Each`, `View`, and so `Conv1d`, pools of sequences, `Flatten` | the same, of the counterparts |
/// | `Dropout` | none: it does nothing in inference |
///
/// ```
/// use fusebox::int8::{self, ToInt8};
/// use fusebox::{Dense, Gelu, Relu, Seq};
/// type Net = Seq![Dense<8, 6, Relu>, Dense<6, 4, Gelu>, Dense<4, 2>];
/// type Int8 = Seq![int8::Dense<8, 6>, Seq![int8::Dense<6, 4>, int8::Table<[i8; 4]>], int8::Dense<4, 2>];
/// assert_eq!(std::any::TypeId::of::<<Net as ToInt8>::Int8>(), std::any::TypeId::of::<Int8>());
/// ```
///
/// An *output* is an array of numbers with a scale of its own; `ranges` and `noise` have an element for each of the layer's. A layer
/// of your own with at most one output implements `name` and `convert`; `Memory` is its scratch, `Both` a [`Pair`](crate::Pair) of
/// its scratch and the counterpart's. One made of others implements all methods.
///
/// ```
/// use fusebox::int8::{Calibration, Quantization, Table, ToInt8};
/// use fusebox::{Error, Isa, Layer, Plain, Scratch};
/// /// The magnitude of each number.
/// struct Magnitude;
/// impl Layer for Magnitude {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Scratch = ();
///     type InPlace = [f32; 2];
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: &mut [f32], ys: &mut [[f32; 2]]) {
///         for (x, y) in xs.iter().zip(ys) {
///             *y = x.map(f32::abs);
///         }
///     }
/// }
/// impl ToInt8 for Magnitude {
///     type Int8 = Table<[i8; 2]>;
///     type PerOutput<T: Plain> = T; // one
///     type Memory = ();
///     type Both = ();
///     fn name(_: usize) -> &'static str {
///         "Magnitude"
///     }
///     fn convert(
///         &self,
///         x: Quantization,
///         ranges: &[[f32; 2]],
///         to: Option<&mut Table<[i8; 2]>>,
///     ) -> Result<Quantization, Error> {
///         let Some([least, most]) = ranges.first() else { return Err(Error::Empty) };
///         let y = Quantization::covering(*least, *most)?;
///         if let Some(to) = to {
///             *to = Table::of(x, y, f32::abs);
///         }
///         Ok(y)
///     }
/// }
///
/// let mut calibration = Calibration::<Magnitude, 1>::new();
/// calibration.observe(&Magnitude, &[[-2.55, 2.55]])?;
/// let (int8, mut ys) = (calibration.ranges()?.quantize(&Magnitude)?, [[0.0; 2]]);
/// int8.infer(&[[-1.0, 0.5]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys.map(|y| y.map(|y| (100.0 * y).round())), [[100.0, 50.0]]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counterpart of eight bits",
    note = "a `BatchNorm` in a chain comes first, or after a `Conv2d` without an activation"
)]
pub trait ToInt8: Layer<Input: Real, Output: Real> {
    /// The counterpart.
    type Int8: Layer<Input = <Self::Input as Real>::Int8, Output = <Self::Output as Real>::Int8> + Zeroed;
    /// A `T` for each output: nothing, `T`, or [`Pair`](crate::Pair)s of them.
    type PerOutput<T: Plain>: Plain;
    /// Memory to observe one row, in addition to input and output.
    type Memory: Plain;
    /// Memory to compare one row, in addition to inputs and outputs.
    type Both: Plain;

    /// How many outputs there are.
    const OUTPUTS: usize = size_of::<Self::PerOutput<f32>>() / size_of::<f32>();

    /// The name of an output, from 0: that of the layer which has it.
    fn name(output: usize) -> &'static str;

    /// [`Layer::run`], which also shows each output's numbers to `see`, with the number of the output.
    fn observe(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [Self::Output],
    ) {
        self.run(isa, xs, memory, ys);
        if Self::OUTPUTS > 0 {
            see(Self::OUTPUTS - 1, numbers(ys));
        }
    }

    /// Overwrites `to` with the counterpart, for inputs of the scale and zero `x` and outputs of these ranges. Returns the scale and
    /// zero of its output. Without `to`, only tells whether there will be an error: a caller does this first, because with `to` an
    /// error may leave part of it overwritten.
    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error>;

    /// Shows what [`ToInt8::convert`] makes to `see`, operation by operation. Returns the scale and zero of the output. What does not
    /// implement this is [`Operation::Other`].
    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let y = self.convert(x, ranges, None)?;
        see(Described { name: Self::name(0), rows: 1, x, y, operation: Operation::Other });
        Ok(y)
    }

    /// Runs both, and adds what each output differs by. Returns the scale and zero of the last output.
    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, Self::Input>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, Self::Output>,
    ) -> Result<Quantization, Error> {
        let y = self.convert(xs.scale, ranges, None)?;
        self.run(isa, xs.reals, memory, ys.reals);
        int8.run(isa, xs.bytes, memory, ys.bytes);
        Ok(ys.measure(y, noise))
    }
}

/// Rows of inputs: real numbers, and whole ones that stand for about the same.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T: Real> {
    /// Real numbers.
    pub reals: &'a [T],
    /// As many rows of whole ones.
    pub bytes: &'a [T::Int8],
    /// What these stand for.
    pub scale: Quantization,
}

/// Rows of outputs, to be overwritten.
#[derive(Debug)]
pub struct RowsMut<'a, T: Real> {
    /// Real numbers.
    pub reals: &'a mut [T],
    /// As many rows of whole ones.
    pub bytes: &'a mut [T::Int8],
}

impl<T: Real> RowsMut<'_, T> {
    /// The same rows, for a part of the work.
    pub fn reborrow(&mut self) -> RowsMut<'_, T> {
        RowsMut { reals: self.reals, bytes: self.bytes }
    }

    /// The same rows as the next layer's inputs.
    #[must_use]
    pub fn read(&self, scale: Quantization) -> Rows<'_, T> {
        Rows { reals: self.reals, bytes: self.bytes, scale }
    }

    /// Adds what they differ by to the last of `noise`, and returns `scale`.
    pub(super) fn measure(&self, scale: Quantization, noise: &mut [Noise]) -> Quantization {
        if let Some(noise) = noise.last_mut() {
            noise.observe(numbers(self.reals), bytes(self.bytes), scale);
        }
        scale
    }
}

/// The scale of the last of `ranges`; `x` if there is none.
pub(super) fn last_scale(x: Quantization, ranges: &[[f32; 2]]) -> Result<Quantization, Error> {
    match ranges {
        [.., [least, most]] => Quantization::covering(*least, *most),
        [] => Ok(x),
    }
}
