//! The cell of a long short-term memory of eight bits: what is no product.
//!
//! ```text
//! gate of j = saturated(round(sum of x, times its scale) + round(sum of h, times its scale))       12 bits after the point
//! i, f, o   = logistic(gate),  g = tanh(gate)                                                      15 bits
//! c         = saturated(round(f c) + round(i g)), clipped                                          `bits` bits
//! h         = clamp(round(tanh(c) o scale) + zero)                                                 eight bits
//! ```
//!
//! Source: TensorFlow Lite for Microcontrollers' integer kernel of sequences, to the bit; every round is [`Double`]'s.

use super::scale::{Clamp, Double, Multiplier, Rounding};
use super::sigmoid::{logistic, tanh};
use crate::Isa;
use crate::simd::{Pass, Simd};

/// A cell's multipliers.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    /// Of the sums of the inputs, and of the last outputs, for each gate: i, f, g, o.
    pub input: &'a [Multiplier; 4],
    pub recurrent: &'a [Multiplier; 4],
    /// From 2^-30 to the output.
    pub output: Multiplier,
    pub zero: i8,
    /// Bits after the point of the cell state.
    pub bits: u32,
    /// The largest cell state; none if it is 0.
    pub clip: i16,
}

/// One position: all slices are of `H` numbers, those of gates four times as long.
pub(crate) struct Step<'a> {
    pub cell: Cell<'a>,
    /// The sums of the inputs, overwritten by the gates.
    pub inputs: &'a mut [i32],
    /// The sums of the last outputs.
    pub lasts: &'a [i32],
    /// c, overwritten by the next one.
    pub state: &'a mut [i16],
    /// Overwritten: h, minus the zero.
    pub kept: &'a mut [i8],
    /// Overwritten: h.
    pub ys: &'a mut [i8],
}

impl Step<'_> {
    pub(crate) fn run(self, isa: Isa) {
        isa.call(self);
    }
}

impl Pass for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { cell, inputs: mut x, mut lasts, state, kept, ys } = self;
        // A gate at a time, and then all of them, so that a loop has few numbers in registers.
        let mut gate = |input, recurrent, is_new| {
            let x = x.split_off_mut(..state.len()).unwrap_or_default();
            let h = lasts.split_off(..state.len()).unwrap_or_default();
            match is_new {
                true => gates(x, h, [input, recurrent], |x| tanh(x, 12)),
                false => gates(x, h, [input, recurrent], logistic),
            }
            &*x
        };
        let ([wi, wf, wg, wo], [ui, uf, ug, uo]) = (*cell.input, *cell.recurrent);
        let (i, f) = (gate(wi, ui, false), gate(wf, uf, false));
        let (g, o) = (gate(wg, ug, true), gate(wo, uo, false));
        let new = power_of_two(cell.bits as i32 - 30);
        for (c, ((i, g), f)) in state.iter_mut().zip(i.iter().zip(g).zip(f)) {
            // f is 2^15 times a number, so the scale of f c is that of c; the one of i g is 2^-30.
            let forgotten = scaled(f * i32::from(*c), power_of_two(-15));
            *c = saturated(forgotten + scaled(i * g, new));
            if cell.clip > 0 {
                *c = (*c).min(cell.clip).max(-cell.clip);
            }
        }
        let clamp = Clamp { zero: cell.zero, least: -128, most: 127 };
        for (((c, o), kept), y) in state.iter().zip(o).zip(kept).zip(ys) {
            let h = i32::from(tanh(*c, cell.bits)) * o;
            *y = clamp.output(Double::scale(h, cell.output));
            *kept = y.wrapping_sub(cell.zero);
        }
    }
}

/// Overwrites the sums of the inputs of a gate by its values.
#[inline(always)]
fn gates(x: &mut [i32], h: &[i32], [input, recurrent]: [Multiplier; 2], f: impl Fn(i16) -> i16) {
    for (x, &h) in x.iter_mut().zip(h) {
        *x = f(saturated(scaled(*x, input) + scaled(h, recurrent))).into();
    }
}

#[inline(always)]
fn saturated(x: i32) -> i16 {
    x.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// Within 16 bits.
#[inline(always)]
fn scaled(sum: i32, scale: Multiplier) -> i32 {
    saturated(Double::scale(sum, scale)).into()
}

const fn power_of_two(power: i32) -> Multiplier {
    Multiplier { mantissa: 1 << 30, exponent: power + 1 }
}
