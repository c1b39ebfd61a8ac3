//! Firmware with imported networks (`examples/hello`, `examples/visual`): whether the outputs are those of TensorFlow Lite Micro, and
//! how many bytes a whole image takes.

use crate::board::{self, LIMIT};
use crate::depth;
use crate::image::Image;
use crate::process::{self, output_within, root, run_within};
use crate::road::Choice;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::BufReader;

struct Firmware {
    /// Its folder in `examples`, and its program.
    name: &'static str,
    board: &'static str,
    /// The most bytes of flash, of the whole image, and of RAM.
    flash: u64,
    ram: u64,
    /// Whether the stack is measured too, from a log of the registers: not where that is of billions of lines.
    stack: bool,
    /// The line that it must print last.
    last: fn() -> Result<String>,
}

const ALL: [Firmware; 2] = [
    Firmware { name: "hello", board: "mps2-an385", flash: 6 * 1024, ram: 1024, stack: true, last: sine },
    Firmware {
        name: "visual",
        board: "mps2-an500",
        flash: 512 * 1024,
        ram: 256 * 1024,
        stack: false,
        last: people,
    },
];

pub(crate) fn run(choice: Choice) -> Result<()> {
    ALL.iter().try_for_each(|firmware| firmware.check(choice).context(firmware.name))
}

impl Firmware {
    fn check(&self, choice: Choice) -> Result<()> {
        let board = board::named(self.board)?;
        let road = board::road(board, choice)?;
        let folder = root().join("examples").join(self.name);
        process::run(road.cargo("build", &folder).args(["--release", "--quiet"]))?;
        let path = board::built(board, &road).join(self.name);
        let Image { flash, ram, panics, .. } = Image::read(&path)?;
        ensure!(panics.is_empty(), "a release firmware holds no panic: {}", panics.join(", "));

        let mut command = board::command(board, &path)?;
        let (status, text, stack) = if self.stack {
            command.args(["-d", "cpu,nochain"]);
            let log = |log| depth::between_ends(BufReader::new(log));
            let (status, text, stack) = run_within(&mut command, LIMIT, log)?;
            (status, text, stack?)
        } else {
            let (status, text) = output_within(&mut command, LIMIT)?;
            (status, text, 0)
        };
        ensure!(status.success(), "failed: {status}; it printed\n{text}");
        println!("{text}");
        let (last, expected) = (text.lines().last().unwrap_or_default(), (self.last)()?);
        ensure!(last == expected, "printed `{last}` and not `{expected}`");

        // Seen where blocks start: the last function's own registers are left out.
        let ram = ram + stack;
        let of = if self.stack { "statics and stack" } else { "statics" };
        println!("{} on a {}: {flash} B of flash in all, {ram} B of RAM, {of}", self.name, board.core);
        ensure!(
            flash <= self.flash && ram <= self.ram,
            "at most {} B and {} B are wanted",
            self.flash,
            self.ram
        );
        Ok(())
    }
}

/// `hello` hashes its outputs for the inputs from -128 to 127: FNV-1a of 32 bits.
fn sine() -> Result<String> {
    const GOLDEN: &str = "import/tests/data/hello_world_int8.tflm.bin";
    let golden = fs::read(root().join(GOLDEN)).context(GOLDEN)?;
    let fnv = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    Ok(format!("{} outputs, FNV-1a {:08x}", golden.len(), golden.iter().fold(0x811c_9dc5, fnv)))
}

/// `visual` compares them itself.
fn people() -> Result<String> {
    Ok("equal to TensorFlow Lite Micro's".into())
}
