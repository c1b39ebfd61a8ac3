//! Runs imported networks of TensorFlow Lite, and compares their outputs.
#![no_std]
#![no_main]

use fusebox_riscv::Virt;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::run(Some(Virt::default()), firmware::goldens)
}
