//! Normalising rows to mean 0 and variance 1, and the gradient of that.
//!
//! ```text
//! forward    mean = sum x / n,  var = sum (x - mean)^2 / n,  r = 1 / sqrt(var + epsilon)
//!            xhat = (x - mean) r,  y = gain xhat + shift
//! backward   g = gain dy
//!            dx = r (g - sum g / n - xhat sum (g xhat) / n)
//!            dgain = sum over rows of dy xhat,  dshift = sum over rows of dy
//! ```
//!
//! Source: J. Ba and others, "Layer Normalization", 2016; the backward form follows from the chain rule. Sums use
//! sixteen virtual lanes.
//!
//! # Accuracy
//!
//! The rounded mean of numbers around 10^5 has an error of up to half an ulp, 0.004. If the deviation is about that
//! small or zero, this error matters: a constant row would not become zero. So the mean is computed not from x but
//! from the distances to one number of the row, the pivot:
//!
//! ```text
//! d = x - pivot,  mean of d = sum d / n,  var = sum (d - mean of d)^2 / n,  xhat = (d - mean of d) r
//! ```
//!
//! Distances of numbers close together are exact, and all zero if the row is constant. An error of `u d` in each
//! distance, u = 2^-24, is small compared with the deviation unless the pivot is an outlier. So the pivot is the
//! median of the first, the middle and the last number, which backward computes again from the row. The tape holds
//! the mean of d, and r.
//!
//! # Range
//!
//! A distance may be twice the largest `f32`, so all distances are divided by four, which is exact except for
//! subnormal numbers. If their sum or the sum of their squares overflows, both are computed again from distances
//! scaled by [`SMALL`]. Squares that underflow are negligible beside epsilon.

use super::elementwise::sixteens;
use super::threads::{Divide, first, first_mut, size_in_rows};
use super::{rows, rows_mut};
use crate::simd::{Lanes16, Pass, Simd};

/// 10^`exponent`, the nearest `f32`, for exponents from -20 to 0: what is added to a variance or a mean square.
pub(crate) const fn epsilon(exponent: i32) -> f32 {
    assert!(exponent >= -20 && exponent <= 0, "an epsilon is a power of ten from 1e-20 to 1");
    // Powers of ten up to 10^22 are exact in `f64`.
    let (mut power, mut i) = (1.0_f64, 0);
    while i > exponent {
        power *= 10.0;
        i -= 1;
    }
    (1.0 / power) as f32
}

/// Distances are in units of 4, so that none overflows.
pub(super) const QUARTER: f32 = 0.25;

/// 2^-96: sums of distances and of their squares do not overflow for rows of up to 2^60 numbers; and if some squares
/// overflowed without it, no relevant one underflows with it.
pub(super) const SMALL: f32 = f32::from_bits((127 - 96) << 23);

/// A quarter of the mean distance of a row's numbers to its [`pivot`], and four times the reciprocal of their deviation.
pub(crate) type Moments = [f32; 2];

/// Overwrites `ys`, and `moments` up to its length; every row is as long as `gain` and `shift`.
pub(crate) struct Normalize<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) shift: &'a [f32],
    /// Added to the variance, so that a constant row is not divided by zero.
    pub(crate) epsilon: f32,
    pub(crate) moments: &'a mut [Moments],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, gain, shift, epsilon, moments, ys } = self;
        let n = gain.len().min(shift.len());
        let mut kept = moments.iter_mut();
        for (x, y) in rows(xs, n).zip(rows_mut(ys, n)) {
            let moments = moments_of(s, x, epsilon);
            if let Some(kept) = kept.next() {
                *kept = moments;
            }
            let pivot = pivot(x);
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each of them, all of at least `n` numbers.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let shift = Lanes16::load(s, shift.as_ptr().add(start), lanes, 0.0);
                    let y = y.as_mut_ptr().add(start);
                    let scaled = normalized(s, x, pivot, moments, start, lanes)
                        .zip(gain, |xhat, gain| s.mul(xhat, gain));
                    scaled.zip(shift, |x, shift| s.add(x, shift)).store(s, y, lanes);
                }
            }
        }
    }
}

impl Divide for Normalize<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.gain.len())
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.gain.len();
        Self {
            xs: first(&mut self.xs, n),
            moments: first_mut(&mut self.moments, rows),
            ys: first_mut(&mut self.ys, n),
            ..*self
        }
    }
}

/// Overwrites `products` with each row's contribution to the gradient of `gain`; every row is as long as `gain`.
pub(crate) struct NormalizeBackward<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) moments: &'a [Moments],
    pub(crate) gain: &'a [f32],
    pub(crate) dys: &'a [f32],
    pub(crate) products: &'a mut [f32],
}

