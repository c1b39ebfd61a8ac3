//! fusebox for C: a static library of the network in `examples/c`, or a copy of it, with its headers.
//!
//! `fusebox.h` is what `cbindgen` makes of the crate's functions and comments, the same for every target.
//! `fusebox_sizes.h` is of one target: sizes and alignments, read from the compiled library.

mod header;
mod test;

use crate::process::{output, root, run};
use crate::road::{Choice, Library, Road};
use anyhow::{Context, Result, ensure};
use header::Sizes;
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is to be built.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The crate that names the network: a copy of examples/c
    #[arg(long, default_value = "examples/c")]
    folder: PathBuf,
    /// The processor, such as thumbv7em-none-eabihf; this machine's unless named
    #[arg(long)]
    target: Option<String>,
    /// Features, separated by commas, such as reproducible or fusebox/cortex-m7
    #[arg(long, default_value = "")]
    features: String,
    /// Where the library and its headers go; `lib/TARGET` in the crate's folder unless named
    #[arg(long)]
    out: Option<PathBuf>,
    /// Builds and runs programs of C and C++ instead, on this machine and on an emulated Cortex-M4F
    #[arg(long)]
    test: bool,
}

/// The library's name in a crate's target folder, and in `lib`.
const BUILT: &str = "libfusebox_c.a";
const LIBRARY: &str = "libfusebox.a";

/// What the test takes beside the emulator.
pub(crate) const PROGRAMS: [&str; 4] = ["gcc", "g++", "arm-none-eabi-gcc", "cmake"];

/// What the panic handler calls.
const PANIC: &str = "fusebox_must_not_panic";

pub(crate) fn run_task(choice: Choice, options: &Options) -> Result<()> {
    if options.test {
        return test::all(choice);
    }
    let target = options.target.clone().map_or_else(this_machine, Ok)?;
    let folder = root().join(&options.folder);
    let out = options.out.clone().unwrap_or_else(|| folder.join("lib").join(&target));
    let road = road(&target, choice)?;
    // Not in the road's: cargo takes packages of one name for the same, wherever they are.
    let sizes = build(&road, &folder, &folder.join("target"), &options.features, &out)?;
    // For those who read it before they build it.
    fs::create_dir_all(folder.join("include"))?;
    fs::copy(out.join("fusebox.h"), folder.join("include/fusebox.h"))?;
    println!("{}: {LIBRARY}, fusebox.h, fusebox_sizes.h", out.display());
    println!(
        "a network that learns takes {} B, one that only infers {} B",
        sizes.memory(),
        sizes.inference()
    );
    Ok(())
}

fn this_machine() -> Result<String> {
    Ok(output(Command::new("rustc").args(["--print", "host-tuple"]))?.trim().to_string())
}

/// The road to a target, which lasts as long as the program does.
fn road(target: &str, choice: Choice) -> Result<Road> {
    Road::to(String::from(target).leak(), Library::Core, choice)
}

/// Writes the library of the crate in `folder`, built in `target_dir`, and its headers to `out`.
fn build(road: &Road, folder: &Path, target_dir: &Path, features: &str, out: &Path) -> Result<Sizes> {
    let mut cargo = road.cargo_to(target_dir, "build", folder);
    run(cargo.args(["--release", "--quiet", "--lib", "--features", features]))?;
    let library = target_dir.join(road.target()).join("release").join(BUILT);
    let bytes = fs::read(&library).with_context(|| library.display().to_string())?;
    no_panic(&bytes)?;
    let sizes = Sizes::read(&bytes)?;

    fs::create_dir_all(out)?;
    fs::copy(&library, out.join(LIBRARY))?;
    fs::write(out.join("fusebox.h"), header::functions(folder)?)?;
    fs::write(out.join("fusebox_sizes.h"), sizes.header(road.target()))?;
    Ok(sizes)
}

/// The object files of a library.
fn objects(library: &[u8]) -> Result<Vec<object::File<'_>>> {
    let mut objects = Vec::new();
    for member in ArchiveFile::parse(library)?.members() {
        objects.push(object::File::parse(member?.data(library)?)?);
    }
    ensure!(!objects.is_empty(), "the library holds no object file");
    Ok(objects)
}

/// Fails if the library has a path to a panic: a linker would say so too, but not who is to blame.
fn no_panic(library: &[u8]) -> Result<()> {
    let objects = objects(library)?;
    let mut names =
        objects.iter().flat_map(|object| object.symbols()).filter_map(|symbol| symbol.name().ok());
    ensure!(
        !names.any(|name| name == PANIC),
        "a layer of this network can panic: look for an index that the compiler cannot prove to be in range"
    );
    Ok(())
}
