//! Between real numbers and whole ones.

use super::scale::{checked, quantize};
use crate::layers::int8::{Numbers, flat, flat_mut};
use crate::layers::{Layer, PerRow};
use crate::memory::{numbers, numbers_mut};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// A row of an int16 network: `i16`s in arrays of any depth.
///
/// ```
/// fn count<T: fusebox::int16::Tensor>() -> usize {
///     size_of::<T>() / 2
/// }
/// assert_eq!(count::<[[i16; 2]; 3]>(), 6);
/// ```
pub trait Tensor: Numbers<Number = i16> {}

impl<T: Numbers<Number = i16>> Tensor for T {}

/// Real numbers to a [`Tensor`] of whole ones: the nearest, a half away from zero, saturated; NaN is as 0.
///
/// ```
/// use fusebox::int16::Quantize;
/// use fusebox::{Layer, Scratch};
/// let layer = Quantize::<[[i16; 2]; 2]>::new(0.5)?;
/// let mut ys = [[[0; 2]; 2]];
/// layer.infer(&[[[1.0, -0.75], [1e9, f32::NAN]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[2, -2], [32767, 0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantize<T> {
    scale: f32,
    shape: PhantomData<fn() -> T>,
}

impl<T> Quantize<T> {
    /// Errors unless the scale is positive and finite.
    pub const fn new(scale: f32) -> Result<Self, Error> {
        match checked(scale) {
            Ok(_) => Ok(Self { scale, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Quantize<T> {
    const ZEROED: Self = Self { scale: 0.0, shape: PhantomData };
}

impl<T: Tensor> Layer for Quantize<T> {
    type Input = T::Of<f32>;
    type Output = T;
    type Scratch = ();
    type InPlace = T::Of<f32>;

    fn run(&self, _: Isa, xs: &[T::Of<f32>], _scratch: &mut [f32], ys: &mut [T]) {
        if xs.len() == ys.len() {
            for (&x, y) in numbers(xs).iter().zip(flat_mut(ys)) {
                *y = quantize(x, self.scale);
            }
        }
    }
}

impl<T: Tensor> PerRow for Quantize<T> {}

/// A [`Tensor`] of whole numbers to the real ones that they stand for.
///
/// ```
/// use fusebox::int16::Dequantize;
/// use fusebox::{Layer, Scratch};
/// let layer = Dequantize::<[i16; 2]>::new(0.5);
/// let mut ys = [[0.0; 2]];
/// layer.infer(&[[3, -1]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[1.5, -0.5]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dequantize<T> {
    scale: f32,
    shape: PhantomData<fn() -> T>,
}

impl<T> Dequantize<T> {
    /// Real numbers in steps of `scale`.
    pub const fn new(scale: f32) -> Self {
        Self { scale, shape: PhantomData }
    }
}

impl<T> Zeroed for Dequantize<T> {
    const ZEROED: Self = Self::new(0.0);
}

impl<T: Tensor> Layer for Dequantize<T> {
    type Input = T;
    type Output = T::Of<f32>;
    type Scratch = ();
    type InPlace = T;

    fn run(&self, _: Isa, xs: &[T], _scratch: &mut [f32], ys: &mut [T::Of<f32>]) {
        if xs.len() == ys.len() {
            for (&x, y) in flat(xs).iter().zip(numbers_mut(ys)) {
                *y = self.scale * f32::from(x);
            }
        }
    }
}

impl<T: Tensor> PerRow for Dequantize<T> {}
