//! Running programs: what is run is shown, and how it failed is told.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A folder for what is built here, apart from what `cargo build` builds.
pub(crate) fn target_dir(name: &str) -> PathBuf {
    root().join("target/xtask").join(name)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Where a program is, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end, its output among ours; fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("$ {line}");
    check(command.status().with_context(|| format!("cannot start `{line}`"))?, &line)
}

/// Runs a command and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
    check(output.status, &line)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a command printed, its errors too, if it ends in time.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> Result<(ExitStatus, String)> {
    let (status, text, errors) = run_within(command, limit, read)?;
    Ok((status, text + &errors))
}

/// Runs a command to its end, if that comes in time: how it ended, what it printed, and what `log` made of its errors.
pub(crate) fn run_within<T: Send + 'static>(
    command: &mut Command,
    limit: Duration,
    log: impl FnOnce(ChildStderr) -> T + Send + 'static,
) -> Result<(ExitStatus, String, T)> {
    let line = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    // Both pipes are emptied all the time: a full one would stop the program.
    let (stdout, stderr) = (child.stdout.take().context("no pipe")?, child.stderr.take().context("no pipe")?);
    let (stdout, stderr) = (thread::spawn(|| read(stdout)), thread::spawn(|| log(stderr)));
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let (Ok(text), Ok(log)) = (stdout.join(), stderr.join()) else {
        bail!("cannot read what `{line}` printed")
    };
    match status {
        Some(status) => Ok((status, text, log)),
        None => bail!("`{line}` did not end within {} s; it printed\n{text}", limit.as_secs()),
    }
}

fn read(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before an error is still worth showing.
    let _unread = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn check(status: ExitStatus, line: &str) -> Result<()> {
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}
