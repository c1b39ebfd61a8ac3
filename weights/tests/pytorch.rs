//! Networks trained by PyTorch (`data/make_pytorch.py`): their outputs, and their files written back to the byte.

mod support {
    pub(crate) mod files;
    pub(crate) mod networks;
    pub(crate) mod outputs;
}

use fusebox::{Activate, Dense, Gru, Last, LayerNorm, Lstm, Relu, Zeroed, network};
use fusebox_weights::{Error, File, Map, Tensor};
use std::collections::BTreeMap;
use support::files::data;
use support::networks::{self, Cnn, Decoder, Frames};
use support::outputs::check;

network!(type Mlp = [72] => [Dense(12), LayerNorm, Activate(Relu), Dense(3)]);

fn mlp(net: &mut Mlp) -> Map<'_> {
    let out = &mut net.rest.rest.rest;
    Map::pytorch().dense("hidden", &mut net.first).layer_norm("norm", &mut net.rest.first).dense("out", out)
}

fn cnn(net: &mut Cnn) -> Map<'_> {
    networks::cnn(Map::pytorch(), "", net)
}

fn frames(net: &mut Frames) -> Map<'_> {
    networks::frames(Map::pytorch(), "", net)
}

fn decoder(net: &mut Decoder) -> Map<'_> {
    networks::decoder(Map::pytorch(), "", net)
}

network!(type Rnn = [6, 12] => [Gru(5), Lstm(4), Last, Dense(3)]);

fn rnn(net: &mut Rnn) -> Map<'_> {
    let rest = &mut net.rest;
    Map::pytorch().gru("gru", &mut net.first).lstm("lstm", &mut rest.first).dense("head", &mut rest.rest.rest)
}

/// Shapes and numbers of a file by name; of an integer's tensor, none.
fn tensors(file: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let file = File::read(file).expect("a file");
    let entry = |(name, tensor): (&str, &Tensor<'_>)| {
        (name.to_string(), (tensor.shape.clone(), tensor.numbers().unwrap_or_default()))
    };
    file.iter().map(entry).collect()
}

/// Sums of at most 72 products, of magnitude 1, in another order. Measured: 3e-7.
const BOUND: f32 = 2e-6;

#[test]
fn a_dense_network() {
    let mut net = Mlp::ZEROED;
    mlp(&mut net).load(&data("dense.safetensors")).expect("PyTorch's file");
    check("dense", &net, BOUND);
    assert!(
        mlp(&mut net).save().expect("a file") == data("dense.safetensors"),
        "another file than PyTorch's"
    );
}

#[test]
fn a_convolutional_network() {
    let mut net = Cnn::ZEROED;
    cnn(&mut net).load(&data("conv.safetensors")).expect("PyTorch's file");
    check("conv", &net, BOUND);
    // But for its integer, `num_batches_tracked`, which a description of tensors can give back.
    let saved = cnn(&mut net).save().expect("a file");
    let (ours, theirs) = (tensors(&saved), tensors(&data("conv.safetensors")));
    assert_eq!(theirs.len(), ours.len() + 1);
    for (name, tensor) in ours {
        assert_eq!(theirs.get(&name), Some(&tensor), "{name}");
    }
    let mut again = Cnn::ZEROED;
    cnn(&mut again).load(&saved).expect("our file");
    assert!(again == net, "another network");
}

#[test]
fn a_recurrent_network() {
    let mut net = Rnn::ZEROED;
    rnn(&mut net).load(&data("recurrent.safetensors")).expect("PyTorch's file");
    check("recurrent", &net, BOUND);
    // Both biases of the LSTM are one here, which comes back in the first.
    let saved = rnn(&mut net).save().expect("a file");
    let (ours, mut theirs) = (tensors(&saved), tensors(&data("recurrent.safetensors")));
    let [ih, hh] = ["lstm.bias_ih_l0", "lstm.bias_hh_l0"].map(|name| theirs.remove(name).expect("a bias").1);
    let sum = ih.iter().zip(&hh).map(|(x, y)| x + y).collect::<Vec<_>>();
    assert_eq!(ours["lstm.bias_ih_l0"].1, sum);
    assert_eq!(ours["lstm.bias_hh_l0"].1, [0.0; 16]);
    for (name, tensor) in theirs {
        assert_eq!(ours.get(&name), Some(&tensor), "{name}");
    }
    let mut again = Rnn::ZEROED;
    rnn(&mut again).load(&saved).expect("our file");
    assert!(again == net, "another network");
}

