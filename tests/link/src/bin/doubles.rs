//! Every public function that computes in `f64`, and descriptions, of which some do.
#![no_std]
#![no_main]

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    link::doubles::all();
    link::calibration::all();
    link::int16::all();
    link::int8::all();
    link::text::all();
}
