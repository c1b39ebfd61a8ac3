//! Networks learn in `f32` and become networks of eight bits.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::quantize)
}
