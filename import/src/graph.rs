//! A file as a graph: tensors, and operators on them in the order in which they run.
//!
//! Everything that layers rely on is checked here or in [`Graph`]'s methods: shapes, kinds of numbers, ranges of constants,
//! quantisation. A tensor is read when an operator asks for it, so what no operator uses may be anything.

use crate::{Error, schema};
use fusebox::int8::Quantization;
use std::collections::BTreeMap;
use std::fmt;

/// What a tensor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Float32,
    Int32,
    Int64,
    Int16,
    Int8,
    /// Two in a byte, the first one in its low bits.
    Int4,
    /// A kind that no layer has, by its number in the schema.
    Other(i8),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::Float32 => "FLOAT32",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Int16 => "INT16",
            Self::Int8 => "INT8",
            Self::Int4 => "INT4",
            Self::Other(kind) => {
                let name = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind).copied());
                name.unwrap_or("numbers of an unknown kind")
            }
        };
        f.write_str(name)
    }
}

/// The kinds of the schema, by number.
#[rustfmt::skip]
const KINDS: [&str; 20] = [
    "FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64", "INT8", "FLOAT64",
    "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4", "BFLOAT16", "INT2",
];

impl Kind {
    /// Its number in the schema.
    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Float32 => 0,
            Self::Int32 => 2,
            Self::Int64 => 4,
            Self::Int16 => 7,
            Self::Int8 => 9,
            Self::Int4 => 17,
            Self::Other(number) => number,
        }
    }

    /// Bits of a number.
    const fn bits(self) -> usize {
        match self {
            Self::Int4 => 4,
            Self::Int8 => 8,
            Self::Int16 => 16,
            Self::Int64 => 64,
            _ => 32,
        }
    }

    /// Bytes of so many numbers.
    pub(crate) const fn bytes(self, count: usize) -> usize {
        count.saturating_mul(self.bits()).div_ceil(8)
    }
}

/// A tensor's form.
#[derive(Clone, Debug)]
pub(crate) struct Tensor<'a> {
    index: usize,
    /// At most [`RANK`] dimensions, whose product is less than 2^31. A batch, the first, is of one.
    pub shape: Vec<usize>,
    pub kind: Kind,
    /// The numbers of a constant.
    pub data: Option<&'a [u8]>,
    table: schema::Tensor<'a>,
}

/// Most dimensions of a tensor.
const RANK: usize = 6;

/// Most inputs, and most outputs, of a network.
const ENDS: usize = 16;

/// An operator's name and operands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator<'a> {
    pub index: usize,
    pub name: &'a str,
    /// Whether the name is of the file's choice.
    pub is_custom: bool,
    table: schema::Operator<'a>,
}

/// The network of a file.
pub(crate) struct Graph<'a> {
    model: schema::Model<'a>,
    graph: schema::Graph<'a>,
    /// Most tensors and operators.
    room: usize,
    /// Constants that operators on shapes have computed, by tensor.
    pub folded: BTreeMap<usize, Vec<i32>>,
}

