//! Runs nothing: what the other bare programs are compared with.
#![no_std]
#![no_main]

use fusebox_riscv as _;

#[riscv_rt::entry]
fn main() -> ! {
    firmware::bare_nothing()
}
