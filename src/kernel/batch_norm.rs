//! Normalising every channel of pictures by its mean and variance over a whole batch, and the gradient of that.
//!
//! ```text
//! n          the pixels of all pictures of the batch; sums are over them, for each channel
//! forward    mean = sum x / n,  var = sum (x - mean)^2 / n,  r = 1 / sqrt(var + epsilon)
//!            xhat = (x - mean) r,  y = gain xhat + shift
//! backward   dgain = sum dy xhat,  dshift = sum dy
//!            dx = gain r (dy - dshift / n - xhat dgain / n)
//! inference  factor = gain / sqrt(var + epsilon),  y = x factor + (shift - mean factor)
//! ```
//!
//! Source: S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
//! Shift", 2015.
//!
//! Pixels are rows of channels, so that vectors run along the channels and no sum runs along a vector.
//!
//! # Order
//!
//! A sum over pixels is one chain of additions below 16 of them, four chains up to 4096, and blocks of so many above, as the
//! gradient of a bias is. With L = n / 4 + 4 roundings at most, or 1028 + n / 4096, its error is at most L u times the sum of
//! magnitudes, u = 2^-24.
//!
//! # Accuracy
//!
//! The rounded mean of numbers around 10^5 has an error of up to half an ulp, 0.004, which matters if the deviation is as small.
//! So there are two passes, and the second one finds what the first one lost:
//!
//! ```text
//! d = x - the first pixel     mean = first pixel + sum d / n      rounded
//! e = x - mean                rest = sum e / n,  var = sum e^2 / n - rest^2
//! xhat = (e - rest) r
//! ```
//!
//! The difference of numbers close together is exact, and zero in a constant channel. The rest is at most about the deviation,
//! because numbers whose mean is that far from any number of their precision vary by as much; so the last difference loses one bit
//! at most. The errors of rest and of the deviation are then a few L u deviations, however large the mean: y is within
//! `2 (L + 8) u |gain| (|xhat| + 1) + 2 u |shift|`.
//!
//! In inference a mean is multiplied by the factor before the two are subtracted: the error is a few `u |mean factor|`.
//!
//! # Range
//!
//! If a difference or the sum of squares overflows, r is NaN, and so is every output of the channel.

use super::elementwise::vectors;
use crate::simd::{Pass, Simd};
use core::ops::Range;

/// Added to the variance, so that a constant channel is not divided by zero.
pub(crate) const EPSILON: f32 = 1e-5;

/// From this number of pixels on, a sum uses four chains.
const FOUR_CHAINS: usize = 16;

/// More pixels than this are summed in blocks of so many.
const BLOCK: usize = 4096;

/// Overwrites the statistics of the channels `here` over all pixels of `xs`. Every slice but `xs` has one number for each channel.
pub(crate) struct Statistics<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) here: Range<usize>,
    /// The rounded mean, what was lost in rounding, the variance, and r.
    pub(crate) moments: [&'a mut [f32]; 4],
}

impl Pass for Statistics<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, here, mut moments } = self;
        let channels = moments[0].len();
        let pixels = xs.len().checked_div(channels).unwrap_or(0);
        if pixels == 0 || here.end > channels || moments.iter().any(|moment| moment.len() != channels) {
            return;
        }
        let count = s.splat(pixels as f32);
        for (start, lanes) in vectors::<S>(here.len()) {
            let start = here.start + start;
            let x = Column { first: xs.as_ptr().wrapping_add(start), stride: channels, lanes };
            // SAFETY: the `lanes` channels from `start` on are inside every pixel, and inside every moment.
            unsafe {
                let first = x.load(s, 0);
                let [sum] = sum_over_pixels(s, Distances { x, from: first }, pixels);
                let mean = s.add(first, s.div(sum, count));
                let [sum, squares] = sum_over_pixels(s, Squares { x, from: mean }, pixels);
                let rest = s.div(sum, count);
                // Not below zero by rounding; NaN stays.
                let variance = s.max(s.splat(0.0), s.neg_mul_add(rest, rest, s.div(squares, count)));
                let values = [mean, rest, variance, reciprocal(s, variance)];
                for (moment, value) in moments.iter_mut().zip(values) {
                    s.store_partial(moment.as_mut_ptr().wrapping_add(start), value, lanes);
                }
            }
        }
    }
}

