//! Control: adds in `f32` and in `f64`, and both must be found.
#![no_std]
#![no_main]

use link::{hide, keep};

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    keep((hide(1.0_f32) + hide(2.0_f32), hide(1.0_f64) + hide(2.0_f64)));
}
