//! Normalising groups of a picture's channels by their mean and variance in that picture, and the gradient of that.
//!
//! ```text
//! n          the numbers of a group: its channels of all pixels of one picture
//! forward    mean = sum x / n,  var = sum (x - mean)^2 / n,  r = 1 / sqrt(var + epsilon)
//!            xhat = (x - mean) r,  y = gain xhat + shift
//! backward   dgain = sum dy xhat,  dshift = sum dy                   for each channel, over pixels
//!            a = sum gain dshift / n,  b = sum gain dgain / n        for each group, over its channels
//!            dx = r (gain dy - a - xhat b)
//! ```
//!
//! Source: Y. Wu and K. He, "Group Normalization", 2018; the backward form follows from the chain rule.
//!
//! As in batch normalisation, pixels are rows of channels and vectors run along the channels. Up to sixteen groups are
//! computed at a time, so that their moments are on the stack; a vector may belong to several of them.
//!
//! # Order
//!
//! The sum of a group begins with that of each channel over the pixels, in batch normalisation's order. Then the
//! channels are added, ascending: first those of the group within each sixteen channels of the picture, counted from the
//! first, then these sums. With k channels in a group this adds at most min(k, 16) + k / 16 + 2 roundings.
//!
//! # Accuracy and range
//!
//! As in batch normalisation, with the group's first number as the pivot: the mean is rounded, and the second pass over the
//! numbers finds what that lost. If a difference or the sum of squares overflows, the group's outputs are NaN.

use super::batch_norm::{
    Column, Distances, Products, Squares, normalized, reciprocal, scale, sum_over_pixels,
};
use super::elementwise::{sixteens, vectors};
use super::{rows, rows_mut};
use crate::simd::{Pass, Simd};
use core::iter::from_fn;
use core::num::NonZero;

/// A picture's pixels, and the groups of `size` channels each that a pixel consists of.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) pixels: usize,
    pub(crate) groups: usize,
    pub(crate) size: NonZero<usize>,
}

impl Shape {
    #[inline(always)]
    fn channels(self) -> usize {
        self.groups * self.size.get()
    }

    #[inline(always)]
    fn numbers(self) -> usize {
        self.pixels * self.channels()
    }

    /// All groups, sixteen at a time.
    #[inline(always)]
    fn sixteens(self) -> impl Iterator<Item = Sixteen> {
        sixteens(self.groups).map(move |(first, count)| Sixteen { shape: self, first, count })
    }
}

/// Overwrites `ys` with the normalised pictures `xs`, of which there are as many, and `moments` up to its length.
pub(crate) struct Normalize<'a> {
    pub(crate) shape: Shape,
    pub(crate) xs: &'a [f32],
    /// One number for each channel.
    pub(crate) gain: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) relu: bool,
    /// For each picture the rounded means of all groups, then what was lost in rounding, then r.
    pub(crate) moments: &'a mut [f32],
    pub(crate) ys: &'a mut [f32],
}

impl Pass for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { shape, xs, gain, shift, relu, moments, ys } = self;
        let (channels, numbers) = (shape.channels(), shape.numbers());
        if xs.len() != ys.len() || gain.len() != channels || shift.len() != channels {
            return;
        }
        let mut kept = rows_mut(moments, 3 * shape.groups);
        for (x, y) in rows(xs, numbers).zip(rows_mut(ys, numbers)) {
            let mut kept = kept.next();
            for groups in shape.sixteens() {
                // SAFETY: `x` is a picture.
                let moments = unsafe { groups.moments(s, x) };
                if let Some(kept) = kept.as_deref_mut() {
                    groups.keep(&moments, kept);
                }
                for (start, lanes) in vectors::<S>(groups.width()) {
                    let channel = groups.channel(start);
                    let [mean, rest, r] = groups.spread(s, &moments, start, lanes);
                    // SAFETY: the `lanes` channels from `channel` on are inside every pixel of the two pictures, and
                    // inside gain and shift.
                    unsafe {
                        let at = |of: &[f32]| s.load_partial(of.as_ptr().wrapping_add(channel), lanes);
                        let factor = s.mul(at(gain), r);
                        let offset = s.neg_mul_add(rest, factor, at(shift));
                        let y = y.as_mut_ptr().wrapping_add(channel);
                        scale(
                            s,
                            groups.column(x, start, lanes),
                            shape.pixels,
                            [mean, factor, offset],
                            relu,
                            y,
                        );
                    }
                }
            }
        }
    }
}

