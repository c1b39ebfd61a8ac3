//! Recurrent cells: what happens at one position of a sequence between two products.
//!
//! ```text
//! x    the numbers of all gates from the input, x_t W + b          of all positions before the first one runs
//! u    those from the last output, h_(t-1) U                       a product for each position
//! f    the cell: from x, u and the state to the next state
//! ```
//!
//! A gate is `width` numbers. A batch has several sequences, each of whose positions are next to one another, so a
//! position of all sequences is rows with gaps between them ([`Position`]). Vectors run along a gate; nothing depends
//! on the number of sequences.
//!
//! | file | cell |
//! |---|---|
//! | `gru` | gated recurrent unit |
//! | `gru_vfp` | the same in assembly, for a Cortex-M with floating point |
//! | `lstm` | long short-term memory |
//! | `simple` | one gate, with an activation that follows |

mod gru;
#[cfg(not(fusebox_core = "other"))]
mod gru_vfp;
mod lstm;
mod simple;

pub(crate) use gru::{GruBackward, GruForward};
pub(crate) use lstm::{LstmBackward, LstmForward};
pub(crate) use simple::{SimpleBackward, SimpleForward};

use super::{rows, rows_mut};
use crate::simd::Simd;

/// A position of all sequences of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) index: usize,
    /// Positions of a sequence.
    pub(crate) count: usize,
    /// Numbers of a gate.
    pub(crate) width: usize,
}

impl Position {
    /// Of numbers of whole sequences, of which each position has `gates` times `width`, those of this position, a row
    /// for each sequence.
    #[inline(always)]
    pub(crate) fn of(self, numbers: &[f32], gates: usize) -> impl Iterator<Item = &[f32]> {
        let len = gates * self.width;
        rows(numbers, self.count * len)
            .filter_map(move |row| row.get(self.index * len..(self.index + 1) * len))
    }

    /// [`Position::of`], mutable.
    #[inline(always)]
    pub(crate) fn of_mut(self, numbers: &mut [f32], gates: usize) -> impl Iterator<Item = &mut [f32]> {
        let len = gates * self.width;
        rows_mut(numbers, self.count * len)
            .filter_map(move |row| row.get_mut(self.index * len..(self.index + 1) * len))
    }

    /// Overwrites this position of the sequences `to` with the rows `from`.
    #[inline(always)]
    pub(crate) fn write(self, from: &[f32], to: &mut [f32]) {
        for (from, to) in rows(from, self.width).zip(self.of_mut(to, 1)) {
            for (from, to) in from.iter().zip(to) {
                *to = *from;
            }
        }
    }
}

/// What a cell reads and writes going forward. Arrays of sequences have all positions, the others a row for each
/// sequence.
#[derive(Debug)]
pub struct Forward<'a> {
    pub(crate) at: Position,
    /// Sequences of x, whose position is overwritten with the values of the gates.
    pub(crate) gates: &'a mut [f32],
    /// u, all gates; may be overwritten.
    pub(crate) products: &'a mut [f32],
    /// The last output, overwritten with the next one.
    pub(crate) state: &'a mut [f32],
    /// The cell state of an LSTM, overwritten with the next one.
    pub(crate) inner: &'a mut [f32],
    /// Sequences of what else the way back needs, whose position is overwritten; empty in inference.
    pub(crate) kept: &'a mut [f32],
}

/// What a cell reads and writes going back.
#[derive(Debug)]
pub struct Backward<'a> {
    pub(crate) at: Position,
    /// Sequences of the gates' values.
    pub(crate) gates: &'a [f32],
    /// Sequences of what else forward kept.
    pub(crate) kept: &'a [f32],
    /// Sequences of h_(t-1).
    pub(crate) previous: &'a [f32],
    /// Sequences of the gradient with respect to outputs.
    pub(crate) dys: &'a [f32],
    /// The gradient with respect to the output from later positions, overwritten with that with respect to the last
    /// output, without its way through u.
    pub(crate) dstate: &'a mut [f32],
    /// The same of an LSTM's cell state.
    pub(crate) dinner: &'a mut [f32],
    /// Sequences of the gradient with respect to x, whose position is overwritten.
    pub(crate) dgates: &'a mut [f32],
    /// The same with respect to u, where it is another one.
    pub(crate) dproducts: &'a mut [f32],
}

/// `1 - x`.
#[inline(always)]
fn one_minus<S: Simd>(s: S, x: S::V) -> S::V {
    s.sub(s.splat(1.0), x)
}

/// `dy y (1 - y)`, through a logistic function whose value is `y`.
#[inline(always)]
fn through_sigmoid<S: Simd>(s: S, y: S::V, dy: S::V) -> S::V {
    s.mul(dy, s.mul(y, one_minus(s, y)))
}

/// `dy (1 - y^2)`, through a hyperbolic tangent whose value is `y`.
#[inline(always)]
fn through_tanh<S: Simd>(s: S, y: S::V, dy: S::V) -> S::V {
    s.mul(dy, s.neg_mul_add(y, y, s.splat(1.0)))
}
