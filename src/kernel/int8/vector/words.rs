//! What an instruction set with vectors does for products: sixteen sums of words, which are four bytes, and their scaling.
//!
//! A lane is an output, so no sum is taken along a vector. Sums are scaled in halves of 64 bits, even lanes and odd ones:
//!
//! ```text
//! high = floor((sum mantissa + (2^30 if Double)) / 2^31)              at most 2^31 - 1, more than -2^31
//! high = high - (high < 0 if Double)
//! half = floor(high / 2^(right - 1))                                  right = -exponent, from 1 to 31
//! y    = floor((half + 1 + 2 zero) / 2)                               saturated to 16 bits before
//! ```
//!
//! `half` is twice the output, whose last bit the last line rounds up: a half goes up. Less one, negative numbers round a half away
//! from zero, as [`Double`] does. [`Single`] adds `2^(30 + right)` to the product before one shift by `31 + right`; the floor of
//! a floor's quotient is the floor of the quotient by both.

use super::rows::LANES;
use crate::kernel::int8::scale::{Clamp, Double, Multiplier, Rounding, Single};

/// Work that can be done by any [`Words`].
pub(super) trait Work {
    /// Does the work. Implementations are `#[inline(always)]`: they must be inlined into [`Words::call`]'s function.
    fn run<W: Words>(self, words: W);
}

/// Products of words, which are four bytes. The implementing type is a token: a value of it proves that the processor has
/// the instructions.
pub(super) trait Words: Copy {
    /// Sixteen sums of 32 bits.
    type Sums: Copy;
    /// A word of weights of each of sixteen outputs.
    type Weights: Copy;
    /// A word of inputs, for every output.
    type Inputs: Copy;
    /// A byte of each of four taps, in words, for sixteen channels.
    type Taps: Copy;
    /// What sixteen sums are scaled by.
    type Scale: Copy;

    /// What is added to each weight when it is read.
    const OFFSET: i32;
    /// Rows of the largest strip whose sums fit in the registers: 16 or 4.
    const STRIP: usize;

    /// Runs `work` in a function compiled for this instruction set.
    fn call<W: Work>(self, work: W);

    /// The sums of `N` rows, each of `count` stretches of `len` inputs, which are `apart` bytes apart.
    ///
    /// # Safety
    /// All stretches of each row can be read.
    #[inline(always)]
    unsafe fn totals<const N: usize>(
        self,
        rows: [*const i8; N],
        [len, count, apart]: [usize; 3],
    ) -> [i32; N] {
        rows.map(|row| {
            let mut total = 0;
            for stretch in 0..count {
                for i in 0..len {
                    // SAFETY: this function's contract.
                    total += i32::from(unsafe { row.add(stretch * apart + i).read() });
                }
            }
            total
        })
    }

    fn load(self, sums: &[i32; LANES]) -> Self::Sums;

    /// Overwrites `to`.
    fn store(self, sums: Self::Sums, to: &mut [i32; LANES]);

    /// `sums + x`, wrapping.
    fn plus(self, sums: Self::Sums, x: i32) -> Self::Sums;

    /// The tiles of four outputs each.
    ///
    /// # Safety
    /// A tile, sixteen bytes, can be read at each.
    unsafe fn weights(self, tiles: [*const i8; 4]) -> Self::Weights;

    /// # Safety
    /// A word can be read at `x`.
    unsafe fn inputs(self, x: *const i8) -> Self::Inputs;

    /// `sums + w x`, wrapping.
    fn add(self, sums: Self::Sums, w: Self::Weights, x: Self::Inputs) -> Self::Sums;

    /// Adds the products of the first words of one row. Returns the sums, and how many words that was.
    ///
    /// # Safety
    /// `count` tiles can be read at each of `tiles`, and `count` words at `x`.
    #[inline(always)]
    unsafe fn row(
        self,
        sums: Self::Sums,
        _tiles: [*const i8; 4],
        _x: *const i8,
        _count: usize,
    ) -> (Self::Sums, usize) {
        (sums, 0)
    }

    /// Bytes of sixteen channels at each of four taps.
    ///
    /// # Safety
    /// Sixteen bytes can be read at each.
    unsafe fn taps(self, taps: [*const i8; 4]) -> Self::Taps;

    /// Which of 64 channels is in a lane of a register of [`Words::taps_of_all`].
    #[inline(always)]
    fn channel(register: usize, lane: usize) -> usize {
        register * LANES + lane
    }

