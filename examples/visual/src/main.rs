//! Finds people in pictures: TensorFlow Lite Micro's example `person_detection`, imported by `build.rs`, on six pictures that lie in
//! flash. Draws each and tells what the network says of it; its outputs are TensorFlow Lite Micro's to the bit, or the program fails.
//!
//! The network is right about five of them.
#![no_std]
#![no_main]

mod model {
    include!(concat!(env!("OUT_DIR"), "/person_detect.rs"));
}

use fusebox::{Layer, Scratch};
use model::{NET, Net};
use semihosting::sys::arm_compat::sys_writec;
use static_cell::ConstStaticCell;

const SIDE: usize = 96;

/// Grey pixels, line by line.
type Picture = [u8; SIDE * SIDE];

static PICTURES: [(&str, &Picture); 6] = [
    ("astronaut", include_bytes!("../data/astronaut.bin")),
    ("photographer", include_bytes!("../data/photographer.bin")),
    ("rocket", include_bytes!("../data/rocket.bin")),
    ("cat", include_bytes!("../data/cat.bin")),
    ("coffee", include_bytes!("../data/coffee.bin")),
    ("clock", include_bytes!("../data/clock.bin")),
];

/// What TensorFlow Lite Micro puts out for each: no person, a person.
static EXPECTED: &[[u8; 2]] = include_bytes!("../data/outputs.bin").as_chunks().0;
const _: () = assert!(EXPECTED.len() == PICTURES.len());

static SCRATCH: ConstStaticCell<Scratch<Net, 1>> = ConstStaticCell::new(Scratch::new());
static INPUT: ConstStaticCell<[<Net as Layer>::Input; 1]> = ConstStaticCell::new([[[[0; 1]; SIDE]; SIDE]]);

#[cortex_m_rt::entry]
fn main() -> ! {
    let equal = match (SCRATCH.try_take(), INPUT.try_take()) {
        (Some(scratch), Some(x)) => {
            let expected = PICTURES.iter().zip(EXPECTED);
            expected.fold(true, |equal, ((name, pixels), expected)| {
                draw(pixels);
                look(name, pixels, scratch, x) == Some(*expected) && equal
            })
        }
        _ => false,
    };
    print(if equal { "\nequal to TensorFlow Lite Micro's\n" } else { "\nnot TensorFlow Lite Micro's\n" });
    semihosting::process::exit(i32::from(!equal))
}

/// Runs the network on a picture and prints what it says. Returns its outputs.
fn look(
    name: &str,
    pixels: &Picture,
    scratch: &mut Scratch<Net, 1>,
    x: &mut [<Net as Layer>::Input; 1],
) -> Option<[u8; 2]> {
    // The network's bytes are the camera's less 128.
    for (x, &pixel) in x.as_flattened_mut().as_flattened_mut().as_flattened_mut().iter_mut().zip(pixels) {
        *x = (pixel ^ 0x80) as i8;
    }
    let mut y = [[0; 2]];
    NET.infer(x, scratch, &mut y).ok()?;
    // A byte from -128 is so many parts of 256.
    let [[_, person]] = y;
    let percent = (i32::from(person) + 128) * 100 / 256;
    print(name);
    print(": a person with ");
    for digit in [percent / 10, percent % 10] {
        sys_writec(b'0' + digit as u8);
    }
    print(" %\n");
    Some(y[0].map(|y| y as u8))
}

/// Draws a picture as text, a character for two pixels across and four down: the darker, the less ink, for a dark terminal.
fn draw(pixels: &Picture) {
    print("\n");
    for lines in pixels.chunks(4 * SIDE) {
        for column in (0..SIDE).step_by(2) {
            let block = lines.chunks(SIDE).filter_map(|line| line.get(column..column + 2)).flatten();
            let sum: u32 = block.map(|&pixel| u32::from(pixel)).sum();
            let ink = b" .:-=+*#%@".get((sum as usize / 8) * 10 / 256);
            sys_writec(*ink.unwrap_or(&b' '));
        }
        print("\n");
    }
}

fn print(text: &str) {
    text.bytes().for_each(sys_writec);
}

/// Nothing panics: `cargo xtask imported` looks for it in the image. But a program must say what it would do.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::process::abort()
}
