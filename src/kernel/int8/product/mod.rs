//! Products of rows of activations with weights.

mod plain;

use super::scale::{Clamp, Multiplier, Rounding};
use crate::Isa;

/// What turns rows of `depth` inputs into rows of as many outputs as there are biases.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    /// Inputs of a row.
    pub depth: usize,
    /// In the order of tiles: see [`order`](super::order).
    pub weight: &'a [i8],
    /// Of each output, with the input's zero point folded in.
    pub bias: &'a [i32],
    /// Of each output.
    pub scale: &'a [Multiplier],
    pub clamp: Clamp,
}

impl Product<'_> {
    /// Overwrites the rows of `ys`: `y = clamp(scale(bias + sum of x w))`. Nothing happens unless all lengths match.
    pub(crate) fn run<R: Rounding>(&self, _isa: Isa, xs: &[i8], ys: &mut [i8]) {
        let outputs = self.bias.len();
        if outputs == 0
            || self.depth == 0
            || self.scale.len() != outputs
            || Some(self.weight.len()) != outputs.checked_mul(self.depth)
            || xs.len() / self.depth != ys.len() / outputs
            || !xs.len().is_multiple_of(self.depth)
            || !ys.len().is_multiple_of(outputs)
        {
            return;
        }
        plain::rows::<R>(self, xs, ys);
    }
}

#[cfg(test)]
mod tests;
