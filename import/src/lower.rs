//! From operators to layers of fusebox.
//!
//! | file | operators |
//! |---|---|
//! | `products` | fully connected, convolutions |
//! | `pictures` | pools, means, the largest along an axis, padding |
//! | `numbers` | activations, softmax, scales, sums and products of two tensors |
//! | `constants` | activations that are constants |
//! | `moves` | transpositions: the same numbers in another order |
//! | `wide` | the same operators on activations of 16 bits |
//! | `parts` | slices, splits, concatenations, repeated numbers: the same numbers elsewhere |
//! | `real` | those on real numbers |
//! | `recurrent` | the long short-term memory |
//! | `shapes` | operators on shapes, which are computed here, and those that change a shape alone |
//! | `states` | variables, which are kept from run to run |

mod constants;
mod moves;
mod numbers;
mod parts;
mod pictures;
mod products;
mod real;
mod recurrent;
mod shapes;
mod states;
mod wide;

pub(crate) use states::{Start, State};

use crate::graph::{Graph, Kind, Operator, Tensor};
use crate::{Error, Options, Runtime};
use fusebox::int8::{Clamp, Multiplier, Quantization};
use std::collections::{BTreeMap, BTreeSet};

/// A network of layers: what is written.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// What they read and write.
    pub values: Vec<Value>,
    pub inputs: Vec<End>,
    pub outputs: Vec<End>,
    /// What is kept from run to run, and a number that is 0 before the first one.
    pub states: Vec<State>,
    pub started: Option<usize>,
}

impl Lowered {
    /// The values that are kept from run to run.
    pub(crate) fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        self.states.iter().map(|state| state.value).chain(self.started)
    }
}

/// An input or output.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// Of the field, if there are several.
    pub name: String,
    /// As a type.
    pub row: String,
    pub value: usize,
}

/// A layer that reads some values, one or two, and writes one.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub operator: String,
    pub layer: Layer,
    pub reads: Vec<Read>,
    pub write: usize,
    /// What the layer keeps from run to run, if it runs as a stream.
    pub past: Option<usize>,
    /// How many of the layer's rows a row of the network has.
    pub rows: usize,
}

/// A value as the layer sees it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub value: usize,
    pub row: String,
}

/// A tensor in memory, under whatever shape.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Of a row.
    pub shape: Vec<usize>,
    pub bytes: usize,
    pub kind: Kind,
    /// `None` for real numbers.
    pub quantization: Option<Quantization>,
}

/// A layer: its type, and how it is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// Of the field, before a number.
    pub name: &'static str,
    /// As Rust writes it.
    pub kind: String,
    pub made: Made,
    pub macs: u64,
    /// Bytes of scratch, or none: at least, and at most.
    pub scratch: [usize; 2],
}

/// How a layer is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Made {
    /// By an expression.
    Code(String),
    /// By an expression, a `Result`.
    Call(String),
    /// Of the bytes of all its numbers.
    Bytes(Vec<u8>),
    /// Of fields.
    Fields(Vec<(&'static str, Field)>),
    /// It is that of an earlier step.
    Same(usize),
}

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    /// An expression.
    Code(String),
    /// Bytes.
    Data(Vec<u8>),
    /// Numbers of 64 bits, which are written out: data has none that are aligned to eight bytes.
    Longs(Vec<i64>),
}

/// Of a tensor that is no variable with a name, but kept.
const STATE: &str = "a state that this operator keeps from run to run is not supported";

/// Most operators of a network.
const OPERATORS: usize = 10_000;

