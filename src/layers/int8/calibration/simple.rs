//! Layers without weights: pools, activations, the softmax. They are observed and compared as the trait does it.

use super::describe::{Described, Operation, Windows};
use super::function::Fused;
use super::layer::{Real, ToInt8, last_scale};
use crate::kernel::axis::Axis;
use crate::kernel::int8::Clamp;
use crate::layers::int8::picture::Picture as BytePicture;
use crate::layers::int8::pool::{Mean, Pool as PoolInt8};
use crate::layers::int8::quantization::Quantization;
use crate::layers::int8::softmax::Softmax as SoftmaxInt8;
use crate::layers::int8::table::Table;
use crate::layers::picture::{self, All, Function, Kernel, Largest};
use crate::layers::{Activate, Picture, Pool, Softmax, Steps, Valid, View, Window};
use crate::{Error, Plain};

/// What a softmax puts out.
const PROBABILITIES: Quantization = Quantization { scale: 1.0 / 256.0, zero: -128 };

/// Overwrites `to`, if it is wanted.
fn put<T>(value: T, to: Option<&mut T>) {
    if let Some(to) = to {
        *to = value;
    }
}

impl<P, I, O, const KH: usize, const KW: usize, G> ToInt8 for Pool<P, Kernel<KH, KW, G>, I, O>
where
    P: Function,
    I: Picture + Real<Int8: BytePicture<Number = i8>>,
    O: Picture + Real<Int8: BytePicture<Number = i8>>,
    G: Steps,
{
    type Int8 = PoolInt8<P, I::Int8, O::Int8, KH, KW, G>;
    type PerOutput<T: Plain> = ();
    type Memory = ();
    type Both = ();

    fn name(_: usize) -> &'static str {
        P::SHOWN[0]()
    }

    fn convert(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        put(PoolInt8::new(Clamp::of(x)), to);
        Ok(x)
    }

    fn describe(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let windows = Windows { axes: Self::Int8::WINDOWS.axes, channels: [I::CHANNELS, O::CHANNELS] };
        let operation = if P::IS_MAX { Operation::MaxPool2d } else { Operation::AvgPool2d };
        see(Described { name: P::SHOWN[0](), rows: 1, x, y: x, operation: operation(windows) });
        Ok(x)
    }
}

/// A window as large as the picture.
impl<const H: usize, const W: usize, const C: usize> ToInt8
    for Pool<Largest, All, [[[f32; C]; W]; H], [f32; C]>
{
    type Int8 = View<
        [[[i8; C]; W]; H],
        PoolInt8<Largest, [[[i8; C]; W]; H], [[[i8; C]; 1]; 1], H, W, Window<Valid>>,
        [i8; C],
    >;
    type PerOutput<T: Plain> = ();
    type Memory = ();
    type Both = ();

    fn name(_: usize) -> &'static str {
        "GlobalMaxPool"
    }

    fn convert(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        put(View::new(PoolInt8::new(Clamp::of(x))), to);
        Ok(x)
    }

    fn describe(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let whole = |size| Axis { input: size, output: 1, taps: size, stride: 1, dilation: 1, before: 0 };
        let windows = Windows { axes: [whole(H), whole(W)], channels: [C; 2] };
        let operation = Operation::MaxPool2d(windows);
        see(Described { name: "GlobalMaxPool", rows: 1, x, y: x, operation });
        Ok(x)
    }
}

/// Means lie in a smaller range than what they are of, so they have a scale of their own.
impl<I: Picture + Real<Int8: BytePicture<Number = i8>>, const C: usize> ToInt8
    for Pool<picture::Mean, All, I, [f32; C]>
{
    type Int8 = Mean<I::Int8, C>;
    type PerOutput<T: Plain> = T;
    type Memory = ();
    type Both = ();

    fn name(_: usize) -> &'static str {
        "GlobalAvgPool"
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let y = last_scale(x, ranges)?;
        put(Mean::new(x, y)?, to);
        Ok(y)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let y = last_scale(x, ranges)?;
        let picture = [<I as Picture>::HEIGHT, <I as Picture>::WIDTH, C];
        see(Described { name: "GlobalAvgPool", rows: 1, x, y, operation: Operation::Mean(picture) });
        Ok(y)
    }
}

impl<const N: usize, A: Fused> ToInt8 for Activate<N, A> {
    type Int8 = Table<[i8; N]>;
    type PerOutput<T: Plain> = T;
    type Memory = ();
    type Both = ();

    fn name(_: usize) -> &'static str {
        A::NAME_SHOWN
    }

    fn convert(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        let y = A::scale(x, ranges)?;
        let table = A::table([x, y])?;
        if let Some(to) = to {
            to.results = table.results;
        }
        Ok(y)
    }

    fn describe(
        &self,
        x: Quantization,
        ranges: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let y = A::scale(x, ranges)?;
        see(Described { name: A::NAME_SHOWN, rows: 1, x, y, operation: A::OPERATION(N) });
        Ok(y)
    }
}

impl<const N: usize> ToInt8 for Softmax<N> {
    type Int8 = SoftmaxInt8<N>;
    type PerOutput<T: Plain> = T;
    type Memory = ();
    type Both = ();

    fn name(_: usize) -> &'static str {
        "Softmax"
    }

    fn convert(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        to: Option<&mut Self::Int8>,
    ) -> Result<Quantization, Error> {
        put(SoftmaxInt8::new(x, 1.0)?, to);
        Ok(PROBABILITIES)
    }

    fn describe(
        &self,
        x: Quantization,
        _: &[[f32; 2]],
        see: &mut dyn FnMut(Described<'_>),
    ) -> Result<Quantization, Error> {
        let (y, operation) = (PROBABILITIES, Operation::Softmax(N));
        see(Described { name: "Softmax", rows: 1, x, y, operation });
        Ok(y)
    }
}
