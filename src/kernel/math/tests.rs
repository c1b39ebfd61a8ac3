//! Tests every function on every instruction set against `f64`, and for equal bits among all fused and all other sets.
//!
//! One table lists the allowed errors. An optimised build tests every 251st number, other builds every
//! 64,007th, and with `FUSEBOX_EVERYTHING` in the environment all 2^32 are tested, which takes minutes. The results are
//! printed:
//!
//! ```text
//! FUSEBOX_EVERYTHING=1 cargo test --release --lib math::tests::units -- --nocapture
//! ```

use super::*;
use crate::kernel::elementwise::InPlace;
use crate::{Isa, functions};
use std::println;
use std::vec::Vec;

/// A function and its requirements.
struct Row {
    name: &'static str,
    /// Replaces every number by the function's value.
    run: fn(Isa, &mut [f32]),
    exact: fn(f64) -> f64,
    /// The allowed error in ulp: not fused, fused.
    units: [f64; 2],
    /// The smallest ulp. `SMALLEST` makes the bound relative down to the subnormal numbers.
    unit: f64,
    /// A hash of the results' bits, the same on every machine: not fused, fused.
    bits: [u32; 2],
    /// Arguments and exact results, compared bit for bit.
    values: &'static [[f32; 2]],
}

/// The smallest positive `f32`, 2^-149.
const SMALLEST: f64 = f64::from_bits((1023 - 149) << 52);
const INF: f32 = f32::INFINITY;

const TABLE: [Row; 11] = [
    Row {
        name: "exp",
        run: |isa, xs| isa.call(InPlace { function: Exp, xs }),
        exact: f64::exp,
        units: [0.991, 1.012],
        unit: SMALLEST,
        bits: [0xfd7a_d1f1, 0x685d_94dd],
        values: &[
            [0.0, 1.0],
            [-0.0, 1.0],
            [1e-30, 1.0],
            [INF, INF],
            [-INF, 0.0],
            [88.73, INF],
            [-103.98, 0.0],
        ],
    },
    Row {
        name: "ln",
        run: |isa, xs| isa.call(InPlace { function: Ln, xs }),
        exact: f64::ln,
        units: [0.861, 0.853],
        unit: SMALLEST,
        bits: [0xfc33_f70f, 0x7216_fe11],
        values: &[[1.0, 0.0], [0.0, -INF], [-0.0, -INF], [INF, INF]],
    },
    Row {
        name: "tanh",
        run: |isa, xs| isa.call(InPlace { function: Tanh, xs }),
        exact: f64::tanh,
        units: [2.254, 2.291],
        unit: SMALLEST,
        bits: [0x8dae_6f54, 0x58a5_0d09],
        values: &[[0.0, 0.0], [-0.0, -0.0], [INF, 1.0], [-INF, -1.0], [1e-45, 1e-45], [-1e-39, -1e-39]],
    },
    Row {
        name: "sigmoid",
        run: |isa, xs| isa.call(InPlace { function: Sigmoid, xs }),
        exact: |x| 1.0 / (1.0 + (-x).exp()),
        units: [2.402, 2.402],
        unit: SMALLEST,
        bits: [0xe708_9199, 0xe17a_c468],
        values: &[[0.0, 0.5], [-0.0, 0.5], [INF, 1.0], [-INF, 0.0]],
    },
    Row {
        name: "softplus",
        run: |isa, xs| isa.call(InPlace { function: Softplus, xs }),
        exact: |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        units: [2.863, 2.863],
        unit: SMALLEST,
        bits: [0x9a13_5f21, 0x5218_b9cd],
        values: &[[INF, INF], [-INF, 0.0], [f32::MAX, f32::MAX]],
    },
    Row {
        name: "normal cdf",
        run: |isa, xs| isa.call(InPlace { function: NormalCdf, xs }),
        exact: normal_cdf,
        units: [7.392, 6.684],
        unit: SMALLEST,
        bits: [0xa031_5402, 0x0168_3bfc],
        values: &[[0.0, 0.5], [-0.0, 0.5], [INF, 1.0], [-INF, 0.0]],
    },
    // If the distribution function is subnormal, its error times thirteen is the error of a normal number.
    Row {
        name: "gelu",
        run: |isa, xs| isa.call(InPlace { function: Gelu, xs }),
        exact: |x| x.max(-1e3) * normal_cdf(x),
        units: [8.214, 6.370],
        unit: 8.0 * SMALLEST,
        bits: [0x307d_8a79, 0xe20d_6fc0],
        values: &[[0.0, 0.0], [-0.0, -0.0], [INF, INF], [-INF, -0.0], [100.0, 100.0]],
    },
    // The function changes its sign, so the ulp is that of numbers from one half to one.
    Row {
        name: "gelu derivative",
        run: |isa, xs| isa.call(InPlace { function: GeluDerivative, xs }),
        exact: |x| {
            normal_cdf(x) + x.clamp(-1e3, 1e3) * (-0.5 * x * x).exp() / (2.0 * core::f64::consts::PI).sqrt()
        },
        units: [2.902, 2.902],
        unit: f32::EPSILON as f64 / 2.0,
        bits: [0xf859_6d22, 0xcb4b_1f16],
        values: &[[0.0, 0.5], [-0.0, 0.5], [INF, 1.0], [-INF, 0.0]],
    },
    Row {
        name: "gelu by tanh",
        run: |isa, xs| isa.call(InPlace { function: GeluTanh, xs }),
        exact: |x| x.max(-1e3) * logistic(tanh_argument(x)),
        units: [210.575, 210.575],
        unit: 8.0 * SMALLEST,
        bits: [0x0088_6680, 0xaaa2_7ddd],
        values: &[[0.0, 0.0], [-0.0, -0.0], [INF, INF], [-INF, -0.0], [100.0, 100.0]],
    },
    // The same, of results from 2^-10 on.
    Row {
        name: "gelu by tanh, above 2^-10",
        run: |isa, xs| isa.call(InPlace { function: GeluTanh, xs }),
        exact: |x| x.max(-1e3) * logistic(tanh_argument(x)),
        units: [15.744, 14.079],
        unit: f32::EPSILON as f64 / 1024.0,
        bits: [0x0088_6680, 0xaaa2_7ddd],
        values: &[],
    },
    Row {
        name: "gelu by tanh, derivative",
        run: |isa, xs| isa.call(InPlace { function: GeluTanhDerivative, xs }),
        exact: |x| {
            let (x, y) = (x.clamp(-1e3, 1e3), logistic(tanh_argument(x)));
            let steepness = 2.0 * (2.0 / core::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
            y + x * steepness * y * logistic(-tanh_argument(x))
        },
        units: [3.041, 2.910],
        unit: f32::EPSILON as f64 / 2.0,
        bits: [0x7d8d_027a, 0x2337_9318],
        values: &[[0.0, 0.5], [-0.0, 0.5], [INF, 1.0], [-INF, 0.0]],
    },
];

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Twice what the hyperbolic tangent is of.
fn tanh_argument(x: f64) -> f64 {
    2.0 * (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

#[derive(Clone, Copy)]
struct NormalCdf;

impl Function for NormalCdf {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        normal::normal_cdf(s, x)
    }
}

#[derive(Clone, Copy)]
struct GeluDerivative;

impl Function for GeluDerivative {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        normal::gelu_derivative(s, x)
    }
}

#[derive(Clone, Copy)]
struct GeluTanhDerivative;

impl Function for GeluTanhDerivative {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        gelu_tanh_derivative(s, x)
    }
}

