//! Operators that put the same numbers elsewhere: slices, splits, concatenations, repeated numbers.

use super::{Layer, Lowering, Made, Read, array, real, shape};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};
use fusebox::int8::Region;

/// What is read along an axis of `whole` numbers: `part` of them, from `start` on by steps. A step of 0 repeats one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    whole: usize,
    part: usize,
    start: usize,
    step: i32,
}

impl Axis {
    const fn all(whole: usize) -> Self {
        Self { whole, part: whole, start: 0, step: 1 }
    }

    /// This axis and the one inside it as one, if they can be.
    fn and(self, inner: Self) -> Option<Self> {
        let times = |n: usize| n.saturating_mul(inner.whole);
        if self == Self::all(1) || inner == Self::all(1) {
            return Some(if inner == Self::all(1) { self } else { inner });
        }
        if self.step == 1 && inner == Self::all(inner.whole) {
            return Some(Self {
                whole: times(self.whole),
                part: times(self.part),
                start: times(self.start),
                step: 1,
            });
        }
        let are_repeated = [self, inner].iter().all(|axis| axis.whole == 1 && axis.step == 0);
        are_repeated.then(|| Self { part: self.part.saturating_mul(inner.part), ..self })
    }
}

/// The same numbers by as few axes as there can be.
fn merged(axes: impl IntoIterator<Item = Axis>) -> Vec<Axis> {
    let mut few: Vec<Axis> = Vec::new();
    for axis in axes {
        // Of one number, repeated or not.
        let axis = if axis.whole == 1 && axis.part == 1 { Axis::all(1) } else { axis };
        match few.last_mut().and_then(|last| last.and(axis).map(|both| *last = both)) {
            Some(()) => {}
            None => few.push(axis),
        }
    }
    few
}

/// Most axes that a layer reads parts along at once.
const AXES: usize = 4;

/// Steps that one after another read these parts, and what they move: along all axes at once if a layer can, else along two of them.
/// Real numbers of rows have layers, along one axis; others are moved as bytes.
fn stages(kind: Kind, axes: &[Axis]) -> (Kind, Vec<Vec<Axis>>) {
    let few = merged(axes.iter().copied());
    if kind == Kind::Float32 && part(kind, &few).is_ok() {
        return (kind, vec![few]);
    }
    let few = merged(few.into_iter().chain([Axis::all(kind.bytes(1))]));
    if few.len() <= AXES {
        return (Kind::Int8, vec![few]);
    }
    let count = |axes: &[Axis], f: fn(&Axis) -> usize| axes.iter().map(f).product::<usize>();
    let stage = |i: usize| {
        let (before, rest) = few.split_at(i);
        let (own, after) = rest.split_at(2.min(rest.len()));
        let [outer, inner] =
            [count(before, |axis| axis.part), count(after, |axis| axis.whole)].map(Axis::all);
        merged([&[outer], own, &[inner]].concat())
    };
    let stages = (0..few.len()).step_by(2).map(stage);
    let moving = stages.filter(|stage| !matches!(stage[..], [axis] if axis == Axis::all(axis.whole)));
    (Kind::Int8, moving.collect())
}

/// Steps that read these parts of `value` and write them to `write`.
fn read(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    (kind, mut value): (Kind, usize),
    axes: &[Axis],
    write: usize,
) -> Result<(), Error> {
    let (moved, stages) = stages(kind, axes);
    for (i, axes) in stages.iter().enumerate() {
        let (layer, row, rows) = part(moved, axes)?;
        let bytes = moved.bytes(axes.iter().map(|axis| axis.part).product());
        let last = i + 1 == stages.len();
        let to = if last { write } else { lowering.between(&[bytes / kind.bytes(1)], value) };
        lowering.push(operator, layer, vec![Read { value, row }], to, rows)?;
        value = to;
    }
    Ok(())
}

