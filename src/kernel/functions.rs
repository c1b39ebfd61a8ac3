//! Mathematical functions of slices, in place: every number is replaced by the function's value.
//!
//! ```
//! use fusebox::functions;
//!
//! let mut xs = [0.0, 1.0, -1000.0, f32::INFINITY];
//! functions::sigmoid(&mut xs);
//! assert_eq!(xs, [0.5, 0.731_058_6, 0.0, 1.0]);
//! ```
//!
//! Errors are the largest over every `f32`, in ulp (units in the last place: the distance of two neighbouring `f32`;
//! 2^-149 for subnormal numbers). Instruction sets with the same [`Isa::is_fused`] give the same bits; with the
//! feature `reproducible`, all do. NaN gives NaN. The functions use a few vectors of stack. Only [`softmax`] can
//! return an error, because it takes a shape.

use super::elementwise::InPlace;
use super::math::{Exp, Gelu, GeluTanh, Ln, Sigmoid, Softplus, Tanh};
use super::softmax::SoftmaxPass;
use crate::{Error, Isa};

/// `e^x`, within 1.02 ulp: zero below -103.98, infinity above 88.73.
///
/// ```
/// let mut xs = [0.0, 1.0, f32::NEG_INFINITY];
/// fusebox::functions::exp(&mut xs);
/// assert_eq!(xs, [1.0, core::f32::consts::E, 0.0]);
/// ```
pub fn exp(xs: &mut [f32]) {
    exp_with(Isa::detect(), xs);
}

/// [`exp`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::exp_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::exp(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn exp_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Exp, xs });
}

/// The natural logarithm, within 0.87 ulp: minus infinity for zero (of either sign), NaN for negative numbers.
///
/// ```
/// let mut xs = [1.0, 0.0, f32::INFINITY, -1.0];
/// fusebox::functions::ln(&mut xs);
/// assert_eq!(xs[..3], [0.0, f32::NEG_INFINITY, f32::INFINITY]);
/// assert!(xs[3].is_nan());
/// ```
pub fn ln(xs: &mut [f32]) {
    ln_with(Isa::detect(), xs);
}

/// [`ln`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::ln_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::ln(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn ln_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Ln, xs });
}

/// The hyperbolic tangent, within 2.3 ulp. Exactly odd.
///
/// ```
/// let mut xs = [0.0, 1e-10, -1e-10, 20.0, f32::NEG_INFINITY];
/// fusebox::functions::tanh(&mut xs);
/// assert_eq!(xs, [0.0, 1e-10, -1e-10, 1.0, -1.0]);
/// ```
pub fn tanh(xs: &mut [f32]) {
    tanh_with(Isa::detect(), xs);
}

/// [`tanh`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::tanh_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::tanh(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn tanh_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Tanh, xs });
}

/// The logistic function `1 / (1 + e^-x)`, within 2.41 ulp, also where it is close to zero.
///
/// ```
/// let mut xs = [0.0, f32::NEG_INFINITY, 20.0];
/// fusebox::functions::sigmoid(&mut xs);
/// assert_eq!(xs, [0.5, 0.0, 1.0]);
/// ```
pub fn sigmoid(xs: &mut [f32]) {
    sigmoid_with(Isa::detect(), xs);
}

/// [`sigmoid`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::sigmoid_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::sigmoid(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn sigmoid_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Sigmoid, xs });
}

/// `ln(1 + e^x)`, within 2.87 ulp: never overflows, and is close to `e^x` where that is small.
///
/// ```
/// let mut xs = [0.0, f32::NEG_INFINITY, 100.0];
/// fusebox::functions::softplus(&mut xs);
/// assert_eq!(xs, [core::f32::consts::LN_2, 0.0, 100.0]);
/// ```
pub fn softplus(xs: &mut [f32]) {
    softplus_with(Isa::detect(), xs);
}

/// [`softplus`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::softplus_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::softplus(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn softplus_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Softplus, xs });
}

/// The Gaussian error linear unit: `x` times the probability that a normally distributed number is below `x` (D.
/// Hendrycks and K. Gimpel, "Gaussian Error Linear Units", 2016). Exact, not the tanh approximation. Within 8.22 ulp,
/// also where it is close to zero, with an ulp counted as at least 2^-146. Zero for minus infinity.
///
/// ```
/// let mut xs = [0.0, 1.0, 10.0, f32::NEG_INFINITY];
/// fusebox::functions::gelu(&mut xs);
/// assert_eq!(xs, [0.0, 0.841_344_7, 10.0, 0.0]);
/// ```
pub fn gelu(xs: &mut [f32]) {
    gelu_with(Isa::detect(), xs);
}

