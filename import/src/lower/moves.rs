//! Operators that put numbers in another order: transpositions, and pixels for channels.
//!
//! ```text
//! TRANSPOSE          the axes in any order
//! DEPTH_TO_SPACE     h, w, b, b, c                 to  h, b, w, b, c
//! SPACE_TO_DEPTH     h, b, w, b, c                 to  h, w, b, b, c
//! SPACE_TO_BATCH_ND  n, h, b, w, b, rest, padded   to  b, b, n, h, w, rest
//! BATCH_TO_SPACE_ND  b, b, n, h, w, rest           to  n, h, b, w, b, rest, cropped
//! ```
//!
//! Numbers are moved as bytes, real ones four at a time and those of 16 bits, which are only transposed, two.

use super::{Layer, Lowering, Made, Read, parts};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};

/// Most axes of the layer.
const AXES: usize = 6;

/// The order of the axes of a shape by as few axes as there can be: those of one are left out, and those that stay neighbours are one.
fn merged(shape: &[usize], order: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let long: Vec<_> = (0..shape.len()).filter(|&axis| shape[axis] != 1).collect();
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for axis in order.iter().filter_map(|axis| long.iter().position(|long| long == axis)) {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last + 1 == axis) => run.push(axis),
            _ => runs.push(vec![axis]),
        }
    }
    let mut firsts: Vec<_> = runs.iter().map(|run| run[0]).collect();
    firsts.sort_unstable();
    let place = |run: &Vec<usize>| firsts.iter().position(|&first| first == run[0]).unwrap_or_default();
    let few: Vec<_> = runs.iter().map(place).collect();
    let mut sizes = vec![1; runs.len()];
    for (run, &axis) in runs.iter().zip(&few) {
        sizes[axis] = run.iter().map(|&axis| shape[long[axis]]).product();
    }
    (sizes, few)
}

/// A step that writes the numbers of `value`, of a shape, to `write`, whose axis `i` is axis `order[i]` of the shape.
fn transposed(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    (kind, value): (Kind, usize),
    (shape, order): (&[usize], &[usize]),
    write: usize,
) -> Result<(), Error> {
    let bytes = kind.bytes(1);
    let [shape, order] = [[shape, &[bytes]].concat(), [order, &[order.len()]].concat()];
    let (mut sizes, mut few) = merged(&shape, &order);
    if few.len() <= 1 {
        return parts::copy(lowering, operator, value, write);
    }
    let count: usize = sizes.iter().product();
    let missing = AXES.checked_sub(few.len()).filter(|_| u32::try_from(count).is_ok());
    let missing =
        missing.ok_or_else(|| Error::new(format!("{shape:?} in the order {order:?} is not supported")))?;
    sizes.splice(0..0, vec![1; missing]);
    few = (0..missing).chain(few.iter().map(|axis| axis + missing)).collect();
    let row = format!("[i8; {count}]");
    let made = Made::Call(format!("int8::Transpose::new({sizes:?}, {few:?})"));
    let layer = Layer::without_weights("transpose", format!("int8::Transpose<{row}, {row}>"), made);
    lowering.push(operator, layer, vec![Read { value, row }], write, 1)
}

/// A step that writes numbers of eight bits, of a shape, with its first two axes in the other order.
pub(super) fn swapped(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    value: usize,
    shape: &[usize; 3],
    write: usize,
) -> Result<(), Error> {
    transposed(lowering, operator, (Kind::Int8, value), (shape, &[1, 0, 2]), write)
}

/// A tensor, and its value or its index.
type Numbered<'a> = (Tensor<'a>, usize);

/// What an operator reads, with its value, and writes, with its index, of as many numbers that stand for the same.
fn ends<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<[Numbered<'a>; 2], Error> {
    let ((x, value), (index, y)) = (lowering.read(operator, 0)?, lowering.written(operator)?);
    if x.kind == Kind::Int16 && operator.name != "TRANSPOSE" {
        return Err(x.error("the operator is not supported on INT16"));
    }
    if x.kind != y.kind || x.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("what moves numbers changes neither their kind, scale nor zero"));
    }
    Ok([(x, value), (y, index)])
}

pub(super) fn transpose<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    order: &[usize],
) -> Result<(), Error> {
    let [(x, value), (y, index)] = ends(lowering, operator)?;
    let write = lowering.value(index, &y)?;
    transposed(lowering, operator.name, (x.kind, value), (&x.shape, order), write)
}

