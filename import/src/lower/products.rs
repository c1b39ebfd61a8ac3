//! Operators that multiply by weights.

use super::pictures::Windows;
use super::{
    Field, Layer, Lowering, Made, Read, array, batch, clamp, clamp_code, parts, picture, picture_type, real,
    wide,
};
use crate::graph::{Kind, Operator, Tensor};
use crate::{Error, Runtime};
use fusebox::int8::{Clamp, Multiplier, Quantization, fold, tile};

/// More products may not fit a sum of 32 bits.
const DEPTH: usize = 1 << 16;

/// Weights and what belongs to each output, as layers have them.
struct Outputs {
    bias: Vec<i32>,
    scale: Vec<Multiplier>,
    clamp: Clamp,
}

impl Outputs {
    /// Of `count` outputs, whose weights have scales along dimension `axis`. Biases are the operator's input 2.
    fn new(
        lowering: &Lowering<'_, '_>,
        operator: &Operator<'_>,
        [x, y]: [Quantization; 2],
        (weight, axis, count): (&Tensor<'_>, usize, usize),
        activation: i8,
    ) -> Result<Self, Error> {
        let scales = weight.weight_scales(axis, count)?;
        let bias = match lowering.graph.input(operator, 2)? {
            Some(index) => lowering.graph.tensor(index)?.biases(count)?,
            None => vec![0; count],
        };
        // In `f64`, also with one scale of all weights, though the runtimes' sources read otherwise: the outputs of the case
        // `dense_tensor_ties` depend on it.
        let multiplier = |&scale: &f32| {
            Multiplier::new(f64::from(x.scale) * f64::from(scale) / f64::from(y.scale)).map_err(|error| {
                weight.error(format!("the scale {scale} is too large or too small: {error}"))
            })
        };
        let scale: Vec<_> = scales.iter().map(multiplier).collect::<Result<_, _>>()?;
        let scale = if scale.len() == 1 { vec![scale[0]; count] } else { scale };
        Ok(Self { bias, scale, clamp: clamp(activation, y)? })
    }

    /// The layer's fields that every output has.
    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("bias", Field::ints(&self.bias)),
            ("scale", Field::multipliers(&self.scale)),
            ("clamp", Field::Code(clamp_code(self.clamp))),
        ]
    }
}

/// `rows`, of so many outputs, in the order of tiles.
pub(super) fn tiles(rows: &[i8], outputs: usize) -> Field {
    let mut tiles = vec![0; rows.len()];
    tile(rows, &mut tiles, outputs);
    Field::weights(&tiles)
}

/// A dimension of weights: constants with one of as many dimensions.
pub(super) fn dimensions<const N: usize>(weight: &Tensor<'_>) -> Result<[usize; N], Error> {
    weight.shape[..]
        .try_into()
        .map_err(|_| weight.error(format!("weights of shape {:?}, {N} dimensions are needed", weight.shape)))
}

pub(super) fn fully_connected<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let weight = lowering.constant(operator, 1)?.ok_or_else(|| Error::new("weights are missing"))?;
    let (_, y) = lowering.written(operator)?;
    let [outputs, depth] = dimensions(&weight)?;
    if operator.byte(1) != 0 {
        return Err(weight.error("weights in a shuffled order are not supported"));
    }
    if depth > DEPTH {
        return Err(weight.error(format!("{depth} inputs, at most {DEPTH} are supported")));
    }
    let rows = x.count() / depth;
    if !x.count().is_multiple_of(depth) || y.count() != rows * outputs {
        return Err(y.error(format!(
            "shapes {:?} and {:?} do not fit {outputs} x {depth} weights",
            x.shape, y.shape
        )));
    }
    if x.kind == Kind::Float32 {
        return real::fully_connected(lowering, operator, (&x, value), &weight, [outputs, depth]);
    }
    if x.kind == Kind::Int16 {
        return wide::fully_connected(lowering, operator, (&x, value), &weight, [outputs, depth]);
    }
    let [from, to] = [x.quantization()?, y.quantization()?];
    // First of all: outputs without weights would be of any number.
    let weights = weight.small_weights()?;
    let mut all = Outputs::new(lowering, operator, [from, to], (&weight, 0, outputs), operator.byte(0))?;
    fold(&weights, from.zero, &mut all.bias);
    let mut fields = all.fields();
    fields.extend([("weight", tiles(&weights, outputs)), ("rounding", Field::phantom())]);
    let layer = Layer {
        name: "dense",
        kind: match lowering.options.runtime {
            Runtime::Micro => format!("int8::Dense<{depth}, {outputs}>"),
            Runtime::LiteRt => format!("int8::Dense<{depth}, {outputs}, int8::Single>"),
        },
        made: Made::Fields(fields),
        macs: (rows * depth) as u64 * outputs as u64,
        scratch: [0; 2],
    };
    lowering.step(operator, layer, vec![Read { value, row: format!("[i8; {depth}]") }], rows)
}

