//! Activation functions, applied element-wise to a layer's outputs.
//!
//! | function | y | derivative, from y or stored | source |
//! |---|---|---|---|
//! | [`Identity`] | z | 1 | |
//! | [`Relu`] | z if z > 0, else 0 | 1 if y > 0, else 0 | |
//! | [`LeakyRelu`] | z if z > 0, else a z | 1 if y > 0, else a | A. Maas and others, 2013 |
//! | [`Relu6`] | min(max(z, 0), 6) | 1 if 0 < y < 6, else 0 | A. Krizhevsky, 2010 |
//! | [`Sigmoid`] | 1 / (1 + e^-z) | y (1 - y) | |
//! | [`Tanh`] | tanh z | 1 - y^2 | |
//! | [`Gelu`] | z Phi(z) | Phi(z) + z phi(z), stored | D. Hendrycks and K. Gimpel, 2016 |
//! | [`GeluTanh`] | z/2 (1 + tanh u), u = sqrt(2/pi) (z + 0.044715 z^3) | of that formula, stored | the same |
//! | [`Silu`] | z s(z), s the sigmoid | s(z) (1 + z (1 - s(z))), stored | S. Elfwing and others, 2018 |
//!
//! ReLU and its derivative cost one operation each and are applied when the product's tile is stored. The other
//! functions cost ten to thirty operations and run over a layer's outputs while these are still in the first-level
//! cache. Fusing them into every micro-kernel would save one load and one store per thirty operations and multiply
//! the program's size.

use super::{Curved, End, Linear};
use crate::kernel::elementwise::{BendKeepingSlopes, InPlace, ReluMask, Times, TimesSlope, Zip};
use crate::kernel::math::Curve;
pub use crate::kernel::math::{Gelu, GeluTanh, LeakyRelu, Relu6, Sigmoid, Silu, Tanh};
use crate::memory::{layout, numbers_mut, part};
use crate::pace::FUNCTION;
use crate::{Epilogue, Isa, Plain};
use core::fmt;
use core::ops::Range;

/// An activation function of a [`Dense`](crate::Dense) layer.
///
/// ```
/// use fusebox::{Activation, Dense, Gelu, GeluTanh, LeakyRelu, Relu6, Scratch, Sigmoid, Silu, Tanh, Zeroed};
///
/// fn of<A: Activation + Copy>(x: f32) -> f32 {
///     let mut layer = Dense::<1, 1, A>::ZEROED;
///     layer.weight = [[1.0]];
///     let mut ys = [[f32::NAN]];
///     layer.infer(&[[x]], &mut Scratch::<_, 1>::new(), &mut ys).unwrap();
///     ys[0][0]
/// }
/// assert_eq!((of::<LeakyRelu>(2.0), of::<LeakyRelu>(-2.0), of::<LeakyRelu<20>>(-2.0)), (2.0, -0.02, -0.4));
/// assert_eq!((of::<Relu6>(-1.0), of::<Relu6>(5.0), of::<Relu6>(7.0)), (0.0, 5.0, 6.0));
/// assert_eq!((of::<Sigmoid>(0.0), of::<Tanh>(0.0)), (0.5, 0.0));
/// assert!((of::<Gelu>(1.0) - 0.841_345).abs() < 1e-6 && (of::<GeluTanh>(1.0) - 0.841_192).abs() < 1e-6);
/// assert!((of::<Silu>(1.0) - 0.731_059).abs() < 1e-6);
/// ```
pub trait Activation: sealed::Sealed + Copy + 'static {
    /// The factor by which [`Init::He`](crate::Init::He) multiplies the weights' variance, so that the function does
    /// not change the magnitude of signals.
    const GAIN: f32;

    /// Distinguishes networks with different activations in a saved state.
    #[doc(hidden)]
    const NAME: u64;
}

mod sealed {
    pub trait Sealed {
        type Form: super::Form;
    }
}

/// How a function and its derivative are computed for the outputs of a product.
pub trait Form {
    /// What the derivative needs in addition to the outputs, per row of `OUT`.
    type Kept<const OUT: usize>: Plain;

    /// Whether there is a derivative.
    type End: End;

    /// The cost of the function per number, in multiply-adds.
    const MACS: usize;

    /// The product's epilogue.
    fn epilogue(bias: &[f32]) -> Epilogue<'_>;

