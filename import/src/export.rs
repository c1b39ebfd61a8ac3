//! A quantised network as a file of TensorFlow Lite.
//!
//! The file has the operations that [`Ranges::describe`] shows, each one operator, in the same order, with the scales, weights and
//! biases of the layers. Where an operator needs another shape than the one before has put out, a `RESHAPE` is between them; where
//! it has no padding of a convolution's kind, a `PAD` is before it.

mod file;

use crate::Error;
use crate::graph::Kind;
use file::{File, Operator, Setting, Tensor};
use fusebox::int8::{Axis, Clamping, Described, Operation, Quantization, Ranges, ToInt8, Weights, Windows};

/// What the numbers of an exported network's input and output are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// Whole numbers, whose scales and zeros the file has.
    #[default]
    Int8,
    /// Real numbers: the network begins with a `QUANTIZE` and ends with a `DEQUANTIZE`.
    Float32,
}

/// The file of TensorFlow Lite of what [`Ranges::quantize`] makes. In TensorFlow Lite for Microcontrollers its outputs are those of
/// `ranges.quantize(net)`, byte for byte; in LiteRT's reference kernels, those of [`Runtime::LiteRt`](crate::Runtime::LiteRt).
///
/// The same network gives the same file. Tensors are pictures `[1, rows, pixels, channels]` or rows `[1, numbers]`, as the first and
/// the last layer have them. Convolutions and pools on [`Each`](fusebox::Each) of several pictures are of a batch.
///
/// Errors, which name the layer, if TensorFlow Lite has no operator with the results of a layer: activations other than ReLU, ReLU6,
/// leaky ReLU, the logistic function and tanh; layers without inputs or outputs; pools whose padding is neither `Valid` nor as `Same`; layers of your own. Also as
/// [`Ranges::quantize`] does.
///
/// ```
/// use fusebox::int8::Calibration;
/// use fusebox::{Dense, Relu, Rng, Seq, Train};
/// use fusebox_import::{Ends, Network, export};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let net = Net::he(&mut Rng::new(1)); // then training
/// let mut calibration = Calibration::<Net, 1>::new();
/// calibration.observe(&net, &[[1.0, -0.5], [-1.0, 2.0]])?;
///
/// let file = export(&calibration.ranges()?, &net, Ends::Int8)?;
/// // std::fs::write("net.tflite", &file)?;
/// assert_eq!(Network::read(&file, &Default::default())?.macs(), 32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export<N: ToInt8>(ranges: &Ranges<N>, net: &N, ends: Ends) -> Result<Vec<u8>, Error> {
    let (mut export, mut result) = (Export { ends, ..Export::default() }, Ok(()));
    ranges.describe(net, &mut |described| {
        if result.is_ok() {
            let place = format!("layer {} ({})", export.layers, described.name);
            result = export.operation(described).map_err(|error| error.at(place));
        }
    })?;
    result?;
    export.finish()
}

/// Bytes of weights and biases that a file has room for, beside the rest: its offsets are of 32 bits, with a sign.
const ROOM: usize = 1 << 30;

/// A file, as far as it has been written.
#[derive(Default)]
struct Export {
    ends: Ends,
    file: File,
    /// Operations so far.
    layers: usize,
    /// What the last operator has put out.
    last: Option<usize>,
    /// What `last` was where the residuals around begin.
    kept: Vec<Option<usize>>,
}

