//! Two arrays to one, and the layers that end so.

use super::quantization::Quantization;
use super::tensor::{Numbers, Tensor, bytes, bytes_mut, flat, flat_mut, raw, raw_mut};
use crate::kernel::int8::patches::copy;
use crate::kernel::int8::sums::{self, Term};
use crate::kernel::int8::{Clamp, Double, Multiplier, Rounding};
use crate::kernel::{rows, rows_mut};
use crate::layers::{Layer, Side};
use crate::memory::{Beside, Either, take_mut};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;
use core::slice;

/// What makes one array of two.
pub trait Join<A: Numbers, B: Numbers> {
    /// A row of results.
    type Output: Numbers;

    /// Compiles only if the sizes match.
    const CHECK: () = ();

    /// Overwrites `ys`. Slices are as long.
    fn join(&self, isa: Isa, a: &[A], b: &[B], ys: &mut [Self::Output]);
}

/// The sum of two arrays of the same size, which may have other scales.
///
/// ```
/// use fusebox::int8::{Add, Clamp, Join, Quantization};
/// use fusebox::Isa;
/// let (a, b) = (Quantization { scale: 0.5, zero: 0 }, Quantization { scale: 0.25, zero: 4 });
/// let add = Add::<[i8; 2]>::new(a, b, a, Clamp::of(a))?;
/// let mut ys = [[0; 2]];
/// add.join(Isa::detect(), &[[2, -3]], &[[8, 5]], &mut ys);
/// assert_eq!(ys, [[4, -3]]); // 1 + 1, and -1.5 + 0.25: -2.5 steps, rounded
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add<T, R = Double> {
    /// The factors of both, to twice the larger of their scales.
    pub terms: [Term; 2],
    /// From there, and from 2^-20, to the output's scale.
    pub scale: Multiplier,
    /// The output's zero and range.
    pub clamp: Clamp,
    /// The size, and how sums are rounded.
    pub shape: PhantomData<fn(R) -> T>,
}

impl<T, R> Add<T, R> {
    /// Errors if a scale is not positive, or they are too far apart.
    pub const fn new(a: Quantization, b: Quantization, y: Quantization, clamp: Clamp) -> Result<Self, Error> {
        let (a, b, y) = match (a.checked(), b.checked(), y.checked()) {
            (Ok(a), Ok(b), Ok(y)) => (a, b, y),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => return Err(error),
        };
        let twice = 2.0 * if a.scale > b.scale { a.scale } else { b.scale } as f64;
        let factors = (
            Multiplier::new(a.scale as f64 / twice),
            Multiplier::new(b.scale as f64 / twice),
            Multiplier::new(twice / ((1 << 20) as f64 * y.scale as f64)),
        );
        match factors {
            (Ok(first), Ok(second), Ok(scale)) => Ok(Self {
                terms: [Term { scale: first, zero: a.zero }, Term { scale: second, zero: b.zero }],
                scale,
                clamp,
                shape: PhantomData,
            }),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Err(error),
        }
    }
}

impl<T, R> Zeroed for Add<T, R> {
    const ZEROED: Self = Self {
        terms: [Term::ZEROED; 2],
        scale: Multiplier::ZEROED,
        clamp: Clamp::ZEROED,
        shape: PhantomData,
    };
}

impl<T: Tensor, R: Rounding> Join<T, T> for Add<T, R> {
    type Output = T;

    fn join(&self, isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        sums::add::<R>(isa, self.terms, self.scale, self.clamp, [bytes(a), bytes(b)], bytes_mut(ys));
    }
}

/// The first array minus the second one, of the same size, which may have other scales.
///
/// ```
/// use fusebox::int8::{Clamp, Join, Quantization, Sub};
/// use fusebox::Isa;
/// let (a, b) = (Quantization { scale: 0.5, zero: 0 }, Quantization { scale: 0.25, zero: 4 });
/// let sub = Sub::<[i8; 2]>::new(a, b, a, Clamp::of(a))?;
/// let mut ys = [[0; 2]];
/// sub.join(Isa::detect(), &[[2, -3]], &[[8, 2]], &mut ys);
/// assert_eq!(ys, [[0, -2]]); // 1 - 1, and -1.5 - -0.5
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sub<T, R = Double> {
    /// The factors and the range of the sum.
    pub sum: Add<T, R>,
}

impl<T, R> Sub<T, R> {
    /// Errors as [`Add::new`].
    pub const fn new(a: Quantization, b: Quantization, y: Quantization, clamp: Clamp) -> Result<Self, Error> {
        match Add::new(a, b, y, clamp) {
            Ok(sum) => Ok(Self { sum }),
            Err(error) => Err(error),
        }
    }
}

