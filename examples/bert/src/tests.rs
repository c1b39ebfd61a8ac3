//! A small BERT from files made here, against plain loops in `f64`; files that are damaged.

use crate::encoder::{Tokens, cutting};
use crate::load::{Refused, load};
use crate::net::{self, Bert};
use fusebox::{Error, Isa, Rng, Scratch, boxed};
use safetensors::{Dtype, View};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokenizers::Tokenizer;

const V: usize = 7;
const T: usize = 5;
/// Positions in the file.
const POSITIONS: usize = 6;
const D: usize = 6;
const HEADS: usize = 2;
const WIDE: usize = 10;
const BLOCKS: usize = 2;
type Net = Bert<V, T, D, HEADS, 3, 18, WIDE, BLOCKS>;

/// One tensor of a file.
#[derive(Clone)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        self.numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into()
    }
    fn data_len(&self) -> usize {
        4 * self.numbers.len()
    }
}

type Tensors = BTreeMap<String, Tensor>;

fn tensors() -> Tensors {
    let mut rng = Rng::new(3);
    let mut all = Tensors::new();
    let mut add = |name: String, shape: &[usize]| {
        let numbers = (0..shape.iter().product()).map(|_| 0.7 * rng.normal()).collect();
        all.insert(name, Tensor { dtype: Dtype::F32, shape: shape.to_vec(), numbers });
    };
    add("embeddings.word_embeddings.weight".into(), &[V, D]);
    add("embeddings.position_embeddings.weight".into(), &[POSITIONS, D]);
    add("embeddings.token_type_embeddings.weight".into(), &[2, D]);
    let mut pair = |name: String, weight: &[usize]| {
        add(format!("{name}.weight"), weight);
        add(format!("{name}.bias"), &weight[..1]);
    };
    pair("embeddings.LayerNorm".into(), &[D]);
    pair("pooler.dense".into(), &[D, D]); // not used
    for i in 0..BLOCKS {
        for (name, weight) in [
            ("attention.self.query", &[D, D][..]),
            ("attention.self.key", &[D, D]),
            ("attention.self.value", &[D, D]),
            ("attention.output.dense", &[D, D]),
            ("attention.output.LayerNorm", &[D]),
            ("intermediate.dense", &[WIDE, D]),
            ("output.dense", &[D, WIDE]),
            ("output.LayerNorm", &[D]),
        ] {
            pair(format!("encoder.layer.{i}.{name}"), weight);
        }
    }
    all
}

fn file(tensors: &Tensors) -> Vec<u8> {
    safetensors::serialize(tensors, None).expect("a file")
}

type Rows = Vec<Vec<f64>>;

/// `W x + b` of each row, `W` as PyTorch has it.
fn linear(all: &Tensors, name: &str, xs: &Rows) -> Rows {
    let (weight, bias) = (&all[&format!("{name}.weight")], &all[&format!("{name}.bias")]);
    let width = weight.shape[1];
    let row = |x: &Vec<f64>| {
        let one = |o: usize| {
            let products = x.iter().enumerate().map(|(i, x)| x * f64::from(weight.numbers[o * width + i]));
            products.sum::<f64>() + f64::from(bias.numbers[o])
        };
        (0..bias.numbers.len()).map(one).collect()
    };
    xs.iter().map(row).collect()
}

fn normalize(all: &Tensors, name: &str, xs: &Rows) -> Rows {
    let (gain, shift) = (&all[&format!("{name}.weight")].numbers, &all[&format!("{name}.bias")].numbers);
    let row = |x: &Vec<f64>| {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let normal = x.iter().map(|x| (x - mean) / (variance + 1e-12).sqrt());
        normal.zip(gain.iter().zip(shift)).map(|(x, (&g, &s))| x * f64::from(g) + f64::from(s)).collect()
    };
    xs.iter().map(row).collect()
}

fn add(xs: &Rows, ys: &Rows) -> Rows {
    xs.iter().zip(ys).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x + y).collect()).collect()
}

/// Half of `x` times 1 + erf(x / sqrt(2)), by the integral of the bell curve from zero: Simpson's rule.
fn gelu(x: f64) -> f64 {
    let steps = 2000;
    let bell = |i: i32| {
        let factor = if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        factor * (-0.5 * (x * f64::from(i) / f64::from(steps)).powi(2)).exp()
    };
    let integral: f64 = (0..=steps).map(bell).sum::<f64>() * x / f64::from(3 * steps);
    x * (0.5 + integral / std::f64::consts::TAU.sqrt())
}

fn attention(q: &Rows, k: &Rows, v: &Rows) -> Rows {
    let head = D / HEADS;
    let one = |q: &Vec<f64>, i: usize| {
        let part = i / head * head..(i / head + 1) * head;
        let score =
            |k: &Vec<f64>| -> f64 { part.clone().map(|j| q[j] * k[j]).sum::<f64>() / (head as f64).sqrt() };
        let weights: Vec<f64> = k.iter().map(|k| score(k).exp()).collect();
        weights.iter().zip(v).map(|(w, v)| w * v[i]).sum::<f64>() / weights.iter().sum::<f64>()
    };
    q.iter().map(|q| (0..D).map(|i| one(q, i)).collect()).collect()
}

