//! Targets other than this machine's.

use crate::apt;
use crate::process::{output, root, run};
use crate::qemu::{self, Run};
use crate::road::{Choice, Library, Road, shouted};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// 64-bit Arm.
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// WebAssembly with an operating system's functions, which Node has.
const WASI: &str = "wasm32-wasip1";

/// Without a board or a processor to run on.
const BUILT: [&str; 2] = ["thumbv6m-none-eabi", "wasm32-unknown-unknown"];

/// What the tasks here need compilers for.
pub(crate) const ALL: [&str; 4] = [AARCH64, WASI, BUILT[0], BUILT[1]];

/// The linker and the emulator of 64-bit Arm, and what runs WebAssembly.
pub(crate) const PROGRAMS: [&str; 3] = ["aarch64-linux-gnu-gcc", "qemu-aarch64", "node"];

/// Builds the library for the smallest Arm core, and for the web.
pub(crate) fn build(choice: Choice) -> Result<()> {
    for target in BUILT {
        let road = Road::to(target, Library::Core, choice)?;
        for features in [&[][..], &["--features", "reproducible"]] {
            run(road.cargo("build", root()).args(["--release", "--lib"]).args(features))?;
        }
    }
    Ok(())
}

/// Chooses tests of what has instructions of its own: products, functions, a step's sums. Layers, and what they refuse, are the
/// same on every machine but for the kernels that they call.
fn kernels(test: &mut Command) {
    // The tests compile for longer so, but run in a tenth of the time.
    for package in ["fusebox", "wide"] {
        test.arg("--config").arg(format!("profile.dev.package.{package}.opt-level=1"));
    }
    test.args(["--lib", "--test", "gemm"]);
}

/// Runs the tests of kernels as WebAssembly with simd128 in Node, networks of eight bits among them.
pub(crate) fn wasm(both: bool, choice: Choice) -> Result<()> {
    let [.., node] = PROGRAMS;
    let node = apt::program(node)?;
    let road = Road::to(WASI, Library::Std, choice)?;
    let prefix = format!("CARGO_TARGET_{}", shouted(WASI));
    // The option is for Node 18, whose functions for modules are its own experiment.
    let options = "--no-warnings --experimental-wasi-unstable-preview1";
    let script = root().join("xtask/src/wasi.mjs");
    let runner = format!("{} {options} {}", node.display(), script.display());
    let builds: &[&str] = if both { &["+simd128", "-simd128"] } else { &["+simd128"] };
    for feature in builds {
        let mut test = road.cargo("test", root());
        test.env(format!("{prefix}_RUNNER"), &runner).env("CARGO_PROFILE_DEV_DEBUG", "0");
        test.env(format!("{prefix}_RUSTFLAGS"), format!("-C target-feature={feature}"));
        kernels(&mut test);
        test.args(["--test", "int8"]);
        if both {
            test.args(["--test", "packed", "--test", "training", "--test", "integers"]);
        }
        // What a test that fails has to say would be lost: nothing unwinds here.
        run(test.args(["--", "--nocapture"]))?;
    }
    Ok(())
}

/// Runs the tests on 64-bit Arm, and compares the boards' check on NEON with this machine's.
pub(crate) fn aarch64(both: bool, choice: Choice) -> Result<()> {
    let [linker, qemu, _] = PROGRAMS;
    let (linker, qemu) = (apt::program(linker)?, apt::program(qemu)?);
    let road = Road::to(AARCH64, Library::Std, choice)?;
    let prefix = format!("CARGO_TARGET_{}", shouted(AARCH64));
    let runner = format!("{} -L /usr/aarch64-linux-gnu", qemu.display());
    // Settings that are the same in both builds below, so that a standard library from source is compiled once.
    let cargo = |task, folder: &Path| {
        let mut cargo = road.cargo(task, folder);
        cargo.env(format!("{prefix}_LINKER"), &linker).env(format!("{prefix}_RUNNER"), &runner);
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    };
    let mut test = cargo("test", root());
    kernels(&mut test);
    test.args(["--test", "packed", "--test", "training"]);
    if both {
        // Every small shape, emulated, takes minutes.
        test.args(["--test", "gemm_shapes"]);
    } else {
        // A minute of references.
        test.args(["--", "--skip", "boundaries_of_dot_products", "--skip", "rows_of_b_far_apart"]);
    }
    run(&mut test)?;
    // Every kernel and whole trainings, whose every bit must be this machine's: with `reproducible`, or also by class.
    let builds: &[&[&str]] = if both { &[&["reproducible"], &[]] } else { &[&["reproducible"]] };
    for &features in builds {
        let here = qemu::desktop(features)?;
        let mut there = cargo("run", &root().join("examples/firmware"));
        there.args(["--bin", "desktop", "--features", &features.join(",")]);
        for run in Run::parse(&output(&mut there)?) {
            let alike = here.iter().find(|here| here.class() == run.class());
            let alike = alike.with_context(|| format!("nothing here is of the class of {}", run.isa))?;
            qemu::same(&format!("{AARCH64}, {}", run.isa), &run.text, &alike.text)?;
            println!(
                "{AARCH64}, {}, {features:?}: every kernel and training is this machine's, bit for bit",
                run.isa
            );
        }
    }
    Ok(())
}
