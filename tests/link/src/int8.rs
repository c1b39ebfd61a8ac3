//! Networks of eight bits: what they compute has no floating point, what makes them does.

use crate::text::debug;
use crate::{any, hide, keep};
use core::fmt::Debug;
use core::marker::PhantomData;
use fusebox::int8::train::{self, Learn, Workspace};
use fusebox::int8::{
    Add, AvgPool2d, Clamp, Concat, Conv2d, Dense, DepthwiseConv2d, Dequantize, Double, Join, Lstm,
    LstmScales, Max, MaxPool2d, Mean, Min, Mul, Multiplier, Numbers, Pad, Parallel, Prelu, Quantization,
    Quantize, Region, Residual, Rounding, Single, Slice, Softmax, Sub, Table, Term, Transpose, WeightScale,
    WithConstant,
};
use fusebox::layers::{Stream, Valid, Window};
use fusebox::{Beside, Chain, Error, Isa, Layer, Relu, Rng, Scratch, Seq, Streaming, Zeroed};

type Picture<const C: usize> = [[[i8; C]; 5]; 4];
type Small<const C: usize> = [[[i8; C]; 2]; 2];
type Conv<const K: usize, R> = Conv2d<Picture<3>, Picture<6>, K, K, 3, 6, Window, R>;
type Dilated<R> = Conv2d<Picture<3>, [[[i8; 6]; 3]; 2], 2, 2, 3, 6, Window<Valid, 1, 1, 2, 2>, R>;

/// Calls what runs.
pub fn whole() {
    running::<Double>();
    running::<Single>();
    keep(regions());
    training::<Seq![train::Dense<5, 7, Relu>, train::Dense<7, 4>], 4>();
    training::<train::Dense<64, 8>, 8>();
    run(&AvgPool2d::<Picture<3>, Small<3>, 2, 2>::new(clamp()));
    run(&Softmax::<3> { scale: multiplier(), least: any() });
    let concat = Concat::<[i8; 6]> { first: any(), second: any(), shape: PhantomData };
    join::<[i8; 3], _>(&concat);
    join(&Max::<[i8; 3]>::new());
    join(&Min::<[i8; 3]>::default());
    join(&Min::<[i8; 3]>::new());
    join(&Max::<[i8; 3]>::default());
    run(&lstm());
    let mut stream = Streaming::<Lstm<2, 3, 5>>::new();
    keep(stream.push(&lstm(), &any()).copied());
    let (mut past, mut y) = (<Lstm<2, 3, 5> as Stream>::Past::ZEROED, any());
    keep(lstm().step(hide(Isa::portable()), hide(&mut past), &any(), hide(&mut y)));
    keep(clamp().output(any()));
    described(&clamp());
    described(&multiplier());
    described(&Term { scale: multiplier(), zero: any() });
    described(&hide(Double));
    described(&hide(Single));
    let beside = any::<Beside<i8, f32>>();
    keep(Clone::clone(hide(&beside)));
    debug(&beside);
}

/// Training in whole numbers.
fn training<N, const CLASSES: usize>()
where
    N: Learn<Output = [i8; CLASSES], Dy = [i16; CLASSES], Memory<3>: Debug>
        + Zeroed
        + Clone
        + PartialEq
        + Debug,
{
    let (mut net, mut rng) = (hide(N::ZEROED), hide(Rng::new(any())));
    net.randomize(&mut rng);
    let mut workspace = hide(Workspace::<N, 3>::new());
    let (xs, labels) = (any::<[N::Input; 3]>(), any::<[u8; 3]>());
    let (xs, labels) = (hide(&xs[..]), hide(&labels[..]));
    keep(workspace.train_step(&mut net, xs, labels, any(), &mut rng));
    keep(workspace.train_step_with(hide(Isa::detect()), &mut net, xs, labels, any(), &mut rng));
    keep(workspace.correct(&net, xs, labels));
    debug(&workspace);
    let (mut memory, mut ys) = (any::<N::Memory<3>>(), any::<[N::Output; 3]>());
    let (mut dys, mut dxs) = (any::<[N::Dy; 3]>(), any::<[N::Dx; 3]>());
    net.forward::<3>(hide(Isa::detect()), xs, &mut memory, hide(&mut ys[..]));
    net.backward::<3>(xs, &mut memory, hide(&ys[..]), hide(&mut dys[..]), Some(hide(&mut dxs[..])));
    net.update::<3>(xs, &memory, hide(&dys[..]), any(), &mut rng);
    debug(&memory);
    keep((dxs, Workspace::<N, 3>::default()));
    infer(&net.to_int8());
    run(&net);
}

