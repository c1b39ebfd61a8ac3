//! A list of a fixed capacity.

use super::Plain;
use core::mem::MaybeUninit;

/// Up to `N` values, in insertion order.
pub(crate) struct List<T, const N: usize> {
    values: [MaybeUninit<T>; N],
    len: usize,
}

impl<T: Copy, const N: usize> List<T, N> {
    pub(crate) const fn new() -> Self {
        Self { values: [const { MaybeUninit::uninit() }; N], len: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends a value and returns a mutable reference to it; `None` if the list is full.
    pub(crate) fn push(&mut self, value: T) -> Option<&mut T> {
        self.push_copy(&value)
    }

    /// [`List::push`] for a value that may be larger than the stack.
    pub(crate) fn push_copy(&mut self, value: &T) -> Option<&mut T> {
        let place = self.values.get_mut(self.len)?;
        self.len += 1;
        // SAFETY: the destination is inside the list, which is borrowed mutably and so does not overlap the value;
        // `T` is `Copy`.
        unsafe {
            place.as_mut_ptr().copy_from_nonoverlapping(value, 1);
            Some(place.assume_init_mut())
        }
    }
}

impl<T: Plain, const N: usize> List<T, N> {
    /// [`List::push`] of a value of zeros.
    pub(crate) fn push_zeros(&mut self) -> Option<&mut T> {
        let place = self.values.get_mut(self.len)?;
        self.len += 1;
        // SAFETY: every bit pattern is a value of a `Plain` type, including all zeros.
        unsafe {
            place.as_mut_ptr().write_bytes(0, 1);
            Some(place.assume_init_mut())
        }
    }
}

impl<T: Copy, const N: usize> core::ops::Deref for List<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let values = self.values.get(..self.len).unwrap_or_default();
        // SAFETY: only `push` and its variants raise `len`, after writing the value, so the first `len` values are
        // initialised.
        unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    }
}