    /// The epilogue for a product that accumulates.
    fn accumulate() -> Epilogue<'static> {
        Epilogue::Accumulate
    }

    /// Applies the part of the function that the epilogue does not, in place.
    fn infer(isa: Isa, ys: &mut [f32]);

    /// [`Form::infer`], which also overwrites `kept`, one element per row.
    fn forward<const OUT: usize>(isa: Isa, ys: &mut [[f32; OUT]], kept: &mut [Self::Kept<OUT>]);

    /// The derivative, from what `forward` stored.
    fn derivative<'a, const OUT: usize>(kept: &'a [Self::Kept<OUT>], ys: &'a [[f32; OUT]]) -> Derivative<'a>;
}

/// The [`Form`] of the function `A`.
pub(super) type FormOf<A> = <A as sealed::Sealed>::Form;

/// y = x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;

impl Activation for Identity {
    const GAIN: f32 = 1.0;
    const NAME: u64 = layout("Identity", &[]);
}

impl sealed::Sealed for Identity {
    type Form = Self;
}

impl Form for Identity {
    type Kept<const OUT: usize> = ();
    type End = Linear;

    const MACS: usize = 0;

    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::Bias(bias)
    }

    fn infer(_: Isa, _: &mut [f32]) {}

    fn forward<const OUT: usize>(_: Isa, _: &mut [[f32; OUT]], _: &mut [()]) {}

    fn derivative<'a, const OUT: usize>(_: &'a [()], _: &'a [[f32; OUT]]) -> Derivative<'a> {
        Derivative::One
    }
}

/// y = x if x is positive (or NaN), else 0.
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

impl Activation for Relu {
    const GAIN: f32 = 2.0;
    const NAME: u64 = layout("Relu", &[]);
}

impl sealed::Sealed for Relu {
    type Form = Self;
}

impl Form for Relu {
    type Kept<const OUT: usize> = ();
    type End = Curved;

    const MACS: usize = 0;

    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::BiasRelu(bias)
    }

    fn accumulate() -> Epilogue<'static> {
        Epilogue::AccumulateRelu
    }

    fn infer(_: Isa, _: &mut [f32]) {}

    fn forward<const OUT: usize>(_: Isa, _: &mut [[f32; OUT]], _: &mut [()]) {}

    fn derivative<'a, const OUT: usize>(_: &'a [()], ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        Derivative::Relu(ys.as_flattened())
    }
}

/// A function whose derivative is computed from its output: nothing else is stored.
#[derive(Debug)]
pub struct FromValue<C>(C);

impl<C: Curve> Form for FromValue<C> {
    type Kept<const OUT: usize> = ();
    type End = Curved;

    const MACS: usize = FUNCTION;

    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::Bias(bias)
    }

    fn infer(isa: Isa, ys: &mut [f32]) {
        isa.call_in_parts(InPlace { function: C::CURVE, xs: ys });
    }

    fn forward<const OUT: usize>(isa: Isa, ys: &mut [[f32; OUT]], _: &mut [()]) {
        Self::infer(isa, ys.as_flattened_mut());
    }

    fn derivative<'a, const OUT: usize>(_: &'a [()], ys: &'a [[f32; OUT]]) -> Derivative<'a> {
        let times = |isa: Isa, others: &[f32], xs: &mut [f32]| {
            isa.call_in_parts(Zip { function: TimesSlope(C::CURVE), others, xs });
        };
        Derivative::Curve(Slopes { at: ys.as_flattened(), times })
    }
}

/// A function whose derivative cannot be computed from its output: it is computed with the output, and stored.
#[derive(Debug)]
pub struct FromInput<C>(C);

impl<C: Curve> Form for FromInput<C> {
    type Kept<const OUT: usize> = [f32; OUT];
    type End = Curved;

    const MACS: usize = 2 * FUNCTION;

    fn epilogue(bias: &[f32]) -> Epilogue<'_> {
        Epilogue::Bias(bias)
    }

    fn infer(isa: Isa, ys: &mut [f32]) {
        isa.call_in_parts(InPlace { function: C::CURVE, xs: ys });
    }

    fn forward<const OUT: usize>(isa: Isa, ys: &mut [[f32; OUT]], slopes: &mut [[f32; OUT]]) {
        isa.call_in_parts(BendKeepingSlopes::<C>::of(ys.as_flattened_mut(), slopes.as_flattened_mut()));
    }

    fn derivative<'a, const OUT: usize>(slopes: &'a [[f32; OUT]], _: &'a [[f32; OUT]]) -> Derivative<'a> {
        Derivative::Factors(slopes.as_flattened())
    }
}

