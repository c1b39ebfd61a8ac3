//! Training steps on any rows, labels and batch sizes, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run train
//! ```
//!
//! A bad batch is an `Err` and leaves the network as it was. Nothing panics, whatever the numbers. Instruction
//! sets that are alike in fusing give the same loss and the same weights.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::{Dense, Init, Isa, Relu, Rng, Seq, Sgd, Workspace, Zeroed};
use libfuzzer_sys::fuzz_target;

type Net = Seq![Dense<5, 19, Relu>, Dense<19, 3>];

const BATCH: usize = 7;
const CLASSES: u8 = 3;

#[derive(Arbitrary, Debug)]
struct Case {
    seed: u64,
    rate: f32,
    xs: Vec<[f32; 5]>,
    labels: Vec<u8>,
    /// Whether labels are brought into range and as many as the rows, so that most steps succeed.
    repaired: bool,
    /// Bytes read back as a network, at any address.
    bytes: Vec<u8>,
    offset: u8,
}

fuzz_target!(|case: Case| {
    let Case { seed, rate, mut xs, mut labels, repaired, bytes, offset } = case;
    if repaired {
        xs.truncate(BATCH);
        labels.resize(xs.len(), 0);
        labels.iter_mut().for_each(|label| *label %= CLASSES);
    }
    let good = !xs.is_empty()
        && xs.len() <= BATCH
        && xs.len() == labels.len()
        && labels.iter().all(|&label| label < CLASSES);

    let mut initial = Net::ZEROED;
    initial.init(Init::He, &mut Rng::new(seed));
    // The loss and the weights that the first instruction set of each class came to.
    let mut first: [Option<(f32, Net)>; 2] = [None, None];
    for isa in Isa::available() {
        let mut net = initial;
        let mut workspace = Workspace::<Net, BATCH>::new();
        // The second step finds what the first left in the workspace.
        for step in 0..2 {
            let result = workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(rate));
            let Ok(loss) = result else {
                assert!(!good, "{isa}: {result:?}");
                assert_eq!(net.as_bytes(), initial.as_bytes(), "{isa}: refused, yet wrote");
                break;
            };
            assert!(good, "{isa}: accepted a bad batch");
            if step == 1 {
                match &first[usize::from(isa.is_fused())] {
                    Some((expected_loss, expected)) => {
                        assert!(
                            same(&[loss], &[*expected_loss]),
                            "{isa}: loss {loss}, elsewhere {expected_loss}"
                        );
                        assert!(
                            same(&numbers(&net), &numbers(expected)),
                            "{isa}: other weights than elsewhere"
                        );
                    }
                    None => first[usize::from(isa.is_fused())] = Some((loss, net)),
                }
            }
        }
    }

    let bytes = bytes.get(usize::from(offset % 4)..).unwrap_or_default();
    let copy = Net::copy_from_bytes(bytes);
    assert_eq!(copy.is_ok(), bytes.len() == size_of::<Net>());
    if let Ok(copy) = copy {
        assert_eq!(copy.as_bytes(), bytes);
        let aligned = bytes.as_ptr().addr() % align_of::<Net>() == 0;
        assert_eq!(Net::from_bytes(bytes).is_ok(), aligned);
    }
});

fn numbers(net: &Net) -> Vec<f32> {
    net.as_bytes().as_chunks().0.iter().map(|&bytes| f32::from_ne_bytes(bytes)).collect()
}

/// Whether all bits are the same; the payload of a NaN is free.
fn same(xs: &[f32], ys: &[f32]) -> bool {
    xs.iter().zip(ys).all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
}
