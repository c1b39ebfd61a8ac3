//! What the slices of a training step take.
#![no_std]
#![no_main]

use fusebox_cortex_m::Mps2;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(Mps2::take(), firmware::slices)
}
