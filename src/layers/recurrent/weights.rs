//! Weights of other frameworks, as slices in their order.
//!
//! ```text
//! PyTorch    weight_ih [GATES][H][IN], weight_hh [GATES][H][H], bias_ih [GATES][H], bias_hh [GATES][H]
//! Keras      kernel [IN][GATES][H], recurrent_kernel [H][GATES][H], bias [GATES][H], or twice as many
//! ```

use crate::Error;

/// Errors unless a slice has `expected` numbers.
pub(super) fn check(numbers: &[f32], expected: usize) -> Result<(), Error> {
    match numbers.len() {
        got if got == expected => Ok(()),
        got => Err(Error::Length { expected, got }),
    }
}

/// PyTorch's `[GATES][H][IN]` as weights by input.
pub(super) fn from_pytorch<const IN: usize, const H: usize, const GATES: usize>(
    from: &[f32],
) -> Result<[[[f32; H]; GATES]; IN], Error> {
    check(from, GATES * H * IN)?;
    let mut weights = [[[0.0; H]; GATES]; IN];
    for (i, row) in weights.iter_mut().enumerate() {
        let column = from.iter().skip(i).step_by(IN);
        row.as_flattened_mut().iter_mut().zip(column).for_each(|(to, from)| *to = *from);
    }
    Ok(weights)
}

/// Keras's `[IN][GATES][H]`, whose gates are here in the order `order`.
pub(super) fn from_keras<const IN: usize, const H: usize, const GATES: usize>(
    from: &[f32],
    order: [usize; GATES],
) -> Result<[[[f32; H]; GATES]; IN], Error> {
    check(from, IN * GATES * H)?;
    let mut weights = [[[0.0; H]; GATES]; IN];
    for (i, row) in weights.iter_mut().enumerate() {
        for (gate, to) in order.iter().zip(row) {
            let gate = from.iter().skip((i * GATES + gate) * H);
            to.iter_mut().zip(gate).for_each(|(to, from)| *to = *from);
        }
    }
    Ok(weights)
}

/// The sum of two biases, element by element.
pub(super) fn sum<const H: usize, const GATES: usize>(
    mut one: [[f32; H]; GATES],
    other: [[f32; H]; GATES],
) -> [[f32; H]; GATES] {
    one.as_flattened_mut().iter_mut().zip(other.as_flattened()).for_each(|(one, other)| *one += other);
    one
}
