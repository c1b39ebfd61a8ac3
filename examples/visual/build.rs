//! Imports the network, and hands the linker the memory map.

fn main() -> Result<(), fusebox_import::Error> {
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    fusebox_import::tflite("data/person_detect.tflite")
}
