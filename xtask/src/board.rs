//! The boards that QEMU emulates: how to build a program for each, and how to run it.
//!
//! A board's name is that of QEMU's machine. On a Cortex-M it is also the name of the feature of `examples/cortex-m` and of
//! the two files in `examples/cortex-m/boards`: its memory map, and what `cargo run` needs to know.

use crate::apt;
use crate::process::{self, output_within, root, target_dir};
use crate::road::{Choice, Library, Road};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

/// A run that takes longer hangs: the slowest takes half a minute where nothing else runs.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// A board.
#[derive(Debug)]
pub(crate) struct Board {
    /// Its name: QEMU's machine.
    pub(crate) name: &'static str,
    /// The processor's core.
    pub(crate) core: &'static str,
    pub(crate) target: &'static str,
    /// The folder in `examples` with its programs.
    pub(crate) folder: &'static str,
    /// Features of that folder's package which make it this board's.
    pub(crate) features: &'static [&'static str],
    /// Whether it has too little memory for all of `check`.
    pub(crate) small: bool,
    /// The emulator.
    pub(crate) qemu: &'static str,
    /// How the machine is started. An instruction takes 2^shift ns of the emulated time: so many that the counter tells
    /// single instructions apart, so few that it does not overflow.
    machine: &'static str,
}

const ARM: &str = "qemu-system-arm";

pub(crate) static BOARDS: [Board; 7] = [
    Board {
        name: "microbit",
        core: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        folder: "cortex-m",
        features: &["microbit"],
        small: true,
        qemu: ARM,
        machine: "-M microbit -icount shift=5,align=off,sleep=off",
    },
    Board {
        name: "mps2-an385",
        core: "Cortex-M3",
        target: "thumbv7m-none-eabi",
        folder: "cortex-m",
        features: &["mps2-an385"],
        small: false,
        qemu: ARM,
        machine: "-M mps2-an385 -icount shift=5,align=off,sleep=off",
    },
    Board {
        name: "mps2-an386",
        core: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        folder: "cortex-m",
        features: &["mps2-an386"],
        small: false,
        qemu: ARM,
        machine: "-M mps2-an386 -icount shift=7,align=off,sleep=off",
    },
    Board {
        name: "mps2-an500",
        core: "Cortex-M7",
        target: "thumbv7em-none-eabihf",
        folder: "cortex-m",
        features: &["mps2-an500"],
        small: false,
        qemu: ARM,
        machine: "-M mps2-an500 -icount shift=7,align=off,sleep=off",
    },
    Board {
        name: "mps2-an505",
        core: "Cortex-M33",
        target: "thumbv8m.main-none-eabihf",
        folder: "cortex-m",
        features: &["mps2-an505"],
        small: false,
        qemu: ARM,
        machine: "-M mps2-an505 -icount shift=7,align=off,sleep=off",
    },
    Board {
        name: "mps3-an547",
        core: "Cortex-M55",
        target: "thumbv8m.main-none-eabihf",
        folder: "cortex-m",
        features: &["mps3-an547"],
        small: false,
        qemu: ARM,
        machine: "-M mps3-an547 -icount shift=7,align=off,sleep=off",
    },
    Board {
        name: "virt",
        core: "RV32IMAC",
        target: "riscv32imac-unknown-none-elf",
        folder: "riscv",
        features: &[],
        small: false,
        qemu: "qemu-system-riscv32",
        machine: "-M virt -bios none -icount shift=0,align=off,sleep=off",
    },
];

/// Semihosting prints to our standard output, and nothing else does.
const CONSOLE: &str = "-display none -monitor none -serial none -chardev stdio,id=host \
                       -semihosting-config enable=on,target=native,chardev=host";

/// The road to a board's compiler.
pub(crate) fn road(board: &Board, choice: Choice) -> Result<Road> {
    Road::to(board.target, Library::Core, choice)
}

/// `cargo build` of programs for a board, with `features` of its package beside the board's own.
pub(crate) fn cargo(board: &Board, road: &Road, programs: &[&str], features: &[&str]) -> Command {
    let folder = root().join("examples").join(board.folder);
    let mut all = board.features.to_vec();
    all.extend(features);
    let mut cargo = cargo_in(board, road, &folder);
    cargo.args(["--release", "--quiet", "--no-default-features", "--features", &all.join(",")]);
    for program in programs {
        cargo.args(["--bin", program]);
    }
    let config = folder.join("boards").join(board.name).with_extension("toml");
    if config.is_file() {
        cargo.arg("--config").arg(config);
    }
    cargo
}

/// Images of two boards are built at once, of even and of odd numbers in [`BOARDS`]: in a folder each.
pub(crate) const BUILDERS: usize = 2;

/// Which of them builds for a board.
pub(crate) fn builder(board: &Board) -> usize {
    BOARDS.iter().position(|one| one.name == board.name).unwrap_or(0) % BUILDERS
}

/// `cargo build` of the package in `folder`.
pub(crate) fn cargo_in(board: &Board, road: &Road, folder: &Path) -> Command {
    road.cargo_to(&target_folder(board, road), "build", folder)
}