impl<T, R> Zeroed for Sub<T, R> {
    const ZEROED: Self = Self { sum: Add::ZEROED };
}

impl<T: Tensor, R: Rounding> Join<T, T> for Sub<T, R> {
    type Output = T;

    fn join(&self, isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        let Add { terms, scale, clamp, .. } = self.sum;
        sums::subtract::<R>(isa, terms, scale, clamp, [bytes(a), bytes(b)], bytes_mut(ys));
    }
}

/// The larger number of two arrays of the same size, which have the same scale and zero.
///
/// ```
/// use fusebox::int8::{Join, Max};
/// let mut ys = [[0; 2]];
/// Max::<[i8; 2]>::new().join(fusebox::Isa::detect(), &[[1, -3]], &[[-2, 4]], &mut ys);
/// assert_eq!(ys, [[1, 4]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Max<T> {
    shape: PhantomData<fn() -> T>,
}

impl<T> Max<T> {
    /// The size alone.
    #[must_use]
    pub const fn new() -> Self {
        Self { shape: PhantomData }
    }
}

impl<T> Zeroed for Max<T> {
    const ZEROED: Self = Self::new();
}

impl<T: Numbers> Join<T, T> for Max<T> {
    type Output = T;

    fn join(&self, isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        sums::larger(isa, [flat(a), flat(b)], flat_mut(ys));
    }
}

/// The smaller number of two arrays of the same size, which have the same scale and zero.
///
/// ```
/// use fusebox::int8::{Join, Min};
/// let mut ys = [[0; 2]];
/// Min::<[i8; 2]>::new().join(fusebox::Isa::detect(), &[[1, -3]], &[[-2, 4]], &mut ys);
/// assert_eq!(ys, [[-2, -3]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Min<T> {
    shape: PhantomData<fn() -> T>,
}

impl<T> Min<T> {
    /// The size alone.
    #[must_use]
    pub const fn new() -> Self {
        Self { shape: PhantomData }
    }
}

impl<T> Zeroed for Min<T> {
    const ZEROED: Self = Self::new();
}

impl<T: Numbers> Join<T, T> for Min<T> {
    type Output = T;

    fn join(&self, isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        sums::smaller(isa, [flat(a), flat(b)], flat_mut(ys));
    }
}

/// A join whose second array is a constant: for a factor of each channel, rows are pixels.
///
/// ```
/// use fusebox::int8::{Clamp, Mul, Quantization, WithConstant};
/// use fusebox::{Layer, Scratch};
/// let q = Quantization { scale: 1.0, zero: 0 };
/// let layer = WithConstant { join: Mul::<[i8; 2]>::new(q, q, q, Clamp::of(q))?, constant: [2, 10] };
/// let mut ys = [[0; 2]; 3];
/// layer.infer(&[[1, 2], [3, 4], [5, 6]], &mut Scratch::<_, 3>::new(), &mut ys)?;
/// assert_eq!(ys, [[2, 20], [6, 40], [10, 60]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithConstant<J, B> {
    /// What makes one array of the input and the constant.
    pub join: J,
    /// The second array.
    pub constant: B,
}

impl<J: Zeroed, B: Zeroed> Zeroed for WithConstant<J, B> {
    const ZEROED: Self = Self { join: J::ZEROED, constant: B::ZEROED };
}

impl<J: Join<B, B, Output = B>, B: Numbers> Layer for WithConstant<J, B> {
    type Input = B;
    type Output = B;
    type Scratch = ();
    type InPlace = B;

    const CHECK: () = J::CHECK;

    fn run(&self, isa: Isa, xs: &[B], _scratch: &mut [f32], ys: &mut [B]) {
        for (x, y) in xs.iter().zip(ys) {
            let [x, constant] = [x, &self.constant].map(slice::from_ref);
            self.join.join(isa, x, constant, slice::from_mut(y));
        }
    }
}

/// The product of two arrays of the same size, number by number.
///
/// ```
/// use fusebox::int8::{Clamp, Join, Mul, Quantization};
/// use fusebox::Isa;
/// let q = Quantization { scale: 0.5, zero: 1 };
/// let mul = Mul::<[i8; 2]>::new(q, q, q, Clamp::of(q))?;
/// let mut ys = [[0; 2]];
/// mul.join(Isa::detect(), &[[3, 5]], &[[5, -1]], &mut ys);
/// assert_eq!(ys, [[5, -3]]); // 1 times 2, and 2 times -1
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mul<T, R = Double> {
    /// The zeros of both.
    pub zeros: [i8; 2],
    /// The product of their scales over the output's.
    pub scale: Multiplier,
    /// The output's zero and range.
    pub clamp: Clamp,
    /// The size, and how products are rounded.
    pub shape: PhantomData<fn(R) -> T>,
}

