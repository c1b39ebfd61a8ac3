//! Everything that a task may need, installed before any of them runs.

use crate::apt;
use crate::board::BOARDS;
use crate::c;
use crate::page;
use crate::process::{output, run};
use crate::road::{self, Choice};
use crate::targets;
use anyhow::Result;
use std::process::Command;

/// Emulators, a linker for 64-bit Arm, compilers of C, and compilers for all targets.
pub(crate) fn install(choice: Choice) -> Result<()> {
    let mut targets: Vec<_> = BOARDS.iter().map(|board| board.target).chain(targets::ALL).collect();
    targets.dedup();
    let mut programs: Vec<_> = BOARDS
        .iter()
        .map(|board| board.qemu)
        .chain(targets::PROGRAMS)
        .chain(c::PROGRAMS)
        .chain(page::PROGRAMS)
        .collect();
    programs.dedup();
    // What rustup lacks is looked up once: it takes a second for each target.
    let debian = road::needs_debian(&targets, choice);
    apt::install(|| {
        let mut packages = apt::missing(&programs);
        packages.extend(if debian { road::missing_packages() } else { vec![] });
        packages
    })?;
    for program in programs {
        let path = apt::program(program)?;
        println!("{}", output(Command::new(path).arg("--version"))?.lines().next().unwrap_or_default());
    }
    if debian {
        run(Command::new(road::DEBIAN_RUSTC).arg("--version"))?;
    }
    Ok(())
}