/// `Debug` of what holds an `f32`.
pub fn excepted() {
    let q = quantization();
    debug(&q);
    debug(&hide(WeightScale::<2>::Tensor(any())));
    debug(&hide(lstm_scales()));
    if let Ok(quantize) = Quantize::<Picture<3>>::new(q) {
        debug(&quantize);
    }
    debug(&Dequantize::<Picture<3>>::new(q));
}

/// Calls what makes them.
pub fn all() {
    keep(numbers());
    keep(made::<Double>());
    keep(made::<Single>());
    keep(others());
}

pub(crate) fn multiplier() -> Multiplier {
    hide(Multiplier { mantissa: any(), exponent: any() })
}

fn clamp() -> Clamp {
    hide(Clamp { zero: any(), least: any(), most: any() })
}

fn dense<const IN: usize, const OUT: usize, R>() -> Dense<IN, OUT, R> {
    let scale = [multiplier(); OUT];
    Dense { bias: any(), scale, clamp: clamp(), weight: any(), rounding: PhantomData }
}

fn lstm() -> Lstm<2, 3, 5> {
    Lstm {
        bias: any(),
        recurrent_bias: any(),
        input_scale: [multiplier(); 4],
        recurrent_scale: [multiplier(); 4],
        output_scale: multiplier(),
        bits: any(),
        clip: any(),
        zero: any(),
        input: any(),
        recurrent: any(),
    }
}

fn lstm_scales() -> LstmScales {
    LstmScales {
        x: quantization(),
        input: any(),
        recurrent: any(),
        cell: any(),
        clip: any(),
        y: quantization(),
    }
}

fn running<R: Rounding>() {
    keep(R::scale(any(), multiplier()));
    run(&dense::<5, 7, R>());
    run(&dense::<64, 8, R>());
    let (scale, clamp) = ([multiplier(); 6], clamp());
    let conv: Conv<3, R> =
        Conv2d { bias: any(), scale, clamp, zero: any(), weight: any(), shape: PhantomData };
    run(&conv);
    run(&Chain { first: conv, rest: MaxPool2d::<Picture<6>, Small<6>, 2, 2>::new(clamp) });
    let pointwise: Conv<1, R> =
        Conv2d { bias: any(), scale, clamp, zero: any(), weight: any(), shape: PhantomData };
    run(&pointwise);
    let dilated: Dilated<R> =
        Conv2d { bias: any(), scale, clamp, zero: any(), weight: any(), shape: PhantomData };
    run(&dilated);
    let two: DepthwiseConv2d<Picture<3>, Picture<6>, 3, 3, 6, Window, R> =
        DepthwiseConv2d { bias: any(), scale, clamp, zero: any(), weight: any(), shape: PhantomData };
    run(&two);
    let one: DepthwiseConv2d<Picture<6>, Picture<6>, 3, 3, 6, Window, R> =
        DepthwiseConv2d { bias: any(), scale, clamp, zero: any(), weight: any(), shape: PhantomData };
    run(&one);
    run(&Mean::<Picture<3>, 3, R> { zero: any(), scale: multiplier(), clamp, shape: PhantomData });
    let term = Term { scale: multiplier(), zero: any() };
    let add = Add::<[i8; 3], R> { terms: [term; 2], scale: multiplier(), clamp, shape: PhantomData };
    join(&add);
    join(&Sub { sum: add });
    let mul = Mul::<[i8; 3], R> { zeros: any(), scale: multiplier(), clamp, shape: PhantomData };
    join(&mul);
    join(&Prelu { product: mul, scale: multiplier() });
    run(&WithConstant { join: mul, constant: any::<[i8; 3]>() });
    let table = Table::<[i8; 3]>::new(any());
    run(&table);
    run(&Residual { layer: table, join: add });
    run(&Parallel { first: table, second: table, join: add });
}

fn regions() -> Result<(), Error> {
    let region = hide(Region { whole: any(), part: any(), start: any(), step: any() });
    keep(region.fits(any(), any()));
    described(&region);
    run(&Slice::<[i8; 6], [i8; 3]>::new(region)?);
    run(&Pad::<[i8; 3], [i8; 6]>::new(region, any())?);
    run(&Transpose::<[i8; 6], [i8; 6]>::new(any(), any())?);
    Ok(())
}

