//! The hash of one training on several processors, all built with `reproducible`: the page shows them beside its own.

use crate::process::{cargo, output, root, run, target_dir};
use crate::qemu::{Run, same};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// Where the hashes are recorded.
const RECORD: &str = "examples/page/site/bits.json";

/// The last line of the training begins so.
const HASH: &str = "weights fnv1a ";

/// The training on every instruction set of this machine; fails unless all print the same.
pub(crate) fn desktop() -> Result<Vec<Run>> {
    let target = target_dir("desktop");
    let mut build = cargo();
    build.current_dir(root().join("examples/firmware"));
    // As `qemu` builds its check.
    build.args(["build", "--quiet", "--bin", "digits", "--features", "reproducible"]);
    build.env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(build.arg("--target-dir").arg(&target))?;
    let runs = Run::parse(&output(&mut Command::new(target.join("debug/digits")))?);
    for run in &runs {
        same(&run.isa, &run.text, &runs[0].text)?;
    }
    ensure!(!runs.is_empty(), "the desktop printed nothing");
    Ok(runs)
}

/// Compares a board's training with this machine's, and both with the record, or makes the record.
pub(crate) fn compare(core: &str, text: &str, runs: &[Run], record: bool) -> Result<()> {
    let hash = |text: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(HASH));
        found.map(String::from).context("a training without a hash")
    };
    let here = hash(&runs[0].text)?;
    ensure!(hash(text)? == here, "{core} learnt other weights than {}", runs[0].isa);
    let found = runs.iter().map(|run| format!("{}, {}", std::env::consts::ARCH.replace('_', "-"), run.isa));
    let found: Vec<_> = [format!("{core}, in QEMU")].into_iter().chain(found).collect();
    let path = root().join(RECORD);
    if record {
        let row = |place: &String| format!("  {{ \"where\": {}, \"hash\": \"{here}\" }}", json!(place));
        let lines: Vec<_> = found.iter().map(row).collect();
        fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n")))?;
        return Ok(());
    }
    let recorded: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path)?)?;
    ensure!(
        !recorded.is_empty() && recorded.iter().all(|row| row["hash"] == json!(here)),
        "{RECORD} has other weights than {here}: record it by `cargo xtask qemu --record`"
    );
    println!("{}: the weights {here} of {RECORD}", found.join("; "));
    Ok(())
}
