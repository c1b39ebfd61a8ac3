//! Two arrays to one, number by number.

use super::scale::{both, checked};
use super::{Clamp, Tensor};
use crate::kernel::int8::Multiplier;
use crate::kernel::int16::functions;
use crate::layers::int8::{Join, flat, flat_mut};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// The sum of two arrays of the same size, which may have other scales.
///
/// ```
/// use fusebox::Isa;
/// use fusebox::int16::{Add, Clamp};
/// use fusebox::int8::Join;
/// let add = Add::<[i16; 2]>::new(0.5, 0.25, 0.5, Clamp::NONE)?;
/// let mut ys = [[0; 2]];
/// add.join(Isa::detect(), &[[2, -3]], &[[400, 1]], &mut ys);
/// assert_eq!(ys, [[202, -3]]); // 1 + 100, and -1.5 + 0.25: -2.5 steps, rounded
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add<T> {
    /// The factors of both, to twice the larger of their scales.
    pub terms: [Multiplier; 2],
    /// From there, and from 2^-15, to the output's scale.
    pub scale: Multiplier,
    /// The range of the outputs.
    pub clamp: Clamp,
    /// The size.
    pub shape: PhantomData<fn() -> T>,
}

impl<T> Add<T> {
    /// Errors if a scale is not positive, or they are too far apart.
    pub const fn new(a: f32, b: f32, y: f32, clamp: Clamp) -> Result<Self, Error> {
        let ([a, b], y) = match (both(a, b), checked(y)) {
            (Ok(terms), Ok(y)) => (terms, y),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let twice = 2.0 * if a > b { a } else { b };
        Self::of([a / twice, b / twice, twice / (32_768.0 * y)], clamp)
    }

    /// Of three factors: of the terms and of the sum.
    const fn of([a, b, sum]: [f64; 3], clamp: Clamp) -> Result<Self, Error> {
        match (Multiplier::new(a), Multiplier::new(b), Multiplier::new(sum)) {
            (Ok(first), Ok(second), Ok(scale)) => {
                Ok(Self { terms: [first, second], scale, clamp, shape: PhantomData })
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Err(error),
        }
    }

    /// The sum, or with a sign of -1 the difference.
    fn run(&self, sign: i32, a: &[T], b: &[T], ys: &mut [T])
    where
        T: Tensor,
    {
        functions::add(self.terms, sign, self.scale, self.clamp, [flat(a), flat(b)], flat_mut(ys));
    }
}

impl<T> Zeroed for Add<T> {
    const ZEROED: Self = Self {
        terms: [Multiplier::ZEROED; 2],
        scale: Multiplier::ZEROED,
        clamp: Clamp::ZEROED,
        shape: PhantomData,
    };
}

impl<T: Tensor> Join<T, T> for Add<T> {
    type Output = T;

    fn join(&self, _: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        self.run(1, a, b, ys);
    }
}

/// The first array minus the second one, of the same size, which may have other scales.
///
/// ```
/// use fusebox::Isa;
/// use fusebox::int16::{Clamp, Sub};
/// use fusebox::int8::Join;
/// let sub = Sub::<[i16; 2]>::new(0.5, 0.25, 0.5, Clamp::NONE)?;
/// let mut ys = [[0; 2]];
/// sub.join(Isa::detect(), &[[2, -3]], &[[400, -2]], &mut ys);
/// assert_eq!(ys, [[-198, -2]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sub<T> {
    /// The factors and the range of the sum.
    pub sum: Add<T>,
}

impl<T> Sub<T> {
    /// Errors as [`Add::new`]. Quotients of scales are rounded to `f32`, as TensorFlow Lite for Microcontrollers has them.
    pub const fn new(a: f32, b: f32, y: f32, clamp: Clamp) -> Result<Self, Error> {
        if let (Err(error), _) | (_, Err(error)) = (both(a, b), checked(y)) {
            return Err(error);
        }
        let twice = 2.0 * if a > b { a } else { b };
        let factors = [a / twice, b / twice, twice / (32_768.0 * y)];
        match Add::of([factors[0] as f64, factors[1] as f64, factors[2] as f64], clamp) {
            Ok(sum) => Ok(Self { sum }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Sub<T> {
    const ZEROED: Self = Self { sum: Add::ZEROED };
}

impl<T: Tensor> Join<T, T> for Sub<T> {
    type Output = T;

    fn join(&self, _: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        self.sum.run(-1, a, b, ys);
    }
}

/// The product of two arrays of the same size, number by number.
///
/// ```
/// use fusebox::Isa;
/// use fusebox::int16::{Clamp, Mul};
/// use fusebox::int8::Join;
/// let mul = Mul::<[i16; 2]>::new(0.5, 0.5, 0.5, Clamp::NONE)?;
/// let mut ys = [[0; 2]];
/// mul.join(Isa::detect(), &[[200, 4]], &[[4, -2]], &mut ys);
/// assert_eq!(ys, [[400, -4]]); // 100 times 2, and 2 times -1
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mul<T> {
    /// The product of their scales over the output's.
    pub scale: Multiplier,
    /// The range of the outputs.
    pub clamp: Clamp,
    /// The size.
    pub shape: PhantomData<fn() -> T>,
}

impl<T> Mul<T> {
    /// Errors if a scale is not positive, or the product of two over the third is 2^31 or more.
    pub const fn new(a: f32, b: f32, y: f32, clamp: Clamp) -> Result<Self, Error> {
        let ([a, b], y) = match (both(a, b), checked(y)) {
            (Ok(factors), Ok(y)) => (factors, y),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        match Multiplier::new(a * b / y) {
            Ok(scale) => Ok(Self { scale, clamp, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Mul<T> {
    const ZEROED: Self = Self { scale: Multiplier::ZEROED, clamp: Clamp::ZEROED, shape: PhantomData };
}

impl<T: Tensor> Join<T, T> for Mul<T> {
    type Output = T;

    fn join(&self, _: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        functions::multiply(self.scale, self.clamp, [flat(a), flat(b)], flat_mut(ys));
    }
}
