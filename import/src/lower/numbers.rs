//! Operators on numbers alone, whatever their shape.

use super::{Field, Layer, Lowering, Made, Read, clamp, clamp_code, parts, quantization, real, wide};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};
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
    tabled(lowering, operator, value, x.count(), &results)
}

/// A table of the numbers of `value`.
fn tabled<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    value: usize,
    count: usize,
    results: &[i8; 256],
) -> Result<(), Error> {
    let fields = vec![("results", Field::weights(results)), ("shape", Field::phantom())];
    let row = format!("[i8; {count}]");
    let layer = Layer::without_weights("table", format!("int8::Table<{row}>"), Made::Fields(fields));
    lowering.step(operator, layer, vec![Read { value, row }], 1)
}

/// The table that changes scale and zero.
fn requantized(x: Quantization, y: Quantization, clamp: Clamp) -> Result<[i8; 256], Error> {
    Ok(Table::<i8>::requantize::<Double>(x, y, clamp)?.results)
}

pub(super) fn activation<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    match lowering.read(operator, 0)?.0.kind {
        Kind::Float32 => return real::activation(lowering, operator),
        Kind::Int16 => return wide::activation(lowering, operator),
        _ => {}
    }
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
        "LEAKY_RELU" => Ok(Table::<i8>::leaky_relu::<Double>(x, y, operator.real(0))?.results),
        "HARD_SWISH" => Ok(Table::<i8>::hard_swish(x, y)?.results),
        _ => requantized(x, y, Clamp::between(y, -1.0, 1.0)),
    })
}

pub(super) fn quantize<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    if x.kind == Kind::Int16 || y.kind == Kind::Int16 {
        return wide::quantize(lowering, operator, (&x, value), &y);
    }
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
    if x.kind == Kind::Int16 {
        return wide::dequantize(lowering, operator, (&x, value));
    }
    let row = format!("[i8; {}]", x.count());
    let made = Made::Call(format!("Ok(int8::Dequantize::new({}))", quantization(x.quantization()?)));
    let layer = Layer::without_weights("dequantize", format!("int8::Dequantize<{row}>"), made);
    lowering.step(operator, layer, vec![Read { value, row }], 1)
}

pub(super) fn softmax<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    equal(&x, &y)?;
    if x.kind == Kind::Float32 {
        return real::softmax(lowering, operator);
    }
    if x.kind == Kind::Int16 {
        return wide::softmax(lowering, operator, (&x, value), &y);
    }
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

/// What a join reads: a value, or a constant.
pub(super) struct Operand<'a> {
    pub tensor: Tensor<'a>,
    pub value: Option<usize>,
}

fn operand<'a>(
    lowering: &mut Lowering<'a, '_>,
    operator: &Operator<'a>,
    n: usize,
) -> Result<Operand<'a>, Error> {
    let index = lowering.graph.operand(operator, n)?;
    let tensor = lowering.graph.tensor(index)?;
    match tensor.data {
        Some(_) => Ok(Operand { tensor, value: None }),
        _ => lowering.read(operator, n).map(|(tensor, value)| Operand { tensor, value: Some(value) }),
    }
}

type Function = Box<dyn Fn(i8, i8) -> i8>;

/// The function of two numbers that a join applies.
fn of_two<J: fusebox::int8::Join<[i8; 1], [i8; 1], Output = [i8; 1]> + 'static>(join: J) -> Function {
    Box::new(move |a, b| {
        let mut ys = [[0]];
        join.join(fusebox::Isa::portable(), &[[a]], &[[b]], &mut ys);
        ys[0][0]
    })
}

/// A join as an expression and a type, and its function of two numbers.
struct Join {
    name: &'static str,
    kind: &'static str,
    made: String,
    function: Function,
}

