//! The Fourier transform of 512 real samples in 16 bits, with the roundings of KISS FFT's fixed point.
//!
//! Pairs of samples are taken as 256 complex numbers. Their transform has four stages of radix 4, decimated in time: with the numbers
//! in the order of their reversed digits of base four, a stage combines four transforms of M into one of 4 M, in place.
//!
//! ```text
//! each of a, b, c, d is divided by 4; b, c, d are multiplied by t^k, t^2k, t^3k, t = e^(-2 pi i / 4M)
//! a' = a + c + (b + d)        b' = a - c - i (b - d)
//! c' = a + c - (b + d)        d' = a - c + i (b - d)
//! ```
//!
//! Then the transform of the real samples is taken from it: z(k) and z(256 - k) hold x(k) and x(256 - k), for the even samples' transform
//! is (z(k) + z*(256 - k)) / 2 and the odd ones' is (z(k) - z*(256 - k)) / 2i.
//!
//! A product of numbers with 15 bits after the point is rounded half up. Sums wrap, as they do there.

use super::series::cos;

/// Complex numbers, and bins.
const SIZE: usize = 256;

/// A complex number with 15 bits after the point.
#[derive(Clone, Copy, Debug)]
struct Complex {
    re: i16,
    im: i16,
}

impl Complex {
    const ZERO: Self = Self { re: 0, im: 0 };

    const fn add(self, other: Self) -> Self {
        Self { re: self.re.wrapping_add(other.re), im: self.im.wrapping_add(other.im) }
    }

    const fn sub(self, other: Self) -> Self {
        Self { re: self.re.wrapping_sub(other.re), im: self.im.wrapping_sub(other.im) }
    }

    const fn mul(self, other: Self) -> Self {
        let [a, b, c, d] = [self.re as i32, self.im as i32, other.re as i32, other.im as i32];
        Self { re: round(a * c - b * d), im: round(a * d + b * c) }
    }

    /// Over `n`, which is multiplying by 32767 / n.
    const fn over(self, n: i32) -> Self {
        let part = i16::MAX as i32 / n;
        Self { re: round(self.re as i32 * part), im: round(self.im as i32 * part) }
    }

    /// -i times it.
    const fn turn(self) -> Self {
        Self { re: self.im, im: self.re.wrapping_neg() }
    }

    const fn conjugate(self) -> Self {
        Self { re: self.re, im: self.im.wrapping_neg() }
    }
}

/// From 30 bits after the point to 15.
const fn round(x: i32) -> i16 {
    ((x + (1 << 14)) >> 15) as i16
}

/// e^(-2 pi i k / 512).
static CIRCLE: [Complex; 2 * SIZE] = {
    // Floor of x + 1/2, by an offset that makes it positive.
    const fn nearest(x: f64) -> i16 {
        ((x * i16::MAX as f64 + 32768.5) as i32 - 32768) as i16
    }
    let mut circle = [Complex::ZERO; 2 * SIZE];
    let step = core::f64::consts::TAU / (2 * SIZE) as f64;
    let mut k = 0;
    while k < 2 * SIZE {
        // -sin(x) = cos(x + pi / 2).
        let quarter = (k + SIZE / 2) % (2 * SIZE);
        circle[k] = Complex { re: nearest(cos(step * k as f64)), im: nearest(cos(step * quarter as f64)) };
        k += 1;
    }
    circle
};

/// Samples, and then their transform: bins of 31.25 Hz from 0 to 7969.
#[derive(Debug)]
pub(super) struct Spectrum([Complex; SIZE]);

impl Spectrum {
    pub(super) const fn new() -> Self {
        Self([Complex::ZERO; SIZE])
    }

    /// Overwrites it with 512 samples, zeros where there are fewer, in the order that [`transform`](Self::transform) wants.
    pub(super) fn load(&mut self, mut samples: impl Iterator<Item = i16>) {
        for k in 0..=u8::MAX {
            // Four digits of base four, reversed: all bits are, and then the two of each digit are turned back.
            let reversed = k.reverse_bits();
            let place = (reversed & 0x55) << 1 | (reversed & 0xaa) >> 1;
            self.0[usize::from(place)] =
                Complex { re: samples.next().unwrap_or(0), im: samples.next().unwrap_or(0) };
        }
    }

    /// Multiplies all samples by 2^`bits`, at most 15; what leaves the 16 bits is lost.
    pub(super) fn shift_left(&mut self, bits: u32) {
        for z in &mut self.0 {
            *z = Complex { re: z.re.wrapping_shl(bits), im: z.im.wrapping_shl(bits) };
        }
    }

    /// Samples to bins, divided by 512.
    pub(super) fn transform(&mut self) {
        stage::<1>(&mut self.0);
        stage::<4>(&mut self.0);
        stage::<16>(&mut self.0);
        stage::<64>(&mut self.0);
        self.separate();
    }

    /// From the transform of the complex numbers to that of the real samples. Bin 0 stays as it is: nobody asks for it.
    fn separate(&mut self) {
        let half = |x: i32| (x >> 1) as i16;
        for k in 1..=SIZE / 2 {
            let [x, y] = [self.0[k].over(2), self.0[SIZE - k].conjugate().over(2)];
            let [even, odd] = [x.add(y), x.sub(y).mul(CIRCLE[SIZE / 2 + k])];
            let [a, b, c, d] = [even.re, even.im, odd.re, odd.im].map(i32::from);
            self.0[k] = Complex { re: half(a + c), im: half(b + d) };
            self.0[SIZE - k] = Complex { re: half(a - c), im: half(d - b) };
        }
    }

    /// The squares of the bins' absolute values.
    pub(super) fn energies(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|z| {
            let [re, im] = [i32::from(z.re), i32::from(z.im)];
            (re * re) as u32 + (im * im) as u32
        })
    }
}

/// From transforms of `M` numbers to those of 4 M.
fn stage<const M: usize>(numbers: &mut [Complex; SIZE]) {
    for [a, b, c, d] in numbers.as_chunks_mut::<M>().0.as_chunks_mut::<4>().0 {
        for (k, (((a, b), c), d)) in a.iter_mut().zip(b).zip(c).zip(d).enumerate() {
            let turn = |n: usize| CIRCLE[n * k * (SIZE / 2 / M) % (2 * SIZE)];
            let [z, p, q, r] = [*a, *b, *c, *d].map(|z| z.over(4));
            let [p, q, r] = [p.mul(turn(1)), q.mul(turn(2)), r.mul(turn(3))];
            let [sum, difference] = [z.add(q), z.sub(q)];
            let [across, turned] = [p.add(r), p.sub(r).turn()];
            [*a, *b, *c, *d] =
                [sum.add(across), difference.add(turned), sum.sub(across), difference.sub(turned)];
        }
    }
}
