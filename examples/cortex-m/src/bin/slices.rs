//! What the slices of a training step take.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::slices)
}
