//! The public interface beside that of the last release.

use crate::process::{cargo, find, output, root, run};
use anyhow::{Context, Result};
use std::process::Command;

/// The subcommand of cargo, which is a program of this name.
const TOOL: &str = "cargo-semver-checks";

/// The last tag of a version that this commit contains, if there is one.
fn last_tag() -> Result<Option<String>> {
    let tags = ["tag", "--merged", "HEAD", "--sort=-version:refname", "--list", "v[0-9]*"];
    let tags = output(Command::new("git").current_dir(root()).args(tags))?;
    Ok(tags.lines().next().map(str::to_owned))
}

/// Compares with the last tag; fails if the version has to change more than it did, or if the tool cannot be had.
pub(crate) fn check() -> Result<()> {
    let Some(tag) = last_tag()? else {
        println!(
            "There is no tag of a version yet, so there is nothing to compare the public interface with."
        );
        return Ok(());
    };
    if find(TOOL).is_none() {
        // It does not depend on fusebox's lock file, and its own is what its authors tested.
        let install = run(cargo().args(["install", TOOL, "--locked"]));
        install.with_context(|| format!("{TOOL} cannot be installed"))?;
    }
    // Not with a registry's newest, which is the tool's default: the tag is what was released from here. Features are those that add
    // public items; those of cores exclude each other.
    let features = ["--only-explicit-features", "--features", "alloc,defmt"];
    run(cargo().args(["semver-checks", "--package", "fusebox", "--baseline-rev", &tag]).args(features))
}
