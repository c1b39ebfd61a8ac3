//! Sums, products and the larger of two arrays of eight bits, the larger of sixteen too, number by number. Their scales may differ.

#[cfg(fusebox_core = "m55")]
mod helium;

use super::Number;
use super::scale::{Clamp, Multiplier, Rounding};
#[cfg(fusebox_vectors_of_bytes)]
use super::vector::{Fixed, Of, Way};
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
pub(super) const BITS: u32 = 20;

/// Overwrites `ys`.
///
/// ```text
/// y = clamp(round((round((a - zero) 2^20 scale) + round((b - zero) 2^20 scale)) sum) + zero)
/// ```
pub(crate) fn add<R: Rounding>(
    _isa: Isa,
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
    #[cfg(fusebox_vectors_of_bytes)]
    if in_vectors::<R>(_isa, xs, fixed::<R>(terms).map(Of::Sum), sum, clamp, ys) {
        return;
    }
    let [first, second] = terms;
    each(xs, ys, |a, b| clamp.output(R::scale(first.at::<R>(a).wrapping_add(second.at::<R>(b)), sum)));
}

/// [`add`] with the second term subtracted: once it is rounded, so that this is no sum with a negative factor.
pub(crate) fn subtract<R: Rounding>(
    _isa: Isa,
    terms: [Term; 2],
    sum: Multiplier,
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    #[cfg(fusebox_vectors_of_bytes)]
    if in_vectors::<R>(_isa, xs, fixed::<R>(terms).map(Of::Difference), sum, clamp, ys) {
        return;
    }
    let [first, second] = terms;
    each(xs, ys, |a, b| clamp.output(R::scale(first.at::<R>(a).wrapping_sub(second.at::<R>(b)), sum)));
}

/// Overwrites `ys` with the larger of both.
pub(crate) fn larger<T: Number>(isa: Isa, xs: [&[T]; 2], ys: &mut [T]) {
    compare(isa, xs, ys, T::max);
}

/// Overwrites `ys` with the smaller of both.
pub(crate) fn smaller<T: Number>(isa: Isa, xs: [&[T]; 2], ys: &mut [T]) {
    compare(isa, xs, ys, T::min);
}

/// Overwrites `ys`: `y = clamp(round((a - zero) (b - zero) scale) + zero)`.
pub(crate) fn multiply<R: Rounding>(
    _isa: Isa,
    zeros: [i8; 2],
    scale: Multiplier,
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    #[cfg(fusebox_vectors_of_bytes)]
    if in_vectors::<R>(_isa, xs, Some(Of::Product(zeros)), scale, clamp, ys) {
        return;
    }
    let [first, second] = zeros.map(i32::from);
    each(xs, ys, |a, b| clamp.output(R::scale((i32::from(a) - first) * (i32::from(b) - second), scale)));
}

/// Terms for vectors, if both factors are at least 0 and less than 1.
#[cfg(fusebox_vectors_of_bytes)]
fn fixed<R: Rounding>(terms: [Term; 2]) -> Option<[Fixed; 2]> {
    let [first, second] = terms.map(|term| Fixed::new(term, R::TWICE));
    first.zip(second).map(|(first, second)| [first, second])
}

/// Overwrites `ys` by vectors, if the instruction set has them for that. Returns whether it has.
#[cfg(fusebox_vectors_of_bytes)]
fn in_vectors<R: Rounding>(
    isa: Isa,
    xs: [&[i8]; 2],
    of: Option<Of>,
    scale: Multiplier,
    clamp: Clamp,
    ys: &mut [i8],
) -> bool {
    let way = of.and_then(|of| Way::of(isa).map(|way| (way, of)));
    if let Some((way, of)) = way {
        let [a, b] = xs.map(<[i8]>::len);
        let count = ys.len().min(a).min(b);
        way.pairs(xs, of, scale, R::TWICE, clamp, ys.get_mut(..count).unwrap_or_default());
    }
    way.is_some()
}

/// Overwrites `ys` with a function of both, number by number: where there are no vectors for it.
#[inline(always)]
fn each([a, b]: [&[i8]; 2], ys: &mut [i8], f: impl Fn(i8, i8) -> i8) {
    for ((&a, &b), y) in a.iter().zip(b).zip(ys) {
        *y = f(a, b);
    }
}

/// Overwrites `ys`: [`multiply`] where `a` stands for less than 0, `y = clamp(round((a - zero) positive) + zero)` elsewhere.
pub(crate) fn leak<R: Rounding>(
    zeros: [i8; 2],
    [positive, negative]: [Multiplier; 2],
    clamp: Clamp,
    xs: [&[i8]; 2],
    ys: &mut [i8],
) {
    let [first, second] = zeros.map(i32::from);
    each(xs, ys, |a, b| {
        let (x, slope) = (i32::from(a) - first, i32::from(b) - second);
        clamp.output(if x < 0 { R::scale(x * slope, negative) } else { R::scale(x, positive) })
    });
}

/// Overwrites `ys` with a function of both, in the instruction set's vectors.
#[inline(always)]
fn compare<T: Number>(isa: Isa, [a, b]: [&[T]; 2], ys: &mut [T], f: impl Fn(T, T) -> T) {
    isa.call(Compare { a, b, ys, f });
}

struct Compare<'a, T, F> {
    a: &'a [T],
    b: &'a [T],
    ys: &'a mut [T],
    f: F,
}

impl<T: Number, F: Fn(T, T) -> T> crate::simd::Pass for Compare<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((&a, &b), y) in self.a.iter().zip(self.b).zip(self.ys) {
            *y = (self.f)(a, b);
        }
    }
}