impl Export {
    fn operation(&mut self, Described { name, rows, x, y, operation }: Described<'_>) -> Result<(), Error> {
        let row = |numbers| if rows == 1 { vec![1, numbers] } else { vec![1, rows, numbers] };
        match operation {
            Operation::Dense(weights) => {
                let from = self.input(x, row(weights.depth()))?;
                let [weight, bias] = self.constants(&weights, x, &[weights.outputs(), weights.depth()], 0)?;
                let options =
                    vec![(0, Setting::Byte(activation(weights.clamping))), (2, Setting::Flag(rows > 1))];
                let version = if rows > 1 { 5 } else { 4 };
                let operator = Operator::new("FULLY_CONNECTED", version).with(8, options);
                self.push(operator, &[from, weight, bias], name, row(weights.outputs()), y)?;
            }
            Operation::Conv2d(windows, weights) => {
                let [down, right] = windows.axes;
                let shape = [weights.outputs(), down.taps, right.taps, windows.channels[0]];
                let activation = (3, Setting::Byte(activation(weights.clamping)));
                let dilations = [(4, Setting::size(right.dilation)?), (5, Setting::size(down.dilation)?)];
                let operator = Operator::new("CONV_2D", 3).with(1, [&[activation], &dilations[..]].concat());
                self.convolution(operator, rows, &windows, &weights, (&shape, 0), name, [x, y])?;
            }
            Operation::DepthwiseConv2d(windows, weights) => {
                let [down, right] = windows.axes;
                let shape = [1, down.taps, right.taps, weights.outputs()];
                let options = vec![
                    (3, Setting::size(weights.outputs() / windows.channels[0].max(1))?),
                    (4, Setting::Byte(activation(weights.clamping))),
                    (5, Setting::size(right.dilation)?),
                    (6, Setting::size(down.dilation)?),
                ];
                let operator = Operator::new("DEPTHWISE_CONV_2D", 3).with(2, options);
                self.convolution(operator, rows, &windows, &weights, (&shape, 3), name, [x, y])?;
            }
            Operation::MaxPool2d(windows) => self.pool("MAX_POOL_2D", rows, &windows, name, [x, y])?,
            Operation::AvgPool2d(windows) => self.pool("AVERAGE_POOL_2D", rows, &windows, name, [x, y])?,
            Operation::Mean([height, width, channels]) => {
                let from = self.input(x, vec![rows, height, width, channels])?;
                let axes = self.file.add(Tensor::ints(format!("{name} axes"), &[1, 2]));
                let operator = Operator::new("MEAN", 2).with(27, vec![(0, Setting::Flag(false))]);
                self.push(operator, &[from, axes], name, vec![rows, channels], y)?;
            }
            Operation::Softmax(numbers) => {
                let from = self.input(x, row(numbers))?;
                let operator = Operator::new("SOFTMAX", 2).with(9, vec![(0, Setting::Real(1.0))]);
                self.push(operator, &[from], name, row(numbers), y)?;
            }
            Operation::Logistic(numbers) => {
                self.function(Operator::new("LOGISTIC", 2), row(numbers), name, [x, y])?
            }
            Operation::Tanh(numbers) => {
                self.function(Operator::new("TANH", 2), row(numbers), name, [x, y])?
            }
            Operation::LeakyRelu(numbers, slope) => {
                let operator = Operator::new("LEAKY_RELU", 2).with(75, vec![(0, Setting::Real(slope))]);
                self.function(operator, row(numbers), name, [x, y])?;
            }
            Operation::Branch => self.kept.push(self.last),
            Operation::Add(numbers) => {
                self.any_shape(x, row(numbers))?;
                // The network's input, if none was before the residual.
                let kept = self.kept.pop().flatten().unwrap_or(match self.ends {
                    Ends::Int8 => 0,
                    Ends::Float32 => 1,
                });
                let shape = self.file.shape(kept);
                let from = self.input(x, shape.clone())?;
                let operator = Operator::new("ADD", 2).with(11, vec![(0, Setting::Byte(0))]);
                self.push(operator, &[kept, from], name, shape, y)?;
            }
            _ => return Err(Error::new("TensorFlow Lite has no operator with its results")),
        }
        self.layers += 1;
        Ok(())
    }

