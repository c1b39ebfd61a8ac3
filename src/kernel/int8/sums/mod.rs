//! Sums, products and the larger of two arrays of eight bits, the larger of sixteen too, number by number. Their scales may differ.

#[cfg(fusebox_core = "m55")]
mod helium;

use super::Number;
use super::scale::{Clamp, Multiplier, Rounding};
use crate::simd::Simd;
use crate::{Isa, Zeroed};

/// An input: what stands for 0, and the factor that brings it to the scale of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Term {
    /// From its scale to that of the sum.
    pub scale: Multiplier,
    /// Of the input.
    pub zero: i8,
}

impl Zeroed for Term {
    const ZEROED: Self = Self { scale: Multiplier::ZEROED, zero: 0 };
}

impl Term {
    /// The term that `x` is, with [`BITS`] after the point.
    #[inline(always)]
    fn at<R: Rounding>(self, x: i8) -> i32 {
        R::scale((i32::from(x) - i32::from(self.zero)) << BITS, self.scale)
    }
}

/// Bits after the point of a sum's terms.
const BITS: u32 = 20;

/// From so many numbers on, two tables of all bytes' terms take less time than they save.
#[cfg(fusebox_vectors_of_bytes)]
const LEAST: usize = 1024;

/// Sums on the stack.
#[cfg(fusebox_vectors_of_bytes)]
const AT_ONCE: usize = 256;

/// Overwrites sums with those of both terms of each pair. Not compiled for an instruction set, whose gathers take longer.
#[cfg(fusebox_vectors_of_bytes)]
#[inline(never)]
fn look_up([first, second]: &[[i32; 256]; 2], a: &[i8], b: &[i8], sums: &mut [i32; AT_ONCE]) {
    for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
        *sum = first[usize::from(a as u8)].wrapping_add(second[usize::from(b as u8)]);
    }
}

/// Overwrites `ys`.
///
/// ```text
/// y = clamp(round((round((a - zero) 2^20 scale) + round((b - zero) 2^20 scale)) sum) + zero)
/// ```
pub(crate) fn add<R: Rounding>(
    isa: Isa,
    terms: [Term; 2],
    sum: Multiplier,
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    #[cfg(fusebox_core = "m55")]
    if R::TWICE {
        return helium::add(terms, sum, clamp, xs, ys);
    }
    let [first, second] = terms;
    #[cfg(fusebox_vectors_of_bytes)]
    if ys.len() >= LEAST
        && let Some(way) = super::vector::Way::of(isa)
        && let [Some(a), Some(b)] = xs.map(|x| x.get(..ys.len()))
    {
        let tables = terms.map(|of| core::array::from_fn(|i| of.at::<R>(i as u8 as i8)));
        let mut sums = [0; AT_ONCE];
        for ((a, b), y) in a.chunks(AT_ONCE).zip(b.chunks(AT_ONCE)).zip(ys.chunks_mut(AT_ONCE)) {
            look_up(&tables, a, b, &mut sums);
            way.scale(sums.get(..y.len()).unwrap_or_default(), sum, R::TWICE, clamp, y);
        }
        return;
    }
    each(isa, xs, ys, move |a, b| {
        clamp.output(R::scale(first.at::<R>(a).wrapping_add(second.at::<R>(b)), sum))
    });
}

/// [`add`] with the second term subtracted: once it is rounded, so that this is no sum with a negative factor.
pub(crate) fn subtract<R: Rounding>(
    isa: Isa,
    terms: [Term; 2],
    sum: Multiplier,
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    let [first, second] = terms;
    each(isa, xs, ys, move |a, b| {
        clamp.output(R::scale(first.at::<R>(a).wrapping_sub(second.at::<R>(b)), sum))
    });
}

/// Overwrites `ys` with the larger of both.
pub(crate) fn larger<T: Number>(isa: Isa, xs: [&[T]; 2], ys: &mut [T]) {
    each(isa, xs, ys, T::max);
}

/// Overwrites `ys` with the smaller of both.
pub(crate) fn smaller<T: Number>(isa: Isa, xs: [&[T]; 2], ys: &mut [T]) {
    each(isa, xs, ys, T::min);
}

/// Overwrites `ys`: `y = clamp(round((a - zero) (b - zero) scale) + zero)`.
pub(crate) fn multiply<R: Rounding>(
    isa: Isa,
    zeros: [i8; 2],
    scale: Multiplier,
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    let [first, second] = zeros.map(i32::from);
    each(isa, xs, ys, move |a, b| {
        clamp.output(R::scale((i32::from(a) - first) * (i32::from(b) - second), scale))
    });
}

/// Overwrites `ys` with a function of both, in the instruction set's vectors.
#[inline(always)]
fn each<T: Number>(isa: Isa, [a, b]: [&[T]; 2], ys: &mut [T], f: impl Fn(T, T) -> T) {
    isa.call(Each { a, b, ys, f });
}

struct Each<'a, T, F> {
    a: &'a [T],
    b: &'a [T],
    ys: &'a mut [T],
    f: F,
}

impl<T: Number, F: Fn(T, T) -> T> crate::simd::Pass for Each<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((&a, &b), y) in self.a.iter().zip(self.b).zip(self.ys) {
            *y = (self.f)(a, b);
        }
    }
}
