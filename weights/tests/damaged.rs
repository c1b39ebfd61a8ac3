//! Files that are cut, damaged or lie: refused in words, without a panic, and the network stays as it was.

mod support {
    pub(crate) mod files;
}

use fusebox::{Dense, Rng, Train, Zeroed};
use fusebox_weights::{Dtype, File, Map, Tensor};
use support::files::data;

type Net = Dense<3, 2>;

/// The message, once it is sure that nothing was written.
fn refusal(file: &[u8]) -> String {
    let mut net = Net::he(&mut Rng::new(1));
    let before = net;
    let error = Map::pytorch().dense("fc", &mut net).load(file).expect_err("a file that is wrong");
    assert!(net == before, "{error}: and something was written");
    error.to_string()
}

/// A file with this header, and as many bytes after it.
fn with_header(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + bytes, 0);
    file
}

#[test]
fn truncated_at_every_length() {
    for name in ["dense", "conv", "recurrent", "keras_picture", "keras_tokens"] {
        let file = data(&format!("{name}.safetensors"));
        File::read(&file).expect("the whole file");
        for length in 0..file.len() {
            File::read(&file[..length]).expect_err("a part of a file");
        }
        File::read(&[&file[..], &[0]].concat()).expect_err("a byte too many");
    }
}

/// A damaged byte of the numbers is other numbers; one of the header is an error or another header, and never more.
#[test]
fn damaged_headers() {
    let mut net = Net::ZEROED;
    let file = Map::pytorch().dense("fc", &mut net).save().expect("a file");
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut refused = 0;
    for at in 0..header {
        for byte in 0..=255 {
            let mut damaged = file.clone();
            damaged[at] = byte;
            refused += usize::from(Map::pytorch().dense("fc", &mut net).load(&damaged).is_err());
        }
    }
    // What is still the same file: the byte itself, and white space in white space.
    assert!(refused > 254 * header && refused <= 255 * header, "{refused} of {}", 256 * header);
}

