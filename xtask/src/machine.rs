//! An emulated board with real parts on its bus: its console in lines, its field and its light by QEMU's machine protocol
//! (QMP), which speaks JSON over a socket.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The board: see `board.rs`. It runs in real time here, not by instructions.
pub(crate) const BOARD: &str = "mps2-an386";

/// What takes longer hangs, also on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(60);

/// From one field to the next: about what the node takes from one sample to the next.
const STEP: Duration = Duration::from_millis(5);

/// What is soldered to the bus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) magnetometer: bool,
    /// Bytes of the EEPROM, if there is one.
    pub(crate) eeprom: Option<usize>,
    pub(crate) writable: bool,
}

/// A field in nanotesla along x, y and z, and noise about it. It is never below zero, which QEMU does not take.
///
/// How often it moves while the node takes a window's samples depends on how busy this machine is. Noise that only makes
/// the sensor's last digit flicker looks the same however often that is; of other noise, a node that learnt it on a busy
/// machine may find it strange on an idle one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) centre: [i64; 3],
    /// The noise that is common to all axes, and that of each, at most.
    noise: [i64; 2],
    random: u64,
}

impl Field {
    /// A digit of the sensor is 91 nanotesla along x and y, 102 along z.
    pub(crate) const fn quiet(centre: [i64; 3]) -> Self {
        Self { centre, noise: [20, 24], random: 1 }
    }

    pub(crate) const fn noisy(centre: [i64; 3]) -> Self {
        Self { centre, noise: [1200, 400], random: 1 }
    }

    fn next(&mut self) -> [i64; 3] {
        let mut noise = |size: i64| {
            // Knuth's generator of 64 bits; its upper bits are good enough.
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.random >> 33) as i64 % (2 * size + 1) - size
        };
        let [common, own] = self.noise;
        let common = noise(common);
        self.centre.map(|centre| centre + common + noise(own))
    }
}

/// A machine that runs; it is killed when it is dropped.
pub(crate) struct Machine {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    qmp: Qmp,
    folder: PathBuf,
    field: Option<Field>,
    /// What it printed.
    pub(crate) log: Vec<String>,
}

impl Machine {
    /// Starts `image` with `parts`. The EEPROM's bytes are in the file `eeprom.bin` of `folder`.
    pub(crate) fn start(
        qemu: &Path,
        image: &Path,
        folder: &Path,
        parts: Parts,
        field: Field,
    ) -> Result<Self> {
        let socket = folder.join("qmp.sock");
        let _none_left = fs::remove_file(&socket);
        let mut command = Command::new(qemu);
        command.args(["-M", BOARD, "-display", "none", "-monitor", "none", "-serial", "stdio", "-S"]);
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", socket.display()));
        if parts.magnetometer {
            command.args(["-device", "lsm303dlhc_mag,id=mag,address=0x1e"]);
        }
        if let Some(bytes) = parts.eeprom {
            let file = folder.join("eeprom.bin");
            let writable = if parts.writable { "on" } else { "off" };
            command.arg("-drive").arg(format!("if=none,id=memory,format=raw,file={}", file.display()));
            command
                .arg("-device")
                .arg(format!("at24c-eeprom,address=0x50,rom-size={bytes},drive=memory,writable={writable}"));
        }
        command.arg("-kernel").arg(image);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", qemu.display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (sender, lines) = channel();
        if let Some(output) = output {
            // It ends with the machine.
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line.trim_end().to_string()).is_err() {
                        break;
                    }
                }
            });
        }
        let (qmp, input) = match (Qmp::connect(&socket), input) {
            (Ok(qmp), Some(input)) => (qmp, input),
            (qmp, _) => {
                let _killed = child.kill();
                let _reaped = child.wait();
                return Err(qmp.err().context("QEMU has no standard input")?);
            }
        };
        let field = parts.magnetometer.then_some(field);
        let mut machine = Self { child, input, lines, qmp, folder: folder.into(), field, log: Vec::new() };
        machine.step_field()?;
        machine.qmp.execute("cont", json!({}))?;
        Ok(machine)
    }

    /// Moves the field to another place.
    pub(crate) fn set_field(&mut self, centre: [i64; 3]) {
        if let Some(field) = &mut self.field {
            field.centre = centre;
        }
    }

    /// Types a line on the console.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}").context("cannot write to the console")
    }

    /// Waits for a line that starts with `start`, while the field goes on; gives it.
    pub(crate) fn wait(&mut self, start: &str) -> Result<String> {
        let end = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(STEP) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.starts_with(start) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => self.step_field()?,
                Err(error) => bail!("no line `{start}` ({error}); it printed\n{}", self.log.join("\n")),
            }
        }
    }

    /// As `wait`, and fails if a line before it starts with `unwanted`.
    pub(crate) fn wait_without(&mut self, start: &str, unwanted: &str) -> Result<String> {
        let before = self.log.len();
        let line = self.wait(start)?;
        match self.log[before..].iter().find(|line| line.starts_with(unwanted)) {
            Some(line) => bail!("`{line}`, where nothing of the kind should come"),
            None => Ok(line),
        }
    }

    /// Whether the light is on: the first bit of the board's register.
    pub(crate) fn light(&mut self) -> Result<bool> {
        let command = json!({ "command-line": "xp /1wx 0x40028000" });
        let answer = self.qmp.execute("human-monitor-command", command)?;
        let word = answer.as_str().and_then(|text| text.trim().rsplit("0x").next()).unwrap_or_default();
        let word = u32::from_str_radix(word, 16).with_context(|| format!("QEMU's answer was {answer}"))?;
        Ok(word & 1 != 0)
    }

    /// Cuts the power.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn step_field(&mut self) -> Result<()> {
        let Some(field) = &mut self.field else { return Ok(()) };
        for (axis, value) in ["mag-x", "mag-y", "mag-z"].into_iter().zip(field.next()) {
            let set = json!({ "path": "/machine/peripheral/mag", "property": axis, "value": value });
            self.qmp.execute("qom-set", set)?;
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // After `kill` there is nothing left of it.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        let _removed = fs::remove_file(self.folder.join("qmp.sock"));
    }
}

/// A connection to QEMU's machine protocol.
struct Qmp {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Qmp {
    fn connect(socket: &Path) -> Result<Self> {
        let end = Instant::now() + LIMIT;
        let writer = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(error).context("QEMU does not open its socket"),
            }
        };
        writer.set_read_timeout(Some(LIMIT))?;
        let mut qmp = Self { reader: BufReader::new(writer.try_clone()?), writer };
        qmp.read()?; // the greeting
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Has a command executed; gives what it returns.
    fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let message = json!({ "execute": command, "arguments": arguments });
        self.writer.write_all(format!("{message}\n").as_bytes())?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU refuses {message}: {error}");
            }
            // Events come in between.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("QEMU said `{line}`"))
    }
}
