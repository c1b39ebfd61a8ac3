//! Installing what is missing, where that can be done without asking: as root on Debian. Elsewhere the missing package is
//! named.

use crate::process::{find, output, output_within, target_dir};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Downloads over a slow line included.
const LIMIT: Duration = Duration::from_secs(600);

/// Where `program` is; installs `packages` if it is missing.
pub(crate) fn program(program: &str, packages: &[&str]) -> Result<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    install(packages).with_context(|| format!("`{program}` is missing"))?;
    find(program)
        .with_context(|| format!("`{program}` is missing, although {} is installed", packages.join(" ")))
}

/// Installs Debian's packages.
///
/// A machine may have a newer version of a package that belongs to the same family, from Debian's backports, though its
/// list of sources does not name them; then the ordinary version conflicts with it. Nothing is removed to make room: the
/// matching version is taken from the backports, whose list is kept apart from the system's.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if find("apt-get").is_none() || !is_root() {
        bail!("missing: install the packages {wanted} (on Debian: sudo apt-get install {wanted})");
    }
    eprintln!("installing {wanted}");
    // An update that fails leaves the old lists, which may do.
    let _old_lists = output_within(Command::new("apt-get").arg("update"), LIMIT);
    let (status, text) = output_within(&mut apt_get_install(packages), LIMIT)?;
    if status.success() {
        return Ok(());
    }
    match install_from_backports(packages) {
        Ok(()) => Ok(()),
        Err(error) => bail!("apt-get install {wanted} failed:\n{text}\nand from the backports: {error:#}"),
    }
}

fn apt_get_install(packages: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["install", "--yes", "--no-install-recommends", "--no-remove"]).args(packages);
    command
}

fn install_from_backports(packages: &[&str]) -> Result<()> {
    let folder = target_dir("apt");
    fs::create_dir_all(folder.join("lists/partial"))?;
    let sources = folder.join("sources.list");
    let (release, line) = backports()?;
    let listed = fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
    fs::write(&sources, format!("{listed}\n{line}\n"))?;

    let options = [
        format!("Dir::Etc::sourcelist={}", sources.display()),
        format!("Dir::State::Lists={}", folder.join("lists").display()),
    ];
    let options: Vec<_> = options.iter().flat_map(|option| ["-o", option]).collect();
    for command in [
        Command::new("apt-get").args(&options).arg("update"),
        apt_get_install(packages).args(&options).args(["--target-release", &release]),
    ] {
        let (status, text) = output_within(command, LIMIT)?;
        if !status.success() {
            bail!("{text}");
        }
    }
    Ok(())
}

/// The keys by which Debian signs its releases and their backports.
const KEY: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The name of this Debian's backports, and the line that adds them to apt's sources: from the same place as the
/// release itself.
fn backports() -> Result<(String, String)> {
    let system = fs::read_to_string("/etc/os-release")?;
    let codename = system
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("/etc/os-release names no release")?;
    let targets =
        output(Command::new("apt-get").args(["indextargets", "--format", "$(RELEASE) $(REPO_URI)"]))?;
    let repository = targets
        .lines()
        .find_map(|line| line.strip_prefix(codename)?.strip_prefix(' '))
        .with_context(|| format!("apt has no source of {codename}"))?;
    // Where the file is missing, apt looks for the key among those it trusts for every source.
    let signed = if Path::new(KEY).is_file() { format!("[signed-by={KEY}] ") } else { String::new() };
    let release = format!("{codename}-backports");
    let line = format!("deb {signed}{repository} {release} main");
    Ok((release, line))
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