#[test]
fn lies() {
    let tensor = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
    };
    let fc = |weight: &str, bias: &str| format!(r#"{{"fc.weight":{weight},"fc.bias":{bias}}}"#);
    let (weight, bias) = (tensor("F32", "2,3", 0, 24), tensor("F32", "2", 24, 32));
    let mut net = Net::ZEROED;
    Map::pytorch()
        .dense("fc", &mut net)
        .load(&with_header(&fc(&weight, &bias), 32))
        .expect("a file that is right");

    let contains = |header: &str, bytes: usize, expected: &str| {
        let got = refusal(&with_header(header, bytes));
        assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
    };
    // Parts that overlap, have gaps between them, or run backwards.
    contains(&fc(&weight, &tensor("F32", "2", 16, 24)), 24, "its header: ");
    contains(&fc(&weight, &tensor("F32", "2", 28, 36)), 36, "its header: ");
    contains(&fc(&weight, &tensor("F32", "2", 24, 16)), 24, "its header: ");
    // Sizes that do not match, or overflow.
    contains(&fc(&weight, &tensor("F32", "3", 24, 32)), 32, "its header: ");
    contains(&fc(&tensor("F32", "4294967296,4294967296,4294967296", 0, 24), &bias), 32, "its header: ");
    contains(&fc(&tensor("F32", "-2,3", 0, 24), &bias), 32, "its header: ");
    // The file has less, or more.
    contains(&fc(&weight, &bias), 31, "`fc.bias`: the file ends before it");
    contains(&fc(&weight, &bias), 33, "its last tensor ends 1 bytes before the file");
    // Eight parts of nearly 2^61 bytes, whose end is just below 2^64: adding the header's length to that overflows.
    let mut end = 0;
    let parts: Vec<_> = [(1_u64 << 61) - 1; 8]
        .iter()
        .enumerate()
        .map(|(i, size)| {
            end += size;
            format!(r#""{i}":{}"#, tensor("U8", &size.to_string(), end - size, end))
        })
        .collect();
    contains(&format!("{{{}}}", parts.join(",")), 0, "the file ends before it");
    // Types and shapes.
    contains(
        &fc(&tensor("I32", "2,3", 0, 24), &bias),
        32,
        "`fc.weight`: expected numbers of type F32, F16 or BF16, got I32",
    );
    contains(
        &fc(&tensor("F64", "3", 0, 24), &bias),
        32,
        "`fc.weight`: expected numbers of type F32, F16 or BF16, got F64",
    );
    contains(&fc(&tensor("F99", "2,3", 0, 24), &bias), 32, "its header: ");
    contains(&fc(&tensor("F32", "3,2", 0, 24), &bias), 32, "`fc.weight`: expected shape [2, 3], got [3, 2]");
    contains(&fc(&tensor("F32", "6", 0, 24), &bias), 32, "`fc.weight`: expected shape [2, 3], got [6]");
    contains(&format!(r#"{{"fc.weight":{weight}}}"#), 24, "`fc.bias`: there is no such tensor");
    // No JSON, no text, much nesting, no tensors.
    contains("", 0, "its header: ");
    contains("[1]", 0, "its header: ");
    contains(&"[".repeat(1 << 20), 0, "its header: ");
    contains("{}", 0, "`fc.weight`: there is no such tensor");
    let mut text = with_header("{}", 0);
    text[8] = 0xFF;
    assert!(refusal(&text).contains("its header is no text"));
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, 3] {
        text[..8].copy_from_slice(&length.to_le_bytes());
        assert!(refusal(&text).contains("more than the file"));
    }
    assert!(refusal(b"fusebox\0........").contains("a fusebox checkpoint, which has no names"));
}

/// A tensor that a caller made, whose data are not as long as its shape says, also where that overflows.
#[test]
fn tensors_of_another_size() {
    for (shape, bytes) in
        [(vec![2, 3], 20), (vec![2, 3], 28), (vec![usize::MAX, 2], 0), (vec![usize::MAX / 8 + 1, 2], 0)]
    {
        let mut file = File::default();
        let data = vec![0; bytes].into();
        file.insert("w", Tensor { dtype: Dtype::F32, shape: shape.clone(), data }).expect("a tensor");
        let error = file.write().expect_err("another size").to_string();
        assert_eq!(error, format!("`w`: {bytes} bytes have no shape {shape:?} of F32"));
    }
}

/// NaN and infinity are numbers like others; `F16` and `BF16` are the same numbers in `f32`.
#[test]
fn numbers() {
    let numbers = [f32::NAN, f32::INFINITY, -0.0, 1.5, -f32::INFINITY, f32::from_bits(0x7F80_0001)];
    let tops = numbers.map(|x| (x.to_bits() >> 16) as u16);
    let mut file = File::default();
    file.insert("fc.weight", Tensor::of(vec![2, 3], numbers.into_iter())).expect("a tensor");
    let halves = [0x3E00_u16, 0xC000].iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<_>>(); // 1.5, -2
    file.insert("fc.bias", Tensor { dtype: Dtype::F16, shape: vec![2], data: halves.into() })
        .expect("a tensor");
    let mut net = Net::ZEROED;
    Map::pytorch().dense("fc", &mut net).load(&file.write().expect("a file")).expect("numbers");
    let got = net.weight.map(|row| row.map(f32::to_bits));
    let [a, b, c, d, e, f] = numbers.map(f32::to_bits);
    assert_eq!((got, net.bias), ([[a, d], [b, e], [c, f]], [1.5, -2.0]));

    let mut file = File::default();
    let tops = tops.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<_>>();
    file.insert("fc.weight", Tensor { dtype: Dtype::BF16, shape: vec![2, 3], data: tops.into() })
        .expect("a tensor");
    file.insert("fc.bias", Tensor::of(vec![2], [0.0; 2].into_iter())).expect("a tensor");
    Map::pytorch().dense("fc", &mut net).load(&file.write().expect("a file")).expect("numbers");
    assert_eq!(
        (net.weight[2][0].to_bits(), net.weight[0][1], net.weight[1][0]),
        (0x8000_0000, 1.5, f32::INFINITY)
    );
    assert!(net.weight[0][0].is_nan());
}