impl Pass for NormalizeBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, moments, gain, dys, products } = self;
        let n = gain.len();
        let rows = rows(xs, n).zip(rows(dys, n)).zip(rows_mut(products, n));
        for (((x, dy), product), &moments) in rows.zip(moments) {
            let pivot = pivot(x);
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each row.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, pivot, moments, start, lanes);
                    xhat.zip(dy, |xhat, dy| s.mul(xhat, dy)).store(s, product.as_mut_ptr().add(start), lanes);
                }
            }
        }
    }
}

impl Divide for NormalizeBackward<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.gain.len())
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.gain.len();
        Self {
            xs: first(&mut self.xs, n),
            moments: first(&mut self.moments, rows),
            dys: first(&mut self.dys, n),
            products: first_mut(&mut self.products, n),
            ..*self
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to `xs`; `products` was written by [`NormalizeBackward`].
pub(crate) struct NormalizeInput<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) moments: &'a [Moments],
    pub(crate) gain: &'a [f32],
    pub(crate) dys: &'a [f32],
    pub(crate) products: &'a [f32],
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for NormalizeInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, moments, gain, dys, products, dxs } = self;
        let n = gain.len();
        let rows = rows(xs, n).zip(rows(dys, n)).zip(rows(products, n));
        for ((((x, dy), product), dx), &moments) in rows.zip(rows_mut(dxs, n)).zip(moments) {
            let (pivot, reciprocal) = (pivot(x), QUARTER * moments[1]);
            let mean_g = mean_of_products(s, gain, dy);
            let mean_g_xhat = mean_of_products(s, gain, product);
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each row.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, pivot, moments, start, lanes);
                    let g = gain.zip(dy, |gain, dy| s.sub(s.mul(gain, dy), s.splat(mean_g)));
                    let dx_row = dx.as_mut_ptr().add(start);
                    g.zip(xhat, |g, xhat| {
                        s.mul(s.neg_mul_add(xhat, s.splat(mean_g_xhat), g), s.splat(reciprocal))
                    })
                    .store(s, dx_row, lanes);
                }
            }
        }
    }
}

impl Divide for NormalizeInput<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.gain.len())
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.gain.len();
        Self {
            xs: first(&mut self.xs, n),
            moments: first(&mut self.moments, rows),
            dys: first(&mut self.dys, n),
            products: first(&mut self.products, n),
            dxs: first_mut(&mut self.dxs, n),
            ..*self
        }
    }
}

/// The median of a row's first, middle and last number.
#[inline(always)]
fn pivot(x: &[f32]) -> f32 {
    let at = |i: usize| x.get(i).copied().unwrap_or(0.0);
    let (first, middle, last) = (at(0), at(x.len() / 2), at(x.len().saturating_sub(1)));
    let (low, high) = if middle < first { (middle, first) } else { (first, middle) };
    if last < low {
        low
    } else if last > high {
        high
    } else {
        last
    }
}

/// A row's moments; NaN if it contains NaN or infinity.
#[inline(always)]
fn moments_of<S: Simd>(s: S, x: &[f32], epsilon: f32) -> Moments {
    let count = x.len() as f32;
    let (pivot, mut scale) = (pivot(x), QUARTER);
    loop {
        let mut sum = Lanes16::splat(s, 0.0);
        for (start, lanes) in sixteens(x.len()) {
            // SAFETY: the `lanes` numbers from `start` on are inside the row.
            let d = unsafe { distances(s, x, pivot, scale, start, lanes) };
            sum = sum.zip(d, |sum, d| s.add(sum, d));
        }
        let mean = sum.sum(s) / count;
        let mut squares = Lanes16::splat(s, 0.0);
        for (start, lanes) in sixteens(x.len()) {
            // SAFETY: as above.
            let d = unsafe { distances(s, x, pivot, scale, start, lanes) };
            let mut d = d.map(|d| s.sub(d, s.splat(mean)));
            if lanes < 16 {
                // SAFETY: sixteen numbers. Lanes past the end hold the pivot and must not be counted.
                let ones = unsafe { Lanes16::load(s, [1.0; 16].as_ptr(), lanes, 0.0) };
                d = d.zip(ones, |d, one| s.mul(d, one));
            }
            squares = d.zip(squares, |d, squares| s.mul_add(d, d, squares));
        }
        let squares = squares.sum(s);
        if squares.is_finite() || scale == SMALL {
            let reciprocal = 1.0 / libm::sqrtf(squares / count + epsilon * scale * scale);
            // Converts from units of 1 / `scale` to units of 4, and back: exact, because both are powers of two.
            return [mean * (QUARTER / scale), reciprocal * (scale / QUARTER)];
        }
        scale = SMALL;
    }
}

