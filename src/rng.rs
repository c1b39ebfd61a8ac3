//! A small seeded generator that gives the same numbers on every machine.
//!
//! PCG-XSH-RR 64/32 (M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
//! Random Number Generation", 2014): eight bytes of state and one 64-bit multiplication per draw, which is affordable
//! on a Cortex-M0. Not for cryptography.

use crate::Error;
use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::layout;

/// A seeded generator of reproducible random numbers.
///
/// ```
/// use fusebox::Rng;
/// let mut rng = Rng::new(7);
/// let x = rng.uniform();
/// assert!((0.0..1.0).contains(&x));
/// assert_eq!(Rng::new(7).uniform(), x);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: u64,
}

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

/// 2^64 divided by the golden ratio, rounded to odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64: every bit of the result depends on every bit of `x`.
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The seed of [`Rng::stream`].
pub(crate) const fn stream_seed(seed: u64, index: u64) -> u64 {
    mix(mix(seed).wrapping_add(index.wrapping_mul(GOLDEN)))
}

impl Rng {
    /// A generator whose sequence is determined by `seed`.
    pub const fn new(seed: u64) -> Self {
        let state = seed.wrapping_add(INCREMENT).wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        Self { state }
    }

    /// One of many independent generators derived from one seed, one for each `index`.
    ///
    /// Seed and index are mixed by the finaliser of SplitMix64 (G. Steele and others, "Fast Splittable Pseudorandom
    /// Number Generators", 2014), because seeds that differ in few bits would give correlated sequences.
    ///
    /// ```
    /// use fusebox::Rng;
    /// assert_eq!(Rng::stream(7, 1), Rng::stream(7, 1));
    /// assert_ne!(Rng::stream(7, 1).next_u32(), Rng::stream(7, 2).next_u32());
    /// ```
    pub const fn stream(seed: u64, index: u64) -> Self {
        Self::new(stream_seed(seed, index))
    }

    /// The next 32 random bits.
    ///
    /// ```
    /// let mut rng = fusebox::Rng::new(1);
    /// assert_ne!(rng.next_u32(), rng.next_u32());
    /// ```
    pub const fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        let xorshifted = (((old >> 18) ^ old) >> 27) as u32;
        xorshifted.rotate_right((old >> 59) as u32)
    }

    /// A number in `[0, 1)`: 24 random bits, each a multiple of 2^-24.
    pub const fn uniform(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A uniformly distributed integer below `bound`; 0 if `bound` is 0.
    ///
    /// Source: D. Lemire, "Fast Random Integer Generation in an Interval", 2019.
    ///
    /// ```
    /// let mut rng = fusebox::Rng::new(1);
    /// assert!((0..100).all(|_| rng.below(6) < 6));
    /// assert_eq!(rng.below(0), 0);
    /// ```
    pub const fn below(&mut self, bound: u32) -> u32 {
        let mut product = self.next_u32() as u64 * bound as u64;
        if (product as u32) < bound {
            // 2^32 mod bound values of the low half would cause bias: draw again for those.
            let excess = bound.wrapping_neg() % bound;
            while (product as u32) < excess {
                product = self.next_u32() as u64 * bound as u64;
            }
        }
        (product >> 32) as u32
    }

    /// An approximately standard normal number: the sum of twelve uniform ones minus six (variance 1, tails cut at
    /// +-6). It needs no logarithm and gives the same bits everywhere.
    ///
    /// ```
    /// let mut rng = fusebox::Rng::new(3);
    /// let mean: f32 = (0..1000).map(|_| rng.normal()).sum::<f32>() / 1000.0;
    /// assert!(mean.abs() < 0.1);
    /// ```
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// Shuffles `items` (Fisher and Yates). For more than 20 items, not every order can occur. Of a slice longer than
    /// 2^32 - 1 items, only the first 2^32 - 1 are shuffled.
    ///
    /// ```
    /// let mut order = [0, 1, 2, 3, 4];
    /// fusebox::Rng::new(2).shuffle(&mut order);
    /// order.sort();
    /// assert_eq!(order, [0, 1, 2, 3, 4]);
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let count = items.len().min(u32::MAX as usize);
        let mut rest = items.get_mut(..count).unwrap_or_default();
        while let Some((last, before @ [_, ..])) = rest.split_last_mut() {
            let other = self.below(before.len() as u32 + 1);
            // An item may be swapped with itself.
            if let Some(other) = before.get_mut(other as usize) {
                core::mem::swap(last, other);
            }
            rest = before;
        }
    }
}

impl Part for Rng {
    const BYTES: usize = u64::BYTES;
    const LAYOUT: u64 = layout("Rng", &[]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.state.write(to)
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.state.read(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From another implementation, which reproduces the outputs published with PCG for their stream.
    #[test]
    fn known_answers() {
        let mut rng = Rng::new(42);
        let expected = [
            0xC2F5_7BD6,
            0x6B07_C4A9,
            0x72B7_B29B,
            0x4421_5383,
            0xF5AF_5EAD,
            0x68BE_B632,
            0xCBC7_312C,
            0xD5EF_C7D7,
        ];
        assert_eq!(expected.map(|_| rng.next_u32()), expected);
    }
}
