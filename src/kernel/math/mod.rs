//! Mathematical functions, lane by lane: the same operations on every instruction set, so the same bits within a class.
//!
//! | room | function | largest error over every `f32`: not fused, fused | instructions a vector |
//! |---|---|---|---|
//! | `exp` | [`exp`] | 0.991, 1.012 units | 14 |
//! | `ln` | [`ln`] | 0.861, 0.853 units | 29 |
//! | `sigmoid` | [`tanh`] | 2.254, 2.291 units | 22 |
//! | | [`sigmoid`] | 2.402 units | 17 |
//! | | [`softplus`] | 2.863 units | 24 |
//! | `normal` | [`gelu`] | 8.214, 6.370 units | 39 |
//! | | [`gelu_derivative`] | 2.902 units, none below 2^-24 | |
//!
//! A unit, one in the last place, is the distance of the two `f32` around the exact result; below the normal numbers it
//! is 2^-149, and for [`gelu`], a product with a number that is subnormal first, at least 2^-146. `tests` measures these
//! errors. Instructions are AVX-512's, arithmetic alone, one of them a division from `sigmoid` on; AVX2 takes seven more
//! for an exponential that may leave the normal numbers, for which AVX-512 has an instruction.
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
pub(crate) use ln::{ln, ln_one_plus};
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
