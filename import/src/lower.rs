//! From operators to layers of fusebox.
//!
//! | file | operators |
//! |---|---|
//! | `products` | fully connected, convolutions |
//! | `pictures` | pools, means, padding |
//! | `numbers` | activations, softmax, scales, sums and products of two tensors, concatenation |
//! | `recurrent` | the long short-term memory |
//! | `shapes` | operators on shapes, which are computed here, and those that change a shape alone |
//! | `slices` | parts of activations |
//! | `states` | variables, which are kept from run to run |

mod numbers;
mod pictures;
mod products;
mod recurrent;
mod shapes;
mod slices;
mod states;

pub(crate) use states::{Start, State};

use crate::graph::{Graph, Kind, Operator, Tensor};
use crate::{Error, Options};
use fusebox::int8::{Clamp, Multiplier, Quantization};
use std::collections::BTreeMap;

/// A network of layers: what is written.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// What they read and write.
    pub values: Vec<Value>,
    pub input: usize,
    pub output: usize,
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
    /// Of a row, and as a type.
    pub shape: Vec<usize>,
    pub row: String,
    pub bytes: usize,
    /// `None` for real numbers.
    pub quantization: Option<Quantization>,
}

/// A layer: its type, and how it is made.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub(crate) enum Made {
    /// By an expression, a `Result`.
    Call(String),
    /// Of fields.
    Fields(Vec<(&'static str, Field)>),
}

/// A field's value.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    /// An expression.
    Code(String),
    /// Bytes.
    Data(Vec<u8>),
}

/// Of operators and tensors that need one.
const STATE: &str = "networks that keep a state from run to run are not supported yet";

/// Most operators of a network.
const OPERATORS: usize = 10_000;

/// The network of a graph.
pub(crate) fn lower(graph: &mut Graph<'_>, options: &Options, file: usize) -> Result<Lowered, Error> {
    let [input, output] = graph.ends()?;
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
    let tensor = lowering.graph.tensor(input).map_err(|error| error.at("the input"))?;
    let input_value = lowering.value(input, &tensor).map_err(|error| error.at("the input"))?;
    // Weights that several operators share are written as often, but not without end.
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
        if total > most {
            return Err(
                Error::new("operators share so many weights that they take 16 times the file").at(place)
            );
        }
    }
    let Some(&(mut output_value)) = lowering.known.get(&output) else {
        return Err(lowering.graph.tensor(output)?.error("the output is written by no operator"));
    };
    if output_value == input_value {
        return Err(Error::new("the output is the input"));
    }
    let states = states::keep(&mut lowering, &mut output_value)?;
    let Lowering { steps, mut values, .. } = lowering;
    let started = (!states.is_empty()).then(|| {
        values.push(Value { shape: vec![], row: "u32".into(), bytes: 4, quantization: None });
        values.len() - 1
    });
    Ok(Lowered { steps, values, input: input_value, output: output_value, states, started })
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
        match operator.name {
            "FULLY_CONNECTED" => products::fully_connected(self, operator),
            "CONV_2D" => products::convolution(self, operator),
            "DEPTHWISE_CONV_2D" => products::depthwise(self, operator),
            "UNIDIRECTIONAL_SEQUENCE_LSTM" => recurrent::lstm(self, operator),
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" => pictures::pool(self, operator),
            "MEAN" => pictures::mean(self, operator),
            "PAD" | "PADV2" => pictures::pad(self, operator),
            "ADD" | "MUL" => numbers::join(self, operator),
            "CONCATENATION" => numbers::concatenate(self, operator),
            "SOFTMAX" => numbers::softmax(self, operator),
            "LOGISTIC" | "TANH" | "RELU" | "RELU6" | "RELU_N1_TO_1" => numbers::activation(self, operator),
            "QUANTIZE" => numbers::quantize(self, operator),
            "DEQUANTIZE" => numbers::dequantize(self, operator),
            "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => shapes::view(self, operator),
            "SHAPE" => shapes::shape(self, operator),
            "PACK" => shapes::pack(self, operator),
            "STRIDED_SLICE" => slices::strided_slice(self, operator),
            "CALL_ONCE" => states::call_once(self, operator),
            "VAR_HANDLE" => states::handle(self, operator),
            "READ_VARIABLE" => states::read(self, operator),
            "ASSIGN_VARIABLE" => states::assign(self, operator),
            _ => Err(Error::new("the operator is not supported")),
        }
    }

    /// The tensor of input `n`, which an earlier operator has written, and its value.
    fn read(&self, operator: &Operator<'a>, n: usize) -> Result<(Tensor<'a>, usize), Error> {
        let index = self.graph.operand(operator, n)?;
        let tensor = self.graph.tensor(index)?;
        match self.known.get(&index) {
            Some(&value) => Ok((tensor, value)),
            None if tensor.data.is_some() => Err(tensor.error("a constant here is not supported")),
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
        let index = self.graph.output(operator)?;
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
        let quantization = match tensor.kind {
            Kind::Int8 => Some(tensor.quantization()?),
            Kind::Float32 => None,
            kind => return Err(tensor.error(format!("activations must be Int8 or Float32, not {kind:?}"))),
        };
        self.known.insert(index, self.values.len());
        self.values.push(Value {
            shape: shape(tensor).into(),
            row: row(tensor),
            bytes: tensor.bytes(),
            quantization,
        });
        Ok(self.values.len() - 1)
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

    /// A step that writes any value. So that operators whose inputs are the same list again and again take no memory without end,
    /// there is room for as many as files have.
    fn push(
        &mut self,
        operator: &str,
        layer: Layer,
        reads: Vec<Read>,
        write: usize,
        rows: usize,
    ) -> Result<(), Error> {
        if self.steps.len() == self.room {
            return Err(Error::new("the network has more layers than its file has room for"));
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
            Made::Call(_) => 0,
            Made::Fields(fields) => fields.iter().map(|(_, field)| field.bytes()).sum(),
        }
    }
}

impl Field {
    fn bytes(&self) -> usize {
        match self {
            Self::Code(_) => 0,
            Self::Data(bytes) => bytes.len(),
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
    let number = if kind == Kind::Int8 { "i8" } else { "f32" };
    match *shape {
        [] => format!("[{number}; 1]"),
        [height, width, channels] if kind == Kind::Int8 => format!("Picture<{height}, {width}, {channels}>"),
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

/// Height, width and channels of a picture in a batch of one.
fn picture(tensor: &Tensor<'_>) -> Result<[usize; 3], Error> {
    match tensor.shape[..] {
        [1, height, width, channels] => Ok([height, width, channels]),
        [batch, _, _, _] => Err(tensor.error(format!("a batch of {batch}, only one is supported"))),
        _ => Err(tensor.error(format!("the shape {:?} is no picture", tensor.shape))),
    }
}

/// The type of a picture.
fn picture_type(sizes: [usize; 3]) -> String {
    array(Kind::Int8, &sizes)
}
