//! The ResNet-8 of MLPerf Tiny: its table of parameters, its cost, and batch normalisation folded into the convolutions.

#[path = "support/resnet8.rs"]
mod resnet8;

use fusebox::layers::Summary;
use fusebox::{Rng, Scratch, Sgd, Workspace, Zeroed};
use resnet8::{Folded, PARAMETERS, Picture, ResNet8, fold};
use std::sync::Mutex;

const BATCH: usize = 4;

// Too large for a stack.
static NET: Mutex<ResNet8> = Mutex::new(ResNet8::ZEROED);
static FOLDED: Mutex<Folded> = Mutex::new(Folded::ZEROED);
static WORKSPACE: Mutex<Workspace<ResNet8, BATCH>> = Mutex::new(Workspace::new());
static SCRATCH: Mutex<Scratch<ResNet8, BATCH>> = Mutex::new(Scratch::new());
static FOLDED_SCRATCH: Mutex<Scratch<Folded, BATCH>> = Mutex::new(Scratch::new());

/// Pictures of noise, brighter with their number.
fn pictures(rng: &mut Rng) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for i in 0..BATCH {
        let mut picture = Picture::ZEROED;
        for x in picture.as_flattened_mut().as_flattened_mut() {
            *x = 0.3 * rng.normal() + i as f32;
        }
        pictures.push(picture);
    }
    pictures
}

/// The documented places are those of the type's fields.
#[test]
fn table() {
    let net = NET.lock().unwrap();
    let start = (&raw const *net).addr();
    let at = |address: usize| (address - start) / size_of::<f32>();
    let (one, two) = (&net.rest.rest.first.layer, &net.rest.rest.rest.rest.first);
    let three = &net.rest.rest.rest.rest.rest.rest.first;
    let dense = &net.rest.rest.rest.rest.rest.rest.rest.rest.rest;
    let fields = [
        (at((&raw const net.first).addr()), 0),
        (at((&raw const net.rest.first).addr()), 448),
        (at((&raw const one.first).addr()), 512),
        (at((&raw const one.rest.first).addr()), 2832),
        (at((&raw const one.rest.rest.first).addr()), 2896),
        (at((&raw const one.rest.rest.rest).addr()), 5216),
        (at((&raw const two.first.first).addr()), 5280),
        (at((&raw const two.first.rest.first).addr()), 9920),
        (at((&raw const two.first.rest.rest.first).addr()), 10048),
        (at((&raw const two.first.rest.rest.rest).addr()), 19296),
        (at((&raw const two.second).addr()), 19424),
        (at((&raw const three.first.first).addr()), 19968),
        (at((&raw const three.first.rest.first).addr()), 38464),
        (at((&raw const three.first.rest.rest.first).addr()), 38720),
        (at((&raw const three.first.rest.rest.rest).addr()), 75648),
        (at((&raw const three.second).addr()), 75904),
        (at((&raw const dense.weight).addr()), 78016),
    ];
    let mut offset = 0;
    for (parameters, (field, documented)) in PARAMETERS.iter().zip(fields) {
        assert_eq!((offset, field), (documented, documented), "{}", parameters.name);
        offset += parameters.len();
    }
    assert_eq!(offset * size_of::<f32>(), size_of::<ResNet8>());
}

#[test]
fn cost() {
    let summary = Summary::of_training::<ResNet8>();
    let total = summary.total();
    assert_eq!((total.parameters, total.macs), (78_666, 12_501_632), "\n{summary}");
    assert_eq!(Summary::of::<Folded>().total().macs, total.macs);
}

/// A network that has been trained for some steps does what its folded form does, and learns.
#[test]
fn folded() {
    let (mut net, mut folded) = (NET.lock().unwrap(), FOLDED.lock().unwrap());
    let (mut workspace, mut rng) = (WORKSPACE.lock().unwrap(), Rng::new(8));
    *net = ResNet8::he(&mut rng);
    let (xs, labels) = (pictures(&mut rng), [0, 1, 2, 3]);
    let first = workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.02)).unwrap();
    let mut last = first;
    for _ in 0..12 {
        last = workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.02)).unwrap();
    }
    assert!(last < 0.5 * first, "the loss fell from {first} to {last} only");

    fold(&net, &mut folded);
    let (mut ys, mut of_folded) = ([[0.0; 10]; BATCH], [[0.0; 10]; BATCH]);
    net.infer(&xs, &mut SCRATCH.lock().unwrap(), &mut ys).unwrap();
    folded.infer(&xs, &mut FOLDED_SCRATCH.lock().unwrap(), &mut of_folded).unwrap();
    let largest = ys.as_flattened().iter().fold(0.0f32, |largest, y| largest.max(y.abs()));
    // Seven layers, each of which rounds sums of up to 576 products in another way: as random signs, about sqrt(7 * 576) u.
    let bound = 64.0 * f32::EPSILON * largest;
    for (y, of_folded) in ys.as_flattened().iter().zip(of_folded.as_flattened()) {
        assert!((y - of_folded).abs() <= bound, "{y} and {of_folded}, allowed {bound:e}");
    }
    assert_ne!(ys[0], ys[3]);
}

/// Parameters from bytes, as a trained network's are brought.
#[test]
fn from_bytes() {
    let count = PARAMETERS.iter().map(resnet8::Parameters::len).sum::<usize>();
    let bytes: Vec<u8> = (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let net: Box<ResNet8> = Box::new(ResNet8::copy_from_bytes(&bytes).unwrap());
    assert_eq!(net.rest.first.gain[0], 448.0);
    assert_eq!(net.rest.rest.rest.rest.rest.rest.rest.rest.rest.bias[9], 78_665.0);
}