impl<'a> Graph<'a> {
    /// The first graph of `bytes`, a file.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let model = schema::Model::read(bytes)?;
        match model.version() {
            Some(3) => {}
            version => {
                let version = version.unwrap_or(0);
                return Err(Error::new(format!(
                    "the file's schema is version {version}, only 3 is supported"
                )));
            }
        }
        // A tensor or an operator takes at least so many bytes: tables that are in the lists again and again do not.
        Self::at(model, 0, bytes.len() / 32)
    }

    /// Another graph of the same file.
    pub(crate) fn other(&self, index: usize) -> Result<Self, Error> {
        Self::at(self.model, index, self.room)
    }

    fn at(model: schema::Model<'a>, index: usize, room: usize) -> Result<Self, Error> {
        let graphs = model.graphs().unwrap_or_default();
        if index >= graphs.len() {
            return Err(Error::new(match graphs.len() {
                0 => "the file has no graph".into(),
                n => format!("graph {index} of {n}"),
            }));
        }
        let graph = graphs.get(index);
        let read = Self { model, graph, room, folded: BTreeMap::new() };
        match read.tensors().saturating_add(graph.operators().map_or(0, |list| list.len())) > room {
            true => Err(Error::new(
                "damaged TensorFlow Lite file: more tensors and operators than it has room for",
            )),
            false => Ok(read),
        }
    }

    /// How many tensors there are.
    pub(crate) fn tensors(&self) -> usize {
        self.graph.tensors().map_or(0, |tensors| tensors.len())
    }

    /// The tensors that the network takes, in order.
    pub(crate) fn inputs(&self) -> Result<Vec<usize>, Error> {
        self.ends(self.graph.inputs(), "input")
    }

    /// The tensors that it gives.
    pub(crate) fn outputs(&self) -> Result<Vec<usize>, Error> {
        self.ends(self.graph.outputs(), "output")
    }

    fn ends(&self, list: Option<flatbuffers::Vector<'_, i32>>, what: &str) -> Result<Vec<usize>, Error> {
        let list = list.unwrap_or_default();
        match list.len() {
            1..=ENDS => list.iter().map(|tensor| self.index(tensor)).collect(),
            n => Err(Error::new(format!("the network has {n} {what}s, 1 to {ENDS} are supported"))),
        }
    }

    /// What the first signature of the graph calls an input or output.
    pub(crate) fn name(&self, tensor: usize, is_input: bool) -> Option<&'a str> {
        let mut signatures = self.model.signatures().unwrap_or_default().iter();
        let signature = signatures.find(|signature| signature.graph().unwrap_or(0) == 0)?;
        let names = if is_input { signature.inputs() } else { signature.outputs() };
        let mut names = names.unwrap_or_default().iter();
        names.find(|named| named.tensor().unwrap_or(0) as usize == tensor)?.name()
    }

    /// The operators, in order.
    pub(crate) fn operators(&self) -> impl ExactSizeIterator<Item = Result<Operator<'a>, Error>> + use<'a> {
        let codes = self.model.codes().unwrap_or_default();
        self.graph.operators().unwrap_or_default().iter().enumerate().map(move |(index, table)| {
            let code = table.code().unwrap_or(0) as usize;
            if code >= codes.len() {
                return Err(Error::new(format!("operator {index}: code {code} of {}", codes.len())));
            }
            let code = codes.get(code);
            let builtin = code.builtin().unwrap_or(0).max(code.old().unwrap_or(0).into());
            let Some(&name) = usize::try_from(builtin).ok().and_then(|builtin| NAMES.get(builtin)) else {
                return Err(Error::new(format!("operator {index}: its number {builtin} is not known")));
            };
            let is_custom = name == "CUSTOM";
            let name = if is_custom { code.custom().unwrap_or(name) } else { name };
            Ok(Operator { index, name, is_custom, table })
        })
    }

    /// `tensor`, a number in the file, as an index.
    fn index(&self, tensor: i32) -> Result<usize, Error> {
        let index = usize::try_from(tensor).ok().filter(|&index| index < self.tensors());
        index.ok_or_else(|| Error::new(format!("tensor {tensor} of {}", self.tensors())))
    }

    /// The tensor of an index that [`Graph`] has returned.
    pub(crate) fn tensor(&self, index: usize) -> Result<Tensor<'a>, Error> {
        let tensors = self.graph.tensors().unwrap_or_default();
        if index >= tensors.len() {
            return Err(Error::new(format!("tensor {index} of {}", tensors.len())));
        }
        let table = tensors.get(index);
        let kind = match table.kind().unwrap_or(0) {
            0 => Kind::Float32,
            2 => Kind::Int32,
            4 => Kind::Int64,
            7 => Kind::Int16,
            9 => Kind::Int8,
            17 => Kind::Int4,
            other => Kind::Other(other),
        };
        let mut tensor = Tensor { index, shape: Vec::new(), kind, data: None, table };
        let dimensions = table.shape().unwrap_or_default();
        let signature = table.signature().unwrap_or_default();
        if dimensions.len() > RANK {
            return Err(
                tensor.error(format!("{} dimensions, at most {RANK} are supported", dimensions.len()))
            );
        }
        // The first dimension may be a batch of any size, which the file says is one.
        if dimensions.iter().any(|n| n <= 0) || signature.iter().skip(1).any(|n| n < 0) {
            return Err(tensor.error(
                "a dimension that is known only at run time: convert a model whose batch has a fixed size",
            ));
        }
        tensor.shape = dimensions.iter().map(|n| n as usize).collect();
        let count = tensor.shape.iter().try_fold(1_i32, |count, &n| count.checked_mul(n.try_into().ok()?));
        if count.is_none() {
            return Err(tensor.error(format!("the shape {:?} has 2^31 elements or more", tensor.shape)));
        }
        tensor.data = self.data(&tensor)?;
        Ok(tensor)
    }

    /// The numbers of `tensor`, if it is a constant.
    fn data(&self, tensor: &Tensor<'a>) -> Result<Option<&'a [u8]>, Error> {
        let (buffer, buffers) =
            (tensor.table.buffer().unwrap_or(0) as usize, self.model.buffers().unwrap_or_default());
        if tensor.table.external().unwrap_or(0) != 0 {
            return Err(tensor.error("its numbers are in another file"));
        }
        if buffer == 0 && buffers.is_empty() {
            return Ok(None);
        }
        if buffer >= buffers.len() {
            return Err(tensor.error(format!("buffer {buffer} of {}", buffers.len())));
        }
        let buffer = buffers.get(buffer);
        if buffer.offset().unwrap_or(0) > 1 {
            return Err(tensor.error("its numbers are outside the file's tables"));
        }
        let data = buffer.data().map(|data| data.bytes()).filter(|data| !data.is_empty());
        match data {
            Some(_) if tensor.table.sparsity().is_some() => {
                Err(tensor.error("sparse numbers are not supported"))
            }
            Some(data) if matches!(tensor.kind, Kind::Other(_)) || data.len() == tensor.bytes() => {
                Ok(Some(data))
            }
            Some(data) => Err(tensor.error(format!(
                "{} bytes of numbers, its shape needs {}",
                data.len(),
                tensor.bytes()
            ))),
            None => Ok(None),
        }
    }

    /// The whole numbers of a constant, in the file or computed: a shape, axes, widths of padding.
    pub(crate) fn ints(&self, index: usize) -> Result<Vec<i32>, Error> {
        if let Some(folded) = self.folded.get(&index) {
            return Ok(folded.clone());
        }
        let tensor = self.tensor(index)?;
        match tensor.data {
            Some(data) if tensor.kind == Kind::Int32 => Ok(tensor.numbers(data)),
            Some(_) => Err(tensor.error(format!("INT32 is needed, not {}", tensor.kind))),
            None => Err(tensor.error("is no constant, so a shape is known only at run time")),
        }
    }

    /// What stands for a number of `operator` in its list of inputs: `None` if it is left out.
    pub(crate) fn input(&self, operator: &Operator<'a>, n: usize) -> Result<Option<usize>, Error> {
        let inputs = operator.table.inputs().unwrap_or_default();
        match n < inputs.len() {
            true if inputs.get(n) == -1 => Ok(None),
            true => self.index(inputs.get(n)).map(Some),
            false => Ok(None),
        }
    }

    /// [`Graph::input`] that may not be left out.
    pub(crate) fn operand(&self, operator: &Operator<'a>, n: usize) -> Result<usize, Error> {
        self.input(operator, n)?.ok_or_else(|| Error::new(format!("input {n} is missing")))
    }

    /// The tensor that an operator writes, of those that write `count` the one of number `n`.
    pub(crate) fn output(&self, operator: &Operator<'a>, n: usize, count: usize) -> Result<usize, Error> {
        let outputs = operator.table.outputs().unwrap_or_default();
        match n < count && outputs.len() == count {
            true => self.index(outputs.get(n)),
            false => Err(Error::new(format!("{} outputs, expected {count}", outputs.len()))),
        }
    }
}

