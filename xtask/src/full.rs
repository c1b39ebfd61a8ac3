//! What is too slow for every change: long fuzzing, every test once more where a sanitizer sees each stray access, and
//! what is counted on boards. The result is recorded beside this program, with the compilers' versions, so that everyone
//! sees when it was last green.

use crate::process::{output, root, run};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use std::fs;
use std::process::Command;
use std::time::Instant;

/// The record.
const RECORD: &str = "xtask/full.md";

/// What is run, in this order, and its name.
fn steps(fuzz_seconds: u32) -> Vec<(String, Command)> {
    let limit = format!("-max_total_time={fuzz_seconds}");
    let mut steps: Vec<(String, Command)> = Vec::new();
    for features in [&[][..], &["--features", "reproducible"]] {
        let mut test = Command::new("cargo");
        // A target named, or the sanitizer would be built into build scripts too.
        let host = ["--target", "x86_64-unknown-linux-gnu", "--target-dir", "target/sanitizer"];
        test.current_dir(root()).args(["+nightly", "test", "--lib", "--tests"]).args(host).args(features);
        // Frames that are neither optimised nor shared take two megabytes.
        test.env("RUST_MIN_STACK", "16777216");
        test.env("RUSTFLAGS", "-Zsanitizer=address");
        steps.push((format!("every test under AddressSanitizer {}", features.join(" ")), test));
    }
    let mut lints = Command::new("cargo");
    lints.current_dir(root()).args(["clippy", "--all-targets", "--", "-D", "warnings"]);
    steps.push(("lints of all targets without features".into(), lints));
    let mut optimised = Command::new("cargo");
    optimised.current_dir(root()).args(["test", "--release", "--features", "alloc", "--lib", "--tests"]);
    optimised.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    steps.push(("every test optimised, with overflow checks".into(), optimised));
    let mut shapes = Command::new("cargo");
    shapes.current_dir(root()).args(["test", "--release", "--test", "gemm_shapes"]);
    shapes.env("FUSEBOX_EVERYTHING", "1");
    steps.push(("every small shape in every layout, 100,000 random products".into(), shapes));
    for features in [&[][..], &["--features", "reproducible"]] {
        let mut functions = Command::new("cargo");
        functions.current_dir(root()).args(["test", "--release", "--lib"]).args(features);
        functions.args(["math::tests::units", "--", "--nocapture"]);
        functions.env("FUSEBOX_EVERYTHING", "1");
        let name = format!("mathematical functions over every f32 {}", features.join(" "));
        steps.push((name, functions));
    }
    let mut bytes = Command::new("cargo");
    bytes.current_dir(root()).args(["test", "--release", "--lib", "int8::product::tests::random"]);
    bytes.env("FUSEBOX_EVERYTHING", "1");
    steps.push(("a million random products of eight bits".into(), bytes));
    for example in ["mnist", "masked", "answer"] {
        let mut learns = Command::new("cargo");
        learns.current_dir(root()).args(["run", "--release", "--example", example]);
        steps.push((format!("the example {example}"), learns));
    }
    let mut encoder = Command::new("cargo");
    encoder.current_dir(root().join("examples/bert")).arg("test");
    steps.push(("the sentence encoder: weights by name, files that are damaged".into(), encoder));
    let mut benches = Command::new("cargo");
    benches.current_dir(root()).args(["bench", "--", "--test"]);
    steps.push(("every bench once".into(), benches));
    for (task, name) in [
        (&["qemu", "--both"][..], "every board, both ways"),
        (&["aarch64", "--both"], "64-bit Arm, both ways"),
        (&["wasm", "--both"], "WebAssembly in Node, with and without simd128"),
        (&["counts"], "instructions of every kernel on all boards"),
        (&["size"], "bytes of firmware for all boards"),
        (&["link", "--all"], "images of every public function, on every core"),
        (&["semver"], "the public interface beside that of the last tag, if there is one"),
    ] {
        let mut xtask = Command::new("cargo");
        xtask.current_dir(root()).arg("xtask").args(task);
        steps.push((name.into(), xtask));
    }
    for target in ["gemm", "train", "compose", "pictures", "import"] {
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(root()).args(["+nightly", "fuzz", "run", target, "--", &limit]);
        steps.push((format!("{fuzz_seconds} s of fuzzing {target}"), fuzz));
    }
    // Comparisons in kernels tell libFuzzer nothing, and take half of the time; so do its rare features.
    let mut sequence = Command::new("cargo");
    sequence.current_dir(root()).args(["+nightly", "fuzz", "run", "--no-trace-compares", "sequence", "--"]);
    sequence.args(["-runs=1000000", "-entropic=0"]);
    steps.push(("1,000,000 inputs of fuzzing sequence".into(), sequence));

    steps
}

/// Runs all steps. The record is written after each: one of a run that was cut short tells what was not reached.
pub(crate) fn check(fuzz_seconds: u32) -> Result<()> {
    let mut steps = steps(fuzz_seconds);
    let mut rows: Vec<[String; 3]> =
        steps.iter().map(|(name, _)| [name.trim().into(), "not reached".into(), String::new()]).collect();
    let mut passed = true;
    for ((_, command), row) in steps.iter_mut().zip(0..) {
        // A toolchain chosen by name must win over the one that runs this program.
        command.env_remove("RUSTUP_TOOLCHAIN");
        let start = Instant::now();
        let result = run(command);
        passed &= result.is_ok();
        rows[row][1] = result.map_or_else(|error| format!("{error:#}"), |()| "passed".into());
        rows[row][2] = start.elapsed().as_secs().to_string();
        write(&rows)?;
    }
    println!("{}", fs::read_to_string(root().join(RECORD))?);
    if !passed {
        bail!("not every check passed; recorded in {RECORD}");
    }
    Ok(())
}

fn write(rows: &[[String; 3]]) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["check", "result", "seconds"]);
    table.add_rows(rows);
    let date = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let stable = output(Command::new("rustc").arg("--version"))?;
    let nightly =
        output(Command::new("rustc").env_remove("RUSTUP_TOOLCHAIN").args(["+nightly", "--version"]));
    let nightly = nightly.unwrap_or_else(|_| "no nightly compiler".into());
    let record = format!(
        "# The last `cargo xtask full`\n\n{}, with {}, and {} for fuzzing and sanitizing.\n\n{table}\n",
        date.trim(),
        stable.trim(),
        nightly.trim()
    );
    Ok(fs::write(root().join(RECORD), record)?)
}
