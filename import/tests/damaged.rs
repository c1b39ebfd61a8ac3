//! Files that are damaged, in every way that there is time for: an error or a network, within fifty times the file's memory.

mod support;

use fusebox::Rng;
use fusebox_import::{Network, Options};
use peak_alloc::PeakAlloc;
use support::{INT8, Operator, Setting, Tensor, branches, delay, file, file_of_two, operator};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The kind of whole numbers of 16 bits.
const INT16: i8 = 7;

/// Of variables.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// What any file may take beside what grows with it.
const REST: usize = 1 << 20;

/// Reads `file`, whatever it is, and writes its module if it is a network: `true` then.
fn read(file: &[u8]) -> bool {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let is_read = match Network::read(file, &Options::default()) {
        Ok(network) => {
            let module = network.module("damaged", "damaged.bin").expect("strings are written");
            assert_eq!(module.data.len(), network.flash());
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    };
    let used = MEMORY.peak_usage() - before;
    assert!(used <= 50 * file.len() + REST, "{used} bytes for a file of {}", file.len());
    is_read
}

#[test]
fn damaged_files_are_errors() {
    let (written, variables) = (branches(), delay());
    let files: [&[u8]; 16] = [
        include_bytes!("data/hello_world_int8.tflite"),
        include_bytes!("data/micro_speech_quantized.tflite"),
        include_bytes!("data/kws_ref_model.tflite"),
        include_bytes!("data/ad01_int8.tflite"),
        &written,
        &variables,
        include_bytes!("data/streaming.tflite"),
        include_bytes!("data/streaming_lstm.tflite"),
        include_bytes!("data/streaming_ends.tflite"),
        include_bytes!("../../tests/operators/lstm_dense.tflite"),
        include_bytes!("data/graphs/int4_conv.tflite"),
        include_bytes!("data/graphs/inputs_and_outputs.tflite"),
        include_bytes!("data/graphs/split_outputs.tflite"),
        include_bytes!("data/graphs/preactivated.tflite"),
        include_bytes!("data/graphs/unet.tflite"),
        include_bytes!("data/graphs/float_inception.tflite"),
    ];
    let mut rng = Rng::new(7);
    let (mut read_on, mut refused) = (0, 0);
    let mut count = |is_read| if is_read { read_on += 1 } else { refused += 1 };
    assert!(files.iter().all(|file| read(file)));
    // Every byte of a small file becomes others, and every length is cut.
    let mut small = files[0].to_vec();
    for i in 0..small.len() {
        let kept = small[i];
        for other in [0, 1, 127, 128, 255, kept ^ 1, kept ^ 64] {
            small[i] = other;
            count(read(&small));
        }
        small[i] = kept;
        count(read(&small[..i]));
    }
    // Words of the others: where there are tables, not weights, which are most of the bytes.
    for file in files {
        let tables: Vec<_> = (0..file.len() / 4)
            .filter(|&word| {
                i32::from_le_bytes(file[4 * word..][..4].try_into().expect("four")).unsigned_abs() < 1 << 16
            })
            .collect();
        let mut file = file.to_vec();
        for _ in 0..2000 {
            let kept = file.clone();
            for _ in 0..=rng.below(3) {
                let word = 4 * tables[rng.below(tables.len() as u32) as usize];
                let value = match rng.below(4) {
                    0 => rng.below(64),
                    1 => u32::MAX - rng.below(64),
                    2 => rng.below(file.len() as u32),
                    _ => rng.next_u32(),
                };
                file[word..word + 4].copy_from_slice(&value.to_le_bytes());
            }
            count(read(&file));
            file = kept;
        }
    }
    // Operators that share a long list of inputs.
    let tensors: Vec<_> = std::iter::once(Tensor::int8(&[1, 1], 1.0, 0))
        .chain((0..100).map(|_| Tensor::int8(&[1, 2000], 1.0, 0)))
        .collect();
    let concatenate = |i| operator(2, &[0; 2000], i).with(0, Setting::Int(1));
    assert!(!read(&file(&tensors, &(1..=100).map(concatenate).collect::<Vec<_>>(), 0, 100)));
    // Variables that share a long first value.
    let data: Vec<_> = (0..4000).map(|i| i as i8).collect();
    let variables = |count: i32| {
        let mut tensors = vec![Tensor::weights(&[1, 4000], 1.0, &data), Tensor::int8(&[1, 1], 1.0, 0)];
        let (mut reads, mut first) = (vec![operator(129, &[], 1).with(0, Setting::Int(1))], vec![]);
        reads[0].outputs.clear();
        for i in 0..count {
            let handle = 2 + 2 * i;
            tensors.push(Tensor { kind: 13, ..Tensor::float(&[]) });
            tensors.push(Tensor::int8(&[1, 4000], 1.0, 0));
            let named = operator(142, &[], handle).with(1, Setting::Text(NAMES[i as usize]));
            let assign = Operator { outputs: vec![], ..operator(144, &[handle, 0], 0) };
            first.extend([named.clone(), assign]);
            reads.extend([named, operator(143, &[handle], handle + 1)]);
        }
        file_of_two(&tensors, [&reads, &first], &[1], &[3])
    };
    assert!(read(&variables(2)) && !read(&variables(8)));
    // Outputs without weights, of eight bits and of sixteen.
    for kind in [INT8, INT16] {
        let of = |shape: &[i32]| Tensor { kind, ..Tensor::int8(shape, 1.0, 0) };
        let tensors = [of(&[1, 1]), Tensor::int8(&[i32::MAX, 1], 1.0, 0), of(&[1, i32::MAX])];
        assert!(!read(&file(&tensors, &[operator(9, &[0, 1, -1], 2)], 0, 2)));
    }
    // A number that is added to very many.
    let of = |count| Tensor { kind: INT16, ..Tensor::int8(&[1, count], 1.0, 0) };
    let number = Tensor { shape: vec![1], data: vec![1, 0], ..of(1) };
    assert!(read(&file(&[of(1 << 26), number, of(1 << 26)], &[operator(0, &[0, 1], 2)], 0, 2)));
    // A graph that is called again and again.
    let call = Operator { outputs: vec![], ..operator(129, &[], 0).with(1, Setting::Int(1)) };
    let ends = [Tensor::int8(&[1, 1], 1.0, 0), Tensor::int8(&[1, 1], 1.0, 0)];
    let calls = |count| [vec![call.clone(); count], vec![operator(19, &[0], 1)]].concat();
    assert!(!read(&file_of_two(&ends, [&calls(2), &[]], &[0], &[1])));
    // Both happen, so neither is all that is tested.
    assert!(read_on > 1000 && refused > 1000, "{read_on} read, {refused} refused");
}