impl<'a> Operator<'a> {
    /// How many inputs it has.
    pub(crate) fn inputs(&self) -> usize {
        self.table.inputs().map_or(0, |inputs| inputs.len())
    }

    /// How many outputs it has.
    pub(crate) fn outputs(&self) -> usize {
        self.table.outputs().map_or(0, |outputs| outputs.len())
    }

    /// The number `slot` of its options, a byte, or 0.
    pub(crate) fn byte(&self, slot: u16) -> i8 {
        self.table.options().and_then(|options| options.byte(slot)).unwrap_or(0)
    }

    /// The number `slot` of its options, or `default`.
    pub(crate) fn int(&self, slot: u16, default: i32) -> i32 {
        self.table.options().and_then(|options| options.int(slot)).unwrap_or(default)
    }

    /// The text `slot` of its options.
    pub(crate) fn text(&self, slot: u16) -> Result<&'a str, Error> {
        let text = self.table.options().map_or(Some(""), |options| options.text(slot));
        text.ok_or_else(|| Error::new(format!("option {slot} is no text")))
    }

    /// The real number `slot` of its options, or 0.
    pub(crate) fn real(&self, slot: u16) -> f32 {
        self.table.options().and_then(|options| options.real(slot)).unwrap_or(0.0)
    }
}