/// Overwrites `ys` with the normalised pixels of `xs`, which has as many numbers. The other slices have one number for each
/// channel.
pub(crate) struct Normalize<'a> {
    pub(crate) xs: &'a [f32],
    /// The rounded mean, what was lost in rounding, and r: see [`Statistics`].
    pub(crate) moments: [&'a [f32]; 3],
    pub(crate) gain: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) relu: bool,
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, moments, gain, shift, relu, ys } = self;
        let channels = gain.len();
        if xs.len() != ys.len()
            || shift.len() != channels
            || moments.iter().any(|moment| moment.len() != channels)
        {
            return;
        }
        let pixels = xs.len().checked_div(channels).unwrap_or(0);
        for (start, lanes) in vectors::<S>(channels) {
            // SAFETY: the `lanes` channels from `start` on are inside each of the slices, and inside every pixel.
            unsafe {
                let at = |of: &[f32]| s.load_partial(of.as_ptr().wrapping_add(start), lanes);
                let [mean, rest, reciprocal] = moments.map(at);
                let factor = s.mul(at(gain), reciprocal);
                let offset = s.neg_mul_add(rest, factor, at(shift));
                let x = Column { first: xs.as_ptr().wrapping_add(start), stride: channels, lanes };
                let y = ys.as_mut_ptr().wrapping_add(start);
                scale(s, x, pixels, [mean, factor, offset], relu, y);
            }
        }
    }
}

/// [`Normalize`] by statistics that are known: one multiply-add for each number.
pub(crate) struct Infer<'a> {
    pub(crate) xs: &'a [f32],
    pub(crate) mean: &'a [f32],
    pub(crate) variance: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) relu: bool,
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Infer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, mean, variance, gain, shift, relu, ys } = self;
        let channels = gain.len();
        if xs.len() != ys.len() || [mean, variance, shift].iter().any(|of| of.len() != channels) {
            return;
        }
        let pixels = xs.len().checked_div(channels).unwrap_or(0);
        for (start, lanes) in vectors::<S>(channels) {
            // SAFETY: the `lanes` channels from `start` on are inside each of the slices, and inside every pixel.
            unsafe {
                let at = |of: &[f32]| s.load_partial(of.as_ptr().wrapping_add(start), lanes);
                let factor = s.mul(at(gain), reciprocal(s, at(variance)));
                let offset = s.neg_mul_add(at(mean), factor, at(shift));
                let x = Column { first: xs.as_ptr().wrapping_add(start), stride: channels, lanes };
                let mut y = ys.as_mut_ptr().wrapping_add(start);
                for pixel in 0..pixels {
                    let scaled = s.mul_add(x.load(s, pixel), factor, offset);
                    s.store_partial(y, if relu { s.relu(scaled) } else { scaled }, lanes);
                    y = y.wrapping_add(channels);
                }
            }
        }
    }
}

/// Overwrites r for the variances of channels, of which there are as many.
pub(crate) struct Reciprocals<'a> {
    pub(crate) variance: &'a [f32],
    pub(crate) reciprocals: &'a mut [f32],
}

impl Pass for Reciprocals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { variance, reciprocals } = self;
        for (start, lanes) in vectors::<S>(variance.len().min(reciprocals.len())) {
            // SAFETY: the `lanes` numbers from `start` on are inside both slices.
            unsafe {
                let r = reciprocal(s, s.load_partial(variance.as_ptr().wrapping_add(start), lanes));
                s.store_partial(reciprocals.as_mut_ptr().wrapping_add(start), r, lanes);
            }
        }
    }
}

/// Overwrites the gradients of gain and shift for the channels `here`, summed over all pixels. `xs` and `dys` have as many
/// numbers; the other slices have one for each channel.
pub(crate) struct Gradients<'a> {
    pub(crate) xs: &'a [f32],
    /// As in [`Normalize`].
    pub(crate) moments: [&'a [f32]; 3],
    pub(crate) dys: &'a [f32],
    pub(crate) here: Range<usize>,
    pub(crate) dgain: &'a mut [f32],
    pub(crate) dshift: &'a mut [f32],
}