/// Checks what the constant would not compile with.
fn join_of(operator: &Operator<'_>, q: [Quantization; 3]) -> Result<Join, Error> {
    use fusebox::int8::{Add, Max, Min, Mul, Prelu, Sub};
    let [a, b, y] = q;
    let clamp = match operator.name {
        "MAXIMUM" | "MINIMUM" | "PRELU" => Clamp::of(y),
        _ => clamp(operator.byte(0), y)?,
    };
    let (name, kind, function): (_, _, Function) = match operator.name {
        "ADD" => ("add", "Add", of_two(Add::<[i8; 1]>::new(a, b, y, clamp)?)),
        "SUB" => ("sub", "Sub", of_two(Sub::<[i8; 1]>::new(a, b, y, clamp)?)),
        "MUL" => ("mul", "Mul", of_two(Mul::<[i8; 1]>::new(a, b, y, clamp)?)),
        "PRELU" => ("prelu", "Prelu", of_two(Prelu::<[i8; 1]>::new(a, b, y, clamp)?)),
        _ if a != y || b != y => {
            return Err(Error::new("both inputs have the scale and zero of the output"));
        }
        "MAXIMUM" => ("max", "Max", of_two(Max::<[i8; 1]>::new())),
        _ => ("min", "Min", of_two(Min::<[i8; 1]>::new())),
    };
    let made = match kind {
        "Max" | "Min" => format!("int8::{kind}::new()"),
        _ => {
            let [a, b, y] = q.map(quantization);
            format!("constant(int8::{kind}::new({a}, {b}, {y}, {}))", clamp_code(clamp))
        }
    };
    Ok(Join { name, kind, made, function })
}

/// Of two tensors, number by number; the smaller one is repeated. A constant of one number makes it a table.
pub(super) fn join<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (a, b) = (operand(lowering, operator, 0)?, operand(lowering, operator, 1)?);
    let (_, y) = lowering.written(operator)?;
    if y.kind == Kind::Float32 {
        return real::join(lowering, operator);
    }
    if y.kind == Kind::Int16 {
        return wide::join(lowering, operator, [a, b], &y);
    }
    let q = [a.tensor.quantization()?, b.tensor.quantization()?, y.quantization()?];
    let Join { name, kind, made, function } = join_of(operator, q)?;
    let count = y.count();
    match (a.value, b.value) {
        (Some(first), Some(second)) => {
            let first = parts::repeat(lowering, operator, (&a.tensor, first), &y)?;
            let second = parts::repeat(lowering, operator, (&b.tensor, second), &y)?;
            let row = format!("[i8; {count}]");
            let layer = Layer::without_weights(name, format!("int8::{kind}<{row}>"), Made::Code(made));
            let reads = [first, second].map(|value| Read { value, row: row.clone() });
            lowering.step(operator, layer, reads.into(), 1)
        }
        (None, None) => Err(y.error("is the result of two constants: fold them when converting")),
        (value, _) => {
            let is_first = value.is_some();
            let (x, constant) = if is_first { (a, b) } else { (b, a) };
            let numbers = constant.tensor.weights()?;
            let value = parts::repeat(lowering, operator, (&x.tensor, x.value.unwrap_or_default()), &y)?;
            if let [number] = numbers[..] {
                let of = |x| if is_first { function(x, number) } else { function(number, x) };
                let results = std::array::from_fn(|i| of((i as i32 - 128) as i8));
                return tabled(lowering, operator, value, count, &results);
            }
            // The order matters to a difference alone; the scales of both are in the layer.
            if !is_first && matches!(operator.name, "SUB" | "PRELU") {
                return Err(constant
                    .tensor
                    .error("a constant of several numbers before a tensor is not supported"));
            }
            let numbers = repeated(&constant.tensor, &numbers, &y)?;
            let swapped = if is_first { q } else { [q[1], q[0], q[2]] };
            let made = join_of(operator, swapped)?.made;
            let row = format!("[i8; {}]", numbers.len());
            let fields = vec![("join", Field::Code(made)), ("constant", Field::weights(&numbers))];
            let kind = format!("int8::WithConstant<int8::{kind}<{row}>, {row}>");
            let layer = Layer::without_weights(name, kind, Made::Fields(fields));
            lowering.step(operator, layer, vec![Read { value, row }], count / numbers.len())
        }
    }
}

/// The numbers of a constant that is repeated to the shape of `y`: from the first axis on that is not repeated.
pub(super) fn repeated<T: Copy>(
    constant: &Tensor<'_>,
    numbers: &[T],
    y: &Tensor<'_>,
) -> Result<Vec<T>, Error> {
    let shape = parts::aligned(constant, y)?;
    let first = shape.iter().position(|&n| n != 1).unwrap_or(shape.len());
    let count: usize = y.shape[first..].iter().product();
    if count > 16 * numbers.len() + 4096 {
        return Err(constant.error(format!("a constant that is repeated to {:?} is not supported", y.shape)));
    }
    let at = |mut place: usize| {
        let mut from = 0;
        let mut stride = 1;
        for (n, size) in shape.iter().zip(&y.shape).skip(first).rev() {
            from += if *n == 1 { 0 } else { place % size * stride };
            (place, stride) = (place / size, stride * n);
        }
        numbers[from]
    };
    Ok((0..count).map(at).collect())
}
