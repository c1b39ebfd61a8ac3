//! Networks that fusebox has exported, read back: for all digits, the outputs are those of TensorFlow Lite's runtimes for the file,
//! and so those of the network that was exported (`tests/export`).

use fusebox::int8::Quantization;
use fusebox::layers::arena::view;
use fusebox::{Isa, Layer, Plain, Scratch, Zeroed};

/// Modules of a network: for each runtime, and the same with real numbers at the ends.
macro_rules! exported {
    ($($model:ident)*) => {
        $(
            /// A network.
            pub mod $model {
                /// Of TensorFlow Lite for Microcontrollers.
                pub mod micro {
                    include!(concat!(env!("OUT_DIR"), "/", stringify!($model), ".rs"));
                }
                /// Of LiteRT.
                pub mod litert {
                    include!(concat!(env!("OUT_DIR"), "/", stringify!($model), "_litert.rs"));
                }
                /// The first with real numbers at its ends.
                pub mod real_micro {
                    include!(concat!(env!("OUT_DIR"), "/", stringify!($model), "_float.rs"));
                }
                /// The second, likewise.
                pub mod real_litert {
                    include!(concat!(env!("OUT_DIR"), "/", stringify!($model), "_float_litert.rs"));
                }
            }
        )*

        #[test]
        fn outputs_are_those_of_the_runtimes() {
            $({
                use $model::{litert, micro, real_litert, real_micro};
                let name = stringify!($model);
                equals(&micro::NET, &real_micro::NET, [micro::INPUT, micro::OUTPUT], name, "tflm");
                equals(&litert::NET, &real_litert::NET, [litert::INPUT, litert::OUTPUT], name, "ref");
            })*
        }
    };
}

exported! {
    perceptron rounded convolutional residuals mixed halves
}

fn read(path: &str) -> Vec<u8> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs both networks on all digits and every instruction set.
fn equals<N, R>(net: &N, real: &R, [x, y]: [Quantization; 2], model: &str, runtime: &str)
where
    N: Layer<Input: Plain>,
    R: Layer<Input: Plain>,
{
    let digits = read("../../../examples/data/digits.bin");
    let pixels: Vec<f32> =
        digits.chunks(65).flat_map(|row| row[..64].iter().map(|&p| f32::from(p) / 16.0)).collect();
    let bytes: Vec<i8> = pixels.iter().map(|&pixel| x.quantize(pixel)).collect();
    let expected: Vec<i8> =
        read(&format!("../data/export/{model}.{runtime}.bin")).iter().map(|&b| b as i8).collect();
    let reals: Vec<f32> = expected.iter().map(|&q| y.real(q)).collect();
    let rows = expected.len() / 10;
    assert_eq!((rows, bytes.len()), (1797, 64 * 1797));
    for isa in Isa::available() {
        let ys = infer(isa, net, view(&bytes, rows));
        assert!(view::<_, i8>(&ys, 10 * rows) == expected, "{model} against {runtime} on {isa}");
        let ys = infer(isa, real, view(&pixels, rows));
        assert!(
            view::<_, f32>(&ys, 10 * rows) == reals,
            "{model} of real numbers against {runtime} on {isa}"
        );
    }
}

fn infer<L: Layer>(isa: Isa, net: &L, xs: &[L::Input]) -> Vec<L::Output> {
    let (mut scratch, mut ys) = (Box::new(Scratch::<L, 5>::new()), vec![L::Output::ZEROED; xs.len()]);
    for (xs, ys) in xs.chunks(5).zip(ys.chunks_mut(5)) {
        net.infer_with(isa, xs, &mut scratch, ys).expect("as many rows");
    }
    ys
}