/// Overwrites each picture's contributions to the gradients of gain and shift, and `dxs`, unless it is empty, with the gradient
/// with respect to `xs`. `xs`, `dys` and `dxs` are as many pictures.
pub(crate) struct Backward<'a> {
    pub(crate) shape: Shape,
    pub(crate) xs: &'a [f32],
    /// From [`Normalize`].
    pub(crate) moments: &'a [f32],
    /// One number for each channel.
    pub(crate) gain: &'a [f32],
    pub(crate) dys: &'a [f32],
    /// For each picture, one number for each channel.
    pub(crate) dgains: &'a mut [f32],
    pub(crate) dshifts: &'a mut [f32],
    pub(crate) dxs: &'a mut [f32],
}

impl Pass for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { shape, xs, moments, gain, dys, dgains, dshifts, dxs } = self;
        let (channels, numbers) = (shape.channels(), shape.numbers());
        if xs.len() != dys.len() || gain.len() != channels {
            return;
        }
        let samples = rows(xs, numbers).zip(rows(dys, numbers)).zip(rows(moments, 3 * shape.groups));
        let gradients = rows_mut(dgains, channels).zip(rows_mut(dshifts, channels));
        let mut dxs = rows_mut(dxs, numbers);
        for (((x, dy), kept), (dgain, dshift)) in samples.zip(gradients) {
            let mut dx = dxs.next();
            for groups in shape.sixteens() {
                let moments = groups.kept(kept);
                // SAFETY: `x`, `dy` and `dx` are pictures; the others have a number for each channel.
                unsafe {
                    let means = groups.gradients(s, [x, dy], gain, &moments, [&mut *dgain, &mut *dshift]);
                    if let Some(dx) = dx.as_deref_mut() {
                        groups.input_gradient(s, [x, dy], gain, &moments, &means, dx);
                    }
                }
            }
        }
    }
}

/// A number of each of sixteen groups.
type OfGroups = [f32; 16];

/// Up to sixteen groups, from `first` on.
#[derive(Clone, Copy)]
struct Sixteen {
    shape: Shape,
    first: usize,
    count: usize,
}

impl Sixteen {
    /// Their channels.
    #[inline(always)]
    fn width(self) -> usize {
        self.count * self.shape.size.get()
    }

    /// The number in a pixel of the channel `start` of these.
    #[inline(always)]
    fn channel(self, start: usize) -> usize {
        self.first * self.shape.size.get() + start
    }

    /// The channels from `start` on, in the pixels of a picture.
    #[inline(always)]
    fn column(self, picture: &[f32], start: usize, lanes: usize) -> Column {
        let first = picture.as_ptr().wrapping_add(self.channel(start));
        Column { first, stride: self.shape.channels(), lanes }
    }

    /// The numbers in a group.
    #[inline(always)]
    fn numbers<S: Simd>(self, s: S) -> S::V {
        s.splat((self.shape.pixels * self.shape.size.get()) as f32)
    }

    /// `count` channels from `start` on, by group: which one, and how many of them are in it.
    #[inline(always)]
    fn parts(self, start: usize, mut count: usize) -> impl Iterator<Item = (usize, usize)> {
        let size = self.shape.size;
        let (mut group, mut left) = (start / size, size.get() - start % size);
        from_fn(move || {
            let part = (group, left.min(count));
            count -= part.1;
            (group, left) = (group + 1, size.get());
            (part.1 > 0).then_some(part)
        })
    }

