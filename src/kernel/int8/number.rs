//! The numbers of activations.

use crate::Plain;
use core::fmt::Debug;

/// A whole number of an activation: of eight bits or of sixteen.
pub trait Number: Plain + Ord + Debug + Into<i32> {
    /// `y`, clamped to a range: its least and its most.
    fn within(range: [Self; 2], y: i32) -> Self;
}

impl Number for i8 {
    #[inline(always)]
    fn within([least, most]: [Self; 2], y: i32) -> Self {
        // Not `clamp`, which panics if the bounds are exchanged.
        y.max(least.into()).min(most.into()) as Self
    }
}

impl Number for i16 {
    #[inline(always)]
    fn within([least, most]: [Self; 2], y: i32) -> Self {
        y.max(least.into()).min(most.into()) as Self
    }
}
