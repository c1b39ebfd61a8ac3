//! What a firmware image of every public function holds: no panic, no heap, and floating point only where it is meant.
//!
//! The images are `tests/link`'s: see there how they are written. Three things are found out.
//!
//! - **That every public function is called**, on this machine: rustdoc tells which there are, and an object file of the
//!   calls, not optimised at all, has a relocation for each. Neither list is kept by hand.
//! - **That no path leads to a panic**, on three targets, optimised for speed and for size: the images link, although their
//!   panic handler calls a function that does not exist. Where one does not, it is linked once more with an address for
//!   that function, and its relocations are followed back from there to lines of the source.
//! - **That nobody asks for a heap, and who computes in what**, by the images' symbols. There is no allocator, without which
//!   a program with the crate `alloc` does not link; floating point that the target has no instructions for is a call.
//!
//! Controls, tiny programs that panic, ask for a heap or add numbers, must be found out, or the checks check nothing.

mod graph;
mod public;

use crate::process::{cargo, output_within, root, run, target_dir};
use crate::road::{Choice, Library, Road};
use anyhow::{Result, bail, ensure};
use comfy_table::{Table, presets};
use graph::{Reference, Source};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What the panic handler calls.
const UNDEFINED: &str = "fusebox_must_not_panic";

/// Public functions that no image can call, and why.
const EXCEPTIONS: [(&str, &str); 2] = [
    (
        "<fusebox::layer::frozen::Frozen<_, _> as Layer>::run_in_place",
        "does not compile where it is called: a frozen network is outermost",
    ),
    (
        "<fusebox::layer::InputGradient<_> as Debug>::fmt",
        "prints `f32`s, as what `text::excepted` calls, and only a step makes such a value",
    ),
];

/// A build takes a minute at most.
const LIMIT: Duration = Duration::from_secs(600);

/// The functions that count and move numbers, those that compute in `f32`, and those that need `f64`.
const IMAGES: [&str; 3] = ["integers", "singles", "doubles"];

/// Without an FPU; with one for `f32`; without multiplications that fuse nor an FPU, of another family.
const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"];

/// For speed, and for size. A change is checked with both where most firmware runs, and with one of them elsewhere.
const OPTIMIZATIONS: [&str; 2] = ["3", "\"s\""];
const OFTEN: [&[&str]; 3] = [&["\"s\""], &OPTIMIZATIONS, &["3"]];

/// The packages that are optimised for size where that is asked for. The library that comes with the compiler is not, as it
/// never is; where it is built from source, it need not be built again.
const SIZED: [&str; 5] = ["fusebox", "heapless", "libm", "link", "wide"];

fn folder() -> PathBuf {
    root().join("tests/link")
}

/// Checks each target at both levels of optimisation if `all` is said, or at those that every change is checked with.
pub(crate) fn check(choice: Choice, all: bool) -> Result<()> {
    every_public_function()?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["target", "compiler", "opt-level", "image", "panics", "heap", "calls for", "code B"]);
    for (target, often) in TARGETS.into_iter().zip(OFTEN) {
        let road = Road::to(target, Library::Core, choice)?;
        for (place, &optimization) in if all { &OPTIMIZATIONS } else { often }.iter().enumerate() {
            let build = Build { road: &road, target, optimization };
            if target == TARGETS[0] && place == 0 {
                build.controls()?;
            }
            build.link(&IMAGES)?;
            for image in IMAGES {
                let Finding { singles, doubles, code } = build.find(image)?;
                let meant = match image {
                    "integers" => singles.is_empty() && doubles.is_empty(),
                    "singles" => doubles.is_empty(),
                    _ => true,
                };
                let calls = [singles, doubles];
                ensure!(
                    meant,
                    "{image} computes in floating point on {target}: {}",
                    calls.concat().join(", ")
                );
                let kinds = ["f32", "f64"].into_iter().zip(&calls).filter(|(_, calls)| !calls.is_empty());
                let kinds: Vec<_> = kinds.map(|(kind, _)| kind).collect();
                let kinds = if kinds.is_empty() { "neither".into() } else { kinds.join(", ") };
                let [level, code] = [optimization.trim_matches('"').to_string(), code.to_string()];
                table.add_row([target, road.name(), &level, image, "none", "none", &kinds, &code]);
            }
        }
    }
    println!("{table}\ncalls for: what the processor has no instructions for, or not all");
    Ok(())
}

