//! Checks every kernel and prints short trainings bit for bit: the desktop must print the same.
#![no_std]
#![no_main]

use firmware::{Failure, Memory};
use fusebox::Isa;
use fusebox_riscv::Virt;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

#[riscv_rt::entry]
fn main() -> ! {
    firmware::run(Some(Virt::default()), |board| {
        let memory = MEMORY.try_take().ok_or(Failure::Restarted)?;
        firmware::check(board, Isa::detect(), memory)
    })
}