/// The network of a graph.
pub(crate) fn lower(graph: &mut Graph<'_>, options: &Options, file: usize) -> Result<Lowered, Error> {
    let (inputs, outputs) = (graph.inputs()?, graph.outputs()?);
    // A layer's tensors and operator take more in a file; what is over is for small ones.
    let room = file / 128 + 64;
    let mut lowering = Lowering {
        graph,
        options,
        room,
        known: BTreeMap::new(),
        variables: states::Variables::default(),
        values: Vec::new(),
        steps: Vec::new(),
    };
    for &input in &inputs {
        let at = |error: Error| error.at("the input");
        let tensor = lowering.graph.tensor(input).map_err(at)?;
        if tensor.data.is_some() || lowering.known.contains_key(&input) {
            return Err(at(tensor.error("is a constant, or twice in the list")));
        }
        lowering.value(input, &tensor).map_err(at)?;
    }
    let first_written = lowering.values.len();
    // Weights that different layers share are written as often, but not without end.
    let (most, mut total) = (16 * file, 0);
    let operators = lowering.graph.operators();
    if operators.len() > OPERATORS {
        return Err(Error::new(format!("more than {OPERATORS} operators")));
    }
    for operator in operators {
        let operator = operator?;
        let place = format!("operator {} ({})", operator.index, operator.name);
        let first = lowering.steps.len();
        lowering.operator(&operator).map_err(|error| error.at(&place))?;
        total += lowering.steps[first..].iter().map(|step| step.layer.data()).sum::<usize>();
        if lowering.variables.data > 2 * file {
            return Err(
                Error::new("variables share so many first values that they take twice the file").at(place)
            );
        }
        if total > most {
            return Err(
                Error::new("operators share so many weights that they take 16 times the file").at(place)
            );
        }
    }
    let mut written = Vec::new();
    for &output in &outputs {
        let Some(&value) = lowering.known.get(&output) else {
            return Err(lowering.graph.tensor(output)?.error("the output is written by no operator"));
        };
        // Every output is memory of its own.
        let is_shared =
            value < first_written || written.contains(&value) || lowering.variables.is_kept(value);
        written.push(if is_shared { parts::copied(&mut lowering, "COPY", value)? } else { value });
    }
    let states = states::keep(&mut lowering, &written)?;
    let started = (!states.is_empty()).then(|| lowering.made(&[1], Kind::Float32, None));
    let inputs = lowering.ends(&inputs, &(0..first_written).collect::<Vec<_>>(), true)?;
    let outputs = lowering.ends(&outputs, &written, false)?;
    let Lowering { steps, values, .. } = lowering;
    Ok(Lowered { steps, values, inputs, outputs, states, started })
}

/// A graph, as far as it has been lowered.
struct Lowering<'a, 'g> {
    graph: &'g mut Graph<'a>,
    options: &'g Options,
    /// How many steps there may be.
    room: usize,
    /// Of the tensors that are written already, their values.
    known: BTreeMap<usize, usize>,
    variables: states::Variables<'a>,
    values: Vec<Value>,
    steps: Vec<Step>,
}

