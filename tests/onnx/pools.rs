//! Pools: the largest number of a window, without an error, and the mean.

use crate::bounds::{exact, mean};
use crate::nodes::{Case, Map, Nodes};
use fusebox::layers::{Around, Picture, Same, Steps, Valid, Window};
use fusebox::{AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool2d, Pad2d, Seq, Zeroed};

fn largest<I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps>(nodes: &Nodes, case: &Case) {
    nodes.check(case, &MaxPool2d::<I, O, KH, KW, G>::ZEROED, exact);
}

fn average<I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps>(nodes: &Nodes, case: &Case) {
    let bound = mean(KH * KW, case.largest());
    nodes.check(case, &AvgPool2d::<I, O, KH, KW, G>::ZEROED, bound);
}

/// The mean with zeros around that count: those of a layer before the pool. `open` is what a
/// case's decimals leave open.
fn average_of_padded<I: Picture, P: Picture, O: Picture, const K: usize, const AROUND: usize>(
    nodes: &Nodes,
    name: &'static str,
    open: f64,
) {
    let case = nodes.case(name);
    let bound = mean(K * K, case.largest());
    let layers = <Seq![Pad2d<I, P, AROUND, AROUND>, AvgPool2d<P, O, K, K, Window<Valid>>]>::ZEROED;
    nodes.check(&case, &layers, |i| bound(i) + open);
}

pub(crate) fn run(nodes: &Nodes) {
    type Row = Map<1, 32, 3>;
    type Large = Map<32, 32, 3>;
    type Small = Map<5, 5, 1>;
    let case = |name| nodes.case(name);

    largest::<Row, Map<1, 31, 3>, 1, 2, Window<Valid>>(nodes, &case("maxpool_1d_default"));
    largest::<Large, Map<31, 31, 3>, 2, 2, Window<Valid>>(nodes, &case("maxpool_2d_default"));
    largest::<Large, Map<10, 10, 3>, 5, 5, Window<Valid, 3, 3>>(nodes, &case("maxpool_2d_strides"));
    largest::<Large, Large, 2, 2, Window>(nodes, &case("maxpool_2d_same_upper"));
    largest::<Map<28, 28, 3>, Map<30, 30, 3>, 3, 3, Window<Around<2>>>(nodes, &case("maxpool_2d_pads"));
    largest::<Map<4, 4, 1>, Map<2, 2, 1>, 2, 2, Window<Valid, 1, 1, 2, 2>>(
        nodes,
        &case("maxpool_2d_dilations"),
    );
    largest::<Small, Map<3, 3, 1>, 3, 3, Window<Same, 2, 2>>(
        nodes,
        &case("maxpool_2d_precomputed_same_upper"),
    );
    for name in ["maxpool_2d_precomputed_pads", "maxpool_2d_uint8", "maxpool_with_argmax_2d_precomputed_pads"]
    {
        largest::<Small, Small, 5, 5, Window<Around<2>>>(nodes, &case(name));
    }
    // The position that SAME_LOWER pads is before the first: the last row and column of windows are not onnx's.
    largest::<Large, Map<33, 33, 3>, 2, 2, Window<Around<1>>>(
        nodes,
        &case("maxpool_2d_same_lower").inside([33, 33], [0, 0]),
    );
    // onnx ignores the last row and column.
    for name in ["maxpool_2d_precomputed_strides", "maxpool_with_argmax_2d_precomputed_strides"] {
        largest::<Map<4, 4, 1>, Map<2, 2, 1>, 2, 2, Window<Valid, 2, 2>>(nodes, &case(name).cropped(4, 4));
    }
    // Of outputs as many as with `Same`, whose windows begin at the first position.
    largest::<Map<4, 4, 1>, Map<2, 2, 1>, 3, 3, Window<Same, 2, 2>>(nodes, &case("maxpool_2d_ceil"));
    largest::<Map<2, 2, 1>, Map<1, 1, 1>, 1, 1, Window<Same, 2, 2>>(
        nodes,
        &case("maxpool_2d_ceil_output_size_reduce_by_one"),
    );

    average::<Row, Map<1, 31, 3>, 1, 2, Window<Valid>>(nodes, &case("averagepool_1d_default"));
    average::<Large, Map<31, 31, 3>, 2, 2, Window<Valid>>(nodes, &case("averagepool_2d_default"));
    average::<Large, Map<10, 10, 3>, 5, 5, Window<Valid, 3, 3>>(nodes, &case("averagepool_2d_strides"));
    average::<Large, Large, 2, 2, Window>(nodes, &case("averagepool_2d_same_upper"));
    average::<Map<28, 28, 3>, Map<30, 30, 3>, 3, 3, Window<Around<2>>>(nodes, &case("averagepool_2d_pads"));
    average::<Map<4, 4, 1>, Map<2, 2, 1>, 2, 2, Window<Valid, 1, 1, 2, 2>>(
        nodes,
        &case("averagepool_2d_dilations"),
    );
    average::<Small, Map<3, 3, 1>, 3, 3, Window<Same, 2, 2>>(
        nodes,
        &case("averagepool_2d_precomputed_same_upper"),
    );
    average::<Small, Small, 5, 5, Window<Around<2>>>(nodes, &case("averagepool_2d_precomputed_pads"));
    average::<Large, Map<33, 33, 3>, 2, 2, Window<Around<1>>>(
        nodes,
        &case("averagepool_2d_same_lower").inside([33, 33], [0, 0]),
    );
    average::<Map<4, 4, 1>, Map<2, 2, 1>, 2, 2, Window<Valid, 2, 2>>(
        nodes,
        &case("averagepool_2d_precomputed_strides").cropped(4, 4),
    );
    average::<Map<4, 4, 1>, Map<2, 2, 1>, 3, 3, Window<Same, 2, 2>>(nodes, &case("averagepool_2d_ceil"));

    average_of_padded::<Map<28, 28, 3>, Map<32, 32, 3>, Map<30, 30, 3>, 3, 2>(
        nodes,
        "averagepool_2d_pads_count_include_pad",
        0.0,
    );
    average_of_padded::<Small, Map<9, 9, 1>, Small, 5, 2>(
        nodes,
        "averagepool_2d_precomputed_pads_count_include_pad",
        0.0,
    );
    // The one window does not reach the last padding. onnx has this case's numbers rounded to four decimals: the
    // result, and the four that are summed and divided by 9.
    average_of_padded::<Map<2, 2, 3>, Map<3, 3, 3>, Map<1, 1, 3>, 3, 1>(
        nodes,
        "averagepool_2d_ceil_last_window_starts_on_pad",
        0.5e-4 * (1.0 + 4.0 / 9.0),
    );

    nodes.check(&case("globalmaxpool"), &GlobalMaxPool::<Map<5, 5, 3>, 3>::ZEROED, exact);
    nodes.check(&case("globalmaxpool_precomputed"), &GlobalMaxPool::<Map<3, 3, 1>, 1>::ZEROED, exact);
    let of_three = case("globalaveragepool");
    nodes.check(&of_three, &GlobalAvgPool::<Map<5, 5, 3>, 3>::ZEROED, mean(25, of_three.largest()));
    let of_one = case("globalaveragepool_precomputed");
    nodes.check(&of_one, &GlobalAvgPool::<Map<3, 3, 1>, 1>::ZEROED, mean(9, of_one.largest()));
}
