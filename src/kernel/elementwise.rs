//! Element-wise kernels, and sums of squares.

use super::math::{Curve, Function};
use super::threads::{Divide, first, first_mut, size_in_sixteens};
use crate::simd::{Lanes16, Pass, Simd};
use core::marker::PhantomData;

/// Replaces every number by the function's value, and writes the derivative there to `slopes`. Stops at the end of the
/// shorter slice.
pub(crate) struct BendKeepingSlopes<'a, C> {
    curve: PhantomData<C>,
    xs: &'a mut [f32],
    slopes: &'a mut [f32],
}

impl<'a, C> BendKeepingSlopes<'a, C> {
    pub(crate) fn of(xs: &'a mut [f32], slopes: &'a mut [f32]) -> Self {
        Self { curve: PhantomData, xs, slopes }
    }
}

impl<C: Curve> Pass for BendKeepingSlopes<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { xs, slopes, .. } = self;
        for (start, lanes) in vectors::<S>(xs.len().min(slopes.len())) {
            let (x, slope) = (xs.as_mut_ptr().wrapping_add(start), slopes.as_mut_ptr().wrapping_add(start));
            // SAFETY: the `lanes` numbers from `start` on are inside both slices.
            unsafe {
                let z = s.load_partial(x, lanes);
                s.store_partial(slope, C::slope(s, z), lanes);
                s.store_partial(x, C::CURVE.of(s, z), lanes);
            }
        }
    }
}

impl<C: Curve> Divide for BendKeepingSlopes<'_, C> {
    fn size(&self) -> [usize; 2] {
        size_in_sixteens(self.xs)
    }

    fn take_first(&mut self, sixteens: usize) -> Self {
        let n = 16 * sixteens;
        Self::of(first_mut(&mut self.xs, n), first_mut(&mut self.slopes, n))
    }
}

/// A function of two numbers.
pub(crate) trait Combine: Copy + Send {
    fn of<S: Simd>(self, s: S, other: S::V, x: S::V) -> S::V;
}

/// `xs[i] = function(others[i], xs[i])`, in place. Stops at the end of the shorter slice.
pub(crate) struct Zip<'a, F> {
    pub(crate) function: F,
    pub(crate) others: &'a [f32],
    pub(crate) xs: &'a mut [f32],
}

impl<F: Combine> Pass for Zip<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        zip_in_place(s, self.others, self.xs, |other, x| self.function.of(s, other, x));
    }
}

impl<F: Combine> Divide for Zip<'_, F> {
    fn size(&self) -> [usize; 2] {
        size_in_sixteens(self.xs)
    }

    fn take_first(&mut self, sixteens: usize) -> Self {
        let n = 16 * sixteens;
        Self { others: first(&mut self.others, n), xs: first_mut(&mut self.xs, n), ..*self }
    }
}

/// `x + other`.
#[derive(Clone, Copy)]
pub(crate) struct Add;

impl Combine for Add {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, other: S::V, x: S::V) -> S::V {
        s.add(x, other)
    }
}

/// `x other`.
#[derive(Clone, Copy)]
pub(crate) struct Times;

impl Combine for Times {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, other: S::V, x: S::V) -> S::V {
        s.mul(x, other)
    }
}

/// `x` times [`Curve::slope`] of `other`.
#[derive(Clone, Copy)]
pub(crate) struct TimesSlope<C>(pub(crate) C);

impl<C: Curve> Combine for TimesSlope<C> {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, other: S::V, x: S::V) -> S::V {
        s.mul(x, C::slope(s, other))
    }
}

/// `x`, or +0.0 where `other <= 0`.
#[derive(Clone, Copy)]
pub(crate) struct ReluMask;

impl Combine for ReluMask {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, other: S::V, x: S::V) -> S::V {
        s.relu_mask(other, x)
    }
}

/// Whether all numbers are zeros. Stops soon after the first that is not.
pub(crate) fn are_zeros(xs: &[f32]) -> bool {
    // Bits but the sign's, of a few vectors at a time.
    let zeros = |xs: &[f32]| xs.iter().fold(0, |bits, x| bits | x.to_bits()) << 1 == 0;
    let (pieces, rest) = xs.as_chunks::<32>();
    pieces.iter().all(|piece| zeros(piece)) && zeros(rest)
}

/// Replaces every number of `xs` by the function's value.
pub(crate) struct InPlace<'a, F> {
    pub(crate) function: F,
    pub(crate) xs: &'a mut [f32],
}

impl<F: Function> Pass for InPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { function, xs } = self;
        for (start, lanes) in vectors::<S>(xs.len()) {
            let x = xs.as_mut_ptr().wrapping_add(start);
            // SAFETY: the `lanes` numbers from `start` on are inside the slice.
            unsafe { s.store_partial(x, function.of(s, s.load_partial(x, lanes)), lanes) };
        }
    }
}

