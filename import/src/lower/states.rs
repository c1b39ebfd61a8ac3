//! Variables: numbers that a network keeps from one run to the next.
//!
//! ```text
//! CALL_ONCE        another graph of the file, which assigns constants: what variables are before the first run
//! VAR_HANDLE       a name as a tensor
//! READ_VARIABLE    the value that the name has now: what was kept, or what this run has assigned
//! ASSIGN_VARIABLE  the name's value from here on
//! ```
//!
//! A variable's place in the arena is its own during the whole run, and what is read from it is read there. What it kept before may
//! still be read when it has been assigned, also by the layer that computes its next value. So it is written by a copy at the end
//! of the run, or if nothing reads it any more, by the layer that computes its next value.

use super::{Lowering, Step, parts, shape};
use crate::Error;
use crate::graph::{Graph, Kind, Operator, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// A variable that is kept.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Where it is kept.
    pub value: usize,
    /// Before the first run.
    pub start: Start,
}

/// The first numbers of a variable.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// All bytes are the same.
    Fill(i8),
    Data(Vec<u8>),
}

/// Variables as far as a graph has been lowered.
#[derive(Default)]
pub(super) struct Variables<'a> {
    /// Names, of a container and in it, by the tensor that stands for them.
    handles: BTreeMap<usize, Name<'a>>,
    starts: BTreeMap<Name<'a>, Tensor<'a>>,
    /// Graphs that have assigned them.
    called: BTreeSet<i32>,
    known: BTreeMap<Name<'a>, Variable>,
    /// Bytes of constants that they start with.
    pub(super) data: usize,
    /// Of layers that run as streams.
    pasts: Vec<State>,
}

type Name<'a> = (&'a str, &'a str);

/// The operator that a copy at the end of a run stands for.
const KEEP: &str = "ASSIGN_VARIABLE";

struct Variable {
    state: State,
    /// The value that it has now.
    now: usize,
}

impl Variables<'_> {
    /// Whether a value is what a variable has before the run.
    pub(super) fn is_kept(&self, value: usize) -> bool {
        self.known.values().any(|variable| variable.state.value == value)
    }

    /// What variables have at the end of the run, and where they keep it, if that is not where it is.
    fn assigned(&self) -> Vec<(usize, usize)> {
        let ends = self.known.values().map(|variable| (variable.now, variable.state.value));
        ends.filter(|(now, kept)| now != kept).collect()
    }
}

impl State {
    /// Bytes of constants.
    pub(crate) fn data(&self) -> usize {
        match &self.start {
            Start::Fill(_) => 0,
            Start::Data(bytes) => bytes.len(),
        }
    }
}

/// The name of a handle. An operator's handle is its input 0.
fn name<'a>(
    handles: &BTreeMap<usize, Name<'a>>,
    graph: &Graph<'a>,
    operator: &Operator<'a>,
) -> Result<Name<'a>, Error> {
    let handle = graph.operand(operator, 0)?;
    handles
        .get(&handle)
        .copied()
        .ok_or_else(|| Error::new(format!("tensor {handle} is no variable's handle")))
}

/// Adds the operator's handle.
fn add_handle<'a>(
    handles: &mut BTreeMap<usize, Name<'a>>,
    graph: &Graph<'a>,
    operator: &Operator<'a>,
) -> Result<(), Error> {
    handles.insert(graph.output(operator, 0, 1)?, (operator.text(0)?, operator.text(1)?));
    Ok(())
}

pub(super) fn handle<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    add_handle(&mut lowering.variables.handles, lowering.graph, operator)
}

/// Reads the graph that assigns the first values, which are constants.
pub(super) fn call_once<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let index = operator.int(0, 0);
    let graph = match usize::try_from(index) {
        Ok(index) if index > 0 => lowering.graph.other(index)?,
        _ => return Err(Error::new(format!("graph {index} does not assign the first values of variables"))),
    };
    if !lowering.variables.known.is_empty() {
        return Err(Error::new("a variable is used before it has its first value"));
    }
    if !lowering.variables.called.insert(index) {
        return Err(Error::new(format!("graph {index} is called twice")));
    }
    let mut handles = BTreeMap::new();
    for operator in graph.operators() {
        let operator = operator?;
        let place = format!("operator {} of graph {index} ({})", operator.index, operator.name);
        let mut read = || match operator.name {
            "VAR_HANDLE" if !operator.is_custom => add_handle(&mut handles, &graph, &operator),
            "ASSIGN_VARIABLE" if !operator.is_custom => {
                let value = graph.tensor(graph.operand(&operator, 1)?)?;
                if value.data.is_none() {
                    return Err(value.error("a variable's first value must be a constant"));
                }
                lowering.variables.starts.insert(name(&handles, &graph, &operator)?, value);
                Ok(())
            }
            _ => Err(Error::new("the operator is not supported before the first run")),
        };
        read().map_err(|error| error.at(place))?;
    }
    Ok(())
}

