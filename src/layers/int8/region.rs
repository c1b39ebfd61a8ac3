//! Parts of an array, borders around it, and its axes in another order.

use super::tensor::{Numbers, flat_mut, raw, raw_mut};
use crate::kernel::int8::Region;
use crate::kernel::int8::region::Order;
use crate::layers::Layer;
use crate::{Error, Isa};
use core::marker::PhantomData;
use core::slice;

/// Part of an array of up to four axes: every `step`-th number from `start` on, along each axis. Also one of the parts of a split,
/// and a crop.
///
/// ```
/// use fusebox::int8::{Region, Slice};
/// use fusebox::{Layer, Scratch};
/// let region = Region { whole: [1, 1, 2, 3], part: [1, 1, 2, 2], start: [0, 0, 0, 2], step: [1, 1, 1, -2] };
/// let layer = Slice::<[[i8; 3]; 2], [[i8; 2]; 2]>::new(region)?;
/// let mut ys = [[[0; 2]; 2]];
/// layer.infer(&[[[1, 2, 3], [4, 5, 6]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[3, 1], [6, 4]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice<I, O> {
    region: Region,
    shape: PhantomData<fn(I) -> O>,
}

impl<I: Numbers<Number = O::Number>, O: Numbers> Slice<I, O> {
    /// Errors unless the sizes are those of `I` and `O`, and all of the part lies in the whole.
    pub const fn new(region: Region) -> Result<Self, Error> {
        let [whole, part] =
            [size_of::<I>() / size_of::<O::Number>(), size_of::<O>() / size_of::<O::Number>()];
        match region.fits(whole, part) {
            true => Ok(Self { region, shape: PhantomData }),
            false => Err(Error::Setting {
                name: "region",
                expected: "a part of the input, as large as the output",
            }),
        }
    }
}

impl<I: Numbers<Number = O::Number>, O: Numbers> Layer for Slice<I, O> {
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        for (x, y) in xs.iter().zip(ys) {
            let (whole, part) = (raw(slice::from_ref(x)), raw_mut(slice::from_mut(y)));
            self.region.read(size_of::<O::Number>(), whole, part);
        }
    }
}

/// An array with a border: numbers of another one where `region` has its part, `value` elsewhere.
///
/// ```
/// use fusebox::int8::{Pad, Region};
/// use fusebox::{Layer, Scratch};
/// let region = Region { whole: [1, 1, 2, 4], part: [1, 1, 1, 2], start: [0, 0, 1, 1], step: [1; 4] };
/// let layer = Pad::<[i8; 2], [[i8; 4]; 2]>::new(region, -9)?;
/// let mut ys = [[[0; 4]; 2]];
/// layer.infer(&[[1, 2]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[-9; 4], [-9, 1, 2, -9]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad<I, O: Numbers> {
    region: Region,
    value: O::Number,
    shape: PhantomData<fn(I) -> O>,
}

impl<I: Numbers<Number = O::Number>, O: Numbers> Pad<I, O> {
    /// Errors unless the sizes are those of `O` and `I`, all of the part lies in the whole, and its steps are 1.
    pub const fn new(region: Region, value: O::Number) -> Result<Self, Error> {
        let [whole, part] =
            [size_of::<O>() / size_of::<O::Number>(), size_of::<I>() / size_of::<O::Number>()];
        match region.fits(whole, part) && matches!(region.step, [1, 1, 1, 1]) {
            true => Ok(Self { region, value, shape: PhantomData }),
            false => Err(Error::Setting {
                name: "region",
                expected: "a part of the output, as large as the input",
            }),
        }
    }
}

impl<I: Numbers<Number = O::Number>, O: Numbers> Layer for Pad<I, O> {
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        for (x, y) in xs.iter().zip(ys) {
            flat_mut(slice::from_mut(y)).fill(self.value);
            let (part, whole) = (raw(slice::from_ref(x)), raw_mut(slice::from_mut(y)));
            self.region.write(size_of::<O::Number>(), part, whole);
        }
    }
}

/// An array with its axes in another order: a transposition. Numbers of more bytes are arrays of `i8` along a last axis, which stays.
///
/// ```
/// use fusebox::int8::Transpose;
/// use fusebox::{Layer, Scratch};
/// // Of two rows of three, three rows of two.
/// let layer = Transpose::<[[i8; 3]; 2], [[i8; 2]; 3]>::new([1, 1, 1, 1, 2, 3], [0, 1, 2, 3, 5, 4])?;
/// let mut ys = [[[0; 2]; 3]];
/// layer.infer(&[[[1, 2, 3], [4, 5, 6]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[1, 4], [2, 5], [3, 6]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transpose<I, O> {
    order: Order,
    shape: PhantomData<fn(I) -> O>,
}

impl<I, O> Transpose<I, O> {
    /// Of an input of `shape`, whose axis `order[i]` becomes the output's axis `i`.
    ///
    /// Errors unless `I` and `O` have the size of the shape, and each axis is in the order once.
    pub const fn new(shape: [u32; 6], order: [usize; 6]) -> Result<Self, Error> {
        match Order::new(shape, order, size_of::<I>()) {
            Some(order) if size_of::<I>() == size_of::<O>() => Ok(Self { order, shape: PhantomData }),
            _ => Err(Error::Setting { name: "order", expected: "each axis of the input once" }),
        }
    }
}

impl<I: Numbers, O: Numbers> Layer for Transpose<I, O> {
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        for (x, y) in xs.iter().zip(ys) {
            self.order.read(raw(slice::from_ref(x)), raw_mut(slice::from_mut(y)));
        }
    }
}