/// How images are built.
struct Build<'a> {
    road: &'a Road,
    target: &'static str,
    optimization: &'static str,
}

/// What an image that links holds all the same.
struct Finding {
    /// Routines that stand in for instructions on `f32`.
    singles: Vec<String>,
    /// And on `f64`.
    doubles: Vec<String>,
    /// Bytes.
    code: u64,
}

impl Build<'_> {
    fn cargo(&self, task: &str, images: &[&str]) -> Command {
        let mut cargo = self.road.cargo(task, &folder());
        cargo.args(["--release", "--quiet", "--keep-going"]);
        for image in images {
            cargo.args(["--bin", image]);
        }
        for package in SIZED {
            let level = format!("profile.release.package.{package}.opt-level={}", self.optimization);
            cargo.arg("--config").arg(level);
        }
        cargo
    }

    fn path(&self, image: &str) -> PathBuf {
        self.road.target_dir().join(self.target).join("release").join(image)
    }

    /// Links images, which fails where one can panic, and says who does.
    fn link(&self, images: &[&str]) -> Result<()> {
        let (status, text) = output_within(&mut self.cargo("build", images), LIMIT)?;
        if text.contains(UNDEFINED) {
            let panicking = images.iter().filter(|image| text.contains(&format!("(bin {image:?})")));
            let who: Vec<_> = panicking.map(|image| self.panics(image)).collect::<Result<_>>()?;
            bail!("panics on {}, opt-level {}:\n{}", self.target, self.optimization, who.concat());
        }
        ensure!(status.success(), "no link on {}:\n{text}", self.target);
        Ok(())
    }

    /// Reads an image that was linked; fails if it asks for a heap.
    fn find(&self, image: &str) -> Result<Finding> {
        let path = self.path(image);
        let symbols = graph::symbols(&path)?;
        if let Some(name) = symbols.iter().find(|name| name.contains("__rust_alloc") || *name == "malloc") {
            bail!("{image} asks for a heap on {}: {name}", self.target);
        }
        let of = |computes: fn(&str) -> bool| symbols.iter().filter(|name| computes(name)).cloned().collect();
        Ok(Finding {
            singles: of(graph::is_single),
            doubles: of(graph::is_double),
            code: graph::code(&path)?,
        })
    }

    /// Programs that must be found out.
    fn controls(&self) -> Result<()> {
        let fails = |program: &str, told: &[&str]| -> Result<()> {
            let (status, text) = output_within(&mut self.cargo("build", &[program]), LIMIT)?;
            let found = !status.success() && told.iter().any(|words| text.contains(words));
            ensure!(
                found,
                "the control `{program}` should not link, saying one of {told:?}; it said\n{text}"
            );
            Ok(())
        };
        fails("panic", &[UNDEFINED])?;
        fails("excepted", &[UNDEFINED])?;
        // Where the library is built from source, there is not even the crate.
        fails("heap", &["no global memory allocator", "can't find crate for `alloc`"])?;
        self.link(&["float"])?;
        let Finding { singles, doubles, .. } = self.find("float")?;
        ensure!(!singles.is_empty() && !doubles.is_empty(), "the control `float` seems to add nothing");
        println!("controls: a panic, a heap and floating point are found out");
        Ok(())
    }

    /// Who panics, by function and line.
    fn panics(&self, image: &str) -> Result<String> {
        let mut relink = self.cargo("rustc", &[image]);
        relink.args(["--", "-C", "link-arg=--emit-relocs", "-C"]);
        relink.arg(format!("link-arg=--defsym={UNDEFINED}=0"));
        run(relink.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only"))?;
        let bytes = fs::read(self.path(image))?;
        let references = graph::references(&bytes)?;
        let source = Source::of(&bytes)?;
        let ours = |reference: &Reference| {
            // The panic handler itself is not to blame, nor is the compiler's library.
            let lines =
                if reference.to == UNDEFINED { Vec::new() } else { source.lines(reference.address)? };
            let ours = lines.iter().filter_map(|line| line.strip_prefix(root().to_str()?));
            let ours: Vec<_> = ours.map(|line| line.trim_start_matches('/').to_string()).collect();
            Ok(Some(ours).filter(|ours| !ours.is_empty()))
        };
        let origins = graph::origins(&references, UNDEFINED, ours)?;
        let told = origins
            .iter()
            .map(|(lines, called)| format!("{called}, called from\n    {}\n", lines.join("\n    ")));
        Ok(format!("{image}:\n{}", told.collect::<String>()))
    }
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
