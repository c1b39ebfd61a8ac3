//! Operators on shapes, which are constants, and those that change a shape and no number.
//!
//! A model whose batch is of any size, which the file says is one, computes its shapes while it runs: here they are computed once.

use super::{Lowering, moves, parts};
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

/// Axes of one number may go anywhere without a copy.
pub(super) fn transpose<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, _) = lowering.read(operator, 0)?;
    let order = lowering.graph.ints(lowering.graph.operand(operator, 1)?)?;
    let axes = order.iter().map(|&axis| parts::axis_of(axis, &x.shape)).collect::<Result<Vec<_>, _>>()?;
    let is_each_once =
        axes.len() == x.shape.len() && axes.iter().collect::<BTreeSet<_>>().len() == axes.len();
    let (_, y) = lowering.written(operator)?;
    if !is_each_once || !axes.iter().map(|&axis| x.shape[axis]).eq(y.shape.iter().copied()) {
        return Err(x.error(format!("{:?} in the order {order:?} is not {:?}", x.shape, y.shape)));
    }
    match axes.iter().filter(|&&axis| x.shape[axis] != 1).is_sorted() {
        true => view(lowering, operator),
        false => moves::transpose(lowering, operator, &axes),
    }
}

pub(super) fn shape<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let x = lowering.graph.tensor(lowering.graph.operand(operator, 0)?)?;
    fold(lowering, operator, x.shape.iter().map(|&n| n as i32).collect())
}

/// Whether an operator computes numbers of a shape, of others.
pub(super) fn is_of_shapes<'a>(lowering: &Lowering<'a, '_>, operator: &Operator<'a>) -> Result<bool, Error> {
    let computes = matches!(
        operator.name,
        "ADD"
            | "CONCATENATION"
            | "FILL"
            | "GATHER"
            | "MAXIMUM"
            | "MINIMUM"
            | "MUL"
            | "PACK"
            | "REDUCE_PROD"
            | "SUB"
    );
    Ok(computes && lowering.written(operator)?.1.kind == Kind::Int32)
}

/// Numbers of a shape, of constants.
pub(super) fn compute<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let input = |n: usize| lowering.graph.operand(operator, n).and_then(|n| lowering.graph.ints(n));
    let overflow = || Error::new("numbers of a shape that are too large");
    let (_, y) = lowering.written(operator)?;
    let axis = match operator.name {
        "PACK" => operator.int(1, 0),
        "CONCATENATION" => operator.int(0, 0),
        _ => 0,
    };
    if y.shape.len() > 1 && axis != 0 {
        return Err(y.error(format!("numbers of a shape side by side along axis {axis} are not supported")));
    }
    if matches!(operator.name, "ADD" | "SUB" | "MUL") && operator.byte(0) != 0 {
        return Err(y.error("an activation of numbers of a shape is not supported"));
    }
    let ints = match operator.name {
        "PACK" | "CONCATENATION" => {
            let mut ints = Vec::new();
            for n in 0..operator.inputs().min(LONGEST + 1) {
                ints.extend(input(n)?);
            }
            ints
        }
        "GATHER" => {
            let (from, places) = (input(0)?, input(1)?);
            let at = |&place: &i32| usize::try_from(place).ok().and_then(|place| from.get(place).copied());
            let ints: Option<Vec<_>> = places.iter().map(at).collect();
            ints.ok_or_else(|| Error::new(format!("places {places:?} of {} numbers", from.len())))?
        }
        "REDUCE_PROD" => {
            let product = input(0)?.into_iter().try_fold(1_i32, i32::checked_mul);
            vec![product.ok_or_else(overflow)?]
        }
        "FILL" => match (input(0)?.as_slice(), input(1)?.as_slice()) {
            (&[count], &[value]) if (0..=LONGEST as i32).contains(&count) => vec![value; count as usize],
            (sizes, _) => return Err(Error::new(format!("a shape of {sizes:?} numbers"))),
        },
        name => {
            let (a, b) = (input(0)?, input(1)?);
            let function = |(a, b): (i32, i32)| match name {
                "ADD" => a.checked_add(b),
                "SUB" => a.checked_sub(b),
                "MUL" => a.checked_mul(b),
                "MAXIMUM" => Some(a.max(b)),
                _ => Some(a.min(b)),
            };
            let count = if a.len() == 1 { b.len() } else { a.len() };
            if [a.len(), b.len()].iter().any(|&len| len != 1 && len != count) {
                return Err(Error::new(format!("shapes of {} and {} numbers", a.len(), b.len())));
            }
            let pairs = a.iter().copied().cycle().zip(b.iter().copied().cycle()).take(count.min(LONGEST + 1));
            pairs.map(function).collect::<Option<Vec<_>>>().ok_or_else(overflow)?
        }
    };
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
