//! Linking the images for one target, and reading what came of it.

use super::folder;
use super::graph::{self, Reference, Source};
use crate::process::{output_within, root, run};
use crate::road::Road;
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What the panic handler calls.
const UNDEFINED: &str = "fusebox_must_not_panic";

/// A build takes a minute at most.
const LIMIT: Duration = Duration::from_secs(600);

/// The packages that are optimised for size where that is asked for. The library that comes with the compiler is not, as it
/// never is; where it is built from source, it need not be built again.
const SIZED: [&str; 5] = ["fusebox", "heapless", "libm", "link", "wide"];

/// How images are built.
pub(super) struct Build<'a> {
    pub(super) road: &'a Road,
    pub(super) target: &'static str,
    /// Of `tests/link`; there may be none.
    pub(super) features: &'static str,
    /// As cargo's configuration has it.
    pub(super) optimization: &'static str,
}

/// What an image that links holds all the same.
pub(super) struct Finding {
    /// Routines that stand in for instructions on `f32`.
    pub(super) singles: Vec<String>,
    /// And on `f64`.
    pub(super) doubles: Vec<String>,
    /// Bytes.
    pub(super) code: u64,
}

impl Build<'_> {
    fn cargo(&self, task: &str, images: &[&str]) -> Command {
        let mut cargo = self.road.cargo(task, &folder());
        cargo.args(["--release", "--quiet", "--keep-going", "--features", self.features]);
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
    pub(super) fn link(&self, images: &[&str]) -> Result<()> {
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
    pub(super) fn find(&self, image: &str) -> Result<Finding> {
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
    pub(super) fn controls(&self) -> Result<()> {
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
