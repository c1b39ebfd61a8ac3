//! Files of TensorFlow Lite, written for tests.

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset as Table, WIPOffset as Offset};

/// The kinds of tensors, by their numbers in the schema.
pub(crate) const FLOAT32: i8 = 0;
pub(crate) const INT32: i8 = 2;
pub(crate) const INT8: i8 = 9;

/// A tensor.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<i32>,
    pub(crate) kind: i8,
    /// A constant's bytes.
    pub(crate) data: Vec<u8>,
    pub(crate) scale: Vec<f32>,
    pub(crate) zero: Vec<i64>,
    pub(crate) axis: i32,
}

impl Tensor {
    /// Activations with a scale and a zero.
    pub(crate) fn int8(shape: &[i32], scale: f32, zero: i64) -> Self {
        Self { shape: shape.into(), kind: INT8, data: vec![], scale: vec![scale], zero: vec![zero], axis: 0 }
    }

    /// Real numbers.
    pub(crate) fn float(shape: &[i32]) -> Self {
        Self { kind: FLOAT32, scale: vec![], zero: vec![], ..Self::int8(shape, 1.0, 0) }
    }

    /// Numbers of a shape that an operator computes.
    pub(crate) fn ints(shape: &[i32]) -> Self {
        Self { kind: INT32, ..Self::float(shape) }
    }

    /// A constant of whole numbers.
    pub(crate) fn of(ints: &[i32]) -> Self {
        let data = ints.iter().flat_map(|int| int.to_le_bytes()).collect();
        Self { data, ..Self::ints(&[ints.len() as i32]) }
    }

    /// A constant of weights.
    pub(crate) fn weights(shape: &[i32], scale: f32, weights: &[i8]) -> Self {
        Self { data: weights.iter().map(|&w| w as u8).collect(), ..Self::int8(shape, scale, 0) }
    }
}

/// An operator: its number in the schema, inputs, outputs, and options that are not 0, by slot.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) code: i32,
    pub(crate) inputs: Vec<i32>,
    pub(crate) outputs: Vec<i32>,
    pub(crate) options: Vec<(u16, Setting)>,
}

