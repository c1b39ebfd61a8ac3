//! Operators on real numbers: the layers of `f32`, without an activation of their own or with one of fusebox's.
//!
//! Sums are in fusebox's order, which is that of no runtime of TensorFlow Lite, so results differ by their rounding.

use super::pictures::Windows;
use super::{Layer, Lowering, Made, Read, array, batch, parts, picture};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};

/// An activation by its number in the schema.
fn function(activation: i8) -> Result<&'static str, Error> {
    match activation {
        0 => Ok("layers::Identity"),
        1 => Ok("layers::Relu"),
        3 => Ok("layers::Relu6"),
        4 => Ok("layers::Tanh"),
        2 => Err(Error::new("the activation RELU_N1_TO_1 of real numbers is not supported")),
        other => Err(Error::new(format!("the activation {other} of real numbers is not supported"))),
    }
}

/// A layer that is made of nothing.
fn plain(name: &'static str, kind: String) -> Layer {
    Layer::without_weights(name, kind, Made::Code("fusebox::Zeroed::ZEROED".into()))
}

/// A row of `n` numbers.
fn line(n: usize) -> String {
    array(Kind::Float32, &[n])
}

/// A function of each number.
fn activate(function: &str, count: usize) -> Layer {
    plain("activate", format!("layers::Activate<{count}, {function}>"))
}

/// The layer that reads part of an array along at most one axis: axes of (whole, part, start, step), which cannot be fewer.
pub(super) fn part(axes: &[(usize, usize, usize, i32)]) -> Result<(Layer, String, usize), Error> {
    let (rows, (whole, part, start, step)) = match *axes {
        [axis] => (1, axis),
        [(whole, part, 0, 1), axis] if whole == part => (whole, axis),
        _ => return Err(Error::new("such parts of real numbers are not supported")),
    };
    match step {
        1 if whole == part => Ok((activate("layers::Identity", whole), line(whole), rows)),
        1 => {
            let kind = format!("layers::Columns<{whole}, {start}, {part}>");
            Ok((plain("columns", kind), line(whole), rows))
        }
        _ => Err(Error::new("repeated real numbers, or every second one of them, are not supported")),
    }
}

/// Rows of so many numbers, side by side.
pub(super) fn concat([first, second]: [usize; 2]) -> Layer {
    let kind = format!("layers::ConcatChannels<{}>", first + second);
    Layer::without_weights("concat", kind.clone(), Made::Code(kind.replace('<', "::<")))
}

/// A step and then an activation, which the layer has not.
fn activated<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (layer, rows): (Layer, usize),
    reads: Vec<Read>,
    activation: i8,
) -> Result<(), Error> {
    let function = function(activation)?;
    if activation == 0 {
        return lowering.step(operator, layer, reads, rows);
    }
    let (_, y) = lowering.written(operator)?;
    let between = lowering.between(super::shape(&y), reads[0].value);
    lowering.push(operator.name, layer, reads, between, rows)?;
    let count = y.count();
    let reads = vec![Read { value: between, row: line(count) }];
    lowering.step(operator, activate(function, count), reads, 1)
}

/// The sum of two tensors.
pub(super) fn join<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    if operator.name != "ADD" {
        return Err(Error::new("the operator is not supported on real numbers"));
    }
    let ((a, first), (b, second)) = (lowering.read(operator, 0)?, lowering.read(operator, 1)?);
    let (_, y) = lowering.written(operator)?;
    for x in [&a, &b] {
        x.expect(Kind::Float32)?;
    }
    let first = parts::repeat(lowering, operator, (&a, first), &y)?;
    let second = parts::repeat(lowering, operator, (&b, second), &y)?;
    let row = line(y.count());
    let layer = Layer::without_weights("add", "layers::Sum".into(), Made::Code("layers::Sum".into()));
    let reads = [first, second].map(|value| Read { value, row: row.clone() });
    activated(lowering, operator, (layer, 1), reads.into(), operator.byte(0))
}

pub(super) fn activation<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    y.expect(Kind::Float32)?;
    let slope = f64::from(operator.real(0)) * 100.0;
    let function = match operator.name {
        "LOGISTIC" => "layers::Sigmoid".into(),
        "TANH" => "layers::Tanh".into(),
        "RELU" => "layers::Relu".into(),
        "RELU6" => "layers::Relu6".into(),
        "LEAKY_RELU" if (slope - slope.round()).abs() < 1e-5 && (0.0..1e4).contains(&slope) => {
            // Not as a real number: there is a -0.
            format!("layers::LeakyRelu<{}>", slope.round() as u32)
        }
        "LEAKY_RELU" => return Err(Error::new("a slope of real numbers must be whole hundredths")),
        _ => return Err(Error::new("the operator is not supported on real numbers")),
    };
    if x.count() != y.count() {
        return Err(y.error(format!("the shapes {:?} and {:?} differ", x.shape, y.shape)));
    }
    let reads = vec![Read { value, row: line(x.count()) }];
    lowering.step(operator, activate(&function, x.count()), reads, 1)
}

pub(super) fn softmax<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    y.expect(Kind::Float32)?;
    let n = x.shape.last().copied().unwrap_or(1);
    if x.count() != y.count() || operator.real(0) != 1.0 {
        return Err(y.error("a softmax of real numbers keeps the shape and has a beta of 1"));
    }
    let layer = plain("softmax", format!("layers::Softmax<{n}>"));
    lowering.step(operator, layer, vec![Read { value, row: line(n) }], x.count() / n)
}

