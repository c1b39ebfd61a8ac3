//! The numbers of activations.

use super::scale::Clamp;
use crate::kernel::int16;
use crate::{Plain, Zeroed};
use core::fmt::Debug;

/// A whole number of an activation: of eight bits or of sixteen.
pub trait Number: Plain + Ord + Debug + Into<i32> {
    /// The range of an output, and what else a layer clamps it by.
    type Clamp: Copy + Debug + Eq + Zeroed;

    /// The least and the most of a range.
    fn range(clamp: Self::Clamp) -> [Self; 2];
    /// `y`, clamped to a range: its least and its most.
    fn within(range: [Self; 2], y: i32) -> Self;
}

impl Number for i8 {
    type Clamp = Clamp;

    #[inline(always)]
    fn range(clamp: Clamp) -> [Self; 2] {
        [clamp.least, clamp.most]
    }

    #[inline(always)]
    fn within([least, most]: [Self; 2], y: i32) -> Self {
        // Not `clamp`, which panics if the bounds are exchanged.
        y.max(least.into()).min(most.into()) as Self
    }
}

impl Number for i16 {
    type Clamp = int16::Clamp;

    #[inline(always)]
    fn range(clamp: int16::Clamp) -> [Self; 2] {
        [clamp.least, clamp.most]
    }

    #[inline(always)]
    fn within([least, most]: [Self; 2], y: i32) -> Self {
        y.max(least.into()).min(most.into()) as Self
    }
}
