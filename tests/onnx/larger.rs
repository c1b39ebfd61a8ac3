//! Padding and upsampling: numbers are moved.

use crate::bounds::exact;
use crate::nodes::{Map, Nodes};
use fusebox::{Layer, Pad2d, Plain, Upsample2d, Zeroed};

/// The layer pads with zeros, so the value that onnx pads with, and which is nowhere else, is a zero here.
fn padded<L: Layer<Input: Plain> + Zeroed>(nodes: &Nodes, name: &'static str, pads: [f32; 4]) {
    let (mut case, value) = (nodes.case(name), nodes.parameter::<f32>(name, "value"));
    assert_eq!(nodes.numbers(name, "pads"), pads);
    assert!(!case.x.contains(&value) && case.y.contains(&value));
    for y in &mut case.y {
        if *y == value {
            *y = 0.0;
        }
    }
    nodes.check(&case, &L::ZEROED, exact);
}

pub(crate) fn run(nodes: &Nodes) {
    type I = Map<4, 5, 3>;
    padded::<Pad2d<I, Map<7, 12, 3>, 1, 3>>(nodes, "constant_pad", [1.0, 3.0, 2.0, 4.0]);
    for name in ["constant_pad_axes", "constant_pad_negative_axes"] {
        padded::<Pad2d<I, Map<4, 12, 3>, 0, 3>>(nodes, name, [0.0, 3.0, 0.0, 4.0]);
    }

    type Small = Map<2, 2, 1>;
    for name in [
        "upsample_nearest",
        "resize_upsample_scales_nearest",
        "resize_upsample_scales_nearest_axes_2_3",
        "resize_upsample_scales_nearest_axes_3_2",
    ] {
        nodes.check(&nodes.case(name), &Upsample2d::<Small, Map<4, 6, 1>, 2, 3>::ZEROED, exact);
    }
    let name = "resize_upsample_sizes_nearest_not_smaller";
    nodes.check(&nodes.case(name), &Upsample2d::<Small, Map<8, 8, 1>, 4, 4>::ZEROED, exact);
}