impl Pass for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, moments, dys, here, dgain, dshift } = self;
        let channels = dgain.len();
        if xs.len() != dys.len()
            || dshift.len() != channels
            || here.end > channels
            || moments.iter().any(|moment| moment.len() != channels)
        {
            return;
        }
        let pixels = xs.len().checked_div(channels).unwrap_or(0);
        for (start, lanes) in vectors::<S>(here.len()) {
            let start = here.start + start;
            let column =
                |of: &[f32]| Column { first: of.as_ptr().wrapping_add(start), stride: channels, lanes };
            // SAFETY: the `lanes` channels from `start` on are inside each of the slices, and inside every pixel.
            unsafe {
                let [mean, rest, r] =
                    moments.map(|of| s.load_partial(of.as_ptr().wrapping_add(start), lanes));
                let terms = Products { x: column(xs), dy: column(dys), mean, rest, r };
                let [sum, products] = sum_over_pixels(s, terms, pixels);
                s.store_partial(dgain.as_mut_ptr().wrapping_add(start), products, lanes);
                s.store_partial(dshift.as_mut_ptr().wrapping_add(start), sum, lanes);
            }
        }
    }
}

/// Overwrites `dxs` with the gradient with respect to `xs`; all three, `xs`, `dys` and `dxs`, have as many numbers, and the other
/// slices one for each channel.
pub(crate) struct Backward<'a> {
    pub(crate) xs: &'a [f32],
    /// As in [`Normalize`].
    pub(crate) moments: [&'a [f32]; 3],
    pub(crate) gain: &'a [f32],
    pub(crate) dys: &'a [f32],
    /// From [`Gradients`].
    pub(crate) dgain: &'a [f32],
    pub(crate) dshift: &'a [f32],
    /// One over the pixels that the statistics are of; zero if they are not of this batch and so do not depend on `xs`.
    pub(crate) share: f32,
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, moments, gain, dys, dgain, dshift, share, dxs } = self;
        let channels = gain.len();
        let [mean, rest, r] = moments;
        if xs.len() != dxs.len()
            || dys.len() != dxs.len()
            || [mean, rest, r, dgain, dshift].iter().any(|of| of.len() != channels)
        {
            return;
        }
        let pixels = xs.len().checked_div(channels).unwrap_or(0);
        for (start, lanes) in vectors::<S>(channels) {
            let column =
                |of: &[f32]| Column { first: of.as_ptr().wrapping_add(start), stride: channels, lanes };
            // SAFETY: the `lanes` channels from `start` on are inside each of the slices, and inside every pixel.
            unsafe {
                let at = |of: &[f32]| s.load_partial(of.as_ptr().wrapping_add(start), lanes);
                let (mean, rest, r) = (at(mean), at(rest), at(r));
                let factor = s.mul(at(gain), r);
                let mean_dy = s.mul(at(dshift), s.splat(share));
                let mean_product = s.mul(at(dgain), s.splat(share));
                let (x, dy) = (column(xs), column(dys));
                let mut dx = dxs.as_mut_ptr().wrapping_add(start);
                for pixel in 0..pixels {
                    let xhat = normalized(s, x.load(s, pixel), mean, rest, r);
                    let centred = s.sub(dy.load(s, pixel), mean_dy);
                    let of_pixel = s.mul(s.neg_mul_add(xhat, mean_product, centred), factor);
                    s.store_partial(dx, of_pixel, lanes);
                    dx = dx.wrapping_add(channels);
                }
            }
        }
    }
}

/// Overwrites the column of every pixel of `y` with `(x - mean) factor + offset`, or the ReLU of that.
///
/// # Safety
/// Of both, the columns of `pixels` pixels are inside.
#[inline(always)]
pub(super) unsafe fn scale<S: Simd>(
    s: S,
    x: Column,
    pixels: usize,
    [mean, factor, offset]: [S::V; 3],
    relu: bool,
    mut y: *mut f32,
) {
    for pixel in 0..pixels {
        // SAFETY: the pixel is below `pixels`.
        unsafe {
            let scaled = s.mul_add(s.sub(x.load(s, pixel), mean), factor, offset);
            s.store_partial(y, if relu { s.relu(scaled) } else { scaled }, x.lanes);
        }
        y = y.wrapping_add(x.stride);
    }
}

/// One over the deviation; NaN if the variance is not finite.
#[inline(always)]
pub(super) fn reciprocal<S: Simd>(s: S, variance: S::V) -> S::V {
    let r = s.div(s.splat(1.0), s.sqrt(s.add(variance, s.splat(EPSILON))));
    s.add(r, s.sub(variance, variance))
}

/// xhat.
#[inline(always)]
pub(super) fn normalized<S: Simd>(s: S, x: S::V, mean: S::V, rest: S::V, r: S::V) -> S::V {
    s.mul(s.sub(s.sub(x, mean), rest), r)
}

/// The same vector of channels of every pixel.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) first: *const f32,
    pub(super) stride: usize,
    pub(super) lanes: usize,
}

