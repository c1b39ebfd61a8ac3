//! Mathematical functions, lane by lane: the same operations on every instruction set, so the same bits for all fused
//! sets and for all others.
//!
//! | file | function | largest error over every `f32`: not fused, fused | instructions per vector |
//! |---|---|---|---|
//! | `exp` | [`exp`] | 0.991, 1.012 ulp | 14 |
//! | `ln` | [`ln`] | 0.861, 0.853 ulp | 29 |
//! | `sigmoid` | [`tanh`] | 2.254, 2.291 ulp | 22 |
//! | | [`sigmoid`] | 2.402 ulp | 17 |
//! | | [`softplus`] | 2.863 ulp | 24 |
//! | `normal` | [`gelu`] | 8.214, 6.370 ulp | 39 |
//! | | [`gelu_derivative`] | 2.902 ulp, none below 2^-24 | |
//! | `gelu_tanh` | [`gelu_tanh`] | 210.6 ulp; from 2^-10 on 15.744, 14.079 ulp | 21 |
//! | | [`gelu_tanh_derivative`] | 3.041, 2.910 ulp, none below 2^-24 | |
//!
//! An ulp, a unit in the last place, is the distance of the two `f32` around the exact result. For subnormal numbers
//! it is 2^-149, and for GELUs, whose factor may be subnormal first, at least 2^-146. `tests` measures these
//! errors. Instructions are AVX-512's, arithmetic only, including one division from `sigmoid` on. AVX2 takes seven
//! more for an exponential that may leave the normal range, for which AVX-512 has an instruction.
//!
//! There are no branches and no tables. The coefficients of a polynomial minimise the relative error of the whole
//! function over the reduced range, by linear programming in thirty digits on a grid of some hundred points, dense
//! towards the ends like the extrema of Chebyshev polynomials. Then one coefficient after the other, the most
//! sensitive first, is rounded to `f32`, and the rest are fitted again. Each file states the remaining error.
//!
//! NaN gives NaN. Subnormal results are correct too, unless the processor flushes them to zero.

mod curve;
mod exp;
mod function;
mod gelu_tanh;
mod ln;
mod normal;
mod sigmoid;

pub(crate) use curve::Curve;
pub use curve::{Gelu, GeluTanh, LeakyRelu, Relu6, Sigmoid, Silu, Tanh};
#[cfg(not(fusebox_core = "other"))]
pub(crate) use exp::{LN2_HIGH, LN2_LOW, Q, ROUND};
pub(crate) use exp::{exp, exp_or_zero};
pub(crate) use function::{Exp, Function, Ln, Softplus};
pub(crate) use gelu_tanh::{gelu_tanh, gelu_tanh_derivative};
pub(crate) use ln::{ln, ln_one_plus};
pub(crate) use normal::{gelu, gelu_derivative};
#[cfg(not(fusebox_core = "other"))]
pub(crate) use sigmoid::TWICE_SMALL;
pub(crate) use sigmoid::{sigmoid, softplus, tanh};

use crate::simd::Simd;

/// `c[0] + c[1] x + c[2] x^2 + ..`, evaluated from the last term.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, c: &[f32; N]) -> S::V {
    // A loop over references, because the compiler does not unroll one over the array's values.
    let mut sum = s.splat(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        sum = s.mul_add(sum, x, s.splat(c));
    }
    sum
}

#[cfg(test)]
mod tests;
