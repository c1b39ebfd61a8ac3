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
    /// The sums of the inputs, and of the last outputs.
    pub sums: [&'a [i32]; 2],
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
        let Self { cell, sums, state, kept, ys } = self;
        let [mut x, mut h] = sums;
        let n = state.len();
        let mut gate = || (x.split_off(..n).unwrap_or_default(), h.split_off(..n).unwrap_or_default());
        let (i, f, g, o) = (gate(), gate(), gate(), gate());
        let gates = pairs(i).zip(pairs(f)).zip(pairs(g)).zip(pairs(o));
        for ((((((i, f), g), o), c), kept), y) in gates.zip(state).zip(kept).zip(ys) {
            let gate = |n: usize, (x, h): (i32, i32)| {
                saturated(i32::from(scaled(x, cell.input[n])) + i32::from(scaled(h, cell.recurrent[n])))
            };
            let (i, f, o) = (logistic(gate(0, i)), logistic(gate(1, f)), logistic(gate(3, o)));
            let g = tanh(gate(2, g), 12);
            // f is 2^15 times a number, so the scale of f c is that of c; the one of i g is 2^-30.
            let forgotten = scaled(product(f, *c), power_of_two(-15));
            let new = scaled(product(i, g), power_of_two(cell.bits as i32 - 30));
            *c = saturated(i32::from(forgotten) + i32::from(new));
            if cell.clip > 0 {
                *c = (*c).min(cell.clip).max(-cell.clip);
            }
            let clamp = Clamp { zero: cell.zero, least: -128, most: 127 };
            *y = clamp.output(Double::scale(product(tanh(*c, cell.bits), o), cell.output));
            *kept = y.wrapping_sub(cell.zero);
        }
    }
}

/// The sums of a gate, of inputs and of last outputs.
fn pairs<'a>((x, h): (&'a [i32], &'a [i32])) -> impl Iterator<Item = (i32, i32)> + 'a {
    x.iter().copied().zip(h.iter().copied())
}

#[inline(always)]
fn product(a: i16, b: i16) -> i32 {
    i32::from(a) * i32::from(b)
}

#[inline(always)]
fn saturated(x: i32) -> i16 {
    x.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[inline(always)]
fn scaled(sum: i32, scale: Multiplier) -> i16 {
    saturated(Double::scale(sum, scale))
}

const fn power_of_two(power: i32) -> Multiplier {
    Multiplier { mantissa: 1 << 30, exponent: power + 1 }
}