/// The layer that reads these parts of an array, of at most four axes, two of real numbers: how it sees its rows, and how many
/// there are in a row of the network.
fn part(kind: Kind, few: &[Axis]) -> Result<(Layer, String, usize), Error> {
    if kind == Kind::Float32 {
        let axes = few.iter().map(|axis| (axis.whole, axis.part, axis.start, axis.step));
        return real::part(&axes.collect::<Vec<_>>());
    }
    let (region, sizes) = region(few, [|axis| axis.whole, |axis| axis.part])?;
    let [row, to] = sizes.map(|n| format!("[i8; {n}]"));
    let made = Made::Call(format!("int8::Slice::new({region})"));
    let layer = Layer::without_weights("slice", format!("int8::Slice<{row}, {to}>"), made);
    Ok((layer, row, 1))
}

/// A step that writes parts of a value to the tensor `to` of the operator's `count` ones.
fn cut<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    axes: &[Axis],
    [to, count]: [usize; 2],
) -> Result<(), Error> {
    let (index, y) = lowering.written_of(operator, to, count)?;
    let numbers = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.part));
    if numbers != Some(y.count()) || x.kind != y.kind {
        let parts: Vec<_> = axes.iter().map(|axis| axis.part).collect();
        return Err(y.error(format!("{parts:?} of {} do not fit {:?} of {}", x.kind, y.shape, y.kind)));
    }
    if x.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("a part has the scale and zero of the whole"));
    }
    let write = lowering.value(index, &y)?;
    read(lowering, operator.name, (x.kind, value), axes, write)
}

/// Axis `axis` of `shape`, where a negative one is from the last on.
pub(super) fn axis_of(axis: i32, shape: &[usize]) -> Result<usize, Error> {
    let rank = shape.len() as i64;
    let axis = i64::from(axis);
    let from_first = if axis < 0 { axis + rank } else { axis };
    match (0..rank).contains(&from_first) {
        true => Ok(from_first as usize),
        false => Err(Error::new(format!("axis {axis} of {shape:?}"))),
    }
}

/// A tensor cut along an axis, one part for each output, of these lengths.
fn along<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    n: usize,
    axis: i32,
    lengths: impl Fn(usize, &Tensor<'a>) -> Result<usize, Error>,
) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, n)?;
    let axis = axis_of(axis, &x.shape)?;
    let (count, mut start) = (operator.outputs(), 0_usize);
    for to in 0..count {
        let (_, y) = lowering.written_of(operator, to, count)?;
        let part = lengths(axis, &y)?;
        if start.saturating_add(part) > x.shape[axis] {
            return Err(y.error(format!("the parts are longer than axis {axis} of {:?}", x.shape)));
        }
        let mut axes: Vec<_> = x.shape.iter().map(|&whole| Axis::all(whole)).collect();
        axes[axis] = Axis { part, start, ..axes[axis] };
        cut(lowering, operator, (&x, value), &axes, [to, count])?;
        start += part;
    }
    match start == x.shape[axis] {
        true => Ok(()),
        false => Err(x.error(format!("its parts have {start} of {} along axis {axis}", x.shape[axis]))),
    }
}

pub(super) fn split<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, axis) = if operator.name == "SPLIT" { (1, 0) } else { (0, 2) };
    let axis = match lowering.graph.ints(lowering.graph.operand(operator, axis)?)?[..] {
        [axis] => axis,
        _ => return Err(Error::new("a split is along one axis")),
    };
    along(lowering, operator, x, axis, |axis, y| {
        y.shape.get(axis).copied().ok_or_else(|| y.error(format!("axis {axis} of {:?}", y.shape)))
    })
}

pub(super) fn unpack<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    along(lowering, operator, 0, operator.int(1, 0), |_, _| Ok(1))
}

/// The numbers of a constant operand, one for each axis.
fn for_each_axis<'a>(
    lowering: &Lowering<'a, '_>,
    operator: &Operator<'a>,
    n: usize,
    x: &Tensor<'a>,
) -> Result<Vec<i64>, Error> {
    let ints = lowering.graph.ints(lowering.graph.operand(operator, n)?)?;
    match ints.len() == x.shape.len() {
        true => Ok(ints.into_iter().map(i64::from).collect()),
        false => Err(x.error(format!("{} numbers for the axes of {:?}", ints.len(), x.shape))),
    }
}