    /// A convolution of weights of a shape, whose scales are along a dimension.
    #[expect(clippy::too_many_arguments, reason = "what two kinds of convolutions have in common")]
    fn convolution(
        &mut self,
        operator: Operator,
        rows: usize,
        windows: &Windows,
        weights: &Weights<'_>,
        (shape, axis): (&[usize], usize),
        name: &str,
        [x, y]: [Quantization; 2],
    ) -> Result<(), Error> {
        let [down, right] = windows.axes;
        let mut from = self.input(x, vec![rows, down.input, right.input, windows.channels[0]])?;
        let padding = match padding(windows) {
            Some(padding) => padding,
            None => {
                let borders = [[0; 2], border(&down), border(&right), [0; 2]];
                let shape = self
                    .file
                    .shape(from)
                    .iter()
                    .zip(borders)
                    .map(|(n, [a, b])| n.saturating_add(a).saturating_add(b))
                    .collect();
                let borders =
                    borders.as_flattened().iter().map(|&n| int(n)).collect::<Result<Vec<_>, _>>()?;
                let mut widths = Tensor::ints(format!("{name} borders"), &borders);
                widths.shape = vec![4, 2];
                let widths = self.file.add(widths);
                from =
                    self.push(Operator::new("PAD", 2).with(22, vec![]), &[from, widths], name, shape, x)?;
                VALID
            }
        };
        let [weight, bias] = self.constants(weights, x, shape, axis)?;
        let options = [
            (0, Setting::Byte(padding)),
            (1, Setting::size(right.stride)?),
            (2, Setting::size(down.stride)?),
        ];
        let shape = vec![rows, down.output, right.output, windows.channels[1]];
        self.push(operator.and(&options), &[from, weight, bias], name, shape, y)?;
        Ok(())
    }

    fn pool(
        &mut self,
        operator: &'static str,
        rows: usize,
        windows: &Windows,
        name: &str,
        [x, y]: [Quantization; 2],
    ) -> Result<(), Error> {
        let [down, right] = windows.axes;
        let padding =
            padding(windows).ok_or_else(|| Error::new("TensorFlow Lite pads pools as Valid or Same only"))?;
        let options = vec![
            (0, Setting::Byte(padding)),
            (1, Setting::size(right.stride)?),
            (2, Setting::size(down.stride)?),
            (3, Setting::size(right.taps)?),
            (4, Setting::size(down.taps)?),
        ];
        let from = self.input(x, vec![rows, down.input, right.input, windows.channels[0]])?;
        let shape = vec![rows, down.output, right.output, windows.channels[1]];
        self.push(Operator::new(operator, 2).with(5, options), &[from], name, shape, y)?;
        Ok(())
    }

    /// A function of one number.
    fn function(
        &mut self,
        operator: Operator,
        shape: Vec<usize>,
        name: &str,
        [x, y]: [Quantization; 2],
    ) -> Result<(), Error> {
        let from = self.any_shape(x, shape)?;
        self.push(operator, &[from], name, self.file.shape(from), y)?;
        Ok(())
    }

    /// The last output, under whatever shape; the network's input, of this one, before the first operator.
    fn any_shape(&mut self, x: Quantization, shape: Vec<usize>) -> Result<usize, Error> {
        if let Some(last) = self.last {
            return Ok(last);
        }
        sizes(&shape)?;
        match self.ends {
            Ends::Int8 => {
                let input = self.file.add(Tensor::int8("input".into(), shape, x));
                self.last = Some(input);
                Ok(input)
            }
            Ends::Float32 => {
                let input = self.file.add(Tensor::float("input".into(), shape.clone()));
                self.push(Operator::new("QUANTIZE", 1), &[input], "quantized", shape, x)
            }
        }
    }

    /// The last output under this shape.
    fn input(&mut self, x: Quantization, shape: Vec<usize>) -> Result<usize, Error> {
        let last = self.any_shape(x, shape.clone())?;
        if self.file.shape(last) == shape {
            return Ok(last);
        }
        let sizes = self.file.add(Tensor::ints("shape".into(), &sizes(&shape)?));
        self.push(Operator::new("RESHAPE", 1), &[last, sizes], "reshaped", shape, x)
    }

    /// Adds an operator and the tensor that it puts out.
    fn push(
        &mut self,
        operator: Operator,
        inputs: &[usize],
        name: &str,
        shape: Vec<usize>,
        y: Quantization,
    ) -> Result<usize, Error> {
        sizes(&shape)?;
        let output = self.file.add(Tensor::int8(format!("{name} {}", self.layers), shape, y));
        self.file.operators.push(operator.on(inputs, output));
        self.last = Some(output);
        Ok(output)
    }

