//! Runs a network of eight bits, and does nothing else.
#![no_std]
#![no_main]

use fusebox_riscv as _;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::bare_int8()
}