/// The distance of `got` from the exact result in ulp, each at least `least`. Infinity counts as 2^128, the number
/// that would follow the largest.
fn error(got: f32, exact: f64, least: f64) -> f64 {
    let end = 2f64.powi(128);
    let got = if got.is_infinite() { end.copysign(f64::from(got)) } else { f64::from(got) };
    let exact = exact.clamp(-end, end);
    let unit = f64::from_bits(exact.to_bits() & f64::INFINITY.to_bits()) * f64::from(f32::EPSILON);
    (got - exact).abs() / unit.clamp(least, 2f64.powi(104))
}

/// Tests the numbers whose bits are multiples of this.
fn step() -> usize {
    match std::env::var_os("FUSEBOX_EVERYTHING") {
        Some(_) => 1,
        None if cfg!(debug_assertions) => 64_007,
        None => 251,
    }
}

/// FNV-1a of the results at every 64,007th number, over whole words; all NaNs count as the same.
fn sum_of_bits(isa: Isa, row: &Row) -> u32 {
    let mut xs: Vec<f32> = (0..=u32::MAX).step_by(64_007).map(f32::from_bits).collect();
    (row.run)(isa, &mut xs);
    xs.iter().fold(0x811c_9dc5, |sum, &x| {
        let x = if x.is_nan() { f32::NAN } else { x };
        (sum ^ x.to_bits()).wrapping_mul(0x0100_0193)
    })
}

