//! Operators on windows and borders of pictures.

use super::{
    Layer, Lowering, Made, Read, array, batch, clamp, clamp_code, parts, picture, picture_type, quantization,
    real, wide,
};
use crate::Error;
use crate::graph::{Kind, Operator, Tensor};
use fusebox::int8::Clamp;
use fusebox::layers::{Padding, output_len};
use std::collections::BTreeSet;

/// Windows of convolutions and pools: taps, padding, strides and dilations, down and to the right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub taps: [usize; 2],
    is_same: bool,
    pub stride: [usize; 2],
    dilation: [usize; 2],
}

impl Windows {
    /// Of an operator's options, of which those of dilation, right and down, have these numbers.
    pub(super) fn of(operator: &Operator<'_>, taps: [usize; 2], dilation: [u16; 2]) -> Result<Self, Error> {
        let positive = |what, n: i32| match usize::try_from(n) {
            Ok(n) if (1..1 << 16).contains(&n) => Ok(n),
            _ => Err(Error::new(format!("a {what} of {n}"))),
        };
        let is_same = match operator.byte(0) {
            0 => true,
            1 => false,
            other => return Err(Error::new(format!("padding {other} does not exist"))),
        };
        Ok(Self {
            taps,
            is_same,
            stride: [positive("stride", operator.int(2, 0))?, positive("stride", operator.int(1, 0))?],
            dilation: match dilation {
                [0, 0] => [1; 2],
                [right, down] => [
                    positive("dilation", operator.int(down, 1))?,
                    positive("dilation", operator.int(right, 1))?,
                ],
            },
        })
    }

    /// Errors unless they make pictures `y` of pictures `x`.
    pub(super) fn check(&self, x: [usize; 3], y: [usize; 3], tensor: &Tensor<'_>) -> Result<(), Error> {
        for axis in 0..2 {
            let span = (self.taps[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1);
            let outputs = match self.is_same {
                true => x[axis].div_ceil(self.stride[axis]),
                false if span <= x[axis] => (x[axis] - span) / self.stride[axis] + 1,
                false => 0,
            };
            if outputs != y[axis] {
                let (from, to) = (x[axis], y[axis]);
                return Err(
                    tensor.error(format!("windows make {outputs} positions of {from}, its shape says {to}"))
                );
            }
        }
        Ok(())
    }

    /// Rows and columns of a picture that windows see, which make `y`. The layers of real numbers leave out no position.
    pub(super) fn seen(
        &self,
        x: [usize; 3],
        y: [usize; 3],
        tensor: &Tensor<'_>,
    ) -> Result<[usize; 2], Error> {
        let padding = if self.is_same { Padding::Same } else { Padding::Valid };
        let mut seen = [x[0], x[1]];
        for (axis, seen) in seen.iter_mut().enumerate() {
            let [taps, stride, dilation] = [self.taps[axis], self.stride[axis], self.dilation[axis]];
            if !self.is_same {
                *seen = (y[axis] - 1) * stride + (taps - 1) * dilation + 1;
            }
            if output_len(*seen, taps, stride, dilation, padding) != y[axis] {
                return Err(tensor.error("such windows of real numbers are not supported"));
            }
        }
        Ok(seen)
    }

    /// As a type.
    pub(super) fn code(&self) -> String {
        let padding = if self.is_same { "Same" } else { "Valid" };
        let ([down, right], [below, beside]) = (self.stride, self.dilation);
        match self.dilation {
            [1, 1] => format!("layers::Window<layers::{padding}, {down}, {right}>"),
            _ => format!("layers::Window<layers::{padding}, {down}, {right}, {below}, {beside}>"),
        }
    }
}

pub(super) fn pool<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    let (input, output, rows) = (picture(&x)?, picture(&y)?, batch(&x, &y)?);
    let taps = [operator.int(4, 0), operator.int(3, 0)];
    let [height, width] = match taps.map(usize::try_from) {
        [Ok(height), Ok(width)] if height > 0 && width > 0 && height.saturating_mul(width) < 1 << 24 => {
            [height, width]
        }
        _ => return Err(Error::new(format!("a window of {taps:?}"))),
    };
    let windows = Windows::of(operator, [height, width], [0; 2])?;
    windows.check(input, output, &y)?;
    if input[2] != output[2] {
        return Err(y.error(format!("{} channels of {}", output[2], input[2])));
    }
    if x.kind == Kind::Float32 {
        return real::pool(lowering, operator, (&x, value), windows);
    }
    if x.kind != y.kind || x.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("a pool's output has the scale and zero of its input"));
    }
    let activation = operator.byte(5);
    // Sums have 32 bits.
    if height * width > if x.kind == Kind::Int16 { 1 << 15 } else { 1 << 23 } {
        return Err(Error::new(format!("a window of {height} x {width}")));
    }
    let clamp = match x.kind {
        Kind::Int16 => wide::clamp_code(wide::clamp(activation, y.scale()?)?),
        _ => clamp_code(clamp(activation, y.quantization()?)?),
    };
    let (name, layer) = match operator.name {
        "MAX_POOL_2D" => ("max_pool", "MaxPool2d"),
        _ => ("average", "AvgPool2d"),
    };
    let [row, result] = [input, output].map(|sizes| array(x.kind, &sizes));
    let kind = format!("int8::{layer}<{row}, {result}, {height}, {width}, {}>", windows.code());
    let layer = Layer::without_weights(name, kind, Made::Code(format!("int8::Pool::new({clamp})")));
    lowering.step(operator, layer, vec![Read { value, row }], rows)
}

