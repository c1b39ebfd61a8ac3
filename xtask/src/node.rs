//! The sensor node in QEMU (`examples/sensor-node`): it learns the field of a room, sees a magnet come and go, learns that
//! too, and loses its power while it saves.

use crate::board::{self, Board};
use crate::image::Image;
use crate::machine::{self, Field, Machine, Parts};
use crate::process::{self, root};
use crate::road::Choice;
use anyhow::{Context, Result, bail, ensure};
use comfy_table::{Table, presets};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

/// Bytes of the EEPROM that the node wants.
const EEPROM: usize = 4096;
/// Pages of a save.
const PAGES: usize = 54;
/// How often the power is cut.
const CUTS: usize = 10;

// Fields, in nanotesla.
const ROOM: [i64; 3] = [20_000, 5_000, 42_000];
const MAGNET: [i64; 3] = [26_000, 9_000, 36_000];

const WHOLE: Parts = Parts { magnetometer: true, eeprom: Some(EEPROM), writable: true };

/// Tells what was seen.
type Test = fn(&Bench) -> Result<String>;

/// What to start.
struct Bench {
    qemu: PathBuf,
    image: PathBuf,
    /// For the EEPROMs' files and QEMU's sockets, whose paths must be short.
    folder: PathBuf,
}

impl Bench {
    /// A folder of its own for a test, with an EEPROM's file.
    fn folder(&self, name: &str, eeprom: &[u8]) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("eeprom.bin"), eeprom)?;
        Ok(folder)
    }

    fn start(&self, folder: &Path, parts: Parts) -> Result<Machine> {
        self.start_in(folder, parts, Field::quiet(ROOM))
    }

    fn start_in(&self, folder: &Path, parts: Parts, field: Field) -> Result<Machine> {
        Machine::start(&self.qemu, &self.image, folder, parts, field)
    }
}

pub(crate) fn run(choice: Choice) -> Result<()> {
    let board = board::named(machine::BOARD)?;
    println!("{}", board::version(board)?);
    let (qemu, image) = (board::emulator(board)?, build(board, choice)?);
    let folder = std::env::temp_dir().join(format!("fusebox-node-{}", std::process::id()));
    let bench = &Bench { qemu, image, folder };
    let start = Instant::now();
    // Three at once: mostly they wait.
    let results = thread::scope(|scope| {
        let tests: [(_, Test); 3] =
            [("life of a node", live), ("power cuts", cut_power), ("what is missing or broken", miss)];
        let threads = tests.map(|(name, test)| (name, scope.spawn(move || test(bench))));
        threads.map(|(name, thread)| (name, thread.join()))
    });
    let _left_behind = fs::remove_dir_all(&bench.folder);
    for (name, result) in results {
        match result {
            Ok(result) => println!("\n{name}\n{}", result.context(name)?),
            Err(_) => bail!("the test `{name}` panicked"),
        }
    }
    println!("\n{} s in QEMU", start.elapsed().as_secs());
    Ok(())
}

/// Builds the firmware, and looks for panics in it.
fn build(board: &Board, choice: Choice) -> Result<PathBuf> {
    let road = board::road(board, choice)?;
    process::run(board::cargo_in(board, &road, &root().join("examples/sensor-node")).args([
        "--release",
        "--quiet",
        "--bins",
    ]))?;
    let path = board::built(board, &road).join("sensor-node");
    let Image { code, flash, ram, panics, .. } = Image::read(&path)?;
    println!("sensor-node: code {code} B, flash {flash} B, static RAM {ram} B");
    ensure!(panics.is_empty(), "a release firmware holds no panic: {}", panics.join(", "));
    Ok(path)
}

/// From a blank memory to a second model; what the node printed is the result.
fn live(bench: &Bench) -> Result<String> {
    let folder = bench.folder("life", &[0xff; EEPROM])?;
    let mut node = bench.start(&folder, WHOLE)?;
    node.wait("not loaded: no model: slot 0 is blank, slot 1 is blank")?;
    node.wait("learnt")?;
    node.wait_without("saved slot 0 sequence 1", "ANOMALY")?;
    watch_quietly(&mut node)?;

    node.set_field(MAGNET);
    let line = node.wait("ANOMALY err")?;
    ensure!(number(&line, "err")? > number(&line, "limit")?, "{line}");
    ensure!(node.light()?, "an anomaly, and the light is off");
    node.wait_without("abnormal", "ANOMALY")?;
    node.set_field(ROOM);
    node.wait("quiet")?;
    ensure!(!node.light()?, "the magnet is gone, and the light is on");
    watch_quietly(&mut node)?;

    node.set_field(MAGNET);
    node.wait("ANOMALY")?;
    node.type_line("learn")?;
    node.wait("saved slot 1 sequence 2")?;
    watch_quietly(&mut node)?;
    node.set_field(ROOM);
    node.wait("ANOMALY")?;
    ensure!(node.light()?, "what was normal is an anomaly now, and the light is off");
    let told = indented(&node.log);
    node.kill()?;

    // The same after a restart.
    let mut node = bench.start(&folder, WHOLE)?;
    node.wait("loaded slot 1 sequence 2")?;
    node.wait_without("ANOMALY", "gathered")?;
    Ok(format!("{told}    (power off and on)\n{}", indented(&node.log)))
}

/// Two lines that nothing is the matter, and none that something is.
fn watch_quietly(node: &mut Machine) -> Result<()> {
    for _ in 0..2 {
        let line = node.wait_without("normal err", "ANOMALY")?;
        ensure!(number(&line, "err")? <= number(&line, "limit")?, "{line}");
    }
    ensure!(!node.light()?, "nothing is the matter, and the light is on");
    Ok(())
}

