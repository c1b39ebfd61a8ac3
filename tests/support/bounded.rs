//! Formulas whose numbers know how far an `f32` may be from them.
//!
//! A formula is written once over [`Real`]. Run on `f64`, it is the reference, and can be differenced. Run on [`Bounded`] it
//! has the same values, and beside each of them a bound of the error that `f32` makes on the way: see `rounding.rs`.

#[path = "rounding.rs"]
mod rounding;

pub(crate) use rounding::Bounded;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What formulas are written over.
pub(crate) trait Real:
    Copy
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// A number that `f32` holds as it is.
    fn exact(x: f32) -> Self;
    fn value(self) -> f64;
    /// In any order.
    fn sum(terms: impl IntoIterator<Item = Self>) -> Self;
    fn max(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    fn apply(self, function: &Function) -> Self;
}

/// A function of one number, and what its kernel makes of it.
pub(crate) struct Function {
    pub(crate) of: fn(f64) -> f64,
    /// How far its value moves at most while its argument moves by the second number.
    pub(crate) spread: fn(f64, f64) -> f64,
    /// What the kernel may be off by, in units in the last place.
    pub(crate) units: f64,
    /// Units are those of numbers no smaller than this.
    pub(crate) least: f64,
}

impl Real for f64 {
    fn exact(x: f32) -> Self {
        x.into()
    }
    fn value(self) -> f64 {
        self
    }
    fn sum(terms: impl IntoIterator<Item = Self>) -> Self {
        terms.into_iter().sum()
    }
    fn max(self, other: Self) -> Self {
        f64::max(self, other)
    }
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn apply(self, function: &Function) -> Self {
        (function.of)(self)
    }
}

impl Div for Bounded {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        assert!(other.least() > 0.0, "a divisor that may be zero: {other:?}");
        self.quotient(other, other.least())
    }
}

impl Real for Bounded {
    fn exact(x: f32) -> Self {
        Self::of(x)
    }

    fn value(self) -> f64 {
        self.value
    }

    fn sum(terms: impl IntoIterator<Item = Self>) -> Self {
        Self::of_sum(terms)
    }

    fn max(self, other: Self) -> Self {
        Self { value: self.value.max(other.value), error: self.error.max(other.error) }
    }

    fn sqrt(self) -> Self {
        self.root(f64::sqrt)
    }

    fn apply(self, &Function { of, spread, units, least }: &Function) -> Self {
        Self::of_function(of(self.value), spread(self.value, self.error), units, least)
    }
}

/// Panics unless every number got is within the bound of what was expected.
pub(crate) fn check_all(expected: &[Bounded], got: &[f32], what: &str) {
    assert_eq!(expected.len(), got.len(), "{what}: numbers");
    for (i, (&expected, &got)) in expected.iter().zip(got).enumerate() {
        assert!(expected.explains(got), "{what}: {got:?} at {i}; expected {expected:?}");
    }
}

/// The norm of the bounds as a part of the norm of the numbers: a bound that allows anything shows here.
pub(crate) fn looseness(expected: &[Bounded]) -> f64 {
    let norm = |of: fn(&Bounded) -> f64| expected.iter().map(|x| of(x) * of(x)).sum::<f64>().sqrt();
    norm(|x| x.error) / norm(|x| x.value)
}

/// |gradient - quotients| / (|gradient| + |quotients|) in the norm of all, where the quotients are the central differences
/// of `f` at `at`, one for each number of it.
pub(crate) fn against_differences(f: impl Fn(&[f64]) -> f64, at: &[f64], gradient: &[f64]) -> f64 {
    const STEP: f64 = 1.0 / 65536.0;
    assert_eq!(at.len(), gradient.len(), "a gradient for each number");
    let (mut difference, mut analytic, mut numeric) = (0.0, 0.0, 0.0);
    let mut moved = at.to_vec();
    for (i, &g) in gradient.iter().enumerate() {
        moved[i] = at[i] + STEP;
        let above = f(&moved);
        moved[i] = at[i] - STEP;
        let quotient = (above - f(&moved)) / (2.0 * STEP);
        moved[i] = at[i];
        difference += (g - quotient).powi(2);
        analytic += g * g;
        numeric += quotient * quotient;
    }
    f64::sqrt(difference) / (f64::sqrt(analytic) + f64::sqrt(numeric))
}