/// The distances of sixteen numbers of a row to its pivot, times `scale`, a power of two; zero in the lanes past the
/// end.
///
/// # Safety
/// The `lanes` numbers from `start` on are inside the row.
#[inline(always)]
unsafe fn distances<S: Simd>(
    s: S,
    x: &[f32],
    pivot: f32,
    scale: f32,
    start: usize,
    lanes: usize,
) -> Lanes16<S> {
    // SAFETY: by this function's contract, the `lanes` numbers from `start` on are inside the row.
    let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, pivot) };
    x.map(|x| s.mul_add(x, s.splat(scale), s.splat(-(scale * pivot))))
}

/// Sixteen normalised numbers of a row: the distance to its mean, divided by its deviation.
///
/// # Safety
/// The `lanes` numbers from `start` on are inside the row.
#[inline(always)]
unsafe fn normalized<S: Simd>(
    s: S,
    x: &[f32],
    pivot: f32,
    [mean, reciprocal]: Moments,
    start: usize,
    lanes: usize,
) -> Lanes16<S> {
    // SAFETY: by this function's contract, the `lanes` numbers from `start` on are inside the row.
    let d = unsafe { distances(s, x, pivot, QUARTER, start, lanes) };
    d.map(|d| s.mul(s.sub(d, s.splat(mean)), s.splat(reciprocal)))
}

