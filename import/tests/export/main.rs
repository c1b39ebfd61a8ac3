//! Trained networks as files of TensorFlow Lite: the same bytes as the files whose outputs `make_outputs.py` has written, and the
//! outputs of TensorFlow Lite for Microcontrollers, for all 1797 digits, on every instruction set. (`tests/models` reads the files
//! back, for both runtimes.)

mod networks;

use fusebox::int8::{Calibration, Ranges, ToInt8};
use fusebox::layers::arena::view;
use fusebox::layers::{Around, Window};
use fusebox::{
    Activate, Dense, Gelu, Isa, Layer, LeakyRelu, MaxPool2d, Plain, Rng, Scratch, Seq, Train, View, Zeroed,
};
use fusebox_import::{Ends, Network, Options, Runtime, export};
use networks::{Convolutional, Halves, Images, Mixed, Perceptron, Residuals, Rounded, trained};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/export");

/// A network, and whether its files are written or compared.
fn network<N: Train<Input: Plain, Output = [f32; 10]> + ToInt8 + Plain>(
    name: &str,
    epochs: usize,
    write: bool,
) {
    let images = Images::load();
    let (net, ranges) = trained::<N>(&images, epochs);
    for (ends, ending) in [(Ends::Int8, ".tflite"), (Ends::Float32, "_float.tflite")] {
        let file = export(&ranges, &net, ends).expect("operators of TensorFlow Lite");
        let path = format!("{FOLDER}/{name}{ending}");
        if write {
            std::fs::write(&path, &file).expect("the folder is writable");
            continue;
        }
        assert!(file == std::fs::read(&path).expect("a file"), "{path} is another file");
        for runtime in [Runtime::Micro, Runtime::LiteRt] {
            let read = Network::read(&file, &Options { runtime });
            assert!(read.is_ok(), "{read:?}");
        }
    }
    if !write {
        outputs::<N>(name, &images, &net, &ranges);
    }
}

/// Compares the outputs for all images with those of TensorFlow Lite for Microcontrollers.
fn outputs<N: Train<Input: Plain, Output = [f32; 10]> + ToInt8 + Plain>(
    name: &str,
    images: &Images,
    net: &N,
    ranges: &Ranges<N>,
) {
    let int8 = ranges.quantize(net).expect("finite numbers");
    let expected: Vec<i8> = std::fs::read(format!("{FOLDER}/{name}.tflm.bin"))
        .expect("outputs")
        .iter()
        .map(|&b| b as i8)
        .collect();
    let xs: &[N::Input] = view(&images.pixels, images.pixels.len());
    for isa in Isa::available() {
        let quantized = infer(isa, &int8.first, xs);
        let ys = infer(isa, &int8.rest.first, &quantized);
        let ys: &[i8] = view(&ys, 10 * xs.len());
        let differ = ys.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!((differ, ys.len()), (0, expected.len()), "{name} on {isa}");
    }
}

fn infer<L: Layer>(isa: Isa, layer: &L, xs: &[L::Input]) -> Vec<L::Output> {
    const BATCH: usize = 7;
    let (mut scratch, mut ys) = (Box::new(Scratch::<L, BATCH>::new()), vec![L::Output::ZEROED; xs.len()]);
    for (xs, ys) in xs.chunks(BATCH).zip(ys.chunks_mut(BATCH)) {
        layer.infer_with(isa, xs, &mut scratch, ys).expect("as many rows");
    }
    ys
}

/// With `WRITE_FILES` in the environment, the files are written.
#[test]
fn files_and_outputs_are_the_same() {
    let write = std::env::var_os("WRITE_FILES").is_some();
    network::<Perceptron>("perceptron", 10, write);
    network::<Rounded>("rounded", 10, write);
    network::<Convolutional>("convolutional", 4, write);
    network::<Residuals>("residuals", 4, write);
    network::<Mixed>("mixed", 4, write);
    network::<Halves>("halves", 4, write);
}

/// A network with random weights.
fn random<N: Train<Input: Plain> + ToInt8 + Plain>() -> (N, Ranges<N>) {
    let net = N::he(&mut Rng::new(1));
    let numbers: Vec<f32> = (0..size_of::<N::Input>() / 4).map(|i| i as f32 - 3.0).collect();
    let mut calibration = Calibration::<N, 1>::new();
    calibration.observe(&net, view(&numbers, 1)).expect("finite numbers");
    (net, calibration.ranges().expect("numbers other than 0"))
}

/// A leaky ReLU comes back as the table that it was.
#[test]
fn leaky_relus_are_the_same_tables() {
    fn check<const PERCENT: u32>() {
        let (net, ranges) = random::<Activate<8, LeakyRelu<PERCENT>>>();
        let file = export(&ranges, &net, Ends::Int8).expect("an operator");
        let network = Network::read(&file, &Options::default()).expect("the operator");
        let table = ranges.quantize(&net).expect("finite numbers").rest.first.results;
        assert_eq!(network.module("leaky", "leaky.bin").expect("a module").data, table.map(|y| y as u8));
        // At least as many different results as positive numbers.
        assert!(std::collections::BTreeSet::from(table).len() > 100);
    }
    check::<0>();
    check::<1>();
    check::<20>();
    check::<100>();
}

/// The error of a network with random weights.
fn error<N: Train<Input: Plain> + ToInt8 + Plain>() -> String {
    let (net, ranges) = random::<N>();
    export(&ranges, &net, Ends::default()).expect_err("TensorFlow Lite has no such operator").to_string()
}

#[test]
fn errors_name_the_layer() {
    let other = "TensorFlow Lite has no operator with its results";
    assert_eq!(error::<Seq![Dense<4, 3>, Dense<3, 5, Gelu>]>(), format!("layer 2 (Gelu): {other}"));
    assert_eq!(error::<Activate<4, Gelu>>(), format!("layer 0 (Gelu): {other}"));
    type Picture = [[[f32; 1]; 4]; 4];
    type Padded = MaxPool2d<Picture, [[[f32; 1]; 5]; 5], 2, 2, Window<Around<1>>>;
    assert_eq!(
        error::<View<[f32; 16], Padded, [f32; 25]>>(),
        "layer 0 (MaxPool2d): TensorFlow Lite pads pools as Valid or Same only"
    );
    // What cannot be quantised.
    let mut net = Dense::<2, 1>::he(&mut Rng::new(1));
    let mut calibration = Calibration::<Dense<2, 1>, 1>::new();
    calibration.observe(&net, &[[1.0, 2.0]]).expect("finite numbers");
    net.bias = [f32::NAN];
    let ranges = calibration.ranges().expect("numbers other than 0");
    let refused = ranges.quantize(&net).expect_err("NaN").to_string();
    assert_eq!(export(&ranges, &net, Ends::Int8).expect_err("NaN").to_string(), refused);
}
