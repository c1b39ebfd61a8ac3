//! Functions of one number and of two: other scales, sums, products, the logistic function and tanh.
//!
//! Plain loops for every instruction set: most of what they do is multiplications of 64 bits, which vectors do not make faster. They
//! are compiled in the programs that call them.

use super::scale::Clamp;
use crate::kernel::int8::sigmoid;
use crate::kernel::int8::{Double, Multiplier, Number, Rounding};

/// Bits after the point of a sum's terms.
const BITS: u32 = 15;

/// Overwrites `ys`: `y = clamp(round((round(a 2^15 scale) + sign round(b 2^15 scale)) sum))`.
#[inline]
pub(crate) fn add(
    [first, second]: [Multiplier; 2],
    sign: i32,
    sum: Multiplier,
    clamp: Clamp,
    [a, b]: [&[i16]; 2],
    ys: &mut [i16],
) {
    let term = |x: i16, scale| Double::scale(i32::from(x) << BITS, scale);
    for ((&a, &b), y) in a.iter().zip(b).zip(ys) {
        let raw = term(a, first).wrapping_add(term(b, second).wrapping_mul(sign));
        *y = clamp.output(Double::scale(raw, sum));
    }
}

/// Overwrites `ys`: `y = clamp(round(a b scale))`.
#[inline]
pub(crate) fn multiply(scale: Multiplier, clamp: Clamp, [a, b]: [&[i16]; 2], ys: &mut [i16]) {
    for ((&a, &b), y) in a.iter().zip(b).zip(ys) {
        *y = clamp.output(Double::scale(i32::from(a) * i32::from(b), scale));
    }
}

/// Overwrites `ys`: `y = clamp(round((x - zero) scale) + zero)`, with one scale if x is at least its zero, and another below.
pub(crate) fn rescale<X: Number, Y: Number>(
    [from, to]: [i32; 2],
    [positive, negative]: [Multiplier; 2],
    range: [Y; 2],
    xs: &[X],
    ys: &mut [Y],
) {
    for (&x, y) in xs.iter().zip(ys) {
        let x = x.into().wrapping_sub(from);
        let scaled = Double::scale(x, if x >= 0 { positive } else { negative });
        *y = Y::within(range, scaled.saturating_add(to));
    }
}

/// From a scale to that of a table: times `factor`, over 2^`shift`, rounded, a half up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Steps {
    /// At most 2^15 - 1.
    pub factor: i32,
    /// At most 31.
    pub shift: u32,
}

impl Steps {
    #[inline(always)]
    fn of(self, x: i16) -> i32 {
        let half = 1_u32.unbounded_shl(self.shift) >> 1;
        i32::from(x).wrapping_mul(self.factor).wrapping_add(half as i32) >> self.shift.min(31)
    }
}

/// Overwrites `ys`: 1 / (1 + e^-x), with 15 bits after the point.
#[inline]
pub(crate) fn logistic(steps: Steps, xs: &[i16], ys: &mut [i16]) {
    for (&x, y) in xs.iter().zip(ys) {
        *y = sigmoid::logistic_of(steps.of(x));
    }
}

/// Overwrites `ys`: tanh x, with 15 bits after the point.
#[inline]
pub(crate) fn tanh(steps: Steps, xs: &[i16], ys: &mut [i16]) {
    for (&x, y) in xs.iter().zip(ys) {
        *y = sigmoid::tanh_of(steps.of(x));
    }
}
