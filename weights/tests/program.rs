//! The program: what it prints, what it writes, what it ends with.

mod support {
    pub(crate) mod files;
    #[expect(dead_code, reason = "the other networks are those of other tests")]
    pub(crate) mod networks;
    pub(crate) mod outputs;
}

use fusebox::Plain;
use fusebox_weights::File;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::files::{data, path};
use support::networks::Cnn;
use support::outputs::check;

/// Its exit status, and what it printed to both.
fn run(args: &[&str]) -> (i32, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fusebox-weights")).args(args).output().expect("the program");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit"), String::from_utf8(text).expect("text"))
}

/// A file of `tests/data` as an argument.
fn arg(name: &str) -> String {
    path(name).to_str().expect("UTF-8").into()
}

/// A file that this test alone writes.
fn new(name: &str) -> (PathBuf, String) {
    let path: PathBuf = [env!("CARGO_TARGET_TMPDIR"), name].iter().collect();
    let text = path.to_str().expect("UTF-8").into();
    (path, text)
}

#[test]
fn list() {
    let expected = "
 name           type  shape    bytes
 hidden.bias    F32   12          48
 hidden.weight  F32   12 x 72   3456
 norm.bias      F32   12          48
 norm.weight    F32   12          48
 out.bias       F32   3           12
 out.weight     F32   3 x 12     144
 6 in all                       3756
";
    assert_eq!(run(&["list", &arg("dense.safetensors")]), (0, expected[1..].into()));
}

#[test]
fn compare() {
    let dense = arg("dense.safetensors");
    assert_eq!(run(&["compare", &dense, &dense]).0, 0);
    let (status, text) = run(&["compare", &dense, &arg("conv.safetensors")]);
    assert!(
        status == 1 && text.contains("only in the first") && text.contains("only in the second"),
        "{text}"
    );

    // One number of the last tensor, out.weight, is another.
    let (path, other) = new("compare.safetensors");
    let mut bytes = data("dense.safetensors");
    let (end, last) =
        (bytes.len(), bytes.last_chunk().map(|&last| f32::from_le_bytes(last)).expect("numbers"));
    bytes[end - 4..].copy_from_slice(&(last + 0.5).to_le_bytes());
    fs::write(&path, &bytes).expect("a file");
    assert_eq!(run(&["compare", &dense, &other]).0, 1);
    assert_eq!(run(&["compare", &dense, &other, "--within", "0.4"]).0, 1);
    let (status, text) = run(&["compare", &dense, &other, "--within", "0.6"]);
    assert!(status == 0, "{text}");
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, &bytes).expect("a file");
    assert_eq!(run(&["compare", &dense, &other, "--within", "inf"]).0, 1);
}

/// Bytes without names are the network's, and it has PyTorch's outputs.
#[test]
fn convert_to_bytes() {
    let (path, to) = new("net.bin");
    let names = "features.weight features.bias bn.weight bn.bias bn.running_mean bn.running_var depthwise.weight \
                 depthwise.bias head.weight head.bias";
    let conv = arg("conv.safetensors");
    let mut args =
        vec!["convert", &conv, &to, "--from", "pytorch", "--to", "fusebox", "--flattened", "head.weight=8"];
    args.extend(names.split(' '));
    let (status, text) = run(&args);
    assert_eq!(status, 0, "{text}");
    let bytes = fs::read(path).expect("the file written");
    let net: Cnn = Plain::copy_from_bytes(&bytes).expect("as many bytes");
    check("conv", &net, 2e-6);
}

/// To Keras's order and back is the same file.
#[test]
fn convert_and_back() {
    let ((keras, there), (pytorch, back)) = (new("there.safetensors"), new("back.safetensors"));
    let conv = arg("conv.safetensors");
    let flattened = ["--flattened", "head.weight=8"];
    let rename = ["--rename", "bn.weight=bn/gamma"];
    let args =
        [&["convert", &conv, &there, "--from", "pytorch", "--to", "keras"], &flattened[..], &rename].concat();
    let (status, text) = run(&args);
    assert_eq!(status, 0, "{text}");
    let bytes = fs::read(keras).expect("the file written");
    let file = File::read(&bytes).expect("a file");
    assert_eq!(file.tensor("features.weight").expect("a tensor").shape, [3, 2, 2, 4]);
    assert_eq!(file.tensor("head.weight").expect("a tensor").shape, [32, 3]);
    file.tensor("bn/gamma").expect("its new name");

    let rename = ["--rename", "bn/gamma=bn.weight"];
    let args =
        [&["convert", &there, &back, "--from", "keras", "--to", "pytorch"], &flattened[..], &rename].concat();
    let (status, text) = run(&args);
    assert_eq!(status, 0, "{text}");
    assert!(fs::read(pytorch).expect("the file written") == data("conv.safetensors"), "another file");
}

