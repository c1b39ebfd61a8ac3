//! Networks of TensorFlow Lite as modules that `build.rs` has written. The tests compare their outputs with those of its runtimes.

/// A module for each runtime.
macro_rules! imported {
    ($($(#[$doc:meta])* $model:ident: $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub mod $model {
                /// With the outputs of TensorFlow Lite for Microcontrollers.
                pub mod micro {
                    include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
                }
                /// With those of LiteRT's reference kernels.
                pub mod litert {
                    include!(concat!(env!("OUT_DIR"), "/", $file, "_litert.rs"));
                }
            }
        )*
    };
}

imported! {
    /// A sine.
    hello_world: "hello_world_int8";
    /// The autoencoder that finds unusual sounds of toy cars.
    toy_car: "ad01_int8";
    /// Twelve words, by depthwise convolutions.
    keywords: "kws_ref_model";
    /// Two words.
    micro_speech: "micro_speech_quantized";
}

#[cfg(test)]
mod tests {
    use super::{hello_world, keywords, micro_speech, toy_car};
    use fusebox::layers::arena::view;
    use fusebox::{Isa, Layer, Plain, Scratch, Zeroed};

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
}