#[test]
fn a_network_of_frames() {
    let mut net = Frames::ZEROED;
    frames(&mut net).load(&data("frames.safetensors")).expect("PyTorch's file");
    check("frames", &net, BOUND);
    assert!(frames(&mut net).save().expect("a file") == data("frames.safetensors"), "another file");
}

#[test]
fn a_decoder() {
    let mut net = Decoder::ZEROED;
    decoder(&mut net).load(&data("decoder.safetensors")).expect("PyTorch's file");
    check("decoder", &net, BOUND);
    assert!(decoder(&mut net).save().expect("a file") == data("decoder.safetensors"), "another file");
}

/// A message says which tensor is wrong and how; the network is as it was.
#[test]
fn other_networks_are_refused() {
    let mut net = Mlp::ZEROED;
    net.first.bias = [f32::from_bits(0x7FC1_2345); 12];
    let before = net;
    let mut refusal = |map: fn(&mut Mlp) -> Map<'_>, file: &str| -> String {
        let error: Error = map(&mut net).load(&data(file)).expect_err("another network's file");
        assert!(net.as_bytes() == before.as_bytes(), "{error}: and something was written");
        error.to_string()
    };
    assert_eq!(
        refusal(mlp, "conv.safetensors"),
        "`hidden.weight`: there is no such tensor in the file, which has `bn.bias`, `bn.num_batches_tracked`, \
         `bn.running_mean`, `bn.running_var`, `bn.weight`, `depthwise.bias`, `depthwise.weight`, `features.bias`, \
         `features.weight`, `head.bias`, `head.weight`"
    );
    // The first tensors are right, the last one is not.
    assert_eq!(
        refusal(|net| Map::pytorch().dense("hidden", &mut net.first), "dense.safetensors"),
        "`norm.bias`: the file has this tensor, the network has no place for it"
    );
    assert_eq!(
        refusal(
            |net| {
                Map::pytorch().dense("hidden", &mut net.first).tensor(
                    "out.weight",
                    &[12, 3],
                    &mut net.rest.rest.rest.weight.as_flattened_mut()[..],
                )
            },
            "dense.safetensors"
        ),
        "`out.weight`: expected shape [12, 3], got [3, 12]: is it the other framework's order?"
    );
    assert_eq!(
        refusal(
            |net| Map::pytorch().tensor("bn.num_batches_tracked", &[], &mut net.first.bias[..1]),
            "conv.safetensors"
        ),
        "`bn.num_batches_tracked`: expected numbers of type F32, F16 or BF16, got I64"
    );
    // Mistakes of the description.
    assert_eq!(
        refusal(|net| Map::pytorch().dense_after_flatten("hidden", &mut net.first, 5), "dense.safetensors"),
        "72 inputs are no pictures of 5 channels"
    );
    assert_eq!(
        refusal(
            |net| Map::pytorch().dense("x", &mut net.first).dense("x", &mut net.rest.rest.rest),
            "dense.safetensors"
        ),
        "two layers have the tensor `x.weight`"
    );
    assert_eq!(
        refusal(|net| Map::pytorch().tensor("x", &[usize::MAX, 2], &mut net.first.bias), "dense.safetensors"),
        format!("`x`: 12 numbers have no shape [{}, 2]", usize::MAX)
    );
    let some = Map::pytorch().dense("hidden", &mut net.first).ignore("norm.bias").ignore("norm.weight");
    some.ignore("out.bias")
        .ignore("out.weight")
        .load(&data("dense.safetensors"))
        .expect("what is left is ignored");
}

/// Channels that do not divide what is theirs, in either framework's way.
#[test]
fn channels() {
    let mut net = Cnn::ZEROED;
    for map in [Map::pytorch, Map::keras] {
        for channels in [0, 3, 64] {
            let head = map().dense_after_flatten("head", &mut net.rest.rest.rest.layer, channels).save();
            let expected = format!("32 inputs are no pictures of {channels} channels");
            assert_eq!(head.expect_err("no pictures").to_string(), expected);
            let depthwise = map().depthwise("depthwise", &mut net.rest.rest.first, channels).save();
            let expected = format!("`depthwise`: 8 filters are not those of {channels} channels");
            assert_eq!(depthwise.expect_err("no filters").to_string(), expected);
        }
    }
}
