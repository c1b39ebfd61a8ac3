//! Every public function.
#![no_std]
#![no_main]

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    link::integers::all();
    link::data::all();
    link::metrics::all();
    link::products::all();
    link::layers::all();
    link::training::all();
    link::doubles::all();
    link::text::all();
}
