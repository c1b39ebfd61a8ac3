//! Runs a network that was trained on the desktop and lies in flash.
#![no_std]
#![no_main]

use fusebox_riscv::Virt;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::run(Some(Virt::default()), firmware::infer)
}
