//! Memory known when it compiles: buffers that start as zeros, and parameters that are plain numbers.

use crate::Error;
use core::fmt;

/// A value that exists as all zeros in a constant, so that a `static` of it lies in `.bss`.
///
/// Implemented for numbers, arrays of them and tuples; a layer of your own implements it with one line a field.
///
/// ```
/// use fusebox::Zeroed;
/// static BUFFER: [[f32; 4]; 8] = Zeroed::ZEROED;
/// assert_eq!(BUFFER[7][3], 0.0);
/// ```
pub trait Zeroed: Sized {
    /// The value whose numbers are all zero.
    const ZEROED: Self;
}

macro_rules! zeroed_numbers {
    ($($number:ty)*) => { $(impl Zeroed for $number { const ZEROED: Self = 0 as $number; })* };
}
zeroed_numbers!(f32 f64 u8 i8 u16 i16 u32 i32 u64 i64 usize);

impl Zeroed for () {
    const ZEROED: Self = ();
}

impl<T: Zeroed, const N: usize> Zeroed for [T; N] {
    const ZEROED: Self = [const { T::ZEROED }; N];
}

impl<A: Zeroed, B: Zeroed> Zeroed for (A, B) {
    const ZEROED: Self = (A::ZEROED, B::ZEROED);
}

impl<A: Zeroed, B: Zeroed, C: Zeroed> Zeroed for (A, B, C) {
    const ZEROED: Self = (A::ZEROED, B::ZEROED, C::ZEROED);
}

/// Values that are nothing but `f32`s in a row: rows of data, and the parameters of a layer, which can therefore be
/// viewed as bytes, stored, and read back, in place and without a copy.
///
/// # Safety
///
/// The type is `#[repr(C)]` or `#[repr(transparent)]`, every field is `f32` or itself `Plain`, so that there is no
/// padding, its alignment is that of `f32` (or 1 when it has no fields), and every bit pattern is a valid value.
pub unsafe trait Plain: Zeroed + Copy {}

// SAFETY: a number is its own only field; every bit pattern is an `f32`.
unsafe impl Plain for f32 {}
// SAFETY: no fields.
unsafe impl Plain for () {}
// SAFETY: an array lays its elements in a row without padding.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Memory for either of two values, as large as the larger: what layers that run one after the other share.
#[derive(Clone, Copy)]
#[repr(C)]
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
    // SAFETY: zero is a number, so all zeros are a value of either.
    const ZEROED: Self = unsafe { core::mem::MaybeUninit::zeroed().assume_init() };
}

// SAFETY: numbers from the first to the last byte of the larger member, which starts where the union does.
unsafe impl<A: Plain, B: Plain> Plain for Either<A, B> {}

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
unsafe impl<A: Plain, B: Plain> Plain for Pair<A, B> {}

/// How many numbers a value of type `T` would be, if it is numbers.
pub(crate) const fn count_of<T>() -> usize {
    size_of::<T>() / size_of::<f32>()
}

/// The numbers of `values`, one value after the other.
#[inline]
pub(crate) const fn numbers<T: Plain>(values: &[T]) -> &[f32] {
    if size_of::<T>() == 0 {
        return &[];
    }
    // SAFETY: a `Plain` value of any size is `f32`s without padding, aligned as they are.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values) / size_of::<f32>()) }
}

/// The numbers of `values`, to be written.
#[inline]
pub(crate) const fn numbers_mut<T: Plain>(values: &mut [T]) -> &mut [f32] {
    if size_of::<T>() == 0 {
        return &mut [];
    }
    // SAFETY: as in `numbers`; every bit pattern written is a value of a `Plain` type.
    unsafe {
        core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values) / size_of::<f32>())
    }
}

/// The first `count` values in `numbers`, or as many as it holds.
#[inline]
pub(crate) fn values<T: Plain>(numbers: &[f32], count: usize) -> &[T] {
    let room = size_of_val(numbers).checked_div(size_of::<T>()).unwrap_or(count);
    // SAFETY: that many values lie in the slice; a `Plain` type is aligned as `f32` or less.
    unsafe { core::slice::from_raw_parts(numbers.as_ptr().cast(), count.min(room)) }
}

/// The first `count` values in `numbers`, or as many as it holds, to be written.
#[inline]
pub(crate) fn values_mut<T: Plain>(numbers: &mut [f32], count: usize) -> &mut [T] {
    let room = size_of_val(numbers).checked_div(size_of::<T>()).unwrap_or(count);
    // SAFETY: as in `values`.
    unsafe { core::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), count.min(room)) }
}

/// The bytes of `value`, little-endian numbers on every supported target, in the order of its fields.
pub(crate) const fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a `Plain` value has no padding, so all of its `size_of::<T>()` bytes are initialised; they stay
    // borrowed, unchanged, as long as `value` is.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// `bytes` seen as a value, where they lie.
pub(crate) fn from_bytes<T: Plain>(bytes: &[u8]) -> Result<&T, Error> {
    check_length::<T>(bytes)?;
    match bytes.as_ptr().addr() % align_of::<T>() {
        // SAFETY: the length is that of `T`, the address is aligned, every bit pattern is a value of a `Plain` type,
        // and the borrow of `bytes` keeps them alive and unchanged.
        0 => Ok(unsafe { &*bytes.as_ptr().cast() }),
        got => Err(Error::Alignment { expected: align_of::<T>(), got }),
    }
}

/// A value made from a copy of `bytes`, which may start anywhere.
pub(crate) const fn copy_from_bytes<T: Plain>(bytes: &[u8]) -> Result<T, Error> {
    match check_length::<T>(bytes) {
        // SAFETY: the length is that of `T`, the read needs no alignment, and every bit pattern is a value.
        Ok(()) => Ok(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }),
        Err(error) => Err(error),
    }
}

const fn check_length<T>(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() == size_of::<T>() {
        Ok(())
    } else {
        Err(Error::Bytes { expected: size_of::<T>(), got: bytes.len() })
    }
}

/// `T` at an address that suits the widest vectors where there are any: 64 bytes on processors with SIMD, 4 on
/// microcontrollers, where memory is dearer than a split cache line.
///
/// Wrap an array of weight bytes in it to view it with `from_bytes`; wrap a network in it to train single samples
/// faster, whose time goes into reading and writing the weights (by a sixth for 64-32-10 on AVX-512).
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
