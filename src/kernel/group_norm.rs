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
mod tests {
    use super::*;
    use crate::kernel::batch_norm::EPSILON;
    use crate::{Isa, Rng};
    use std::format;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    const U: f64 = 1.0 / 16_777_216.0;

    /// Pictures, by plain loops in `f64`.
    struct Pictures {
        what: String,
        shape: Shape,
        x: Vec<f32>,
        gain: Vec<f32>,
        shift: Vec<f32>,
        dy: Vec<f32>,
    }

    /// Of one group of one picture.
    struct Group {
        r: f64,
        /// For each number of the group, by pixels.
        xhat: Vec<f64>,
        y: Vec<f64>,
        dx: Vec<f64>,
        /// For each of its channels.
        dgain: Vec<f64>,
        dshift: Vec<f64>,
    }

    /// `x`, `dy` of a group by pixels, gain and shift by channels.
    fn reference([x, dy, gain, shift]: [&[f64]; 4]) -> Group {
        let (n, size) = (x.len() as f64, gain.len());
        let by_channel = |of: &mut dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..size).map(|c| (c..x.len()).step_by(size).map(&mut *of).sum()).collect()
        };
        // Relative to a number of the group: around 1e30 a mean in `f64` loses digits too.
        let d: Vec<f64> = x.iter().map(|other| other - x[0]).collect();
        let mean = d.iter().sum::<f64>() / n;
        let variance = d.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
        let r = 1.0 / (variance + f64::from(EPSILON)).sqrt();
        let xhat: Vec<f64> = d.iter().map(|d| (d - mean) * r).collect();
        let y = xhat.iter().enumerate().map(|(i, xhat)| gain[i % size] * xhat + shift[i % size]).collect();
        let dgain = by_channel(&mut |i| dy[i] * xhat[i]);
        let dshift = by_channel(&mut |i| dy[i]);
        let g: Vec<f64> = dy.iter().enumerate().map(|(i, dy)| gain[i % size] * dy).collect();
        let a = g.iter().sum::<f64>() / n;
        let b = g.iter().zip(&xhat).map(|(g, xhat)| g * xhat).sum::<f64>() / n;
        let dx = g.iter().zip(&xhat).map(|(g, xhat)| r * (g - a - xhat * b)).collect();
        Group { r, xhat, y, dx, dgain, dshift }
    }

    fn bits(xs: &[f32]) -> Vec<u32> {
        xs.iter().map(|x| x.to_bits()).collect()
    }

    impl Pictures {
        fn of(
            what: &str,
            shape: [usize; 3],
            rows: usize,
            number: &mut dyn FnMut(&mut Rng, usize) -> f32,
        ) -> Self {
            let [pixels, groups, size] = shape;
            let shape = Shape { pixels, groups, size: NonZero::new(size).expect("channels") };
            let mut rng = Rng::new((rows * shape.numbers()) as u64);
            let x = (0..rows * shape.numbers()).map(|i| number(&mut rng, i)).collect();
            let mut random = |count| (0..count).map(|_| 2.0 * rng.uniform() - 1.0).collect();
            let (gain, shift) = (random(shape.channels()), random(shape.channels()));
            let dy = random(rows * shape.numbers());
            let what = format!("{what}, {rows} of {pixels} pixels of {groups} x {size}");
            Self { what, shape, x, gain, shift, dy }
        }

        fn rows(&self) -> usize {
            self.x.len() / self.shape.numbers()
        }

        /// y, dgains, dshifts, dx.
        fn run(&self, isa: Isa) -> [Vec<f32>; 4] {
            let Self { shape, x, gain, shift, dy, .. } = self;
            let rows = self.rows();
            let [mut ys, mut dxs, mut inferred] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
            let [mut dgains, mut dshifts] = [(); 2].map(|()| vec![f32::NAN; rows * shape.channels()]);
            let mut moments = vec![f32::NAN; rows * 3 * shape.groups];
            let (shape, relu) = (*shape, false);
            isa.call(Normalize { shape, xs: x, gain, shift, relu, moments: &mut moments, ys: &mut ys });
            isa.call(Normalize { shape, xs: x, gain, shift, relu, moments: &mut [], ys: &mut inferred });
            assert_eq!(bits(&ys), bits(&inferred), "{isa}, {}: inference", self.what);
            let mut backward = |dxs: &mut [f32]| {
                let (dgains, dshifts) = (&mut dgains, &mut dshifts);
                isa.call(Backward { shape, xs: x, moments: &moments, gain, dys: dy, dgains, dshifts, dxs });
                [dgains.clone(), dshifts.clone()].map(|of| bits(&of))
            };
            assert_eq!(backward(&mut []), backward(&mut dxs), "{isa}, {}", self.what);
            [ys, dgains, dshifts, dxs]
        }

        /// Of the numbers of a row of `width` for each of which there is a channel, those of a group.
        fn part(&self, of: &[f32], group: usize) -> Vec<f64> {
            let size = self.shape.size.get();
            let pixels = of.chunks(self.shape.channels());
            pixels.flat_map(|pixel| &pixel[group * size..][..size]).map(|&x| x.into()).collect()
        }

        /// Every group against the reference, on every instruction set; the last picture alone.
        fn check(&self) {
            let Self { what, shape, .. } = self;
            let (pixels, size) = (shape.pixels, shape.size.get());
            let l = if pixels > 4096 { 1028.0 + pixels as f64 / 4096.0 } else { pixels as f64 / 4.0 + 4.0 };
            let l = l + size.min(16) as f64 + size as f64 / 16.0 + 2.0 + 8.0;
            let mut of_class: [Option<[Vec<u32>; 4]>; 2] = [None, None];
            for isa in Isa::available() {
                let got = self.run(isa);
                let same = got.each_ref().map(|of| bits(of));
                let others = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| same.clone());
                assert!(*others == same, "{isa}, {what}: not the bits of its class");
                self.check_last(isa, &got);
                for (row, group) in (0..self.rows()).flat_map(|row| (0..shape.groups).map(move |g| (row, g)))
                {
                    let of_pictures =
                        |of: &[f32]| self.part(&of[row * shape.numbers()..][..shape.numbers()], group);
                    let of_channels =
                        |of: &[f32]| self.part(&of[row * shape.channels()..][..shape.channels()], group);
                    let (gain, shift) = (self.part(&self.gain, group), self.part(&self.shift, group));
                    let dy = of_pictures(&self.dy);
                    let Group { r, xhat, y, dx, dgain, dshift } =
                        reference([&of_pictures(&self.x), &dy, &gain, &shift]);
                    let near = |got: f64, expected: f64, bound: f64, of: &str| {
                        let error = (got - expected).abs();
                        assert!(
                            error <= bound,
                            "{isa}, {what}, group {group}: {of} is {got}, not {expected}, allowed {bound:e}"
                        );
                    };
                    let [ys, dgains, dshifts, dxs] = &got;
                    for (i, (got, y)) in of_pictures(ys).into_iter().zip(y).enumerate() {
                        let (gain, shift) = (gain[i % size].abs(), shift[i % size].abs());
                        near(got, y, 2.0 * l * U * gain * (xhat[i].abs() + 1.0) + 2.0 * U * shift, "y");
                    }
                    let [mut sums, mut products] = [vec![0.0; size], vec![0.0; size]];
                    for (i, dy) in dy.iter().enumerate() {
                        sums[i % size] += dy.abs();
                        products[i % size] += dy.abs() * (xhat[i].abs() + 1.0);
                    }
                    for (c, (got, dgain)) in of_channels(dgains).into_iter().zip(dgain).enumerate() {
                        near(got, dgain, 3.0 * l * U * products[c], "dgain");
                    }
                    for (c, (got, dshift)) in of_channels(dshifts).into_iter().zip(dshift).enumerate() {
                        near(got, dshift, l * U * sums[c], "dshift");
                    }
                    let n = (pixels * size) as f64;
                    let mean =
                        |of: &[f64]| of.iter().zip(&gain).map(|(x, gain)| x * gain.abs()).sum::<f64>() / n;
                    let (a, b) = (mean(&sums), mean(&products));
                    for (i, (got, dx)) in of_pictures(dxs).into_iter().zip(dx).enumerate() {
                        let size = (gain[i % size] * dy[i]).abs() + a + (xhat[i].abs() + 1.0) * b;
                        near(got, dx, 6.0 * l * U * r * size, "dx");
                    }
                }
            }
        }

        fn check_last(&self, isa: Isa, [ys, dgains, dshifts, dxs]: &[Vec<f32>; 4]) {
            let (numbers, channels) = (self.shape.numbers(), self.shape.channels());
            let last = |of: &[f32], count: usize| of[of.len() - count..].to_vec();
            let (x, dy) = (last(&self.x, numbers), last(&self.dy, numbers));
            let (what, gain, shift) = (self.what.clone(), self.gain.clone(), self.shift.clone());
            let alone = Self { what, x, dy, gain, shift, shape: self.shape }.run(isa);
            let together =
                [last(ys, numbers), last(dgains, channels), last(dshifts, channels), last(dxs, numbers)];
            assert_eq!(
                alone.map(|of| bits(&of)),
                together.map(|of| bits(&of)),
                "{isa}, {}: alone",
                self.what
            );
        }
    }

    #[test]
    fn every_small_shape() {
        for (pixels, groups, size) in
            (1..=5).flat_map(|p| (1..=6).flat_map(move |g| (1..=6).map(move |s| (p, g, s))))
        {
            Pictures::of("ordinary", [pixels, groups, size], 2, &mut |rng, _| rng.normal()).check();
        }
    }

    /// Around the groups of a block, the channels of a vector, and the pixels of a chain.
    #[test]
    fn shapes_at_every_boundary() {
        for groups in [1, 2, 15, 16, 17, 33] {
            for size in [1, 2, 3, 5, 8, 15, 16, 17, 32, 33] {
                for pixels in [1, 15, 16, 19] {
                    let mut number = |rng: &mut Rng, i| (1 + i % 3) as f32 * rng.normal() + (i % 5) as f32;
                    Pictures::of("mixed", [pixels, groups, size], 1, &mut number).check();
                }
            }
        }
        Pictures::of("large", [4100, 2, 3], 1, &mut |rng, _| rng.normal()).check();
        Pictures::of("many channels", [4, 1, 2048], 1, &mut |rng, _| rng.normal()).check();
    }

    #[test]
    fn numbers_of_every_size() {
        for shape in [[6, 3, 2], [1, 2, 20], [20, 18, 1], [35, 1, 17]] {
            let check = |what: &str, number: &mut dyn FnMut(&mut Rng, usize) -> f32| {
                Pictures::of(what, shape, 2, number).check();
            };
            check("around 1e4", &mut |rng, _| 1e4 + 0.01 * rng.normal());
            check("around -1e6", &mut |rng, _| -1e6 + rng.normal());
            check("neighbours", &mut |_, i| if i % 3 == 0 { 100_000.1 } else { 100_000.11 });
            check("an outlier first", &mut |rng, i| if i == 0 { 1e4 } else { rng.normal() });
            check("an outlier last", &mut |rng, i| if i % 7 == 6 { -1e4 } else { rng.normal() });
            check("channels of other sizes", &mut |rng, i| 10.0_f32.powi(i as i32 % 5) * rng.normal());
            for size in [1e-45, 1e-38, 1e-20, 1e-3, 1e10, 1e17] {
                check(&format!("up to {size:e}"), &mut |rng, _| size * (2.0 * rng.uniform() - 1.0));
                check(&format!("around {size:e}"), &mut |rng, _| size * (1.0 + 1e-6 * rng.uniform()));
            }
        }
    }

    /// The reference's gradients against central differences of sum dy y.
    #[test]
    fn gradients_are_slopes() {
        for (pixels, size) in (1..=4).flat_map(|pixels| (1..=4).map(move |size| (pixels, size))) {
            let mut rng = Rng::new((10 * pixels + size) as u64);
            let mut random = |count| (0..count).map(|_| f64::from(rng.normal())).collect::<Vec<f64>>();
            let [x, dy] = [(); 2].map(|()| random(pixels * size));
            let [gain, shift] = [(); 2].map(|()| random(size));
            let group = reference([&x, &dy, &gain, &shift]);
            let check = |what: &str, at: &[f64], gradient: &[f64], y: &dyn Fn(&[f64]) -> Vec<f64>| {
                for (i, &gradient) in gradient.iter().enumerate() {
                    let step = 1e-3 / group.r.max(1.0);
                    let loss = |step: f64| {
                        let mut at = at.to_vec();
                        at[i] += step;
                        y(&at).iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
                    };
                    let slope = |step| (loss(step) - loss(-step)) / (2.0 * step);
                    // Without the error's largest term.
                    let slope = (4.0 * slope(step) - slope(2.0 * step)) / 3.0;
                    let allowed = 1e-6 * (group.r + slope.abs());
                    assert!((gradient - slope).abs() <= allowed, "{what} {i}: {gradient}, not {slope}");
                }
            };
            check("dx", &x, &group.dx, &|x| reference([x, &dy, &gain, &shift]).y);
            check("dgain", &gain, &group.dgain, &|gain| reference([&x, &dy, gain, &shift]).y);
            check("dshift", &shift, &group.dshift, &|shift| reference([&x, &dy, &gain, shift]).y);
        }
    }

    #[test]
    fn a_constant_group_is_its_shift() {
        for constant in [0.0, -0.0, 1e-45, 10_000.7, -1e19, 3e38, f32::MIN] {
            let pictures = Pictures::of("constant", [5, 3, 7], 2, &mut |_, i| {
                if i % 21 / 7 == 1 { constant } else { (i % 4) as f32 }
            });
            for isa in Isa::available() {
                let [ys, dgains, ..] = pictures.run(isa);
                for y in ys.chunks(21) {
                    assert_eq!(y[7..14], pictures.shift[7..14], "{isa}, {constant:e}");
                }
                for dgain in dgains.chunks(21) {
                    assert_eq!(dgain[7..14], [0.0; 7], "{isa}, {constant:e}");
                }
            }
        }
    }

    /// A bad number is in its own group of its own picture only.
    #[test]
    fn what_is_not_finite() {
        for (groups, size) in [(3, 2), (18, 1), (2, 17)] {
            let width = groups * size;
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e38] {
                for at in 0..3 * width {
                    let mut number =
                        |rng: &mut Rng, i| if i == at + 3 * width { bad } else { 1.0 + rng.uniform() };
                    let pictures = Pictures::of("bad", [3, groups, size], 3, &mut number);
                    let hit = |i: usize| i / (3 * width) == 1 && i % width / size == at % width / size;
                    for isa in Isa::available() {
                        let [ys, _, _, dxs] = pictures.run(isa);
                        for of in [ys, dxs] {
                            let right = of.iter().enumerate().all(|(i, x)| x.is_nan() == hit(i));
                            assert!(right, "{isa}, {bad} at {at}, {groups} x {size}: {of:?}");
                        }
                    }
                }
            }
        }
    }
}
