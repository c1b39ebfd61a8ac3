//! Functions as types, so that a kernel can be generic over the function it applies.

use super::{exp, gelu, gelu_tanh, ln, sigmoid, softplus, tanh};
use crate::simd::Simd;

/// A function of one number.
pub(crate) trait Function: Copy + Send {
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V;
}

/// [`exp`].
#[derive(Clone, Copy)]
pub(crate) struct Exp;

impl Function for Exp {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        exp(s, x)
    }
}

/// [`ln`].
#[derive(Clone, Copy)]
pub(crate) struct Ln;

impl Function for Ln {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        ln(s, x)
    }
}

/// [`tanh`].
#[derive(Clone, Copy)]
pub(crate) struct Tanh;

impl Function for Tanh {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        tanh(s, x)
    }
}

/// [`sigmoid`].
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        sigmoid(s, x)
    }
}

/// [`softplus`].
#[derive(Clone, Copy)]
pub(crate) struct Softplus;

impl Function for Softplus {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        softplus(s, x)
    }
}

/// [`gelu`].
#[derive(Clone, Copy)]
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        gelu(s, x)
    }
}

/// [`gelu_tanh`].
#[derive(Clone, Copy)]
pub(crate) struct GeluTanh;

impl Function for GeluTanh {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        gelu_tanh(s, x)
    }
}
