//! Operators on numbers alone, whatever their shape.

use super::{Field, Layer, Lowering, Made, Read, array, clamp, clamp_code, quantization};
use crate::graph::{Kind, Operator, Tensor};
use crate::{Error, Value};
use fusebox::int8::{Clamp, Double, Quantization, Table};

/// Errors unless both have as many numbers.
fn equal(x: &Tensor<'_>, y: &Tensor<'_>) -> Result<(), Error> {
    match x.count() == y.count() {
        true => Ok(()),
        false => Err(y.error(format!("the shapes {:?} and {:?} differ", x.shape, y.shape))),
    }
}

/// A table of results, applied to each number.
fn table<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    results: impl FnOnce(Quantization, Quantization) -> Result<[i8; 256], Error>,
) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    let results = results(x.quantization()?, y.quantization()?)?;
    let fields = vec![("results", Field::weights(&results)), ("shape", Field::phantom())];
    let row = format!("[i8; {}]", x.count());
    let layer = Layer::without_weights("table", format!("int8::Table<{row}>"), Made::Fields(fields));
    lowering.step(operator, layer, vec![Read { value, row }], 1)
}

/// The table that changes scale and zero.
fn requantized(x: Quantization, y: Quantization, clamp: Clamp) -> Result<[i8; 256], Error> {
    Ok(Table::<i8>::requantize::<Double>(x, y, clamp)?.results)
}

pub(super) fn activation<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let fixed = |y: Quantization, scale, zero| match y == (Quantization { scale, zero }) {
        true => Ok(()),
        false => Err(Error::new(format!("the output's scale must be {scale} and its zero {zero}"))),
    };
    table(lowering, operator, |x, y| match operator.name {
        "LOGISTIC" => {
            fixed(y, 1.0 / 256.0, -128)?;
            Ok(Table::<i8>::logistic(x)?.results)
        }
        "TANH" => {
            fixed(y, 1.0 / 128.0, 0)?;
            Ok(Table::<i8>::tanh(x)?.results)
        }
        "RELU" => requantized(x, y, Clamp::relu(y)),
        "RELU6" => requantized(x, y, Clamp::relu6(y)),
        _ => requantized(x, y, Clamp::between(y, -1.0, 1.0)),
    })
}

pub(super) fn quantize<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    if x.kind == Kind::Int8 {
        return table(lowering, operator, |x, y| requantized(x, y, Clamp::of(y)));
    }
    x.expect(Kind::Float32)?;
    let count = x.count();
    let made = Made::Call(format!("int8::Quantize::new({})", quantization(y.quantization()?)));
    let layer = Layer::without_weights("quantize", format!("int8::Quantize<[i8; {count}]>"), made);
    lowering.step(operator, layer, vec![Read { value, row: format!("[f32; {count}]") }], 1)
}

pub(super) fn dequantize<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    y.expect(Kind::Float32)?;
    let row = format!("[i8; {}]", x.count());
    let made = Made::Call(format!("Ok(int8::Dequantize::new({}))", quantization(x.quantization()?)));
    let layer = Layer::without_weights("dequantize", format!("int8::Dequantize<{row}>"), made);
    lowering.step(operator, layer, vec![Read { value, row }], 1)
}

pub(super) fn softmax<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    let n = x.shape.last().copied().unwrap_or(1);
    if n >= 4096 {
        return Err(x.error(format!("a softmax of {n} numbers, at most 4095 are supported")));
    }
    if y.quantization()? != (Quantization { scale: 1.0 / 256.0, zero: -128 }) {
        return Err(y.error("a softmax' output has a scale of 1/256 and a zero of -128"));
    }
    let beta = operator.real(0);
    let x_quantization = x.quantization()?;
    // What the constant would not compile with.
    if !beta.is_finite() {
        return Err(Error::new(format!("a beta of {beta}")));
    }
    fusebox::int8::Softmax::<1>::new(x_quantization, beta)?;
    let made = Made::Call(format!("int8::Softmax::new({}, {beta:?})", quantization(x_quantization)));
    let layer = Layer::without_weights("softmax", format!("int8::Softmax<{n}>"), made);
    lowering.step(operator, layer, vec![Read { value, row: format!("[i8; {n}]") }], x.count() / n)
}

