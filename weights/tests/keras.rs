//! Networks of Keras (`data/make_keras.py`): their outputs, and their files written back to the byte.

mod support {
    pub(crate) mod files;
    pub(crate) mod outputs;
}

use fusebox::{
    BatchNorm, Conv1d, Conv2d, ConvTranspose2d, Dense, DepthwiseConv2d, Embedding, GlobalAvgPool, GroupNorm,
    Gru, Last, LayerNorm, Lstm, Relu, RmsNorm, Zeroed, network,
};
use fusebox_weights::Map;
use support::files::data;
use support::outputs::check;

network! {
    type Picture = [6, 6, 2] => [
        Conv2d(4, [3, 2], Valid),
        BatchNorm(Relu),
        DepthwiseConv2d([2, 3], stride 2, multiplier 2, Valid, Relu),
        Flatten,
        Dense(3),
    ];
}

fn picture(net: &mut Picture) -> Map<'_> {
    let rest = &mut net.rest.rest;
    Map::keras()
        .conv("picture/features", &mut net.first)
        .batch_norm("picture/bn", &mut net.rest.first)
        .depthwise("picture/depthwise", &mut rest.first, 4)
        .dense_after_flatten("picture/head", &mut rest.rest.layer, 8)
}

network!(type Tokens = [6] => [Embedding(9, 5), Each[LayerNorm], Gru(4), Lstm(3), Last, Dense(2)]);

fn tokens(net: &mut Tokens) -> Map<'_> {
    let rest = &mut net.rest.rest;
    Map::keras()
        .embedding("tokens/embedding", &mut net.first.layer)
        .layer_norm("tokens/norm", &mut net.rest.first.layer)
        .gru("tokens/gru/gru_cell", &mut rest.first)
        .lstm("tokens/lstm/lstm_cell", &mut rest.rest.first)
        .dense("tokens/head", &mut rest.rest.rest.rest)
}

network!(type Frames = [6, 12] => [Conv1d(6, 3, Valid), GroupNorm(2, Relu), GlobalAvgPool, RmsNorm, Dense(3)]);

fn frames(net: &mut Frames) -> Map<'_> {
    let rest = &mut net.rest.rest.rest;
    Map::keras()
        .conv1d("frames/conv", &mut net.first.layer)
        .group_norm("frames/gn", &mut net.rest.first.layer)
        .rms_norm("frames/rms", &mut rest.first)
        .dense("frames/head", &mut rest.rest)
}

network! {
    type Decoder = [6, 6, 2] => [
        Conv2d(4, 2, stride 2, Valid, Relu),
        ConvTranspose2d(3, [3, 2], stride 2, Valid, Relu),
        Flatten,
        Dense(3),
    ];
}

fn decoder(net: &mut Decoder) -> Map<'_> {
    let rest = &mut net.rest;
    Map::keras()
        .conv("decoder/down", &mut net.first)
        .conv_transpose("decoder/up", &mut rest.first)
        .dense("decoder/head", &mut rest.rest.layer)
}

#[test]
fn a_picture() {
    let mut net = Picture::ZEROED;
    picture(&mut net).load(&data("keras_picture.safetensors")).expect("Keras's file");
    check("keras_picture", &net, 4e-6);
    assert!(picture(&mut net).save().expect("a file") == data("keras_picture.safetensors"), "another file");
}

#[test]
fn a_sequence() {
    let mut net = Tokens::ZEROED;
    tokens(&mut net).load(&data("keras_tokens.safetensors")).expect("Keras's file");
    check("keras_tokens", &net, 2e-6);
    assert!(tokens(&mut net).save().expect("a file") == data("keras_tokens.safetensors"), "another file");
}

#[test]
fn a_network_of_frames() {
    let mut net = Frames::ZEROED;
    frames(&mut net).load(&data("keras_frames.safetensors")).expect("Keras's file");
    check("keras_frames", &net, 4e-6);
    assert!(frames(&mut net).save().expect("a file") == data("keras_frames.safetensors"), "another file");
}

#[test]
fn a_decoder() {
    let mut net = Decoder::ZEROED;
    decoder(&mut net).load(&data("keras_decoder.safetensors")).expect("Keras's file");
    check("keras_decoder", &net, 4e-6);
    assert!(decoder(&mut net).save().expect("a file") == data("keras_decoder.safetensors"), "another file");
}
