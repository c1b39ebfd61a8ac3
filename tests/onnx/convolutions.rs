//! Convolutions and transposed convolutions. Their inputs and weights are whole numbers, so every sum is exact.

use crate::bounds::exact;
use crate::nodes::{Case, Map, Nodes};
use fusebox::layers::{Around, Picture, Same, Steps, Valid, Window};
use fusebox::{Conv2d, ConvTranspose2d, Pad2d, Seq, Zeroed};

/// One channel, one filter of 3 x 3.
fn conv<I: Picture, O: Picture, G: Steps>(nodes: &Nodes, name: &'static str) {
    let mut layer = Conv2d::<I, O, 3, 3, 1, 1, G>::ZEROED;
    layer.weight = nodes.parameter(name, "weight");
    nodes.check(&nodes.case(name), &layer, exact);
}

fn transposed<
    I: Picture,
    O: Picture,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
>(
    nodes: &Nodes,
    case: &Case,
) {
    let mut layer = ConvTranspose2d::<I, O, KH, KW, C, F, G>::ZEROED;
    layer.weight = nodes.parameter(case.name, "weight");
    nodes.check(case, &layer, exact);
}

/// Rows and columns of zeros after the output: `output_padding`, where there is no bias.
fn transposed_and_padded(nodes: &Nodes, name: &'static str) {
    type Larger = ConvTranspose2d<Map<3, 3, 1>, Map<9, 7, 2>, 3, 3, 1, 2, Window<Valid, 3, 2>>;
    let mut layers = <Seq![Larger, Pad2d<Map<9, 7, 2>, Map<10, 8, 2>, 0, 0>]>::ZEROED;
    layers.first.weight = nodes.parameter(name, "weight");
    nodes.check(&nodes.case(name), &layers, exact);
}

pub(crate) fn run(nodes: &Nodes) {
    type Square = Map<5, 5, 1>;
    type Tall = Map<7, 5, 1>;
    conv::<Square, Square, Window<Around<1>>>(nodes, "basic_conv_with_padding");
    conv::<Square, Map<3, 3, 1>, Window<Valid>>(nodes, "basic_conv_without_padding");
    // SAME_LOWER, with as many positions before as after.
    conv::<Square, Map<3, 3, 1>, Window<Same, 2, 2>>(nodes, "conv_with_autopad_same");
    conv::<Tall, Map<3, 2, 1>, Window<Valid, 2, 2>>(nodes, "conv_with_strides_no_padding");
    conv::<Tall, Map<4, 3, 1>, Window<Around<1>, 2, 2>>(nodes, "conv_with_strides_padding");

    // Above and below only.
    let name = "conv_with_strides_and_asymmetric_padding";
    type Padded = Pad2d<Tall, Map<9, 5, 1>, 1, 0>;
    type Halving = Conv2d<Map<9, 5, 1>, Map<4, 2, 1>, 3, 3, 1, 1, Window<Valid, 2, 2>>;
    let mut layers = <Seq![Padded, Halving]>::ZEROED;
    layers.rest.weight = nodes.parameter(name, "weight");
    nodes.check(&nodes.case(name), &layers, exact);

    type Small = Map<3, 3, 1>;
    let case = |name| nodes.case(name);
    transposed::<Small, Map<5, 5, 2>, 3, 3, 1, 2, Window<Valid>>(nodes, &case("convtranspose"));
    transposed::<Map<1, 3, 1>, Map<1, 5, 2>, 1, 3, 1, 2, Window<Valid>>(nodes, &case("convtranspose_1d"));
    transposed::<Small, Map<6, 6, 2>, 3, 3, 1, 2, Window<Same, 2, 2>>(
        nodes,
        &case("convtranspose_autopad_same"),
    );
    transposed::<Small, Map<5, 5, 1>, 2, 2, 1, 1, Window<Valid, 1, 1, 2, 2>>(
        nodes,
        &case("convtranspose_dilations"),
    );
    for name in ["convtranspose_group_2", "convtranspose_group_2_image_3"] {
        transposed::<Map<3, 3, 2>, Map<5, 5, 2>, 3, 3, 2, 2, Window<Valid>>(nodes, &case(name));
    }
    for name in ["convtranspose_kernel_shape", "convtranspose_output_shape", "convtranspose_pad"] {
        transposed_and_padded(nodes, name);
    }
    // One row and two columns fewer on each side; the layer takes the same from both axes.
    transposed::<Small, Map<7, 5, 2>, 3, 3, 1, 2, Window<Around<1>, 3, 2>>(
        nodes,
        &case("convtranspose_pads").inside([7, 5], [0, 1]),
    );
}
