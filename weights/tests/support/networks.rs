//! Networks that PyTorch and Keras have too, and the names of their layers there: after `prefix`, which Keras makes of the network's.

use fusebox::{
    BatchNorm, Conv1d, Conv2d, ConvTranspose2d, Dense, DepthwiseConv2d, GlobalAvgPool, GroupNorm, Relu,
    RmsNorm, network,
};
use fusebox_weights::Map;

network! {
    pub(crate) type Cnn = [6, 6, 2] => [
        Conv2d(4, [3, 2], Valid),
        BatchNorm(Relu),
        DepthwiseConv2d([2, 3], stride 2, multiplier 2, Valid, Relu),
        Flatten,
        Dense(3),
    ];
}

pub(crate) fn cnn<'a>(map: Map<'a>, prefix: &str, net: &'a mut Cnn) -> Map<'a> {
    let rest = &mut net.rest.rest;
    map.conv(&format!("{prefix}features"), &mut net.first)
        .batch_norm(&format!("{prefix}bn"), &mut net.rest.first)
        .depthwise(&format!("{prefix}depthwise"), &mut rest.first, 4) // of 4 channels
        .dense_after_flatten(&format!("{prefix}head"), &mut rest.rest.layer, 8) // of 8
}

network! {
    pub(crate) type Frames = [6, 12] => [Conv1d(6, 3, Valid), GroupNorm(2, Relu), GlobalAvgPool, RmsNorm, Dense(3)];
}

pub(crate) fn frames<'a>(map: Map<'a>, prefix: &str, net: &'a mut Frames) -> Map<'a> {
    let rest = &mut net.rest.rest.rest;
    map.conv1d(&format!("{prefix}conv"), &mut net.first.layer)
        .group_norm(&format!("{prefix}gn"), &mut net.rest.first.layer)
        .rms_norm(&format!("{prefix}rms"), &mut rest.first)
        .dense(&format!("{prefix}head"), &mut rest.rest)
}

network! {
    pub(crate) type Decoder = [6, 6, 2] => [
        Conv2d(4, 2, stride 2, Valid, Relu),
        ConvTranspose2d(3, [3, 2], stride 2, Valid, Relu),
        Flatten,
        Dense(3),
    ];
}

pub(crate) fn decoder<'a>(map: Map<'a>, prefix: &str, net: &'a mut Decoder) -> Map<'a> {
    let rest = &mut net.rest;
    map.conv(&format!("{prefix}down"), &mut net.first)
        .conv_transpose(&format!("{prefix}up"), &mut rest.first)
        .dense_after_flatten(&format!("{prefix}head"), &mut rest.rest.layer, 3)
}
