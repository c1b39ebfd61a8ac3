//! Imports the network, and hands the linker the board's memory map where the build is for a board.

fn main() -> Result<(), fusebox_import::Error> {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rerun-if-changed=memory.x");
        println!("cargo::rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
        println!("cargo::rustc-link-arg-bins=-Tlink.x");
    }
    fusebox_import::tflite("../../import/tests/data/micro_speech_quantized.tflite")
}
