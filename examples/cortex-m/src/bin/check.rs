//! Checks every kernel and prints short trainings bit for bit: the desktop must print the same.
#![no_std]
#![no_main]

use firmware::{Failure, Memory};
use fusebox::Isa;
use fusebox_cortex_m::CortexM;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), |board| {
        let memory = MEMORY.try_take().ok_or(Failure::Restarted)?;
        firmware::check(board, Isa::detect(), memory)
    })
}
