//! Every public function that computes in `f32` and no more: this image holds no arithmetic of doubles.
#![no_std]
#![no_main]

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    link::data::all();
    link::decoding::all();
    link::metrics::all();
    link::products::all();
    link::layers::all();
    link::training::all();
    link::checkpoint::all();
}
