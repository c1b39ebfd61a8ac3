//! The exponential, vectorised: the same polynomial on every instruction set, so the same bits within a class.
//!
//! ```text
//! exp(x) = 2^n exp(r),  n = round(x / ln 2),  r = x - n ln 2,  |r| <= ln 2 / 2
//! ```
//!
//! `ln 2` is split in two, the upper part short enough for `n` times it to be exact (W. J. Cody and W. Waite, "Software
//! Manual for the Elementary Functions", 1980, chapter 6). The polynomial is Cephes' `expf`'s (S. Moshier).

use crate::simd::Simd;

/// Adding it rounds to a whole number and leaves that number in the low bits.
const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
const COEFFICIENTS: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// Below it the exponential is no longer a normal number: it becomes that of this, just above 2^-126.
const LOWEST: f32 = -87.336_54;
/// Above it the exponential leaves the finite range; it stays that of this.
const HIGHEST: f32 = 88.376_26;

/// `exp(x)` in every lane, within one unit in the last place where `x` lies between -87.3 and 88.3, as
/// the value at the nearer of them beyond; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // `max` and the minimum made of it keep a NaN that comes second.
    let minus = |x| s.sub(s.splat(0.0), x);
    let x = s.max(s.splat(LOWEST), x);
    let x = minus(s.max(s.splat(-HIGHEST), minus(x)));
    let shifted = s.mul_add(x, s.splat(core::f32::consts::LOG2_E), s.splat(ROUND));
    let n = s.sub(shifted, s.splat(ROUND));
    let r = s.neg_mul_add(n, s.splat(LN2_HIGH), x);
    let r = s.neg_mul_add(n, s.splat(LN2_LOW), r);
    let mut p = s.splat(COEFFICIENTS[0]);
    for &coefficient in &COEFFICIENTS[1..] {
        p = s.mul_add(p, r, s.splat(coefficient));
    }
    let p = s.add(s.mul_add(s.mul(r, r), p, r), s.splat(1.0));
    // A NaN's bits do not survive the scaling; x - x is zero for every other x that the clamps let through.
    s.add(s.scale_by_power_of_two(p, shifted), s.sub(x, x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::simd::Pass;
    use std::vec::Vec;
    use std::{println, vec};

    /// `exp` of every number, whose count is a multiple of sixteen.
    struct Exponentials<'a>(&'a [f32]);

    impl Pass for Exponentials<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let mut results = vec![0.0_f32; self.0.len()];
            for (xs, results) in self.0.chunks_exact(S::LANES).zip(results.chunks_exact_mut(S::LANES)) {
                // SAFETY: both chunks are a vector long.
                unsafe { s.store(results.as_mut_ptr(), exp(s, s.load(xs.as_ptr()))) };
            }
            results
        }
    }

    /// Every 251st number between the ends, of either sign: its bits, then its distance to the exact result.
    #[test]
    fn within_one_unit_in_the_last_place() {
        let magnitudes = || (0..HIGHEST.to_bits()).step_by(251).map(f32::from_bits);
        let mut xs: Vec<f32> = magnitudes().chain(magnitudes().map(|x| -x)).filter(|&x| x > LOWEST).collect();
        xs.truncate(xs.len() / 16 * 16);
        let mut of_class: [Option<Vec<f32>>; 2] = [None, None];
        for isa in Isa::available() {
            let results = isa.call(Exponentials(&xs));
            let mut worst = 0.0_f64;
            for (&x, &result) in xs.iter().zip(&results) {
                let exact = f64::from(x).exp();
                let unit = 2f64.powi(exact.log2().floor() as i32 - 23);
                worst = worst.max((f64::from(result) - exact).abs() / unit);
            }
            println!("{isa}: {worst:.3} units over {} numbers", xs.len());
            assert!(worst <= 1.0, "{isa}: {worst} units in the last place");
            let alike = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| results.clone());
            assert!(*alike == results, "{isa} differs from the others of its class");
        }
    }

    #[test]
    fn past_the_ends() {
        let xs = [-88.0, -1e30, f32::NEG_INFINITY, LOWEST, 89.0, f32::INFINITY, f32::NAN, 0.0];
        let xs: Vec<f32> = xs.repeat(2);
        for isa in Isa::available() {
            let results = isa.call(Exponentials(&xs));
            let least = f32::MIN_POSITIVE;
            assert!(
                results[..4].iter().all(|&x| (1.0..1.000_01).contains(&(x / least))),
                "{isa}: {results:?}"
            );
            assert!(results[4] == results[5] && results[4] > 2.3e38, "{isa}: {results:?}");
            assert!(results[6].is_nan() && results[7] == 1.0, "{isa}: {results:?}");
        }
    }
}
