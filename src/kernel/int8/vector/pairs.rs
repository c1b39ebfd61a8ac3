//! Sums, differences and products of two arrays, number by number, scaled by one multiplier.
//!
//! A term of a sum is a number of nine bits times a multiplier; two products of 32 bits give it exactly:
//!
//! ```text
//! d    = x - zero
//! high = floor((d 2^20 m + bias 2^20) / 2^31)              bias: 2^10 for Double, and where right is 0
//!      = d floor(m / 2^11) + floor((d (m mod 2^11) + bias) / 2^11)
//! term = floor((high + half - (high < 0 if Double)) / 2^right)    half: 2^(right - 1); neither if right is 0
//! ```
//!
//! Double rounds the product and then the quotient; Single, the quotient only: the floor of a floor's quotient is the floor of the
//! quotient by both.
//!
//! The loops are plain, and the compiler makes vectors of them; scaling sums is [`Words::halves`].

use super::rows::LANES;
use super::words::{Scales, Words, Work};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use crate::kernel::int8::sums::Term;

/// Sums on the stack.
const AT_ONCE: usize = 256;

/// What is made of two numbers, before it is scaled.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// The sum of their terms.
    Sum([Fixed; 2]),
    /// The first term less the second.
    Difference([Fixed; 2]),
    /// The product of what they are above these zeros.
    Product([i8; 2]),
}

/// A term's multiplier: see above.
#[derive(Clone, Copy)]
pub(crate) struct Fixed {
    zero: i32,
    upper: i32,
    lower: i32,
    bias: i32,
    half: i32,
    /// -1 if negative numbers are rounded down at a half, else 0.
    away: i32,
    right: u32,
}

impl Fixed {
    /// None unless the factor is at least 0 and less than 1.
    pub(crate) fn new(Term { scale, zero }: Term, twice: bool) -> Option<Self> {
        const { assert!(crate::kernel::int8::sums::BITS == 20) };
        if scale.mantissa < 0 || scale.exponent > 0 {
            return None;
        }
        let right = scale.exponent.unsigned_abs().min(31);
        let rounds = right > 0;
        Some(Self {
            zero: i32::from(zero),
            upper: scale.mantissa >> 11,
            lower: scale.mantissa & 0x7FF,
            bias: i32::from(twice || !rounds) << 10,
            half: i32::from(rounds) << right.saturating_sub(1),
            away: -i32::from(twice && rounds),
            right,
        })
    }

    /// Nothing overflows: `high` is less than 2^28.
    #[inline(always)]
    pub(super) fn of(self, x: i8) -> i32 {
        let d = i32::from(x) - self.zero;
        let high = d * self.upper + ((d * self.lower + self.bias) >> 11);
        (high + self.half + (high >> 31 & self.away)) >> self.right
    }
}

/// `y = clamp(round(of(x) scale) + zero)`, of each pair of `xs`.
pub(super) struct Pairs<'a> {
    pub(super) xs: [&'a [i8]; 2],
    pub(super) of: Of,
    pub(super) scale: Multiplier,
    pub(super) twice: bool,
    pub(super) clamp: Clamp,
    pub(super) ys: &'a mut [i8],
}

impl Of {
    /// Overwrites the first sums.
    #[inline(always)]
    fn fill(&self, [a, b]: [&[i8]; 2], sums: &mut [i32; AT_ONCE]) {
        match *self {
            Self::Sum([first, second]) => {
                for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                    *sum = first.of(a).wrapping_add(second.of(b));
                }
            }
            Self::Difference([first, second]) => {
                for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                    *sum = first.of(a).wrapping_sub(second.of(b));
                }
            }
            Self::Product([first, second]) => {
                for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                    *sum = (i32::from(a) - i32::from(first)) * (i32::from(b) - i32::from(second));
                }
            }
        }
    }
}

impl Work for Pairs<'_> {
    #[inline(always)]
    fn run<W: Words>(self, words: W) {
        let Self { xs: [a, b], of, clamp, ys, .. } = self;
        let (scale, mut sums) = ([self.scale; LANES], [0; AT_ONCE]);
        let scales = Scales::new(words, &scale, self.twice);
        let mut start = 0;
        while start < ys.len() {
            let end = ys.len().min(start + AT_ONCE);
            let (a, b) = (a.get(start..end), b.get(start..end));
            of.fill([a.unwrap_or_default(), b.unwrap_or_default()], &mut sums);
            let mut sums = sums.as_ptr();
            while start < end {
                // SAFETY: `start` is below `end`, and sums come in sixteens; as many bytes can be written as are left.
                unsafe {
                    let [halves] = scales.halves(words, [words.load(&*sums.cast())]);
                    words.output(halves, clamp, ys.as_mut_ptr().add(start), LANES.min(end - start));
                }
                (sums, start) = (sums.wrapping_add(LANES), start + LANES);
            }
        }
    }
}
