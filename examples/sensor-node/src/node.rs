//! What the node does, a step at a time.
//!
//! ```text
//!            no model                   enough samples            EPOCHS passed
//! start ────────────────► gathering ──────────────────► training ──────────────► watching
//!   │                         ▲             `learn`, `forget`                       │ ▲
//!   │                         └─────────────────────────────────────────────────────┘ │
//!   └─────────────────────────────────────────────────────────────────────────────────┘
//!                                   a model in the memory
//! ```
//!
//! Watching, each window's error is compared with the limit. Above it the light goes on, and below half of it the light
//! goes off again; each is told once. A field that is too strong to be measured is an anomaly too; gathering, it is a
//! sensor that fails.
//!
//! What fails is told once, and again when it works. A sensor that does not answer is asked ten times a second, with a new
//! start, for it may have been without power. No window spans such a gap, and gathering begins anew after it. A memory that
//! fails costs nothing but what a restart would have found in it: the node goes on with the model it has, and `save` tries
//! again.

use crate::console::{Console, Decimal};
use crate::eeprom::Eeprom;
use crate::error::Error;
use crate::learner::{EPOCHS, HOP, Learner, Progress, SAMPLES};
use crate::magnetometer::{Axis, Magnetometer, Range};
use crate::model::{Model, Net, Sample, WINDOW};
use crate::slots::{Saved, Slots};
use core::fmt;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;
use embedded_io::{Read, ReadReady, Write};
use fusebox::Scratch;
use fusebox::data::Windows;

/// From one sample to the next, beside the time that reading takes: the sensor has a new one every 4.5 ms.
const PERIOD_US: u32 = 5_000;
/// From one attempt to reach the sensor to the next.
const RETRY_MS: u32 = 100;
/// Samples from one line about gathering to the next.
const GATHERED_EVERY: usize = 64;
/// Epochs from one line about training to the next.
const EPOCHS_EVERY: u16 = 10;
/// Windows from one line about watching to the next: about three quarters of a second.
const WINDOWS_EVERY: u32 = 64;

/// The memory of a node. All zeros when it is new, and so in `.bss`.
#[derive(Debug)]
pub struct Memory {
    learner: Learner,
    model: Option<Model>,
    windows: Windows<Sample, WINDOW, HOP>,
    scratch: Scratch<Net, 1>,
}

impl Memory {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { learner: Learner::new(), model: None, windows: Windows::new(), scratch: Scratch::new() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// What the node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Gathering samples of what is normal.
    Gathering,
    /// Training on them.
    Training,
    /// Comparing the field with what was learnt.
    Watching,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gathering => "gathering",
            Self::Training => "training",
            Self::Watching => "watching",
        })
    }
}

/// What an anomaly is known by.
#[derive(Clone, Copy, Debug)]
enum Finding {
    Error(f32),
    Saturated(Axis),
}

/// The node, on whatever bus, pin, clock and serial port a board has.
#[derive(Debug)]
pub struct Node<'a, I2C, Light, Delay, Port> {
    i2c: I2C,
    light: Light,
    delay: Delay,
    console: Console<Port>,
    memory: &'a mut Memory,
    state: State,
    saved: Option<Saved>,
    /// The light is on.
    alarm: bool,
    anomalies: u32,
    /// Windows seen since the last line.
    seen: u32,
    /// What is the matter with the sensor.
    trouble: Option<Error>,
}

