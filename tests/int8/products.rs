//! Fully connected layers and convolutions.

use crate::goldens::{Goldens, Map, Of, Operator};
use fusebox::int8::{Clamp, Conv2d, Dense, DepthwiseConv2d, Double, Picture, Quantization, Rounding, Single};
use fusebox::layers::{Same, Steps, Valid, Window};

/// What an activation leaves of the outputs.
pub(crate) type Activation = fn(Quantization) -> Clamp;

pub(crate) fn dense<R: Rounding, const IN: usize, const OUT: usize>(
    operator: Operator<'_>,
    activation: Activation,
) -> Dense<IN, OUT, R> {
    let (goldens, y) = (operator.goldens, operator.quantization("y0"));
    Dense::new(
        &goldens.bytes(&operator.parameter("c1")),
        &goldens.sums(&operator.parameter("c2")),
        operator.quantization("x0"),
        goldens.weight_scale(&operator.parameter("s1")),
        y,
        activation(y),
    )
    .expect("scales of a model")
}

pub(crate) fn conv<
    R: Rounding,
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
>(
    operator: Operator<'_>,
    activation: Activation,
) -> Conv2d<I, O, KH, KW, C, F, G, R> {
    let (goldens, y) = (operator.goldens, operator.quantization("y0"));
    Conv2d::new(
        &goldens.bytes(&operator.parameter("c1")),
        &goldens.sums(&operator.parameter("c2")),
        operator.quantization("x0"),
        goldens.weight_scale(&operator.parameter("s1")),
        y,
        activation(y),
    )
    .expect("scales of a model")
}

pub(crate) fn depthwise<
    R: Rounding,
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
>(
    operator: Operator<'_>,
    activation: Activation,
) -> DepthwiseConv2d<I, O, KH, KW, F, G, R> {
    let (goldens, y) = (operator.goldens, operator.quantization("y0"));
    DepthwiseConv2d::new(
        &goldens.bytes(&operator.parameter("c1")),
        &goldens.sums(&operator.parameter("c2")),
        operator.quantization("x0"),
        goldens.weight_scale(&operator.parameter("s1")),
        y,
        activation(y),
    )
    .expect("scales of a model")
}

/// Both interpreters' outputs: LiteRT's reference rounds these sums once.
fn dense_case<const IN: usize, const OUT: usize>(goldens: &Goldens, name: &str, activation: Activation) {
    let operator = Operator::first(goldens, name);
    goldens.check(name, Of::Micro, &dense::<Double, IN, OUT>(operator, activation));
    goldens.check(name, Of::Reference, &dense::<Single, IN, OUT>(operator, activation));
}

fn conv_case<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
>(
    goldens: &Goldens,
    name: &str,
    activation: Activation,
) {
    let layer = conv::<Double, I, O, KH, KW, C, F, G>(Operator::first(goldens, name), activation);
    goldens.check(name, Of::Micro, &layer);
    goldens.check(name, Of::Reference, &layer);
}

fn depthwise_case<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
>(
    goldens: &Goldens,
    name: &str,
    activation: Activation,
) {
    let layer = depthwise::<Double, I, O, KH, KW, F, G>(Operator::first(goldens, name), activation);
    goldens.check(name, Of::Micro, &layer);
    goldens.check(name, Of::Reference, &layer);
}

pub(crate) fn run(goldens: &Goldens) {
    fully_connected(goldens);
    convolutions(goldens);
    depthwise_convolutions(goldens);
}

fn fully_connected(goldens: &Goldens) {
    for name in
        ["dense_channels", "dense_tensor", "dense_small_scale", "dense_large_scale", "dense_first_zero"]
    {
        dense_case::<13, 7>(goldens, name, Clamp::of);
    }
    for name in ["dense_tensor_relu", "dense_relu"] {
        dense_case::<16, 9>(goldens, name, Clamp::relu);
    }
    dense_case::<9, 16>(goldens, "dense_relu6", Clamp::relu6);
    dense_case::<3, 4>(goldens, "dense_no_bias", Clamp::of);
    dense_case::<131, 10>(goldens, "dense_long", Clamp::of);
    dense_case::<1, 1>(goldens, "dense_one", Clamp::of);
    for name in ["dense_ties", "dense_tensor_ties"] {
        dense_case::<5, 4>(goldens, name, Clamp::of);
    }
}

