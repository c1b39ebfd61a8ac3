//! Firmware with imported networks (`examples/hello`, `examples/visual`, `examples/keywords`): whether the outputs are those of
//! TensorFlow Lite Micro, and how many bytes a whole image takes.

use crate::board::{self, LIMIT};
use crate::depth;
use crate::image::Image;
use crate::process::{self, output_within, root, run_within};
use crate::road::Choice;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::BufReader;

struct Firmware {
    /// Its folder in `examples`.
    folder: &'static str,
    /// Its program.
    name: &'static str,
    board: &'static str,
    /// The most bytes of flash, of the whole image, and of RAM.
    flash: u64,
    ram: u64,
    /// Whether the stack is measured too, from a log of the registers: not where that is of billions of lines.
    stack: bool,
    /// How the line that it prints last must begin.
    last: fn() -> Result<String>,
}

const ALL: [Firmware; 4] = [
    Firmware {
        folder: "hello",
        name: "hello",
        board: "mps2-an385",
        flash: 6 * 1024,
        ram: 1024,
        stack: true,
        last: sine,
    },
    Firmware {
        folder: "visual",
        name: "visual",
        board: "mps2-an500",
        flash: 512 * 1024,
        ram: 256 * 1024,
        stack: false,
        last: people,
    },
    Firmware {
        folder: "keywords",
        name: "yes-no",
        board: "mps2-an386",
        flash: 256 * 1024,
        ram: 10 * 1024,
        stack: false,
        last: yes_no,
    },
    Firmware {
        folder: "keywords",
        name: "ten-words",
        board: "mps2-an386",
        flash: 400 * 1024,
        ram: 24 * 1024,
        stack: false,
        last: ten_words,
    },
];

pub(crate) fn run(choice: Choice) -> Result<()> {
    ALL.iter().try_for_each(|firmware| firmware.check(choice).context(firmware.name))
}

impl Firmware {
    fn check(&self, choice: Choice) -> Result<()> {
        let board = board::named(self.board)?;
        let road = board::road(board, choice)?;
        let folder = root().join("examples").join(self.folder);
        process::run(board::cargo_in(board, &road, &folder).args([
            "--release",
            "--quiet",
            "--bin",
            self.name,
        ]))?;
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
        ensure!(last.starts_with(&expected), "printed `{last}` and not `{expected}`");

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

/// `hello` hashes its outputs for the inputs from -128 to 127.
fn sine() -> Result<String> {
    let golden = bytes("import/tests/data/hello_world_int8.tflm.bin")?;
    Ok(format!("{} outputs, FNV-1a {}", golden.len(), hash(&golden)))
}

/// `visual` compares them itself.
fn people() -> Result<String> {
    Ok("equal to TensorFlow Lite Micro's".into())
}

/// `keywords` hashes its features and scores.
fn yes_no() -> Result<String> {
    let scores = bytes("examples/keywords/data/yes-no.scores")?;
    Ok(format!("{}, of scores {}", words("yes-no")?, hash(&scores)))
}

/// Its other network is not TensorFlow's, but the features are.
fn ten_words() -> Result<String> {
    words("ten-words")
}

fn words(recording: &str) -> Result<String> {
    let features = bytes(&format!("examples/keywords/data/{recording}.features"))?;
    Ok(format!("the words that were said; FNV-1a of features {}", hash(&features)))
}

fn bytes(path: &str) -> Result<Vec<u8>> {
    fs::read(root().join(path)).with_context(|| path.to_owned())
}

/// FNV-1a of 32 bits.
fn hash(bytes: &[u8]) -> String {
    let fnv = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", bytes.iter().fold(0x811c_9dc5, fnv))
}
