//! Rotations of pairs of numbers by angles that grow with the position.
//!
//! ```text
//! theta_i = base^(-2 i / r)      c = cos(t theta_i)      s = sin(t theta_i)      for pair i of the first r numbers of a head
//! y_a = x_a c - x_b s            y_b = x_b c + x_a s
//! ```
//!
//! at position t. The product of a query and a key, both rotated, depends on the difference of their positions only. The gradient
//! is the opposite rotation of the outputs': with -s.
//!
//! Source: J. Su and others, "RoFormer", 2021, section 3.2.2.
//!
//! Three roundings for each number, none of them fused: the same bits on every instruction set.

use super::rows_mut;
use crate::simd::{Pass, Simd};

/// Where the numbers of a pair are, among the `r` that are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Pair i is i and r / 2 + i.
    Halves,
    /// Pair i is 2 i and 2 i + 1.
    Neighbours,
}

/// `cos(t theta_i)` and `sin(t theta_i)` for `HALF` pairs at `T` positions: a row is all cosines, then all sines, in `WIDTH` numbers.
///
/// In `f64`, by turning from each position to the next. An angle's error, and that of each turn, is a few roundings, so a
/// number is within `(t + 1) 2^-48` of its value before it is rounded to `f32`.
pub(crate) const fn table<const T: usize, const WIDTH: usize>(pairs: usize, base: u32) -> [[f32; WIDTH]; T] {
    let mut table = [[0.0; WIDTH]; T];
    let ratio = if pairs > 0 { reciprocal_root(base as f64, pairs) } else { 1.0 };
    let mut theta = 1.0;
    let mut i = 0;
    while i < pairs {
        let (cos, sin) = cos_and_sin(theta);
        let (mut c, mut s) = (1.0, 0.0);
        let mut t = 0;
        while t < T {
            table[t][i] = c as f32;
            table[t][pairs + i] = s as f32;
            (c, s) = (c * cos - s * sin, s * cos + c * sin);
            t += 1;
        }
        theta *= ratio;
        i += 1;
    }
    table
}

/// `x^(-1 / n)`, `x` and `n` from 1 on: the root of `r^n - 1 / x`, which is convex, by Newton's steps down from 1.
const fn reciprocal_root(x: f64, n: usize) -> f64 {
    let mut root = 1.0;
    loop {
        let mut power = 1.0; // root^(n - 1)
        let mut i = 1;
        while i < n {
            power *= root;
            i += 1;
        }
        let next = root - (root * power - 1.0 / x) / (n as f64 * power);
        if next >= root {
            return root;
        }
        root = next;
    }
}

/// Of an angle from 0 to 1, by Taylor's series up to x^21 / 21!, which is below 2^-65.
const fn cos_and_sin(x: f64) -> (f64, f64) {
    let (mut cos, mut sin) = (0.0, 0.0);
    // From the smallest term: 1 - x^2 / (1 * 2) (1 - x^2 / (3 * 4) (1 - ..))
    let mut n = 20;
    while n > 0 {
        let k = n as f64;
        cos = 1.0 - x * x / ((k - 1.0) * k) * if n == 20 { 1.0 } else { cos };
        sin = 1.0 - x * x / (k * (k + 1.0)) * if n == 20 { 1.0 } else { sin };
        n -= 2;
    }
    (cos, x * sin)
}

/// Rotates the first numbers of each head of a frame, in place.
pub(crate) struct Rotate<'a> {
    /// The heads that are rotated, and what follows them.
    pub(crate) frame: &'a mut [f32],
    pub(crate) heads: usize,
    /// Numbers in a head.
    pub(crate) head: usize,
    /// The position's row of the table.
    pub(crate) angles: &'a [f32],
    /// Pairs in a head.
    pub(crate) pairs: usize,
    pub(crate) order: Order,
    /// 1, or -1 for the opposite rotation.
    pub(crate) sign: f32,
}

