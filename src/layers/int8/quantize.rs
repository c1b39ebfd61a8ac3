//! Between real numbers and whole ones.

use super::quantization::Quantization;
use super::tensor::{Tensor, bytes, bytes_mut};
use crate::layers::{Layer, PerRow};
use crate::memory::{numbers, numbers_mut};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// Real numbers to a [`Tensor`] of whole ones: [`Quantization::quantize`].
///
/// ```
/// use fusebox::int8::{Quantization, Quantize};
/// use fusebox::{Layer, Scratch};
/// let layer = Quantize::<[[i8; 2]; 1]>::new(Quantization { scale: 0.5, zero: 1 })?;
/// let mut ys = [[[0; 2]]];
/// layer.infer(&[[[1.0, -0.75]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[3, -1]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantize<T> {
    to: Quantization,
    shape: PhantomData<fn() -> T>,
}

impl<T> Quantize<T> {
    /// Errors unless the scale is positive and finite.
    pub const fn new(to: Quantization) -> Result<Self, Error> {
        match to.checked() {
            Ok(to) => Ok(Self { to, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Quantize<T> {
    const ZEROED: Self = Self { to: Quantization { scale: 0.0, zero: 0 }, shape: PhantomData };
}

impl<T: Tensor> Layer for Quantize<T> {
    type Input = T::Of<f32>;
    type Output = T;
    type Scratch = ();
    type InPlace = T::Of<f32>;

    fn run(&self, _: Isa, xs: &[T::Of<f32>], _scratch: &mut [f32], ys: &mut [T]) {
        if xs.len() == ys.len() {
            for (&x, y) in numbers(xs).iter().zip(bytes_mut(ys)) {
                *y = self.to.quantize(x);
            }
        }
    }
}

impl<T: Tensor> PerRow for Quantize<T> {}

/// A [`Tensor`] of whole numbers to the real ones that they stand for: [`Quantization::real`].
///
/// ```
/// use fusebox::int8::{Dequantize, Quantization};
/// use fusebox::{Layer, Scratch};
/// let layer = Dequantize::<[i8; 2]>::new(Quantization { scale: 0.5, zero: 1 });
/// let mut ys = [[0.0; 2]];
/// layer.infer(&[[3, -1]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[1.0, -1.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dequantize<T> {
    from: Quantization,
    shape: PhantomData<fn() -> T>,
}

impl<T> Dequantize<T> {
    /// The real numbers of `from`.
    pub const fn new(from: Quantization) -> Self {
        Self { from, shape: PhantomData }
    }
}

impl<T> Zeroed for Dequantize<T> {
    const ZEROED: Self = Self::new(Quantization { scale: 0.0, zero: 0 });
}

impl<T: Tensor> Layer for Dequantize<T> {
    type Input = T;
    type Output = T::Of<f32>;
    type Scratch = ();
    type InPlace = T;

    fn run(&self, _: Isa, xs: &[T], _scratch: &mut [f32], ys: &mut [T::Of<f32>]) {
        if xs.len() == ys.len() {
            for (&x, y) in bytes(xs).iter().zip(numbers_mut(ys)) {
                *y = self.from.real(x);
            }
        }
    }
}

impl<T: Tensor> PerRow for Dequantize<T> {}