/// The variable of the operator's handle, of the form of `tensor`.
fn variable<'v, 'a>(
    lowering: &'v mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    tensor: &Tensor<'a>,
) -> Result<&'v mut Variable, Error> {
    let name = name(&lowering.variables.handles, lowering.graph, operator)?;
    let (kind, quantization) = (tensor.kind, tensor.meaning("variables")?);
    if !lowering.variables.known.contains_key(&name) {
        let start = match lowering.variables.starts.get(&name) {
            Some(start) if start.kind != tensor.kind || start.count() != tensor.count() => {
                return Err(tensor.error(format!(
                    "is {} {:?}, the first value of its variable {} {:?}",
                    tensor.kind, tensor.shape, start.kind, start.shape
                )));
            }
            Some(start) if start.meaning("variables")? != quantization => {
                return Err(tensor.error("its variable's first value has another scale or zero"));
            }
            start => start.and_then(|start| start.data).unwrap_or_default(),
        };
        // Without a first value, the numbers stand for 0.
        let start = match start {
            [] => Start::Fill(quantization.map_or(0, |q| q.zero)),
            [first, rest @ ..] if rest.iter().all(|byte| byte == first) => Start::Fill(*first as i8),
            bytes => Start::Data(bytes.into()),
        };
        let value = lowering.made(shape(tensor), kind, quantization);
        let state = State { value, start };
        lowering.variables.data += state.data();
        lowering.variables.known.insert(name, Variable { state, now: value });
    }
    let known = lowering.variables.known.get_mut(&name);
    let known = known.ok_or_else(|| Error::new("a variable without a value"))?;
    let value = &lowering.values[known.state.value];
    match value.kind == kind && value.bytes == tensor.bytes() && value.quantization == quantization {
        true => Ok(known),
        false => Err(tensor.error("another kind, size, scale or zero than its variable had before")),
    }
}

pub(super) fn read<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (index, y) = lowering.written(operator)?;
    let now = variable(lowering, operator, &y)?.now;
    lowering.known.insert(index, now);
    Ok(())
}

pub(super) fn assign<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 1)?;
    variable(lowering, operator, &x)?.now = value;
    Ok(())
}

/// The last step's layer takes one position, and keeps `count` numbers of four bytes, zeros at first, from run to run.
pub(super) fn carry(lowering: &mut Lowering<'_, '_>, count: usize) {
    let value = lowering.made(&[count], Kind::Float32, None);
    lowering.variables.pasts.push(State { value, start: Start::Fill(0) });
    if let Some(step) = lowering.steps.last_mut() {
        step.past = Some(value);
    }
}

/// Adds the steps at the end of a run, which keep what was assigned, and returns what is kept. No output is a variable.
pub(super) fn keep(lowering: &mut Lowering<'_, '_>, outputs: &[usize]) -> Result<Vec<State>, Error> {
    // What a variable gets of another one is copied before that is written.
    let mut writes = Vec::new();
    for (now, kept) in lowering.variables.assigned() {
        let is_kept = lowering.variables.is_kept(now);
        writes.push((if is_kept { parts::copied(lowering, KEEP, now)? } else { now }, kept));
    }
    for &(from, to) in &writes {
        let is_read =
            |value, steps: &[Step]| steps.iter().flat_map(|step| &step.reads).any(|read| read.value == value);
        let steps = &mut lowering.steps;
        let is_needed = outputs.contains(&from) || is_read(from, steps);
        let is_assigned_once = writes.iter().filter(|write| write.0 == from).count() == 1;
        match steps.iter().position(|step| step.write == from) {
            Some(step) if is_assigned_once && !is_needed && !is_read(to, &steps[step..]) => {
                steps[step].write = to;
            }
            _ => parts::copy(lowering, KEEP, from, to)?,
        }
    }
    let Variables { known, pasts, .. } = std::mem::take(&mut lowering.variables);
    Ok(known.into_values().map(|variable| variable.state).chain(pasts).collect())
}