impl<T, R> Mul<T, R> {
    /// Errors if a scale is not positive, or the product of two over the third is 2^31 or more.
    pub const fn new(a: Quantization, b: Quantization, y: Quantization, clamp: Clamp) -> Result<Self, Error> {
        match (a.checked(), b.checked(), y.checked()) {
            (Ok(a), Ok(b), Ok(y)) => {
                let real = a.scale as f64 * b.scale as f64 / y.scale as f64;
                match Multiplier::new(real) {
                    Ok(scale) => Ok(Self { zeros: [a.zero, b.zero], scale, clamp, shape: PhantomData }),
                    Err(error) => Err(error),
                }
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Err(error),
        }
    }
}

impl<T: Tensor, R: Rounding> Join<T, T> for Mul<T, R> {
    type Output = T;

    fn join(&self, isa: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        sums::multiply::<R>(isa, self.zeros, self.scale, self.clamp, [bytes(a), bytes(b)], bytes_mut(ys));
    }
}

/// The first array, whose negative numbers are multiplied by those of the second one: a PReLU, whose slopes are most often a
/// constant.
///
/// ```
/// use fusebox::int8::{Clamp, Prelu, Quantization, WithConstant};
/// use fusebox::{Layer, Scratch};
/// let (x, slope) = (Quantization { scale: 0.5, zero: 1 }, Quantization { scale: 0.25, zero: 0 });
/// let layer = WithConstant { join: Prelu::<[i8; 2]>::new(x, slope, x, Clamp::of(x))?, constant: [1, 2] };
/// let mut ys = [[0; 2]; 2];
/// layer.infer(&[[9, 9], [-7, -7]], &mut Scratch::<_, 2>::new(), &mut ys)?;
/// assert_eq!(ys, [[9, 9], [-1, -3]]); // -4 times 0.25, and times 0.5
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Source: K. He and others, "Delving Deep into Rectifiers", 2015, in TensorFlow Lite's whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prelu<T, R = Double> {
    /// The zeros of both, and the factor of negative numbers times slopes.
    pub product: Mul<T, R>,
    /// The first array's scale over the output's.
    pub scale: Multiplier,
}