/// Where it puts what it builds.
fn target_folder(board: &Board, road: &Road) -> PathBuf {
    road.target_dir().join(builder(board).to_string())
}

/// And programs.
pub(crate) fn built(board: &Board, road: &Road) -> PathBuf {
    target_folder(board, road).join(board.target).join("release")
}

/// Arguments with which names of functions, which people read, say of which types a function is.
pub(crate) fn long_names(board: &Board) -> [String; 2] {
    let flags = format!("target.{}.rustflags=['-C', 'symbol-mangling-version=v0']", board.target);
    ["--config".into(), flags]
}

/// Builds `program` for a board, with `features`; returns where it is. The image stays when the same program is built for
/// another board, or with other features.
pub(crate) fn build(board: &Board, road: &Road, program: &str, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = cargo(board, road, &[program], features);
    if program == "check" && ["microbit", "mps3-an547"].contains(&board.name) {
        // All kernels and their references are more than these boards' code memory, 256 and 512 KiB: so what the firmware itself
        // compiles, for size. The assembly, and what is compiled in fusebox, stay as they are.
        cargo.args(["--config", "profile.release.package.firmware.opt-level=\"s\""]);
    }
    process::run(&mut cargo)?;

    let built = built(board, road).join(program);
    let images = target_dir("images").join(board.name);
    fs::create_dir_all(&images)?;
    let words: Vec<_> = [program].iter().chain(features).map(|word| word.replace('/', "-")).collect();
    let image = images.join(words.join("-"));
    fs::copy(&built, &image).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(image)
}

/// The board of this name.
pub(crate) fn named(name: &str) -> Result<&'static Board> {
    BOARDS.iter().find(|board| board.name == name).with_context(|| format!("no board is called {name}"))
}

/// The emulator of a board.
pub(crate) fn emulator(board: &Board) -> Result<PathBuf> {
    apt::program(board.qemu)
}

/// And its version.
pub(crate) fn version(board: &Board) -> Result<String> {
    let text = process::output(Command::new(emulator(board)?).arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}

/// The boards of these names, for measuring; where none is named, all but the Cortex-M0's, whose RAM holds no such
/// firmware.
pub(crate) fn measured(names: &[String]) -> Result<Vec<&'static Board>> {
    let boards = || BOARDS.iter().filter(|board| board.core != "Cortex-M0");
    let all: Vec<_> = boards().map(|board| board.name).collect();
    if let Some(name) = names.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("no board to measure on is called {name}: there are {}", all.join(", "));
    }
    Ok(boards().filter(|board| names.is_empty() || names.iter().any(|name| name == board.name)).collect())
}

/// The command that runs an image.
pub(crate) fn command(board: &Board, image: &Path) -> Result<Command> {
    let mut command = Command::new(emulator(board)?);
    command.args(board.machine.split(' ')).args(CONSOLE.split(' ')).arg("-kernel").arg(image);
    Ok(command)
}

/// Runs an image to its end; returns what it printed. Fails if QEMU does not know the board, or the program fails.
pub(crate) fn emulate(board: &Board, image: &Path) -> Result<String> {
    let (status, text) = output_within(&mut command(board, image)?, LIMIT)?;
    if !status.success() {
        bail!("{} failed on {}: {status}; it printed\n{text}", image.display(), board.name);
    }
    Ok(text)
}

/// One board, or all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    All,
    One(&'static Board),
}

impl Which {
    /// The boards meant.
    pub(crate) fn boards(self) -> impl Iterator<Item = &'static Board> {
        BOARDS.iter().filter(move |board| match self {
            Self::All => true,
            Self::One(one) => one.name == board.name,
        })
    }
}

impl ValueEnum for Which {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Which>> =
            LazyLock::new(|| [Which::All].into_iter().chain(BOARDS.iter().map(Which::One)).collect());
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::All => PossibleValue::new("all"),
            Self::One(board) => PossibleValue::new(board.name).help(board.core),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `cargo run` in `examples` starts is what is started here.
    #[test]
    fn runners() {
        for Board { name, target, folder, qemu, machine, .. } in &BOARDS {
            let folder = root().join("examples").join(folder);
            let [own, shared] = [format!("boards/{name}.toml"), ".cargo/config.toml".into()];
            let file = if folder.join(&own).is_file() { own } else { shared };
            let text = fs::read_to_string(folder.join(file)).expect("a board's settings");
            for expected in
                [format!("target = \"{target}\""), format!("runner = \"{qemu} {machine} {CONSOLE} -kernel\"")]
            {
                assert!(text.contains(&expected), "{name} has no line {expected}");
            }
        }
    }

    #[test]
    fn boards_by_name() {
        let names = |which: Which| which.boards().map(|board| board.name).collect::<Vec<_>>();
        assert_eq!(names(Which::All).len(), BOARDS.len());
        for which in Which::value_variants() {
            if let Which::One(board) = which {
                assert_eq!(names(*which), [board.name]);
            }
        }
    }
}