/// What a node says that it has loaded.
#[derive(Clone, Debug, PartialEq)]
struct Loaded {
    slot: u32,
    sequence: u32,
    limit: String,
}

/// Kills the node while it saves, ten times, each time after another page; after each it starts with a whole model: the
/// one before, or the one that it was saving.
fn cut_power(bench: &Bench) -> Result<String> {
    let folder = bench.folder("cuts", &[0xff; EEPROM])?;
    let mut node = bench.start_in(&folder, WHOLE, Field::noisy(ROOM))?;
    let limit = word(&node.wait("learnt")?, "limit")?.to_string();
    node.wait("saved slot 0 sequence 1")?;
    let mut known = Loaded { slot: 0, sequence: 1, limit };

    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["command", "killed at", "found", "slot", "sequence", "limit"]);
    let (mut random, mut old) = (5_u64, 0);
    for cut in 0..CUTS {
        // A new model, or the same once more.
        let command = if cut % 3 == 0 { "learn" } else { "save" };
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let page = 1 + (random >> 33) as usize % PAGES;
        node.type_line(command)?;
        let mut saving = Loaded { slot: 1 - known.slot, sequence: known.sequence + 1, ..known.clone() };
        if command == "learn" {
            saving.limit = word(&node.wait("learnt")?, "limit")?.into();
        }
        node.wait(&format!("page {page}"))?;
        node.kill()?;

        node = bench.start_in(&folder, WHOLE, Field::noisy(ROOM))?;
        let line = node.wait("loaded slot")?;
        let found = parse(&line)?;
        let name = if found == known { "old" } else { "new" };
        ensure!(found == known || found == saving, "killed at page {page} of {saving:?}: {line}");
        node.type_line("status")?;
        node.wait_without("status watching", "gathered")?;
        old += usize::from(found == known);
        known = found;
        let Loaded { slot, sequence, limit } = &known;
        table.add_row([
            command.into(),
            format!("page {page}"),
            name.into(),
            slot.to_string(),
            sequence.to_string(),
            limit.clone(),
        ]);
    }
    // Else the saves were too fast to be torn, and nothing was shown.
    ensure!(old >= 3, "only {old} of {CUTS} kills came before the end of the save:\n{table}");
    Ok(table.to_string())
}

fn parse(line: &str) -> Result<Loaded> {
    Ok(Loaded {
        slot: word(line, "slot")?.parse()?,
        sequence: word(line, "sequence")?.parse()?,
        limit: word(line, "limit")?.into(),
    })
}

/// Boards on which something is missing or broken: the node says what, and goes on.
fn miss(bench: &Bench) -> Result<String> {
    let noise: Vec<u8> = (0..EEPROM).map(|i| (i * i / 7) as u8).collect();
    let mut told = String::new();

    let folder = bench.folder("sensor", &[0xff; EEPROM])?;
    let mut node = bench.start(&folder, Parts { magnetometer: false, ..WHOLE })?;
    node.wait("sensor: magnetometer does not answer")?;
    node.type_line("status")?;
    node.wait("status gathering")?;
    node.wait("status sensor: magnetometer does not answer")?;
    told += &format!("    no magnetometer:\n{}", indented(&node.log));
    node.kill()?;

    let blank = vec![0xff; EEPROM];
    let cases = [
        (
            "no EEPROM",
            Parts { eeprom: None, ..WHOLE },
            blank.clone(),
            "EEPROM does not answer",
            "not saved: EEPROM does not answer",
        ),
        (
            "EEPROM of noise",
            WHOLE,
            noise,
            "no model: slot 0 is corrupt, slot 1 is corrupt",
            "saved slot 0 sequence 1",
        ),
        (
            "EEPROM of 2048 bytes",
            Parts { eeprom: Some(EEPROM / 2), ..WHOLE },
            blank[..EEPROM / 2].to_vec(),
            "no model: slot 0 is blank, slot 1 is blank",
            "not saved: EEPROM is too short: expected 4096 bytes",
        ),
        (
            "EEPROM write-protected",
            Parts { writable: false, ..WHOLE },
            blank,
            "no model: slot 0 is blank, slot 1 is blank",
            "not saved: EEPROM does not keep what is written",
        ),
    ];
    for (number, (name, parts, eeprom, loading, saving)) in cases.into_iter().enumerate() {
        let folder = bench.folder(&format!("case{number}"), &eeprom)?;
        let mut node = bench.start(&folder, parts)?;
        node.wait(&format!("not loaded: {loading}"))?;
        node.wait(saving)?;
        node.wait_without("normal err", "ANOMALY")?;
        node.set_field(MAGNET);
        node.wait("ANOMALY")?;
        told += &format!("    {name}:\n{}", indented(&node.log));
        node.kill()?;
    }
    Ok(told)
}

/// What the node printed, but for the lines that are many.
fn indented(lines: &[String]) -> String {
    let few = lines
        .iter()
        .filter(|line| !["page", "gathered", "learning"].iter().any(|much| line.starts_with(much)));
    few.map(|line| format!("        {line}\n")).collect()
}

/// The word after a word of a line.
fn word<'a>(line: &'a str, key: &str) -> Result<&'a str> {
    let mut words = line.split(' ').skip_while(|&word| word != key);
    words.nth(1).with_context(|| format!("no {key} in `{line}`"))
}

fn number(line: &str, key: &str) -> Result<f32> {
    word(line, key)?.parse().with_context(|| line.to_string())
}