impl Pass for Rotate<'_> {
    type Output = ();

    /// Plain loops, which the compiler turns into those of vectors.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { frame, heads, head, angles, pairs, order, sign } = self;
        let (cosines, sines) = angles.split_at_checked(pairs).unwrap_or_default();
        for head in rows_mut(frame, head).take(heads) {
            let angles = cosines.iter().zip(sines);
            match order {
                Order::Halves => {
                    let (firsts, seconds) = head.split_at_mut_checked(pairs).unwrap_or_default();
                    for ((a, b), (&c, &s)) in firsts.iter_mut().zip(seconds).zip(angles) {
                        turn(a, b, c, sign * s);
                    }
                }
                Order::Neighbours => {
                    for ([a, b], (&c, &s)) in head.as_chunks_mut().0.iter_mut().zip(angles) {
                        turn(a, b, c, sign * s);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn turn(a: &mut f32, b: &mut f32, c: f32, s: f32) {
    (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
}

#[cfg(test)]
mod tests {
    use super::{Order, Rotate, table};
    use crate::{Isa, Rng};
    use std::collections::BTreeSet;
    use std::vec::Vec;

    /// Every angle against `std`'s functions in `f64`, which are right within an ulp of 1, 2^-52, of an angle that is right within
    /// t 2^-51: together far below half an ulp of the f32, 2^-25.
    fn check<const T: usize, const WIDTH: usize>(pairs: usize, base: u32) {
        let table = table::<T, WIDTH>(pairs, base);
        for (t, row) in table.iter().enumerate() {
            for i in 0..pairs {
                let angle = t as f64 * f64::from(base).powf(-(i as f64) / pairs as f64);
                let bound = 2_f64.powi(-25) + (t + 1) as f64 * 2_f64.powi(-47);
                for (got, expected) in [(row[i], angle.cos()), (row[pairs + i], angle.sin())] {
                    let error = (f64::from(got) - expected).abs();
                    assert!(error <= bound, "{pairs} pairs, {base}: {error:e} for pair {i} at {t}");
                }
            }
            assert_eq!(row[2 * pairs..], [0.0; WIDTH][2 * pairs..]);
        }
    }

    #[test]
    fn angles() {
        check::<3, 0>(0, 10_000);
        check::<3000, 2>(1, 10_000);
        check::<300, 7>(3, 1);
        check::<2048, 64>(32, 10_000);
        check::<4096, 10>(4, 500_000);
        check::<100, 256>(128, u32::MAX);
    }

    fn rotated(
        isa: Isa,
        mut frame: Vec<f32>,
        [heads, head, pairs]: [usize; 3],
        order: Order,
        sign: f32,
    ) -> Vec<f32> {
        let angles = table::<12, 40>(pairs, 100)[11];
        isa.call(Rotate { frame: &mut frame, heads, head, angles: &angles, pairs, order, sign });
        frame
    }

    /// Against the formula, number by number; what is not rotated stays.
    #[test]
    fn every_small_size() {
        for pairs in 0..20 {
            for (heads, head) in
                (0..4).flat_map(|heads| [2 * pairs, 2 * pairs + 1, 40].map(|head| (heads, head)))
            {
                let mut rng = Rng::new(pairs as u64);
                let frame: Vec<f32> = (0..heads * head + 5).map(|_| rng.normal()).collect();
                let angles = table::<12, 40>(pairs, 100)[11];
                for (order, sign) in
                    [Order::Halves, Order::Neighbours].map(|order| [(order, 1.0), (order, -1.0)]).concat()
                {
                    let mut expected = frame.clone();
                    for (h, i) in (0..heads).flat_map(|h| (0..pairs).map(move |i| (h, i))) {
                        let [a, b] = match order {
                            Order::Halves => [i, pairs + i],
                            Order::Neighbours => [2 * i, 2 * i + 1],
                        }
                        .map(|at| h * head + at);
                        let (c, s) = (angles[i], sign * angles[pairs + i]);
                        expected[a] = frame[a] * c - frame[b] * s;
                        expected[b] = frame[b] * c + frame[a] * s;
                    }
                    for isa in Isa::available() {
                        let got = rotated(isa, frame.clone(), [heads, head, pairs], order, sign);
                        assert_eq!(got, expected, "{isa}, {heads} heads of {head}, {pairs} pairs, {order:?}");
                    }
                }
            }
        }
    }

    /// onnx's node tests, whose angles are any numbers, so that no layer has them: `tests/onnx/README.md`. Both sides
    /// round each product and each difference, so they are equal.
    #[test]
    fn node_tests_of_onnx() {
        const FILE: &str = include_str!("../../tests/onnx/rotations.txt");
        let cases: BTreeSet<&str> = FILE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(cases.len(), 8);
        for case in cases {
            let field = |name: &str| -> Vec<f32> {
                let begin = std::format!("{case} {name} ");
                let numbers = FILE.lines().find_map(|line| line.strip_prefix(&begin)).expect("a field");
                numbers.split(' ').map(|word| word.parse().expect("a number")).collect()
            };
            let [_, _, heads, head] = field("shape").iter().map(|&x| x as usize).collect::<Vec<_>>()[..]
            else {
                panic!("{case}: four axes")
            };
            let pairs = field("pairs")[0] as usize;
            let order = if field("neighbours") == [1.0] { Order::Neighbours } else { Order::Halves };
            let (x, expected, angles) = (field("x"), field("y"), field("angles"));
            for isa in Isa::available() {
                let mut y = x.clone();
                for (frame, angles) in y.chunks_mut(heads * head).zip(angles.chunks(2 * pairs)) {
                    isa.call(Rotate { frame, heads, head, angles, pairs, order, sign: 1.0 });
                }
                assert_eq!(y, expected, "{case}, {isa}");
            }
        }
    }

    /// Sizes that do not match write nothing past a head.
    #[test]
    fn wrong_sizes() {
        for order in [Order::Halves, Order::Neighbours] {
            for [heads, head, pairs] in
                [[2, 4, 9], [9, 4, 2], [usize::MAX, 0, 2], [1, usize::MAX, usize::MAX]]
            {
                for isa in Isa::available() {
                    let mut frame = [1.0; 9];
                    let angles = [0.5; 20];
                    isa.call(Rotate {
                        frame: &mut frame[..8],
                        heads,
                        head,
                        angles: &angles,
                        pairs,
                        order,
                        sign: 1.0,
                    });
                    assert_eq!(frame[8], 1.0, "{isa}");
                }
            }
        }
    }
}
