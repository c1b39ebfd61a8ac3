//! Adapts a transformer in flash to a camera that was turned: adapters of a low rank learn.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::lora)
}
