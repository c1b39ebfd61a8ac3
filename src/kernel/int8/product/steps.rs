//! The scales of sixteen outputs at once: one multiplication, two additions and one shift in 64 bits.
//!
//! ```text
//! p = (sum 2^left) mantissa
//! y = floor((p + half + (p < -2^30 ? below : 0)) / 2^shift)
//!
//!           left                  shift                             half                        below
//! Double    exponent, 0 to 31     31 + right                        2^30, and 2^(30 + right)    -2^31 if right > 0
//!                                 right: -exponent, 0 to 31         if right > 0
//! Single    0                     31 - exponent, 0 to 62            2^shift / 2                 0
//! ```
//!
//! [`Double`](crate::int8::Double) rounds `p / 2^31`, a half up, to `high`; then `high / 2^right`, a half away from zero, which is
//! `floor((high + 2^(right - 1) - (high < 0)) / 2^right)`. The floor of a floor's quotient is the floor of the quotient by
//! both, and `high` is negative where `p < -2^30`. Nothing overflows: |p| is at most 2^62, and half 2^61 + 2^30.

use crate::kernel::int8::scale::Multiplier;

/// Sixteen numbers of 64 bits, lane by lane. A value of it proves that the processor has the instructions.
pub(super) trait Long: Copy {
    /// This number in every lane.
    fn of(self, x: i64) -> Self;
    fn add(self, other: Self) -> Self;
    /// The products of the lower halves, which are signed.
    fn mul(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    /// `value` where this is less than `limit`, else 0.
    fn less(self, limit: Self, value: Self) -> Self;
    /// Times 2^power, which is at least 0 and less than 64.
    fn left(self, power: Self) -> Self;
    /// Over 2^power, rounded down; `power` is at least 0 and less than 64.
    fn right(self, power: Self) -> Self;
}

/// What sixteen sums are multiplied, added and shifted by.
#[derive(Clone, Copy)]
pub(super) struct Steps<L> {
    /// Whether `left` is not 0 everywhere. It seldom is: networks scale their sums down.
    shifts_left: bool,
    left: L,
    mantissa: L,
    half: L,
    below: L,
    shift: L,
}

impl<L: Long> Steps<L> {
    /// Of multipliers as they are in memory, the mantissa in the lower half and the exponent in the upper one. `scales_up`
    /// is whether an exponent is positive; `twice`, whether it is the scale of `Double`.
    #[inline(always)]
    pub(super) fn new(scale: L, scales_up: bool, twice: bool) -> Self {
        const { assert!(size_of::<Multiplier>() == 8) };
        let (zero, most) = (scale.of(0), scale.of(31));
        let exponent = scale.right(scale.of(32));
        let negated = exponent.mul(scale.of(-1));
        if twice {
            let right = negated.max(zero).min(most);
            Self {
                shifts_left: scales_up,
                left: exponent.max(zero).min(most),
                mantissa: scale,
                half: scale.of(1 << 30).left(right).add(exponent.less(zero, scale.of(1 << 30))),
                below: exponent.less(zero, scale.of(-1 << 31)),
                shift: right.add(most),
            }
        } else {
            let shift = negated.add(most).max(zero).min(scale.of(62));
            let half = scale.of(1).left(shift).right(scale.of(1));
            Self { shifts_left: false, left: zero, mantissa: scale, half, below: zero, shift }
        }
    }

    /// The sums, scaled.
    #[inline(always)]
    pub(super) fn scaled(&self, sums: L) -> L {
        let sums = if self.shifts_left { sums.left(self.left) } else { sums };
        let product = sums.mul(self.mantissa);
        let below = product.less(sums.of(-1 << 30), self.below);
        product.add(self.half).add(below).right(self.shift)
    }
}