/// [`gelu`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::gelu_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::gelu(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn gelu_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: Gelu, xs });
}

/// The tanh approximation of [`gelu`], as in GPT-2: `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, from the same paper. Within
/// 15.8 ulp for results from 2^-10 on, 211 for those down to 2^-146, since the formula itself is that sensitive to roundings. Zero
/// for minus infinity.
///
/// ```
/// let mut xs = [0.0, 1.0, 10.0, f32::NEG_INFINITY];
/// fusebox::functions::gelu_tanh(&mut xs);
/// assert_eq!(xs, [0.0, 0.841_192, 10.0, 0.0]);
/// ```
pub fn gelu_tanh(xs: &mut [f32]) {
    gelu_tanh_with(Isa::detect(), xs);
}

/// [`gelu_tanh`] on the given instruction set.
///
/// ```
/// let mut xs = [1.5; 5];
/// let mut ys = xs;
/// fusebox::functions::gelu_tanh_with(fusebox::Isa::detect(), &mut xs);
/// fusebox::functions::gelu_tanh(&mut ys);
/// assert_eq!(xs, ys);
/// ```
pub fn gelu_tanh_with(isa: Isa, xs: &mut [f32]) {
    isa.call(InPlace { function: GeluTanh, xs });
}

/// Overwrites each row of `classes` numbers with its softmax: `exp(x - max)` divided by its sum over the row. The
/// results are from zero to one and sum to one. No exponential overflows.
///
/// A row that contains NaN or infinity, or only minus infinities, becomes NaN. Returns [`Error::Length`], with nothing
/// written, if `rows` is not a whole number of rows.
///
/// ```
/// use fusebox::{Error, functions::softmax};
///
/// let mut rows = [0.0, 0.0, 1000.0, f32::NEG_INFINITY];
/// softmax(&mut rows, 2)?;
/// assert_eq!(rows, [0.5, 0.5, 1.0, 0.0]);
/// assert_eq!(softmax(&mut rows, 3), Err(Error::Length { expected: 3, got: 4 }));
/// # Ok::<(), Error>(())
/// ```
pub fn softmax(rows: &mut [f32], classes: usize) -> Result<(), Error> {
    softmax_with(Isa::detect(), rows, classes)
}

/// [`softmax()`] on the given instruction set.
///
/// ```
/// use fusebox::{Isa, functions::softmax_with};
///
/// let mut row = [f32::MAX; 4];
/// softmax_with(Isa::portable(), &mut row, 4)?;
/// assert_eq!(row, [0.25; 4]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn softmax_with(isa: Isa, rows: &mut [f32], classes: usize) -> Result<(), Error> {
    let (got, count) = (rows.len(), rows.len().checked_div(classes).unwrap_or(0));
    let expected = count * classes;
    if got != expected {
        return Err(Error::Length { expected, got });
    }
    isa.call(SoftmaxPass { rows, classes });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: f32 = 7.5;

    /// Every number inside the slice is replaced, and none outside.
    #[test]
    fn slices_of_every_length() {
        type InPlace = fn(Isa, &mut [f32]);
        let functions: [InPlace; 7] =
            [exp_with, ln_with, tanh_with, sigmoid_with, softplus_with, gelu_with, gelu_tanh_with];
        for isa in Isa::available() {
            for function in functions {
                let mut expected = [1.5];
                function(isa, &mut expected);
                for len in 0..=33 {
                    let mut numbers = [GUARD; 35];
                    numbers[1..=len].fill(1.5);
                    function(isa, &mut numbers[1..=len]);
                    let right = |i| if (1..=len).contains(&i) { expected[0] } else { GUARD };
                    assert_eq!(numbers, core::array::from_fn(right), "{isa}, {len} numbers");
                }
            }
        }
    }

    #[test]
    fn softmax_of_no_whole_rows() {
        let mut rows = [1.0, 2.0, 3.0, 4.0, 5.0];
        for (classes, expected) in [(0, 0), (2, 4), (3, 3), (4, 4), (6, 0), (usize::MAX, 0)] {
            let error = Error::Length { expected, got: 5 };
            assert_eq!(softmax(&mut rows, classes), Err(error), "{classes} classes");
            assert_eq!(rows, [1.0, 2.0, 3.0, 4.0, 5.0]);
        }
        assert_eq!(softmax(&mut [], 0), Ok(()));
        assert_eq!(softmax(&mut [], 5), Ok(()));
    }
}