    /// Vectors of what each channel's group has, for the `lanes` channels from `start` on.
    #[inline(always)]
    fn spread<S: Simd, const N: usize>(
        self,
        s: S,
        of_groups: &[OfGroups; N],
        start: usize,
        lanes: usize,
    ) -> [S::V; N] {
        if self.shape.size.get() == 1 {
            // SAFETY: as many groups as channels, of at most sixteen.
            return of_groups
                .each_ref()
                .map(|of| unsafe { s.load_partial(of.as_ptr().wrapping_add(start), lanes) });
        }
        let mut of_channels = [[0.0; 16]; N];
        let mut done = 0;
        for (group, count) in self.parts(start, lanes) {
            for (to, from) in of_channels.iter_mut().zip(of_groups) {
                let x = from.get(group).copied().unwrap_or(f32::NAN);
                to.iter_mut().skip(done).take(count).for_each(|to| *to = x);
            }
            done += count;
        }
        // SAFETY: a vector has at most sixteen lanes.
        of_channels.map(|of| unsafe { s.load(of.as_ptr()) })
    }

    /// Adds the sums of `width` channels, at most sixteen, to those of their groups.
    #[inline(always)]
    fn add(self, to: &mut OfGroups, start: usize, width: usize, sums: &[f32; 16]) {
        let mut sums = sums.iter();
        for (group, count) in self.parts(start, width) {
            let sum = sums.by_ref().take(count).fold(0.0, |sum, x| sum + x);
            if let Some(to) = to.get_mut(group) {
                *to += sum;
            }
        }
    }

    /// The rounded means, what was lost in rounding, and r.
    ///
    /// # Safety
    /// `x` is a picture of this shape.
    #[inline(always)]
    unsafe fn moments<S: Simd>(self, s: S, x: &[f32]) -> [OfGroups; 3] {
        let pixels = self.shape.pixels;
        let [mut mean, mut rest, mut squares] = [[0.0; 16]; 3];
        for (group, mean) in mean.iter_mut().enumerate().take(self.count) {
            *mean = x.get(self.channel(group * self.shape.size.get())).copied().unwrap_or(f32::NAN);
        }
        for (start, width) in sixteens(self.width()) {
            let mut sums = [0.0; 16];
            for (at, lanes) in vectors::<S>(width) {
                let [from] = self.spread(s, &[mean], start + at, lanes);
                let x = self.column(x, start + at, lanes);
                // SAFETY: the column is inside every pixel, and the `lanes` numbers from `at` on are inside the sixteen.
                unsafe {
                    let [sum] = sum_over_pixels(s, Distances { x, from }, pixels);
                    s.store_partial(sums.as_mut_ptr().wrapping_add(at), sum, lanes);
                }
            }
            self.add(&mut rest, start, width, &sums);
        }
        for (start, _) in vectors::<S>(16) {
            // SAFETY: sixteen is a multiple of the lanes.
            unsafe {
                let at = |of: &OfGroups| s.load(of.as_ptr().wrapping_add(start));
                let rounded = s.add(at(&mean), s.div(at(&rest), self.numbers(s)));
                s.store(mean.as_mut_ptr().wrapping_add(start), rounded);
            }
        }
        rest = [0.0; 16];
        for (start, width) in sixteens(self.width()) {
            let mut sums = [[0.0; 16]; 2];
            for (at, lanes) in vectors::<S>(width) {
                let [from] = self.spread(s, &[mean], start + at, lanes);
                let x = self.column(x, start + at, lanes);
                // SAFETY: as above.
                unsafe {
                    let of_channels = sum_over_pixels(s, Squares { x, from }, pixels);
                    for (to, from) in sums.iter_mut().zip(of_channels) {
                        s.store_partial(to.as_mut_ptr().wrapping_add(at), from, lanes);
                    }
                }
            }
            self.add(&mut rest, start, width, &sums[0]);
            self.add(&mut squares, start, width, &sums[1]);
        }
        for (start, _) in vectors::<S>(16) {
            // SAFETY: as above.
            unsafe {
                let at = |of: &OfGroups| s.div(s.load(of.as_ptr().wrapping_add(start)), self.numbers(s));
                let (lost, mean_square) = (at(&rest), at(&squares));
                // Not below zero by rounding; NaN stays.
                let variance = s.max(s.splat(0.0), s.neg_mul_add(lost, lost, mean_square));
                s.store(rest.as_mut_ptr().wrapping_add(start), lost);
                s.store(squares.as_mut_ptr().wrapping_add(start), reciprocal(s, variance));
            }
        }
        [mean, rest, squares]
    }

