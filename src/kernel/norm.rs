//! Rows brought to mean 0 and variance 1, and the way back.
//!
//! ```text
//! forward    mean = sum x / n,  var = sum (x - mean)^2 / n,  r = 1 / sqrt(var + epsilon)
//!            xhat = (x - mean) r,  y = gain xhat + shift
//! backward   g = gain dy
//!            dx = r (g - sum g / n - xhat sum (g xhat) / n)
//!            dgain = sum over rows of dy xhat,  dshift = sum over rows of dy
//! ```
//!
//! Source: J. Ba and others, "Layer Normalization", 2016; the backward form is the chain rule's. Sums are in sixteen
//! virtual lanes.

use super::elementwise::sixteens;
use super::{rows, rows_mut};
use crate::simd::{Lanes16, Pass, Simd};

/// What is added to the variance: a constant row is divided by its root, not by zero.
const EPSILON: f32 = 1e-5;

/// A row's mean, and the reciprocal of its deviation.
pub(crate) type Moments = [f32; 2];

/// Overwrites `ys`, and `moments` as far as it goes; every row is as long as `gain` and `shift`.
pub(crate) struct Normalize<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) moments: &'a mut [Moments],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, gain, shift, moments, ys } = self;
        let n = gain.len().min(shift.len());
        let mut kept = moments.iter_mut();
        for (x, y) in rows(xs, n).zip(rows_mut(ys, n)) {
            let moments = moments_of(s, x);
            if let Some(kept) = kept.next() {
                *kept = moments;
            }
            for (start, lanes) in sixteens(n) {
                // SAFETY: `lanes` numbers from `start` on lie in each of them, all of at least `n` numbers.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let shift = Lanes16::load(s, shift.as_ptr().add(start), lanes, 0.0);
                    let y = y.as_mut_ptr().add(start);
                    let scaled =
                        normalized(s, x, moments, start, lanes).zip(gain, |xhat, gain| s.mul(xhat, gain));
                    scaled.zip(shift, |x, shift| s.add(x, shift)).store(s, y, lanes);
                }
            }
        }
    }
}

/// Overwrites `products`, the share of each row in the gradient of `gain`; every row is as long as `gain`.
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
            for (start, lanes) in sixteens(n) {
                // SAFETY: `lanes` numbers from `start` on lie in each row.
                unsafe {
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, moments, start, lanes);
                    xhat.zip(dy, |xhat, dy| s.mul(xhat, dy)).store(s, product.as_mut_ptr().add(start), lanes);
                }
            }
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to `xs`; `products` is what [`NormalizeBackward`] left.
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
            let mean_g = mean_of_products(s, gain, dy);
            let mean_g_xhat = mean_of_products(s, gain, product);
            for (start, lanes) in sixteens(n) {
                // SAFETY: `lanes` numbers from `start` on lie in each row.
                unsafe {
                    let gain = Lanes16::load(s, gain.as_ptr().add(start), lanes, 0.0);
                    let dy = Lanes16::load(s, dy.as_ptr().add(start), lanes, 0.0);
                    let xhat = normalized(s, x, moments, start, lanes);
                    let g = gain.zip(dy, |gain, dy| s.sub(s.mul(gain, dy), s.splat(mean_g)));
                    let dx_row = dx.as_mut_ptr().add(start);
                    g.zip(xhat, |g, xhat| {
                        s.mul(s.neg_mul_add(xhat, s.splat(mean_g_xhat), g), s.splat(moments[1]))
                    })
                    .store(s, dx_row, lanes);
                }
            }
        }
    }
}

/// A row's moments: the mean first, then the squares of what differs from it, so that a large mean costs no digits.
#[inline(always)]
fn moments_of<S: Simd>(s: S, x: &[f32]) -> Moments {
    let count = x.len() as f32;
    let mut sum = Lanes16::splat(s, 0.0);
    for (start, lanes) in sixteens(x.len()) {
        // SAFETY: `lanes` numbers from `start` on lie in the row.
        let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, 0.0) };
        sum = sum.zip(x, |sum, x| s.add(sum, x));
    }
    let mean = sum.sum(s) / count;
    let mut squares = Lanes16::splat(s, 0.0);
    for (start, lanes) in sixteens(x.len()) {
        // SAFETY: as above. The lanes past the end are the mean, and add nothing.
        let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, mean) };
        let distance = x.map(|x| s.sub(x, s.splat(mean)));
        squares = distance.zip(squares, |d, squares| s.mul_add(d, d, squares));
    }
    [mean, 1.0 / libm::sqrtf(squares.sum(s) / count + EPSILON)]
}

/// Sixteen numbers of a row, less its mean, over its deviation.
///
/// # Safety
/// `lanes` numbers from `start` on lie in the row.
#[inline(always)]
unsafe fn normalized<S: Simd>(
    s: S,
    x: &[f32],
    [mean, reciprocal]: Moments,
    start: usize,
    lanes: usize,
) -> Lanes16<S> {
    // SAFETY: the caller's promise.
    let x = unsafe { Lanes16::load(s, x.as_ptr().add(start), lanes, 0.0) };
    x.map(|x| s.mul(s.sub(x, s.splat(mean)), s.splat(reciprocal)))
}

/// The mean of `a b` over two rows of equal length.
#[inline(always)]
fn mean_of_products<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let mut sum = Lanes16::splat(s, 0.0);
    for (start, lanes) in sixteens(n) {
        // SAFETY: `lanes` numbers from `start` on lie in both rows.
        unsafe {
            let a = Lanes16::load(s, a.as_ptr().add(start), lanes, 0.0);
            let b = Lanes16::load(s, b.as_ptr().add(start), lanes, 0.0);
            sum = sum.zip(a.zip(b, |a, b| s.mul(a, b)), |sum, x| s.add(sum, x));
        }
    }
    sum.sum(s) / n as f32
}
