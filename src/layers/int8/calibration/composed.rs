//! Layers made of others.
//!
//! A batch normalisation after a convolution is part of it: `Chain<Conv2d, BatchNorm>` is a layer with weights (`affine`), and a
//! chain that begins with both is grouped so. The marker `NoNorm` keeps that apart from all other chains: it is implemented for
//! what does not begin with a `BatchNorm`.

use super::describe::{Described, Operation};
use super::function::Fused;
use super::layer::{Bytes, Real, Rows, RowsMut, ToInt8, last_scale};
use super::report::Noise;
use crate::kernel::elementwise::{self, Zip};
use crate::kernel::int8::Clamp;
use crate::layers::each::{flat, flat_mut};
use crate::layers::int8::join::{Add, Join, Residual as ResidualInt8};
use crate::layers::int8::picture::Picture as BytePicture;
use crate::layers::int8::quantization::Quantization;
use crate::layers::{
    Activate, BatchNorm, Chain, Conv2d, Dense, Dropout, Each, Identity, Picture, Pool, Residual, Softmax,
    Steps, View,
};
use crate::memory::{Beside, Either, numbers, numbers_mut, take_mut, view, view_mut};
use crate::{Error, Isa, Pair, Plain};

/// Layers that do not begin with a [`BatchNorm`].
pub trait NoNorm {}

impl<const IN: usize, const OUT: usize, A> NoNorm for Dense<IN, OUT, A> {}
impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A> NoNorm
    for Conv2d<I, O, KH, KW, C, F, G, A>
{
}
impl<P, W, I, O> NoNorm for Pool<P, W, I, O> {}
impl<const N: usize, A> NoNorm for Activate<N, A> {}
impl<const N: usize> NoNorm for Softmax<N> {}
impl<const N: usize, const PERCENT: u32, const SEED: u64> NoNorm for Dropout<N, PERCENT, SEED> {}
impl<F> NoNorm for Residual<F> {}
impl<const T: usize, F> NoNorm for Each<T, F> {}
impl<I, F, O> NoNorm for View<I, F, O> {}
impl<A: NoNorm, R> NoNorm for Chain<A, R> {}

impl<A: ToInt8, R: ToInt8<Input = A::Output> + NoNorm> ToInt8 for Chain<A, R> {
    type Int8 = Chain<A::Int8, R::Int8>;
    type PerOutput<T: Plain> = Pair<A::PerOutput<T>, R::PerOutput<T>>;
    type Memory = Beside<A::Output, Either<A::Memory, R::Memory>>;
    type Both = Beside<A::Output, Beside<Bytes<A::Output>, Either<A::Both, R::Both>>>;

    fn name(output: usize) -> &'static str {
        match output.checked_sub(A::OUTPUTS) {
            Some(output) => R::name(output),
            None => A::name(output),
        }
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[A::Input],
        mut memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [R::Output],
    ) {
        let between = take_mut(&mut memory, xs.len());
        self.first.observe(isa, xs, memory, see, between);
        self.rest.observe(isa, between, memory, &mut |output, ys| see(A::OUTPUTS + output, ys), ys);
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let (of_first, of_rest) = ranges.split_at_checked(A::OUTPUTS).unwrap_or_default();
        let (first, rest) = to.map(|to| (&mut to.first, &mut to.rest)).unzip();
        let between = self.first.convert(x, of_first, first)?;
        self.rest.convert(between, of_rest, rest)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let (of_first, of_rest) = ranges.split_at_checked(A::OUTPUTS).unwrap_or_default();
        let between = self.first.describe(x, of_first, see)?;
        self.rest.describe(between, of_rest, see)
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, A::Input>,
        mut memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, R::Output>,
    ) -> Result<Quantization, Error> {
        let rows = xs.reals.len();
        let mut between = RowsMut { reals: take_mut(&mut memory, rows), bytes: take_mut(&mut memory, rows) };
        let (of_first, of_rest) = ranges.split_at_checked(A::OUTPUTS).unwrap_or_default();
        let (in_first, in_rest) = noise.split_at_mut_checked(A::OUTPUTS).unwrap_or_default();
        let scale =
            self.first.compare(&int8.first, isa, xs, memory, of_first, in_first, between.reborrow())?;
        self.rest.compare(&int8.rest, isa, between.read(scale), memory, of_rest, in_rest, ys)
    }
}

