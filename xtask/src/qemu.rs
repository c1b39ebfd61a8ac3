//! The example boards in QEMU.
//!
//! Each board trains, and runs inference from the desktop's weights. Built with `reproducible`, it also prints every bit
//! of two short trainings, which the desktop must print as well on each of its instruction sets.

use crate::apt;
use crate::image::Image;
use crate::process::{self, cargo, output_within, root, target_dir};
use crate::road::{Choice, Library, Road};
use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A run that takes longer hangs: the slowest takes seconds.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// A board that QEMU emulates.
pub(crate) struct Board {
    /// Its folder in `examples`.
    pub(crate) name: &'static str,
    /// The processor's core.
    pub(crate) core: &'static str,
    pub(crate) target: &'static str,
    pub(crate) qemu: &'static str,
    /// The package that has QEMU for it.
    pub(crate) package: &'static str,
    /// The machine, and how much emulated time an instruction takes: see the board's `.cargo/config.toml`.
    pub(crate) machine: &'static [&'static str],
}

pub(crate) static BOARDS: [Board; 2] = [
    Board {
        name: "cortex-m",
        core: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        qemu: "qemu-system-arm",
        package: "qemu-system-arm",
        machine: &["-M", "mps2-an386", "-icount", "shift=7,align=off,sleep=off"],
    },
    Board {
        name: "riscv",
        core: "RV32IMAC",
        target: "riscv32imac-unknown-none-elf",
        qemu: "qemu-system-riscv32",
        package: "qemu-system-misc",
        machine: &["-M", "virt", "-bios", "none", "-icount", "shift=0,align=off,sleep=off"],
    },
];

/// Semihosting prints to our standard output, and nothing else does.
const CONSOLE: [&str; 10] = [
    "-display",
    "none",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-chardev",
    "stdio,id=host",
    "-semihosting-config",
    "enable=on,target=native,chardev=host",
];

fn run_boards(choice: Choice) -> Result<Vec<Finding>> {
    let desktop = desktop_trace()?;
    let mut findings = Vec::new();
    for board in &BOARDS {
        let road = Road::to(board.target, Library::Core, choice)?;
        for program in ["train", "infer"] {
            let image = build(board, &road, program, &[])?;
            let text = emulate(board, &image)?;
            println!("\n{} {program} ({}, {})\n{}", board.name, board.target, road.name(), indented(&text));
            findings.push(Finding { board: board.name, program, text, image: Image::read(&image)? });
        }
        let image = build(board, &road, "trace", &["--features", "reproducible"])?;
        let trace = emulate(board, &image)?;
        same(board.name, &trace, &desktop.text)?;
        println!(
            "\n{} trace: every loss and all weights equal the desktop's, bit for bit, on {}",
            board.name,
            desktop.isas.join(", ")
        );
        findings.push(Finding {
            board: board.name,
            program: "trace",
            text: trace,
            image: Image::read(&image)?,
        });
    }
    Ok(findings)
}

pub(crate) fn run(choice: Choice) -> Result<()> {
    let findings = run_boards(choice)?;
    println!("\n{}", table(&findings));
    println!("instructions: counted by QEMU, which has no pipeline; they are not cycles");
    let panicking: Vec<_> = findings.iter().filter(|finding| !finding.image.panics.is_empty()).collect();
    for Finding { board, program, image, .. } in &panicking {
        println!("{board} {program} can panic: {}", image.panics.join(", "));
    }
    if !panicking.is_empty() {
        bail!("a release firmware holds no panic");
    }
    Ok(())
}

/// What came of one program on one board.
struct Finding {
    board: &'static str,
    program: &'static str,
    text: String,
    image: Image,
}

impl Finding {
    /// The words after `key` on the line that starts with it.
    fn value(&self, key: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    }
}

pub(crate) struct Desktop {
    isas: Vec<String>,
    pub(crate) text: String,
}

