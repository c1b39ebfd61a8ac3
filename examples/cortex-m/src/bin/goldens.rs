//! Runs imported networks of TensorFlow Lite, and compares their outputs.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::goldens)
}