impl Tensor<'_> {
    /// How many numbers it has.
    pub(crate) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.kind.bytes(self.count())
    }

    /// Whether a streaming network keeps it from one run to the next.
    pub(crate) fn is_variable(&self) -> bool {
        self.table.is_variable().unwrap_or(false)
    }

    /// An error about it.
    pub(crate) fn error(&self, what: impl fmt::Display) -> Error {
        let name: String = self.table.name().unwrap_or("").chars().take(60).collect();
        Error::new(format!("tensor {} `{name}`: {what}", self.index))
    }

    /// Errors unless it is of `kind`.
    pub(crate) fn expect(&self, kind: Kind) -> Result<(), Error> {
        match self.kind == kind {
            true => Ok(()),
            false => Err(self.error(format!("{kind} is needed, not {}", self.kind))),
        }
    }

    /// `data` as numbers of 32 bits.
    fn numbers(&self, data: &[u8]) -> Vec<i32> {
        data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect()
    }

    /// The numbers of a constant of bytes.
    pub(crate) fn weights(&self) -> Result<Vec<i8>, Error> {
        self.expect(Kind::Int8)?;
        let data = self.data.ok_or_else(|| self.error("weights must be constants"))?;
        Ok(data.iter().map(|&byte| byte as i8).collect())
    }

    /// [`Tensor::weights`], or of four bits, which become bytes.
    pub(crate) fn small_weights(&self) -> Result<Vec<i8>, Error> {
        match (self.kind, self.data) {
            (Kind::Int4, Some(data)) => {
                let both = data.iter().flat_map(|&byte| [(byte << 4) as i8 >> 4, byte as i8 >> 4]);
                Ok(both.take(self.count()).collect())
            }
            _ => self.weights(),
        }
    }

    /// A constant of real numbers.
    pub(crate) fn reals(&self) -> Result<Vec<f32>, Error> {
        self.expect(Kind::Float32)?;
        let data = self.data.ok_or_else(|| self.error("weights must be constants"))?;
        Ok(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// A constant of `count` numbers of 32 bits.
    pub(crate) fn biases(&self, count: usize) -> Result<Vec<i32>, Error> {
        self.expect(Kind::Int32)?;
        let data = self.data.ok_or_else(|| self.error("biases must be constants"))?;
        match self.count() == count {
            true => Ok(self.numbers(data)),
            false => Err(self.error(format!("{} biases for {count} outputs", self.count()))),
        }
    }

    /// Biases of 64 bits, or of 32, and whether they have 64.
    pub(crate) fn wide_biases(&self, count: usize) -> Result<(Vec<i64>, bool), Error> {
        if self.kind != Kind::Int64 {
            return Ok((self.biases(count)?.into_iter().map(i64::from).collect(), false));
        }
        let data = self.data.ok_or_else(|| self.error("biases must be constants"))?;
        match self.count() == count {
            true => Ok((data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(), true)),
            false => Err(self.error(format!("{} biases for {count} outputs", self.count()))),
        }
    }

    /// The numbers of a constant of 16 bits.
    pub(crate) fn wide_numbers(&self) -> Result<Vec<i16>, Error> {
        self.expect(Kind::Int16)?;
        let data = self.data.ok_or_else(|| self.error("is no constant"))?;
        Ok(data.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect())
    }

    /// What the numbers of activations of eight bits stand for.
    pub(crate) fn quantization(&self) -> Result<Quantization, Error> {
        self.expect(Kind::Int8)?;
        let (scales, zeros) = self.scales()?;
        match (&scales[..], &zeros[..]) {
            (&[scale], &[zero]) => match i8::try_from(zero) {
                Ok(zero) => Quantization { scale, zero }.checked().map_err(|error| self.error(error)),
                Err(_) => Err(self.error(format!("its zero is {zero}, not from -128 to 127"))),
            },
            ([], _) => Err(self.error("it has no quantisation: convert with full integer quantisation")),
            _ => Err(self.error(format!(
                "{} scales and {} zeros, one of each is needed",
                scales.len(),
                zeros.len()
            ))),
        }
    }

    /// The scale of numbers of 16 bits, whose zero is 0.
    pub(crate) fn scale(&self) -> Result<f32, Error> {
        self.expect(Kind::Int16)?;
        let (scales, zeros) = self.scales()?;
        match (&scales[..], &zeros[..]) {
            (&[scale], &[0]) => {
                let q = Quantization { scale, zero: 0 }.checked();
                q.map(|q| q.scale).map_err(|error| self.error(error))
            }
            ([], _) => Err(self.error("it has no quantisation: convert with full integer quantisation")),
            _ => Err(self.error(format!("scales {scales:?} and zeros {zeros:?}, one and 0 are needed"))),
        }
    }

    /// What the numbers of activations of any kind stand for: none of its own if they are real.
    pub(crate) fn meaning(&self, what: &str) -> Result<Option<Quantization>, Error> {
        match self.kind {
            Kind::Int8 => self.quantization().map(Some),
            Kind::Int16 => self.scale().map(|scale| Some(Quantization { scale, zero: 0 })),
            Kind::Float32 => Ok(None),
            kind => Err(self.error(format!("{what} must be INT8, INT16 or FLOAT32, not {kind}"))),
        }
    }

    /// The scales of weights, one or one for each of the `count` along dimension `axis`.
    pub(crate) fn weight_scales(&self, axis: usize, count: usize) -> Result<Vec<f32>, Error> {
        let (scales, zeros) = self.scales()?;
        let along = self.table.quantization().and_then(|q| q.axis()).unwrap_or(0);
        if let Some(zero) = zeros.iter().find(|&&zero| zero != 0) {
            return Err(self.error(format!("the zero of weights is {zero}, not 0")));
        }
        if scales.len() != 1 && scales.len() != count {
            return Err(self.error(format!("{} scales for {count} outputs", scales.len())));
        }
        if scales.len() > 1 && usize::try_from(along) != Ok(axis) {
            return Err(self.error(format!("scales along dimension {along}, not {axis}")));
        }
        match scales.iter().find(|scale| !(**scale > 0.0 && scale.is_finite())) {
            Some(scale) => Err(self.error(format!("the scale {scale} is not positive and finite"))),
            None => Ok(scales),
        }
    }

    fn scales(&self) -> Result<(Vec<f32>, Vec<i64>), Error> {
        let Some(quantization) = self.table.quantization() else { return Ok((Vec::new(), Vec::new())) };
        if quantization.details().unwrap_or(0) != 0 {
            return Err(self.error("quantisation by blocks or of another kind is not supported"));
        }
        let scales: Vec<_> = quantization.scale().unwrap_or_default().iter().collect();
        let zeros: Vec<_> = quantization.zero().unwrap_or_default().iter().collect();
        Ok((scales, zeros))
    }
}

/// The number of an operator of the schema; of none, one that no operator has.
pub(crate) fn number(name: &str) -> i32 {
    NAMES.iter().position(|known| *known == name).unwrap_or(NAMES.len()) as i32
}

/// The operators of the schema, by number.
#[rustfmt::skip]
const NAMES: [&str; 162] = [
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE",
    "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1",
    "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS",
    "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP", "TOPK_V2", "SPLIT",
    "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS",
    "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV",
    "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW",
    "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT",
    "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE",
    "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL",
    "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE",
    "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM",
    "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND",
    "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE",
    "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU",
    "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM",
    "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT",
];