impl<'a> Lowering<'a, '_> {
    fn operator(&mut self, operator: &Operator<'a>) -> Result<(), Error> {
        if operator.is_custom {
            return Err(Error::new("custom operators are not supported"));
        }
        if shapes::is_of_shapes(self, operator)? {
            return shapes::compute(self, operator);
        }
        match operator.name {
            "FULLY_CONNECTED" => products::fully_connected(self, operator),
            "CONV_2D" => products::convolution(self, operator),
            "DEPTHWISE_CONV_2D" => products::depthwise(self, operator),
            "UNIDIRECTIONAL_SEQUENCE_LSTM" => recurrent::lstm(self, operator),
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" => pictures::pool(self, operator),
            "MEAN" | "REDUCE_MAX" => pictures::reduce(self, operator),
            "PAD" | "PADV2" => pictures::pad(self, operator),
            "ADD" | "SUB" | "MUL" | "MAXIMUM" | "MINIMUM" | "PRELU" => numbers::join(self, operator),
            "CONCATENATION" => parts::concatenate(self, operator),
            "SLICE" => parts::slice(self, operator),
            "SPLIT" | "SPLIT_V" => parts::split(self, operator),
            "UNPACK" => parts::unpack(self, operator),
            "REVERSE_V2" => parts::reverse(self, operator),
            "TILE" => parts::tile(self, operator),
            "RESIZE_NEAREST_NEIGHBOR" => parts::resize(self, operator),
            "SOFTMAX" => numbers::softmax(self, operator),
            "LOGISTIC" | "TANH" | "RELU" | "RELU6" | "RELU_N1_TO_1" | "LEAKY_RELU" | "HARD_SWISH" => {
                numbers::activation(self, operator)
            }
            "QUANTIZE" => numbers::quantize(self, operator),
            "DEQUANTIZE" => numbers::dequantize(self, operator),
            "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => shapes::reshape(self, operator),
            "SPACE_TO_BATCH_ND" | "BATCH_TO_SPACE_ND" => moves::batches(self, operator),
            "DEPTH_TO_SPACE" | "SPACE_TO_DEPTH" => moves::blocks(self, operator),
            "TRANSPOSE" => shapes::transpose(self, operator),
            "SHAPE" => shapes::shape(self, operator),
            "FILL" => constants::fill(self, operator),
            "PACK" => parts::concatenate(self, operator),
            "STRIDED_SLICE" => shapes::strided_slice(self, operator),
            "CALL_ONCE" => states::call_once(self, operator),
            "VAR_HANDLE" => states::handle(self, operator),
            "READ_VARIABLE" => states::read(self, operator),
            "ASSIGN_VARIABLE" => states::assign(self, operator),
            _ => Err(Error::new("the operator is not supported")),
        }
    }

    /// The tensor of input `n`, which an earlier operator has written or the file has, and its value.
    fn read(&mut self, operator: &Operator<'a>, n: usize) -> Result<(Tensor<'a>, usize), Error> {
        let index = self.graph.operand(operator, n)?;
        let tensor = self.graph.tensor(index)?;
        match self.known.get(&index) {
            Some(&value) => Ok((tensor, value)),
            None if let Some(data) = tensor.data => {
                Ok((tensor.clone(), constants::of(self, index, &tensor, data)?))
            }
            None if tensor.is_variable() => Err(tensor.error(STATE)),
            None => {
                Err(tensor
                    .error("no earlier operator writes it: the graph has a cycle, or its order is wrong"))
            }
        }
    }

    /// The tensor of input `n`, a constant, if it is there.
    fn constant(&self, operator: &Operator<'a>, n: usize) -> Result<Option<Tensor<'a>>, Error> {
        self.graph.input(operator, n)?.map(|index| self.graph.tensor(index)).transpose()
    }

    /// The tensor that the operator writes.
    fn written(&self, operator: &Operator<'a>) -> Result<(usize, Tensor<'a>), Error> {
        self.written_of(operator, 0, 1)
    }

    /// Of `count` tensors that the operator writes, the one of number `n`.
    fn written_of(
        &self,
        operator: &Operator<'a>,
        n: usize,
        count: usize,
    ) -> Result<(usize, Tensor<'a>), Error> {
        let index = self.graph.output(operator, n, count)?;
        let tensor = self.graph.tensor(index)?;
        if self.known.contains_key(&index) || self.graph.folded.contains_key(&index) || tensor.data.is_some()
        {
            return Err(tensor.error("is written twice"));
        }
        Ok((index, tensor))
    }

    /// A new value for a tensor.
    fn value(&mut self, index: usize, tensor: &Tensor<'_>) -> Result<usize, Error> {
        if tensor.is_variable() {
            return Err(tensor.error(STATE));
        }
        let quantization = tensor.meaning("activations")?;
        if tensor.kind == Kind::Int16 && self.options.runtime == Runtime::LiteRt {
            return Err(
                tensor.error("activations of INT16 are as TensorFlow Lite for Microcontrollers has them")
            );
        }
        self.known.insert(index, self.values.len());
        let (shape, bytes, kind) = (shape(tensor).into(), tensor.bytes(), tensor.kind);
        self.values.push(Value { shape, bytes, kind, quantization });
        Ok(self.values.len() - 1)
    }

    /// A value between the steps of an operator: numbers of a shape, without a batch, as those of `like`.
    fn between(&mut self, shape: &[usize], like: usize) -> usize {
        let like = &self.values[like];
        self.made(shape, like.kind, like.quantization)
    }

    /// A value between the steps of an operator, whose numbers stand for others.
    fn made(&mut self, shape: &[usize], kind: Kind, quantization: Option<Quantization>) -> usize {
        let bytes = kind.bytes(shape.iter().fold(1, |count: usize, &n| count.saturating_mul(n)));
        self.values.push(Value { shape: shape.into(), bytes, kind, quantization });
        self.values.len() - 1
    }

    /// The ends of the network: tensors and their values.
    fn ends(&self, tensors: &[usize], values: &[usize], is_input: bool) -> Result<Vec<End>, Error> {
        let what = if is_input { "input" } else { "output" };
        let named = tensors.iter().map(|&index| self.graph.name(index, is_input).and_then(field));
        // All of the signature's names, if they are some, or none.
        let names =
            named.collect::<Option<Vec<_>>>().filter(|names| BTreeSet::from_iter(names).len() == names.len());
        let names = names.unwrap_or_else(|| (0..tensors.len()).map(|n| format!("{what}_{n}")).collect());
        let mut ends = Vec::new();
        for ((name, &index), &value) in names.into_iter().zip(tensors).zip(values) {
            let tensor = self.graph.tensor(index)?;
            let mut kinds = [self.values[value].kind, self.values[values[0]].kind];
            if kinds[0] != kinds[1] {
                kinds.sort_by_key(|kind| kind.bytes(1));
                let [a, b] = kinds;
                return Err(tensor.error(format!("{what}s of {a} and of {b} together are not supported")));
            }
            ends.push(End { name, row: row(&tensor), value });
        }
        Ok(ends)
    }

    /// A step that writes the operator's output, `rows` of the layer's rows.
    fn step(
        &mut self,
        operator: &Operator<'a>,
        layer: Layer,
        reads: Vec<Read>,
        rows: usize,
    ) -> Result<(), Error> {
        let (index, tensor) = self.written(operator)?;
        let write = self.value(index, &tensor)?;
        self.push(operator.name, layer, reads, write, rows)
    }

    /// A step that writes any value. A layer with data that equals an earlier one is written once. There is room for as many steps as files
    /// have: otherwise operators whose inputs repeat one list would take memory without end.
    fn push(
        &mut self,
        operator: &str,
        mut layer: Layer,
        reads: Vec<Read>,
        write: usize,
        rows: usize,
    ) -> Result<(), Error> {
        if self.steps.len() == self.room {
            return Err(Error::new("the network has more layers than its file has room for"));
        }
        let is_same = |step: &Step| step.layer.kind == layer.kind && step.layer.made == layer.made;
        if layer.data() > 0
            && let Some(same) = self.steps.iter().position(is_same)
        {
            layer.made = Made::Same(same);
        }
        self.steps.push(Step { operator: operator.into(), layer, reads, write, past: None, rows });
        Ok(())
    }
}