/// Blocks of pixels become their channels, or the other way.
pub(super) fn blocks<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let [(x, value), (y, index)] = ends(lowering, operator)?;
    let is_to_depth = operator.name == "SPACE_TO_DEPTH";
    let (wide, deep) = if is_to_depth { (&x, &y) } else { (&y, &x) };
    let block = usize::try_from(operator.int(0, 0)).unwrap_or_default();
    let fits = |n: &usize, [height, width, channels]: [usize; 3]| {
        *n > 0 && deep.shape[1..] == [height / n, width / n, channels.saturating_mul(n.saturating_mul(*n))]
    };
    match (&wide.shape[..], deep.shape.len()) {
        (&[batch, height, width, channels], 4)
            if batch == deep.shape[0]
                && fits(&block, [height, width, channels])
                && height % block + width % block == 0 =>
        {
            let [rows, columns] = [height, width].map(|n| n / block);
            let shape = match is_to_depth {
                true => [batch * rows, block, columns, block * channels],
                false => [batch * rows, columns, block, block * channels],
            };
            let write = lowering.value(index, &y)?;
            transposed(lowering, operator.name, (x.kind, value), (&shape, &[0, 2, 1, 3]), write)
        }
        _ => Err(y.error(format!("{:?} in blocks of {block} is not {:?}", x.shape, y.shape))),
    }
}

/// Positions along spatial axes become a batch, after borders; or the other way, before a crop. A batch of blocks comes before all.
pub(super) fn batches<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let [(x, value), (y, index)] = ends(lowering, operator)?;
    let is_to_batch = operator.name == "SPACE_TO_BATCH_ND";
    let [blocks, widths] = [1, 2].map(|n| {
        let ints = lowering.graph.operand(operator, n).and_then(|n| lowering.graph.ints(n))?;
        let sizes = ints.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>();
        sizes.map_err(|_| Error::new(format!("negative sizes {ints:?}")))
    });
    let (blocks, widths) = (blocks?, widths?);
    let (widths, rest) = widths.as_chunks::<2>();
    let axes = blocks.len();
    let (space, batched) = if is_to_batch { (&x, &y) } else { (&y, &x) };
    let block = blocks.iter().try_fold(1_usize, |all, &n| all.checked_mul(n)).unwrap_or_default();
    // The shape with borders, and as blocks.
    let mut whole = space.shape.clone();
    if block == 0 || widths.len() != axes || !rest.is_empty() || whole.len() <= axes {
        return Err(y.error(format!("{blocks:?} blocks and {widths:?} borders of {:?}", space.shape)));
    }
    for (axis, [before, after]) in widths.iter().enumerate() {
        whole[axis + 1] = whole[axis + 1].saturating_add(*before).saturating_add(*after);
    }
    let fits = (0..whole.len()).all(|axis| {
        let from = batched.shape.get(axis).copied().unwrap_or_default();
        match axis {
            0 => from == whole[0].saturating_mul(block),
            _ if axis <= axes => from.checked_mul(blocks[axis - 1]) == Some(whole[axis]),
            _ => from == whole[axis],
        }
    });
    if !fits || batched.shape.len() != whole.len() {
        return Err(y.error(format!("{:?} in blocks of {blocks:?} is not {:?}", x.shape, y.shape)));
    }
    // n, h, b, w, b, rest as an order of b, b, n, h, w, rest; or the inverse.
    let mut shape = vec![whole[0]];
    shape.extend((0..axes).flat_map(|i| [whole[i + 1] / blocks[i], blocks[i]]));
    shape.push(whole[axes + 1..].iter().product());
    let inside = [0].into_iter().chain((0..axes).map(|i| 2 * i + 1)).chain([2 * axes + 1]);
    let order: Vec<_> = (0..axes).map(|i| 2 * i + 2).chain(inside).collect();
    let starts: Vec<_> = [0]
        .into_iter()
        .chain(widths.iter().map(|[before, _]| *before))
        .chain(vec![0; whole.len() - 1 - axes])
        .collect();
    let write = lowering.value(index, &y)?;
    let has_border = whole != space.shape;
    if is_to_batch {
        let mut from = value;
        if has_border {
            let border = x.meaning("activations")?.map_or(0, |q| q.zero);
            from = lowering.between(&whole, value);
            parts::surrounded(lowering, operator, (&x.shape, value), (&whole, from), &starts, border)?;
        }
        return transposed(lowering, operator.name, (x.kind, from), (&shape, &order), write);
    }
    let from: Vec<_> = order.iter().map(|&axis| shape[axis]).collect();
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &axis)| inverse[axis] = i);
    let to = if has_border { lowering.between(&whole, value) } else { write };
    transposed(lowering, operator.name, (x.kind, value), (&from, &inverse), to)?;
    match has_border {
        true => parts::within(lowering, operator.name, (x.kind, to), (&whole, &y.shape, &starts), write),
        false => Ok(()),
    }
}
