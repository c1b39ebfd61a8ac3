//! Imports every model twice: for the outputs of each runtime. So too the networks that fusebox has exported. Networks that keep a
//! state, and one of sixteen bits, once, and two graphs that the tests write.

#[path = "../support/mod.rs"]
mod support;

use fusebox_import::{Error, Options, Runtime, tflite_with, write};
use std::path::Path;

fn main() -> Result<(), Error> {
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let both = |model: &str| {
        let path = format!("../data/{model}.tflite");
        tflite_with(&path, &Options::default())?;
        let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".tflite");
        let litert = Path::new(&out).join(format!("{name}_litert.rs"));
        write(path.as_ref(), &litert, &Options { runtime: Runtime::LiteRt })
    };
    for model in ["hello_world_int8", "ad01_int8", "kws_ref_model", "micro_speech_quantized"] {
        both(model)?;
    }
    for model in ["perceptron", "rounded", "convolutional", "residuals", "mixed", "halves"] {
        both(&format!("export/{model}"))?;
        both(&format!("export/{model}_float"))?;
    }
    for model in ["streaming", "streaming_lstm", "streaming_ends", "int16/ds_cnn"] {
        tflite_with(format!("../data/{model}.tflite"), &Options::default())?;
    }
    for (name, file) in [("branches", support::branches()), ("delay", support::delay())] {
        let path = Path::new(&out).join(name).with_extension("tflite");
        std::fs::write(&path, file).expect("cargo's directory is writable");
        write(&path, &path.with_extension("rs"), &Options::default())?;
    }
    Ok(())
}
