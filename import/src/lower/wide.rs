//! Operators on activations of 16 bits, whose weights have eight: the layers of `int16`.
//!
//! What only moves numbers is in the other files, for both sizes. Operators that TensorFlow Lite for Microcontrollers does not have of
//! this size are refused: there would be nothing to be equal to.

use super::numbers::{Operand, repeated};
use super::pictures::Windows;
use super::products::{by_tap, grouped};
use super::{Field, Layer, Lowering, Made, Read, array, batch, parts, picture};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};
use fusebox::int8::Multiplier;
use fusebox::int16::{Add, Clamp, Logistic, Mean, Mul, Rescale, Softmax, Sub, Tanh};

/// A row of `n` numbers.
fn line(n: usize) -> String {
    array(Kind::Int16, &[n])
}

/// What an activation, by its number, leaves of outputs in steps of `y`.
pub(super) fn clamp(activation: i8, y: f32) -> Result<Clamp, Error> {
    match activation {
        0 => Ok(Clamp::NONE),
        1 => Ok(Clamp::RELU),
        2 => Ok(Clamp::between(y, -1.0, 1.0)),
        3 => Ok(Clamp::relu6(y)),
        other => Err(Error::new(format!("activation {other} inside the operator is not supported"))),
    }
}

/// A clamp as an expression.
pub(super) fn clamp_code(Clamp { least, most }: Clamp) -> String {
    format!("int16::Clamp {{ least: {least}, most: {most} }}")
}

/// Weights and what belongs to each output, as layers have them.
struct Outputs {
    bias: Vec<i64>,
    scale: Vec<Multiplier>,
    clamp: Clamp,
    /// How wide sums are, as a type's last parameter: as biases are.
    sum: &'static str,
}

impl Outputs {
    /// Of `count` outputs, whose weights have scales along dimension `axis`. Biases are the operator's input 2.
    fn new<'a>(
        lowering: &Lowering<'a, '_>,
        operator: &Operator<'a>,
        x: &Tensor<'_>,
        (weight, axis, count): (&Tensor<'_>, usize, usize),
        activation: i8,
    ) -> Result<Self, Error> {
        weight.expect(Kind::Int8)?;
        let (from, to) = (x.scale()?, lowering.written(operator)?.1.scale()?);
        let (bias, is_long) = match lowering.graph.input(operator, 2)? {
            Some(index) => lowering.graph.tensor(index)?.wide_biases(count)?,
            None => (vec![0; count], true),
        };
        let multiplier = |&scale: &f32| {
            let real = f64::from(from) * f64::from(scale) / f64::from(to);
            match Multiplier::new(real) {
                Ok(multiplier) if !is_long || multiplier.exponent <= 7 => Ok(multiplier),
                _ => Err(weight.error(format!("the scale {scale} is too large or too small"))),
            }
        };
        let scale: Vec<_> =
            weight.weight_scales(axis, count)?.iter().map(multiplier).collect::<Result<_, _>>()?;
        let scale = if scale.len() == 1 { vec![scale[0]; count] } else { scale };
        let sum = if is_long { "" } else { ", int16::Sum32" };
        Ok(Self { bias, scale, clamp: clamp(activation, to)?, sum })
    }

    /// Of some of the outputs.
    fn part(&self, outputs: std::ops::Range<usize>) -> Self {
        let (bias, scale) = (self.bias[outputs.clone()].into(), self.scale[outputs].into());
        Self { bias, scale, ..*self }
    }

    /// A layer of these weights: the field `phantom` has its sizes.
    fn layer(
        &self,
        name: &'static str,
        kind: &str,
        weights: &[i8],
        (phantom, macs): (&'static str, usize),
    ) -> Layer {
        let fields = vec![
            ("bias", Field::Longs(self.bias.clone())),
            ("scale", Field::multipliers(&self.scale)),
            ("weight", Field::weights(weights)),
            ("clamp", Field::Code(clamp_code(self.clamp))),
            (phantom, Field::phantom()),
        ];
        let kind = format!("{kind}{}>", self.sum);
        Layer { macs: macs as u64, ..Layer::without_weights(name, kind, Made::Fields(fields)) }
    }
}

/// The sizes are checked.
pub(super) fn fully_connected<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    weight: &Tensor<'a>,
    [outputs, depth]: [usize; 2],
) -> Result<(), Error> {
    // First of all: outputs without weights would be of any number.
    let weights = weight.weights()?;
    let all = Outputs::new(lowering, operator, x, (weight, 0, outputs), operator.byte(0))?;
    let rows = x.count() / depth;
    let kind = format!("int16::Dense<{depth}, {outputs}");
    let layer = all.layer("dense", &kind, &weights, ("sum", rows * depth * outputs));
    lowering.step(operator, layer, vec![Read { value, row: line(depth) }], rows)
}