pub(super) fn convolution<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let weight = lowering.constant(operator, 1)?.ok_or_else(|| Error::new("weights are missing"))?;
    let (_, y) = lowering.written(operator)?;
    let [filters, height, width, channels] = dimensions(&weight)?;
    let (input, output, rows) = (picture(&x)?, picture(&y)?, batch(&x, &y)?);
    let windows = Windows::of(operator, [height, width], [4, 5])?;
    windows.check(input, output, &y)?;
    let depth = height.saturating_mul(width).saturating_mul(channels);
    if !input[2].is_multiple_of(channels) || !filters.is_multiple_of(input[2] / channels) {
        let inputs = input[2];
        return Err(
            weight.error(format!("{filters} filters of {channels} channels do not fit {inputs} channels"))
        );
    }
    if filters != output[2] {
        return Err(weight.error(format!("{filters} filters for {} channels", output[2])));
    }
    if depth > DEPTH {
        return Err(weight.error(format!("windows of {depth} inputs, at most {DEPTH} are supported")));
    }
    let groups = input[2] / channels;
    if x.kind == Kind::Float32 {
        if groups > 1 {
            return Err(weight.error("groups of channels of real numbers are not supported"));
        }
        return real::convolution(lowering, operator, (&x, value), &weight, (windows, operator.byte(3)));
    }
    if x.kind == Kind::Int16 {
        return wide::convolution(lowering, operator, (&x, value), &weight, &windows);
    }
    let [from, to] = [x.quantization()?, y.quantization()?];
    let weights = weight.small_weights()?;
    let mut all = Outputs::new(lowering, operator, [from, to], (&weight, 0, filters), operator.byte(3))?;
    fold(&weights, from.zero, &mut all.bias);
    let of = filters / groups;
    let group = |group: usize| {
        let outputs = group * of..(group + 1) * of;
        let all = Outputs {
            bias: all.bias[outputs.clone()].into(),
            scale: all.scale[outputs.clone()].into(),
            clamp: all.clamp,
        };
        let shapes = [[input[0], input[1], channels], [output[0], output[1], of]];
        let weights = &weights[outputs.start * depth..outputs.end * depth];
        filtering(shapes, [height, width], (&windows, rows), from.zero, &all, weights)
    };
    if groups > 1 && channels == 1 {
        let mut fields = all.fields();
        fields.extend([
            ("zero", Field::Code(from.zero.to_string())),
            ("weight", Field::weights(&by_tap(&weights, filters))),
            ("shape", Field::phantom()),
        ]);
        let (row, to) = (picture_type(input), picture_type(output));
        let kind = format!("int8::Conv2d<{row}, {to}, {height}, {width}, 1, {filters}, {}>", windows.code());
        let macs = (rows * output[0] * output[1] * filters) as u64 * depth as u64;
        let layer = Layer { macs, ..Layer::without_weights("conv", kind, Made::Fields(fields)) };
        return lowering.step(operator, layer, vec![Read { value, row }], rows);
    }
    grouped(lowering, operator, value, (groups, [input, output], rows), group, &y)
}

/// Filters of one channel each, as a depthwise convolution has them: rows of taps, taps, filters.
pub(super) fn by_tap(weights: &[i8], filters: usize) -> Vec<i8> {
    let depth = weights.len() / filters;
    (0..weights.len()).map(|i| weights[i % filters * depth + i / filters]).collect()
}

/// Each group's channels, convolved alone by the layer of its number, side by side; one group is the whole.
pub(super) fn grouped<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    value: usize,
    (groups, [input, output], rows): (usize, [[usize; 3]; 2], usize),
    layer: impl Fn(usize) -> Layer,
    y: &Tensor<'a>,
) -> Result<(), Error> {
    let [channels, of] = [input[2] / groups, output[2] / groups];
    let row = array(y.kind, &[input[0], input[1], channels]);
    if groups == 1 {
        return lowering.step(operator, layer(0), vec![Read { value, row }], rows);
    }
    let (mut outputs, meaning) = (Vec::new(), y.meaning("activations")?);
    for n in 0..groups {
        let own = n * channels..(n + 1) * channels;
        let own = parts::channels(lowering, operator, value, [rows * input[0], input[1], input[2]], own)?;
        let write = lowering.made(&[rows * output[0], output[1], of], y.kind, meaning);
        lowering.push(operator.name, layer(n), vec![Read { value: own, row: row.clone() }], write, rows)?;
        outputs.push((write, of));
    }
    parts::join(lowering, operator, &outputs, 3, y)
}