/// The mean of `a b` over two rows of equal length.
#[inline(always)]
pub(super) fn mean_of_products<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let mut sum = Lanes16::splat(s, 0.0);
    for (start, lanes) in sixteens(n) {
        // SAFETY: the `lanes` numbers from `start` on are inside both rows.
        unsafe {
            let a = Lanes16::load(s, a.as_ptr().add(start), lanes, 0.0);
            let b = Lanes16::load(s, b.as_ptr().add(start), lanes, 0.0);
            sum = sum.zip(a.zip(b, |a, b| s.mul(a, b)), |sum, x| s.add(sum, x));
        }
    }
    sum.sum(s) / n as f32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Isa, Rng};
    use std::format;
    use std::vec;
    use std::vec::Vec;

    const U: f64 = 1.0 / 16_777_216.0;

    /// One row: the inputs, and in `f64` the expected results.
    struct Row {
        x: Vec<f32>,
        gain: Vec<f32>,
        shift: Vec<f32>,
        dy: Vec<f32>,
        epsilon: f32,
    }

    impl Row {
        fn of(x: Vec<f32>, epsilon: f32) -> Self {
            let mut rng = Rng::new(x.len() as u64);
            let mut random = || x.iter().map(|_| 2.0 * rng.uniform() - 1.0).collect();
            Self { gain: random(), shift: random(), dy: random(), x, epsilon }
        }

        /// `y`, the products, and `dx`.
        fn run(&self, isa: Isa) -> [Vec<f32>; 3] {
            let Self { x, gain, shift, dy, epsilon } = self;
            let [mut y, mut products, mut dx] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
            let moments = &mut [[f32::NAN; 2]];
            isa.call(Normalize { xs: x, gain, shift, epsilon: *epsilon, moments, ys: &mut y });
            isa.call(NormalizeBackward { xs: x, moments, gain, dys: dy, products: &mut products });
            isa.call(NormalizeInput { xs: x, moments, gain, dys: dy, products: &products, dxs: &mut dx });
            [y, products, dx]
        }

        /// The same in `f64`, with the largest number of the normalised row, and the reciprocal of the deviation.
        fn reference(&self) -> ([Vec<f64>; 3], f64, f64) {
            let n = self.x.len() as f64;
            let [x, gain, shift, dy] = [&self.x, &self.gain, &self.shift, &self.dy]
                .map(|xs| xs.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>());
            // Relative to a number of the row, because around 3e38 a mean in `f64` loses digits too.
            let d: Vec<f64> = x.iter().map(|other| other - x[0]).collect();
            let mean = d.iter().sum::<f64>() / n;
            let variance = d.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
            let r = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            let xhat: Vec<f64> = d.iter().map(|d| (d - mean) * r).collect();
            let y = (0..x.len()).map(|i| gain[i] * xhat[i] + shift[i]).collect();
            let products: Vec<f64> = dy.iter().zip(&xhat).map(|(dy, xhat)| dy * xhat).collect();
            let mean_g = gain.iter().zip(&dy).map(|(gain, dy)| gain * dy).sum::<f64>() / n;
            let mean_g_xhat =
                gain.iter().zip(&products).map(|(gain, product)| gain * product).sum::<f64>() / n;
            let dx = (0..x.len()).map(|i| r * (gain[i] * dy[i] - mean_g - xhat[i] * mean_g_xhat)).collect();
            let largest = xhat.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
            ([y, products, dx], largest, r)
        }

        /// A lane's sum has n / 16 terms, each of which adds half an ulp of a number of a few deviations; gain, shift
        /// and dy are below 1 in magnitude. In dx, the mean of the products adds the square of the largest.
        fn check(&self, what: &str) {
            let n = self.x.len();
            let (expected, largest, r) = self.reference();
            let allowed = (12.0 + n as f64 / 16.0) * U * largest;
            let bounds = [allowed, allowed, allowed * largest * r + 1e-44];
            compare(&format!("{n} numbers, {what}"), &expected, bounds, |isa| self.run(isa));
        }
    }

    /// On every instruction set, `y`, the products and `dx` of a row are within the bounds of what is expected, and equal within a
    /// class.
    pub(in crate::kernel) fn compare(
        what: &str,
        expected: &[Vec<f64>; 3],
        bounds: [f64; 3],
        run: impl Fn(Isa) -> [Vec<f32>; 3],
    ) {
        let mut of_class: [Option<[Vec<u32>; 3]>; 2] = [None, None];
        for isa in Isa::available() {
            let got = run(isa);
            for ((got, expected), (bound, name)) in
                got.iter().zip(expected).zip(bounds.into_iter().zip(["y", "products", "dx"]))
            {
                for (&got, &expected) in got.iter().zip(expected) {
                    let error = (f64::from(got) - expected).abs();
                    assert!(
                        error <= bound,
                        "{isa}, {what}: {name} is {got}, not {expected}, allowed {bound:e}"
                    );
                }
            }
            let bits = got.map(|xs| xs.iter().map(|x| x.to_bits()).collect());
            let others = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| bits.clone());
            assert!(*others == bits, "{isa}, {what}: not the bits of its class");
        }
    }

    #[test]
    fn powers_of_ten() {
        for exponent in -20..=0 {
            let nearest: f32 = format!("1e{exponent}").parse().expect("a number");
            assert_eq!(epsilon(exponent).to_bits(), nearest.to_bits(), "1e{exponent}");
        }
    }

    fn lengths() -> impl Iterator<Item = usize> {
        (1..=70).chain([784])
    }

    #[test]
    fn against_f64() {
        for n in lengths() {
            let mut rng = Rng::new(n as u64 + 1000);
            let mut check = |what: &str, f: &mut dyn FnMut(&mut Rng, usize) -> f32| {
                let x: Vec<f32> = (0..n).map(|i| f(&mut rng, i)).collect();
                for epsilon in [1e-5, 1e-12, 1e-3] {
                    Row::of(x.clone(), epsilon).check(&format!("{what}, epsilon {epsilon:e}"));
                }
            };
            check("ordinary", &mut |rng, _| rng.normal());
            check("around 1e4", &mut |rng, _| 1e4 + rng.normal());
            check("around -1e6", &mut |rng, _| -1e6 + rng.normal());
            check("neighbours", &mut |_, i| if i % 3 == 0 { 100_000.1 } else { 100_000.11 });
            check("an outlier first", &mut |rng, i| if i == 0 { 1e4 } else { rng.normal() });
            check("outliers at both ends", &mut |rng, i| {
                if i == 0 || i == n - 1 { 1e4 } else { rng.normal() }
            });
            check("an outlier last", &mut |rng, i| if i == n - 1 { -1e4 } else { rng.normal() });
            for size in [1e-45, 1e-38, 1e-30, 1e-20, 1e-3, 1e10, 1e18, 1e19, 1e25, 1e30, 1e37, 6e37, 3e38] {
                check(&format!("up to {size:e}"), &mut |rng, _| size * (2.0 * rng.uniform() - 1.0));
                check(&format!("around {size:e}"), &mut |rng, _| size * (1.0 + 1e-6 * rng.uniform()));
                check(&format!("{n} of {size:e}"), &mut |_, _| size);
            }
            check("both ends", &mut |_, i| if i % 2 == 0 { f32::MAX } else { f32::MIN });
            check("one at the other end", &mut |_, i| if i == 0 { f32::MAX } else { f32::MIN });
        }
    }

    #[test]
    fn a_constant_row_is_zero() {
        for n in lengths() {
            for constant in [0.0, -0.0, 10_000.7, 100_000.1, 1e-45, 1e-39, -1e-30, 1e19, 3e38, f32::MIN] {
                let row = Row::of(vec![constant; n], 1e-12);
                for isa in Isa::available() {
                    let [y, products, _] = row.run(isa);
                    assert_eq!(y, row.shift, "{isa}, {n} of {constant:e}");
                    assert!(products.iter().all(|&product| product == 0.0), "{isa}, {n} of {constant:e}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite() {
        for n in lengths() {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, n / 3, n / 2, n - 1] {
                    let mut x = vec![1.0; n];
                    x[at] = bad;
                    let row = Row::of(x, 1e-5);
                    for isa in Isa::available() {
                        let got = row.run(isa).concat();
                        assert!(got.iter().all(|x| x.is_nan()), "{isa}, {n} numbers, {bad} at {at}: {got:?}");
                    }
                }
            }
        }
    }
}