/// Checks that instruction sets agree that no single machine has.
#[test]
fn bits_of_a_class() {
    for row in TABLE {
        for isa in Isa::available() {
            let (got, expected) = (sum_of_bits(isa, &row), row.bits[usize::from(isa.is_fused())]);
            assert_eq!(got, expected, "{} on {isa}: {got:#x}, not {expected:#x}", row.name);
        }
    }
}

/// Whether two results have the same bits, or are both NaN.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn check(row: &Row) {
    let name = row.name;
    let mut worst = [None; 2];
    let mut bits = (0..=u32::MAX).step_by(step());
    loop {
        let xs: Vec<f32> = bits.by_ref().take(1 << 14).map(f32::from_bits).collect();
        if xs.is_empty() {
            break;
        }
        let exact: Vec<f64> = xs.iter().map(|&x| (row.exact)(f64::from(x))).collect();
        let mut of_class: [Option<Vec<f32>>; 2] = [None, None];
        for isa in Isa::available() {
            let class = usize::from(isa.is_fused());
            let mut results = xs.clone();
            (row.run)(isa, &mut results);
            if let Some(others) = &of_class[class] {
                for ((&x, &result), &other) in xs.iter().zip(&results).zip(others) {
                    assert!(same(result, other), "{name}({x:e}) on {isa}: {result:e}, on others {other:e}");
                }
                continue;
            }
            for ((&x, &result), &exact) in xs.iter().zip(&results).zip(&exact) {
                assert_eq!(
                    result.is_nan(),
                    exact.is_nan(),
                    "{name}({x:e}) on {isa}: {result:e}, not {exact:e}"
                );
                let error = error(result, exact, row.unit);
                if worst[class].is_none_or(|(worst, _)| error > worst) {
                    worst[class] = Some((error, x));
                }
            }
            of_class[class] = Some(results);
        }
    }
    for ((class, worst), allowed) in ["not fused", "fused"].into_iter().zip(worst).zip(row.units) {
        let Some((worst, x)) = worst else { continue };
        println!("{name}, {class}: {worst:.4} units at {x:e}");
        assert!(worst <= allowed, "{name}({x:e}), {class}: {worst} units in the last place, not {allowed}");
    }
}

/// One test per function, so that they run in parallel.
mod units {
    use super::{TABLE, check};

    #[test]
    fn exp() {
        check(&TABLE[0]);
    }

    #[test]
    fn ln() {
        check(&TABLE[1]);
    }

    #[test]
    fn tanh() {
        check(&TABLE[2]);
    }

    #[test]
    fn sigmoid() {
        check(&TABLE[3]);
    }

    #[test]
    fn softplus() {
        check(&TABLE[4]);
    }

    #[test]
    fn cdf() {
        check(&TABLE[5]);
    }

    #[test]
    fn gelu() {
        check(&TABLE[6]);
    }

    #[test]
    fn derivative() {
        check(&TABLE[7]);
    }

    #[test]
    fn gelu_by_tanh() {
        check(&TABLE[8]);
    }

    #[test]
    fn gelu_by_tanh_unless_tiny() {
        check(&TABLE[9]);
    }

    #[test]
    fn derivative_by_tanh() {
        check(&TABLE[10]);
    }
}

#[test]
fn values() {
    for row in TABLE {
        for isa in Isa::available() {
            for &[x, expected] in row.values {
                // One lane, and a vector with a remainder.
                for len in [1, 17] {
                    let mut xs = std::vec![x; len];
                    (row.run)(isa, &mut xs);
                    let right = xs.iter().all(|x| x.to_bits() == expected.to_bits());
                    assert!(right, "{}({x:e}) on {isa}: {xs:?}, not {expected:e}", row.name);
                }
            }
            for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0x7fff_ffff, 0xffd2_4935_u32] {
                let mut xs = [f32::from_bits(bits)];
                (row.run)(isa, &mut xs);
                assert!(xs[0].is_nan(), "{}(NaN {bits:x}) on {isa}: {}", row.name, xs[0]);
            }
        }
    }
}

/// Negating the argument negates the result and changes nothing else.
#[test]
fn tanh_is_odd() {
    for isa in Isa::available() {
        let mut positive: Vec<f32> = (0..INF.to_bits()).step_by(64_007).map(f32::from_bits).collect();
        let mut negative: Vec<f32> = positive.iter().map(|x| -x).collect();
        functions::tanh_with(isa, &mut positive);
        functions::tanh_with(isa, &mut negative);
        let odd = positive.iter().zip(&negative).all(|(&a, &b)| a.to_bits() == (-b).to_bits());
        assert!(odd, "{isa}");
    }
}
