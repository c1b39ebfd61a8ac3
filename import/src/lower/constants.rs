//! Activations that are constants, as the first states of a recurrent network that is unrolled: a field of the network, which is copied
//! to the arena in each run.

use super::{Layer, Lowering, Made, array};
use crate::Error;
use crate::graph::{Operator, Tensor};

/// The value of a tensor that is a constant of these bytes.
pub(super) fn of<'a>(
    lowering: &mut Lowering<'a, '_>,
    index: usize,
    tensor: &Tensor<'a>,
    bytes: &[u8],
) -> Result<usize, Error> {
    let write = lowering.value(index, tensor)?;
    let kind = array(tensor.kind, &[tensor.count()]);
    let layer = Layer::without_weights("constant", kind, Made::Bytes(bytes.into()));
    lowering.push("CONSTANT", layer, vec![], write, 1)?;
    Ok(write)
}

/// One number, repeated to a shape that is known.
pub(super) fn fill<'a>(lowering: &mut Lowering<'a, '_>, operator: &Operator<'a>) -> Result<(), Error> {
    let sizes = lowering.graph.operand(operator, 0)?;
    let sizes = lowering.graph.ints(sizes)?;
    let number = lowering.constant(operator, 1)?;
    let (index, y) = lowering.written(operator)?;
    let (Some(number), true) = (number, sizes.iter().all(|&n| n > 0)) else {
        return Err(y.error(format!("filled with no number, or of the shape {sizes:?}")));
    };
    let data = number.data.ok_or_else(|| number.error("is no constant"))?;
    let shape: Vec<_> = sizes.iter().map(|&n| n as usize).collect();
    if number.count() != 1 || number.kind != y.kind || shape != y.shape {
        return Err(y.error(format!("{:?} of {} filled to {sizes:?}", number.shape, number.kind)));
    }
    if number.meaning("activations")? != y.meaning("activations")? {
        return Err(y.error("what fills has the scale and zero of the output"));
    }
    if y.count() > MOST {
        return Err(y.error(format!("{} equal numbers, at most {MOST} are supported", y.count())));
    }
    of(lowering, index, &y, &data.repeat(y.count())).map(|_| ())
}

/// Most numbers of a constant that the file does not have.
const MOST: usize = 1 << 16;
