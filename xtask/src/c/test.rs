//! Programs of C and C++ that use the library: on this machine with sanitizers, and on an emulated Cortex-M4F.
//!
//! The desktop's program, the firmware and a program of Rust (`reference`) train the same network; losses, accuracy and all
//! weights must have the same bits. Bad input is `tests/misuse.c`'s; the other network, a regression, is built as a user would:
//! from a copy of the crate whose `network.rs` names another.

use super::{LIBRARY, Sizes, build, header, road, this_machine};
use crate::apt;
use crate::board;
use crate::image::Image;
use crate::process::{output, output_within, root, run, target_dir};
use crate::road::{Choice, Road};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A program of C takes a second, with sanitizers.
const LIMIT: Duration = Duration::from_secs(120);

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The desktop is to have the board's bits.
const FEATURES: &str = "reproducible";

/// Everything that the compiler can find at run time.
const SANITIZERS: [&str; 4] = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// The firmware's processor.
const CORTEX_M4F: [&str; 4] = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];

/// Where the examples are, and where programs go.
struct Place {
    c: PathBuf,
    out: PathBuf,
}

pub(super) fn all(choice: Choice) -> Result<()> {
    let place = Place { c: root().join("examples/c"), out: target_dir("c") };
    place.header_is_current()?;
    // Whichever way leads to the board: programs of Rust are this machine's.
    let desktop_road = road(&this_machine()?, Choice::Auto)?;
    let shared = desktop_road.target_dir();

    let own = place.out.join("desktop");
    build(&desktop_road, &place.c, &shared, FEATURES, &own)?;
    let line = place.another_network()?;
    let other = place.out.join("other");
    build(&desktop_road, &line, &shared, FEATURES, &other)?;

    place
        .panic_is_found(|| build(&desktop_road, &line, &shared, FEATURES, &place.out.join("panic")), &line)?;

    let desktop = place.desktop(&own, &desktop_road)?;
    let saved = place.line(&other)?;
    print!("{}", place.misuse(&own, &saved)?);
    place.cpp(&own)?;
    place.cmake(&own, &desktop)?;

    let board = board::named("mps2-an386")?;
    let flash = place.out.join(board.target);
    let board_road = board::road(board, choice)?;
    let sizes = build(&board_road, &place.c, &board_road.target_dir(), FEATURES, &flash)?;
    let firmware = place.firmware(board, &flash, &sizes)?;
    ensure!(firmware == desktop, "the firmware printed\n{firmware}and the desktop\n{desktop}");
    println!("{firmware}the same on the desktop and on a {}", board.core);
    Ok(())
}

impl Place {
    /// The header in `include`, which people read, is that of the sources.
    fn header_is_current(&self) -> Result<()> {
        let path = self.c.join("include/fusebox.h");
        let written = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(written == header::functions(&self.c)?, "{} is old: run `cargo xtask c`", path.display());
        Ok(())
    }

    /// A copy of the crate with the network of `tests/line`.
    fn another_network(&self) -> Result<PathBuf> {
        let copy = self.out.join("line");
        fs::create_dir_all(copy.join("src/bin"))?;
        for name in ["area", "inference", "lib", "saving", "sizes", "status", "training", "bin/reference"] {
            let path = Path::new("src").join(name).with_extension("rs");
            fs::copy(self.c.join(&path), copy.join(&path))?;
        }
        fs::copy(self.c.join("tests/line/network.rs"), copy.join("src/network.rs"))?;
        let lock = fs::read_to_string(self.c.join("Cargo.lock"))?;
        fs::write(copy.join("Cargo.lock"), lock.replace("\"fusebox-c\"", "\"line\""))?;
        let manifest = fs::read_to_string(self.c.join("Cargo.toml"))?;
        let here = format!("path = {:?}", root());
        ensure!(manifest.contains("path = \"../..\""), "where is fusebox?");
        // Another name: cargo takes packages of one name for the same, wherever they are.
        let manifest = manifest.replace("path = \"../..\"", &here).replace("\"fusebox-c\"", "\"line\"");
        fs::write(copy.join("Cargo.toml"), manifest)?;
        Ok(copy)
    }

    /// A control: a network that can panic is no library.
    fn panic_is_found(&self, build: impl FnOnce() -> Result<Sizes>, copy: &Path) -> Result<()> {
        let path = copy.join("src/network.rs");
        let text = fs::read_to_string(&path)?;
        let head = "pub const fn rule(learning_rate: f32) -> Rule {";
        ensure!(text.contains(head), "where is the rule?");
        fs::write(path, text.replace(head, &format!("{head} assert!(learning_rate < 1.0);")))?;
        let error = build().err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(error.contains("can panic"), "a network that can panic is not found out: {error}");
        Ok(())
    }

