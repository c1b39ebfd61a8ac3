//! Any function of one number of eight bits.

use super::quantization::Quantization;
use super::tensor::{Tensor, bytes, bytes_mut};
use crate::kernel::int8::fixed::{divide_by_power, logistic, tanh};
use crate::kernel::int8::{Clamp, Double, Multiplier, Rounding};
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};
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

    /// x, or `slope` times x if that is negative. `R` is how both are rounded.
    ///
    /// Errors if a scale is not positive or the slope is negative, or the quotient of the scales, times the slope too, is 2^31 or more.
    ///
    /// ```
    /// use fusebox::int8::{Double, Quantization, Table};
    /// let q = Quantization { scale: 0.5, zero: 1 };
    /// let leaky = Table::<[i8; 4]>::leaky_relu::<Double>(q, q, 0.25)?;
    /// assert_eq!([-7, 1, 9].map(|q| leaky.results[(q + 128) as usize]), [-1, 1, 9]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn leaky_relu<R: Rounding>(x: Quantization, y: Quantization, slope: f32) -> Result<Self, Error> {
        let (from, to) = (f64::from(x.checked()?.scale), f64::from(y.checked()?.scale));
        let positive = Multiplier::new(from / to)?;
        let negative = match slope {
            0.0 => Multiplier::ZEROED,
            _ => Multiplier::new(from * f64::from(slope) / to)?,
        };
        Ok(Self::new(table(|q| {
            let q = i32::from(q) - i32::from(x.zero);
            Clamp::of(y).output(R::scale(q, if q >= 0 { positive } else { negative }))
        })))
    }

    /// x times ReLU6 of x + 3, over 6, in TensorFlow Lite's whole numbers of 16 bits.
    ///
    /// Errors if a scale is not positive, or that of `x` is 128 times that of `y` or more, or more than 2^24.
    ///
    /// ```
    /// use fusebox::int8::{Quantization, Table};
    /// let q = Quantization { scale: 0.0625, zero: 0 };
    /// let hard_swish = Table::<[i8; 4]>::hard_swish(q, q)?;
    /// assert_eq!([-64, -16, 0, 16, 64].map(|q| hard_swish.results[(q + 128) as usize]), [0, -5, 0, 11, 64]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn hard_swish(x: Quantization, y: Quantization) -> Result<Self, Error> {
        let steps = HardSwish::new(x.checked()?.scale, y.checked()?.scale)?;
        Ok(Self::new(table(|q| Clamp::of(y).output(steps.output(i32::from(q) - i32::from(x.zero))))))
    }

    /// 1 / (1 + e^-x), in TensorFlow Lite for Microcontrollers' whole numbers. The output's scale is 1/256 and its zero -128.
    ///
    /// Errors if the scale is not positive. From a scale of 8 on, every result is one of the two ends, that of 0 the lower, as there.
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

/// The multipliers of a hard swish, as TensorFlow Lite has them: 16 bits of their mantissas.
struct HardSwish {
    /// From 1/128 of the input's steps to the output's. The exponent is not positive.
    output: Multiplier,
    /// From 1/128 of the input's steps to those of a number from -3 to 3, 3/2^15.
    gate: Multiplier,
}

impl HardSwish {
    fn new(x: f32, y: f32) -> Result<Self, Error> {
        let fine = x / 128.0;
        let output = Multiplier::new(f64::from(fine / y))?;
        let gate = Multiplier::new(f64::from(fine / (3.0 / 32_768.0)))?;
        match output.exponent <= 0 {
            true => Ok(Self { output, gate }),
            false => {
                Err(Error::Setting { name: "scale", expected: "less than 128 times that of the output" })
            }
        }
    }

    /// Of an input without its zero.
    fn output(&self, x: i32) -> i32 {
        let x = x << 7;
        let short = |m: Multiplier| (((m.mantissa >> 15) + 1) >> 1).min(i32::from(i16::MAX));
        let saturated = |x: i32| x.clamp(i16::MIN.into(), i16::MAX.into());
        let multiply = |a: i32, b: i32| (a * b + (1 << 14)) >> 15;
        // From -1 to 1, saturated; the last doubling after the product keeps a bit.
        let left = self.gate.exponent.clamp(0, 17) as u32;
        let mut gate = multiply(saturated(x << left.saturating_sub(1)), short(self.gate));
        if left > 0 {
            gate = saturated(gate * 2);
        }
        let gate = divide_by_power(gate, (-self.gate.exponent).clamp(0, 31) as u32);
        // From 0 to 1, times the input, rounded towards zero.
        let product = ((gate + (1 << 15)) >> 1) * multiply(x, short(self.output)) / (1 << 15);
        divide_by_power(product, (-self.output.exponent).clamp(0, 31) as u32)
    }
}

/// The results of all bytes.
fn table(f: impl Fn(i8) -> i8) -> [i8; 256] {
    core::array::from_fn(|i| f((i as i32 - 128) as i8))
}

/// The results of a function of `Q<4>`; beyond its range, the ends.
fn saturating(x: Quantization, ends: [i8; 2], f: impl Fn(i32) -> i32) -> Result<[i8; 256], Error> {
    // From a scale of 8 on, the radius is 0, whatever the multiplier.
    let scale = f64::from(x.checked()?.scale) * f64::from(1 << 27);
    let scale = Multiplier::new(scale.min(f64::from(1 << 30)))?;
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

impl<T> Zeroed for Table<T> {
    const ZEROED: Self = Self::new([0; 256]);
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
