//! Runs a network that was trained on the desktop and lies in flash.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::infer)
}
