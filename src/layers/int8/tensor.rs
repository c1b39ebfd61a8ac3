//! Arrays of bytes, and the arrays of other numbers of the same shape.

use crate::Plain;
use core::slice;

/// A row of an int8 network: `i8`s in arrays of any depth.
///
/// ```
/// use fusebox::int8::Tensor;
/// let reals: <[[i8; 2]; 3] as Tensor>::Of<f32> = [[0.0; 2]; 3];
/// ```
pub trait Tensor: Plain + sealed::Sealed {
    /// As many numbers of another type, in the same arrays.
    type Of<T: Plain>: Plain;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for i8 {}
    impl<T: Sealed, const N: usize> Sealed for [T; N] {}
}

impl Tensor for i8 {
    type Of<T: Plain> = T;
}

impl<X: Tensor, const N: usize> Tensor for [X; N] {
    type Of<T: Plain> = [X::Of<T>; N];
}

/// The bytes of `values`, in order.
pub(super) const fn bytes<T: Tensor>(values: &[T]) -> &[i8] {
    // SAFETY: a `Tensor` is `i8`s in arrays, without padding; the trait is sealed.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of `values`, in order, mutable.
pub(super) const fn bytes_mut<T: Tensor>(values: &mut [T]) -> &mut [i8] {
    // SAFETY: as in `bytes`.
    unsafe { slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Calls `f` with the bytes of each of `xs` and those of its counterpart in `ys`.
#[inline(always)]
pub(super) fn each<X: Tensor, Y: Tensor>(xs: &[X], ys: &mut [Y], mut f: impl FnMut(&[i8], &mut [i8])) {
    for (x, y) in xs.iter().zip(ys) {
        f(bytes(slice::from_ref(x)), bytes_mut(slice::from_mut(y)));
    }
}