pub(super) fn slice<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let starts = for_each_axis(lowering, operator, 1, &x)?;
    let sizes = for_each_axis(lowering, operator, 2, &x)?;
    let mut axes = Vec::new();
    for ((&whole, start), size) in x.shape.iter().zip(starts).zip(sizes) {
        // All that is left.
        let size = if size == -1 { whole as i64 - start } else { size };
        if start < 0 || size < 1 || start + size > whole as i64 {
            return Err(x.error(format!("{size} numbers from {start} on, of {whole}")));
        }
        axes.push(Axis { whole, part: size as usize, start: start as usize, step: 1 });
    }
    cut(lowering, operator, (&x, value), &axes, [0, 1])
}

/// Of a tensor: from a begin to before an end, by steps that may be negative. Masks, a bit for each axis, leave out an end, or
/// keep one number and no axis.
pub(super) fn strided_slice<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let [begins, ends, steps] = [
        for_each_axis(lowering, operator, 1, &x)?,
        for_each_axis(lowering, operator, 2, &x)?,
        for_each_axis(lowering, operator, 3, &x)?,
    ];
    let [no_begin, no_end, ellipsis, new, shrink] = [0, 1, 2, 3, 4].map(|slot| operator.int(slot, 0));
    if ellipsis != 0 || new != 0 || operator.byte(5) != 0 {
        return Err(Error::new("slices with new axes, an ellipsis or ends from the begin are not supported"));
    }
    let mut axes = Vec::new();
    for (i, &whole) in x.shape.iter().enumerate() {
        let (is_set, n, step) = (|mask: i32| mask >> i & 1 == 1, whole as i64, steps[i]);
        let from_first = |at: i64| if at < 0 { at + n } else { at };
        let (begin, end) = match step {
            _ if is_set(shrink) => (from_first(begins[i]), from_first(begins[i]) + 1),
            1.. => (
                if is_set(no_begin) { 0 } else { from_first(begins[i]).clamp(0, n) },
                if is_set(no_end) { n } else { from_first(ends[i]).clamp(0, n) },
            ),
            _ => (
                if is_set(no_begin) { n - 1 } else { from_first(begins[i]).clamp(-1, n - 1) },
                if is_set(no_end) { -1 } else { from_first(ends[i]).clamp(-1, n - 1) },
            ),
        };
        let step = if is_set(shrink) { 1 } else { step };
        let (distance, stride) = (if step > 0 { end - begin } else { begin - end }, step.abs());
        if step == 0 || distance < 1 || !(0..n).contains(&begin) {
            return Err(x.error(format!("numbers {begin} to {end} of {n} by steps of {step}")));
        }
        let part = (distance as u64).div_ceil(stride as u64) as usize;
        // Of one number, the step does not matter.
        let step = if part == 1 { 1 } else { step as i32 };
        axes.push(Axis { whole, part, start: begin as usize, step });
    }
    cut(lowering, operator, (&x, value), &axes, [0, 1])
}

/// Backwards along some axes.
pub(super) fn reverse<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let mut axes: Vec<_> = x.shape.iter().map(|&whole| Axis::all(whole)).collect();
    for axis in lowering.graph.ints(lowering.graph.operand(operator, 1)?)? {
        let axis = &mut axes[axis_of(axis, &x.shape)?];
        if axis.whole > 1 {
            (axis.start, axis.step) = (axis.whole - 1, -1);
        }
    }
    cut(lowering, operator, (&x, value), &axes, [0, 1])
}