impl Column {
    /// # Safety
    /// `lanes` numbers can be read `pixel` strides from the first.
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd>(self, s: S, pixel: usize) -> S::V {
        // SAFETY: by this function's contract.
        unsafe { s.load_partial(self.first.wrapping_add(pixel * self.stride), self.lanes) }
    }
}

/// What is summed over pixels. A trait, not closures, which may not be inlined.
pub(super) trait Terms<S: Simd, const N: usize>: Copy {
    /// Adds a pixel's terms.
    ///
    /// # Safety
    /// The columns can be read there.
    unsafe fn add(self, s: S, pixel: usize, sums: &mut [S::V; N]);
}

/// x - from.
#[derive(Clone, Copy)]
pub(super) struct Distances<V> {
    pub(super) x: Column,
    pub(super) from: V,
}

impl<S: Simd> Terms<S, 1> for Distances<S::V> {
    /// # Safety
    /// See [`Terms::add`].
    #[inline(always)]
    unsafe fn add(self, s: S, pixel: usize, [sum]: &mut [S::V; 1]) {
        // SAFETY: by this function's contract.
        let x = unsafe { self.x.load(s, pixel) };
        *sum = s.add(*sum, s.sub(x, self.from));
    }
}

/// x - from, and its square.
#[derive(Clone, Copy)]
pub(super) struct Squares<V> {
    pub(super) x: Column,
    pub(super) from: V,
}

impl<S: Simd> Terms<S, 2> for Squares<S::V> {
    /// # Safety
    /// See [`Terms::add`].
    #[inline(always)]
    unsafe fn add(self, s: S, pixel: usize, [sum, squares]: &mut [S::V; 2]) {
        // SAFETY: by this function's contract.
        let x = unsafe { self.x.load(s, pixel) };
        let e = s.sub(x, self.from);
        *sum = s.add(*sum, e);
        *squares = s.mul_add(e, e, *squares);
    }
}

/// dy, and dy xhat.
#[derive(Clone, Copy)]
pub(super) struct Products<V> {
    pub(super) x: Column,
    pub(super) dy: Column,
    pub(super) mean: V,
    pub(super) rest: V,
    pub(super) r: V,
}

impl<S: Simd> Terms<S, 2> for Products<S::V> {
    /// # Safety
    /// See [`Terms::add`].
    #[inline(always)]
    unsafe fn add(self, s: S, pixel: usize, [sum, products]: &mut [S::V; 2]) {
        // SAFETY: by this function's contract.
        let (x, dy) = unsafe { (self.x.load(s, pixel), self.dy.load(s, pixel)) };
        *sum = s.add(*sum, dy);
        *products = s.mul_add(dy, normalized(s, x, self.mean, self.rest, self.r), *products);
    }
}

/// Sums over `pixels` pixels, in an order that depends on their number only: see the file's text.
///
/// # Safety
/// The columns can be read at every pixel below `pixels`.
#[inline(always)]
pub(super) unsafe fn sum_over_pixels<S: Simd, const N: usize, T: Terms<S, N>>(
    s: S,
    terms: T,
    pixels: usize,
) -> [S::V; N] {
    let zeros = [s.splat(0.0); N];
    let (mut totals, mut start) = (zeros, 0);
    while start < pixels {
        let block = (pixels - start).min(BLOCK);
        let chain = if pixels < FOUR_CHAINS { block } else { block.div_ceil(4) };
        let mut chains = [zeros; 4];
        if S::LANES == 1 {
            // One after the other, so that few sums are in use at a time.
            for (c, sums) in chains.iter_mut().enumerate() {
                for pixel in c * chain..block.min((c + 1) * chain) {
                    // SAFETY: the pixel is below `pixels`.
                    unsafe { terms.add(s, start + pixel, sums) };
                }
            }
        } else {
            for i in 0..chain {
                for (c, sums) in chains.iter_mut().enumerate() {
                    let pixel = c * chain + i;
                    if pixel < block {
                        // SAFETY: the pixel is below `pixels`.
                        unsafe { terms.add(s, start + pixel, sums) };
                    }
                }
            }
        }
        let [first, second, third, fourth] = chains;
        for (i, total) in totals.iter_mut().enumerate() {
            let pair = s.add(first[i], second[i]);
            *total = s.add(*total, s.add(s.add(pair, third[i]), fourth[i]));
        }
        start += block;
    }
    totals
}
