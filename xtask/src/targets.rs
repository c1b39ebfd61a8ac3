//! Targets other than this machine's.

use crate::apt;
use crate::process::{output, root, run};
use crate::qemu::{self, Run};
use crate::road::{Choice, Library, Road, shouted};
use anyhow::{Context, Result};
use std::path::Path;

/// 64-bit Arm.
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// Without a board or a processor to run on.
const BUILT: [&str; 2] = ["thumbv6m-none-eabi", "wasm32-unknown-unknown"];

/// What the tasks here need compilers for.
pub(crate) const ALL: [&str; 3] = [AARCH64, BUILT[0], BUILT[1]];

/// The linker and the emulator of 64-bit Arm.
pub(crate) const PROGRAMS: [&str; 2] = ["aarch64-linux-gnu-gcc", "qemu-aarch64"];

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

/// Runs the tests on 64-bit Arm, and compares the boards' check on NEON with this machine's.
pub(crate) fn aarch64(both: bool, choice: Choice) -> Result<()> {
    let [linker, qemu] = PROGRAMS.map(apt::program);
    let (linker, qemu) = (linker?, qemu?);
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
    // What has instructions of its own: products, functions, a step's sums. Layers, and what they refuse, are the same on
    // every machine but for the kernels that they call, and the comparison below has whole trainings.
    let mut test = cargo("test", root());
    // The tests compile for longer so, but run in a tenth of the time. The comparison runs for seconds as it is.
    for package in ["fusebox", "wide"] {
        test.arg("--config").arg(format!("profile.dev.package.{package}.opt-level=1"));
    }
    test.arg("--lib");
    // Every small shape, emulated, takes minutes: where both builds are wanted.
    let shapes = both.then_some("gemm_shapes");
    for name in ["gemm", "packed", "training"].into_iter().chain(shapes) {
        test.args(["--test", name]);
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
