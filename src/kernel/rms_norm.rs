//! Dividing rows by their root mean square, and the gradient of that.
//!
//! ```text
//! forward    r = 1 / sqrt(sum x^2 / n + epsilon),  xhat = x r,  y = gain xhat
//! backward   g = gain dy
//!            dx = r (g - xhat sum (g xhat) / n)
//!            dgain = sum over rows of dy xhat
//! ```
//!
//! Source: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", 2019; the backward form follows from the
//! chain rule. Sums use sixteen virtual lanes.
//!
//! # Range
//!
//! If the sum of squares overflows, it is computed again from numbers scaled by [`SMALL`]. The reciprocal of the largest
//! root mean square, 2^-128, is no normal number, so the tape holds four times `r`, which multiplies a quarter of `x`.

use super::elementwise::sixteens;
use super::norm::{QUARTER, SMALL, mean_of_products};
use super::threads::{Divide, first, first_mut, size_in_rows};
use super::{rows, rows_mut};
use crate::simd::{Lanes16, Pass, Simd};

/// Overwrites `ys`, and `reciprocals` up to its length; every row is as long as `gain`.
pub(crate) struct RmsNormalize<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) gain: &'a [f32],
    /// Added to the mean square.
    pub(crate) epsilon: f32,
    /// Four times the reciprocal of each row's root mean square.
    pub(crate) reciprocals: &'a mut [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for RmsNormalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, gain, epsilon, reciprocals, ys } = self;
        let n = gain.len();
        let mut kept = reciprocals.iter_mut();
        for (x, y) in rows(xs, n).zip(rows_mut(ys, n)) {
            let reciprocal = reciprocal_of(s, x, epsilon);
            if let Some(kept) = kept.next() {
                *kept = reciprocal;
            }
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each of them, all of `n` numbers.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, reciprocal, start, lanes);
                    xhat.zip(gain, |xhat, gain| s.mul(xhat, gain)).store(s, y.as_mut_ptr().add(start), lanes);
                }
            }
        }
    }
}

impl Divide for RmsNormalize<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.gain.len())
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.gain.len();
        Self {
            xs: first(&mut self.xs, n),
            reciprocals: first_mut(&mut self.reciprocals, rows),
            ys: first_mut(&mut self.ys, n),
            ..*self
        }
    }
}

/// Overwrites `products` with each row's contribution to the gradient of the gain; rows have `n` numbers.
pub(crate) struct RmsBackward<'a> {
    pub(crate) n: usize,
    pub(crate) xs: &'a [f32],
    pub(crate) reciprocals: &'a [f32],
    pub(crate) dys: &'a [f32],
    pub(crate) products: &'a mut [f32],
}

impl Pass for RmsBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { n, xs, reciprocals, dys, products } = self;
        let rows = rows(xs, n).zip(rows(dys, n)).zip(rows_mut(products, n));
        for (((x, dy), product), &reciprocal) in rows.zip(reciprocals) {
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each row.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, reciprocal, start, lanes);
                    xhat.zip(dy, |xhat, dy| s.mul(xhat, dy)).store(s, product.as_mut_ptr().add(start), lanes);
                }
            }
        }
    }
}

impl Divide for RmsBackward<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.n)
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.n;
        Self {
            xs: first(&mut self.xs, n),
            reciprocals: first(&mut self.reciprocals, rows),
            dys: first(&mut self.dys, n),
            products: first_mut(&mut self.products, n),
            ..*self
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to `xs`; `products` was written by [`RmsBackward`].
pub(crate) struct RmsInput<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) reciprocals: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) dys: &'a [f32],
    pub(crate) products: &'a [f32],
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for RmsInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, reciprocals, gain, dys, products, dxs } = self;
        let n = gain.len();
        let rows = rows(xs, n).zip(rows(dys, n)).zip(rows(products, n)).zip(rows_mut(dxs, n));
        for ((((x, dy), product), dx), &reciprocal) in rows.zip(reciprocals) {
            let mean = mean_of_products(s, gain, product);
            for (start, lanes) in sixteens(n) {
                // SAFETY: the `lanes` numbers from `start` on are inside each row.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, reciprocal, start, lanes);
                    let g = gain.zip(dy, |gain, dy| s.mul(gain, dy));
                    let dx_row = dx.as_mut_ptr().add(start);
                    g.zip(xhat, |g, xhat| {
                        s.mul(s.neg_mul_add(xhat, s.splat(mean), g), s.splat(QUARTER * reciprocal))
                    })
                    .store(s, dx_row, lanes);
                }
            }
        }
    }
}