/// An option's value.
#[derive(Clone, Copy)]
pub(crate) enum Setting {
    Byte(i8),
    Int(i32),
    Real(f32),
    Text(&'static str),
}

/// An operator without options.
pub(crate) fn operator(code: i32, inputs: &[i32], output: i32) -> Operator {
    Operator { code, inputs: inputs.into(), outputs: vec![output], options: vec![] }
}

impl Operator {
    /// With one more option.
    pub(crate) fn with(mut self, slot: u16, option: Setting) -> Self {
        self.options.push((slot, option));
        self
    }
}

const fn place(slot: u16) -> u16 {
    4 + 2 * slot
}

/// A file with one graph of one input and one output.
pub(crate) fn file(tensors: &[Tensor], operators: &[Operator], input: i32, output: i32) -> Vec<u8> {
    file_of(tensors, operators, &[input], &[output])
}

/// A file with one graph. A signature names its ends as its tensors.
pub(crate) fn file_of(
    tensors: &[Tensor],
    operators: &[Operator],
    inputs: &[i32],
    outputs: &[i32],
) -> Vec<u8> {
    file_of_two(tensors, [operators, &[]], inputs, outputs)
}

/// A file with two graphs of the same tensors. A signature names the ends of the first one as its tensors.
pub(crate) fn file_of_two(
    tensors: &[Tensor],
    operators: [&[Operator]; 2],
    inputs: &[i32],
    outputs: &[i32],
) -> Vec<u8> {
    let mut b = FlatBufferBuilder::new();
    let buffers: Vec<_> = std::iter::once(&vec![])
        .chain(tensors.iter().map(|tensor| &tensor.data))
        .map(|data| {
            let data = (!data.is_empty()).then(|| b.create_vector(data));
            table(&mut b, |b| {
                if let Some(data) = data {
                    b.push_slot_always(place(0), data);
                }
            })
        })
        .collect();
    let tables: Vec<_> =
        tensors.iter().enumerate().map(|(i, tensor)| write_tensor(&mut b, i, tensor)).collect();
    let all = operators.concat();
    let calls: Vec<_> =
        all.iter().enumerate().map(|(i, operator)| write_operator(&mut b, i, operator)).collect();
    let codes: Vec<_> = all
        .iter()
        .map(|operator| {
            let custom = (operator.code == 32).then(|| b.create_string("RESHAPE"));
            table(&mut b, |b| {
                b.push_slot_always(place(0), operator.code.min(127) as i8);
                b.push_slot_always(place(3), operator.code);
                if let Some(custom) = custom {
                    b.push_slot_always(place(1), custom);
                }
            })
        })
        .collect();
    let (calls, others) = calls.split_at(operators[0].len());
    let (tables, calls, others) = (b.create_vector(&tables), b.create_vector(calls), b.create_vector(others));
    let names = [inputs, outputs].map(|ends| {
        let named: Vec<_> = ends.iter().map(|&end| write_name(&mut b, end)).collect();
        b.create_vector(&named)
    });
    let signature = table(&mut b, |b| {
        b.push_slot_always(place(0), names[0]);
        b.push_slot_always(place(1), names[1]);
    });
    let signatures = b.create_vector(&[signature]);
    let (inputs, outputs) = (b.create_vector(inputs), b.create_vector(outputs));
    let graph = table(&mut b, |b| {
        b.push_slot_always(place(0), tables);
        b.push_slot_always(place(1), inputs);
        b.push_slot_always(place(2), outputs);
        b.push_slot_always(place(3), calls);
    });
    let other = table(&mut b, |b| {
        b.push_slot_always(place(0), tables);
        b.push_slot_always(place(3), others);
    });
    let (codes, graphs, buffers) =
        (b.create_vector(&codes), b.create_vector(&[graph, other]), b.create_vector(&buffers));
    let model = table(&mut b, |b| {
        b.push_slot_always(place(0), 3_u32);
        b.push_slot_always(place(1), codes);
        b.push_slot_always(place(2), graphs);
        b.push_slot_always(place(4), buffers);
        b.push_slot_always(place(7), signatures);
    });
    b.finish(model, Some("TFL3"));
    b.finished_data().to_vec()
}

fn table(
    b: &mut FlatBufferBuilder<'static>,
    fields: impl FnOnce(&mut FlatBufferBuilder<'static>),
) -> Offset<Table> {
    let start = b.start_table();
    fields(b);
    Offset::new(b.end_table(start).value())
}

fn write_name(b: &mut FlatBufferBuilder<'static>, tensor: i32) -> Offset<Table> {
    let name = b.create_string(&format!("t{tensor}"));
    table(b, |b| {
        b.push_slot_always(place(0), name);
        b.push_slot_always(place(1), tensor as u32);
    })
}

fn write_tensor(b: &mut FlatBufferBuilder<'static>, i: usize, tensor: &Tensor) -> Offset<Table> {
    let (shape, name) = (b.create_vector(&tensor.shape), b.create_string(&format!("t{i}")));
    let quantization = (!tensor.scale.is_empty()).then(|| {
        let (scale, zero) = (b.create_vector(&tensor.scale), b.create_vector(&tensor.zero));
        table(b, |b| {
            b.push_slot_always(place(2), scale);
            b.push_slot_always(place(3), zero);
            b.push_slot_always(place(6), tensor.axis);
        })
    });
    table(b, |b| {
        b.push_slot_always(place(0), shape);
        b.push_slot_always(place(1), tensor.kind);
        b.push_slot_always(place(2), i as u32 + 1);
        b.push_slot_always(place(3), name);
        if let Some(quantization) = quantization {
            b.push_slot_always(place(4), quantization);
        }
    })
}

fn write_operator(b: &mut FlatBufferBuilder<'static>, i: usize, operator: &Operator) -> Offset<Table> {
    let (inputs, outputs) = (b.create_vector(&operator.inputs), b.create_vector(&operator.outputs));
    let texts: Vec<_> = operator
        .options
        .iter()
        .filter_map(|&(slot, option)| match option {
            Setting::Text(text) => Some((slot, b.create_string(text))),
            _ => None,
        })
        .collect();
    let options = table(b, |b| {
        for (slot, text) in texts {
            b.push_slot_always(place(slot), text);
        }
        for &(slot, option) in &operator.options {
            match option {
                Setting::Text(_) => {}
                Setting::Byte(byte) => b.push_slot_always(place(slot), byte),
                Setting::Int(int) => b.push_slot_always(place(slot), int),
                Setting::Real(real) => b.push_slot_always(place(slot), real),
            }
        }
    });
    table(b, |b| {
        b.push_slot_always(place(0), i as u32);
        b.push_slot_always(place(1), inputs);
        b.push_slot_always(place(2), outputs);
        b.push_slot_always(place(4), options);
    })
}

/// A network whose outputs are the positive numbers of its input, of two frames ago, of the last frame and of this one: one variable,
/// `old`, gets what the other one kept, which gets the third output.
pub(crate) fn delay() -> Vec<u8> {
    let q = Tensor::int8(&[1, 3], 0.25, -3);
    let handle = Tensor { kind: 13, ..Tensor::float(&[]) };
    let tensors = [q.clone(), handle.clone(), handle, q.clone(), q.clone(), q];
    let (handle, read) = (
        |tensor, name| operator(142, &[], tensor).with(1, Setting::Text(name)),
        |from, to| operator(143, &[from], to),
    );
    let assign = |handle, value| Operator { outputs: vec![], ..operator(144, &[handle, value], 0) };
    let operators = [
        handle(1, "new"),
        handle(2, "old"),
        read(1, 3),
        read(2, 4),
        assign(2, 3),
        operator(19, &[0], 5),
        assign(1, 5),
    ];
    file_of(&tensors, &operators, &[0], &[4, 3, 5])
}

/// A graph of every kind of edge: values that several operators read, real numbers at its ends, shapes that are computed.
pub(crate) fn branches() -> Vec<u8> {
    use Setting::{Byte, Int, Real};
    let q = |shape: &[i32]| Tensor::int8(shape, 0.25, -3);
    let weights: Vec<i8> = (0..36).map(|i| (i * 37 % 101) as i8 - 50).collect();
    let filters =
        Tensor { scale: vec![0.01, 0.02], zero: vec![0; 2], ..Tensor::weights(&[2, 3, 3, 2], 1.0, &weights) };
    let tensors = [
        Tensor::float(&[1, 4, 4, 2]),
        q(&[1, 4, 4, 2]), // 1: quantised
        filters,
        Tensor::of(&[100, -200]),
        Tensor::int8(&[1, 4, 4, 2], 0.5, 4), // 4: convolved
        q(&[1, 4, 4, 2]),                    // 5: 1 + 4
        q(&[1, 4, 4, 2]),                    // 6: 5 times 1
        q(&[1, 4, 4, 6]),                    // 7: 5, 6, 1
        Tensor { shape: vec![4, 2], ..Tensor::of(&[0, 0, 1, 0, 0, 1, 0, 0]) },
        q(&[1, 5, 5, 6]), // 9: padded
        q(&[1, 4, 4, 6]), // 10: the largest of windows
        Tensor::of(&[1, 2]),
        Tensor::int8(&[1, 6], 0.125, 0), // 12: the mean
        Tensor::ints(&[4]),              // 13: the shape of 10
        Tensor::of(&[0]),
        Tensor::of(&[1]),
        Tensor::ints(&[]), // 16: 1 of it
        Tensor::of(&[3]),
        Tensor::of(&[2]),
        Tensor::ints(&[3]),                          // 19: 1, 3, 2
        Tensor::int8(&[1, 3, 2], 0.125, 0),          // 20: 12 in this shape
        Tensor::int8(&[1, 3, 2], 1.0 / 256.0, -128), // 21: its logistic function
        Tensor::weights(&[3, 2], 0.1, &[10, -20, 30, 40, -50, 60]),
        Tensor::int8(&[3, 3], 0.05, 1),           // 23: three rows multiplied
        Tensor::int8(&[3, 3], 1.0 / 256.0, -128), // 24: their softmax
        Tensor::float(&[3, 3]),
    ];
    let operators = [
        operator(114, &[0], 1),
        operator(3, &[1, 2, 3], 4).with(1, Int(1)).with(2, Int(1)).with(3, Byte(1)),
        operator(0, &[1, 4], 5),
        operator(18, &[5, 1], 6).with(0, Byte(3)),
        operator(2, &[5, 6, 1], 7).with(0, Int(-1)),
        operator(34, &[7, 8], 9),
        operator(17, &[9], 10)
            .with(0, Byte(1))
            .with(1, Int(1))
            .with(2, Int(1))
            .with(3, Int(2))
            .with(4, Int(2)),
        operator(40, &[10, 11], 12),
        operator(77, &[10], 13),
        operator(45, &[13, 14, 15, 15], 16).with(4, Int(1)),
        operator(83, &[16, 17, 18], 19).with(0, Int(3)),
        operator(22, &[12, 19], 20),
        operator(14, &[20], 21),
        operator(9, &[21, 22], 23),
        operator(25, &[23], 24).with(0, Real(1.0)),
        operator(6, &[24], 25),
    ];
    file(&tensors, &operators, 0, 25)
}