/// The sizes are checked.
pub(super) fn convolution<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    weight: &Tensor<'a>,
    windows: &Windows,
) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    let (input, output, rows) = (picture(x)?, picture(&y)?, batch(x, &y)?);
    let (channels, filters) = (weight.shape[3], output[2]);
    let [height, width] = windows.taps;
    let depth = height * width * channels;
    let weights = weight.weights()?;
    let all = Outputs::new(lowering, operator, x, (weight, 0, filters), operator.byte(3))?;
    let groups = input[2] / channels;
    if groups > 1 && channels == 1 {
        let by_tap = by_tap(&weights, filters);
        return filtering(lowering, operator, (value, rows), [input, output], windows, (&all, &by_tap));
    }
    let of = filters / groups;
    let group = |n: usize| {
        let all = all.part(n * of..(n + 1) * of);
        let [from, to] = [[input[0], input[1], channels], [output[0], output[1], of]];
        let kind = format!(
            "int16::Conv2d<{}, {}, {height}, {width}, {channels}, {of}, {}",
            array(Kind::Int16, &from),
            array(Kind::Int16, &to),
            windows.code()
        );
        let weights = &weights[n * of * depth..(n + 1) * of * depth];
        let layer = all.layer("conv", &kind, weights, ("shape", rows * output[0] * output[1] * of * depth));
        // A picture of single pixels is its own windows.
        let is_pointwise = depth == channels && windows.stride == [1; 2];
        Layer { scratch: if is_pointwise { [0; 2] } else { [2 * depth; 2] }, ..layer }
    };
    grouped(lowering, operator, value, (groups, [input, output], rows), group, &y)
}

/// A step of filters for each channel, whose weights are by tap.
fn filtering<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (value, rows): (usize, usize),
    [input, output]: [[usize; 3]; 2],
    windows: &Windows,
    (all, weights): (&Outputs, &[i8]),
) -> Result<(), Error> {
    let ([height, width], filters) = (windows.taps, output[2]);
    if width > 256 {
        return Err(Error::new(format!("windows of {width} columns, at most 256 are supported")));
    }
    let [row, to] = [input, output].map(|sizes| array(Kind::Int16, &sizes));
    let kind =
        format!("int16::DepthwiseConv2d<{row}, {to}, {height}, {width}, {filters}, {}", windows.code());
    let macs = rows * output[0] * output[1] * filters * height * width;
    let layer = all.layer("depthwise", &kind, weights, ("shape", macs));
    lowering.step(operator, layer, vec![Read { value, row }], rows)
}

/// The sizes are checked.
pub(super) fn depthwise<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    weight: &Tensor<'a>,
    windows: &Windows,
) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    let (input, output, rows) = (picture(x)?, picture(&y)?, batch(x, &y)?);
    let weights = weight.weights()?;
    let all = Outputs::new(lowering, operator, x, (weight, 3, output[2]), operator.byte(4))?;
    // The runtime reads them as if they had 64 bits.
    if !all.sum.is_empty() {
        return Err(Error::new("biases of INT32 are not supported here, only of INT64"));
    }
    filtering(lowering, operator, (value, rows), [input, output], windows, (&all, &weights))
}

/// Of each of `outer` pictures of so many pixels of `inner` numbers.
pub(super) fn mean<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    [outer, pixels, inner]: [usize; 3],
) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    if operator.name != "MEAN" || pixels > 1 << 15 {
        return Err(x.error(format!("{} of {pixels} numbers of INT16 is not supported", operator.name)));
    }
    let (from, to) = (x.scale()?, y.scale()?);
    // What the constant would not compile with.
    Mean::<[[[i16; 1]; 1]; 1], 1>::new(from, to)?;
    let row = array(Kind::Int16, &[pixels, 1, inner]);
    let made = Made::Call(format!("int16::Mean::new({from:?}, {to:?})"));
    let layer = Layer::without_weights("mean", format!("int16::Mean<{row}, {inner}>"), made);
    lowering.step(operator, layer, vec![Read { value, row }], outer)
}