impl Layer {
    /// Without weights and scratch.
    fn without_weights(name: &'static str, kind: String, made: Made) -> Self {
        Self { name, kind, made, macs: 0, scratch: [0; 2] }
    }

    /// Bytes of data.
    pub(crate) fn data(&self) -> usize {
        match &self.made {
            Made::Code(_) | Made::Call(_) | Made::Same(_) => 0,
            Made::Bytes(bytes) => bytes.len(),
            Made::Fields(fields) => fields.iter().map(|(_, field)| field.bytes()).sum(),
        }
    }
}

impl Field {
    fn bytes(&self) -> usize {
        match self {
            Self::Code(_) => 0,
            Self::Data(bytes) => bytes.len(),
            Self::Longs(longs) => 8 * longs.len(),
        }
    }

    fn ints(ints: &[i32]) -> Self {
        Self::Data(ints.iter().flat_map(|int| int.to_le_bytes()).collect())
    }

    fn weights(weights: &[i8]) -> Self {
        Self::Data(weights.iter().map(|&weight| weight as u8).collect())
    }

    fn multipliers(multipliers: &[Multiplier]) -> Self {
        Self::ints(&multipliers.iter().flat_map(|m| [m.mantissa, m.exponent]).collect::<Vec<_>>())
    }

    fn phantom() -> Self {
        Self::Code("core::marker::PhantomData".into())
    }
}