fn vector(all: &Tensors, tokens: &[u16]) -> Vec<f64> {
    let row = |name: &str, i: usize| -> Vec<f64> {
        all[name].numbers[i * D..(i + 1) * D].iter().map(|&x| f64::from(x)).collect()
    };
    let of = |i: usize, name: &str| format!("encoder.layer.{i}.{name}");
    let tokens = tokens.iter().enumerate();
    let (words, places): (Rows, Rows) = tokens
        .map(|(i, &token)| {
            let word = row("embeddings.word_embeddings.weight", token.into());
            (word, row("embeddings.position_embeddings.weight", i))
        })
        .unzip();
    let types = vec![row("embeddings.token_type_embeddings.weight", 0); words.len()];
    let mut x = normalize(all, "embeddings.LayerNorm", &add(&add(&words, &places), &types));
    for i in 0..BLOCKS {
        let [q, k, v] =
            ["query", "key", "value"].map(|name| linear(all, &of(i, &format!("attention.self.{name}")), &x));
        let mixed = linear(all, &of(i, "attention.output.dense"), &attention(&q, &k, &v));
        x = normalize(all, &of(i, "attention.output.LayerNorm"), &add(&x, &mixed));
        let mut up = linear(all, &of(i, "intermediate.dense"), &x);
        up.iter_mut().flatten().for_each(|x| *x = gelu(*x));
        x = normalize(all, &of(i, "output.LayerNorm"), &add(&x, &linear(all, &of(i, "output.dense"), &up)));
    }
    let sums: Vec<f64> = (0..D).map(|i| x.iter().map(|x| x[i]).sum()).collect();
    let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
    sums.iter().map(|x| x / length).collect()
}

/// Every weight arrives where it belongs, and texts of every length are right, on every instruction set.
#[test]
fn equals_plain_loops() {
    let all = tensors();
    let mut net = boxed::<Net>();
    load(&file(&all), POSITIONS, &mut net).expect("a good file");
    for tokens in [&[3][..], &[6, 0], &[1, 2, 3], &[5, 5, 4, 0], &[2, 1, 0, 6, 3]] {
        let expected = vector(&all, tokens);
        let mut row = [u16::MAX; T];
        row[..tokens.len()].copy_from_slice(tokens);
        for isa in Isa::available() {
            let mut ys = [[f32::NAN; D]];
            net.infer_with(isa, &[row], &mut Scratch::<Net, 1>::boxed(), &mut ys).expect("tokens below V");
            for (got, expected) in ys[0].iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() < 3e-6, "{isa}: {got}, not {expected}");
            }
        }
    }
}

/// Into a network in which an error may change nothing.
fn loaded(file: &[u8]) -> Result<(), Refused> {
    let mut net = boxed::<Net>();
    net.rest.first.weight = [[9.0; D]; T];
    let before = net.clone();
    let result = load(file, POSITIONS, &mut net);
    assert!(result.is_ok() || net.as_bytes() == before.as_bytes(), "something was written: {result:?}");
    result
}

fn refused(file: &[u8]) -> Refused {
    loaded(file).expect_err("a file that is not this model's")
}

/// Each tensor in turn is missing, of another shape, of another type.
#[test]
fn wrong_tensors_are_named() {
    let all = tensors();
    for (name, good) in &all {
        if name.starts_with("pooler") {
            continue;
        }
        let mut without = all.clone();
        without.remove(name);
        assert_eq!(refused(&file(&without)), Refused::Missing(name.clone()));

        let with = |bad: Tensor| {
            let mut with = all.clone();
            with.insert(name.clone(), bad);
            refused(&file(&with))
        };
        let mut bad = good.clone();
        bad.shape.push(1);
        let expected =
            Refused::Shape { name: name.clone(), expected: good.shape.clone(), got: bad.shape.clone() };
        assert_eq!(with(bad), expected);

        let mut bad = good.clone();
        bad.shape[0] += 1;
        bad.numbers.resize(bad.shape.iter().product(), 0.0);
        let expected =
            Refused::Shape { name: name.clone(), expected: good.shape.clone(), got: bad.shape.clone() };
        let (message, shapes) = (expected.to_string(), (&good.shape, &bad.shape));
        assert_eq!(message, format!("{name}: expected shape {:?}, got {:?}", shapes.0, shapes.1));
        assert_eq!(with(bad), expected);

        // As many numbers, transposed.
        let mut bad = good.clone();
        bad.shape.reverse();
        if bad.shape != good.shape {
            let expected =
                Refused::Shape { name: name.clone(), expected: good.shape.clone(), got: bad.shape.clone() };
            assert_eq!(with(bad), expected);
        }

        for (dtype, bytes) in [(Dtype::I32, 4), (Dtype::F16, 2), (Dtype::BF16, 2), (Dtype::F64, 8)] {
            let mut bad = Tensor { dtype, ..good.clone() };
            bad.numbers.resize(good.numbers.len() * bytes / 4, 0.0);
            let refused = with(bad);
            assert_eq!(refused, Refused::Type { name: name.clone(), got: dtype });
            assert_eq!(refused.to_string(), format!("{name}: expected numbers of type F32, got {dtype:?}"));
        }
    }
}

