//! The memory that C passes, checked as far as a pointer can be.

use crate::status::Status;
use core::ops::Range;

/// Types of which every bit pattern is a value.
///
/// # Safety
///
/// That they are.
#[diagnostic::on_unimplemented(
    message = "C cannot pass a `{Self}`",
    label = "numbers and arrays of numbers can be passed"
)]
pub(crate) unsafe trait Bits: Copy {}

// SAFETY: every bit pattern is a number.
unsafe impl Bits for u8 {}
// SAFETY: as above.
unsafe impl Bits for u16 {}
// SAFETY: as above.
unsafe impl Bits for u32 {}
// SAFETY: as above.
unsafe impl Bits for i32 {}
// SAFETY: as above.
unsafe impl Bits for f32 {}
// SAFETY: the elements of an array follow one another without padding.
unsafe impl<T: Bits, const N: usize> Bits for [T; N] {}

/// Types made of `f32`s alone: rows of inputs and outputs.
///
/// # Safety
///
/// That they are, without padding.
#[diagnostic::on_unimplemented(message = "this interface passes rows of `f32`, not `{Self}`")]
pub(crate) unsafe trait Floats: Bits {
    /// How many.
    const COUNT: usize = size_of::<Self>() / size_of::<f32>();
}

// SAFETY: it is one.
unsafe impl Floats for f32 {}
// SAFETY: the elements of an array follow one another without padding.
unsafe impl<T: Floats, const N: usize> Floats for [T; N] {}

/// Elements that a pointer is said to point to.
pub(crate) struct Area<T> {
    start: *mut T,
    count: usize,
    bytes: Range<usize>,
}

impl<T> Area<T> {
    /// Errors if the pointer is null or misaligned, or the elements do not fit in memory.
    pub(crate) fn new(start: *const T, count: usize) -> Result<Self, Status> {
        if start.is_null() {
            return Err(Status::Null);
        }
        if !start.is_aligned() {
            return Err(Status::Misaligned);
        }
        let size = count.checked_mul(size_of::<T>()).filter(|&size| size <= isize::MAX as usize);
        let end = size.and_then(|size| start.addr().checked_add(size)).ok_or(Status::Length)?;
        Ok(Self { start: start.cast_mut(), count, bytes: start.addr()..end })
    }

    /// The addresses.
    pub(crate) fn bytes(&self) -> &Range<usize> {
        &self.bytes
    }

    /// The first element.
    pub(crate) fn start(&self) -> *mut T {
        self.start
    }
}

impl<T: Bits> Area<T> {
    /// The elements.
    ///
    /// # Safety
    ///
    /// Points 1 and 2 of the crate's documentation, for `'a`.
    pub(crate) unsafe fn get<'a>(self) -> &'a [T] {
        // SAFETY: not null, aligned and of at most `isize::MAX` bytes, by `new`. Readable, and not written by others, by 1 and 2.
        // Every bit pattern is a `T`.
        unsafe { core::slice::from_raw_parts(self.start, self.count) }
    }

    /// The elements, to be overwritten.
    ///
    /// # Safety
    ///
    /// As for [`Area::get`]; `start` was not a pointer to `const`; the area is apart from all others in use.
    pub(crate) unsafe fn get_mut<'a>(self) -> &'a mut [T] {
        // SAFETY: as above; writable by 1, and used by nobody else by 2 and since the area is apart.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.count) }
    }
}

/// Errors unless `written` has no byte in common with any of `others`.
pub(crate) fn apart(written: &Range<usize>, others: &[&Range<usize>]) -> Result<(), Status> {
    let overlaps = |other: &&Range<usize>| written.start < other.end && other.start < written.end;
    if others.iter().any(overlaps) { Err(Status::Overlap) } else { Ok(()) }
}
