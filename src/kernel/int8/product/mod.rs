//! Products of rows of activations with weights.

#[cfg(fusebox_armv7m)]
mod armv7m;
#[cfg(fusebox_dsp)]
mod dsp;
#[cfg(fusebox_core = "m55")]
mod helium;
mod plain;

use super::scale::{Clamp, Multiplier, Rounding};
#[cfg(fusebox_vectors_of_bytes)]
use super::vector::Way;
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

/// Where the inputs of rows are: row `i` begins at `i step`, and is `count` stretches of `len` inputs, each `apart` after the
/// one before.
#[cfg(fusebox_vectors_of_bytes)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs {
    pub step: usize,
    pub len: usize,
    pub count: usize,
    pub apart: usize,
}

impl Product<'_> {
    /// Overwrites the rows of `ys`: `y = clamp(scale(bias + sum of x w))`. Nothing happens unless all lengths match.
    pub(crate) fn run<R: Rounding>(&self, _isa: Isa, xs: &[i8], ys: &mut [i8]) {
        let Some(_rows) = self.rows(xs, ys, self.bias.len()) else { return };
        #[cfg(fusebox_vectors_of_bytes)]
        // SAFETY: all lengths match, as `rows` says.
        if Way::of(_isa).is_some_and(|way| unsafe { self.run_by::<R>(way, _rows, xs, ys) }) {
            return;
        }
        // The weights of layers are aligned; where the compiler sees that, it leaves out `plain`.
        #[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
        if self.weight.as_ptr().cast::<u32>().is_aligned() {
            #[cfg(fusebox_dsp)]
            return dsp::rows::<R>(self, xs, ys);
            #[cfg(fusebox_core = "m55")]
            return helium::rows::<R>(self, xs, ys);
        }
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
    pub(crate) fn sums(&self, xs: &[i8], ys: &mut [i32]) {
        if self.rows(xs, ys, 0).is_none() {
            return;
        }
        #[cfg(any(fusebox_dsp, fusebox_core = "m55"))]
        if self.bias.len().is_multiple_of(4) && self.weight.as_ptr().cast::<u32>().is_aligned() {
            #[cfg(fusebox_dsp)]
            return dsp::sums(self, xs, ys);
            #[cfg(fusebox_core = "m55")]
            return helium::sums(self, xs, ys);
        }
        plain::sums(self, xs, ys);
    }

    /// The same on vectors. Returns false, and has done nothing, if there is no way to do it.
    ///
    /// # Safety
    /// There are `rows` rows, as [`Product::rows`] says.
    #[cfg(fusebox_vectors_of_bytes)]
    unsafe fn run_by<R: Rounding>(&self, way: Way, rows: usize, xs: &[i8], ys: &mut [i8]) -> bool {
        let inputs = Inputs { step: self.depth, len: self.depth, count: 1, apart: 0 };
        // SAFETY: this function's contract.
        unsafe { way.rows(self, R::TWICE, rows, inputs, xs.as_ptr(), ys.as_mut_ptr()) }
    }

    /// The same for rows of which `inputs` says where they are. Returns false, and has done nothing, unless all lengths match and
    /// the instruction set has a way to do it.
    #[cfg(fusebox_vectors_of_bytes)]
    pub(crate) fn run_stretches<R: Rounding>(
        &self,
        isa: Isa,
        xs: &[i8],
        inputs: Inputs,
        ys: &mut [i8],
    ) -> bool {
        let Inputs { step, len, count, apart } = inputs;
        let outputs = self.bias.len();
        let (Some(rows), Some(way)) = (ys.len().checked_div(outputs), Way::of(isa)) else { return false };
        let end = || {
            let last = (rows.checked_sub(1)?.checked_mul(step)?)
                .checked_add(count.checked_sub(1)?.checked_mul(apart)?)?;
            last.checked_add(len)
        };
        let matches = end().is_some_and(|end| end <= xs.len())
            && len.checked_mul(count) == Some(self.depth)
            && self.scale.len() == outputs
            && outputs.checked_mul(self.depth) == Some(self.weight.len())
            && ys.len() == rows * outputs;
        // SAFETY: there is at least one row, and so one output; the end of the last row is in `xs`, and all lengths match.
        matches && unsafe { way.rows(self, R::TWICE, rows, inputs, xs.as_ptr(), ys.as_mut_ptr()) }
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
