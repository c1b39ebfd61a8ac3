//! Elementary functions for the compiler, which has none: series in `f64`, whose errors are far below the last bit of an `f32`.

use core::f64::consts::LN_2;

/// The cosine of `x`, 0 to 2 pi: the Taylor series about pi.
pub(super) const fn cos(x: f64) -> f64 {
    let x = x - core::f64::consts::PI;
    let (mut sum, mut term, mut n) = (0., -1., 0.);
    while n < 50. {
        sum += term;
        term *= -x * x / ((n + 1.) * (n + 2.));
        n += 2.;
    }
    sum
}

/// The natural logarithm of `x`, positive: that of its power of two, and 2 atanh((x - 1) / (x + 1)) of the rest.
pub(super) const fn ln(mut x: f64) -> f64 {
    let mut exponent = 0.;
    while x > 1.5 {
        x /= 2.;
        exponent += LN_2;
    }
    let z = (x - 1.) / (x + 1.);
    let (mut sum, mut power, mut n) = (0., z, 1.);
    while n < 50. {
        sum += power / n;
        power *= z * z;
        n += 2.;
    }
    exponent + 2. * sum
}

/// e to the power of `x`: the Taylor series of x / 64, squared six times.
pub(super) const fn exp(x: f64) -> f64 {
    let x = x / 64.;
    let (mut sum, mut term, mut n) = (0., 1., 1.);
    while n < 25. {
        sum += term;
        term *= x / n;
        n += 1.;
    }
    let mut squarings = 0;
    while squarings < 6 {
        sum *= sum;
        squarings += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_series_are_close_to_the_functions() {
        for n in 1..=1000 {
            let x = f64::from(n) * 0.00628;
            assert!((super::cos(x) - x.cos()).abs() < 1e-14);
            assert!((super::exp(-5. * x) - (-5. * x).exp()).abs() < 1e-13);
            let x = f64::from(n).powi(3) / 1000.;
            assert!((super::ln(1. + x) - (1. + x).ln()).abs() < 1e-13);
        }
    }
}
