//! Tests every operation of every instruction set, lane by lane, against the same operation on single numbers.
//!
//! Compares bits, not values: -0.0 differs from +0.0. All NaNs count as equal, because their payload is unspecified.

use super::{FUSE, Isa, Lanes16, Pass, Simd};
use std::vec::Vec;
use std::{format, println};

/// Limits of ranges, and some numbers in between.
const NUMBERS: [f32; 19] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    -3.7,
    1.000_000_1,
    16_777_217.0,
    1e-20,
    -1e20,
    f32::MIN_POSITIVE,
    f32::MIN_POSITIVE / 4.0,
    -f32::MIN_POSITIVE / 8.0,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    -f32::NAN,
];

/// Fills memory that must not be written.
const GUARD: f32 = -77.0;

fn same(got: f32, expected: f32) -> bool {
    got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan()
}

fn vector<S: Simd>(s: S, number: impl Fn(usize) -> f32) -> S::V {
    let numbers: [f32; 16] = core::array::from_fn(number);
    // SAFETY: the array has sixteen numbers, at least a vector.
    unsafe { s.load(numbers.as_ptr()) }
}

fn lanes<S: Simd>(s: S, x: S::V) -> Vec<f32> {
    let mut numbers = [f32::NAN; 16];
    // SAFETY: the array has sixteen numbers, at least a vector.
    unsafe { s.store(numbers.as_mut_ptr(), x) };
    numbers[..S::LANES].to_vec()
}

/// Reduces `numbers` with `f`: combines the upper half with the lower half until one number is left.
fn tree(numbers: &[f32], f: fn(f32, f32) -> f32) -> f32 {
    let mut numbers = numbers.to_vec();
    while numbers.len() > 1 {
        let upper = numbers.split_off(numbers.len() / 2);
        numbers.iter_mut().zip(upper).for_each(|(low, up)| *low = f(*low, up));
    }
    numbers[0]
}

fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Runs `pass` on every instruction set of this processor and prints their names.
fn on_each<P: Pass>(pass: impl Fn(Isa) -> P) {
    for isa in Isa::available() {
        println!("{isa}");
        isa.call(pass(isa));
    }
}

struct Arithmetic {
    isa: Isa,
}

impl Pass for Arithmetic {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let fused = self.isa.is_fused();
        let mul_add = |a: f32, b: f32, c: f32| if fused { a.mul_add(b, c) } else { a * b + c };
        for shift in 0..NUMBERS.len() {
            for third in NUMBERS {
                for first in (0..NUMBERS.len()).step_by(S::LANES) {
                    let a = |i: usize| NUMBERS[(first + i) % NUMBERS.len()];
                    let b = |i: usize| NUMBERS[(first + i + shift) % NUMBERS.len()];
                    let (x, y, z) = (vector(s, a), vector(s, b), s.splat(third));
                    let check = |name: &str, got: S::V, expected: &dyn Fn(f32, f32) -> f32| {
                        for (i, got) in lanes(s, got).into_iter().enumerate() {
                            let expected = expected(a(i), b(i));
                            assert!(
                                same(got, expected),
                                "{name} {}, {}, {third}: {got}, not {expected}",
                                a(i),
                                b(i)
                            );
                        }
                    };
                    check("add", s.add(x, y), &|a, b| a + b);
                    check("sub", s.sub(x, y), &|a, b| a - b);
                    check("mul", s.mul(x, y), &|a, b| a * b);
                    check("div", s.div(x, y), &|a, b| a / b);
                    check("sqrt", s.sqrt(x), &|a, _| a.sqrt());
                    check("max", s.max(x, y), &max);
                    check("min", s.min(x, y), &|a, b| if a < b { a } else { b });
                    check("select_gt", s.select_gt(x, y, z, x), &|a, b| if a > b { third } else { a });
                    check("abs", s.abs(x), &|a, _| a.abs());
                    check("copysign", s.copysign(x, y), &|a, b| a.copysign(b));
                    check("relu", s.relu(x), &|a, _| if a <= 0.0 { 0.0 } else { a });
                    check("relu_mask", s.relu_mask(x, y), &|a, b| if a <= 0.0 { 0.0 } else { b });
                    check("mul_add", s.mul_add(x, y, z), &|a, b| mul_add(a, b, third));
                    check("neg_mul_add", s.neg_mul_add(x, y, z), &|a, b| mul_add(-a, b, third));
                }
            }
        }
    }
}

#[test]
fn arithmetic() {
    on_each(|isa| Arithmetic { isa });
}

/// Every set except the portable one is fused, unless the build disables it.
#[test]
fn fusing() {
    for isa in Isa::available() {
        assert_eq!(isa.is_fused(), FUSE && isa != Isa::portable(), "{isa}");
    }
}

struct PowersOfTwo;

impl Pass for PowersOfTwo {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for n in -126..=127 {
            for x in [1.0, -1.0, 1.5, 0.999_999_94 * 2.0] {
                let shifted = s.splat(12_582_912.0 + n as f32);
                for got in lanes(s, s.scale_by_power_of_two(s.splat(x), shifted)) {
                    assert_eq!(f64::from(got), f64::from(x) * 2f64.powi(n), "{x} * 2^{n}");
                }
            }
        }
    }
}

#[test]
fn powers_of_two() {
    on_each(|_| PowersOfTwo);
}

struct Exponents;