    /// A compiler, with the headers and the library in `library`.
    fn compiler(&self, program: &str, library: &Path) -> Result<Command> {
        let mut compiler = Command::new(apt::program(program)?);
        compiler.args(WARNINGS).arg("-I").arg(library);
        Ok(compiler)
    }

    /// Compiles a program for this machine, with sanitizers.
    fn sanitized(&self, program: &str, library: &Path, standard: &str, sources: &[&str]) -> Result<PathBuf> {
        let name = sources.first().context("no source")?.replace(['/', '.'], "-");
        let path = self.out.join(name);
        let mut compiler = self.compiler(program, library)?;
        compiler.args(SANITIZERS).arg(standard);
        compiler.args(sources.iter().map(|source| self.c.join(source)));
        compiler.arg("-I").arg(root().join("examples/data"));
        run(compiler.arg(library.join(LIBRARY)).arg("-o").arg(&path))?;
        Ok(path)
    }

    /// Learns the digits, as Rust does; returns what was printed.
    fn desktop(&self, library: &Path, road: &Road) -> Result<String> {
        let program = self.sanitized("gcc", library, "-std=c11", &["main.c", "digits.S"])?;
        let text = checked(&mut Command::new(program))?;
        let mut reference = road.cargo("run", &self.c);
        reference.args(["--quiet", "--release", "--bin", "reference", "--features", FEATURES]);
        let rust = output(&mut reference)?;
        ensure!(text.starts_with(&rust) && !rust.is_empty(), "C printed\n{text}and Rust\n{rust}");
        Ok(text)
    }

    /// The other network learns; returns its saved training and weights.
    fn line(&self, library: &Path) -> Result<[PathBuf; 2]> {
        let program = self.sanitized("gcc", library, "-std=c11", &["tests/line/main.c"])?;
        let saved = ["line.training", "line.weights"].map(|name| self.out.join(name));
        checked(Command::new(program).args(&saved))?;
        Ok(saved)
    }

    fn misuse(&self, library: &Path, saved: &[PathBuf; 2]) -> Result<String> {
        let program = self.sanitized("gcc", library, "-std=c11", &["tests/misuse.c"])?;
        checked(Command::new(program).args(saved))
    }

    fn cpp(&self, library: &Path) -> Result<()> {
        let program = self.sanitized("g++", library, "-std=c++17", &["tests/header.cpp"])?;
        checked(&mut Command::new(program)).map(drop)
    }

    /// The desktop's program, built by CMake.
    fn cmake(&self, library: &Path, expected: &str) -> Result<()> {
        let (cmake, folder) = (apt::program("cmake")?, self.out.join("cmake"));
        let mut configure = Command::new(&cmake);
        configure.arg("-S").arg(&self.c).arg("-B").arg(&folder);
        configure.arg(format!("-DFUSEBOX={}", library.display()));
        output(&mut configure)?;
        output(Command::new(&cmake).arg("--build").arg(&folder))?;
        let text = checked(&mut Command::new(folder.join("digits")))?;
        ensure!(text == expected, "CMake's program printed\n{text}");
        Ok(())
    }

    /// The firmware learns the digits; returns what it printed.
    fn firmware(&self, board: &board::Board, library: &Path, sizes: &Sizes) -> Result<String> {
        let image = self.out.join("firmware.elf");
        let mut compiler = self.compiler("arm-none-eabi-gcc", library)?;
        compiler.args(CORTEX_M4F).args(["-std=c11", "-O2", "--specs=rdimon.specs", "-nostartfiles"]);
        compiler.args(["main.c", "digits.S", "firmware/startup.c"].map(|source| self.c.join(source)));
        compiler.arg("-I").arg(root().join("examples/data")).arg("-T").arg(self.c.join("firmware/link.ld"));
        run(compiler
            .args(["-Wl,--gc-sections", "-Wl,-z,noexecstack"])
            .arg(library.join(LIBRARY))
            .arg("-o")
            .arg(&image))?;

        let Image { flash, ram, panics, .. } = Image::read(&image)?;
        ensure!(panics.is_empty(), "a firmware of C holds no panic: {}", panics.join(", "));
        println!(
            "firmware of C: {flash} B of flash, {ram} B of RAM; a network that learns: {} B",
            sizes.memory()
        );
        board::emulate(board, &image)
    }
}

/// What a program printed; fails if it fails.
fn checked(program: &mut Command) -> Result<String> {
    let (status, text) = output_within(program, LIMIT)?;
    ensure!(status.success(), "failed: {status}; it printed\n{text}");
    Ok(text)
}
