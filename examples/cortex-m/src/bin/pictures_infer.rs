//! Reads pictures with convolutions learnt on the desktop, which lie in flash.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::pictures_infer)
}