/// The trace on this machine; it fails unless all of its instruction sets agree.
pub(crate) fn desktop_trace() -> Result<Desktop> {
    let folder = root().join("examples/firmware");
    let target = target_dir("desktop");
    process::run(
        cargo().current_dir(&folder).args(["build", "--release", "--features", "reproducible"]).args([
            "--bin",
            "desktop",
            "--target-dir",
            &target.to_string_lossy(),
        ]),
    )?;
    let isas =
        Command::new(target.join("release/desktop")).output().context("cannot start the desktop's trace")?;
    let names = String::from_utf8_lossy(&isas.stderr);
    if !isas.status.success() {
        bail!("the desktop's instruction sets disagree, although built with `reproducible`:\n{names}");
    }
    Ok(Desktop {
        isas: names.lines().map(String::from).collect(),
        text: String::from_utf8_lossy(&isas.stdout).into_owned(),
    })
}

/// Builds a program for a board; returns where it is.
pub(crate) fn build(board: &Board, road: &Road, program: &str, features: &[&str]) -> Result<PathBuf> {
    let folder = root().join("examples").join(board.name);
    process::run(
        road.cargo("build", &folder).args(["--release", "--quiet", "--bin", program]).args(features),
    )?;
    Ok(road.target_dir().join(board.target).join("release").join(program))
}

/// The boards of these names; all of them if none is named.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Board>> {
    let all: Vec<_> = BOARDS.iter().map(|board| board.name).collect();
    if let Some(name) = names.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("no board is called {name}: there are {}", all.join(", "));
    }
    Ok(BOARDS
        .iter()
        .filter(|board| names.is_empty() || names.iter().any(|name| name == board.name))
        .collect())
}

/// The emulator of a board, and its version.
pub(crate) fn version(board: &Board) -> Result<String> {
    let text = process::output(Command::new(apt::program(board.qemu, &[board.package])?).arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}

/// The command that runs an image.
pub(crate) fn command(board: &Board, image: &Path) -> Result<Command> {
    let mut command = Command::new(apt::program(board.qemu, &[board.package])?);
    command.args(board.machine).args(CONSOLE).arg("-kernel").arg(image);
    Ok(command)
}

/// Runs an image to its end; returns what it printed.
pub(crate) fn emulate(board: &Board, image: &Path) -> Result<String> {
    let (status, text) = output_within(&mut command(board, image)?, LIMIT)?;
    if !status.success() {
        bail!("{} failed on {}: {status}; it printed\n{text}", image.display(), board.name);
    }
    Ok(text)
}

/// Fails at the first line that differs.
pub(crate) fn same(board: &str, trace: &str, desktop: &str) -> Result<()> {
    if desktop.is_empty() {
        bail!("the desktop printed no trace");
    }
    let mut lines = trace.lines().zip(desktop.lines()).enumerate();
    if let Some((number, (ours, theirs))) = lines.find(|(_, (ours, theirs))| ours != theirs) {
        bail!("{board} differs from the desktop in line {}:\n{board}: {ours}\ndesktop: {theirs}", number + 1);
    }
    let (ours, theirs) = (trace.lines().count(), desktop.lines().count());
    if ours != theirs {
        bail!("{board} printed {ours} lines, the desktop {theirs}");
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "board",
        "image",
        "held-out %",
        "step of 32",
        "step of 1",
        "inference",
        "code B",
        "flash B",
        "static RAM B",
        "panics",
    ]);
    for finding in findings {
        let Finding { board, program, image, .. } = finding;
        let word = |key: &str| {
            let first = finding.value(key).and_then(|value| value.split(' ').next());
            first.unwrap_or("-").to_string()
        };
        table.add_row([
            board.to_string(),
            program.to_string(),
            word("held-out accuracy"),
            word("instructions train-step-32"),
            word("instructions train-step-1"),
            word("instructions inference"),
            image.code.to_string(),
            image.flash.to_string(),
            image.ram.to_string(),
            if image.panics.is_empty() { "none" } else { "yes" }.to_string(),
        ]);
    }
    table
}
