//! Writes tables of TensorFlow Lite's schema: what `schema` reads.

use super::{Error, Kind, Quantization, int};
use crate::graph::number;
use crate::schema::place;
use flatbuffers::{
    FlatBufferBuilder, Push, PushAlignment, TableFinishedWIPOffset as Table, WIPOffset as Offset,
};

type Builder = FlatBufferBuilder<'static>;

/// A tensor.
pub(super) struct Tensor {
    name: String,
    pub(super) shape: Vec<usize>,
    kind: Kind,
    /// A constant's bytes.
    data: Vec<u8>,
    /// One, or one for each along dimension `axis`; none for numbers that stand for themselves.
    pub(super) scales: Vec<f32>,
    zero: i8,
    axis: usize,
}

impl Tensor {
    /// Real activations.
    pub(super) fn float(name: String, shape: Vec<usize>) -> Self {
        Self { name, shape, kind: Kind::Float32, data: vec![], scales: vec![], zero: 0, axis: 0 }
    }

    /// Activations.
    pub(super) fn int8(name: String, shape: Vec<usize>, q: Quantization) -> Self {
        Self { kind: Kind::Int8, scales: vec![q.scale], zero: q.zero, ..Self::float(name, shape) }
    }

    /// A constant.
    pub(super) fn ints(name: String, ints: &[i32]) -> Self {
        let data = ints.iter().flat_map(|int| int.to_le_bytes()).collect();
        Self { kind: Kind::Int32, data, ..Self::float(name, vec![ints.len()]) }
    }

    /// A constant with scales along a dimension.
    pub(super) fn weights(
        name: String,
        shape: Vec<usize>,
        weights: &[i8],
        scales: Vec<f32>,
        axis: usize,
    ) -> Self {
        let data = weights.iter().map(|&weight| weight as u8).collect();
        Self { kind: Kind::Int8, data, scales, axis, ..Self::float(name, shape) }
    }
}

/// An operator, with its options by slot.
pub(super) struct Operator {
    name: &'static str,
    version: i32,
    inputs: Vec<usize>,
    output: usize,
    kind: u8,
    options: Vec<(u16, Setting)>,
}

/// An option's value.
#[derive(Clone, Copy)]
pub(super) enum Setting {
    Byte(i8),
    Flag(bool),
    Int(i32),
    Real(f32),
}

impl Setting {
    pub(super) fn size(size: usize) -> Result<Self, Error> {
        int(size).map(Self::Int)
    }
}

impl Operator {
    /// Without options.
    pub(super) fn new(name: &'static str, version: i32) -> Self {
        Self { name, version, inputs: vec![], output: 0, kind: 0, options: vec![] }
    }

    /// With options, whose table is number `kind` of the union `BuiltinOptions`.
    pub(super) fn with(self, kind: u8, options: Vec<(u16, Setting)>) -> Self {
        Self { kind, options, ..self }
    }

    /// With more options.
    pub(super) fn and(mut self, options: &[(u16, Setting)]) -> Self {
        self.options.extend(options);
        self
    }

    /// From and to these tensors.
    pub(super) fn on(self, inputs: &[usize], output: usize) -> Self {
        Self { inputs: inputs.into(), output, ..self }
    }
}

/// A file of one graph.
#[derive(Default)]
pub(super) struct File {
    tensors: Vec<Tensor>,
    pub(super) operators: Vec<Operator>,
}

impl File {
    /// Adds a tensor and returns its number.
    pub(super) fn add(&mut self, tensor: Tensor) -> usize {
        self.tensors.push(tensor);
        self.tensors.len() - 1
    }

    /// The shape of a tensor.
    pub(super) fn shape(&self, tensor: usize) -> Vec<usize> {
        self.tensors[tensor].shape.clone()
    }

    /// Bytes that it takes, or more.
    pub(super) fn bytes(&self) -> usize {
        let tensor = |tensor: &Tensor| 256 + tensor.data.len() + 12 * tensor.scales.len();
        self.tensors.iter().map(tensor).sum::<usize>() + 256 * self.operators.len()
    }

    /// The file's bytes.
    pub(super) fn write(&self, input: usize, output: usize) -> Vec<u8> {
        let mut b = Builder::new();
        // The first one is that of all tensors that are no constants.
        let constants = self.tensors.iter().map(|tensor| &tensor.data[..]).filter(|data| !data.is_empty());
        let buffers: Vec<_> =
            std::iter::once(&[][..]).chain(constants).map(|data| buffer(&mut b, data)).collect();
        let mut buffer = 0;
        let tensors: Vec<_> = self
            .tensors
            .iter()
            .map(|tensor| {
                buffer += u32::from(!tensor.data.is_empty());
                tensor.write(&mut b, if tensor.data.is_empty() { 0 } else { buffer })
            })
            .collect();
        let mut kinds: Vec<_> =
            self.operators.iter().map(|operator| (operator.name, operator.version)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let operators: Vec<_> = self
            .operators
            .iter()
            .map(|operator| {
                let kind = kinds.partition_point(|kind| *kind < (operator.name, operator.version));
                operator.write(&mut b, kind as u32)
            })
            .collect();
        let codes: Vec<_> = kinds.iter().map(|&(name, version)| code(&mut b, name, version)).collect();

        let (tensors, operators) = (b.create_vector(&tensors), b.create_vector(&operators));
        let (inputs, outputs) = (b.create_vector(&[input as i32]), b.create_vector(&[output as i32]));
        let name = b.create_string("main");
        let graph = table(&mut b, |b| {
            b.push_slot_always(place(0), tensors);
            b.push_slot_always(place(1), inputs);
            b.push_slot_always(place(2), outputs);
            b.push_slot_always(place(3), operators);
            b.push_slot_always(place(4), name);
        });
        let (codes, graphs, buffers) =
            (b.create_vector(&codes), b.create_vector(&[graph]), b.create_vector(&buffers));
        let description = b.create_string("fusebox");
        let model = table(&mut b, |b| {
            b.push_slot_always(place(0), 3_u32);
            b.push_slot_always(place(1), codes);
            b.push_slot_always(place(2), graphs);
            b.push_slot_always(place(3), description);
            b.push_slot_always(place(4), buffers);
        });
        b.finish(model, Some("TFL3"));
        b.finished_data().to_vec()
    }
}

/// A byte of a buffer, whose start is aligned to 16 bytes.
struct Aligned(u8);

impl Push for Aligned {
    type Output = u8;

