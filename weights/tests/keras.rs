//! Networks of Keras (`data/make_keras.py`): their outputs, and their files written back to the byte.

mod support {
    pub(crate) mod files;
    pub(crate) mod networks;
    pub(crate) mod outputs;
}

use fusebox::{Dense, Embedding, Gru, Last, LayerNorm, Lstm, Zeroed, network};
use fusebox_weights::Map;
use support::files::data;
use support::networks::{self, Cnn, Decoder, Frames};
use support::outputs::check;

fn picture(net: &mut Cnn) -> Map<'_> {
    networks::cnn(Map::keras(), "picture/", net)
}

fn frames(net: &mut Frames) -> Map<'_> {
    networks::frames(Map::keras(), "frames/", net)
}

fn decoder(net: &mut Decoder) -> Map<'_> {
    networks::decoder(Map::keras(), "decoder/", net)
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
    let mut net = Cnn::ZEROED;
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
