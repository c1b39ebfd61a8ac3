//! Networks of Keras (`data/make_keras.py`): their outputs, and their files written back to the byte.

mod support {
    pub(crate) mod files;
    pub(crate) mod outputs;
}

use fusebox::{
    BatchNorm, Conv2d, Dense, DepthwiseConv2d, Embedding, Gru, Last, LayerNorm, Lstm, Relu, Zeroed, network,
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