/// The shape of a tensor under that of `y`: axes of one before its own. Each axis is that of `y`, or of one.
pub(super) fn aligned(x: &Tensor<'_>, y: &Tensor<'_>) -> Result<Vec<usize>, Error> {
    let missing = y.shape.len().checked_sub(x.shape.len());
    let shape = missing.map(|missing| [&vec![1; missing], &x.shape[..]].concat());
    let fitting = shape.filter(|shape| shape.iter().zip(&y.shape).all(|(&x, &y)| x == y || x == 1));
    fitting.ok_or_else(|| x.error(format!("the shape {:?} is not repeated to {:?}", x.shape, y.shape)))
}

/// The value of `x`, repeated along axes of one to the shape of `y`.
pub(super) fn repeat<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    (x, value): (&Tensor<'a>, usize),
    y: &Tensor<'a>,
) -> Result<usize, Error> {
    let of = aligned(x, y)?;
    if of == y.shape {
        return Ok(value);
    }
    let repeated = |(&whole, &part): (&usize, &usize)| match whole == part {
        true => Axis::all(whole),
        false => Axis { whole, part, start: 0, step: 0 },
    };
    let axes: Vec<_> = of.iter().zip(&y.shape).map(repeated).collect();
    let write = lowering.between(shape(y), value);
    read(lowering, operator.name, (x.kind, value), &axes, write)?;
    Ok(write)
}

/// The whole tensor repeated, so many times along each axis.
pub(super) fn tile<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let mut axes = Vec::new();
    for (&whole, times) in x.shape.iter().zip(for_each_axis(lowering, operator, 1, &x)?) {
        match usize::try_from(times) {
            Ok(part) if part > 1 => axes.push(Axis { whole: 1, part, start: 0, step: 0 }),
            Ok(1) => {}
            _ => return Err(x.error(format!("repeated {times} times"))),
        }
        axes.push(Axis::all(whole));
    }
    cut(lowering, operator, (&x, value), &axes, [0, 1])
}

/// Whether runtimes, which round, read each pixel of a side as many times as any other; `centred` is whether they go from the middle of
/// pixels. Source: the reference kernel of LiteRT.
fn is_repeated((from, to): (usize, usize), centred: bool) -> bool {
    let (scale, offset) = (from as f32 / to as f32, if centred { 0.5 } else { 0.0 });
    let times = to / from.max(1);
    (0..to).all(|i| (((i as f32 + offset) * scale) as usize).min(from - 1) == i / times.max(1))
}

/// Each pixel repeated down and to the right, a whole number of times.
pub(super) fn resize<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    let ([h, w, c], [height, width, channels]) = (super::picture(&x)?, super::picture(&y)?);
    lowering.graph.ints(lowering.graph.operand(operator, 1)?)?;
    if !height.is_multiple_of(h) || !width.is_multiple_of(w) || c != channels || operator.byte(0) != 0 {
        return Err(y.error(format!(
            "{:?} resized to {:?} is not supported, only to whole multiples, and not with aligned corners",
            x.shape, y.shape
        )));
    }
    if ![(h, height), (w, width)].into_iter().all(|sides| is_repeated(sides, operator.byte(1) != 0)) {
        return Err(
            y.error(format!("{:?} resized to {:?}: the runtime's own pixels are others", x.shape, y.shape))
        );
    }
    if x.kind == Kind::Float32 && x.shape[0] == 1 {
        y.expect(Kind::Float32)?;
        return real::resize(lowering, operator, value, [[h, w, c], [height, width, channels]]);
    }
    let times = |part| Axis { whole: 1, part, start: 0, step: 0 };
    let axes = [
        Axis::all(super::batch(&x, &y)?),
        Axis::all(h),
        times(height / h),
        Axis::all(w),
        times(width / w),
        Axis::all(c),
    ];
    cut(lowering, operator, (&x, value), &axes, [0, 1])
}

/// Some channels of a picture.
pub(super) fn channels<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    value: usize,
    [height, width, all]: [usize; 3],
    channels: std::ops::Range<usize>,
) -> Result<usize, Error> {
    let own = Axis { part: channels.len(), start: channels.start, ..Axis::all(all) };
    let write = lowering.between(&[height, width, channels.len()], value);
    let kind = lowering.values[value].kind;
    read(lowering, operator.name, (kind, value), &[Axis::all(height * width), own], write)?;
    Ok(write)
}