/// A step of a layer that is made by a call, from rows of so many numbers.
fn called<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (name, kind, call): (&'static str, String, String),
    (value, row): (usize, String),
    rows: usize,
) -> Result<(), Error> {
    let layer = Layer::without_weights(name, kind, Made::Call(call));
    lowering.step(operator, layer, vec![Read { value, row }], rows)
}

pub(super) fn activation<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    if x.count() != y.count() {
        return Err(y.error(format!("the shapes {:?} and {:?} differ", x.shape, y.shape)));
    }
    let (from, to, row) = (x.scale()?, y.scale()?, line(x.count()));
    let fixed = || match to == 1.0 / 32_768.0 {
        true => Ok(()),
        false => Err(y.error("the output's scale must be 2^-15")),
    };
    type One = Rescale<[i16; 1], [i16; 1]>;
    let relu = |clamp: Clamp| -> Result<_, Error> {
        One::relu(from, to, clamp)?;
        let call = format!("int16::Rescale::<{row}, {row}>::relu({from:?}, {to:?}, {})", clamp_code(clamp));
        Ok(("relu", format!("int16::Rescale<{row}, {row}>"), call))
    };
    let layer = match operator.name {
        "LOGISTIC" => {
            fixed()?;
            Logistic::<[i16; 1]>::new(from)?;
            ("logistic", format!("int16::Logistic<{row}>"), format!("int16::Logistic::new({from:?})"))
        }
        "TANH" => {
            fixed()?;
            Tanh::<[i16; 1]>::new(from)?;
            ("tanh", format!("int16::Tanh<{row}>"), format!("int16::Tanh::new({from:?})"))
        }
        "RELU" => relu(Clamp::RELU)?,
        "RELU6" => relu(Clamp::relu6(to))?,
        "LEAKY_RELU" => {
            let slope = operator.real(0);
            One::leaky_relu(from, to, slope)?;
            let call = format!("int16::Rescale::<{row}, {row}>::leaky_relu({from:?}, {to:?}, {slope:?})");
            ("leaky_relu", format!("int16::Rescale<{row}, {row}>"), call)
        }
        _ => return Err(x.error("the operator is not supported on INT16")),
    };
    called(lowering, operator, layer, (value, row), 1)
}

/// To INT16 or from it; the sizes are checked.
pub(super) fn quantize<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    y: &Tensor<'a>,
) -> Result<(), Error> {
    let [row, to] = [x, y].map(|tensor| array(tensor.kind, &[x.count()]));
    let rescale = |function: &str, from: String, into: String| {
        let call = format!("int16::Rescale::<{row}, {to}>::{function}({from}, {into})");
        ("rescale", format!("int16::Rescale<{row}, {to}>"), call)
    };
    let real = |scale: f32| format!("{scale:?}");
    let layer = match (x.kind, y.kind) {
        (Kind::Float32, _) => {
            let scale = y.scale()?;
            ("quantize", format!("int16::Quantize<{to}>"), format!("int16::Quantize::new({scale:?})"))
        }
        (Kind::Int16, Kind::Int16) => {
            Rescale::<[i16; 1], [i16; 1]>::new(x.scale()?, y.scale()?)?;
            rescale("new", real(x.scale()?), real(y.scale()?))
        }
        (Kind::Int16, _) => {
            Rescale::<[i16; 1], [i8; 1]>::to_int8(x.scale()?, y.quantization()?)?;
            rescale("to_int8", real(x.scale()?), super::quantization(y.quantization()?))
        }
        _ => {
            Rescale::<[i8; 1], [i16; 1]>::from_int8(x.quantization()?, y.scale()?)?;
            rescale("from_int8", super::quantization(x.quantization()?), real(y.scale()?))
        }
    };
    called(lowering, operator, layer, (value, row), 1)
}

/// The sizes are checked.
pub(super) fn dequantize<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
) -> Result<(), Error> {
    let (row, scale) = (line(x.count()), x.scale()?);
    let layer =
        ("dequantize", format!("int16::Dequantize<{row}>"), format!("Ok(int16::Dequantize::new({scale:?}))"));
    called(lowering, operator, layer, (value, row), 1)
}

