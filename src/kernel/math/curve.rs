//! Functions whose derivatives are available: the activations but the identity and ReLU, which products apply themselves.

use super::{Function, gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative, sigmoid, tanh};
use crate::simd::Simd;

/// A function whose derivative is available.
pub(crate) trait Curve: Function {
    /// The function, which has no settings.
    const CURVE: Self;

    /// The derivative, computed from the input or from the output, depending on the implementor.
    fn slope<S: Simd>(s: S, at: S::V) -> S::V;
}

/// y = x if x is positive, else `PERCENT` hundredths of x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeakyRelu<const PERCENT: u32 = 1>;

impl<const PERCENT: u32> LeakyRelu<PERCENT> {
    pub(crate) const SLOPE: f32 = PERCENT as f32 / 100.0;
}

impl<const PERCENT: u32> Function for LeakyRelu<PERCENT> {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.select_gt(x, s.splat(0.0), x, s.mul(x, s.splat(Self::SLOPE)))
    }
}

impl<const PERCENT: u32> Curve for LeakyRelu<PERCENT> {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, y: S::V) -> S::V {
        s.select_gt(y, s.splat(0.0), s.splat(1.0), s.splat(Self::SLOPE))
    }
}

/// y = x clamped to 0..6; NaN stays NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu6;

impl Function for Relu6 {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        let six = s.splat(6.0);
        s.select_gt(x, six, six, s.relu(x))
    }
}

impl Curve for Relu6 {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, y: S::V) -> S::V {
        s.relu_mask(y, s.relu_mask(s.sub(s.splat(6.0), y), s.splat(1.0)))
    }
}

/// y = 1 / (1 + e^-x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        sigmoid(s, x)
    }
}

impl Curve for Sigmoid {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, y: S::V) -> S::V {
        s.mul(y, s.sub(s.splat(1.0), y))
    }
}

/// y = tanh x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh;

impl Function for Tanh {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        tanh(s, x)
    }
}

impl Curve for Tanh {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, y: S::V) -> S::V {
        s.neg_mul_add(y, y, s.splat(1.0))
    }
}

/// y = x Phi(x), where Phi is the normal cumulative distribution function: the exact GELU, not the tanh approximation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        gelu(s, x)
    }
}

impl Curve for Gelu {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        gelu_derivative(s, x)
    }
}

/// y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): the tanh approximation of [`Gelu`], as in GPT-2. They differ by up to
/// 0.0005, so weights trained with one should run with the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeluTanh;

impl Function for GeluTanh {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        gelu_tanh(s, x)
    }
}

impl Curve for GeluTanh {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        gelu_tanh_derivative(s, x)
    }
}

/// y = x / (1 + e^-x), also called swish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.mul(x, sigmoid(s, x))
    }
}

impl Curve for Silu {
    const CURVE: Self = Self;

    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        let one = s.splat(1.0);
        let y = sigmoid(s, x);
        s.mul(y, s.mul_add(x, s.sub(one, y), one))
    }
}
