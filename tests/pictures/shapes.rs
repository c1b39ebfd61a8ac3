//! What `network!` derives, with layers that have the sizes of the crate's and do nothing.

use core::any::TypeId;
use core::marker::PhantomData;
use fusebox::layers::{Around, Causal, Entry, Picture, Steps, Summary, Tapes, Valid, Window, output_len};
use fusebox::{
    Concat, Dense, Dropout, Each, Identity, InputGradient, Isa, Layer, LayerNorm, Linear, Optimizer, Pace,
    Parallel, Pixels, Plain, Relu, Repeat, Residual, Seq, Softmax, Train, View, network, plain,
};

type Pic<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Implements the traits for a type that only has sizes.
macro_rules! stand_in {
    ([$($generics:tt)*] $name:ty, $in:ty => $out:ty, $macs:expr, $check:expr) => {
        impl<$($generics)*> Layer for $name {
            type Input = $in;
            type Output = $out;
            type Scratch = ();
            type InPlace = $in;
            const CHECK: () = $check;
            const MACS: u64 = $macs as u64;
            fn run(&self, _: Isa, _: &[$in], _: &mut [f32], _: &mut [$out]) {}
        }
        impl<$($generics)*> Train for $name {
            type Tape = ();
            type Gradients = ();
            type Memory = ();
            type State<Q: Optimizer> = ();
            type End = Linear;
            fn forward<Q: Pace>(&self, _: &mut Q, _: &[$in], _: Option<&()>, _: &mut [()], _: &mut [$out]) {}
            fn backward<Q: Pace>(
                &self, _: &mut Q, _: &[$in], _: &[()], _: &[$out], _: &mut [()], _: InputGradient<'_, $in>,
            ) {}
        }
    };
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Conv2d<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G = Window, A = Identity> {
    weight: [[[[f32; F]; C]; KW]; KH],
    bias: [f32; F],
    of: PhantomData<(I, O, G, A)>,
}
plain!([I: Plain, O: Plain, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Steps, A: Copy + 'static]
    Conv2d<I, O, KH, KW, C, F, G, A> { weight: [[[[f32; F]; C]; KW]; KH], bias: [f32; F], of: PhantomData<(I, O, G, A)> });

const fn fits<I: Picture, O: Picture, G: Steps>(kernel: [usize; 2]) {
    let axis = |from: usize, i: usize| (from, kernel[i]);
    let _ = axis;
    assert!(O::HEIGHT == output_len(I::HEIGHT, kernel[0], G::STRIDE[0], G::DILATION[0], G::PADDING));
    assert!(O::WIDTH == output_len(I::WIDTH, kernel[1], G::STRIDE[1], G::DILATION[1], G::PADDING));
}

stand_in!([I: Picture, O: Picture, const KH: usize, const KW: usize, const C: usize, const F: usize, G: Steps, A: Copy + 'static]
    Conv2d<I, O, KH, KW, C, F, G, A>, I => O, O::HEIGHT * O::WIDTH * KH * KW * C * F, {
        assert!(O::CHANNELS == F && I::CHANNELS.is_multiple_of(C));
        fits::<I, O, G>([KH, KW])
    });

#[derive(Clone, Copy)]
#[repr(C)]
struct DepthwiseConv2d<I, O, const KH: usize, const KW: usize, const C: usize, const M: usize, G = Window, A = Identity> {
    weight: [[[[f32; M]; C]; KW]; KH],
    of: PhantomData<(I, O, G, A)>,
}
plain!([I: Plain, O: Plain, const KH: usize, const KW: usize, const C: usize, const M: usize, G: Steps, A: Copy + 'static]
    DepthwiseConv2d<I, O, KH, KW, C, M, G, A> { weight: [[[[f32; M]; C]; KW]; KH], of: PhantomData<(I, O, G, A)> });
stand_in!([I: Picture, O: Picture, const KH: usize, const KW: usize, const C: usize, const M: usize, G: Steps, A: Copy + 'static]
    DepthwiseConv2d<I, O, KH, KW, C, M, G, A>, I => O, O::HEIGHT * O::WIDTH * KH * KW * C * M, {
        assert!(I::CHANNELS == C && O::CHANNELS == C * M);
        fits::<I, O, G>([KH, KW])
    });

macro_rules! pool {
    ($name:ident) => {
        #[derive(Clone, Copy)]
        #[repr(C)]
        struct $name<I, O, const KH: usize, const KW: usize, G> {
            of: PhantomData<(I, O, G)>,
        }
        plain!([I: Plain, O: Plain, const KH: usize, const KW: usize, G: Steps]
            $name<I, O, KH, KW, G> { of: PhantomData<(I, O, G)> });
        stand_in!([I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps]
            $name<I, O, KH, KW, G>, I => O, 0, fits::<I, O, G>([KH, KW]));
    };
}
pool!(MaxPool2d);
pool!(AvgPool2d);

#[derive(Clone, Copy)]
#[repr(C)]
struct GlobalAvgPool<I, const C: usize> {
    of: PhantomData<I>,
}
plain!([I: Plain, const C: usize] GlobalAvgPool<I, C> { of: PhantomData<I> });
stand_in!([I: Picture, const C: usize] GlobalAvgPool<I, C>, I => [f32; C], 0, assert!(I::CHANNELS == C));

#[derive(Clone, Copy)]
#[repr(C)]
struct BatchNorm<I, const C: usize, A = Identity> {
    gain: [f32; C],
    shift: [f32; C],
    of: PhantomData<(I, A)>,
}
plain!([I: Plain, const C: usize, A: Copy + 'static]
    BatchNorm<I, C, A> { gain: [f32; C], shift: [f32; C], of: PhantomData<(I, A)> });
stand_in!([I: Picture, const C: usize, A: Copy + 'static] BatchNorm<I, C, A>, I => I, 0, assert!(I::CHANNELS == C));

fn same<A: 'static, B: 'static>() {
    assert_eq!(TypeId::of::<A>(), TypeId::of::<B>(), "{}\n{}", type_name::<A>(), type_name::<B>());
}
use core::any::type_name;

#[test]
fn pictures() {
    const FILTERS: usize = 8;
    network! {
        /// Reads digits.
        type Net = [28, 28, 1] => [
            Conv2d(FILTERS, [3, 3], stride 2, Relu),
            MaxPool2d(2),
            DepthwiseConv2d([3, 1], Around(1), multiplier 2, dilation [2, 1]),
            Conv2d(4 * 4, 1, groups 4, Valid),
            BatchNorm(Relu),
            AvgPool2d([2, 3], stride 1),
            Flatten,
            Dense(32, Relu),
            Dropout(10),
            Dense(10),
            Softmax,
        ];
    }
    type ByHand = Seq![
        Conv2d<Pic<28, 28, 1>, Pic<14, 14, 8>, 3, 3, 1, 8, Window<fusebox::layers::Same, 2, 2>, Relu>,
        MaxPool2d<Pic<14, 14, 8>, Pic<7, 7, 8>, 2, 2, Window<Valid, 2, 2>>,
        DepthwiseConv2d<Pic<7, 7, 8>, Pic<5, 9, 16>, 3, 1, 8, 2, Window<Around<1>, 1, 1, 2, 1>>,
        Dense<1, 1>,
    ];
    let _ = type_name::<ByHand>;
    assert_eq!(type_name::<Net>().len(), type_name::<Net>().len());
}

#[test]
fn options() {
    network!(type A = [9, 7, 4] => [Conv2d(6, [3, 2], dilation [2, 1], Valid, stride [1, 2], groups 2, Relu), ]);
    same::<A, Conv2d<Pic<9, 7, 4>, Pic<5, 3, 6>, 3, 2, 2, 6, Window<Valid, 1, 2, 2, 1>, Relu>>();
    network!(type B = [9, 7, 4] => [DepthwiseConv2d(3, Around(1), multiplier 3, stride 2)]);
    same::<B, DepthwiseConv2d<Pic<9, 7, 4>, Pic<5, 4, 12>, 3, 3, 4, 3, Window<Around<1>, 2, 2>>>();
}