    unsafe fn push(&self, to: &mut [u8], _: usize) {
        to[0] = self.0;
    }

    fn alignment() -> PushAlignment {
        PushAlignment::new(16)
    }
}

fn buffer(b: &mut Builder, data: &[u8]) -> Offset<Table> {
    let bytes: Vec<_> = data.iter().map(|&byte| Aligned(byte)).collect();
    let data = (!bytes.is_empty()).then(|| b.create_vector(&bytes));
    table(b, |b| {
        if let Some(data) = data {
            b.push_slot_always(place(0), data);
        }
    })
}

fn code(b: &mut Builder, name: &str, version: i32) -> Offset<Table> {
    let code = number(name);
    table(b, |b| {
        // Old readers know only the first of the two, which has no room for numbers above 127.
        b.push_slot_always(place(0), code.min(127) as i8);
        b.push_slot_always(place(2), version);
        b.push_slot_always(place(3), code);
    })
}

impl Tensor {
    fn write(&self, b: &mut Builder, buffer: u32) -> Offset<Table> {
        let shape: Vec<_> = self.shape.iter().map(|&size| size as i32).collect();
        let (shape, name) = (b.create_vector(&shape), b.create_string(&self.name));
        let quantization = (!self.scales.is_empty()).then(|| {
            let zeros = vec![i64::from(self.zero); self.scales.len()];
            let (scales, zeros) = (b.create_vector(&self.scales), b.create_vector(&zeros));
            table(b, |b| {
                b.push_slot_always(place(2), scales);
                b.push_slot_always(place(3), zeros);
                b.push_slot_always(place(6), self.axis as i32);
            })
        });
        table(b, |b| {
            b.push_slot_always(place(0), shape);
            b.push_slot_always(place(1), self.kind.number());
            b.push_slot_always(place(2), buffer);
            b.push_slot_always(place(3), name);
            if let Some(quantization) = quantization {
                b.push_slot_always(place(4), quantization);
            }
            // The shape is known.
            b.push_slot_always(place(8), true);
        })
    }
}

impl Operator {
    fn write(&self, b: &mut Builder, code: u32) -> Offset<Table> {
        let inputs: Vec<_> = self.inputs.iter().map(|&tensor| tensor as i32).collect();
        let (inputs, outputs) = (b.create_vector(&inputs), b.create_vector(&[self.output as i32]));
        let options = (self.kind > 0).then(|| {
            table(b, |b| {
                for &(slot, setting) in &self.options {
                    match setting {
                        Setting::Byte(byte) => b.push_slot_always(place(slot), byte),
                        Setting::Flag(flag) => b.push_slot_always(place(slot), flag),
                        Setting::Int(int) => b.push_slot_always(place(slot), int),
                        Setting::Real(real) => b.push_slot_always(place(slot), real),
                    }
                }
            })
        });
        table(b, |b| {
            b.push_slot_always(place(0), code);
            b.push_slot_always(place(1), inputs);
            b.push_slot_always(place(2), outputs);
            if let Some(options) = options {
                b.push_slot_always(place(3), self.kind);
                b.push_slot_always(place(4), options);
            }
        })
    }
}

fn table(b: &mut Builder, fields: impl FnOnce(&mut Builder)) -> Offset<Table> {
    let start = b.start_table();
    fields(b);
    Offset::new(b.end_table(start).value())
}

#[cfg(test)]
mod tests {
    use super::{File, Operator, Quantization, Tensor};
    use crate::schema::Model;

    #[test]
    fn constants_are_aligned() {
        let mut file = File::default();
        for len in [1, 5, 16, 33, 2] {
            file.add(Tensor::weights("weights".into(), vec![len], &vec![3; len], vec![0.5], 0));
        }
        let q = Quantization { scale: 0.5, zero: 0 };
        let ends = ["a", "b"].map(|name| file.add(Tensor::int8(name.into(), vec![1], q)));
        file.operators.push(Operator::new("LOGISTIC", 2).on(&ends[..1], ends[1]));
        let bytes = file.write(ends[0], ends[1]);
        let buffers = Model::read(&bytes).expect("a file").buffers().expect("buffers");
        let data: Vec<_> =
            buffers.iter().filter_map(|buffer| buffer.data()).map(|data| data.bytes()).collect();
        assert_eq!(data.iter().map(|data| data.len()).collect::<Vec<_>>(), [1, 5, 16, 33, 2]);
        for data in data {
            assert!(data.iter().all(|&byte| byte == 3));
            assert_eq!((data.as_ptr().addr() - bytes.as_ptr().addr()) % 16, 0);
        }
    }
}
