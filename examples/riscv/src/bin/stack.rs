//! Measures the stack that calls take.
#![no_std]
#![no_main]

use fusebox_riscv::Virt;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::run(Some(Virt::default()), firmware::stack)
}
