//! A recurrent network learns gestures from a stream of accelerations, in slices between the frames.
#![no_std]
#![no_main]

use fusebox_cortex_m::CortexM;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::run(CortexM::take(), firmware::gestures)
}