/// `name` as a field, if it can be one.
fn field(name: &str) -> Option<String> {
    let lower = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let field: String = name.chars().take(40).map(lower).collect();
    let is_name = field.starts_with(|c: char| c.is_ascii_lowercase()) && !KEYWORDS.contains(&&field[..]);
    is_name.then_some(field)
}

/// Words of Rust that are no names.
#[rustfmt::skip]
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match",
    "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
    "yield",
];

/// The shape of a row: that of `tensor` without its batch of one.
fn shape<'t>(tensor: &'t Tensor<'_>) -> &'t [usize] {
    match &tensor.shape[..] {
        [1, rest @ ..] if !rest.is_empty() => rest,
        shape => shape,
    }
}

/// A row as a type.
fn row(tensor: &Tensor<'_>) -> String {
    array(tensor.kind, shape(tensor))
}

/// An array of a shape as a type. Pictures have an alias.
fn array(kind: Kind, shape: &[usize]) -> String {
    let (number, picture) = match kind {
        Kind::Int8 => ("i8", "Picture"),
        Kind::Int16 => ("i16", "WidePicture"),
        _ => ("f32", "RealPicture"),
    };
    match *shape {
        [] => format!("[{number}; 1]"),
        [height, width, channels] => format!("{picture}<{height}, {width}, {channels}>"),
        _ => shape.iter().rev().fold(number.to_string(), |inner, n| format!("[{inner}; {n}]")),
    }
}

/// A quantisation as an expression.
pub(crate) fn quantization(q: Quantization) -> String {
    format!("int8::Quantization {{ scale: {:?}, zero: {} }}", q.scale, q.zero)
}

/// What an activation, by its number, leaves of outputs.
fn clamp(activation: i8, y: Quantization) -> Result<Clamp, Error> {
    match activation {
        0 => Ok(Clamp::of(y)),
        1 => Ok(Clamp::relu(y)),
        2 => Ok(Clamp::between(y, -1.0, 1.0)),
        3 => Ok(Clamp::relu6(y)),
        4 => Err(Error::new("the activation TANH inside the operator is not supported")),
        5 => Err(Error::new("the activation SIGN_BIT inside the operator is not supported")),
        other => Err(Error::new(format!("activation {other} does not exist"))),
    }
}

/// A clamp as an expression.
fn clamp_code(clamp: Clamp) -> String {
    format!("int8::Clamp {{ zero: {}, least: {}, most: {} }}", clamp.zero, clamp.least, clamp.most)
}

/// Height, width and channels of pictures.
fn picture(tensor: &Tensor<'_>) -> Result<[usize; 3], Error> {
    match tensor.shape[..] {
        [_, height, width, channels] => Ok([height, width, channels]),
        _ => Err(tensor.error(format!("the shape {:?} is no picture", tensor.shape))),
    }
}

/// How many pictures an operator makes, of as many.
fn batch(x: &Tensor<'_>, y: &Tensor<'_>) -> Result<usize, Error> {
    match (x.shape.first(), y.shape.first()) {
        (Some(&from), Some(&to)) if from == to => Ok(to),
        _ => Err(y.error(format!("a batch of {:?} of {:?}", y.shape, x.shape))),
    }
}

/// The type of a picture.
fn picture_type(sizes: [usize; 3]) -> String {
    array(Kind::Int8, &sizes)
}
