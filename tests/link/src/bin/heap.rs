//! Control: asks for memory from a heap, and must not link.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use link::{hide, keep};

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    keep(Box::new(hide(1_u32)));
}
