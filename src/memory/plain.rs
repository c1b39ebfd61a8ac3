//! Values that are plain numbers: zeroed, viewed as bytes, made from bytes.

use crate::Error;
use core::marker::PhantomData;

/// A type with a constant whose bytes are all zero. A `static` with this value is placed in `.bss`.
///
/// Implemented for numbers, and for arrays and tuples of them. For a layer of your own it is one line per field.
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

/// Values that consist only of numbers: of four bytes, `f32` or integers, such as a layer's parameters or an optimiser's
/// state, of one byte, such as rows of an [`int8`](crate::int8) network, or `i16`. They can be viewed as bytes, stored, and read
/// back, in place and without a copy.
///
/// To implement it for a type of your own use [`plain!`](crate::plain), which checks the layout and needs no `unsafe`.
///
/// # Safety
///
/// 1. Every field is `Plain`, and there is no padding between or after them.
/// 2. The type's alignment is at most that of `f32`.
/// 3. Every bit pattern is a valid value.
/// 4. `Slack` is at least three bytes long, unless the type's size is a multiple of four.
/// 5. A type whose `CHECKED` compiles satisfies 1 to 4; code that views values evaluates `CHECKED`.
pub unsafe trait Plain: Zeroed + Copy + 'static {
    /// The bytes that a stretch of values may need to end at a multiple of four: see [`Beside`].
    #[doc(hidden)]
    type Slack: Plain;

    /// Compiles only if the layout satisfies the trait's requirements.
    #[doc(hidden)]
    const CHECKED: () = ();

    /// The bytes of the value: its numbers in the order of its fields, little-endian.
    #[doc(alias = "save")]
    fn as_bytes(&self) -> &[u8] {
        as_bytes(self)
    }

    /// Views `bytes` as a value, in place. Errors unless their length is the size of the value and they start at a
    /// multiple of four: put them in [`Aligned`](crate::Aligned).
    fn from_bytes(bytes: &[u8]) -> Result<&Self, Error> {
        from_bytes(bytes)
    }

    /// Makes a value from a copy of `bytes`, at any alignment. Errors unless their length is the size of the value.
    fn copy_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        copy_from_bytes(bytes)
    }
}

// SAFETY: an `f32` is its only field; every bit pattern is an `f32`.
unsafe impl Plain for f32 {
    type Slack = ();
}
// SAFETY: four bytes, aligned as `f32`; every bit pattern is a `u32`.
unsafe impl Plain for u32 {
    type Slack = ();
}
// SAFETY: four bytes, aligned as `f32`; every bit pattern is an `i32`.
unsafe impl Plain for i32 {
    type Slack = ();
}
// SAFETY: two bytes, aligned to two; every bit pattern is an `i16`.
unsafe impl Plain for i16 {
    type Slack = [i8; 3];
}
// SAFETY: one byte; every bit pattern is an `i8`.
unsafe impl Plain for i8 {
    type Slack = [i8; 3];
}
// SAFETY: no fields.
unsafe impl Plain for () {
    type Slack = ();
}
// SAFETY: array elements follow one another without padding.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    type Slack = T::Slack;

    const CHECKED: () = T::CHECKED;
}

impl<T> Zeroed for PhantomData<T> {
    const ZEROED: Self = Self;
}

// SAFETY: no fields.
unsafe impl<T: Copy + 'static> Plain for PhantomData<T> {
    type Slack = ();
}

/// Makes a struct [`Plain`] and [`Zeroed`], so that it can be viewed as bytes and placed in `.bss`. List all fields
/// in order. A field that is missing, out of order, not `Plain` or padded is a compile error where the value is first
/// viewed or, with [`network!`](crate::network), in `cargo check`. Generic parameters are written in brackets before
/// the struct.
///
/// ```
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Scale<const N: usize> {
///     factor: [f32; N],
/// }
/// fusebox::plain!([const N: usize] Scale<N> { factor: [f32; N] });
///
/// use fusebox::Plain;
/// assert_eq!(Scale { factor: [1.0, 2.0] }.as_bytes().len(), 8);
/// ```
#[macro_export]
macro_rules! plain {
    ([$($generics:tt)*] $name:ty { $($field:ident : $type:ty),* $(,)? }) => {
        impl<$($generics)*> $crate::Zeroed for $name {
            const ZEROED: Self = Self { $($field: <$type as $crate::Zeroed>::ZEROED),* };
        }

        // SAFETY: `CHECKED` compiles only if the fields listed are `Plain` (3), follow one another without a gap and fill the
        // struct (1); so its alignment is the largest of theirs, at most that of `f32` (2). Its slack is that of all fields: one
        // whose size is no multiple of four brings three bytes or more (4).
        unsafe impl<$($generics)*> $crate::Plain for $name {
            type Slack = $crate::plain!(@slack $($type),*);

            const CHECKED: () = {
                let end = 0;
                $(
                    $crate::is_plain::<$type>();
                    let _ = |value: &Self| -> $type { value.$field };
                    assert!(core::mem::offset_of!(Self, $field) == end, "the fields of `plain!` are out of order or padded");
                    let end = end + size_of::<$type>();
                )*
                assert!(end == size_of::<Self>(), "`plain!` lists too few fields, or the struct is padded");
                assert!(align_of::<Self>() <= align_of::<f32>(), "a struct of `plain!` is aligned as its numbers are");
            };
        }
    };
    (@slack) => { () };
    (@slack $first:ty $(, $rest:ty)*) => {
        $crate::Pair<<$first as $crate::Plain>::Slack, $crate::plain!(@slack $($rest),*)>
    };
    ($name:ty { $($fields:tt)* }) => { $crate::plain!([] $name { $($fields)* }); };
}

/// Compiles for `Plain` types only.
#[doc(hidden)]
pub const fn is_plain<T: Plain>() {
    const { T::CHECKED }
}

/// The bytes of `value`: its fields in order, little-endian on every supported target.
pub(crate) const fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    const { T::CHECKED }
    // SAFETY: a `Plain` value has no padding, so all of its `size_of::<T>()` bytes are initialised; the result borrows
    // `value`, so they stay alive and unchanged.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// Views `bytes` as a value, in place.
pub(crate) fn from_bytes<T: Plain>(bytes: &[u8]) -> Result<&T, Error> {
    const { T::CHECKED }
    check_length::<T>(bytes)?;
    match bytes.as_ptr().addr() % align_of::<T>() {
        // SAFETY: the length is that of `T`, the address is aligned, every bit pattern is a value of a `Plain` type,
        // and the borrow of `bytes` keeps them alive and unchanged.
        0 => Ok(unsafe { &*bytes.as_ptr().cast() }),
        got => Err(Error::Alignment { expected: align_of::<T>(), got }),
    }
}

/// Makes a value from a copy of `bytes`, at any alignment.
pub(crate) const fn copy_from_bytes<T: Plain>(bytes: &[u8]) -> Result<T, Error> {
    const { T::CHECKED }
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
