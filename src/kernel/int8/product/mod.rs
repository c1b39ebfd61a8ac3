//! Products of rows of activations with weights.

#[cfg(fusebox_dsp)]
mod dsp;
#[cfg(fusebox_core = "m55")]
mod helium;
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
        let (depth, outputs) = (self.depth, self.bias.len());
        if depth == 0 || outputs == 0 {
            return;
        }
        let rows = xs.len() / depth;
        if xs.len() != rows * depth
            || Some(ys.len()) != outputs.checked_mul(rows)
            || Some(self.weight.len()) != outputs.checked_mul(depth)
            || self.scale.len() != outputs
        {
            return;
        }
        // Layers' weights do; where the compiler sees it, the other way is not even there.
        #[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
        if self.weight.as_ptr().cast::<u32>().is_aligned() {
            #[cfg(fusebox_dsp)]
            return dsp::rows::<R>(self, xs, ys);
            #[cfg(fusebox_core = "m55")]
            return helium::rows::<R>(self, xs, ys);
        }
        plain::rows::<R>(self, xs, ys);
    }
}

#[cfg(test)]
mod tests;
