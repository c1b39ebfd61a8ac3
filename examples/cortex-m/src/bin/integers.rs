//! Trains in whole numbers on digits that stay bytes in flash.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::integers)
}