/// Cut after every byte, and with a byte more.
#[test]
fn files_of_other_lengths() {
    let mut file = file(&tensors());
    for length in 0..file.len() {
        assert!(matches!(refused(&file[..length]), Refused::File(_)), "{length}");
    }
    file.push(0);
    assert!(matches!(refused(&file), Refused::File(_)));
}

/// What a header says of the last tensor is another's: too early, too late, before the file, past its end, backwards.
#[test]
fn hostile_offsets() {
    let good = file(&tensors());
    let length = u64::from_le_bytes(good[..8].try_into().expect("eight bytes")) as usize;
    let header = std::str::from_utf8(&good[8..8 + length]).expect("text");
    let data = good.len() - 8 - length;
    let last = format!(",{data}]");
    let start = header.find(&last).and_then(|end| header[..end].rfind('[')).expect("the last tensor");
    let end = start + header[start..].find(']').expect("a bracket") + 1;
    for offsets in
        ["[0,24]", "[0,0]", "[-24,0]", "[18446744073709551615,18446744073709551615]", "[24,0]", "[]"]
            .map(String::from)
            .into_iter()
            .chain([format!("[{data},{}]", data + 24), format!("[{},{}]", data - 23, data + 1)])
    {
        let header = [&header[..start], &offsets, &header[end..]].concat();
        let bad = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &good[8 + length..]].concat();
        assert!(matches!(refused(&bad), Refused::File(_)), "{offsets}");
    }
}

/// Headers that lie: each is refused, or is a file of the same tensors. No panic.
#[test]
fn hostile_headers() {
    let good = file(&tensors());
    let header = 8 + u64::from_le_bytes(good[..8].try_into().expect("eight bytes")) as usize;
    for length in [0, 1, u64::MAX, u64::MAX - 7, 1 << 63, good.len() as u64 - 8, good.len() as u64] {
        let mut bad = good.clone();
        bad[..8].copy_from_slice(&length.to_le_bytes());
        assert!(matches!(refused(&bad), Refused::File(_)), "{length}");
    }
    let mut rng = Rng::new(5);
    let mut refusals = 0;
    for _ in 0..5000 {
        let mut bad = good.clone();
        for _ in 0..=rng.below(3) {
            bad[8 + rng.below(header as u32 - 8) as usize] =
                b"0123456789[]{},:\"F\x00\xff"[rng.below(20) as usize];
        }
        refusals += u32::from(loaded(&bad).is_err());
    }
    assert!(refusals > 4000, "{refusals}");
    let huge = br#"{"a":{"dtype":"F32","shape":[18446744073709551615,4],"data_offsets":[0,0]}}"#;
    let mut bad = (huge.len() as u64).to_le_bytes().to_vec();
    bad.extend(huge);
    assert!(matches!(refused(&bad), Refused::File(_)));
}

#[test]
fn tokens_past_the_vocabulary() {
    let mut net = boxed::<Net>();
    load(&file(&tensors()), POSITIONS, &mut net).expect("a good file");
    for got in [V as u16, u16::MAX - 1] {
        for isa in Isa::available() {
            let mut ys = [[9.0; D]];
            let result =
                net.infer_with(isa, &[[3, got, 1, 2, u16::MAX]], &mut Scratch::<Net, 1>::boxed(), &mut ys);
            let (vocabulary, got) = (V, got.into());
            assert_eq!(result, Err(Error::Token { vocabulary, got, position: 1 }), "{isa}");
            assert_eq!(ys, [[9.0; D]], "{isa}");
        }
    }
}

/// A tokenizer of words, whose own settings cut and pad to lengths that are not the network's.
const WORDS: &str = r#"{
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 5}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[UNK]"},
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
    "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "[UNK]",
        "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "none": 65535, "far": 65536}}
}"#;

/// Up to a network's `T` tokens, with the two around a text.
#[test]
fn texts_of_other_lengths() {
    let tokenizer = cutting(Tokenizer::from_bytes(WORDS).expect("a tokenizer")).expect("a length");
    for words in [1, 4, net::T - 3, net::T - 2, net::T - 1, net::T, 3 * net::T] {
        let tokens = Tokens::of(&tokenizer, &"a ".repeat(words)).expect("words");
        assert_eq!(tokens.count, net::T.min(words + 2), "{words} words");
        assert_eq!(tokens.is_cut, words + 2 > net::T, "{words} words");
        let mut expected = [u16::MAX; net::T];
        expected[..tokens.count].fill(3);
        expected[0] = 1;
        expected[tokens.count - 1] = 2;
        assert_eq!(tokens.ids, expected, "{words} words");
    }
    for (text, message) in [
        ("", "there is no word in \"\""),
        (" \n", "there is no word in \" \\n\""),
        ("a none", "the tokenizer has more tokens than the network, in \"a none\""),
        ("far a", "the tokenizer has more tokens than the network, in \"far a\""),
    ] {
        let error = Tokens::of(&tokenizer, text).err().expect("an error");
        assert_eq!(error.to_string(), message);
    }
}
