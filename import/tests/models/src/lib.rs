//! Networks of TensorFlow Lite as modules that `build.rs` has written. The tests compare their outputs with those of its runtimes, and so
//! do the boards.
#![cfg_attr(not(test), no_std)]

use fusebox::Layer;

/// The first bytes of a file, with signs.
const fn bytes<const N: usize>(file: &[u8]) -> [i8; N] {
    match fusebox::layers::arena::constant(file, 0) {
        Ok(bytes) => bytes,
        Err(_) => panic!("the file has fewer"),
    }
}

/// A module for each runtime, and some rows of inputs and outputs.
macro_rules! imported {
    ($($(#[$doc:meta])* $model:ident: $file:literal, $rows:literal;)*) => {
        $(
            $(#[$doc])*
            pub mod $model {
                use super::{Layer, bytes};
                /// With the outputs of TensorFlow Lite for Microcontrollers.
                pub mod micro {
                    include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
                }
                /// With those of LiteRT's reference kernels.
                pub mod litert {
                    include!(concat!(env!("OUT_DIR"), "/", $file, "_litert.rs"));
                }
                /// Inputs for a board, one row after another.
                pub static INPUTS: [i8; $rows * size_of::<<micro::Net as Layer>::Input>()] =
                    bytes(include_bytes!(concat!("../../data/", $file, ".in.bin")));
                /// What TensorFlow Lite for Microcontrollers puts out for them.
                pub static OUTPUTS: [i8; $rows * size_of::<<micro::Net as Layer>::Output>()] =
                    bytes(include_bytes!(concat!("../../data/", $file, ".tflm.bin")));
            }
        )*
    };
}

imported! {
    /// A sine.
    hello_world: "hello_world_int8", 256;
    /// The autoencoder that finds unusual sounds of toy cars.
    toy_car: "ad01_int8", 4;
    /// Twelve words, by depthwise convolutions.
    keywords: "kws_ref_model", 4;
    /// Two words.
    micro_speech: "micro_speech_quantized", 4;
}

/// A small network of activations of sixteen bits: a convolution, depthwise ones, a pool, a softmax.
pub mod sixteen_bits {
    use super::{Layer, bytes};
    /// With the outputs of TensorFlow Lite for Microcontrollers.
    pub mod micro {
        include!(concat!(env!("OUT_DIR"), "/ds_cnn.rs"));
    }
    /// The bytes of inputs for a board, one row after another.
    pub static INPUTS: [i8; 6 * size_of::<<micro::Net as Layer>::Input>()] =
        bytes(include_bytes!("../../data/int16/ds_cnn.in.bin"));
    /// The bytes that TensorFlow Lite for Microcontrollers puts out for them.
    pub static OUTPUTS: [i8; 6 * size_of::<<micro::Net as Layer>::Output>()] =
        bytes(include_bytes!("../../data/int16/ds_cnn.tflm.bin"));
}

/// A network that keeps its last frames in variables.
pub mod streaming {
    include!(concat!(env!("OUT_DIR"), "/streaming.rs"));
}

/// A long short-term memory that keeps its state.
pub mod streaming_lstm {
    include!(concat!(env!("OUT_DIR"), "/streaming_lstm.rs"));
}

/// A network of two inputs and two outputs, one of which is also what it keeps.
pub mod streaming_ends {
    include!(concat!(env!("OUT_DIR"), "/streaming_ends.rs"));
}

/// A network whose outputs are its input, and those of the two frames before: see `tests/support`.
pub mod delay {
    include!(concat!(env!("OUT_DIR"), "/delay.rs"));
}

/// A graph whose values are read by several operators: see `tests/support`.
pub mod branches {
    include!(concat!(env!("OUT_DIR"), "/branches.rs"));
}

#[cfg(test)]
pub mod exported;

#[cfg(test)]
mod tests {
    use super::{hello_world, keywords, micro_speech, toy_car};
    use fusebox::layers::Stream;
    use fusebox::layers::arena::view;
    use fusebox::{Isa, Layer, Plain, Scratch, Streaming, Zeroed};
    use std::fmt::Debug;

    /// The file of a model's inputs or outputs.
    fn bytes(model: &str, what: &str) -> Vec<i8> {
        let path = format!("{}/../data/{model}.{what}.bin", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        bytes.into_iter().map(|byte| byte as i8).collect()
    }

    /// Runs all inputs on every instruction set, alone and in batches of 7, and counts the outputs.
    fn equals<N: Layer<Input: Plain>>(net: &N, model: &str, runtime: &str) {
        let (xs, expected) = (bytes(model, "in"), bytes(model, runtime));
        let (rows, outputs) = (xs.len() / size_of::<N::Input>(), size_of::<N::Output>());
        assert!(rows >= 64 && expected.len() == rows * outputs, "{model}: {rows} rows");
        let xs: &[N::Input] = view(&xs, rows);
        for isa in Isa::available() {
            for batch in [1, 7] {
                let mut scratch = Box::new(Scratch::<N, 7>::new());
                let mut ys = vec![N::Output::ZEROED; rows];
                for (xs, ys) in xs.chunks(batch).zip(ys.chunks_mut(batch)) {
                    net.infer_with(isa, xs, &mut scratch, ys).expect("as many rows");
                }
                let got: &[i8] = view(&ys, expected.len());
                let differ = got.iter().zip(&expected).filter(|(a, b)| a != b).count();
                assert_eq!((differ, got.len()), (0, expected.len()), "{model} against {runtime} on {isa}");
            }
        }
    }

    #[test]
    fn outputs_are_those_of_tensorflow_lite() {
        equals(&hello_world::micro::NET, "hello_world_int8", "tflm");
        equals(&toy_car::micro::NET, "ad01_int8", "tflm");
        equals(&keywords::micro::NET, "kws_ref_model", "tflm");
        equals(&micro_speech::micro::NET, "micro_speech_quantized", "tflm");
        equals(&hello_world::litert::NET, "hello_world_int8", "ref");
        equals(&toy_car::litert::NET, "ad01_int8", "ref");
        equals(&keywords::litert::NET, "kws_ref_model", "ref");
        equals(&micro_speech::litert::NET, "micro_speech_quantized", "ref");
    }

    /// Runs all frames on every instruction set, one after another, and once more from the start. Each frame alone, as a row, is a
    /// first one.
    fn streams<N: Stream<Frame = <N as Layer>::Input, Out = <N as Layer>::Output>>(net: &N, model: &str)
    where
        N::Input: Plain,
        N::Output: Plain + PartialEq + Debug,
    {
        let (xs, expected) = (bytes(model, "in"), bytes(model, "tflm"));
        let (frames, expected): (&[N::Input], &[N::Output]) = (view(&xs, 32), view(&expected, 32));
        assert_eq!([frames.len(), expected.len()], [32; 2]);
        for isa in Isa::available() {
            let mut stream = Streaming::<N>::new();
            for _ in 0..2 {
                let ys: Vec<_> =
                    frames.iter().map(|x| *stream.push_with(isa, net, x).expect("with each")).collect();
                assert_eq!(ys, expected, "{model} on {isa}");
                stream.restart();
            }
            let mut ys = [N::Output::ZEROED; 3];
            net.infer_with(isa, &[frames[0]; 3], &mut Scratch::<N, 3>::new(), &mut ys).expect("three rows");
            assert_eq!(ys, [expected[0]; 3], "{model} on {isa}");
        }
        assert_ne!(expected[0], expected[1]);
    }

    #[test]
    fn streams_keep_their_state() {
        streams(&super::streaming::NET, "streaming");
        streams(&super::streaming_lstm::NET, "streaming_lstm");
        streams(&super::streaming_ends::NET, "streaming_ends");
    }

    /// A variable that gets what another one kept gets it before that is written.
    #[test]
    fn variables_are_read_before_they_are_written() {
        let mut stream = Streaming::<super::delay::Net>::new();
        let frames = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [-9, 11, 12]];
        let ys = frames.map(|x| *stream.push(&super::delay::NET, &x).expect("with each"));
        assert_eq!(ys.map(|y| y.t4), [[-3; 3], [-3; 3], frames[0], frames[1]]);
        assert_eq!(ys.map(|y| y.t3), [[-3; 3], frames[0], frames[1], frames[2]]);
        assert_eq!(ys.map(|y| y.t5), [frames[0], frames[1], frames[2], [-3, 11, 12]]);
    }

    /// Runs a layer on one row.
    fn apply<L: Layer>(layer: &L, x: L::Input) -> L::Output {
        let mut ys = [L::Output::ZEROED];
        layer.infer(&[x], &mut Scratch::<L, 1>::new(), &mut ys).expect("one row");
        ys[0]
    }

    /// The same graph of fusebox's layers, made by their own functions, without an arena.
    fn by_hand(x: [[[f32; 2]; 4]; 4]) -> Result<[[f32; 3]; 3], fusebox::Error> {
        use fusebox::int8::*;
        type Picture<const C: usize, const N: usize> = [[[i8; C]; N]; N];
        let q = |scale, zero| Quantization { scale, zero };
        let (usual, convolved, sigmoid) = (q(0.25, -3), q(0.5, 4), q(1.0 / 256.0, -128));
        let isa = Isa::detect();
        let quantized = apply(&Quantize::<Picture<2, 4>>::new(usual)?, x);
        let weights: Vec<i8> = (0..36).map(|i| (i * 37 % 101) as i8 - 50).collect();
        let filters: &[[[[i8; 2]; 3]; 3]] = view(&weights, 2);
        let conv = Conv2d::<Picture<2, 4>, Picture<2, 4>, 3, 3, 2, 2>::new(
            filters.try_into().expect("two"),
            &[100, -200],
            usual,
            WeightScale::Outputs([0.01, 0.02]),
            convolved,
            Clamp::relu(convolved),
        )?;
        let (mut sum, mut product) = ([Zeroed::ZEROED], [Zeroed::ZEROED]);
        let add = Add::<Picture<2, 4>>::new(usual, convolved, usual, Clamp::of(usual))?;
        add.join(isa, &[quantized], &[apply(&conv, quantized)], &mut sum);
        let mul = Mul::<Picture<2, 4>>::new(usual, usual, usual, Clamp::relu6(usual))?;
        mul.join(isa, &sum, &[quantized], &mut product);
        let mut padded = [[[usual.zero; 6]; 5]; 5];
        for (i, j) in (0..16).map(|i| (i / 4, i % 4)) {
            padded[i + 1][j][..2].copy_from_slice(&sum[0][i][j]);
            padded[i + 1][j][2..4].copy_from_slice(&product[0][i][j]);
            padded[i + 1][j][4..].copy_from_slice(&quantized[i][j]);
        }
        // The border is above and to the right.
        type Largest =
            MaxPool2d<Picture<6, 5>, Picture<6, 4>, 2, 2, fusebox::layers::Window<fusebox::layers::Valid>>;
        let largest = apply(&Largest::new(Clamp::of(usual)), padded);
        let mean = apply(&Mean::<Picture<6, 4>, 6>::new(usual, q(0.125, 0))?, largest);
        let logistic = apply(&Table::<[i8; 6]>::logistic(q(0.125, 0))?, mean);
        let weights = [[10, -20], [30, 40], [-50, 60]];
        let y = q(0.05, 1);
        let dense =
            Dense::<2, 3>::new(&weights, &[0; 3], sigmoid, WeightScale::Tensor(0.1), y, Clamp::of(y))?;
        let softmax = Softmax::<3>::new(y, 1.0)?;
        let dequantize = Dequantize::<[i8; 3]>::new(sigmoid);
        let rows: [[i8; 2]; 3] = [[0, 1], [2, 3], [4, 5]].map(|row| row.map(|i: usize| logistic[i]));
        Ok(rows.map(|row| apply(&dequantize, apply(&softmax, apply::<Dense<2, 3>>(&dense, row)))))
    }

    #[test]
    fn graphs_are_their_layers() {
        use super::branches::{NET, Net};
        let mut rng = fusebox::Rng::new(1);
        let xs: Vec<_> = (0..50)
            .map(|_| [[[0.0; 2]; 4]; 4].map(|row| row.map(|pixel| pixel.map(|_: f32| rng.normal() * 9.0))))
            .collect();
        for batch in [1, 3] {
            let mut ys = vec![Zeroed::ZEROED; xs.len()];
            for (xs, ys) in xs.chunks(batch).zip(ys.chunks_mut(batch)) {
                NET.infer(xs, &mut Scratch::<Net, 3>::new(), ys).expect("as many rows");
            }
            let expected: Vec<_> = xs.iter().map(|&x| by_hand(x).expect("scales are right")).collect();
            assert_eq!(ys, expected);
            assert!(expected.iter().any(|y| *y != expected[0]));
        }
    }
}