/// A convolution and its normalisation, then other layers: the same memory as `Chain<Chain<Conv2d, BatchNorm>, R>`.
impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A, R> ToInt8
    for Chain<Conv2d<I, O, KH, KW, C, F, G, Identity>, Chain<BatchNorm<O, F, A>, R>>
where
    I: Picture + Real<Int8: BytePicture<Number = i8>>,
    O: Picture + Real<Int8: BytePicture<Number = i8>>,
    G: Steps,
    A: Fused,
    R: ToInt8<Input = O> + NoNorm + Plain,
{
    type Int8 = <Grouped<I, O, KH, KW, C, F, G, A, R> as ToInt8>::Int8;
    type PerOutput<T: Plain> = <Grouped<I, O, KH, KW, C, F, G, A, R> as ToInt8>::PerOutput<T>;
    type Memory = <Grouped<I, O, KH, KW, C, F, G, A, R> as ToInt8>::Memory;
    type Both = <Grouped<I, O, KH, KW, C, F, G, A, R> as ToInt8>::Both;

    fn name(output: usize) -> &'static str {
        Grouped::<I, O, KH, KW, C, F, G, A, R>::name(output)
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[I],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [R::Output],
    ) {
        if let [grouped] = grouped(self) {
            grouped.observe(isa, xs, memory, see, ys);
        }
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        match grouped(self) {
            [grouped] => grouped.convert(x, ranges, to),
            _ => Ok(x),
        }
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        match grouped(self) {
            [grouped] => grouped.describe(x, ranges, see),
            _ => Ok(x),
        }
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, I>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, R::Output>,
    ) -> Result<Quantization, Error> {
        match grouped(self) {
            [grouped] => grouped.compare(int8, isa, xs, memory, ranges, noise, ys),
            _ => Ok(xs.scale),
        }
    }
}

/// A convolution and its normalisation as one layer, and the rest.
type Grouped<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A, R> =
    Chain<Chain<Conv2d<I, O, KH, KW, C, F, G, Identity>, BatchNorm<O, F, A>>, R>;

/// The same numbers in other pairs: one element.
fn grouped<A: Plain, B: Plain, R: Plain>(chain: &Chain<A, Chain<B, R>>) -> &[Chain<Chain<A, B>, R>] {
    view(core::slice::from_ref(chain), 1)
}

/// Does nothing in inference, so only the rest has a counterpart.
impl<const N: usize, const PERCENT: u32, const SEED: u64, R: ToInt8<Input = [f32; N]>> ToInt8
    for Chain<Dropout<N, PERCENT, SEED>, R>
{
    type Int8 = R::Int8;
    type PerOutput<T: Plain> = R::PerOutput<T>;
    type Memory = R::Memory;
    type Both = R::Both;

    fn name(output: usize) -> &'static str {
        R::name(output)
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[[f32; N]],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [R::Output],
    ) {
        self.rest.observe(isa, xs, memory, see, ys);
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut R::Int8>,
    ) -> Result<Quantization, Error> {
        self.rest.convert(x, ranges, to)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        self.rest.describe(x, ranges, see)
    }

    fn compare(
        &self,
        int8: &R::Int8,
        isa: Isa,
        xs: Rows<'_, [f32; N]>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, R::Output>,
    ) -> Result<Quantization, Error> {
        self.rest.compare(int8, isa, xs, memory, ranges, noise, ys)
    }
}

impl<I: Real, O: Real, F: ToInt8> ToInt8 for View<I, F, O> {
    type Int8 = View<I::Int8, F::Int8, O::Int8>;
    type PerOutput<T: Plain> = F::PerOutput<T>;
    type Memory = F::Memory;
    type Both = F::Both;

    fn name(output: usize) -> &'static str {
        F::name(output)
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[I],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [O],
    ) {
        self.layer.observe(isa, Self::inputs(xs), memory, see, Self::outputs_mut(ys));
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        self.layer.convert(x, ranges, to.map(|to| &mut to.layer))
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        self.layer.describe(x, ranges, see)
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        Rows { reals, bytes, scale }: Rows<'_, I>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, O>,
    ) -> Result<Quantization, Error> {
        let rows = reals.len();
        let xs = Rows { reals: Self::inputs(reals), bytes: view(bytes, rows), scale };
        let ys = RowsMut { reals: Self::outputs_mut(ys.reals), bytes: view_mut(ys.bytes, rows) };
        self.layer.compare(&int8.layer, isa, xs, memory, ranges, noise, ys)
    }
}