impl<'a, I2C, Light, Delay, Port> Node<'a, I2C, Light, Delay, Port>
where
    I2C: I2c,
    Light: OutputPin,
    Delay: DelayNs,
    Port: Read + ReadReady + Write,
{
    /// Starts a node: with the model that its EEPROM holds, if it holds one.
    pub fn start(i2c: I2C, light: Light, delay: Delay, port: Port, memory: &'a mut Memory) -> Self {
        let mut node = Self {
            i2c,
            light,
            delay,
            console: Console::new(port),
            memory,
            state: State::Gathering,
            saved: None,
            alarm: false,
            anomalies: 0,
            seen: 0,
            trouble: None,
        };
        node.say(format_args!("sensor-node: windows of {WINDOW}, a model of {} B", Model::BYTES));
        node.load();
        node.trouble = node.magnetometer().start().err();
        if let Some(error) = node.trouble {
            node.say(format_args!("sensor: {error}"));
        }
        node
    }

    /// What the node is doing.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The model it watches with.
    pub const fn model(&self) -> Option<&Model> {
        self.memory.model.as_ref()
    }

    /// Does the next thing: obeys a command, then takes a sample and looks at it, or trains for an epoch.
    pub fn step(&mut self) {
        while let Some(command) = self.console.command() {
            self.obey(&command);
        }
        if self.state == State::Training {
            return self.train();
        }
        match self.sample() {
            Some(Ok(sample)) if self.state == State::Gathering => self.gather(sample),
            Some(Ok(sample)) => self.watch(sample),
            Some(Err(axis)) => self.find(Finding::Saturated(axis)),
            None => return self.delay.delay_ms(RETRY_MS),
        }
        self.delay.delay_us(PERIOD_US);
    }

    fn obey(&mut self, command: &[u8]) {
        match command {
            b"learn" => self.learn(),
            b"save" => self.save(),
            b"forget" => self.forget(),
            b"status" => self.status(),
            _ => self.say(format_args!("commands: learn, save, forget, status")),
        }
    }

    fn status(&mut self) {
        let (state, anomalies) = (self.state, self.anomalies);
        self.say(format_args!("status {state}, anomalies {anomalies}"));
        match self.saved {
            Some(Saved { slot, sequence }) => {
                self.say(format_args!("status saved slot {slot} sequence {sequence}"));
            }
            None => self.say(format_args!("status nothing saved")),
        }
        if let Some(error) = self.trouble {
            self.say(format_args!("status sensor: {error}"));
        }
    }

    /// Starts learning. What was learnt before is kept until this ends well.
    fn learn(&mut self) {
        self.memory.learner.restart();
        self.state = State::Gathering;
        self.set_light(false);
    }

    fn load(&mut self) {
        match self.slots().load() {
            Ok((saved, model)) => {
                let Saved { slot, sequence } = saved;
                self.say(format_args!(
                    "loaded slot {slot} sequence {sequence} limit {}",
                    Decimal(model.limit)
                ));
                self.memory.model = Some(model);
                self.saved = Some(saved);
                self.watch_from_here();
            }
            Err(error) => self.say(format_args!("not loaded: {error}")),
        }
    }

    fn save(&mut self) {
        let Self { i2c, delay, console, memory, .. } = self;
        let Some(model) = &memory.model else {
            return self.say(format_args!("not saved: nothing was learnt yet"));
        };
        let written = |page| console.say(format_args!("page {page}"));
        match Slots::new(Eeprom::new(i2c, delay)).save(model, written) {
            Ok(saved) => {
                let Saved { slot, sequence } = saved;
                self.saved = Some(saved);
                self.say(format_args!("saved slot {slot} sequence {sequence}"));
            }
            Err(error) => self.say(format_args!("not saved: {error}")),
        }
        // That took long enough to miss samples.
        self.memory.windows.clear();
    }

    /// Erases what is saved, and learns anew. Where it cannot be erased, what was learnt is kept until that ends well.
    fn forget(&mut self) {
        match self.slots().forget() {
            Ok(()) => {
                (self.saved, self.memory.model) = (None, None);
                self.say(format_args!("forgotten"));
            }
            Err(error) => {
                self.say(format_args!("not forgotten: {error}"));
                // One slot or a part of one may be erased. A memory that cannot be read may hold what it held.
                match self.slots().load() {
                    Ok((saved, _)) => self.saved = Some(saved),
                    Err(Error::NoModel { .. }) => self.saved = None,
                    Err(_) => {}
                }
            }
        }
        self.learn();
    }

    /// A sample, or the axis along which it is too strong to be one; nothing when the sensor fails.
    fn sample(&mut self) -> Option<Result<Sample, Axis>> {
        let was = self.trouble;
        let mut sensor = self.magnetometer();
        let result = if was.is_some() { sensor.start() } else { Ok(()) }.and_then(|()| sensor.field());
        let sample = match result {
            Ok(sample) => Ok(sample),
            // As abnormal as can be; but nothing to learn from.
            Err(Error::Saturated { axis }) if self.state == State::Watching => Err(axis),
            Err(error) => {
                self.memory.windows.clear();
                self.memory.learner.restart();
                self.trouble = Some(error);
                if was != self.trouble {
                    self.say(format_args!("sensor: {error}"));
                }
                return None;
            }
        };
        self.trouble = None;
        if was.is_some() {
            self.say(format_args!("sensor answers"));
        }
        Some(sample)
    }

    fn gather(&mut self, sample: Sample) {
        let enough = self.memory.learner.gather(sample);
        let gathered = self.memory.learner.gathered();
        if gathered.is_multiple_of(GATHERED_EVERY) {
            self.say(format_args!("gathered {gathered}/{SAMPLES}"));
        }
        if enough {
            self.state = State::Training;
            if let Err(error) = self.memory.learner.begin() {
                self.give_up(error);
            }
        }
    }

    fn train(&mut self) {
        match self.memory.learner.train() {
            Ok(Progress::Epoch { epoch, loss, refused }) => {
                if epoch.is_multiple_of(EPOCHS_EVERY) || epoch == 1 {
                    self.say(format_args!("learning {epoch}/{EPOCHS} loss {}", Decimal(loss)));
                }
                if refused > 0 {
                    self.say(format_args!("learning {epoch}/{EPOCHS} left out {refused} batches"));
                }
            }
            Ok(Progress::Done) => match self.memory.learner.finish() {
                Ok(model) => {
                    self.say(format_args!("learnt limit {}", Decimal(model.limit)));
                    self.memory.model = Some(model);
                    self.watch_from_here();
                    self.save();
                }
                Err(error) => self.give_up(error),
            },
            Err(error) => self.give_up(error),
        }
    }

    /// Back to the last model, or if there is none, to the beginning.
    fn give_up(&mut self, error: Error) {
        self.say(format_args!("not learnt: {error}"));
        if self.memory.model.is_some() { self.watch_from_here() } else { self.learn() }
    }

    fn watch_from_here(&mut self) {
        self.memory.windows.clear();
        self.state = State::Watching;
        self.seen = 0;
        self.set_light(false);
    }

    fn watch(&mut self, sample: Sample) {
        let Memory { windows, model: Some(model), scratch, .. } = &mut *self.memory else {
            return self.learn();
        };
        let Some(window) = windows.push(sample) else { return };
        match model.error(window, scratch) {
            Ok(error) => self.find(Finding::Error(error)),
            Err(error) => self.give_up(error.into()),
        }
    }

    /// Judges what was found in a window.
    fn find(&mut self, finding: Finding) {
        let limit = self.model().map_or(0.0, |model| model.limit);
        match finding {
            // An error that is no number comes of numbers too large for one.
            Finding::Error(error) if (error > limit || error.is_nan()) && !self.alarm => {
                self.raise(format_args!("ANOMALY err {} limit {}", Decimal(error), Decimal(limit)));
            }
            Finding::Saturated(axis) => {
                // A window does not span it.
                self.memory.windows.clear();
                if !self.alarm {
                    self.raise(format_args!("ANOMALY field out of range along {axis}"));
                }
            }
            Finding::Error(error) if error < 0.5 * limit && self.alarm => {
                self.set_light(false);
                self.seen = 0;
                self.say(format_args!("quiet err {} limit {}", Decimal(error), Decimal(limit)));
            }
            Finding::Error(error) => {
                self.seen += 1;
                if self.seen >= WINDOWS_EVERY {
                    self.seen = 0;
                    let how = if self.alarm { "abnormal" } else { "normal" };
                    self.say(format_args!("{how} err {} limit {}", Decimal(error), Decimal(limit)));
                }
            }
        }
    }

    fn raise(&mut self, line: fmt::Arguments<'_>) {
        self.anomalies = self.anomalies.saturating_add(1);
        self.set_light(true);
        self.say(line);
    }

    fn set_light(&mut self, on: bool) {
        self.alarm = on;
        if self.light.set_state(on.into()).is_err() {
            self.say(format_args!("the light cannot be set"));
        }
    }

    fn say(&mut self, text: fmt::Arguments<'_>) {
        self.console.say(text);
    }

    const fn magnetometer(&mut self) -> Magnetometer<'_, I2C, Delay> {
        Magnetometer::new(&mut self.i2c, &mut self.delay, Range::G1_3)
    }

    const fn slots(&mut self) -> Slots<'_, I2C, Delay> {
        Slots::new(Eeprom::new(&mut self.i2c, &mut self.delay))
    }
}
