//! How a compiler for another target is got.
//!
//! The ordinary road is rustup's: the target is installed, or `rustup target add` installs it. Where rustup cannot
//! download, Debian has another: its `rustc-web` comes with the library's source (`rust-web-src`), from which cargo builds
//! `core` for any target.

use crate::apt;
use crate::process::{cargo, find, output, output_within, target_dir};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Debian's compiler.
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which road to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Rustup's, and Debian's if that is closed
    #[default]
    Auto,
    /// Rustup's
    Rustup,
    /// Debian's `rustc-web`, the standard library built from source
    Debian,
}

/// How much of the standard library a build needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Core,
    Std,
}

/// A road to one target.
#[derive(Debug)]
pub(crate) struct Road {
    target: &'static str,
    library: Library,
    debian: Option<Debian>,
}

#[derive(Debug)]
struct Debian {
    rustc: PathBuf,
    /// The `library` folder of the compiler's source.
    source: PathBuf,
    /// Debian's compiler has no linker of its own for targets without an operating system.
    linker: PathBuf,
}

impl Road {
    /// Finds a road, building it where needed.
    pub(crate) fn to(target: &'static str, library: Library, choice: Choice) -> Result<Self> {
        let ordinary = match choice {
            Choice::Debian => None,
            Choice::Auto | Choice::Rustup => Some(rustup(target)),
        };
        let closed = match (ordinary, choice) {
            (Some(Ok(())), _) => return Ok(Self { target, library, debian: None }),
            (Some(Err(closed)), Choice::Rustup) => return Err(closed),
            (Some(Err(closed)), _) => Some(closed),
            (None, _) => None,
        };
        if let Some(closed) = &closed {
            eprintln!("{closed:#}: trying Debian's compiler");
        }
        let debian = Debian::installed().with_context(|| {
            let closed = closed.map_or(String::new(), |closed| format!("{closed:#}\n"));
            format!("{closed}no compiler for {target}: run `rustup target add {target}`, or")
        })?;
        Ok(Self { target, library, debian: Some(debian) })
    }

    /// Where it leads.
    pub(crate) fn target(&self) -> &'static str {
        self.target
    }

    /// The road's name, for tables.
    pub(crate) fn name(&self) -> &'static str {
        if self.debian.is_some() { "Debian's rustc" } else { "rustup" }
    }

    /// The compiler and its version.
    pub(crate) fn compiler(&self) -> Result<String> {
        let rustc = self.debian.as_ref().map_or(Path::new("rustc"), |debian| &debian.rustc);
        Ok(output(Command::new(rustc).arg("--version"))?.trim().to_string())
    }

    /// Where cargo puts what it builds on this road.
    pub(crate) fn target_dir(&self) -> PathBuf {
        target_dir(if self.debian.is_some() { "debian" } else { "rustup" })
    }

    /// `cargo <task> --target ..`, for the package in `folder`.
    pub(crate) fn cargo(&self, task: &str, folder: &Path) -> Command {
        self.cargo_to(&self.target_dir(), task, folder)
    }

    /// The same, with what is built in another folder than [`Road::target_dir`].
    pub(crate) fn cargo_to(&self, target_dir: &Path, task: &str, folder: &Path) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(folder).arg(task).args(["--target", self.target]);
        cargo.arg("--target-dir").arg(target_dir);
        if let Some(Debian { rustc, source, linker }) = &self.debian {
            cargo.arg(match self.library {
                Library::Core => "-Zbuild-std=core,alloc",
                Library::Std => "-Zbuild-std=std,panic_abort,proc_macro,test",
            });
            cargo.env("RUSTC", rustc).env("RUSTDOC", rustc.with_file_name("rustdoc"));
            // -Zbuild-std is not stable, and looks for the source in rustup's folders unless told otherwise.
            cargo.env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", source);
            if self.library == Library::Core {
                cargo.env(format!("CARGO_TARGET_{}_LINKER", shouted(self.target)), linker);
            }
        }
        cargo
    }
}

/// A target's name in the names of cargo's environment variables.
pub(crate) fn shouted(target: &str) -> String {
    target.to_uppercase().replace(['-', '.'], "_")
}

/// Makes sure that the active toolchain has the target's library.
fn rustup(target: &str) -> Result<()> {
    if installed(target)? {
        return Ok(());
    }
    if find("rustup").is_none() {
        bail!("the compiler has no library for {target}, and there is no rustup to add it");
    }
    let mut add = Command::new("rustup");
    // Without a network this fails at once, instead of after several attempts.
    add.args(["target", "add", target]).env("RUSTUP_MAX_RETRIES", "1");
    let (status, text) = output_within(&mut add, Duration::from_secs(180))?;
    if !status.success() {
        let last = text.trim().lines().last().unwrap_or_default();
        bail!("`rustup target add {target}` failed ({last})");
    }
    Ok(())
}

fn installed(target: &str) -> Result<bool> {
    let folder = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    // The folder may exist and hold nothing.
    Ok(fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some()))
}

/// Whether a target has no road but Debian's.
pub(crate) fn needs_debian(targets: &[&str], choice: Choice) -> bool {
    match choice {
        Choice::Debian => true,
        Choice::Rustup => false,
        Choice::Auto => targets.iter().any(|target| rustup(target).is_err()),
    }
}

/// The packages of Debian's compiler and its source, unless they are installed in the same version.
pub(crate) fn missing_packages() -> Vec<&'static str> {
    let rustc = Path::new(DEBIAN_RUSTC);
    let installed = rustc.exists() && Debian::source(rustc).is_ok();
    if installed { vec![] } else { vec!["rustc-web", "rust-web-src"] }
}

impl Debian {
    fn installed() -> Result<Self> {
        let rustc = Path::new(DEBIAN_RUSTC);
        apt::install(missing_packages)?;
        let source = Self::source(rustc)?;
        Ok(Self { rustc: rustc.into(), source, linker: linker()? })
    }

    fn source(rustc: &Path) -> Result<PathBuf> {
        let version = output(Command::new(rustc).arg("--version"))?;
        let number = version.split(' ').nth(1).context("rustc tells no version")?;
        let source = PathBuf::from(format!("/usr/src/rustc-{number}/library"));
        if !source.is_dir() {
            bail!("the source of rustc {number} is not in {}: install rust-web-src", source.display());
        }
        Ok(source)
    }
}

/// A linker for targets without an operating system: the one that comes with rustup's compiler, or Debian's lld.
fn linker() -> Result<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
    if own.is_file() { Ok(own) } else { apt::program("ld.lld") }
}