/// A convolution of `rows` pictures by filters over all channels, whose weights are in rows. Their sums are in the biases.
fn filtering(
    [input, output]: [[usize; 3]; 2],
    [height, width]: [usize; 2],
    (windows, rows): (&Windows, usize),
    zero: i8,
    all: &Outputs,
    weights: &[i8],
) -> Layer {
    let [channels, filters] = [input[2], output[2]];
    let depth = height * width * channels;
    let mut fields = all.fields();
    fields.extend([
        ("zero", Field::Code(zero.to_string())),
        ("weight", tiles(weights, filters)),
        ("shape", Field::phantom()),
    ]);
    // A picture of single pixels is its own windows.
    let is_pointwise = depth == channels && windows.stride == [1; 2];
    Layer {
        name: "conv",
        kind: format!(
            "int8::Conv2d<{}, {}, {height}, {width}, {channels}, {filters}, {}>",
            picture_type(input),
            picture_type(output),
            windows.code(),
        ),
        made: Made::Fields(fields),
        macs: (rows * output[0] * output[1] * filters) as u64 * depth as u64,
        scratch: if is_pointwise { [0; 2] } else { [4 * depth, 32 * depth] },
    }
}

pub(super) fn depthwise<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let weight = lowering.constant(operator, 1)?.ok_or_else(|| Error::new("weights are missing"))?;
    let (_, y) = lowering.written(operator)?;
    let [one, height, width, filters] = dimensions(&weight)?;
    let (input, output, rows) = (picture(&x)?, picture(&y)?, batch(&x, &y)?);
    let windows = Windows::of(operator, [height, width], [5, 6])?;
    windows.check(input, output, &y)?;
    if one != 1 || filters != output[2] || !filters.is_multiple_of(input[2]) {
        return Err(
            weight.error(format!("weights of shape {:?} do not fit {input:?} to {output:?}", weight.shape))
        );
    }
    if height.saturating_mul(width) > DEPTH {
        return Err(weight.error(format!("windows of more than {DEPTH} inputs are not supported")));
    }
    if x.kind == Kind::Float32 {
        return real::convolution(lowering, operator, (&x, value), &weight, (windows, operator.byte(4)));
    }
    if x.kind == Kind::Int16 {
        return wide::depthwise(lowering, operator, (&x, value), &weight, &windows);
    }
    let [from, to] = [x.quantization()?, y.quantization()?];
    let weights = weight.small_weights()?;
    let mut all = Outputs::new(lowering, operator, [from, to], (&weight, 3, filters), operator.byte(4))?;
    // The only channel's filters are filters over all channels, and several times as fast as rows.
    if input[2] == 1 {
        let filters_of_all: Vec<_> =
            (0..filters).flat_map(|filter| weights.iter().skip(filter).step_by(filters).copied()).collect();
        fold(&filters_of_all, from.zero, &mut all.bias);
        let layer =
            filtering([input, output], [height, width], (&windows, rows), from.zero, &all, &filters_of_all);
        return lowering.step(operator, layer, vec![Read { value, row: picture_type(input) }], rows);
    }
    // By taps, not by filters: a filter's weights are not a row.
    for taps in weights.chunks_exact(filters) {
        for (bias, tap) in all.bias.iter_mut().zip(taps) {
            fold(std::slice::from_ref(tap), from.zero, std::slice::from_mut(bias));
        }
    }
    let mut fields = all.fields();
    fields.extend([
        ("zero", Field::Code(from.zero.to_string())),
        ("weight", Field::weights(&weights)),
        ("shape", Field::phantom()),
    ]);
    let layer = Layer {
        name: "depthwise",
        kind: format!(
            "int8::DepthwiseConv2d<{}, {}, {height}, {width}, {filters}, {}>",
            picture_type(input),
            picture_type(output),
            windows.code(),
        ),
        made: Made::Fields(fields),
        macs: (rows * output[0] * output[1] * filters) as u64 * (height * width) as u64,
        scratch: [0; 2],
    };
    lowering.step(operator, layer, vec![Read { value, row: picture_type(input) }], rows)
}