impl Divide for RmsInput<'_> {
    fn size(&self) -> [usize; 2] {
        size_in_rows(self.xs, self.gain.len())
    }

    fn take_first(&mut self, rows: usize) -> Self {
        let n = rows * self.gain.len();
        Self {
            xs: first(&mut self.xs, n),
            reciprocals: first(&mut self.reciprocals, rows),
            dys: first(&mut self.dys, n),
            products: first(&mut self.products, n),
            dxs: first_mut(&mut self.dxs, n),
            ..*self
        }
    }
}

/// Four times the reciprocal of a row's root mean square.
#[inline(always)]
fn reciprocal_of<S: Simd>(s: S, x: &[f32], epsilon: f32) -> f32 {
    let mut scale = 1.0;
    loop {
        let mut squares = Lanes16::splat(s, 0.0);
        for (start, lanes) in sixteens(x.len()) {
            // SAFETY: the `lanes` numbers from `start` on are inside the row.
            let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, 0.0) };
            let x = x.map(|x| s.mul(x, s.splat(scale)));
            squares = x.zip(squares, |x, squares| s.mul_add(x, x, squares));
        }
        let squares = squares.sum(s);
        if squares.is_finite() || scale == SMALL {
            let mean = squares / x.len() as f32;
            // Converts from units of 1 / `scale` to units of 4: exact, because both are powers of two.
            return (scale / QUARTER) / libm::sqrtf(mean + epsilon * scale * scale);
        }
        scale = SMALL;
    }
}

