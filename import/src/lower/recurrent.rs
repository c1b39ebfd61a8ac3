//! The long short-term memory.
//!
//! One of several positions starts each sequence anew. One of a single position would then have no use for its last output: it is for
//! a frame at a time, and its state is kept.
//!
//! Of its 24 inputs: 0 is x; 1 to 4 are W of the gates i, f, g, o; 5 to 8 U; 12 to 15 the biases; 18 and 19 the output's and the cell's
//! state. Those of variants must be missing.

use super::products::{dimensions, tiles};
use super::{Field, Layer, Lowering, Made, Read, moves, states};
use crate::Error;
use crate::graph::{Operator, Tensor};
use fusebox::int8::{Lstm, LstmScales, fold};

/// Inputs of peepholes, projections and normalised layers.
const VARIANTS: [usize; 9] = [9, 10, 11, 16, 17, 20, 21, 22, 23];

/// Numbers of four bytes for an output: its sums, and its state.
const MEMORY: usize = 9;

/// Most outputs: sums of more products may not fit 32 bits.
const WIDEST: usize = 1 << 16;

/// The weights of four gates, `first` and the next inputs of the operator, and their scales.
fn gates(
    lowering: &Lowering<'_, '_>,
    operator: &Operator<'_>,
    first: usize,
    shape: [usize; 2],
) -> Result<(Vec<i8>, [f32; 4]), Error> {
    let (mut weights, mut scales) = (Vec::new(), [0.0; 4]);
    for (gate, scale) in scales.iter_mut().enumerate() {
        let weight = lowering.graph.tensor(lowering.graph.operand(operator, first + gate)?)?;
        if dimensions(&weight)? != shape {
            return Err(weight.error(format!("weights of shape {:?}, {shape:?} are needed", weight.shape)));
        }
        weights.extend(weight.weights()?);
        *scale = match weight.weight_scales(0, shape[0])?[..] {
            [scale] => scale,
            _ => {
                return Err(weight.error("a scale for each output is not supported here, only one of a gate"));
            }
        };
    }
    Ok((weights, scales))
}

/// Positions, rows in a batch, and inputs of each; and whether positions come first.
fn sizes(operator: &Operator<'_>, x: &Tensor<'_>) -> Result<([usize; 3], bool), Error> {
    let is_time_major = operator.byte(3) != 0;
    match x.shape[..] {
        [time, rows, inputs] if is_time_major => Ok(([time, rows, inputs], true)),
        [rows, time, inputs] => Ok(([time, rows, inputs], false)),
        _ => Err(x.error(format!("the shape {:?} is no sequence", x.shape))),
    }
}

pub(super) fn lstm<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, mut value) = lowering.read(operator, 0)?;
    let (index, y) = lowering.written(operator)?;
    let ([time, rows, inputs], is_time_major) = sizes(operator, &x)?;
    let is_stream = [time, rows] == [1, 1];
    let outputs = y.shape.last().copied().unwrap_or(0);
    if y.count() != time * rows * outputs || inputs.max(outputs) > WIDEST {
        return Err(y.error(format!("the shape {:?} does not fit the input's {:?}", y.shape, x.shape)));
    }
    for n in VARIANTS {
        if let Some(index) = lowering.graph.input(operator, n)? {
            return Err(lowering
                .graph
                .tensor(index)?
                .error("peepholes, projections and layer norms are not supported"));
        }
    }
    if operator.byte(0) != 4 {
        return Err(Error::new(format!("activation {} instead of TANH is not supported", operator.byte(0))));
    }
    let (input, input_scales) = gates(lowering, operator, 1, [outputs, inputs])?;
    let (recurrent, recurrent_scales) = gates(lowering, operator, 5, [outputs; 2])?;
    let mut bias = Vec::new();
    for n in 12..16 {
        bias.extend(lowering.graph.tensor(lowering.graph.operand(operator, n)?)?.biases(outputs)?);
    }
    let [hidden, cell] =
        [18, 19].map(|n| lowering.graph.operand(operator, n).and_then(|n| lowering.graph.tensor(n)));
    let (x_numbers, y_numbers) = (x.quantization()?, y.quantization()?);
    if hidden?.quantization()? != y_numbers {
        return Err(y.error("its scale and zero are not those of the state"));
    }
    let scales = LstmScales {
        x: x_numbers,
        input: input_scales,
        recurrent: recurrent_scales,
        cell: cell?.scale()?,
        clip: operator.real(1),
        y: y_numbers,
    };
    // Multipliers do not depend on the sizes.
    let made = Lstm::<1, 1, 1>::new(&[[[0]]; 4], &[[[0]]; 4], &[[0]; 4], &scales)?;
    let mut recurrent_bias = vec![0; bias.len()];
    fold(&input, x_numbers.zero, &mut bias);
    fold(&recurrent, y_numbers.zero, &mut recurrent_bias);
    let layer = Layer {
        name: "lstm",
        kind: format!("int8::Lstm<{time}, {inputs}, {outputs}>"),
        made: Made::Fields(vec![
            ("bias", Field::ints(&bias)),
            ("recurrent_bias", Field::ints(&recurrent_bias)),
            ("input_scale", Field::multipliers(&made.input_scale)),
            ("recurrent_scale", Field::multipliers(&made.recurrent_scale)),
            ("output_scale", Field::multipliers(&[made.output_scale])),
            ("bits", Field::Code(made.bits.to_string())),
            ("clip", Field::Code(made.clip.to_string())),
            ("zero", Field::Code(made.zero.to_string())),
            ("input", tiles(&input, 4 * outputs)),
            ("recurrent", tiles(&recurrent, 4 * outputs)),
        ]),
        macs: (time * rows * 4 * outputs) as u64 * (inputs + outputs) as u64,
        scratch: if is_stream { [0; 2] } else { [4 * MEMORY * outputs; 2] },
    };
    let row = format!("[[i8; {inputs}]; {time}]");
    // The layer has rows first.
    let is_transposed = is_time_major && time > 1 && rows > 1;
    let write = lowering.value(index, &y)?;
    let mut to = write;
    if is_transposed {
        let by_row = lowering.between(&[rows, time, inputs], value);
        moves::swapped(lowering, operator.name, value, &[time, rows, inputs], by_row)?;
        (value, to) = (by_row, lowering.between(&[rows, time, outputs], write));
    }
    lowering.push(operator.name, layer, vec![Read { value, row }], to, rows)?;
    if is_transposed {
        return moves::swapped(lowering, operator.name, to, &[rows, time, outputs], write);
    }
    if is_stream {
        states::carry(lowering, MEMORY * outputs);
    }
    Ok(())
}
