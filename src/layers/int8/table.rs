//! Any function of one number of eight bits.

use super::quantization::Quantization;
use super::tensor::{Tensor, bytes, bytes_mut};
use crate::kernel::int8::fixed::{divide_by_power, logistic, tanh};
use crate::kernel::int8::{Clamp, Double, Multiplier, Rounding};
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa};
use core::marker::PhantomData;

/// Applies a function to every number of a [`Tensor`]: a table of its 256 results.
///
/// ```
/// use fusebox::int8::{Quantization, Table};
/// use fusebox::{Layer, Scratch};
/// let (x, y) = (Quantization { scale: 0.5, zero: 0 }, Quantization { scale: 0.25, zero: 2 });
/// // Of any function: the results as real numbers, quantised.
/// let layer = Table::<[i8; 3]>::of(x, y, f32::abs);
/// let mut ys = [[0; 3]];
/// layer.infer(&[[4, -4, 127]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[10, 10, 127]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table<T> {
    /// Of -128, -127, and so on.
    pub results: [i8; 256],
    /// The size.
    pub shape: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// Of the results themselves.
    pub const fn new(results: [i8; 256]) -> Self {
        Self { results, shape: PhantomData }
    }

    /// Of a function of real numbers.
    pub fn of(x: Quantization, y: Quantization, f: impl Fn(f32) -> f32) -> Self {
        Self::new(table(|q| y.quantize(f(x.real(q)))))
    }

    /// From a scale and a zero to others, clamped: also ReLU, ReLU6 and the like.
    ///
    /// Errors if a scale is not positive, or the quotient of the two is 2^31 or more.
    ///
    /// ```
    /// use fusebox::int8::{Clamp, Double, Quantization, Table};
    /// let (x, y) = (Quantization { scale: 0.5, zero: 1 }, Quantization { scale: 1.0, zero: -128 });
    /// let relu = Table::<[i8; 4]>::requantize::<Double>(x, y, Clamp::relu(y))?;
    /// assert_eq!(relu.results[128 + 5], -126);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn requantize<R: Rounding>(x: Quantization, y: Quantization, clamp: Clamp) -> Result<Self, Error> {
        let scale = Multiplier::new(f64::from(x.checked()?.scale) / f64::from(y.checked()?.scale))?;
        Ok(Self::new(table(|q| clamp.output(R::scale(i32::from(q) - i32::from(x.zero), scale)))))
    }

    /// 1 / (1 + e^-x), in TensorFlow Lite for Microcontrollers' whole numbers. The output's scale is 1/256 and its zero -128.
    ///
    /// Errors if the scale is not positive, or 2^3 or more.
    ///
    /// ```
    /// use fusebox::int8::{Quantization, Table};
    /// let logistic = Table::<[i8; 4]>::logistic(Quantization { scale: 0.1, zero: 0 })?;
    /// assert_eq!([0, 128, 148, 255].map(|i| logistic.results[i]), [-128, 0, 97, 127]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn logistic(x: Quantization) -> Result<Self, Error> {
        let function = |x| divide_by_power(logistic(x), 23) - 128;
        Ok(Self::new(saturating(x, [-128, 127], function)?))
    }

    /// tanh x, likewise. The output's scale is 1/128 and its zero 0.
    ///
    /// ```
    /// use fusebox::int8::{Quantization, Table};
    /// let tanh = Table::<[i8; 4]>::tanh(Quantization { scale: 0.1, zero: 0 })?;
    /// assert_eq!([0, 118, 128, 138, 255].map(|i| tanh.results[i]), [-128, -97, 0, 97, 127]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn tanh(x: Quantization) -> Result<Self, Error> {
        Ok(Self::new(saturating(x, [-128, 127], |x| divide_by_power(tanh(x), 24))?))
    }
}

impl<T> Table<T> {
    /// The result of a number.
    pub(super) const fn of_byte(&self, x: i8) -> i8 {
        self.results[((x as u8) ^ 128) as usize]
    }
}

/// The results of all bytes.
fn table(f: impl Fn(i8) -> i8) -> [i8; 256] {
    core::array::from_fn(|i| f((i as i32 - 128) as i8))
}

/// The results of a function of `Q<4>`; beyond its range, the ends.
fn saturating(x: Quantization, ends: [i8; 2], f: impl Fn(i32) -> i32) -> Result<[i8; 256], Error> {
    let scale = Multiplier::new(f64::from(x.checked()?.scale) * f64::from(1 << 27))?;
    // The largest input whose product fits: 15 2^27 / 2^exponent.
    let radius = match u32::try_from(scale.exponent) {
        Ok(exponent) => ((15_i64 << 27) >> exponent) as i32,
        Err(_) => i32::MAX,
    };
    Ok(table(|q| match i32::from(q) - i32::from(x.zero) {
        below if below <= -radius => ends[0],
        above if above >= radius => ends[1],
        inside => f(Double::scale(inside, scale)).clamp(-128, 127) as i8,
    }))
}

impl<T: Tensor> Layer for Table<T> {
    type Input = T;
    type Output = T;
    type Scratch = ();
    type InPlace = T;

    fn run(&self, _: Isa, xs: &[T], _scratch: &mut [f32], ys: &mut [T]) {
        for (&x, y) in bytes(xs).iter().zip(bytes_mut(ys)) {
            *y = self.of_byte(x);
        }
    }
}

impl<T: Tensor> PerRow for Table<T> {}