impl<const PERCENT: u32> Activation for LeakyRelu<PERCENT> {
    const GAIN: f32 = 2.0 / (1.0 + Self::SLOPE * Self::SLOPE);
    const NAME: u64 = layout("LeakyRelu", &[PERCENT as u64]);
}

impl<const PERCENT: u32> sealed::Sealed for LeakyRelu<PERCENT> {
    type Form = FromValue<Self>;
}

impl Activation for Relu6 {
    const GAIN: f32 = 2.0;
    const NAME: u64 = layout("Relu6", &[]);
}

impl sealed::Sealed for Relu6 {
    type Form = FromValue<Self>;
}

impl Activation for Sigmoid {
    const GAIN: f32 = 1.0;
    const NAME: u64 = layout("Sigmoid", &[]);
}

impl sealed::Sealed for Sigmoid {
    type Form = FromValue<Self>;
}

/// The gain is PyTorch's, (5/3)^2, which compensates for the shrinking of signals by the function's curvature.
impl Activation for Tanh {
    const GAIN: f32 = 25.0 / 9.0;
    const NAME: u64 = layout("Tanh", &[]);
}

impl sealed::Sealed for Tanh {
    type Form = FromValue<Self>;
}

impl Activation for Gelu {
    const GAIN: f32 = 2.0;
    const NAME: u64 = layout("Gelu", &[]);
}

impl sealed::Sealed for Gelu {
    type Form = FromInput<Self>;
}

impl Activation for GeluTanh {
    const GAIN: f32 = 2.0;
    const NAME: u64 = layout("GeluTanh", &[]);
}

impl sealed::Sealed for GeluTanh {
    type Form = FromInput<Self>;
}

impl Activation for Silu {
    const GAIN: f32 = 2.0;
    const NAME: u64 = layout("Silu", &[]);
}

impl sealed::Sealed for Silu {
    type Form = FromInput<Self>;
}

/// The derivative of an activation function, and the numbers it is computed from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Derivative<'a> {
    /// 1 everywhere.
    One,
    /// ReLU's, from its outputs: 0 where they are `<= 0`, else 1.
    Relu(&'a [f32]),
    /// Another function's, from its outputs.
    Curve(Slopes<'a>),
    /// The stored derivative.
    Factors(&'a [f32]),
}

/// The outputs of a function, from which its derivative is computed.
#[derive(Clone, Copy)]
pub struct Slopes<'a> {
    at: &'a [f32],
    /// Multiplies by the derivative. A pointer, so that a program contains only the functions it uses.
    times: fn(Isa, &[f32], &mut [f32]),
}

impl fmt::Debug for Slopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slopes").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Derivative<'_> {
    /// The derivative for the numbers in `range`.
    #[must_use]
    pub fn part(self, range: &Range<usize>) -> Self {
        match self {
            Self::One => Self::One,
            Self::Relu(gates) => Self::Relu(part(gates, range)),
            Self::Curve(Slopes { at, times }) => Self::Curve(Slopes { at: part(at, range), times }),
            Self::Factors(factors) => Self::Factors(part(factors, range)),
        }
    }

    /// Multiplies `dxs` by the derivative, element-wise, in place.
    ///
    /// ```
    /// use fusebox::{Derivative, Isa};
    /// let mut dxs = [[5.0, 6.0]];
    /// Derivative::Relu(&[0.0, 2.0]).apply(Isa::detect(), &mut dxs);
    /// Derivative::Factors(&[1.0, 0.5]).apply(Isa::detect(), &mut dxs);
    /// assert_eq!(dxs, [[0.0, 3.0]]);
    /// ```
    pub fn apply<T: Plain>(self, isa: Isa, dxs: &mut [T]) {
        let xs = numbers_mut(dxs);
        match self {
            Self::One => {}
            Self::Relu(others) => isa.call_in_parts(Zip { function: ReluMask, others, xs }),
            Self::Curve(Slopes { at, times }) => times(isa, at, xs),
            Self::Factors(others) => isa.call_in_parts(Zip { function: Times, others, xs }),
        }
    }
}