    /// Bytes of 64 channels at each of four taps.
    ///
    /// # Safety
    /// 64 bytes can be read at each.
    #[inline(always)]
    unsafe fn taps_of_all(self, [a, b, c, d]: [*const i8; 4]) -> [Self::Taps; 4] {
        // SAFETY: this function's contract.
        unsafe {
            [
                self.taps([a, b, c, d]),
                self.taps([a.add(16), b.add(16), c.add(16), d.add(16)]),
                self.taps([a.add(32), b.add(32), c.add(32), d.add(32)]),
                self.taps([a.add(48), b.add(48), c.add(48), d.add(48)]),
            ]
        }
    }

    /// Overwrites 64 bytes at `to` with the outputs of 64 channels, in their order.
    ///
    /// # Safety
    /// They can be written.
    #[inline(always)]
    unsafe fn output_all(self, halves: [Self::Sums; 4], clamp: Clamp, to: *mut i8) {
        // SAFETY: this function's contract.
        unsafe { self.outputs(halves, clamp, to, LANES) };
    }

    /// `sums + w (x + offset)`, wrapping; what is added to `x` is the same for all.
    fn add_taps(self, sums: Self::Sums, x: Self::Taps, w: Self::Taps) -> Self::Sums;

    /// Also returns whether [`Words::halves`] is defined for all: mantissas are not negative, and exponents from -31 to -1.
    fn scale(self, scale: &[Multiplier; LANES], twice: bool) -> (Self::Scale, bool);

    /// Twice the sums, scaled, not yet rounded: `half`.
    fn halves(self, sums: Self::Sums, scale: &Self::Scale) -> Self::Sums;

    /// Overwrites `to` with [`Clamp::output`] of the first `count` halves, rounded, at most 16.
    ///
    /// # Safety
    /// `count` bytes can be written at `to`.
    unsafe fn output(self, halves: Self::Sums, clamp: Clamp, to: *mut i8, count: usize);

    /// Overwrites sixteen bytes at `to`, and at every `stride` bytes after, with [`Clamp::output`] of four times sixteen halves.
    ///
    /// # Safety
    /// Sixteen bytes can be written at each of the four places.
    #[inline(always)]
    unsafe fn outputs(self, halves: [Self::Sums; 4], clamp: Clamp, to: *mut i8, stride: usize) {
        for i in 0..4 {
            // SAFETY: this function's contract.
            unsafe { self.output(halves[i], clamp, to.add(i * stride), LANES) };
        }
    }
}

/// The scales of sixteen outputs: in vectors, unless one is a half or more, which is rare.
pub(super) struct Scales<'a, W: Words> {
    scale: &'a [Multiplier; LANES],
    twice: bool,
    in_vectors: bool,
    vectors: W::Scale,
}

impl<'a, W: Words> Scales<'a, W> {
    /// `twice` is whether sums are rounded as [`Double`] does it.
    #[inline(always)]
    pub(super) fn new(words: W, scale: &'a [Multiplier; LANES], twice: bool) -> Self {
        let (vectors, in_vectors) = words.scale(scale, twice);
        Self { scale, twice, in_vectors, vectors }
    }

    /// See [`Words::halves`].
    #[inline(always)]
    pub(super) fn halves<const P: usize>(&self, words: W, mut sums: [W::Sums; P]) -> [W::Sums; P] {
        if self.in_vectors {
            for p in 0..P {
                sums[p] = words.halves(sums[p], &self.vectors);
            }
        } else {
            let mut numbers = [[0; LANES]; P];
            for p in 0..P {
                words.store(sums[p], &mut numbers[p]);
            }
            one_by_one(&mut numbers, self.scale, self.twice);
            for p in 0..P {
                sums[p] = words.load(&numbers[p]);
            }
        }
        sums
    }
}

/// Scales each, and doubles it.
#[cold]
#[inline(never)]
fn one_by_one(rows: &mut [[i32; LANES]], scale: &[Multiplier; LANES], twice: bool) {
    for (sum, &scale) in rows.iter_mut().flat_map(|row| row.iter_mut().zip(scale)) {
        let y = if twice { Double::scale(*sum, scale) } else { Single::scale(*sum, scale) };
        *sum = y.saturating_mul(2);
    }
}

/// The first sixteen; or a copy of all in `space`, and then `none`.
#[inline(always)]
pub(super) fn padded<'a, T: Copy>(values: &'a [T], none: T, space: &'a mut [T; LANES]) -> &'a [T; LANES] {
    if let Some(values) = values.first_chunk() {
        return values;
    }
    *space = [none; LANES];
    for (to, &value) in space.iter_mut().zip(values) {
        *to = value;
    }
    space
}
