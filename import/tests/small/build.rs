//! Imports all models of the folders `operators`, `graphs` and `int16`, for both runtimes, and lists their modules: with functions that visit their
//! networks.

use fusebox_import::{Error, Options, Runtime, write};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Error> {
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let out = Path::new(&out);
    let mut code = String::new();
    for (from, runtime, name, golden) in [
        ("../../../tests/operators", Runtime::Micro, "operators", "tflm.bin"),
        ("../data/graphs", Runtime::Micro, "graphs", "tflm.bin"),
        ("../data/graphs", Runtime::LiteRt, "graphs_litert", "ref.bin"),
        ("../data/int16", Runtime::Micro, "int16", "tflm.bin"),
    ] {
        let from = Path::new(from);
        let folder = from.file_name().expect("has a name").to_string_lossy();
        println!("cargo::rerun-if-changed={}", from.display());
        let files = std::fs::read_dir(from).expect("the folder is there");
        let mut files: Vec<_> = files.map(|file| file.expect("can be listed").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "tflite"));
        files.sort();
        let (mut modules, mut visits) = (String::new(), String::new());
        std::fs::create_dir_all(out.join(name)).expect("cargo's directory is writable");
        for file in files {
            let model = file.file_stem().expect("has a name").to_string_lossy().into_owned();
            // A runtime may not have an operator.
            if !file.with_extension(golden).exists() {
                continue;
            }
            let path = out.join(name).join(&model).with_extension("rs");
            write(&file, &path, &Options { runtime })?;
            modules += &module(&model, &path);
            let net = format!("\"{folder}/{model}\", &{model}::NET");
            if model.starts_with("float_") {
                let of = format!("{model}_magnitudes");
                modules += &module(&of, &magnitudes(&path));
                visits += &format!("to.reals({net}, &{of}::NET);\n");
            } else {
                visits += &format!("to.bytes({net});\n");
            }
        }
        code += &format!("/// {folder}, {runtime:?}.\npub mod {name} {{\n{modules}");
        code += &format!("/// Visits all.\npub fn visit(to: &mut impl crate::Visit) {{\n{visits}}}\n}}\n");
    }
    std::fs::write(out.join("small.rs"), code).expect("cargo's directory is writable");
    Ok(())
}

/// The file at `path` as a module.
fn module(name: &str, path: &Path) -> String {
    format!("/// `{name}`.\npub mod {name} {{ include!({path:?}); }}\n")
}

/// The network of the module at `path` with the magnitudes of its weights, and without functions that bend or bound: what it makes of
/// the magnitudes of inputs is the sum of the magnitudes of all terms. Returns the path of its module.
fn magnitudes(path: &Path) -> PathBuf {
    let mut code = std::fs::read_to_string(path).expect("was written");
    for function in ["Relu6", "Tanh", "Sigmoid", "LeakyRelu<25>"] {
        code = code.replace(&format!("layers::{function}"), "layers::Relu");
    }
    while let Some((before, after)) = code.split_once("layers::Softmax<") {
        let (n, after) = after.split_once('>').expect("has a number");
        code = format!("{before}layers::Activate<{n}, layers::Relu>{after}");
    }
    let stem = path.file_stem().expect("has a name").to_string_lossy();
    let of = format!("{stem}_magnitudes");
    code = code.replace(&format!("{stem}.bin"), &format!("{of}.bin"));
    let data = std::fs::read(path.with_extension("bin")).expect("was written");
    let data: Vec<_> =
        data.iter().enumerate().map(|(i, byte)| if i % 4 == 3 { byte & 127 } else { *byte }).collect();
    let to = path.with_file_name(of);
    std::fs::write(to.with_extension("bin"), data).expect("cargo's directory is writable");
    std::fs::write(to.with_extension("rs"), code).expect("cargo's directory is writable");
    to.with_extension("rs")
}
