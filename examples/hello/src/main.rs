//! The sine wave of TensorFlow Lite Micro's example `hello_world`: a network that was trained and quantised there, imported by
//! `build.rs`, run here on all its 256 inputs and drawn as text.
//!
//! The last line has a hash of the outputs, which are those of TensorFlow Lite Micro to the bit: `cargo xtask imported` compares.
#![no_std]
#![no_main]

mod model {
    include!(concat!(env!("OUT_DIR"), "/hello_world_int8.rs"));
}

use core::iter::repeat_n;
use fusebox::{Layer, Scratch};
use model::{NET, Net};
use semihosting::sys::arm_compat::sys_writec;
use static_cell::ConstStaticCell;

static SCRATCH: ConstStaticCell<Scratch<Net, 1>> = ConstStaticCell::new(Scratch::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let drawn = SCRATCH.try_take().is_some_and(draw);
    semihosting::process::exit(i32::from(!drawn))
}

/// Draws every eighth output, from 0 to 2 pi downwards, and hashes all of them. Whether the network could be run.
fn draw(scratch: &mut Scratch<Net, 1>) -> bool {
    let mut hash = Fnv(0x811c_9dc5);
    for x in i8::MIN..=i8::MAX {
        let mut y = [[0]];
        if NET.infer(&[[x]], scratch, &mut y).is_err() {
            return false;
        }
        let [[y]] = y;
        hash.add(y);
        if x % 8 == 0 {
            // A column for four steps of the output.
            let column = (i32::from(y) + 128) / 4;
            print(repeat_n(b' ', column as usize).chain(*b"*\n"));
        }
    }
    print(*b"256 outputs, FNV-1a ");
    print((0..8).rev().map(|digit| b"0123456789abcdef"[(hash.0 >> (4 * digit)) as usize % 16]));
    print(*b"\n");
    true
}

/// The hash FNV-1a of 32 bits (draft-eastlake-fnv).
struct Fnv(u32);

impl Fnv {
    fn add(&mut self, byte: i8) {
        self.0 = (self.0 ^ u32::from(byte as u8)).wrapping_mul(0x0100_0193);
    }
}

fn print(text: impl IntoIterator<Item = u8>) {
    text.into_iter().for_each(sys_writec);
}

/// Nothing panics: `cargo xtask imported` looks for it in the image. But a program must say what it would do.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::process::abort()
}
