//! Files of TensorFlow Lite, or any bytes:
//!
//! ```text
//! cargo +nightly fuzz run import fuzz/corpus/import import/tests/data
//! ```
//!
//! Nothing panics or takes long. What is read is written, with as much data as it says.

#![no_main]

use fusebox_import::{Network, Options, Runtime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    for runtime in [Runtime::Micro, Runtime::LiteRt] {
        if let Ok(network) = Network::read(file, &Options { runtime }) {
            let module = network.module("fuzzed", "fuzzed.bin").expect("strings are written");
            assert_eq!(module.data.len(), network.flash());
            assert!(module.code.contains("impl Layer for Net"));
            assert!(network.to_string().lines().count() > 1);
        }
    }
});