impl<F: Function> Divide for InPlace<'_, F> {
    fn size(&self) -> [usize; 2] {
        size_in_sixteens(self.xs)
    }

    fn take_first(&mut self, sixteens: usize) -> Self {
        Self { xs: first_mut(&mut self.xs, 16 * sixteens), ..*self }
    }
}

/// `ys = function(xs)`, element-wise. Stops at the end of the shorter slice.
pub(crate) struct Mapped<'a, F> {
    pub(crate) function: F,
    pub(crate) xs: &'a [f32],
    pub(crate) ys: &'a mut [f32],
}

impl<F: Function> Pass for Mapped<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { function, xs, ys } = self;
        for (start, lanes) in vectors::<S>(xs.len().min(ys.len())) {
            let (x, y) = (xs.as_ptr().wrapping_add(start), ys.as_mut_ptr().wrapping_add(start));
            // SAFETY: the `lanes` numbers from `start` on are inside both slices.
            unsafe { s.store_partial(y, function.of(s, s.load_partial(x, lanes)), lanes) };
        }
    }
}

/// ReLU, where no product's epilogue applies it.
#[derive(Clone, Copy)]
pub(crate) struct Positive;

impl Function for Positive {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.relu(x)
    }
}

/// `factor x`.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) factor: f32,
}

impl Function for Scale {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.mul(x, s.splat(self.factor))
    }
}

/// The sum of the squares, in sixteen virtual lanes.
pub(crate) struct SumOfSquares<'a>(pub(crate) &'a [f32]);

impl Pass for SumOfSquares<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut sum = Lanes16::splat(s, 0.0);
        for (start, lanes) in sixteens(self.0.len()) {
            // SAFETY: the `lanes` numbers from `start` on are inside the slice.
            let x = unsafe { Lanes16::load(s, self.0.as_ptr().wrapping_add(start), lanes, 0.0) };
            sum = x.zip(sum, |x, sum| s.mul_add(x, x, sum));
        }
        sum.sum(s)
    }
}

/// Multiplies every number by `factor`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(s: S, factor: f32, xs: &mut [f32]) {
    for (start, lanes) in vectors::<S>(xs.len()) {
        let x = xs.as_mut_ptr().wrapping_add(start);
        // SAFETY: the `lanes` numbers from `start` on are inside the slice.
        unsafe { s.store_partial(x, s.mul(s.load_partial(x, lanes), s.splat(factor)), lanes) };
    }
}

/// `xs[i] = f(others[i], xs[i])`, up to the end of the shorter slice.
#[inline(always)]
pub(super) fn zip_in_place<S: Simd>(s: S, others: &[f32], xs: &mut [f32], f: impl Fn(S::V, S::V) -> S::V) {
    for (start, lanes) in vectors::<S>(xs.len().min(others.len())) {
        let (other, x) = (others.as_ptr().wrapping_add(start), xs.as_mut_ptr().wrapping_add(start));
        // SAFETY: the `lanes` numbers from `start` on are inside both slices.
        unsafe { s.store_partial(x, f(s.load_partial(other, lanes), s.load_partial(x, lanes)), lanes) };
    }
}

/// The start of each vector of `len` numbers, and how many of its lanes are used.
#[inline(always)]
pub(super) fn vectors<S: Simd>(len: usize) -> Pieces {
    Pieces { start: 0, len, width: S::LANES }
}

/// Like `vectors`, for blocks of sixteen numbers.
#[inline(always)]
pub(super) fn sixteens(len: usize) -> Pieces {
    Pieces { start: 0, len, width: 16 }
}

/// An iterator, not a function that takes a closure: a large closure may not be inlined, and code that is not inlined
/// is not compiled for the instruction set.
pub(super) struct Pieces {
    start: usize,
    len: usize,
    width: usize,
}

impl Iterator for Pieces {
    type Item = (usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.start;
        if start >= self.len {
            return None;
        }
        self.start += self.width;
        Some((start, (self.len - start).min(self.width)))
    }
}

#[cfg(test)]
mod tests {
    use super::are_zeros;

    /// Zeros of both signs; a subnormal number, NaN or infinity at any place of any length is none.
    #[test]
    fn zeros() {
        for length in 0..100 {
            let mut xs = [0.0; 100];
            xs.iter_mut().step_by(3).for_each(|x| *x = -0.0);
            let xs = &mut xs[..length];
            assert!(are_zeros(xs), "{length}");
            for place in 0..length {
                for other in [1.0, -1e-45, f32::NAN, f32::NEG_INFINITY] {
                    let zero = core::mem::replace(&mut xs[place], other);
                    assert!(!are_zeros(xs), "{other} at {place} of {length}");
                    xs[place] = zero;
                }
            }
        }
    }
}