/// The sizes are checked.
pub(super) fn softmax<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    y: &Tensor<'a>,
) -> Result<(), Error> {
    let (n, beta, from) = (x.shape.last().copied().unwrap_or(1), operator.real(0), x.scale()?);
    if n >= 1 << 16 {
        return Err(x.error(format!("a softmax of {n} numbers, at most 65535 are supported")));
    }
    if y.scale()? != 1.0 / 32_768.0 {
        return Err(y.error("a softmax' output has a scale of 2^-15"));
    }
    Softmax::<1>::new(from, beta)?;
    let layer =
        ("softmax", format!("int16::Softmax<{n}>"), format!("int16::Softmax::new({from:?}, {beta:?})"));
    called(lowering, operator, layer, (value, line(n)), x.count() / n)
}

/// A join of rows as a name, a type and an expression.
fn join_of(
    operator: &Operator<'_>,
    [a, b, y]: [f32; 3],
    row: &str,
) -> Result<(&'static str, String, String), Error> {
    type One = [i16; 1];
    if let "MAXIMUM" | "MINIMUM" = operator.name {
        let (name, kind) = if operator.name == "MAXIMUM" { ("max", "Max") } else { ("min", "Min") };
        return match a == y && b == y {
            true => Ok((name, format!("int8::{kind}<{row}>"), format!("int8::{kind}::new()"))),
            false => Err(Error::new("both inputs have the scale of the output")),
        };
    }
    let clamp = clamp(operator.byte(0), y)?;
    // What the constant would not compile with.
    let (name, kind) = match operator.name {
        "ADD" => ("add", Add::<One>::new(a, b, y, clamp).map(|_| "Add")?),
        "SUB" => ("sub", Sub::<One>::new(a, b, y, clamp).map(|_| "Sub")?),
        "MUL" => ("mul", Mul::<One>::new(a, b, y, clamp).map(|_| "Mul")?),
        _ => return Err(Error::new("the operator is not supported on INT16")),
    };
    let made = format!("constant(int16::{kind}::new({a:?}, {b:?}, {y:?}, {}))", clamp_code(clamp));
    Ok((name, format!("int16::{kind}<{row}>"), made))
}

/// Of two tensors, number by number; the smaller one is repeated.
pub(super) fn join<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    [a, b]: [Operand<'a>; 2],
    y: &Tensor<'a>,
) -> Result<(), Error> {
    let scales = [a.tensor.scale()?, b.tensor.scale()?, y.scale()?];
    let count = y.count();
    let (x, constant, scales) = match (a.value, b.value) {
        (Some(first), Some(second)) => {
            let row = line(count);
            let (name, kind, made) = join_of(operator, scales, &row)?;
            let first = parts::repeat(lowering, operator, (&a.tensor, first), y)?;
            let second = parts::repeat(lowering, operator, (&b.tensor, second), y)?;
            let layer = Layer::without_weights(name, kind, Made::Code(made));
            let reads = [first, second].map(|value| Read { value, row: row.clone() });
            return lowering.step(operator, layer, reads.into(), 1);
        }
        (Some(value), None) => ((&a.tensor, value), &b.tensor, scales),
        (None, Some(_)) if operator.name == "SUB" => {
            return Err(a.tensor.error("a constant minus a tensor is not supported"));
        }
        (None, Some(value)) => ((&b.tensor, value), &a.tensor, [scales[1], scales[0], scales[2]]),
        (None, None) => return Err(y.error("is the result of two constants: fold them when converting")),
    };
    let value = parts::repeat(lowering, operator, x, y)?;
    let numbers = match constant.wide_numbers()?[..] {
        // Not one number at a time, but as few as the file is not to be blamed for.
        [number] => vec![number; y.shape.last().copied().filter(|&last| last <= 4096).unwrap_or(1)],
        ref numbers => repeated(constant, numbers, y)?,
    };
    let row = line(numbers.len());
    let (name, kind, made) = join_of(operator, scales, &row)?;
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let fields = vec![("join", Field::Code(made)), ("constant", Field::Data(bytes))];
    let kind = format!("int8::WithConstant<{kind}, {row}>");
    let layer = Layer::without_weights(name, kind, Made::Fields(fields));
    lowering.step(operator, layer, vec![Read { value, row }], count / numbers.len())
}
