//! Products of rows of activations with weights.

#[cfg(fusebox_dsp)]
mod dsp;
#[cfg(fusebox_core = "m55")]
mod helium;
mod plain;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod sixteen;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod steps;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod x86_64;

use super::scale::{Clamp, Multiplier, Rounding};
use crate::Isa;
#[cfg(fusebox_dsp)]
pub(super) use dsp::Triples;

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
        let Some(_rows) = self.rows(xs, ys, self.bias.len()) else { return };
        #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
        // SAFETY: all lengths match, as `rows` says.
        unsafe {
            x86_64::Way::of(_isa).run::<R>(self, _rows, xs, ys);
        }
        // Layers' weights do; where the compiler sees it, the other way is not even there.
        #[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
        if self.weight.as_ptr().cast::<u32>().is_aligned() {
            #[cfg(fusebox_dsp)]
            return dsp::rows::<R>(self, xs, ys);
            #[cfg(fusebox_core = "m55")]
            return helium::rows::<R>(self, xs, ys);
        }
        #[cfg(not(all(target_arch = "x86_64", not(fusebox_scalar))))]
        plain::rows::<R>(self, xs, ys);
    }

    /// Overwrites the rows of `ys` like [`Product::run`], and `memory`, which makes it faster.
    pub(crate) fn run_in<R: Rounding>(&self, isa: Isa, xs: &[i8], _memory: &mut [i8], ys: &mut [i8]) {
        #[cfg(fusebox_dsp)]
        let (xs, ys) = match (self.rows(xs, ys, self.bias.len()), Triples::new(self, _memory)) {
            (Some(_), Some(mut triples)) => triples.rows::<R>(self, xs, ys),
            _ => (xs, ys),
        };
        self.run::<R>(isa, xs, ys);
    }

    /// Whether `ys` are so many rows of outputs, and all other lengths match.
    #[cfg(fusebox_dsp)]
    fn rows_of(&self, rows: usize, ys: &[i8]) -> bool {
        let outputs = self.bias.len();
        self.scale.len() == outputs
            && outputs.checked_mul(self.depth) == Some(self.weight.len())
            && outputs.checked_mul(rows) == Some(ys.len())
    }

    /// Overwrites the rows of `ys` with the sums themselves: `y = bias + sum of x w`. Nothing happens unless all lengths match;
    /// there is no scale.
    pub(crate) fn sums(&self, _isa: Isa, xs: &[i8], ys: &mut [i32]) {
        let Some(_rows) = self.rows(xs, ys, 0) else { return };
        #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
        // SAFETY: all lengths match, as `rows` says.
        unsafe {
            x86_64::Way::of(_isa).sums(self, _rows, xs, ys);
        }
        #[cfg(fusebox_dsp)]
        if self.bias.len().is_multiple_of(4) && self.weight.as_ptr().cast::<u32>().is_aligned() {
            return dsp::sums(self, xs, ys);
        }
        #[cfg(not(all(target_arch = "x86_64", not(fusebox_scalar))))]
        plain::sums(self, xs, ys);
    }

    /// How many rows there are, if all lengths match, there are `scales` scales, and at least one input and one output.
    fn rows<Y>(&self, xs: &[i8], ys: &[Y], scales: usize) -> Option<usize> {
        let outputs = self.bias.len();
        let rows = xs.len().checked_div(self.depth)?;
        (self.scale.len() == scales
            && outputs.checked_mul(self.depth) == Some(self.weight.len())
            && ys.len().checked_div(outputs) == Some(rows)
            && xs.len() == rows * self.depth
            && ys.len() == rows * outputs)
            .then_some(rows)
    }
}

#[cfg(test)]
mod tests;
