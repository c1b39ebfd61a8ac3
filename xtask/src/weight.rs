//! What the crate weighs for a program that uses it: lines of LLVM's intermediate representation, bytes, stack, seconds.
//!
//! The programs are those of `tests/weight`, built as any user's are, with cargo's default profiles. Lines are counted before
//! LLVM optimises: it is what goes in that takes the time. Bytes are all that is loaded and not written, code and constants
//! and tables for unwinding, beyond a program of the same compiler that does nothing. These have limits, and are compared
//! with the record of the same compiler. Seconds are a machine's, and those of another user's on it: so a build of the crate
//! `wide`, in the same run, is the measure, and only half as much again as recorded is too much. Nothing is downloaded
//! meanwhile.

use crate::process::{cargo, output, output_within, root, run, target_dir};
use crate::record::Record;
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{Object, ObjectSection, SectionFlags};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RECORD: Record = Record { path: "xtask/weight.md", task: "weight" };

/// The programs, in the repository.
const PROGRAMS: &str = "tests/weight";

/// What is measured, and the most there may be.
struct Figure {
    what: &'static str,
    figure: u64,
    most: u64,
}

pub(crate) fn check(record: bool) -> Result<()> {
    let mut figures = vec![Figure { what: "lines of IR, the library", figure: lines()?, most: 350_000 }];
    run(programs("fetch").arg("--quiet"))?;
    let release = Build::run(&["--release"])?;
    let debug = Build::run(&[])?;
    let nothing = bytes(&release.program("empty"))?;
    for (program, what, most) in [
        ("infer", "bytes to infer, 64-32-10", 80_000),
        ("infer_batch", "bytes to infer in batches", 222_000),
        ("train", "bytes to train, 64-32-10", 270_000),
    ] {
        figures.push(Figure { what, figure: bytes(&release.program(program))? - nothing, most });
    }
    let frames = Figure { what: "stack of a step, not optimised", figure: stack()?, most: 128 * 1024 };

    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "figure", "at most"]);
    for Figure { what, figure, most } in &figures {
        table.add_row([(*what).to_string(), figure.to_string(), most.to_string()]);
    }
    // Frames that are not optimised vary with whether there is debug information: there is a limit, but no record.
    table.add_row([frames.what.to_string(), format!("{} bytes", frames.figure), frames.most.to_string()]);
    for (build, what) in [(&release, "release build"), (&debug, "debug build")] {
        println!("{what}: {:.1} s, of `wide` {:.1} s", build.seconds, build.wide);
        table.add_row([
            format!("{what}, of `wide`'s"),
            format!("{:.2} times", build.seconds / build.wide),
            String::new(),
        ]);
    }
    println!("{table}");

    let rustc = output(Command::new("rustc").arg("--version"))?;
    let about = "Programs of tests/weight, with cargo's default profiles; see `xtask/src/weight.rs`";
    let mut differences = RECORD.check(std::env::consts::ARCH, rustc.trim(), &table, about, record)?;
    let above = figures.iter().chain([&frames]).filter(|figure| figure.figure > figure.most);
    differences
        .extend(above.map(|Figure { what, figure, most }| format!("{what}: {figure}, at most {most}")));
    RECORD.report(&differences)
}

/// cargo for the programs.
fn programs(subcommand: &str) -> Command {
    let mut cargo = cargo();
    cargo.arg(subcommand).arg("--manifest-path").arg(root().join(PROGRAMS).join("Cargo.toml"));
    // As a user's: neither flags nor profiles from outside.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_INCREMENTAL");
    for profile in ["DEV_DEBUG", "RELEASE_LTO", "RELEASE_CODEGEN_UNITS", "RELEASE_OVERFLOW_CHECKS"] {
        cargo.env_remove(format!("CARGO_PROFILE_{profile}"));
    }
    cargo
}

/// A first build of all programs.
struct Build {
    folder: PathBuf,
    /// Seconds for the programs with all that they use, and of these for `wide` and what it uses.
    seconds: f64,
    wide: f64,
}

impl Build {
    fn run(profile: &[&str]) -> Result<Self> {
        let folder = target_dir("weight");
        remove(&folder)?;
        let build = |package: &[&str]| -> Result<f64> {
            let mut build = programs("build");
            build.args(profile).args(package).arg("--target-dir").arg(&folder);
            let start = Instant::now();
            run(&mut build)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let wide = build(&["--package", "wide"])?;
        let seconds = wide + build(&[])?;
        let kept = target_dir(if profile.is_empty() { "weight-debug" } else { "weight-release" });
        remove(&kept)?;
        fs::rename(&folder, &kept)?;
        Ok(Self { folder: kept.join(if profile.is_empty() { "debug" } else { "release" }), seconds, wide })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if folder.exists() => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Lines of IR that the library gives to LLVM in a release build.
fn lines() -> Result<u64> {
    let folder = target_dir("ir");
    let listing = folder.join("fusebox.ll");
    let mut command = cargo();
    command.args(["rustc", "--release", "--lib", "--target-dir"]).arg(&folder);
    command.args(["--", "-C", "no-prepopulate-passes", "-C", "codegen-units=1", "--emit"]);
    command.arg(format!("llvm-ir={}", listing.display()));
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_ENCODED_RUSTFLAGS", "");
    // Cargo would not make it again.
    remove(&folder)?;
    run(&mut command)?;
    let text = fs::read(&listing).with_context(|| format!("cannot read {}", listing.display()))?;
    Ok(text.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

/// Bytes of a program that are loaded and not written.
fn bytes(program: &Path) -> Result<u64> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| program.display().to_string())?;
    let constant = |flags| matches!(flags, SectionFlags::Elf { sh_flags } if sh_flags & u64::from(SHF_ALLOC | SHF_WRITE) == u64::from(SHF_ALLOC));
    let bytes =
        file.sections().filter(|section| constant(section.flags())).map(|section| section.size()).sum();
    ensure!(bytes > 0, "{} is no ELF program", program.display());
    Ok(bytes)
}

/// Bytes of stack that a training step takes where nothing is optimised, as `tests/stack.rs` finds them.
fn stack() -> Result<u64> {
    let mut test = cargo();
    test.args(["test", "--test", "stack", "--", "--nocapture"]);
    // Told where the output is that tests do not capture.
    let (status, text) = output_within(&mut test, Duration::from_secs(900))?;
    ensure!(status.success(), "{text}");
    let steps = text.lines().filter(|line| line.contains("bytes of stack") && line.contains("train_step"));
    let deepest = steps.filter_map(|line| line.split_whitespace().next()?.parse().ok()).max();
    deepest.context("`cargo test --test stack` tells nothing of a training step")
}