/// Along neighbouring axes: of each of the numbers of the axes outside, the mean, or the largest, of rows of those of the axes inside.
pub(super) fn reduce<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (_, y) = lowering.written(operator)?;
    let rank = x.shape.len() as i32;
    let axes = lowering.graph.ints(lowering.graph.operand(operator, 1)?)?;
    // From the last one, if negative; those of one do not matter.
    let from_first = axes.iter().map(|&axis| if axis < 0 { axis.saturating_add(rank) } else { axis });
    let reduced: BTreeSet<_> = from_first.collect();
    let is_one = |axis: i32| x.shape.get(axis as usize) == Some(&1);
    let long: Vec<_> = reduced.iter().copied().filter(|&axis| !is_one(axis)).collect();
    let (first, last) = match (long.first(), long.last()) {
        (Some(&first), Some(&last)) => (first, last),
        _ => (rank - 1, rank - 2),
    };
    let are_neighbours = (first..=last).all(|axis| reduced.contains(&axis) || is_one(axis));
    if reduced.iter().any(|axis| !(0..rank).contains(axis)) || !are_neighbours || rank == 0 {
        return Err(Error::new(format!("{:?} along axes {axes:?} is not supported", x.shape)));
    }
    let count = |axes: std::ops::Range<i32>| axes.map(|axis| x.shape[axis as usize]).product::<usize>();
    let [outer, pixels, inner] = [0..first, first..last + 1, last + 1..rank].map(count);
    if y.count() != outer * inner || x.kind != y.kind || pixels > 1 << 16 {
        return Err(y.error(format!("{:?} along axes {axes:?} is not {:?}", x.shape, y.shape)));
    }
    if x.kind == Kind::Float32 {
        return real::reduce(lowering, operator, value, [outer, pixels, inner]);
    }
    if x.kind == Kind::Int16 {
        return wide::mean(lowering, operator, (&x, value), [outer, pixels, inner]);
    }
    let (from, to) = (x.quantization()?, y.quantization()?);
    let row = picture_type([pixels, 1, inner]);
    if operator.name == "REDUCE_MAX" {
        if from != to {
            return Err(y.error("the largest number has the scale and zero of the input"));
        }
        let one = picture_type([1, 1, inner]);
        let kind = format!("int8::MaxPool2d<{row}, {one}, {pixels}, 1, layers::Window<layers::Valid>>");
        let made = Made::Code(format!("int8::Pool::new({})", clamp_code(Clamp::of(to))));
        let layer = Layer::without_weights("max", kind, made);
        return lowering.step(operator, layer, vec![Read { value, row }], outer);
    }
    // What the constant would not compile with.
    fusebox::int8::Mean::<[[[i8; 1]; 1]; 1], 1>::new(from, to)?;
    let kind = format!("int8::Mean<{row}, {inner}>");
    let made = Made::Call(format!("int8::Mean::new({}, {})", quantization(from), quantization(to)));
    let layer = Layer::without_weights("mean", kind, made);
    lowering.step(operator, layer, vec![Read { value, row }], outer)
}

pub(super) fn pad<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let (x, value) = lowering.read(operator, 0)?;
    let (index, y) = lowering.written(operator)?;
    let widths = lowering.graph.ints(lowering.graph.operand(operator, 1)?)?;
    let (widths, rest) = widths.as_chunks::<2>();
    if widths.len() != x.shape.len() || !rest.is_empty() || y.shape.len() != x.shape.len() {
        return Err(y.error(format!("{} borders for {:?} to {:?}", widths.len(), x.shape, y.shape)));
    }
    for (axis, &[before, after]) in widths.iter().enumerate() {
        let size =
            (x.shape[axis] as i64).checked_add(i64::from(before)).and_then(|n| n.checked_add(after.into()));
        if before < 0 || after < 0 || size != Some(y.shape[axis] as i64) {
            return Err(
                y.error(format!("borders of {before} and {after} around {:?} make {:?}", x.shape, y.shape))
            );
        }
    }
    if x.kind != y.kind || x.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("a border changes neither scale nor zero"));
    }
    let border = match (lowering.constant(operator, 2)?, x.kind) {
        (Some(border), Kind::Int8) if border.quantization()? == y.quantization()? && border.count() == 1 => {
            border.weights()?[0]
        }
        (Some(border), Kind::Int16) if border.wide_numbers()? == [0] => 0,
        (Some(border), Kind::Float32) if border.reals()? == [0.0] => 0,
        (Some(border), _) => {
            return Err(border.error(
                "the value of a border is one number of the output's scale and zero, or 0 of INT16 and FLOAT32",
            ));
        }
        (None, Kind::Int8) => y.quantization()?.zero,
        (None, _) => 0,
    };
    let write = lowering.value(index, &y)?;
    let starts: Vec<_> = widths.iter().map(|&[before, _]| before as usize).collect();
    parts::surrounded(lowering, operator, (&x.shape, value), (&y.shape, write), &starts, border)
}
