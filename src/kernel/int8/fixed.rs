//! Functions of fixed-point numbers: `Q<n>` is an `i32` with n bits before the point, besides the sign, and 31 - n after it.
//!
//! Source: gemmlowp's fixed-point functions (B. Jacob and others, "gemmlowp: a small self-contained low-precision GEMM
//! library", 2015), whose polynomials, constants and roundings are those of TensorFlow Lite.

use core::cmp::Ordering;

/// 1 in `Q<0>`, where it does not fit.
const ONE: i32 = i32::MAX;

/// The product of a `Q<m>` and a `Q<n>` as `Q<m + n>`: rounded, a half up, and saturated.
#[inline(always)]
pub(crate) const fn multiply(a: i32, b: i32) -> i32 {
    let high = ((a as i64 * b as i64 + (1 << 30)) >> 31) as i32;
    // Only then it does not fit. Comparing the 64 bits of the product takes a Cortex-M3 twenty instructions.
    if a == i32::MIN && b == i32::MIN { i32::MAX } else { high }
}

/// `x / 2^n`, rounded, a half away from zero. `n` is at most 31.
#[inline(always)]
pub(crate) const fn divide_by_power(x: i32, n: u32) -> i32 {
    let n = if n > 31 { 31 } else { n };
    let mask = ((1_i64 << n) - 1) as i32;
    let threshold = (mask >> 1) + (x < 0) as i32;
    (x >> n) + (x & mask > threshold) as i32
}

/// `x 2^n`, saturated.
const fn multiply_by_power(x: i32, n: u32) -> i32 {
    let wide = (x as i64) << n;
    if wide > i32::MAX as i64 {
        i32::MAX
    } else if wide < i32::MIN as i64 {
        i32::MIN
    } else {
        wide as i32
    }
}

/// e^x of a `Q<BITS>` that is not positive, as `Q<0>`. `BITS` is at most 5.
///
/// x is split into a multiple of 1/4 and a rest from -1/4 to 0, whose power is a polynomial; each bit of the multiple is a
/// factor.
pub(crate) const fn exp<const BITS: u32>(x: i32) -> i32 {
    /// e^-(2^k) in `Q<0>`, k from -2 to 4.
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if x == 0 {
        return ONE;
    }
    let quarter = 1_i32 << (29 - BITS);
    let rest = (x & (quarter - 1)) - quarter;
    let multiple = rest.wrapping_sub(x);
    let mut power = exp_of_rest(multiply_by_power(rest, BITS));
    let mut bit = 0;
    while bit < BITS + 2 {
        if multiple & quarter << bit != 0 {
            power = multiply(power, FACTORS[bit as usize]);
        }
        bit += 1;
    }
    power
}

/// e^x of a `Q<0>` from -1/4 to 0: e^(-1/8) times the first five terms of the series around -1/8.
const fn exp_of_rest(x: i32) -> i32 {
    const EXP_OF_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x + (1 << 28);
    let x2 = multiply(x, x);
    let x3 = multiply(x2, x);
    let x4 = multiply(x2, x2);
    let terms = divide_by_power(multiply(divide_by_power(x4, 2) + x3, THIRD) + x2, 1);
    EXP_OF_EIGHTH.wrapping_add(multiply(EXP_OF_EIGHTH, x + terms))
}

/// 2 / (1 + x) as `Q<2>`, of a `Q<0>` from 0 to 1: three steps of Newton's method.
const fn twice_reciprocal(x: i32) -> i32 {
    const ONE_OF_Q2: i32 = 1 << 29;
    let half = ((x as i64 + ONE as i64 + 1) / 2) as i32;
    // 48/17 - 32/17 of it, the line with the smallest largest error.
    let mut y = 1_515_870_810 + multiply(half, -1_010_580_540);
    let mut step = 0;
    while step < 3 {
        y = y.wrapping_add(multiply_by_power(multiply(y, ONE_OF_Q2 - multiply(half, y)), 2));
        step += 1;
    }
    y
}

/// 1 / (1 + x) of a `Q<0>` from 0 to 1, as `Q<0>`.
pub(crate) const fn reciprocal(x: i32) -> i32 {
    multiply_by_power(twice_reciprocal(x), 1)
}

/// 1 / (1 + e^-x) of a `Q<4>`, as `Q<0>`.
pub(crate) const fn logistic(x: i32) -> i32 {
    if x == 0 {
        return 1 << 30;
    }
    let of_magnitude = reciprocal(exp::<4>(if x > 0 { -x } else { x }));
    if x > 0 { of_magnitude } else { ONE - of_magnitude }
}

/// tanh of a `Q<4>`, as `Q<0>`: (1 - y) / (1 + y) with y = e^(-2 |x|), and the sign of x.
pub(crate) const fn tanh(x: i32) -> i32 {
    // The same bits are 2 x with five bits before the point.
    let y = exp::<5>(if x > 0 { -x } else { x });
    let of_magnitude = multiply_by_power(twice_reciprocal(y) - (1 << 29), 2);
    match sign(x) {
        Ordering::Greater => of_magnitude,
        Ordering::Equal => 0,
        Ordering::Less => -of_magnitude,
    }
}

const fn sign(x: i32) -> Ordering {
    if x > 0 {
        Ordering::Greater
    } else if x < 0 {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::{exp, logistic, reciprocal, tanh};

    /// The series leaves out a term of (1/8)^5 / 120, 2.6e-7; a logistic changes by at most as much, tanh by twice as much.
    #[test]
    fn near_the_functions() {
        let unit = 2_147_483_648.0;
        for i in 0..20_000 {
            let x = -i * 100_003; // down to -2e9
            let real = f64::from(x) / f64::from(1 << 26);
            assert!((f64::from(exp::<5>(x)) / unit - libm::exp(real)).abs() < 2.7e-7, "exp {real}");
            for x in [x, -x] {
                let real = f64::from(x) / f64::from(1 << 27);
                let expected = 1.0 / (1.0 + libm::exp(-real));
                assert!((f64::from(logistic(x)) / unit - expected).abs() < 2.7e-7, "logistic {real}");
                assert!((f64::from(tanh(x)) / unit - libm::tanh(real)).abs() < 5.4e-7, "tanh {real}");
            }
            let real = f64::from(-x) / unit;
            assert!(
                (f64::from(reciprocal(-x)) / unit - 1.0 / (1.0 + real)).abs() < 1e-7,
                "reciprocal {real}"
            );
        }
    }
}
