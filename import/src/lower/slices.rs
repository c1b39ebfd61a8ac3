//! Parts of activations.

use super::{Layer, Lowering, Made, Read, array, row, shapes};
use crate::Error;
use crate::graph::{Kind, Operator};
use fusebox::int8::Region;

/// Of activations, every so many numbers along each axis; of a shape, a constant.
pub(super) fn strided_slice<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
) -> Result<(), Error> {
    if !lowering.known.contains_key(&lowering.graph.operand(operator, 0)?) {
        return shapes::strided_slice(lowering, operator);
    }
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    let rank = x.shape.len();
    let [begins, ends, steps] =
        [1, 2, 3].map(|n| lowering.graph.operand(operator, n).and_then(|index| lowering.graph.ints(index)));
    let (begins, ends, steps) = (begins?, ends?, steps?);
    let masks = [0, 1, 2, 3, 4].map(|slot| operator.int(slot, 0));
    let [begin_mask, end_mask, ellipsis, new, shrink] = masks;
    if rank > 4 || [&begins, &ends, &steps].iter().any(|ints| ints.len() != rank) || ellipsis != 0 || new != 0
    {
        return Err(
            x.error(format!("a slice of {rank} axes by {begins:?}, {ends:?}, {steps:?} is not supported"))
        );
    }
    // Axes that are missing are in front, of one number.
    let mut region = Region { whole: [1; 4], part: [1; 4], start: [0; 4], step: [1; 4] };
    for (axis, &size) in x.shape.iter().enumerate() {
        let (to, size, step) = (axis + 4 - rank, size as i64, i64::from(steps[axis]));
        let is = |mask: i32| mask >> axis & 1 == 1;
        if step == 0 {
            return Err(x.error("a slice by steps of 0"));
        }
        // Backwards, one before the first number is an end.
        let [least, most] = if step > 0 { [0, size] } else { [-1, size - 1] };
        let within = |at: i32| (i64::from(at) + if at < 0 { size } else { 0 }).clamp(least, most);
        let [first, last] = if step > 0 { [least, most] } else { [most, least] };
        let start = if is(begin_mask) && !is(shrink) { first } else { within(begins[axis]) };
        let end = if is(end_mask) { last } else { within(ends[axis]) };
        let count = match is(shrink) {
            true => 1,
            false => ((end - start) * step.signum()).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
        };
        region.whole[to] = size as u32;
        region.part[to] = count as u32;
        region.start[to] = u32::try_from(start).unwrap_or(u32::MAX);
        region.step[to] = if count == 1 { 1 } else { steps[axis] };
    }
    if !region.fits(x.count(), y.count()) || x.quantization()? != y.quantization()? {
        return Err(y.error(format!("is no slice of {:?} by {begins:?}, {ends:?}, {steps:?}", x.shape)));
    }
    // What the constant would not compile with.
    x.expect(Kind::Int8)?;
    let Region { whole, part, start, step } = region;
    let region =
        format!("int8::Region {{ whole: {whole:?}, part: {part:?}, start: {start:?}, step: {step:?} }}");
    let (from, to) = (array(Kind::Int8, super::shape(&x)), row(&y));
    let made = Made::Call(format!("int8::Slice::new({region})"));
    let layer = Layer::without_weights("slice", format!("int8::Slice<{from}, {to}>"), made);
    lowering.step(operator, layer, vec![Read { value, row: from }], 1)
}