impl<T, R> Prelu<T, R> {
    /// Errors as [`Mul::new`], or if the first array's scale over the output's is 2^31 or more.
    pub const fn new(a: Quantization, b: Quantization, y: Quantization, clamp: Clamp) -> Result<Self, Error> {
        match (Mul::new(a, b, y, clamp), Multiplier::new(a.scale as f64 / y.scale as f64)) {
            (Ok(product), Ok(scale)) => Ok(Self { product, scale }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl<T: Tensor, R: Rounding> Join<T, T> for Prelu<T, R> {
    type Output = T;

    fn join(&self, _: Isa, a: &[T], b: &[T], ys: &mut [T]) {
        let Mul { zeros, scale, clamp, .. } = self.product;
        sums::leak::<R>(zeros, [self.scale, scale], clamp, [bytes(a), bytes(b)], bytes_mut(ys));
    }
}

/// Both arrays in `Y`, side by side: `first` numbers of the one, then `second` of the other, and so on. Along the channels of
/// pictures, these are their channels; along the first axis, all numbers. Scales and zeros are equal: see
/// [`Table`](super::Table) for others.
///
/// ```
/// use fusebox::int8::{Concat, Join};
/// use fusebox::Isa;
/// let mut ys = [[[0; 3]; 2]];
/// Concat::<[[i8; 3]; 2]> { first: 1, second: 2, shape: Default::default() }.join(
///     Isa::detect(),
///     &[[[1_i8], [4]]],
///     &[[[2_i8, 3], [5, 6]]],
///     &mut ys,
/// );
/// assert_eq!(ys, [[[1, 2, 3], [4, 5, 6]]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat<Y> {
    /// Numbers in a row of the one array: those of the last axes, from that of concatenation on.
    pub first: usize,
    /// Of the other.
    pub second: usize,
    /// The size.
    pub shape: PhantomData<fn() -> Y>,
}

impl<A, B, Y: Numbers> Join<A, B> for Concat<Y>
where
    A: Numbers<Number = Y::Number>,
    B: Numbers<Number = Y::Number>,
{
    type Output = Y;

    const CHECK: () =
        assert!(size_of::<A>() + size_of::<B>() == size_of::<Y>(), "a Concat has the numbers of both arrays");

    fn join(&self, _: Isa, a: &[A], b: &[B], ys: &mut [Y]) {
        let [first, second] = [self.first, self.second].map(|n| n.saturating_mul(size_of::<Y::Number>()));
        let rows = rows(raw(a), first).zip(rows(raw(b), second));
        for ((a, b), y) in rows.zip(rows_mut(raw_mut(ys), first.saturating_add(second))) {
            if let Some((first, second)) = y.split_at_mut_checked(first) {
                copy(a, first);
                copy(b, second);
            }
        }
    }
}

/// Two layers with the same input, whose outputs are joined.
///
/// ```
/// use fusebox::int8::{Concat, Parallel, Quantization, Softmax, Table};
/// use fusebox::{Layer, Scratch};
/// let q = Quantization { scale: 0.5, zero: 0 };
/// let concat = Concat::<[i8; 4]> { first: 2, second: 2, shape: Default::default() };
/// let layer = Parallel { first: Table::<[i8; 2]>::tanh(q)?, second: Softmax::<2>::new(q, 1.0)?, join: concat };
/// let mut ys = [[0; 4]];
/// layer.infer(&[[0, 0]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[0, 0, 0, 0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallel<A, B, J> {
    /// The first branch.
    pub first: A,
    /// The second branch.
    pub second: B,
    /// What makes one of both outputs.
    pub join: J,
}

impl<A: Zeroed, B: Zeroed, J: Zeroed> Zeroed for Parallel<A, B, J> {
    const ZEROED: Self = Self { first: A::ZEROED, second: B::ZEROED, join: J::ZEROED };
}

impl<I, A, B, J> Layer for Parallel<A, B, J>
where
    I: Numbers,
    A: Layer<Input = I, Output: Numbers>,
    B: Layer<Input = I, Output: Numbers>,
    J: Join<A::Output, B::Output>,
{
    type Input = I;
    type Output = J::Output;
    type Scratch = Beside<A::Output, Beside<B::Output, Either<A::Scratch, B::Scratch>>>;
    type InPlace = Beside<I, Self::Scratch>;

    const CHECK: () = ((A::CHECK, B::CHECK), J::CHECK).1;

    fn run(&self, isa: Isa, xs: &[I], mut scratch: &mut [f32], ys: &mut [J::Output]) {
        let a = take_mut(&mut scratch, xs.len());
        let b = take_mut(&mut scratch, xs.len());
        self.first.run(isa, xs, scratch, a);
        self.second.run(isa, xs, scratch, b);
        if a.len() == ys.len() && b.len() == ys.len() {
            self.join.join(isa, a, b, ys);
        }
    }
}

/// The input joined with a layer's output.
///
/// ```
/// use fusebox::int8::{Add, Clamp, Quantization, Residual, Table};
/// use fusebox::{Layer, Scratch};
/// let q = Quantization { scale: 1.0 / 128.0, zero: 0 };
/// let layer = Residual { layer: Table::<[i8; 2]>::tanh(q)?, join: Add::<[i8; 2]>::new(q, q, q, Clamp::of(q))? };
/// let mut ys = [[0; 2]];
/// layer.infer(&[[10, -20]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[20, -40]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual<F, J> {
    /// The layer.
    pub layer: F,
    /// What makes one array of the input and the layer's output.
    pub join: J,
}

impl<F: Zeroed, J: Zeroed> Zeroed for Residual<F, J> {
    const ZEROED: Self = Self { layer: F::ZEROED, join: J::ZEROED };
}

impl<I, F, J> Layer for Residual<F, J>
where
    I: Numbers,
    F: Layer<Input = I, Output: Numbers>,
    J: Join<I, F::Output>,
{
    type Input = I;
    type Output = J::Output;
    type Scratch = Beside<F::Output, F::Scratch>;
    type InPlace = Beside<I, Self::Scratch>;

    const CHECK: () = (F::CHECK, J::CHECK).1;

    fn run(&self, isa: Isa, xs: &[I], scratch: &mut [f32], ys: &mut [J::Output]) {
        let (inner, own) = Side::Front.cut(scratch, xs.len());
        self.layer.run(isa, xs, own, inner);
        if inner.len() == ys.len() && xs.len() == ys.len() {
            self.join.join(isa, xs, inner, ys);
        }
    }
}
