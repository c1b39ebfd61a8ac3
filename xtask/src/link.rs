//! What a firmware image of every public function holds: no panic, no heap, and floating point only where it is meant.
//!
//! The images are those of `tests/link`: see there how they are written. Three things are found out.
//!
//! - **That every public function is called**: rustdoc tells which there are, and an object file of the calls, compiled for
//!   this machine and not optimised at all, has a relocation for each. Neither list is kept by hand.
//! - **That no path leads to a panic**, optimised for speed and for size: the images link, although their panic handler calls
//!   a function that does not exist. One that does not link is linked once more with an address for that function, and its
//!   relocations are followed back from there to lines of the source.
//! - **That nobody asks for a heap, and who computes in what**, by the images' symbols. There is no allocator, without which
//!   no program with the crate `alloc` links. Floating point that a processor has no instructions for is a call.
//!
//! Controls, tiny programs that panic, ask for a heap or add numbers, must be found out, or the checks check nothing.

mod build;
pub(crate) mod graph;
mod public;

use crate::process::{cargo, root, run, target_dir};
use crate::road::{Choice, Library, Road};
use anyhow::{Result, bail, ensure};
use build::{Build, Finding};
use comfy_table::{Table, presets};
use graph::Reference;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The functions that count and move numbers, those that compute in `f32`, and those that need `f64`.
const IMAGES: [&str; 3] = ["integers", "singles", "doubles"];

/// For speed, and for size.
const OPTIMIZATIONS: [&str; 2] = ["3", "\"s\""];

/// A processor to link for.
struct Core {
    name: &'static str,
    target: &'static str,
    features: &'static str,
    /// What every change is checked with; `--all` is both.
    often: &'static [&'static str],
}

const CORES: [Core; 7] = [
    Core { name: "Cortex-M0", target: "thumbv6m-none-eabi", features: "", often: &["\"s\""] },
    Core { name: "Cortex-M3", target: "thumbv7m-none-eabi", features: "", often: &[] },
    Core { name: "Cortex-M4F", target: "thumbv7em-none-eabihf", features: "", often: &["3"] },
    Core { name: "Cortex-M7", target: "thumbv7em-none-eabihf", features: "fusebox/cortex-m7", often: &[] },
    Core {
        name: "Cortex-M33",
        target: "thumbv8m.main-none-eabihf",
        features: "fusebox/cortex-m33",
        often: &[],
    },
    Core {
        name: "Cortex-M55",
        target: "thumbv8m.main-none-eabihf",
        features: "fusebox/cortex-m55",
        often: &[],
    },
    Core { name: "RV32IMAC", target: "riscv32imac-unknown-none-elf", features: "", often: &[] },
];

/// Public functions that no image can call, and why.
const EXCEPTIONS: [(&str, &str); 1] =
    [("<fusebox::pace::Slice as Debug>::fmt", "only a learner makes such a value, and nobody sees its type")];

fn folder() -> PathBuf {
    root().join("tests/link")
}

/// Checks every core at both levels of optimisation if `all` is said, or as every change is checked.
pub(crate) fn check(choice: Choice, all: bool) -> Result<()> {
    every_public_function()?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["core", "opt-level", "compiler", "image", "panics", "heap", "calls for", "code B"]);
    let mut controlled = false;
    for core in &CORES {
        let levels = if all { &OPTIMIZATIONS } else { core.often };
        if levels.is_empty() {
            continue;
        }
        let road = Road::to(core.target, Library::Core, choice)?;
        for &optimization in levels {
            let build = Build { road: &road, target: core.target, features: core.features, optimization };
            if !controlled {
                build.controls()?;
                controlled = true;
            }
            build.link(&IMAGES)?;
            for image in IMAGES {
                let found = build.find(image)?;
                let kinds = floats(core, image, &found)?;
                let [level, code] = [optimization.trim_matches('"').to_string(), found.code.to_string()];
                table.add_row([core.name, &level, road.name(), image, "none", "none", kinds, &code]);
            }
        }
    }
    println!("{table}");
    println!("calls for: what the processor has no instructions for, or not for all of it");
    Ok(())
}

/// What an image computes in by calls; fails if it is not meant to.
fn floats(core: &Core, image: &str, Finding { singles, doubles, .. }: &Finding) -> Result<&'static str> {
    let unmeant = match image {
        "integers" => [&singles[..], doubles].concat(),
        "singles" => doubles.clone(),
        _ => Vec::new(),
    };
    ensure!(
        unmeant.is_empty(),
        "{image} computes in floating point on {}: {}",
        core.name,
        unmeant.join(", ")
    );
    Ok(match (singles.is_empty(), doubles.is_empty()) {
        (true, true) => "neither",
        (false, true) => "f32",
        (true, false) => "f64",
        (false, false) => "f32, f64",
    })
}

/// Fails if the images leave out a public function.
fn every_public_function() -> Result<()> {
    let target = target_dir("link");
    let mut docs = cargo();
    docs.args(["rustdoc", "--quiet", "--lib", "--target-dir"]).arg(&target);
    // The format is not stable: serde_json reads what is asked for here, and fails where that is missing.
    docs.args(["--", "-Zunstable-options", "--output-format", "json"]).env("RUSTC_BOOTSTRAP", "1");
    run(&mut docs)?;
    let docs = fs::read_to_string(target.join("doc/fusebox.json"))?;
    let functions = public::documented(&serde_json::from_str(&docs)?)?;
    ensure!(!functions.is_empty(), "rustdoc knows no public function");

    let object = target.join("calls.o");
    let mut calls = cargo();
    calls.current_dir(folder()).args(["rustc", "--quiet", "--lib", "--target-dir"]).arg(&target);
    calls.args(["--", "-C", "codegen-units=1", "-C", "no-prepopulate-passes"]);
    calls.arg("--emit").arg(format!("obj={}", object.display()));
    calls
        .env("CARGO_ENCODED_RUSTFLAGS", "-Csymbol-mangling-version=v0")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    run(&mut calls)?;
    let references = graph::references(&fs::read(&object)?)?;
    // What the crate's own functions call, not what is called from there on; and those functions: some are of traits that
    // only a caller implements.
    let names =
        references.iter().map(|Reference { from, to, .. }| [graph::demangled(from), graph::demangled(to)]);
    let ours = names.filter(|[from, _]| from.trim_start_matches('<').starts_with("link::")).flatten();
    let calls: BTreeSet<_> = ours.filter_map(|name| public::called(&name)).collect();
    let mut missing: BTreeSet<_> =
        public::missing(&functions, &calls).iter().map(ToString::to_string).collect();
    for (function, _) in EXCEPTIONS {
        ensure!(missing.remove(function), "{function} is called or gone: no exception is needed");
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().collect();
        bail!("{} public functions are not called by tests/link:\n{}", missing.len(), missing.join("\n"));
    }
    println!("{} public functions, called by tests/link, all but", functions.len());
    for (function, why) in EXCEPTIONS {
        println!("    {function}: {why}");
    }
    Ok(())
}