fn quantization() -> Quantization {
    hide(Quantization { scale: any(), zero: any() })
}

fn numbers() -> Result<(), Error> {
    let q = quantization().checked()?;
    keep((q.real(any()), q.quantize(any())));
    keep((Clamp::of(q), Clamp::relu(q), Clamp::relu6(q), Clamp::between(q, any(), any())));
    keep(Multiplier::new(any())?.real());
    Ok(())
}

fn made<R: Rounding>() -> Result<(), Error> {
    let (x, y, clamp) = (quantization(), quantization(), clamp());
    let scale = WeightScale::Tensor(any());
    keep(Dense::<5, 7, R>::new(&any(), &any(), x, scale, y, clamp)?);
    keep(Dense::<4, 8, R>::new(&any(), &any(), x, WeightScale::Outputs(any()), y, clamp)?);
    let scale = WeightScale::Outputs(any());
    keep(Conv::<3, R>::new(&any(), &any(), x, scale, y, clamp)?);
    type Depthwise<R> = DepthwiseConv2d<Picture<3>, Picture<6>, 3, 3, 6, Window, R>;
    keep(Depthwise::<R>::new(&any(), &any(), x, scale, y, clamp)?);
    keep(Mean::<Picture<3>, 3, R>::new(x, y)?);
    keep(Add::<[i8; 3], R>::new(x, y, x, clamp)?);
    keep(Sub::<[i8; 3], R>::new(x, y, x, clamp)?);
    keep(Prelu::<[i8; 3], R>::new(x, y, x, clamp)?);
    keep(Mul::<[i8; 3], R>::new(x, y, x, clamp)?);
    keep(Table::<[i8; 3]>::requantize::<R>(x, y, clamp)?);
    keep(Table::<[i8; 3]>::leaky_relu::<R>(x, y, any())?);
    Ok(())
}

fn others() -> Result<(), Error> {
    let (x, y) = (quantization(), quantization());
    let (quantize, dequantize) = (Quantize::<Picture<3>>::new(x)?, Dequantize::<Picture<3>>::new(y));
    infer(&quantize);
    infer(&dequantize);
    copied(&quantize);
    copied(&dequantize);
    copied(&x);
    copied(&WeightScale::Outputs([any(), any()]));
    keep(Softmax::<3>::new(x, any())?);
    copied(&lstm_scales());
    keep(Lstm::<2, 3, 5>::new(&any(), &any(), &any(), &lstm_scales())?);
    keep(Table::<[i8; 3]>::of(x, y, |x| x * x));
    keep(Table::<[i8; 3]>::logistic(x)?);
    keep(Table::<[i8; 3]>::tanh(x)?);
    keep(Table::<[i8; 3]>::hard_swish(x, y)?);
    Ok(())
}

/// A layer of whole numbers, copied, compared and described.
pub(crate) fn run<L: Layer + Clone + PartialEq + Debug>(layer: &L) {
    infer(layer);
    described(layer);
}

pub(crate) fn described<T: Clone + PartialEq + Debug>(value: &T) {
    copied(value);
    debug(value);
}

pub(crate) fn copied<T: Clone + PartialEq>(value: &T) {
    keep(hide(value.clone()) == *value);
}

pub(crate) fn infer<L: Layer>(layer: &L) {
    let (mut ys, mut scratch) = ([any(), any()], any::<[f32; 16]>());
    let xs = [any(), any(), any()];
    let xs = xs.get(..hide(2)).unwrap_or_default();
    layer.run(hide(Isa::portable()), xs, hide(&mut scratch), hide(&mut ys));
    keep(layer.infer(xs, &mut Scratch::<L, 2>::new(), &mut ys));
    keep(ys);
}

pub(crate) fn join<T: Numbers, J: Join<T, T> + Clone + PartialEq + Debug>(join: &J) {
    let mut ys = [J::Output::ZEROED; 2];
    let xs = [any(), any(), any()];
    let (a, b) = (xs.get(..hide(2)).unwrap_or_default(), xs.get(..hide(2)).unwrap_or_default());
    join.join(Isa::detect(), a, b, &mut ys);
    keep(ys);
    described(join);
}
