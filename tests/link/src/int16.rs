//! Networks of activations of sixteen bits: what they compute has no floating point, what makes them does.

use crate::int8::{copied, described, infer, join, multiplier, run};
use crate::text::debug;
use crate::{any, hide, keep};
use core::marker::PhantomData;
use fusebox::Error;
use fusebox::int8::{
    Concat, Max, Min, Pad, Quantization, Region, Residual, Slice, WeightScale, WithConstant,
};
use fusebox::int16::{
    Add, AvgPool2d, Clamp, Conv2d, Dense, DepthwiseConv2d, Dequantize, Logistic, MaxPool2d, Mean, Mul,
    Quantize, Rescale, Softmax, Sub, Sum, Sum32, Sum64, Tanh,
};
use fusebox::layers::{Valid, Window};

type Picture<const C: usize> = [[[i16; C]; 5]; 4];
type Small<const C: usize> = [[[i16; C]; 2]; 2];
type Row = [i16; 3];
type Conv<const K: usize, S> = Conv2d<Picture<3>, Picture<6>, K, K, 3, 6, Window, S>;
type Dilated<S> = Conv2d<Picture<3>, [[[i16; 6]; 3]; 2], 2, 2, 3, 6, Window<Valid, 1, 1, 2, 2>, S>;
type Depthwise<const C: usize, S> = DepthwiseConv2d<Picture<C>, Picture<6>, 3, 3, 6, Window, S>;

/// Calls what runs.
pub fn whole() {
    running::<Sum64>();
    running::<Sum32>();
    keep(regions());
    run(&AvgPool2d::<Picture<3>, Small<3>, 2, 2>::new(clamp()));
    run(&MaxPool2d::<Picture<3>, Small<3>, 2, 2>::new(clamp()));
    run(&Mean::<Picture<3>, 3> { scale: multiplier(), shape: PhantomData });
    run(&Softmax::<3> { scale: multiplier() });
    let add =
        Add::<Row> { terms: [multiplier(); 2], scale: multiplier(), clamp: clamp(), shape: PhantomData };
    join(&add);
    join(&Sub { sum: add });
    let mul = Mul::<Row> { scale: multiplier(), clamp: clamp(), shape: PhantomData };
    join(&mul);
    join(&Max::<Row>::new());
    join(&Min::<Row>::new());
    join::<Row, _>(&Concat::<[i16; 6]> { first: any(), second: any(), shape: PhantomData });
    run(&WithConstant { join: mul, constant: any::<Row>() });
    let rescale = rescale::<Row, Row>(any());
    run(&rescale);
    run(&Residual { layer: rescale, join: add });
    run(&self::rescale::<[i8; 3], Row>(any()));
    run(&self::rescale::<Row, [i8; 3]>(any()));
    run(&any::<Logistic<Row>>());
    run(&any::<Tanh<Row>>());
    described(&clamp());
    described(&hide(Sum64));
    described(&hide(Sum32));
}

/// `Debug` of what holds an `f32`.
pub fn excepted() {
    if let Ok(quantize) = Quantize::<Picture<3>>::new(any()) {
        debug(&quantize);
    }
    debug(&Dequantize::<Picture<3>>::new(any()));
}

/// Calls what makes them.
pub fn all() {
    keep(made::<Sum64>());
    keep(made::<Sum32>());
    keep(others());
}

fn clamp() -> Clamp {
    hide(Clamp { least: any(), most: any() })
}

fn rescale<X, Y: fusebox::int8::Numbers>(range: [Y::Number; 2]) -> Rescale<X, Y> {
    Rescale { zeros: any(), scales: [multiplier(); 2], range, shape: PhantomData }
}

fn running<S: Sum>() {
    let clamp = clamp();
    let (scale, weight) = ([multiplier(); 7], any());
    run(&Dense::<5, 7, S> { bias: any(), scale, weight, clamp, sum: PhantomData });
    let scale = [multiplier(); 6];
    run(&Conv::<3, S> { bias: any(), scale, weight: any(), clamp, shape: PhantomData });
    run(&Conv::<1, S> { bias: any(), scale, weight: any(), clamp, shape: PhantomData });
    run(&Dilated::<S> { bias: any(), scale, weight: any(), clamp, shape: PhantomData });
    run(&Depthwise::<3, S> { bias: any(), scale, weight: any(), clamp, shape: PhantomData });
    run(&Depthwise::<6, S> { bias: any(), scale, weight: any(), clamp, shape: PhantomData });
}

fn regions() -> Result<(), Error> {
    let region = hide(Region { whole: any(), part: any(), start: any(), step: any() });
    run(&Slice::<[i16; 6], Row>::new(region)?);
    run(&Pad::<Row, [i16; 6]>::new(region, any())?);
    Ok(())
}

fn made<S: Sum>() -> Result<(), Error> {
    let (x, y, clamp) = (any(), any(), clamp());
    keep(Dense::<5, 7, S>::new(&any(), &any(), x, WeightScale::Tensor(any()), y, clamp)?);
    let scale = WeightScale::Outputs(any());
    keep(Conv::<3, S>::new(&any(), &any(), x, scale, y, clamp)?);
    keep(Depthwise::<3, S>::new(&any(), &any(), x, scale, y, clamp)?);
    Ok(())
}

fn others() -> Result<(), Error> {
    let (x, y, clamp) = (any::<f32>(), any::<f32>(), clamp());
    keep((Clamp::relu6(y), Clamp::between(y, any(), any()), Clamp::NONE, Clamp::RELU));
    keep(Mean::<Picture<3>, 3>::new(x, y)?);
    keep(Add::<Row>::new(x, y, x, clamp)?);
    keep(Sub::<Row>::new(x, y, x, clamp)?);
    keep(Mul::<Row>::new(x, y, x, clamp)?);
    keep(Softmax::<3>::new(x, any())?);
    keep((Logistic::<Row>::new(x)?, Tanh::<Row>::new(x)?));
    let q = Quantization { scale: any(), zero: any() };
    keep(Rescale::<Row, Row>::new(x, y)?);
    keep(Rescale::<Row, Row>::relu(x, y, clamp)?);
    keep(Rescale::<Row, Row>::leaky_relu(x, y, any())?);
    keep(Rescale::<[i8; 3], Row>::from_int8(q, y)?);
    keep(Rescale::<Row, [i8; 3]>::to_int8(x, q)?);
    let (quantize, dequantize) = (Quantize::<Picture<3>>::new(x)?, Dequantize::<Picture<3>>::new(y));
    infer(&quantize);
    infer(&dequantize);
    copied(&quantize);
    copied(&dequantize);
    Ok(())
}
