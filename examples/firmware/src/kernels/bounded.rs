//! Numbers that know how far an `f32` may be from them.
//!
//! A formula runs in `f64`, and beside each value goes a bound of the error that `f32` makes on the way: fused or not, in
//! whatever order a sum is made. With u = 2^-24 and operands within e of what they should be,
//!
//! ```text
//! x + y    e_x + e_y, then u of the largest that the sum may be
//! x y      |x| e_y + |y| e_x + e_x e_y, then the same, and half of the least subnormal number
//! sum      all e, then gamma(n) of the sum of the magnitudes, which holds for every order
//! f(x)     how far f moves within e of x, then the units in the last place that f's kernel may be off by
//! ```
//!
//! That is running error analysis: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.3. The
//! tests of fusebox have the same numbers (`tests/support/bounded.rs`), and show the formulas right by other means.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A rounding's relative error, and a little for the reference's own in `f64`.
const U: f64 = (1.0 + 1e-6) / 16_777_216.0;
/// The least subnormal `f32`.
const LEAST: f64 = f32::from_bits(1) as f64;

/// A number, and how far an `f32` may be from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    pub(super) value: f64,
    pub(super) error: f64,
}

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
    Bounded { value: x.into(), error: 0.0 }
}

/// In any order.
pub(super) fn sum(terms: impl Iterator<Item = Bounded>) -> Bounded {
    let (mut n, mut value, mut error, mut magnitude) = (0.0, 0.0, 0.0, 0.0);
    for term in terms {
        n += 1.0;
        value += term.value;
        error += term.error;
        magnitude += term.largest();
    }
    Bounded { value, error: error + n * U / (1.0 - n * U) * magnitude }
}

/// Of `n` terms.
pub(super) fn mean(n: usize, terms: impl Iterator<Item = Bounded>) -> Bounded {
    sum(terms) / exact(n as f32)
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
    pub(super) fn explains(self, got: f32) -> bool {
        (f64::from(got) - self.value).abs() <= self.error
    }

    pub(super) fn sqrt(self) -> Self {
        let value = libm::sqrt(self.value);
        // Downwards a root moves further than upwards.
        let least = libm::sqrt((self.value - self.error).max(0.0));
        Self::rounded(value, if self.error == 0.0 { 0.0 } else { value - least })
    }

    pub(super) fn apply(self, function: Function) -> Self {
        let Function { of, steepest, units, least } = function;
        let (value, moved) = (of(self.value), steepest * self.error);
        let unit = 2.0 * U * (value.abs() + moved).max(least) + 8.0 * LEAST;
        Self { value, error: moved + units * unit }
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
    /// Where the divisor may be zero, the bound is NaN, which no number is within.
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let least = other.value.abs() - other.error;
        let least = if least > 0.0 { least } else { f64::NAN };
        let quotient = Self::rounded(value, (self.error + value.abs() * other.error) / least);
        Self { error: quotient.error + LEAST / 2.0, ..quotient }
    }
}