    /// Adds the weights, whose scales are along dimension `axis` of `shape`, and the biases.
    fn constants(
        &mut self,
        weights: &Weights<'_>,
        x: Quantization,
        shape: &[usize],
        axis: usize,
    ) -> Result<[usize; 2], Error> {
        let (outputs, depth) = (weights.outputs(), weights.depth());
        if self.file.bytes().saturating_add(outputs.saturating_mul(depth)) > ROOM {
            return Err(Error::new("the weights are too large for a file"));
        }
        let (mut rows, mut scales, mut biases) = (vec![0; outputs * depth], vec![], vec![]);
        for (output, row) in rows.chunks_exact_mut(depth.max(1)).enumerate() {
            let (scale, bias) = weights.row(output, row)?;
            scales.push(scale);
            biases.push(bias);
        }
        let data = match axis {
            0 => rows,
            // By input.
            _ => (0..rows.len()).map(|i| rows[i % outputs * depth + i / outputs]).collect(),
        };
        let name = self.layers;
        let weight = Tensor::weights(format!("weights {name}"), shape.to_vec(), &data, scales.clone(), axis);
        let mut bias = Tensor::ints(format!("biases {name}"), &biases);
        bias.scales = scales.iter().map(|scale| x.scale * scale).collect();
        Ok([self.file.add(weight), self.file.add(bias)])
    }

    /// The file.
    fn finish(mut self) -> Result<Vec<u8>, Error> {
        let last = self.last.ok_or_else(|| Error::new("the network has no layer"))?;
        let output = match self.ends {
            Ends::Int8 => last,
            Ends::Float32 => {
                let output = self.file.add(Tensor::float("output".into(), self.file.shape(last)));
                self.file.operators.push(Operator::new("DEQUANTIZE", 2).on(&[last], output));
                output
            }
        };
        match self.file.bytes() > ROOM {
            true => Err(Error::new("the network is too large for a file")),
            false => Ok(self.file.write(0, output)),
        }
    }
}

/// Paddings, by their numbers in the schema.
const SAME: i8 = 0;
const VALID: i8 = 1;

/// The padding that leaves windows where they are, if there is one.
fn padding(windows: &Windows) -> Option<i8> {
    let valid = |axis: &Axis| axis.before == 0 && reach(axis) <= axis.input;
    // Half of what the last window lacks is before the first position.
    let same = |axis: &Axis| {
        axis.stride > 0
            && axis.output == axis.input.div_ceil(axis.stride)
            && axis.before == reach(axis).saturating_sub(axis.input) / 2
    };
    match &windows.axes {
        axes if axes.iter().all(valid) => Some(VALID),
        axes if axes.iter().all(same) => Some(SAME),
        _ => None,
    }
}

/// Positions that the windows span, those of padding too.
fn reach(axis: &Axis) -> usize {
    let between = |n: usize, step: usize| n.saturating_sub(1).saturating_mul(step);
    between(axis.output, axis.stride).saturating_add(between(axis.taps, axis.dilation)).saturating_add(1)
}

/// Positions of padding before and after.
fn border(axis: &Axis) -> [usize; 2] {
    [axis.before, reach(axis).saturating_sub(axis.before.saturating_add(axis.input))]
}

/// The number of an activation in the schema.
const fn activation(clamping: Clamping) -> i8 {
    match clamping {
        Clamping::None => 0,
        Clamping::Relu => 1,
        Clamping::Relu6 => 3,
    }
}

/// A shape in the file. No runtime has empty tensors.
fn sizes(shape: &[usize]) -> Result<Vec<i32>, Error> {
    match shape.contains(&0) {
        true => Err(Error::new(format!("a layer of no numbers: its shape would be {shape:?}"))),
        false => shape.iter().map(|&size| int(size)).collect(),
    }
}

#[cfg(test)]
#[test]
fn empty_shapes_are_errors() {
    assert_eq!(sizes(&[1, 3]), Ok(vec![1, 3]));
    assert!(sizes(&[1, 0]).unwrap_err().to_string().contains("a layer of no numbers"));
}

/// A size in the file.
fn int(size: usize) -> Result<i32, Error> {
    i32::try_from(size).map_err(|_| Error::new(format!("a size of {size} is too large for a file")))
}