impl<const T: usize, F: ToInt8> ToInt8 for Each<T, F> {
    type Int8 = Each<T, F::Int8>;
    type PerOutput<U: Plain> = F::PerOutput<U>;
    type Memory = [F::Memory; T];
    type Both = [F::Both; T];

    fn name(output: usize) -> &'static str {
        F::name(output)
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[[F::Input; T]],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [[F::Output; T]],
    ) {
        self.layer.observe(isa, flat(xs), memory, see, flat_mut(ys));
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        self.layer.convert(x, ranges, to.map(|to| &mut to.layer))
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        self.layer.describe(x, ranges, &mut |inner| see(Described { rows: T * inner.rows, ..inner }))
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        Rows { reals, bytes, scale }: Rows<'_, [F::Input; T]>,
        memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, [F::Output; T]>,
    ) -> Result<Quantization, Error> {
        let xs = Rows { reals: flat(reals), bytes: flat(bytes), scale };
        let ys = RowsMut { reals: flat_mut(ys.reals), bytes: flat_mut(ys.bytes) };
        self.layer.compare(&int8.layer, isa, xs, memory, ranges, noise, ys)
    }
}

/// The last output is the sum.
impl<T: Real, F: ToInt8<Input = T, Output = T>> ToInt8 for Residual<F> {
    type Int8 = ResidualInt8<F::Int8, Add<T::Int8>>;
    type PerOutput<U: Plain> = Pair<F::PerOutput<U>, U>;
    type Memory = F::Memory;
    type Both = Beside<T::Int8, F::Both>;

    fn name(output: usize) -> &'static str {
        if output < F::OUTPUTS { F::name(output) } else { "Residual" }
    }

    fn observe(
        &self,
        isa: Isa,
        xs: &[T],
        memory: &mut [f32],
        see: &mut dyn FnMut(usize, &[f32]),
        ys: &mut [T],
    ) {
        self.layer.observe(isa, xs, memory, see, ys);
        isa.call_in_parts(Zip { function: elementwise::Add, others: numbers(xs), xs: numbers_mut(ys) });
        see(F::OUTPUTS, numbers(ys));
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let (inner, _) = ranges.split_at_checked(F::OUTPUTS).unwrap_or_default();
        let (layer, join) = to.map(|to| (&mut to.layer, &mut to.join)).unzip();
        let of_layer = self.layer.convert(x, inner, layer)?;
        let y = last_scale(x, ranges)?;
        let add = Add::new(x, of_layer, y, Clamp::of(y))?;
        if let Some(join) = join {
            *join = add;
        }
        Ok(y)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let (inner, _) = ranges.split_at_checked(F::OUTPUTS).unwrap_or_default();
        let name = "Residual";
        see(Described { name, rows: 1, x, y: x, operation: Operation::Branch });
        let x = self.layer.describe(x, inner, see)?;
        let y = last_scale(x, ranges)?;
        see(Described { name, rows: 1, x, y, operation: Operation::Add(size_of::<T::Int8>()) });
        Ok(y)
    }

    fn compare(
        &self,
        int8: &Self::Int8,
        isa: Isa,
        xs: Rows<'_, T>,
        mut memory: &mut [f32],
        ranges: &[[f32; 2]],
        noise: &mut [Noise],
        ys: RowsMut<'_, T>,
    ) -> Result<Quantization, Error> {
        let inner = take_mut(&mut memory, xs.bytes.len());
        let (of_layer, _) = ranges.split_at_checked(F::OUTPUTS).unwrap_or_default();
        let (in_layer, own) = noise.split_at_mut_checked(F::OUTPUTS).unwrap_or_default();
        let between = RowsMut { reals: &mut *ys.reals, bytes: &mut *inner };
        self.layer.compare(&int8.layer, isa, xs, memory, of_layer, in_layer, between)?;
        let others = numbers(xs.reals);
        isa.call_in_parts(Zip { function: elementwise::Add, others, xs: numbers_mut(ys.reals) });
        int8.join.join(isa, xs.bytes, inner, ys.bytes);
        Ok(ys.measure(last_scale(xs.scale, ranges)?, own))
    }
}
