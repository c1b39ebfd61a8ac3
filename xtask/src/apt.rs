//! Installing what is missing, where that can be done without asking: as root on Debian. Elsewhere an error says what to
//! type.
//!
//! One installation runs at a time, and installs all that it is asked for at once. `cargo xtask tools` asks for everything
//! before anything else runs; the other tasks ask for what they need.

use crate::process::{find, output, output_within, target_dir};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Downloads over a slow line included.
const LIMIT: Duration = Duration::from_secs(900);

/// QEMU's packages depend on one another in the same version, so they are installed together.
const QEMU: &[&str] = &["qemu-system-arm", "qemu-system-misc", "qemu-user"];

/// Programs, and the packages to install where they are missing.
const PROGRAMS: [(&str, &[&str]); 13] = [
    ("qemu-system-arm", QEMU),
    ("qemu-system-riscv32", QEMU),
    ("qemu-aarch64", QEMU),
    ("aarch64-linux-gnu-gcc", &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]),
    ("ld.lld", &["lld"]),
    ("node", &["nodejs"]),
    ("npm", &["npm"]),
    ("wasm-opt", &["binaryen"]),
    ("chromium", &["chromium"]),
    ("gcc", &["gcc", "libc6-dev"]),
    ("g++", &["g++"]),
    ("arm-none-eabi-gcc", &["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"]),
    ("cmake", &["cmake"]),
];

/// Where `program`, one of [`PROGRAMS`], is; installs it if it is missing.
pub(crate) fn program(program: &str) -> Result<PathBuf> {
    install(|| missing(&[program]))?;
    find(program).with_context(|| format!("`{program}` is missing, although its packages are installed"))
}

/// The packages of those programs that are missing, each once.
pub(crate) fn missing(programs: &[&str]) -> Vec<&'static str> {
    let missing =
        PROGRAMS.iter().filter(|(program, _)| programs.contains(program) && find(program).is_none());
    let mut packages: Vec<_> = missing.flat_map(|&(_, packages)| packages).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Installs the packages that `missing` names. Whoever waits for another installation asks again after it.
pub(crate) fn install(missing: impl Fn() -> Vec<&'static str>) -> Result<()> {
    if missing().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(target_dir("apt"))?;
    // Held until the end of this function, against other threads and other processes.
    let turn = File::create(target_dir("apt/lock"))?;
    turn.lock()?;
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let backports = if backported(&installed()) { Some(Backports::of_system()?) } else { None };
    let by_hand = by_hand(backports.as_ref(), &packages);
    if find("apt-get").is_none() {
        bail!("something is missing, in Debian's packages {}: install what has it", packages.join(" "));
    }
    if !is_root() {
        bail!("something is missing: type\n{by_hand}");
    }
    eprintln!("installing {}", packages.join(" "));
    let options = backports.map_or(Ok(Vec::new()), |backports| backports.options())?;
    // An update that fails leaves the old lists, which may do.
    let (_, lists) = output_within(&mut apt_get("update", &options), LIMIT)?;
    let mut command = apt_get("install", &options);
    command.args(["--yes", "--no-install-recommends", "--no-remove"]).args(&packages);
    let (status, text) = output_within(&mut command, LIMIT)?;
    if !status.success() {
        bail!("cannot install what is missing:\n{lists}{text}\nto do it by hand, type\n{by_hand}");
    }
    Ok(())
}

fn apt_get(task: &str, options: &[String]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg(task);
    // Another program's installation is waited for.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(options);
    command
}

/// What to type where nothing can be installed from here.
fn by_hand(backports: Option<&Backports>, packages: &[&str]) -> String {
    let packages = packages.join(" ");
    let (list, release) = backports.map_or_else(Default::default, |Backports { release, line }| {
        (
            format!("    echo '{line}' | sudo tee /etc/apt/sources.list.d/backports.list\n"),
            format!("--target-release {release} "),
        )
    });
    format!(
        "{list}    sudo apt-get update\n    sudo apt-get install --no-install-recommends {release}{packages}"
    )
}

/// What is installed, a package a line: status, source, version.
fn installed() -> String {
    let format = "${db:Status-Abbrev} ${source:Package} ${Version}\\n";
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", format]);
    output(&mut query).unwrap_or_default()
}

/// Whether a package of QEMU's is from Debian's backports. Then the others must be from there too.
fn backported(installed: &str) -> bool {
    installed.lines().any(|line| {
        let mut words = line.split_whitespace();
        let [status, source, version] = [(); 3].map(|()| words.next().unwrap_or_default());
        status == "ii" && source == "qemu" && version.contains("~bpo")
    })
}

/// The backports of this machine's Debian. Its list of sources need not name them.
struct Backports {
    release: String,
    /// The line that adds them to apt's sources.
    line: String,
}

/// The keys by which Debian signs its releases and their backports.
const KEY: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

impl Backports {
    /// From the same place as the release itself.
    fn of_system() -> Result<Self> {
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
        Ok(Self { release, line })
    }

    /// Options with which apt-get takes packages from there, by a list of sources apart from the system's.
    fn options(&self) -> Result<Vec<String>> {
        let folder = target_dir("apt");
        fs::create_dir_all(folder.join("lists/partial"))?;
        let sources = folder.join("sources.list");
        let listed = fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
        fs::write(&sources, format!("{listed}\n{}\n", self.line))?;
        let settings = [
            format!("Dir::Etc::sourcelist={}", sources.display()),
            format!("Dir::State::Lists={}", folder.join("lists").display()),
            format!("APT::Default-Release={}", self.release),
        ];
        Ok(settings.into_iter().flat_map(|setting| ["-o".into(), setting]).collect())
    }
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_family_from_the_backports() {
        let stable = "ii  qemu 1:7.2+dfsg-7+deb12u18\nii  other 2.9-1~bpo12+1\n";
        assert!(!backported(stable));
        let newer = "1:10.0.2+ds-2+deb13u1~bpo12+1";
        assert!(backported(&format!("{stable}ii  qemu {newer}\n")));
        // Removed, its settings kept.
        assert!(!backported(&format!("{stable}rc  qemu {newer}\n")));
    }

    #[test]
    fn what_to_type() {
        assert_eq!(
            by_hand(None, &["a", "b"]),
            "    sudo apt-get update\n    sudo apt-get install --no-install-recommends a b"
        );
        let backports =
            Backports { release: "x-backports".into(), line: "deb http://d x-backports main".into() };
        assert_eq!(
            by_hand(Some(&backports), &["a"]),
            "    echo 'deb http://d x-backports main' | sudo tee /etc/apt/sources.list.d/backports.list\n    \
             sudo apt-get update\n    sudo apt-get install --no-install-recommends --target-release x-backports a"
        );
    }

    /// Whoever needs one emulator gets all of its family, in one transaction; nothing is named twice.
    #[test]
    fn families() {
        let members =
            |program| PROGRAMS.iter().find(|(name, _)| *name == program).map(|(_, packages)| *packages);
        assert_eq!(members("qemu-system-arm"), members("qemu-aarch64"));
        let all = missing(&PROGRAMS.map(|(program, _)| program));
        assert!(all.iter().enumerate().all(|(i, package)| !all[..i].contains(package)));
        assert!(missing(&["sh"]).is_empty());
    }

    /// Nobody installs what another has installed in the meantime.
    #[test]
    fn nothing_missing_any_more() {
        let asked = std::cell::Cell::new(0);
        let missing = || {
            asked.set(asked.get() + 1);
            if asked.get() == 1 { vec!["no-such-package"] } else { vec![] }
        };
        install(missing).expect("nothing to install");
        assert_eq!(asked.get(), 2);
    }
}
