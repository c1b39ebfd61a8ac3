//! Runs nothing: what the other bare programs are compared with.
#![no_std]
#![no_main]

use fusebox_cortex_m as _;

#[cortex_m_rt::entry]
fn main() -> ! {
    firmware::bare_nothing()
}