    /// Writes these groups' moments among those of all groups of a picture.
    #[inline(always)]
    fn keep(self, moments: &[OfGroups; 3], all: &mut [f32]) {
        for (to, from) in rows_mut(all, self.shape.groups).zip(moments) {
            for (to, from) in to.iter_mut().skip(self.first).zip(from) {
                *to = *from;
            }
        }
    }

    /// Reads what [`Sixteen::keep`] wrote.
    #[inline(always)]
    fn kept(self, all: &[f32]) -> [OfGroups; 3] {
        let mut moments = [[0.0; 16]; 3];
        for (to, from) in moments.iter_mut().zip(rows(all, self.shape.groups)) {
            for (to, from) in to.iter_mut().zip(from.iter().skip(self.first)) {
                *to = *from;
            }
        }
        moments
    }

    /// Overwrites the gradients of gain and shift, and returns a and b.
    ///
    /// # Safety
    /// `x` and `dy` are pictures of this shape; gain and gradients have one number for each channel.
    #[inline(always)]
    unsafe fn gradients<S: Simd>(
        self,
        s: S,
        [x, dy]: [&[f32]; 2],
        gain: &[f32],
        moments: &[OfGroups; 3],
        [dgain, dshift]: [&mut [f32]; 2],
    ) -> [OfGroups; 2] {
        let mut totals = [[0.0; 16]; 2];
        for (start, width) in sixteens(self.width()) {
            let mut sums = [[0.0; 16]; 2];
            for (at, lanes) in vectors::<S>(width) {
                let channel = self.channel(start + at);
                let [mean, rest, r] = self.spread(s, moments, start + at, lanes);
                let (x, dy) = (self.column(x, start + at, lanes), self.column(dy, start + at, lanes));
                // SAFETY: the columns are inside every pixel, and the `lanes` numbers from `channel` on inside what has one
                // for each; those from `at` on are inside the sixteen.
                unsafe {
                    let [sum, products] =
                        sum_over_pixels(s, Products { x, dy, mean, rest, r }, self.shape.pixels);
                    s.store_partial(dshift.as_mut_ptr().wrapping_add(channel), sum, lanes);
                    s.store_partial(dgain.as_mut_ptr().wrapping_add(channel), products, lanes);
                    let gain = s.load_partial(gain.as_ptr().wrapping_add(channel), lanes);
                    for (to, of_channels) in sums.iter_mut().zip([sum, products]) {
                        s.store_partial(to.as_mut_ptr().wrapping_add(at), s.mul(gain, of_channels), lanes);
                    }
                }
            }
            for (total, sums) in totals.iter_mut().zip(&sums) {
                self.add(total, start, width, sums);
            }
        }
        let numbers = (self.shape.pixels * self.shape.size.get()) as f32;
        totals.map(|of| of.map(|total| total / numbers))
    }

    /// Overwrites `dx`, from a and b.
    ///
    /// # Safety
    /// As for [`Sixteen::gradients`]; `dx` is a picture, too.
    #[inline(always)]
    unsafe fn input_gradient<S: Simd>(
        self,
        s: S,
        [x, dy]: [&[f32]; 2],
        gain: &[f32],
        moments: &[OfGroups; 3],
        means: &[OfGroups; 2],
        dx: &mut [f32],
    ) {
        for (start, lanes) in vectors::<S>(self.width()) {
            let channel = self.channel(start);
            let [mean, rest, r] = self.spread(s, moments, start, lanes);
            let [a, b] = self.spread(s, means, start, lanes);
            let (x, dy) = (self.column(x, start, lanes), self.column(dy, start, lanes));
            let mut dx = dx.as_mut_ptr().wrapping_add(channel);
            // SAFETY: the columns are inside every pixel of the three, and the `lanes` numbers from `channel` on inside the
            // gain.
            unsafe {
                let gain = s.load_partial(gain.as_ptr().wrapping_add(channel), lanes);
                for pixel in 0..self.shape.pixels {
                    let xhat = normalized(s, x.load(s, pixel), mean, rest, r);
                    let g = s.sub(s.mul(gain, dy.load(s, pixel)), a);
                    s.store_partial(dx, s.mul(s.neg_mul_add(xhat, b, g), r), lanes);
                    dx = dx.wrapping_add(x.stride);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
