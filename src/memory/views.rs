//! Rows of values and the numbers that they are: views, and stretches cut from a buffer.

use super::{Aligned, Pair, Plain};
use core::ops::Range;

/// How many numbers a value of type `T` has, if it consists of numbers.
pub(crate) const fn count_of<T>() -> usize {
    size_of::<T>() / size_of::<f32>()
}

/// The numbers of `values`, in order.
#[inline]
pub(crate) const fn numbers<T: Plain>(values: &[T]) -> &[f32] {
    const { T::CHECKED }
    const { assert!(size_of::<T>() == 0 || align_of::<T>() == align_of::<f32>(), "bytes where numbers are wanted") }
    if size_of::<T>() == 0 {
        return &[];
    }
    // SAFETY: a `Plain` value consists of four-byte numbers without padding, aligned as `f32`; every bit pattern is
    // an `f32`.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values) / size_of::<f32>()) }
}

/// The numbers of `values`, mutable.
#[inline]
pub(crate) const fn numbers_mut<T: Plain>(values: &mut [T]) -> &mut [f32] {
    const { T::CHECKED }
    const { assert!(size_of::<T>() == 0 || align_of::<T>() == align_of::<f32>(), "bytes where numbers are wanted") }
    if size_of::<T>() == 0 {
        return &mut [];
    }
    // SAFETY: as in `numbers`; every bit pattern written is a value of a `Plain` type.
    unsafe {
        core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values) / size_of::<f32>())
    }
}

/// The first `rows` rows of an aligned array, of whatever numbers, as `f32`s; up to three bytes at the end are left out.
#[inline]
pub(crate) fn whole_numbers_mut<T: Plain, const B: usize>(
    rows: &mut Aligned<[T; B]>,
    count: usize,
) -> &mut [f32] {
    const { T::CHECKED }
    let rows = rows.0.get_mut(..count).unwrap_or_default();
    let len = size_of_val(rows) / size_of::<f32>();
    match rows.is_empty() {
        true => &mut [],
        // SAFETY: `Aligned` starts at a multiple of four, and so do its first rows; they consist of numbers without padding,
        // so every `f32` inside is initialised, and every bit pattern written is a value of a `Plain` type.
        false => unsafe { core::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), len) },
    }
}

/// The first `count` values in `numbers`, or as many as it holds.
#[inline]
pub(crate) fn values<T: Plain>(numbers: &[f32], count: usize) -> &[T] {
    view(numbers, count)
}

/// The first `count` values in `numbers`, or as many as it holds, mutable.
#[inline]
pub(crate) fn values_mut<T: Plain>(numbers: &mut [f32], count: usize) -> &mut [T] {
    view_mut(numbers, count)
}

/// The first `count` values of type `B` in the memory of `xs`, or as many as it holds.
#[inline]
pub(crate) fn view<A: Plain, B: Plain>(xs: &[A], count: usize) -> &[B] {
    const { views::<A, B>() }
    let room = size_of_val(xs).checked_div(size_of::<B>()).unwrap_or(count);
    // SAFETY: `A` and `B` are `Plain`: initialised numbers without padding, of which every bit pattern is a value; at most
    // `room` values, so they are inside the slice; an `A` is aligned as a `B` must be.
    unsafe { core::slice::from_raw_parts(xs.as_ptr().cast(), count.min(room)) }
}

/// The first `count` values of type `B` in the memory of `xs`, or as many as it holds, mutable.
#[inline]
pub(crate) fn view_mut<A: Plain, B: Plain>(xs: &mut [A], count: usize) -> &mut [B] {
    const { views::<A, B>() }
    let room = size_of_val(xs).checked_div(size_of::<B>()).unwrap_or(count);
    // SAFETY: as in `view`; every bit pattern written is a value of `A` too.
    unsafe { core::slice::from_raw_parts_mut(xs.as_mut_ptr().cast(), count.min(room)) }
}

/// Compiles only if slices of `A` can be viewed as `B`.
const fn views<A: Plain, B: Plain>() {
    let _ = (A::CHECKED, B::CHECKED);
    assert!(align_of::<B>() <= align_of::<A>(), "a view has no larger numbers");
}

/// How many `f32`s a stretch of `count` values takes: it ends at a multiple of four bytes.
#[inline(always)]
pub(crate) const fn stretch<T>(count: usize) -> usize {
    match size_of::<T>() % size_of::<f32>() {
        0 => count.saturating_mul(count_of::<T>()),
        _ => count.saturating_mul(size_of::<T>()).div_ceil(size_of::<f32>()),
    }
}

/// Removes the first `count` values from `numbers` and returns them, or fewer if there are fewer.
#[inline(always)]
pub(crate) fn take<'a, T: Plain>(numbers: &mut &'a [f32], count: usize) -> &'a [T] {
    let len = stretch::<T>(count).min(numbers.len());
    let (first, rest) = numbers.split_at_checked(len).unwrap_or((numbers, &[]));
    *numbers = rest;
    values(first, count)
}

/// [`take`], mutable.
#[inline(always)]
pub(crate) fn take_mut<'a, T: Plain>(numbers: &mut &'a mut [f32], count: usize) -> &'a mut [T] {
    let len = stretch::<T>(count).min(numbers.len());
    values_mut(numbers.split_off_mut(..len).unwrap_or_default(), count)
}

/// The memory of rows of two values as two stretches: the first value of all rows, then the second of all. Each is as many numbers
/// as it would be in pairs, so the pair's type only counts them.
#[inline(always)]
pub(crate) fn stretches<A: Plain, B: Plain>(rows: &[Pair<A, B>]) -> (&[A], &[B]) {
    let (count, mut numbers) = (rows.len(), numbers(rows));
    (take(&mut numbers, count), take(&mut numbers, count))
}

/// As [`stretches`], to be written.
#[inline(always)]
pub(crate) fn stretches_mut<A: Plain, B: Plain>(rows: &mut [Pair<A, B>]) -> (&mut [A], &mut [B]) {
    let (count, mut numbers) = (rows.len(), numbers_mut(rows));
    (take_mut(&mut numbers, count), take_mut(&mut numbers, count))
}

/// The elements in `range`, or an empty slice if it is out of bounds.
#[inline(always)]
pub(crate) fn part<'a, T>(xs: &'a [T], range: &Range<usize>) -> &'a [T] {
    xs.get(range.clone()).unwrap_or_default()
}

/// The elements in `range`, or an empty slice if it is out of bounds, mutable.
#[inline(always)]
pub(crate) fn part_mut<'a, T>(xs: &'a mut [T], range: &Range<usize>) -> &'a mut [T] {
    xs.get_mut(range.clone()).unwrap_or_default()
}
