//! Arrays of whole numbers, and the arrays of other numbers of the same shape.

use crate::Plain;
use crate::kernel::int8::Number;
use core::slice;

/// A row of whole numbers: `i8`s or `i16`s in arrays of any depth. What only moves numbers, and [`Max`](super::Max) and
/// [`Min`](super::Min), is for both.
///
/// ```
/// use fusebox::int8::Numbers;
/// let reals: <[[i8; 2]; 3] as Numbers>::Of<f32> = [[0.0; 2]; 3];
/// let bytes: <[[i16; 2]; 3] as Numbers>::Of<i8> = [[0; 2]; 3];
/// ```
pub trait Numbers: Plain + sealed::Sealed {
    /// `i8` or `i16`.
    type Number: Number;
    /// As many numbers of another type, in the same arrays.
    type Of<T: Plain>: Plain;
}

/// A row of an int8 network: `i8`s in arrays of any depth.
///
/// ```
/// fn count<T: fusebox::int8::Tensor>() -> usize {
///     size_of::<T>()
/// }
/// assert_eq!(count::<[[i8; 2]; 3]>(), 6);
/// ```
pub trait Tensor: Numbers<Number = i8> {}

impl<T: Numbers<Number = i8>> Tensor for T {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for i8 {}
    impl Sealed for i16 {}
    impl<T: Sealed, const N: usize> Sealed for [T; N] {}
}

impl Numbers for i8 {
    type Number = i8;
    type Of<T: Plain> = T;
}

impl Numbers for i16 {
    type Number = i16;
    type Of<T: Plain> = T;
}

impl<X: Numbers, const N: usize> Numbers for [X; N] {
    type Number = X::Number;
    type Of<T: Plain> = [X::Of<T>; N];
}

/// The numbers of `values`, in order.
pub(in crate::layers) const fn flat<T: Numbers>(values: &[T]) -> &[T::Number] {
    let count = size_of_val(values) / size_of::<T::Number>();
    // SAFETY: a `Numbers` is `T::Number`s in arrays, without padding, of which there are as many; the trait is sealed.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), count) }
}

/// The numbers of `values`, in order, mutable.
pub(in crate::layers) const fn flat_mut<T: Numbers>(values: &mut [T]) -> &mut [T::Number] {
    let count = size_of_val(values) / size_of::<T::Number>();
    // SAFETY: as in `flat`.
    unsafe { slice::from_raw_parts_mut(values.as_mut_ptr().cast(), count) }
}

/// The bytes of `values`, in order.
pub(super) const fn bytes<T: Tensor>(values: &[T]) -> &[i8] {
    flat(values)
}

/// The bytes of `values`, in order, mutable.
pub(super) const fn bytes_mut<T: Tensor>(values: &mut [T]) -> &mut [i8] {
    flat_mut(values)
}

/// The bytes of numbers of whatever size, for what only moves them.
pub(super) const fn raw<T: Numbers>(values: &[T]) -> &[i8] {
    // SAFETY: a `Numbers` is initialised numbers without padding; every byte is an `i8`.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of numbers of whatever size, mutable.
pub(super) const fn raw_mut<T: Numbers>(values: &mut [T]) -> &mut [i8] {
    // SAFETY: as in `raw`; every bit pattern is a number.
    unsafe { slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Calls `f` with the numbers of each of `xs` and those of its counterpart in `ys`.
#[inline(always)]
pub(in crate::layers) fn each<X: Numbers, Y: Numbers>(
    xs: &[X],
    ys: &mut [Y],
    mut f: impl FnMut(&[X::Number], &mut [Y::Number]),
) {
    for (x, y) in xs.iter().zip(ys) {
        f(flat(slice::from_ref(x)), flat_mut(slice::from_mut(y)));
    }
}
