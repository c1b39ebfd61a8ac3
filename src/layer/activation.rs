//! Functions that end a layer, number by number.

use crate::memory::{numbers, numbers_mut};
use crate::{Epilogue, Isa, Plain, kernel};

/// A function that a [`Dense`](crate::Dense) layer applies to its outputs as it stores them.
pub trait Activation: sealed::Sealed {
    /// What [`Init::He`](crate::Init::He) multiplies the weights' variance by, so that the function leaves the size of
    /// signals as it was.
    const GAIN: f32;
}

mod sealed {
    use super::{Derivative, Epilogue};

    pub trait Sealed {
        fn epilogue(bias: &[f32]) -> Epilogue<'_>;
        fn derivative(ys: &[f32]) -> Derivative<'_>;
    }
}

/// y = x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;

/// y = x where x is positive (or NaN), else 0.
///
/// ```
/// use fusebox::{Dense, Relu, Scratch, Zeroed};
/// let mut layer = Dense::<1, 2, Relu>::ZEROED;
/// layer.weight = [[1.0, -1.0]];
/// let mut ys = [[f32::NAN; 2]];
/// layer.infer(&[[3.0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[3.0, 0.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu;

impl Activation for Identity {
    const GAIN: f32 = 1.0;
}

impl sealed::Sealed for Identity {
    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::Bias(bias)
    }

    fn derivative(_ys: &[f32]) -> Derivative<'_> {
        Derivative::One
    }
}

impl Activation for Relu {
    const GAIN: f32 = 2.0;
}

impl sealed::Sealed for Relu {
    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::BiasRelu(bias)
    }

    fn derivative(ys: &[f32]) -> Derivative<'_> {
        Derivative::Relu(ys)
    }
}

/// The derivative of an activation, at the numbers it needs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Derivative<'a> {
    /// 1 everywhere.
    One,
    /// ReLU's, from its outputs: 0 where they are `<= 0`, else 1.
    Relu(&'a [f32]),
}

impl Derivative<'_> {
    /// Multiplies `dxs` by the derivative, number by number.
    ///
    /// ```
    /// use fusebox::{Derivative, Isa};
    /// let mut dxs = [[5.0, 6.0]];
    /// Derivative::Relu(&[0.0, 2.0]).apply(Isa::detect(), &mut dxs);
    /// assert_eq!(dxs, [[0.0, 6.0]]);
    /// ```
    pub fn apply<T: Plain>(self, isa: Isa, dxs: &mut [T]) {
        match self {
            Self::One => {}
            Self::Relu(gates) => isa.call(kernel::elementwise::ReluMask { gates, xs: numbers_mut(dxs) }),
        }
    }
}

/// The epilogue of the forward product.
pub(super) fn epilogue<A: Activation>(bias: &[f32]) -> Epilogue<'_> {
    A::epilogue(bias)
}

/// The derivative at the layer's outputs.
pub(super) fn derivative<A: Activation, T: Plain>(ys: &[T]) -> Derivative<'_> {
    A::derivative(numbers(ys))
}
