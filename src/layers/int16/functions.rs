//! Functions of one number.

use super::scale::{both, checked};
use super::{Clamp, Tensor};
use crate::kernel::int8::Multiplier;
use crate::kernel::int16::functions::{self, Steps};
use crate::layers::int8::{Numbers, Quantization, flat, flat_mut};
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// From a scale to another, clamped, and from `i8`s to `i16`s, or back: also ReLU, ReLU6, leaky ReLU and the like. `X` and `Y` are
/// arrays of as many numbers.
///
/// ```
/// use fusebox::int16::{Clamp, Rescale};
/// use fusebox::int8::Quantization;
/// use fusebox::{Layer, Scratch};
/// let q = Quantization { scale: 0.5, zero: -3 };
/// let (to, back) = (Rescale::<[i8; 3], [i16; 3]>::from_int8(q, 0.125)?, Rescale::<[i16; 3], [i8; 3]>::to_int8(0.125, q)?);
/// let (xs, mut wide, mut ys) = ([[-128, -3, 127]], [[0; 3]], [[0; 3]]);
/// to.infer(&xs, &mut Scratch::<_, 1>::new(), &mut wide)?;
/// assert_eq!(wide, [[-500, 0, 520]]);
/// back.infer(&wide, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, xs);
///
/// let relu = Rescale::<[i16; 3], [i16; 3]>::relu(0.125, 0.25, Clamp::RELU)?;
/// let mut positive = [[0; 3]];
/// relu.infer(&wide, &mut Scratch::<_, 1>::new(), &mut positive)?;
/// assert_eq!(positive, [[0, 0, 260]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale<X, Y: Numbers> {
    /// What stands for 0 in the input and in the output.
    pub zeros: [i32; 2],
    /// What numbers are multiplied by that stand for 0 or more, and for less.
    pub scales: [Multiplier; 2],
    /// The smallest output and the largest one.
    pub range: [Y::Number; 2],
    /// The size.
    pub shape: PhantomData<fn(X) -> Y>,
}

impl<X: Numbers, Y: Numbers> Rescale<X, Y> {
    const SIZES: () = assert!(
        size_of::<X>() / size_of::<X::Number>() == size_of::<Y>() / size_of::<Y::Number>(),
        "a Rescale has as many outputs as inputs"
    );

