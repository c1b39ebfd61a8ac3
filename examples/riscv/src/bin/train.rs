//! Trains on digits that stay bytes in flash.
#![no_std]
#![no_main]

use fusebox_riscv::Virt;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::run(Some(Virt::default()), firmware::train)
}
