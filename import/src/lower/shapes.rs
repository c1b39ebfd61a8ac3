//! Operators on shapes, which are constants, and those that change a shape and no number.

use super::{Lowering, parts};
use crate::Error;
use crate::graph::{Kind, Operator};
use std::collections::BTreeSet;

/// Most numbers of a constant that is computed: shapes are short.
const LONGEST: usize = 16;

/// The output is the input under another shape: the file says which, so what the operator computes of its operands is not needed,
/// but that it is known.
pub(super) fn reshape<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let from = lowering.graph.operand(operator, 0)?;
    if operator.name != "SQUEEZE"
        && let Some(shape) = lowering.graph.input(operator, 1)?
    {
        lowering.graph.ints(shape)?;
    }
    if !lowering.known.contains_key(&from)
        && let Ok(ints) = lowering.graph.ints(from)
    {
        return fold(lowering, operator, ints);
    }
    view(lowering, operator)
}

/// The output is the input, number by number.
fn view<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (index, y) = lowering.written(operator)?;
    let (x, value) = lowering.read(operator, 0)?;
    if x.count() != y.count() || x.kind != y.kind {
        return Err(y.error(format!("{} {:?} is no view of {} {:?}", y.kind, y.shape, x.kind, x.shape)));
    }
    if x.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("another shape changes neither scale nor zero"));
    }
    lowering.known.insert(index, value);
    Ok(())
}

/// The output is a constant from here on.
fn fold<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>, ints: Vec<i32>) -> Result<(), Error> {
    let (index, y) = lowering.written(operator)?;
    y.expect(Kind::Int32)?;
    if ints.len() != y.count() || ints.len() > LONGEST {
        return Err(y.error(format!("{} numbers of a shape for {:?}", ints.len(), y.shape)));
    }
    lowering.graph.folded.insert(index, ints);
    Ok(())
}

/// Axes of one number may go anywhere; another order of the others is not supported.
pub(super) fn transpose<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, _) = lowering.read(operator, 0)?;
    let order = lowering.graph.ints(lowering.graph.operand(operator, 1)?)?;
    let axes = order.iter().map(|&axis| parts::axis_of(axis, &x.shape)).collect::<Result<Vec<_>, _>>()?;
    let is_each_once =
        axes.len() == x.shape.len() && axes.iter().collect::<BTreeSet<_>>().len() == axes.len();
    let is_in_order = axes.iter().filter(|&&axis| x.shape[axis] != 1).is_sorted();
    let (_, y) = lowering.written(operator)?;
    match is_each_once && is_in_order && axes.iter().map(|&axis| x.shape[axis]).eq(y.shape.iter().copied()) {
        true => view(lowering, operator),
        false => Err(x.error(format!(
            "{:?} in the order {order:?} is not supported, only if no number moves",
            x.shape
        ))),
    }
}

pub(super) fn shape<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let x = lowering.graph.tensor(lowering.graph.operand(operator, 0)?)?;
    fold(lowering, operator, x.shape.iter().map(|&n| n as i32).collect())
}

/// Numbers of a shape.
pub(super) fn pack<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let mut ints = Vec::new();
    for n in 0..operator.inputs().min(LONGEST + 1) {
        let more = lowering.graph.ints(lowering.graph.operand(operator, n)?)?;
        match more.len() {
            1 => ints.extend(more),
            len => {
                return Err(Error::new(format!(
                    "input {n} has {len} numbers, only single ones are supported"
                )));
            }
        }
    }
    fold(lowering, operator, ints)
}

/// Of a row of numbers: from the first to before the last, by steps. Masks leave out an end, or keep one number.
pub(super) fn strided_slice<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
) -> Result<(), Error> {
    let from = lowering.graph.operand(operator, 0)?;
    if lowering.known.contains_key(&from) {
        return parts::strided_slice(lowering, operator);
    }
    let ints = lowering.graph.ints(from)?;
    let mut ends = [0_i64; 3];
    for (n, end) in ends.iter_mut().enumerate() {
        match lowering.graph.ints(lowering.graph.operand(operator, n + 1)?)?[..] {
            [one] => *end = one.into(),
            _ => return Err(Error::new("only a row of numbers is sliced here")),
        }
    }
    let [begin, end, step] = ends;
    let [begin_mask, end_mask, ellipsis, new, shrink] =
        [0, 1, 2, 3, 4].map(|slot| operator.int(slot, 0) & 1 == 1);
    if step < 1 || ellipsis || new {
        return Err(Error::new("slices backwards, or of new axes, are not supported"));
    }
    let len = ints.len() as i64;
    let within = |at: i64| (if at < 0 { at + len } else { at }).clamp(0, len) as usize;
    let begin = if begin_mask { 0 } else { within(begin) };
    let end = match (shrink, end_mask) {
        (true, _) => begin + 1,
        (_, true) => ints.len(),
        _ => within(end),
    };
    let sliced =
        ints.get(begin..end.max(begin)).map(|ints| ints.iter().copied().step_by(step as usize).collect());
    match sliced {
        Some(ints) => fold(lowering, operator, ints),
        None => Err(Error::new(format!("numbers {begin} to {end} of {len}"))),
    }
}