/// The first rows and columns of pictures of real numbers: themselves, if that is all.
pub(super) fn cropped(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    value: usize,
    (batch, [height, width, channels]): (usize, [usize; 3]),
    [rows, columns]: [usize; 2],
) -> Result<usize, Error> {
    if [rows, columns] == [height, width] {
        return Ok(value);
    }
    let first = |part, whole| Axis { part, ..Axis::all(whole) };
    let write = lowering.between(&[batch, rows, columns, channels], value);
    let axes = [Axis::all(batch), first(rows, height), first(columns, width), Axis::all(channels)];
    read(lowering, operator, (Kind::Float32, value), &axes, write)?;
    Ok(write)
}

/// Steps that write what is within a tensor of a shape: a smaller one, which begins at `starts`.
pub(super) fn within(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    from: (Kind, usize),
    (whole, part, starts): (&[usize], &[usize], &[usize]),
    write: usize,
) -> Result<(), Error> {
    let sizes = whole.iter().zip(part).zip(starts);
    let axes: Vec<_> = sizes.map(|((&whole, &part), &start)| Axis { whole, part, start, step: 1 }).collect();
    read(lowering, operator, from, &axes, write)
}

/// A step that writes a tensor of a shape to a larger one, in which it begins at `starts`, with a border of the byte `border`.
pub(super) fn surrounded(
    lowering: &mut Lowering<'_, '_>,
    operator: &Operator<'_>,
    (x, value): (&[usize], usize),
    (y, write): (&[usize], usize),
    starts: &[usize],
    border: i8,
) -> Result<(), Error> {
    let bytes = lowering.values[value].kind.bytes(1);
    let axes =
        y.iter().zip(x).zip(starts).map(|((&whole, &part), &start)| Axis { whole, part, start, step: 1 });
    let axes = merged(axes.chain([Axis::all(bytes)]));
    if axes.len() > AXES {
        return Err(Error::new(format!("borders along more than {AXES} axes are not supported")));
    }
    let (region, [from, to]) = region(&axes, [|axis| axis.part, |axis| axis.whole])?;
    let made = Made::Call(format!("int8::Pad::new({region}, {border})"));
    let row = format!("[i8; {from}]");
    let layer = Layer::without_weights("pad", format!("int8::Pad<{row}, [i8; {to}]>"), made);
    lowering.push(operator.name, layer, vec![Read { value, row }], write, 1)
}

/// The region of at most four axes, as an expression, and the sizes of its parts.
fn region(few: &[Axis], sizes: [fn(&Axis) -> usize; 2]) -> Result<(String, [usize; 2]), Error> {
    let mut few = few.to_vec();
    few.splice(0..0, vec![Axis::all(1); AXES.saturating_sub(few.len())]);
    let four = |f: fn(&Axis) -> usize| [0, 1, 2, 3].map(|i| f(&few[i]) as u32);
    let region = Region {
        whole: four(|axis| axis.whole),
        part: four(|axis| axis.part),
        start: four(|axis| axis.start),
        step: [0, 1, 2, 3].map(|i| few[i].step),
    };
    let count = |f: fn(&Axis) -> usize| few.iter().map(f).product::<usize>();
    // What the constant would not compile with.
    if !region.fits(count(|axis| axis.whole), count(|axis| axis.part)) {
        return Err(Error::new(format!("{few:?} are no part of a tensor")));
    }
    let Region { whole, part, start, step } = region;
    let code =
        format!("int8::Region {{ whole: {whole:?}, part: {part:?}, start: {start:?}, step: {step:?} }}");
    Ok((code, sizes.map(count)))
}

/// A step that copies a value to another one.
pub(super) fn copy(
    lowering: &mut Lowering<'_, '_>,
    operator: &str,
    value: usize,
    write: usize,
) -> Result<(), Error> {
    let of = &lowering.values[value];
    let kind = of.kind;
    let all = Axis::all(of.bytes / kind.bytes(1));
    read(lowering, operator, (kind, value), &[all], write)
}

