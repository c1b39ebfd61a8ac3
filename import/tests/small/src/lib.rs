//! Small networks of TensorFlow Lite, one for each operator and variant, as modules that `build.rs` has written. The tests compare their
//! outputs with those of its runtimes.

use fusebox::{Layer, Plain};

include!(concat!(env!("OUT_DIR"), "/small.rs"));

/// What is done with each of the small networks, which have a name.
pub trait Visit {
    /// With one whose outputs are those of a runtime, byte by byte.
    fn bytes<N: Layer<Input: Plain>>(&mut self, name: &str, net: &N);

    /// With one of real numbers, and what sums the magnitudes of what it adds.
    fn reals<N: Layer<Input: Plain>, M: Layer<Input: Plain>>(&mut self, name: &str, net: &N, magnitudes: &M);
}

#[cfg(test)]
mod tests {
    use super::{Visit, graphs, graphs_litert, int16, operators};
    use fusebox::{Isa, Layer, Plain, Scratch, Zeroed};

    /// Compares small networks with a runtime.
    struct Against {
        runtime: &'static str,
        networks: usize,
        /// Bytes that differ, and all, of networks where some do.
        different: Vec<(String, usize, usize)>,
    }

    /// The file of a model's inputs or outputs.
    fn bytes(model: &str, what: &str) -> Vec<u8> {
        // fusebox's own tests have operators.
        let folder = if model.starts_with("operators/") { "../../../tests" } else { "../data" };
        let path = format!("{}/{folder}/{model}.{what}.bin", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Its numbers.
    fn reals(model: &str, what: &str) -> Vec<f32> {
        bytes(model, what).as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// Rows of outputs, as bytes, in batches of three.
    fn outputs<N: Layer<Input: Plain>>(net: &N, isa: Isa, xs: &[u8]) -> Vec<u8> {
        let row = |bytes| N::Input::copy_from_bytes(bytes).expect("whole rows");
        let xs: Vec<_> = xs.chunks(size_of::<N::Input>()).map(row).collect();
        let mut scratch = Box::new(Scratch::<N, 3>::new());
        let mut ys = vec![N::Output::ZEROED; xs.len()];
        for (xs, ys) in xs.chunks(3).zip(ys.chunks_mut(3)) {
            net.infer_with(isa, xs, &mut scratch, ys).expect("as many rows");
        }
        ys.iter().flat_map(|y| y.as_bytes().to_vec()).collect()
    }

    /// Terms of the longest chain of sums, one after another, from an input to an output; a bias and each function are terms too.
    const LENGTHS: [(&str, usize); 32] = [
        ("graphs/float_autoencoder", 20 + 16 + 4 + 16 + 8),
        ("graphs/float_batch", 3 * 2 * 3 + 1),
        ("graphs/float_conv", 3 * 2 * 5 + 2),
        ("graphs/float_conv_dilated", 3 * 3 * 3 + 1),
        ("graphs/float_dense", 37 + 2),
        ("graphs/float_dense_no_bias", 20),
        ("graphs/float_dense_tanh", 9 + 2),
        ("graphs/float_depthwise", 3 * 3 + 1),
        ("graphs/float_ds_cnn", 15 + 9 + 8 + 9 + 8 + 24 + 8 + 12),
        ("graphs/float_functions", 4),
        ("graphs/float_inception", 3 * 3 * 2 + 4 * 5 * 9 + 5),
        ("graphs/float_largest", 0),
        ("graphs/float_resize", 0),
        ("graphs/float_pad", 3 * 3 * 3 + 1),
        ("graphs/float_mean", 5 * 6 + 1),
        ("graphs/float_mobilenet", 27 + 4 + 9 + 12 + 1 + 4 + 9 + 12 + 4 + 7 + 16),
        ("graphs/float_parts", 0),
        ("graphs/float_pools", 4 + 1),
        ("graphs/float_reshape", 0),
        ("graphs/float_resnet", 27 + 54 + 54 + 1 + 54 + 90 + 1 + 16 + 10 + 16),
        ("graphs/float_sequence", 0),
        ("graphs/float_slices", 0),
        ("graphs/float_steps", 0),
        ("graphs/float_windows", 3 * 2 * 3 + 1),
        ("graphs/float_sum", 2),
        ("graphs/float_sum_of_constant", 2),
        ("graphs/float_transpose", 0),
        ("graphs/float_two_outputs", 5 + 1),
        ("operators/float_autoencoder", 20 + 16 + 4 + 16 + 8),
        ("operators/float_inception", 3 * 3 * 2 + 4 * 5 * 9 + 5),
        ("operators/float_mobilenet", 27 + 4 + 9 + 12 + 1 + 4 + 9 + 12 + 4 + 7 + 16),
        ("operators/float_resnet", 27 + 54 + 54 + 1 + 54 + 90 + 1 + 16 + 10 + 16),
    ];

    impl Visit for Against {
        fn bytes<N: Layer<Input: Plain>>(&mut self, name: &str, net: &N) {
            // TFLM's ReLU6 takes the input's scale for the output's, and what it puts around a picture before it makes batches of it
            // stands for no 0: LiteRT's outputs are the ones to follow.
            let is_wrong = name.starts_with("operators/relu6") || name.ends_with("_to_batch");
            let runtime = if is_wrong { "ref" } else { self.runtime };
            let [xs, expected] = ["in", runtime].map(|what| bytes(name, what));
            self.networks += 1;
            for isa in Isa::available() {
                let got = outputs(net, isa, &xs);
                assert_eq!(got.len(), expected.len(), "{name}");
                let differ = got.iter().zip(&expected).filter(|(a, b)| a != b).count();
                if differ > 0 {
                    self.different.push((format!("{name} on {isa}"), differ, expected.len()));
                }
            }
        }

        /// Each runtime's error is at most gamma(n) times the sum of magnitudes; functions have errors of their own, at most 8 ulp of 1.
        fn reals<N: Layer<Input: Plain>, M: Layer<Input: Plain>>(
            &mut self,
            name: &str,
            net: &N,
            magnitudes: &M,
        ) {
            const U: f64 = f64::EPSILON * (1_u64 << 28) as f64; // 2^-24
            let (_, length) = LENGTHS.iter().find(|(of, _)| *of == name).unwrap_or_else(|| panic!("{name}"));
            let n = *length as f64;
            let (xs, expected) = (reals(name, "in"), reals(name, self.runtime));
            let as_bytes = |xs: &[f32]| xs.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
            let numbers =
                |bytes: &[u8]| bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
            let positive: Vec<_> = xs.iter().map(|x| x.abs()).collect();
            self.networks += 1;
            for isa in Isa::available() {
                let got = numbers(&outputs(net, isa, &as_bytes(&xs)));
                let sums = numbers(&outputs(magnitudes, isa, &as_bytes(&positive)));
                assert!(!got.is_empty() && got.len() == expected.len(), "{name}");
                for ((got, expected), sum) in got.iter().zip(&expected).zip(&sums) {
                    let bound = 2.0 * (n * U / (1.0 - n * U)) * f64::from(*sum)
                        + if n > 0.0 { 16.0 * U } else { 0.0 };
                    let error = (f64::from(*got) - f64::from(*expected)).abs();
                    assert!(
                        error <= bound,
                        "{name} on {isa}: {got} for {expected}, off by {error:e}, bound {bound:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn small_networks_are_those_of_tensorflow_lite() {
        let mut micro = Against { runtime: "tflm", networks: 0, different: vec![] };
        operators::visit(&mut micro);
        graphs::visit(&mut micro);
        assert_eq!(micro.different, []);
        assert!(micro.networks > 200, "{}", micro.networks);
    }

    #[test]
    fn networks_of_sixteen_bits_are_those_of_tensorflow_lite() {
        let mut micro = Against { runtime: "tflm", networks: 0, different: vec![] };
        int16::visit(&mut micro);
        assert_eq!(micro.different, []);
        assert!(micro.networks > 100, "{}", micro.networks);
    }

    #[test]
    fn small_networks_are_those_of_litert() {
        let mut litert = Against { runtime: "ref", networks: 0, different: vec![] };
        graphs_litert::visit(&mut litert);
        assert_eq!(litert.different, []);
        assert!(litert.networks > 50, "{}", litert.networks);
    }
}