/// Sixteen numbers of a row, divided by its root mean square.
///
/// # Safety
/// The `lanes` numbers from `start` on are inside the row.
#[inline(always)]
unsafe fn normalized<S: Simd>(s: S, x: &[f32], reciprocal: f32, start: usize, lanes: usize) -> Lanes16<S> {
    // SAFETY: by this function's contract, the `lanes` numbers from `start` on are inside the row.
    let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, 0.0) };
    x.map(|x| s.mul(s.mul(x, s.splat(QUARTER)), s.splat(reciprocal)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::norm::tests::compare;
    use crate::{Isa, Rng};
    use std::format;
    use std::vec;
    use std::vec::Vec;

    const U: f64 = 1.0 / 16_777_216.0;

    /// One row: the inputs.
    struct Row {
        x: Vec<f32>,
        gain: Vec<f32>,
        dy: Vec<f32>,
        epsilon: f32,
    }

    impl Row {
        fn of(x: Vec<f32>, epsilon: f32) -> Self {
            let mut rng = Rng::new(x.len() as u64);
            let mut random = || x.iter().map(|_| 2.0 * rng.uniform() - 1.0).collect();
            Self { gain: random(), dy: random(), x, epsilon }
        }

        /// `y`, the products, and `dx`.
        fn run(&self, isa: Isa) -> [Vec<f32>; 3] {
            let Self { x: xs, gain, dy: dys, epsilon } = self;
            let n = xs.len();
            let [mut y, mut products, mut dx] = [(); 3].map(|()| vec![f32::NAN; n]);
            let reciprocals = &mut [f32::NAN];
            isa.call(RmsNormalize { xs, gain, epsilon: *epsilon, reciprocals, ys: &mut y });
            isa.call(RmsBackward { n, xs, reciprocals, dys, products: &mut products });
            isa.call(RmsInput { xs, reciprocals, gain, dys, products: &products, dxs: &mut dx });
            [y, products, dx]
        }

        /// The same in `f64`, with the largest number of the normalised row, at least 1, and `r`.
        fn reference(&self) -> ([Vec<f64>; 3], f64, f64) {
            let n = self.x.len() as f64;
            let [x, gain, dy] = [&self.x, &self.gain, &self.dy]
                .map(|xs| xs.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>());
            let r = 1.0 / (x.iter().map(|x| x * x).sum::<f64>() / n + f64::from(self.epsilon)).sqrt();
            let xhat: Vec<f64> = x.iter().map(|x| x * r).collect();
            let y = gain.iter().zip(&xhat).map(|(gain, xhat)| gain * xhat).collect();
            let products: Vec<f64> = dy.iter().zip(&xhat).map(|(dy, xhat)| dy * xhat).collect();
            let mean = gain.iter().zip(&products).map(|(gain, product)| gain * product).sum::<f64>() / n;
            let dx = (0..x.len()).map(|i| r * (gain[i] * dy[i] - xhat[i] * mean)).collect();
            let largest = xhat.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
            ([y, products, dx], largest, r)
        }

        /// A lane's sum has n / 16 terms, each of which adds half an ulp, as do the tree and the functions after it; gain and
        /// dy are below 1 in magnitude. In dx, the mean of the products adds the square of the largest.
        fn check(&self, what: &str) {
            let n = self.x.len();
            let (expected, largest, r) = self.reference();
            let allowed = (8.0 + n as f64 / 16.0) * U * largest;
            let bounds = [allowed, allowed, allowed * largest * r + 1e-44];
            compare(&format!("{n} numbers, {what}"), &expected, bounds, |isa| self.run(isa));
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
                for epsilon in [1e-6, 1e-5, 1e-12] {
                    Row::of(x.clone(), epsilon).check(&format!("{what}, epsilon {epsilon:e}"));
                }
            };
            check("ordinary", &mut |rng, _| rng.normal());
            check("around -1e6", &mut |rng, _| -1e6 + rng.normal());
            check("an outlier first", &mut |rng, i| if i == 0 { 1e4 } else { rng.normal() });
            check("an outlier last", &mut |rng, i| if i == n - 1 { -1e4 } else { rng.normal() });
            check("zeros", &mut |_, _| 0.0);
            for size in [1e-45, 1e-38, 1e-30, 1e-20, 1e-3, 1e10, 1e18, 1e19, 1e25, 1e30, 1e37, 6e37, 3e38] {
                check(&format!("up to {size:e}"), &mut |rng, _| size * (2.0 * rng.uniform() - 1.0));
                check(&format!("{n} of {size:e}"), &mut |_, _| size);
            }
            check("both ends", &mut |_, i| if i % 2 == 0 { f32::MAX } else { f32::MIN });
            check("one at the end", &mut |_, i| if i == 0 { f32::MAX } else { 1.0 });
        }
    }

    /// NaN makes its row NaN. Beside infinity the finite numbers are zero, as the formula says, and it is NaN itself; no
    /// gradient of such a row is finite.
    #[test]
    fn what_is_not_finite() {
        for n in lengths() {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, n / 3, n / 2, n - 1] {
                    let mut x = vec![1.0; n];
                    x[at] = bad;
                    let row = Row::of(x, 1e-6);
                    for isa in Isa::available() {
                        let [y, _, dx] = row.run(isa);
                        for (i, y) in y.iter().enumerate() {
                            let right = if bad.is_nan() || i == at { y.is_nan() } else { *y == 0.0 };
                            assert!(right, "{isa}, {n} numbers, {bad} at {at}: {y} at {i}");
                        }
                        assert!(dx.iter().all(|dx| dx.is_nan()), "{isa}, {n} numbers, {bad} at {at}: {dx:?}");
                    }
                }
            }
        }
    }
}
