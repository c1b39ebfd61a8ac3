//! Memory made of memory: either of two values, both, a stretch of each; aligned.

use super::{Plain, Zeroed};
use core::fmt;

/// Memory for either of two values, as large as the larger one. Layers that run one after the other share it. Packed, so that no
/// byte is in neither: the larger may be of bytes, and the other of numbers of four.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub union Either<A: Plain, B: Plain> {
    one: A,
    other: B,
}

impl<A: Plain, B: Plain> fmt::Debug for Either<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Either").field("bytes", &size_of::<Self>()).finish()
    }
}

impl<A: Plain, B: Plain> Zeroed for Either<A, B> {
    // SAFETY: zero is a valid number, so all zeros are a value of both types.
    const ZEROED: Self = unsafe { core::mem::MaybeUninit::zeroed().assume_init() };
}

// SAFETY: all bytes of the larger member are numbers, and both members start at offset 0.
unsafe impl<A: Plain, B: Plain> Plain for Either<A, B> {
    type Slack = Pair<A::Slack, B::Slack>;

    const CHECKED: () = (A::CHECKED, B::CHECKED).0;
}

/// Two values, one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Pair<A, B>(
    /// The first.
    pub A,
    /// The second.
    pub B,
);

impl<A: Zeroed, B: Zeroed> Zeroed for Pair<A, B> {
    const ZEROED: Self = Self(A::ZEROED, B::ZEROED);
}

// SAFETY: `repr(C)` and two fields of plain numbers, which leave no padding between them.
unsafe impl<A: Plain, B: Plain> Plain for Pair<A, B> {
    type Slack = Pair<A::Slack, B::Slack>;

    const CHECKED: () = {
        let _ = (A::CHECKED, B::CHECKED);
        assert!(
            size_of::<Self>() == size_of::<A>() + size_of::<B>(),
            "a Pair of bytes and of numbers of four bytes has padding"
        );
    };
}

/// Memory for a stretch of values `A` and one of `B`, whatever their numbers are, each starting at a multiple of four
/// bytes. A type that counts: stretches are cut from the `f32`s of many of them, and it has room for every one, because
/// for n rows of `a` bytes and at least three of slack, ceil(n a / 4) <= floor(n (a + 3) / 4).
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Beside<A: Plain, B: Plain>(A, A::Slack, B, B::Slack);

impl<A: Plain, B: Plain> fmt::Debug for Beside<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").field("bytes", &size_of::<Self>()).finish()
    }
}

impl<A: Plain, B: Plain> Zeroed for Beside<A, B> {
    const ZEROED: Self = Self(A::ZEROED, Zeroed::ZEROED, B::ZEROED, Zeroed::ZEROED);
}

// SAFETY: fields of plain numbers, packed, so without padding and with an alignment of 1. What is cut from it is rounded
// up already.
unsafe impl<A: Plain, B: Plain> Plain for Beside<A, B> {
    type Slack = ();

    const CHECKED: () = (A::CHECKED, B::CHECKED).0;
}

/// Aligns `T` for the widest vectors: to 64 bytes on processors with SIMD, to 4 on microcontrollers, where saving
/// memory matters more than avoiding a split cache line.
///
/// Wrap an array of weight bytes in it to view it with `from_bytes`. Wrap a network in it to train single samples
/// faster: their time is mostly reading and writing weights (a sixth faster for 64-32-10 on AVX-512).
///
/// ```
/// use fusebox::{Aligned, Dense};
/// static BYTES: Aligned<[u8; 24]> = Aligned([0; 24]);
/// let layer = Dense::<2, 2>::from_bytes(&BYTES.0)?;
/// assert_eq!(layer.bias, [0.0; 2]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(any(target_arch = "x86_64", target_arch = "aarch64"), repr(C, align(64)))]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), repr(C, align(4)))]
pub struct Aligned<T>(
    /// The value.
    pub T,
);

impl<T: Zeroed> Zeroed for Aligned<T> {
    const ZEROED: Self = Self(T::ZEROED);
}