impl Pass for Exponents {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let first = |x: S::V| lanes(s, x)[0];
        for n in -252..=254 {
            // Some of the products are halfway between two subnormals.
            for x in [1.0, -1.0, 1.5, 0.75, 1.999_999_9, 0.500_000_06, 1.234_567_9, 1.562_5] {
                let got = first(s.ldexp(s.splat(x), s.splat(12_582_912.0 + n as f32)));
                let expected = (f64::from(x) * 2f64.powi(n)) as f32;
                assert!(same(got, expected), "{x} * 2^{n}: {got}, not {expected}");
                let power = x * 2f32.powi(n.clamp(-125, 126));
                let exponent = f64::from(power.abs()).log2().floor();
                assert_eq!(f64::from(first(s.exponent(s.splat(power)))), exponent, "{power}");
            }
        }
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::from_bits(0x7fd2_4935)] {
            for shifted in [nan, 12_582_912.0, 0.0] {
                let got = first(s.ldexp(s.splat(nan), s.splat(shifted)));
                assert!(got.is_nan(), "{nan} by the bits of {shifted}: {got}");
            }
        }
        for x in NUMBERS {
            let expected = match x.abs() {
                x if x.is_nan() || x.is_infinite() => 128.0,
                x if x < f32::MIN_POSITIVE => -127.0,
                x => f64::from(x).log2().floor() as f32,
            };
            assert_eq!(first(s.exponent(s.splat(x))), expected, "{x}");
        }
    }
}

#[test]
fn exponents() {
    on_each(|_| Exponents);
}

struct Reductions;

impl Pass for Reductions {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // Numbers whose sum depends on the order, so that a different tree is detected.
        let number = |i: usize| [1e8, 1.0, -1e8, 0.3, 7e7, -3.3, 0.1][i * 5 % 7] * (1.0 + i as f32);
        for rotation in 0..16 {
            let number = |i: usize| number((i + rotation) % 16);
            let all: [f32; 16] = core::array::from_fn(number);
            let x = vector(s, number);
            assert!(same(s.reduce_add(x), tree(&all[..S::LANES], |a, b| a + b)));
            assert!(same(s.reduce_max(x), tree(&all[..S::LANES], max)));
            for count in 0..=16 {
                // SAFETY: `count` numbers, at most sixteen, can be read.
                let [zeros, least] = [0.0, f32::NEG_INFINITY]
                    .map(|fill| unsafe { Lanes16::load(s, all.as_ptr(), count, fill) });
                let filled =
                    |fill| core::array::from_fn::<_, 16, _>(|i| if i < count { all[i] } else { fill });
                assert!(same(zeros.sum(s), tree(&filled(0.0), |a, b| a + b)), "the first {count}");
                assert!(same(least.max(s), tree(&filled(f32::NEG_INFINITY), max)), "the first {count}");
            }
        }
    }
}

#[test]
fn reductions() {
    on_each(|_| Reductions);
}

struct Memory;

impl Pass for Memory {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for count in 0..=S::LANES {
            // Exactly as many numbers as may be read, so that tools detect reads past the end.
            let source: Vec<f32> = (0..count).map(|i| 1.0 + i as f32).collect();
            // SAFETY: `count` numbers can be read.
            let x = unsafe { s.load_partial(source.as_ptr(), count) };
            let expected: Vec<f32> =
                (0..S::LANES).map(|i| if i < count { 1.0 + i as f32 } else { 0.0 }).collect();
            assert_eq!(lanes(s, x), expected);
            let mut target = [GUARD; 17];
            // SAFETY: at most sixteen numbers, starting at the second.
            unsafe { s.store_partial(target.as_mut_ptr().add(1), s.splat(3.0), count) };
            let expected = |i: usize| if (1..=count).contains(&i) { 3.0 } else { GUARD };
            assert_eq!(target, core::array::from_fn(expected), "{count} lanes");
        }
        for count in 0..=16 {
            let source: Vec<f32> = (0..count).map(|i| 1.0 + i as f32).collect();
            let mut target = [GUARD; 18];
            // SAFETY: `count` numbers can be read, and sixteen written.
            unsafe {
                Lanes16::load(s, source.as_ptr(), count, 9.0).store(s, target.as_mut_ptr().add(1), count)
            };
            let expected = |i: usize| if (1..=count).contains(&i) { i as f32 } else { GUARD };
            assert_eq!(target, core::array::from_fn(expected), "{count} of sixteen lanes");
        }
    }
}

#[test]
fn loads_and_stores_stay_inside() {
    on_each(|_| Memory);
}

struct Transposes;

impl Pass for Transposes {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (from_stride, to_stride) = (S::LANES + 3, S::LANES + 1);
        let source: Vec<f32> = (0..S::LANES * from_stride).map(|i| i as f32).collect();
        let mut target = std::vec![GUARD; S::LANES * to_stride];
        for rows in 0..=S::LANES {
            for cols in 0..=S::LANES {
                target.fill(GUARD);
                // SAFETY: both arrays have as many rows of their stride as a vector has lanes.
                unsafe {
                    let target = target.as_mut_ptr();
                    s.transpose(source.as_ptr(), from_stride, [rows, cols], target, to_stride);
                }
                for (i, &got) in target.iter().enumerate() {
                    let (row, col) = (i / to_stride, i % to_stride);
                    let expected = match (row, col) {
                        _ if row >= cols || col >= S::LANES => GUARD,
                        _ if col >= rows => 0.0,
                        _ => source[col * from_stride + row],
                    };
                    assert_eq!(got, expected, "{rows} x {cols}: row {row}, column {col}");
                }
            }
        }
    }
}

#[test]
fn transposes() {
    on_each(|_| Transposes);
}

#[test]
fn names() {
    for isa in Isa::available() {
        assert_eq!(format!("{isa} {isa:?}"), format!("{0} {0}", isa.name()));
    }
    assert!(Isa::available().next() == Some(Isa::portable()), "the portable set comes first");
}
