//! Functions as types, so that a kernel can be generic over the function it applies. Those with a derivative are in `curve`.

use super::{exp, ln, softplus};
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

/// [`softplus`].
#[derive(Clone, Copy)]
pub(crate) struct Softplus;

impl Function for Softplus {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        softplus(s, x)
    }
}
