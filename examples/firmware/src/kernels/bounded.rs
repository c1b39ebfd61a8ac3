//! Numbers that know how far an `f32` may be from them: those that the tests of fusebox compute with. There the formulas are
//! shown right by other means.

#[path = "../../../../tests/support/rounding.rs"]
mod rounding;

use core::ops::Div;
pub(super) use rounding::Bounded;

/// A function of one number, and what its kernel makes of it.
#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) of: fn(f64) -> f64,
    /// How far its value moves at most while its argument moves by one.
    pub(super) steepest: f64,
    /// What the kernel may be off by, in units in the last place.
    pub(super) units: f64,
    /// Units are those of numbers no smaller than this.
    pub(super) least: f64,
}

/// A number that `f32` holds as it is.
pub(super) fn exact(x: f32) -> Bounded {
    Bounded::of(x)
}

/// In any order.
pub(super) fn sum(terms: impl Iterator<Item = Bounded>) -> Bounded {
    Bounded::of_sum(terms)
}

/// Of `n` terms.
pub(super) fn mean(n: usize, terms: impl Iterator<Item = Bounded>) -> Bounded {
    sum(terms) / exact(n as f32)
}

impl Bounded {
    pub(super) fn sqrt(self) -> Self {
        self.root(libm::sqrt)
    }

    pub(super) fn apply(self, function: Function) -> Self {
        let Function { of, steepest, units, least } = function;
        Self::of_function(of(self.value), steepest * self.error, units, least)
    }
}

impl Div for Bounded {
    type Output = Self;
    /// Where the divisor may be zero, the bound is NaN, which no number is within.
    fn div(self, other: Self) -> Self {
        self.quotient(other, if other.least() > 0.0 { other.least() } else { f64::NAN })
    }
}
