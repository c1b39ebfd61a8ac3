//! Layers without weights: pools, activations, the softmax. They are observed and compared as the trait does it.

use super::function::Fused;
use super::layer::{Real, ToInt8, last_scale};
use crate::kernel::int8::Clamp;
use crate::layers::int8::picture::Picture as BytePicture;
use crate::layers::int8::pool::{Mean, Pool as PoolInt8};
use crate::layers::int8::quantization::Quantization;
use crate::layers::int8::softmax::Softmax as SoftmaxInt8;
use crate::layers::int8::table::Table;
use crate::layers::picture::{self, All, Function, Kernel, Largest};
use crate::layers::{Activate, Picture, Pool, Softmax, Steps, Valid, View, Window};
use crate::{Error, Plain};

/// Overwrites `to`, if it is wanted.
fn put<T>(value: T, to: Option<&mut T>) {
    if let Some(to) = to {
        *to = value;
    }
}

impl<P, I, O, const KH: usize, const KW: usize, G> ToInt8 for Pool<P, Kernel<KH, KW, G>, I, O>
where
    P: Function,
    I: Picture + Real<Int8: BytePicture>,
    O: Picture + Real<Int8: BytePicture>,
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
}

/// Means lie in a smaller range than what they are of, so they have a scale of their own.
impl<I: Picture + Real<Int8: BytePicture>, const C: usize> ToInt8 for Pool<picture::Mean, All, I, [f32; C]> {
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
        if let Some(to) = to {
            A::tabulate([x, y], &mut to.results);
        }
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
        Ok(Quantization { scale: 1.0 / 256.0, zero: -128 })
    }
}