    /// Of the quotients of the scales, above 0 and below.
    const fn of(quotients: [f64; 2], zeros: [i32; 2], range: [Y::Number; 2]) -> Result<Self, Error> {
        // A slope of 0 leaves nothing of negative numbers.
        let negative =
            if quotients[1] == 0.0 { Ok(Multiplier::ZEROED) } else { Multiplier::new(quotients[1]) };
        match (Multiplier::new(quotients[0]), negative) {
            (Ok(positive), Ok(negative)) => {
                Ok(Self { zeros, scales: [positive, negative], range, shape: PhantomData })
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl<X: Tensor, Y: Tensor> Rescale<X, Y> {
    /// From steps of `x` to those of `y`.
    ///
    /// Errors if a scale is not positive, or the quotient of the two is 2^31 or more; so do the others.
    ///
    /// ```
    /// use fusebox::int16::Rescale;
    /// use fusebox::{Layer, Scratch};
    /// let mut ys = [[0; 2]];
    /// Rescale::<[i16; 2], [i16; 2]>::new(0.5, 0.1)?.infer(&[[1, -9000]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[5, -32768]]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn new(x: f32, y: f32) -> Result<Self, Error> {
        match both(x, y) {
            Ok([x, y]) => Self::of([x / y; 2], [0; 2], [i16::MIN, i16::MAX]),
            Err(error) => Err(error),
        }
    }

    /// The same, clamped. The quotient is rounded to `f32`, as TensorFlow Lite for Microcontrollers has it in a ReLU.
    pub const fn relu(x: f32, y: f32, clamp: Clamp) -> Result<Self, Error> {
        match both(x, y) {
            Ok(_) => Self::of([(x / y) as f64; 2], [0; 2], [clamp.least, clamp.most]),
            Err(error) => Err(error),
        }
    }

    /// x, or `slope` times x if that is negative. Errors if the slope is negative or NaN, too.
    ///
    /// ```
    /// use fusebox::int16::Rescale;
    /// use fusebox::{Layer, Scratch};
    /// let mut ys = [[0; 2]];
    /// let leaky = Rescale::<[i16; 2], [i16; 2]>::leaky_relu(0.5, 0.5, 0.25)?;
    /// leaky.infer(&[[100, -100]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[100, -25]]);
    /// let relu = Rescale::<[i16; 2], [i16; 2]>::leaky_relu(0.5, 0.5, 0.0)?;
    /// relu.infer(&[[100, -100]], &mut Scratch::<_, 1>::new(), &mut ys)?;
    /// assert_eq!(ys, [[100, 0]]);
    /// assert!(Rescale::<[i16; 2], [i16; 2]>::leaky_relu(0.5, 0.5, -0.1).is_err());
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn leaky_relu(x: f32, y: f32, slope: f32) -> Result<Self, Error> {
        match both(x, y) {
            Ok(_) => Self::of([(x / y) as f64, (x * slope / y) as f64], [0; 2], [i16::MIN, i16::MAX]),
            Err(error) => Err(error),
        }
    }
}

impl<X: Numbers<Number = i8>, Y: Tensor> Rescale<X, Y> {
    /// Of numbers of eight bits.
    pub const fn from_int8(x: Quantization, y: f32) -> Result<Self, Error> {
        match both(x.scale, y) {
            Ok([from, y]) => Self::of([from / y; 2], [x.zero as i32, 0], [i16::MIN, i16::MAX]),
            Err(error) => Err(error),
        }
    }
}

impl<X: Tensor, Y: Numbers<Number = i8>> Rescale<X, Y> {
    /// To numbers of eight bits.
    pub const fn to_int8(x: f32, y: Quantization) -> Result<Self, Error> {
        match both(x, y.scale) {
            Ok([x, to]) => Self::of([x / to; 2], [0, y.zero as i32], [i8::MIN, i8::MAX]),
            Err(error) => Err(error),
        }
    }
}

impl<X, Y: Numbers> Zeroed for Rescale<X, Y> {
    const ZEROED: Self = Self {
        zeros: [0; 2],
        scales: [Multiplier::ZEROED; 2],
        range: [Y::Number::ZEROED; 2],
        shape: PhantomData,
    };
}

impl<X: Numbers, Y: Numbers> Layer for Rescale<X, Y> {
    type Input = X;
    type Output = Y;
    type Scratch = ();
    type InPlace = X;

    const CHECK: () = Self::SIZES;

    fn run(&self, _: Isa, xs: &[X], _scratch: &mut [f32], ys: &mut [Y]) {
        functions::rescale(self.zeros, self.scales, self.range, flat(xs), flat_mut(ys));
    }
}

impl<X: Numbers, Y: Numbers> PerRow for Rescale<X, Y> {}

impl Steps {
    /// From steps of `x` to 1/24 over 2^9, the logistic function's, or half of 1/24 over 2^8, tanh's, which are the same. Steps near
    /// 2^-n, n from `least` to 12, are taken to be that.
    const fn new(x: f32, least: u32) -> Result<Self, Error> {
        let x = match checked(x) {
            Ok(x) => x,
            Err(error) => return Err(error),
        };
        let mut n = 12;
        while n >= least {
            // 2^(1/1000), of log2's rounding to a thousandth.
            let ratio = x * (1_u32 << n) as f64;
            if ratio < 1.000_693_387_462_58 && ratio > 0.999_307_092_990_42 {
                return Ok(Self { factor: 3 << (12 - n), shift: 0 });
            }
            n -= 1;
        }
        let (mut factor, mut shift) = (x * 3.0 * 4096.0, 0);
        if factor >= 32_768.0 {
            return Err(Error::Setting { name: "scale", expected: "scale < 8/3" });
        }
        while factor <= 32_767.0 / 2.0 && shift <= 30 {
            factor *= 2.0;
            shift += 1;
        }
        Ok(Self { factor: factor as i32, shift })
    }

    const ZEROED: Self = Self { factor: 0, shift: 0 };
}

/// 1 / (1 + e^-x). The output's scale is 2^-15.
///
/// ```
/// use fusebox::int16::Logistic;
/// use fusebox::{Layer, Scratch};
/// let mut ys = [[0; 3]];
/// Logistic::<[i16; 3]>::new(0.001)?.infer(&[[0, 1000, -1000]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[16384, 23956, 8812]]); // 0.5, 0.731, 0.269
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logistic<T> {
    steps: Steps,
    shape: PhantomData<fn() -> T>,
}

impl<T> Logistic<T> {
    /// Of inputs in steps of `x`. Errors unless they are positive, and less than 8/3.
    pub const fn new(x: f32) -> Result<Self, Error> {
        match Steps::new(x, 12) {
            Ok(steps) => Ok(Self { steps, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Logistic<T> {
    const ZEROED: Self = Self { steps: Steps::ZEROED, shape: PhantomData };
}

impl<T: Tensor> Layer for Logistic<T> {
    type Input = T;
    type Output = T;
    type Scratch = ();
    type InPlace = T;

    fn run(&self, _: Isa, xs: &[T], _scratch: &mut [f32], ys: &mut [T]) {
        functions::logistic(self.steps, flat(xs), flat_mut(ys));
    }
}

impl<T: Tensor> PerRow for Logistic<T> {}

/// tanh x. The output's scale is 2^-15.
///
/// ```
/// use fusebox::int16::Tanh;
/// use fusebox::{Layer, Scratch};
/// let mut ys = [[0; 3]];
/// Tanh::<[i16; 3]>::new(0.001)?.infer(&[[0, 1000, -1000]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[0, 24956, -24956]]); // 0.7616
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh<T> {
    steps: Steps,
    shape: PhantomData<fn() -> T>,
}

impl<T> Tanh<T> {
    /// Of inputs in steps of `x`. Errors unless they are positive, and less than 8/3.
    pub const fn new(x: f32) -> Result<Self, Error> {
        match Steps::new(x, 11) {
            Ok(steps) => Ok(Self { steps, shape: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<T> Zeroed for Tanh<T> {
    const ZEROED: Self = Self { steps: Steps::ZEROED, shape: PhantomData };
}

impl<T: Tensor> Layer for Tanh<T> {
    type Input = T;
    type Output = T;
    type Scratch = ();
    type InPlace = T;

    fn run(&self, _: Isa, xs: &[T], _scratch: &mut [f32], ys: &mut [T]) {
        functions::tanh(self.steps, flat(xs), flat_mut(ys));
    }
}

impl<T: Tensor> PerRow for Tanh<T> {}
