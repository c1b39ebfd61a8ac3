//! Numbers that know how far an `f32` may be from them.
//!
//! A formula is written once over [`Real`]. Run on `f64`, it is the reference, and can be differenced. Run on [`Bounded`] it
//! has the same values, and beside each of them a bound of the error that `f32` makes on the way: fused or not, and
//! whatever the order of a sum. With u = 2^-24 and operands within e of what they should be,
//!
//! ```text
//! x + y    e_x + e_y, then u of the largest that the sum may be
//! x y      |x| e_y + |y| e_x + e_x e_y, then the same, and half of the least subnormal number
//! sum      all e, then n u of the sum of the magnitudes, which holds for every order
//! f(x)     how far f moves within e of x, then the units in the last place that f's kernel may be off by
//! ```
//!
//! That is running error analysis: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.3.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A rounding's relative error, and a little for the reference's own in `f64`.
const U: f64 = (1.0 + 1e-6) / 16_777_216.0;
/// The least subnormal `f32`.
const LEAST: f64 = f32::from_bits(1) as f64;

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

/// A number, and how far an `f32` may be from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Bounded {
    /// `value`, computed from operands that leave it within `error`, and rounded.
    fn rounded(value: f64, error: f64) -> Self {
        Self { value, error: error + U * (value.abs() + error) }
    }

    /// The largest that it may be.
    fn largest(self) -> f64 {
        self.value.abs() + self.error
    }

    /// Whether `got` is within the bound.
    pub(crate) fn explains(self, got: f32) -> bool {
        (f64::from(got) - self.value).abs() <= self.error
    }
}

impl Add for Bounded {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::rounded(self.value + other.value, self.error + other.error)
    }
}

impl Sub for Bounded {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Bounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Mul for Bounded {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let error = self.value.abs() * other.error + other.largest() * self.error;
        let product = Self::rounded(self.value * other.value, error);
        Self { error: product.error + LEAST / 2.0, ..product }
    }
}

impl Div for Bounded {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let least = other.value.abs() - other.error;
        assert!(least > 0.0, "a divisor that may be zero: {other:?}");
        let quotient = Self::rounded(value, (self.error + value.abs() * other.error) / least);
        Self { error: quotient.error + LEAST / 2.0, ..quotient }
    }
}

impl Real for Bounded {
    fn exact(x: f32) -> Self {
        Self { value: x.into(), error: 0.0 }
    }

    fn value(self) -> f64 {
        self.value
    }

    fn sum(terms: impl IntoIterator<Item = Self>) -> Self {
        let (mut n, mut value, mut error, mut magnitude) = (0.0, 0.0, 0.0, 0.0);
        for term in terms {
            n += 1.0;
            value += term.value;
            error += term.error;
            magnitude += term.largest();
        }
        Self { value, error: error + n * U / (1.0 - n * U) * magnitude }
    }

    fn max(self, other: Self) -> Self {
        Self { value: self.value.max(other.value), error: self.error.max(other.error) }
    }

    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let error = if self.error == 0.0 { 0.0 } else { value - (self.value - self.error).max(0.0).sqrt() };
        // Downwards a root moves further than upwards.
        Self::rounded(value, error)
    }

    fn apply(self, &Function { of, spread, units, least }: &Function) -> Self {
        let (value, moved) = (of(self.value), spread(self.value, self.error));
        let unit = 2.0 * U * (value.abs() + moved).max(least) + 8.0 * LEAST;
        Self { value, error: moved + units * unit }
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