/// A new value: a copy of another one.
pub(super) fn copied(lowering: &mut Lowering<'_, '_>, operator: &str, value: usize) -> Result<usize, Error> {
    let write = lowering.values.len();
    lowering.values.push(lowering.values[value].clone());
    copy(lowering, operator, value, write)?;
    Ok(write)
}

/// Two at a time, so that of three, the first two are copied twice. Of a `PACK`, the axis is a new one.
pub(super) fn concatenate<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    let is_pack = operator.name == "PACK";
    let axis = axis_of(operator.int(u16::from(is_pack), 0), &y.shape)?;
    if !is_pack && operator.byte(1) != 0 {
        return Err(Error::new("an activation inside the operator is not supported"));
    }
    let mut parts = Vec::new();
    let mut total = 0_usize;
    for n in 0..operator.inputs() {
        let (x, value) = lowering.read(operator, n)?;
        let mut shape = x.shape.clone();
        if is_pack {
            shape.insert(axis.min(shape.len()), 1);
        }
        let others = |shape: &[usize]| [&shape[..axis], &shape[axis + 1..]].concat();
        if shape.len() != y.shape.len() || others(&shape) != others(&y.shape) || x.kind != y.kind {
            return Err(
                x.error(format!("its shape {:?} does not fit {:?} along axis {axis}", x.shape, y.shape))
            );
        }
        if x.meaning("activations")? != y.meaning("activations")? {
            return Err(x.error("concatenated tensors have the scale and zero of the output"));
        }
        total = total.saturating_add(shape[axis]);
        if total > y.shape[axis] {
            return Err(y.error("its inputs are longer than it"));
        }
        parts.push((value, shape[axis]));
    }
    if total != y.shape[axis] {
        return Err(y.error(format!("its inputs have {total} along axis {axis}, its shape is {:?}", y.shape)));
    }
    join(lowering, operator, &parts, axis, &y)
}

/// The values, each with its length along the axis, side by side in the operator's output.
pub(super) fn join<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    parts: &[(usize, usize)],
    axis: usize,
    y: &Tensor<'a>,
) -> Result<(), Error> {
    let (outer, inner): (usize, usize) =
        (y.shape[..axis].iter().product(), y.shape[axis + 1..].iter().product());
    let &[(mut value, mut length), ref others @ ..] = parts else {
        return Err(Error::new("nothing to concatenate"));
    };
    let Some((last, between)) = others.split_last() else {
        let (index, _) = lowering.written(operator)?;
        lowering.known.insert(index, value);
        return Ok(());
    };
    let layer = |first: usize, second: usize| -> (Layer, [String; 2]) {
        let sizes = [first * inner, second * inner];
        let rows = sizes.map(|n| array(y.kind, &[outer, n]));
        match y.kind {
            Kind::Float32 => (real::concat(sizes), rows),
            kind => (Layer::concat(kind, outer, sizes), rows),
        }
    };
    for &(next, more) in between {
        let (layer, [a, b]) = layer(length, more);
        length += more;
        let write = lowering.between(&[outer, length * inner], value);
        let reads = vec![Read { value, row: a }, Read { value: next, row: b }];
        lowering.push(operator.name, layer, reads, write, 1)?;
        value = write;
    }
    let (layer, [a, b]) = layer(length, last.1);
    let reads = vec![Read { value, row: a }, Read { value: last.0, row: b }];
    lowering.step(operator, layer, reads, 1)
}

impl Layer {
    /// Rows of so many numbers, side by side.
    fn concat(kind: Kind, outer: usize, [first, second]: [usize; 2]) -> Self {
        let row = array(kind, &[outer, first + second]);
        let made =
            format!("int8::Concat {{ first: {first}, second: {second}, shape: core::marker::PhantomData }}");
        Self::without_weights("concat", format!("int8::Concat<{row}>"), Made::Code(made))
    }
}
