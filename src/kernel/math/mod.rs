//! Mathematical functions, lane by lane: the same operations on every instruction set, so the same bits within a class.
//!
//! | room | functions | over every `f32`, in units in the last place: fused, not fused |
//! |---|---|---|
//! | `exp` | [`exp`] | TODO |
//!
//! A unit is the distance of the two `f32` around the exact result, or of the next two towards zero where it is an `f32`
//! itself; below the normal numbers it is 2^-149. `tests` holds the table of what is allowed, and compares.
//!
//! There are no branches and no tables. A polynomial's coefficients are those of least error: the relative error of the
//! whole function is minimised over the reduced range by linear programming on a grid of some hundred points, dense
//! towards the ends as the extrema of Chebyshev's polynomials are, in thirty digits; then one coefficient after the other,
//! the most sensitive first, is rounded to `f32`, and the rest are fitted anew. Each room says the error that is left.
//!
//! NaN becomes NaN. Results below the normal numbers are right too: what flushes them to zero flushes them here.

mod exp;
mod function;
mod ln;
mod normal;
mod sigmoid;

pub(crate) use exp::{exp, exp_or_zero};
pub(crate) use function::{Exp, Function, Gelu, Ln, Sigmoid, Softplus, Tanh};
pub(crate) use ln::ln;
pub(crate) use normal::{gelu, gelu_derivative};
pub(crate) use sigmoid::{sigmoid, softplus, tanh};

use crate::simd::Simd;

/// `c[0] + c[1] x + c[2] x^2 + ..`, from the last term on.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, c: &[f32; N]) -> S::V {
    // A loop over references, which the compiler unrolls; one over the array's values it leaves as it is.
    let mut sum = s.splat(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        sum = s.mul_add(sum, x, s.splat(c));
    }
    sum
}

#[cfg(test)]
mod tests;
