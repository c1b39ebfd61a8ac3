//! Arithmetic on numbers that know how far an `f32` may be from them. With u = 2^-24 and operands within e of what they
//! should be,
//!
//! ```text
//! x + y    e_x + e_y, then u of the largest that the sum may be
//! x y      |x| e_y + |y| e_x + e_x e_y, then the same, and half of the least subnormal number
//! sum      all e, then gamma(n) of the sum of the magnitudes, which holds for every order
//! f(x)     how far f moves within e of x, then the units in the last place that f's kernel may be off by
//! ```
//!
//! fused or not. That is running error analysis: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section
//! 3.3. Tests on a desktop compute with these, and so does the check that runs on boards (`examples/firmware`): hence no `std`,
//! and no panic.

use core::ops::{Add, Mul, Neg, Sub};

/// A rounding's relative error, and a little for the reference's own in `f64`.
const U: f64 = (1.0 + 1e-6) / 16_777_216.0;
/// The least subnormal `f32`.
const LEAST: f64 = f32::from_bits(1) as f64;

/// A number, and how far an `f32` may be from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Bounded {
    /// A number that `f32` holds as it is.
    pub(crate) fn of(x: f32) -> Self {
        Self { value: x.into(), error: 0.0 }
    }

    /// The sum of terms, in any order.
    pub(crate) fn of_sum(terms: impl IntoIterator<Item = Self>) -> Self {
        let (mut n, mut value, mut error, mut magnitude) = (0.0, 0.0, 0.0, 0.0);
        for term in terms {
            n += 1.0;
            value += term.value;
            error += term.error;
            magnitude += term.largest();
        }
        Self { value, error: error + n * U / (1.0 - n * U) * magnitude }
    }

    /// A function's value, which may move by `moved` while its argument does; its kernel may be off by so many units in the
    /// last place, which are those of numbers no smaller than `least`.
    pub(crate) fn of_function(value: f64, moved: f64, units: f64, least: f64) -> Self {
        let unit = 2.0 * U * (value.abs() + moved).max(least) + 8.0 * LEAST;
        Self { value, error: moved + units * unit }
    }

    /// `value`, computed from operands that leave it within `error`, and rounded.
    fn rounded(value: f64, error: f64) -> Self {
        Self { value, error: error + U * (value.abs() + error) }
    }

    /// The largest magnitude that it may have.
    fn largest(self) -> f64 {
        self.value.abs() + self.error
    }

    /// The least; not above zero where it may be zero.
    pub(crate) fn least(self) -> f64 {
        self.value.abs() - self.error
    }

    /// Whether `got` is within the bound.
    pub(crate) fn explains(self, got: f32) -> bool {
        (f64::from(got) - self.value).abs() <= self.error
    }

    /// The quotient by a number whose magnitude is at least `least`.
    pub(crate) fn quotient(self, other: Self, least: f64) -> Self {
        let value = self.value / other.value;
        let quotient = Self::rounded(value, (self.error + value.abs() * other.error) / least);
        Self { error: quotient.error + LEAST / 2.0, ..quotient }
    }

    /// The square root, by a function that gives it of an `f64`.
    pub(crate) fn root(self, sqrt: impl Fn(f64) -> f64) -> Self {
        let value = sqrt(self.value);
        // Downwards a root moves further than upwards.
        let least = sqrt((self.value - self.error).max(0.0));
        Self::rounded(value, if self.error == 0.0 { 0.0 } else { value - least })
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
