//! Control: can panic, and must not link.
#![no_std]
#![no_main]

use link::{hide, keep};

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    keep(hide(&[1, 2, 3][..])[hide(1_usize)]);
}