pub(super) fn join<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let ((a, first), (b, second)) = (lowering.read(operator, 0)?, lowering.read(operator, 1)?);
    let (_, y) = lowering.written(operator)?;
    if a.count() != y.count() || b.count() != y.count() {
        let shapes = [&a.shape, &b.shape, &y.shape];
        return Err(y.error(format!("tensors of different shapes {shapes:?} are not supported")));
    }
    let [qa, qb, qy] = [a.quantization()?, b.quantization()?, y.quantization()?];
    let clamp = clamp(operator.byte(0), qy)?;
    let (name, kind) = match operator.name {
        "ADD" => ("add", "Add"),
        _ => ("mul", "Mul"),
    };
    // What the constant would not compile with.
    match operator.name {
        "ADD" => fusebox::int8::Add::<i8>::new(qa, qb, qy, clamp).map(|_| ())?,
        _ => fusebox::int8::Mul::<i8>::new(qa, qb, qy, clamp).map(|_| ())?,
    }
    let [qa, qb, qy] = [qa, qb, qy].map(quantization);
    let made = Made::Call(format!("int8::{kind}::new({qa}, {qb}, {qy}, {})", clamp_code(clamp)));
    let row = format!("[i8; {}]", y.count());
    let layer = Layer::without_weights(name, format!("int8::{kind}<{row}>"), made);
    let reads = [first, second].map(|value| Read { value, row: row.clone() });
    lowering.step(operator, layer, reads.into(), 1)
}

/// Two at a time, so that of three, the first two are copied twice.
pub(super) fn concatenate<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (_, y) = lowering.written(operator)?;
    let rank = y.shape.len() as i64;
    let axis = i64::from(operator.int(0, 0));
    let axis = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&axis) || operator.inputs() < 2 || operator.byte(1) != 0 {
        let n = operator.inputs();
        return Err(Error::new(format!("{n} inputs along axis {axis} of {:?} are not supported", y.shape)));
    }
    let axis = axis as usize;
    let qy = y.quantization()?;
    let (mut shape, mut value) = (vec![], 0);
    for n in 0..operator.inputs() {
        let (x, next) = lowering.read(operator, n)?;
        let others = |shape: &[usize]| [&shape[..axis], &shape[axis + 1..]].concat();
        if x.shape.len() != y.shape.len() || others(&x.shape) != others(&y.shape) {
            return Err(
                x.error(format!("its shape {:?} does not fit {:?} along axis {axis}", x.shape, y.shape))
            );
        }
        if x.quantization()? != qy {
            return Err(x.error("concatenated tensors have the scale and zero of the output"));
        }
        if n == 0 {
            (shape, value) = (x.shape.clone(), next);
            continue;
        }
        let reads = vec![
            Read { value, row: array(Kind::Int8, &shape) },
            Read { value: next, row: array(Kind::Int8, &x.shape) },
        ];
        let sizes = [&shape, &x.shape].map(|shape| shape[axis..].iter().product::<usize>());
        shape[axis] = shape[axis].saturating_add(x.shape[axis]);
        if shape[axis] > y.shape[axis] {
            return Err(y.error("its inputs are longer than it"));
        }
        let row = array(Kind::Int8, &shape);
        let made = Made::Fields(vec![
            ("first", Field::Code(sizes[0].to_string())),
            ("second", Field::Code(sizes[1].to_string())),
            ("shape", Field::phantom()),
        ]);
        let layer = Layer::without_weights("concat", format!("int8::Concat<{row}>"), made);
        if n + 1 == operator.inputs() {
            if shape != y.shape {
                return Err(y.error(format!("its inputs make {shape:?}, its shape is {:?}", y.shape)));
            }
            return lowering.step(operator, layer, reads, 1);
        }
        value = lowering.values.len();
        let bytes = shape.iter().product();
        lowering.values.push(Value { shape: shape.clone(), row, bytes, quantization: Some(qy) });
        lowering.push(operator.name, layer, reads, value, 1)?;
    }
    Ok(())
}