fn convolutions(goldens: &Goldens) {
    type Plain = Window<Same>;
    type Halving = Window<Same, 2, 2>;
    type Inside = Window<Valid>;
    type Square<const C: usize> = Map<4, 4, C>;
    type Wide<const C: usize> = Map<5, 7, C>;

    conv_case::<Map<4, 5, 3>, Map<4, 5, 5>, 1, 1, 3, 5, Plain>(goldens, "conv_1x1", Clamp::of);
    conv_case::<Map<5, 6, 5>, Map<3, 3, 4>, 1, 1, 5, 4, Halving>(goldens, "conv_1x1_stride2", Clamp::of);
    conv_case::<Wide<3>, Wide<4>, 3, 3, 3, 4, Plain>(goldens, "conv_3x3_same", Clamp::of);
    conv_case::<Wide<3>, Map<3, 5, 5>, 3, 3, 3, 5, Inside>(goldens, "conv_3x3_valid", Clamp::of);
    conv_case::<Wide<3>, Map<3, 4, 4>, 3, 3, 3, 4, Halving>(goldens, "conv_3x3_same_stride2", Clamp::of);
    let name = "conv_3x3_same_stride2_even";
    conv_case::<Map<6, 8, 3>, Map<3, 4, 4>, 3, 3, 3, 4, Halving>(goldens, name, Clamp::of);
    let name = "conv_3x3_valid_stride2";
    conv_case::<Map<6, 8, 1>, Map<2, 3, 4>, 3, 3, 1, 4, Window<Valid, 2, 2>>(goldens, name, Clamp::of);
    let name = "conv_3x3_valid_stride3";
    conv_case::<Map<8, 10, 1>, Map<2, 3, 3>, 3, 3, 1, 3, Window<Valid, 3, 3>>(goldens, name, Clamp::of);
    let name = "conv_3x3_same_dilated";
    conv_case::<Map<6, 7, 3>, Map<6, 7, 4>, 3, 3, 3, 4, Window<Same, 1, 1, 2, 2>>(goldens, name, Clamp::of);
    let name = "conv_3x3_valid_dilated";
    conv_case::<Map<7, 8, 1>, Map<3, 2, 4>, 3, 3, 1, 4, Window<Valid, 1, 1, 2, 3>>(goldens, name, Clamp::of);
    conv_case::<Wide<2>, Map<3, 7, 3>, 2, 3, 2, 3, Window<Same, 2, 1>>(
        goldens,
        "conv_2x3_strides",
        Clamp::of,
    );
    conv_case::<Map<5, 5, 1>, Map<5, 5, 3>, 4, 4, 1, 3, Plain>(goldens, "conv_4x4_same", Clamp::of);
    conv_case::<Map<16, 1, 3>, Map<16, 1, 4>, 5, 1, 3, 4, Plain>(goldens, "conv_5x1", Clamp::of);
    conv_case::<Square<16>, Square<5>, 3, 3, 16, 5, Plain>(goldens, "conv_16_channels", Clamp::of);
    conv_case::<Map<4, 5, 5>, Map<4, 5, 16>, 3, 3, 5, 16, Plain>(goldens, "conv_16_filters", Clamp::of);
    conv_case::<Square<3>, Square<2>, 3, 3, 3, 2, Plain>(goldens, "conv_no_bias", Clamp::of);
    conv_case::<Map<5, 5, 3>, Map<5, 5, 4>, 3, 3, 3, 4, Plain>(goldens, "conv_relu", Clamp::relu);
    conv_case::<Map<5, 5, 3>, Map<5, 5, 4>, 3, 3, 3, 4, Plain>(goldens, "conv_relu6", Clamp::relu6);
    for name in ["conv_tensor", "conv_small_scale", "conv_large_scale", "conv_first_zero", "conv_last_zero"] {
        conv_case::<Square<3>, Square<4>, 3, 3, 3, 4, Plain>(goldens, name, Clamp::of);
    }
    for name in ["conv_ties", "conv_tensor_ties"] {
        conv_case::<Map<2, 3, 3>, Map<2, 3, 4>, 1, 1, 3, 4, Plain>(goldens, name, Clamp::of);
    }
}

fn depthwise_convolutions(goldens: &Goldens) {
    type Plain = Window<Same>;
    type Halving = Window<Same, 2, 2>;
    type Square<const C: usize> = Map<4, 4, C>;

    depthwise_case::<Map<5, 7, 5>, Map<5, 7, 5>, 3, 3, 5, Plain>(goldens, "depthwise_3x3_same", Clamp::of);
    let name = "depthwise_3x3_valid";
    depthwise_case::<Map<5, 7, 3>, Map<3, 5, 3>, 3, 3, 3, Window<Valid>>(goldens, name, Clamp::of);
    depthwise_case::<Map<6, 7, 5>, Map<3, 4, 5>, 3, 3, 5, Halving>(
        goldens,
        "depthwise_same_stride2",
        Clamp::of,
    );
    let name = "depthwise_valid_stride2";
    depthwise_case::<Map<6, 8, 3>, Map<2, 3, 3>, 3, 3, 3, Window<Valid, 2, 2>>(goldens, name, Clamp::of);
    let name = "depthwise_dilated";
    depthwise_case::<Map<6, 7, 3>, Map<6, 7, 3>, 3, 3, 3, Window<Same, 1, 1, 2, 2>>(goldens, name, Clamp::of);
    depthwise_case::<Map<4, 5, 3>, Map<4, 5, 6>, 3, 3, 6, Plain>(goldens, "depthwise_twice", Clamp::of);
    let name = "depthwise_twice_stride2";
    depthwise_case::<Map<5, 6, 5>, Map<3, 3, 10>, 3, 3, 10, Halving>(goldens, name, Clamp::of);
    depthwise_case::<Map<5, 5, 1>, Map<5, 5, 8>, 3, 3, 8, Plain>(goldens, "depthwise_of_one", Clamp::of);
    depthwise_case::<Map<4, 7, 4>, Map<4, 7, 4>, 2, 5, 4, Plain>(goldens, "depthwise_2x5", Clamp::of);
    depthwise_case::<Square<16>, Square<16>, 3, 3, 16, Plain>(goldens, "depthwise_16", Clamp::of);
    depthwise_case::<Map<3, 3, 37>, Map<3, 3, 37>, 3, 3, 37, Plain>(goldens, "depthwise_37", Clamp::of);
    depthwise_case::<Square<3>, Square<3>, 3, 3, 3, Plain>(goldens, "depthwise_no_bias", Clamp::of);
    depthwise_case::<Map<5, 5, 5>, Map<5, 5, 5>, 3, 3, 5, Plain>(goldens, "depthwise_relu6", Clamp::relu6);
    for name in ["depthwise_tensor", "depthwise_small_scale", "depthwise_last_zero"] {
        depthwise_case::<Square<4>, Square<4>, 3, 3, 4, Plain>(goldens, name, Clamp::of);
    }
    for name in ["depthwise_ties", "depthwise_tensor_ties"] {
        depthwise_case::<Map<2, 3, 4>, Map<2, 3, 4>, 2, 2, 4, Plain>(goldens, name, Clamp::of);
    }
}