/// What is wrong is said in words, with status 2, and the file that would have been written stays as it was.
#[test]
fn refusals() {
    let (kept, to) = new("kept.bin");
    fs::write(&kept, "as it was").expect("a file");
    let (cut, cut_text) = new("cut.safetensors");
    let dense = data("dense.safetensors");
    fs::write(&cut, &dense[..dense.len() - 1]).expect("a file");
    // More axes than the stack has room for.
    let (deep, deep_text) = new("deep.safetensors");
    let ones = vec!["1"; 1 << 20].join(",");
    let header = format!(r#"{{"w":{{"dtype":"U8","shape":[{ones}],"data_offsets":[0,1]}}}}"#);
    fs::write(&deep, [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0]].concat())
        .expect("a file");
    // An axis of any length, where another is of length zero.
    let (empty, empty_text) = new("empty.safetensors");
    let header = r#"{"w":{"dtype":"F32","shape":[18446744073709551615,0],"data_offsets":[0,0]}}"#;
    fs::write(&empty, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).expect("a file");

    let dense = arg("dense.safetensors");
    let convert = |from: &str, rest: &str| {
        run(&["convert", from, &to].into_iter().chain(rest.split(' ')).collect::<Vec<_>>())
    };
    for ((status, text), expected) in [
        (run(&[]), "expected a command"),
        (run(&["lits"]), "`lits` is not a command"),
        (run(&["list"]), "expected 1 files, got 0"),
        (run(&["list", "--all", &dense]), "--all is not understood"),
        (run(&["list", "no such file"]), "no such file: No such file"),
        (run(&["list", &cut_text]), "cut.safetensors: `out.weight`: the file ends before it"),
        (run(&["compare", &dense, &cut_text]), "cut.safetensors: `out.weight`: the file ends before it"),
        (
            convert(&cut_text, "--from pytorch --to keras"),
            "cut.safetensors: `out.weight`: the file ends before it",
        ),
        (convert(&dense, "--from torch --to keras"), "`torch` is no order"),
        (convert(&dense, "--from fusebox --to keras"), "its bytes have no names"),
        (
            convert(&dense, "--from pytorch --to fusebox"),
            "name the tensors in the network's order, of hidden.bias",
        ),
        (convert(&dense, "--from pytorch --to fusebox fc.weight"), "`fc.weight`: there is no such tensor"),
        (convert(&dense, "--from pytorch --to keras --keep fc"), "`fc`: there is no such tensor"),
        (
            convert(&dense, "--from pytorch --to keras --rename out.bias=out.weight"),
            "two tensors have the name `out.weight`",
        ),
        (
            convert(&dense, "--from pytorch --to keras --flattened out.weight=5"),
            "12 inputs are no pictures of 5 channels",
        ),
        (
            convert(&dense, "--from pytorch --to keras --flattened out.bias=1"),
            "`out.bias`: --flattened, and its order stays",
        ),
        (
            convert(&dense, "--from pytorch --to keras --flattened out.weight"),
            "`out.weight` is not NAME=VALUE",
        ),
        (convert(&deep_text, "--from pytorch --to keras"), "`w`: a weight has at most 8 axes"),
        (
            convert(&arg("conv.safetensors"), "--from pytorch --to fusebox bn.num_batches_tracked"),
            "expected F32, F16 or BF16, got I64",
        ),
    ] {
        assert!(status == 2 && text.contains(expected), "expected {expected:?}, got {status} and {text:?}");
    }
    assert_eq!(fs::read_to_string(&kept).expect("the file"), "as it was");
    let (status, text) = convert(&empty_text, "--from pytorch --to keras");
    assert_eq!(status, 0, "{text}");
    assert_eq!(run(&["list", &to]).0, 0);
}