/// The numbers of a layer: weights, then biases.
fn numbers(
    lowering: &Lowering<'_, '_>,
    operator: &Operator<'_>,
    mut weights: Vec<f32>,
    outputs: usize,
) -> Result<Made, Error> {
    match lowering.graph.input(operator, 2)? {
        Some(index) => {
            let bias = lowering.graph.tensor(index)?;
            match bias.count() == outputs {
                true => weights.extend(bias.reals()?),
                false => return Err(bias.error(format!("{} biases for {outputs} outputs", bias.count()))),
            }
        }
        None => weights.resize(weights.len() + outputs, 0.0),
    }
    Ok(Made::Bytes(weights.iter().flat_map(|weight| weight.to_le_bytes()).collect()))
}

/// Weights by output as weights by input.
fn by_input(weights: &[f32], outputs: usize) -> Vec<f32> {
    let inputs = weights.len() / outputs;
    (0..weights.len()).map(|i| weights[i % outputs * inputs + i / outputs]).collect()
}

pub(super) fn fully_connected<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    weight: &Tensor<'a>,
    [outputs, depth]: [usize; 2],
) -> Result<(), Error> {
    lowering.written(operator)?.1.expect(Kind::Float32)?;
    let made = numbers(lowering, operator, by_input(&weight.reals()?, outputs), outputs)?;
    let rows = x.count() / depth;
    let function = function(operator.byte(0))?;
    let kind = format!("layers::Dense<{depth}, {outputs}, {function}>");
    let macs = (rows * depth) as u64 * outputs as u64;
    let layer = Layer { macs, ..Layer::without_weights("dense", kind, made) };
    lowering.step(operator, layer, vec![Read { value, row: line(depth) }], rows)
}

/// A convolution, whose filters see all channels, or, of a depthwise one, one.
pub(super) fn convolution<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    weight: &Tensor<'a>,
    (windows, activation): (Windows, i8),
) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    y.expect(Kind::Float32)?;
    let (mut input, output, rows) = (picture(x)?, picture(&y)?, batch(x, &y)?);
    let seen = windows.seen(input, output, &y)?;
    let value = parts::cropped(lowering, operator.name, value, (rows, input), seen)?;
    [input[0], input[1]] = seen;
    let (is_depthwise, filters) = (operator.name == "DEPTHWISE_CONV_2D", output[2]);
    let weights = weight.reals()?;
    let (weights, channels) = match is_depthwise {
        true => (weights, 1),
        false => (by_input(&weights, filters), weight.shape[3]),
    };
    let made = numbers(lowering, operator, weights, filters)?;
    let [height, width] = windows.taps;
    let [from, to] = [input, output].map(|sizes| array(Kind::Float32, &sizes));
    let (windows, function) = (windows.code(), function(activation)?);
    let kind = format!(
        "layers::Conv2d<{from}, {to}, {height}, {width}, {channels}, {filters}, {windows}, {function}>"
    );
    let macs = (rows * output[0] * output[1] * filters) as u64 * (height * width * channels) as u64;
    let layer = Layer { macs, ..Layer::without_weights("conv", kind, made) };
    lowering.step(operator, layer, vec![Read { value, row: from }], rows)
}

pub(super) fn pool<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    windows: Windows,
) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    y.expect(Kind::Float32)?;
    let (mut input, output, rows) = (picture(x)?, picture(&y)?, batch(x, &y)?);
    let seen = windows.seen(input, output, &y)?;
    let value = parts::cropped(lowering, operator.name, value, (rows, input), seen)?;
    [input[0], input[1]] = seen;
    let (name, layer) = match operator.name {
        "MAX_POOL_2D" => ("max_pool", "MaxPool2d"),
        _ => ("average", "AvgPool2d"),
    };
    let [from, to] = [input, output].map(|sizes| array(Kind::Float32, &sizes));
    let ([height, width], windows) = (windows.taps, windows.code());
    let layer = plain(name, format!("layers::{layer}<{from}, {to}, {height}, {width}, {windows}>"));
    activated(lowering, operator, (layer, rows), vec![Read { value, row: from }], operator.byte(5))
}

/// The mean or the largest of rows of each of `outer` pictures.
pub(super) fn reduce<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    value: usize,
    [outer, pixels, inner]: [usize; 3],
) -> Result<(), Error> {
    let (name, layer) = match operator.name {
        "MEAN" => ("mean", "GlobalAvgPool"),
        _ => ("max", "GlobalMaxPool"),
    };
    let row = array(Kind::Float32, &[pixels, 1, inner]);
    let layer = plain(name, format!("layers::{layer}<{row}, {inner}>"));
    lowering.step(operator, layer, vec![Read { value, row }], outer)
}

/// Each pixel repeated down and to the right.
pub(super) fn resize<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    value: usize,
    [input, output]: [[usize; 3]; 2],
) -> Result<(), Error> {
    let [from, to] = [input, output].map(|sizes| array(Kind::Float32, &sizes));
    let [down, right] = [output[0] / input[0], output[1] / input[1]];
    let layer = plain("resize", format!("layers::Upsample2d<{from}, {to}, {down}, {right}>"));
    lowering.step(operator, layer, vec![Read { value, row: from }], 1)
}
