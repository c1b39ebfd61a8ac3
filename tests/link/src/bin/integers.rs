//! Every public function that counts, moves or compares bits: this image holds no floating point at all.
#![no_std]
#![no_main]

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    link::arena::all();
    link::int16::whole();
    link::int8::whole();
    link::integers::all();
}
