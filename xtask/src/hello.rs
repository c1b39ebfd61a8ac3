//! The sine wave on a Cortex-M3 (`examples/hello`): whether its outputs are those of TensorFlow Lite Micro, and how many bytes
//! the whole image takes.

use crate::board::{self, LIMIT};
use crate::depth;
use crate::image::Image;
use crate::process::{self, root, run_within};
use crate::road::Choice;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::BufReader;

/// The board, with its core.
const BOARD: &str = "mps2-an385";
/// What TensorFlow Lite Micro put out for the inputs from -128 to 127.
const GOLDEN: &str = "import/tests/data/hello_world_int8.tflm.bin";
/// The most bytes of flash, of the whole image, and of RAM, statics and stack.
const FLASH: u64 = 6 * 1024;
const RAM: u64 = 1024;

pub(crate) fn run(choice: Choice) -> Result<()> {
    let board = board::named(BOARD)?;
    let road = board::road(board, choice)?;
    process::run(road.cargo("build", &root().join("examples/hello")).args(["--release", "--quiet"]))?;
    let path = board::built(board, &road).join("hello");
    let Image { flash, ram, panics, .. } = Image::read(&path)?;
    ensure!(panics.is_empty(), "a release firmware holds no panic: {}", panics.join(", "));

    let mut command = board::command(board, &path)?;
    command.args(["-d", "cpu,nochain"]);
    let (status, text, stack) =
        run_within(&mut command, LIMIT, |log| depth::between_ends(BufReader::new(log)))?;
    ensure!(status.success(), "hello failed: {status}; it printed\n{text}");
    println!("{text}");

    let golden = fs::read(root().join(GOLDEN)).context(GOLDEN)?;
    let expected = format!("{} outputs, FNV-1a {:08x}", golden.len(), fnv(&golden));
    let printed = text.lines().last().unwrap_or_default();
    ensure!(printed == expected, "TensorFlow Lite Micro: {expected}; here: {printed}");
    // Seen where blocks start: the last function's own registers are left out.
    let ram = ram + stack?;
    println!(
        "equal to TensorFlow Lite Micro's; {flash} B of flash in all, {ram} B of RAM, statics and stack"
    );
    ensure!(flash <= FLASH && ram <= RAM, "at most {FLASH} B and {RAM} B are wanted");
    Ok(())
}

/// The hash that the firmware prints: FNV-1a of 32 bits.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
