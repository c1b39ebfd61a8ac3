//! A board that is simulated: the two parts as their data sheets have them, a light, a clock and a serial port, all of
//! which a test can look into and break.

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use sensor_node::eeprom::PAGE;
use sensor_node::slots::BYTES;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;

/// A 24Cxx memory: bytes, pages, and what a power cut leaves of a page.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) present: bool,
    pub(crate) writable: bool,
    /// Questions that it leaves without an answer after each write.
    pub(crate) busy_for: u32,
    pub(crate) busy: u32,
    pub(crate) address: usize,
    /// Pages that are still written before the power goes, and how it goes then.
    pub(crate) cut: Option<(usize, Cut)>,
    /// The power is gone.
    pub(crate) dead: bool,
}

/// What the page holds that was being written when the power went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// The first bytes of the page's new content that are in it.
    pub(crate) new: usize,
    pub(crate) rest: Rest,
}

/// What the others hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    Old,
    Erased,
    /// Bits half-way between old and new.
    Between,
    /// Anything.
    Random(u64),
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes: vec![0xff; bytes],
            present: true,
            writable: true,
            busy_for: 2,
            busy: 0,
            address: 0,
            cut: None,
            dead: false,
        }
    }

    /// The same memory after the power has come back.
    pub(crate) fn restarted(&self) -> Self {
        Self { busy: 0, cut: None, dead: false, ..self.clone() }
    }

    fn write(&mut self, message: &[u8]) {
        let [high, low, data @ ..] = message else { return };
        self.address = usize::from(u16::from_be_bytes([*high, *low])) % self.bytes.len();
        if data.is_empty() {
            return;
        }
        let page = self.address / PAGE * PAGE;
        let place = |i: usize| page + (self.address - page + i) % PAGE;
        let old = self.bytes.clone();
        for (i, &byte) in data.iter().enumerate().filter(|_| self.writable) {
            self.bytes[place(i)] = byte;
        }
        match &mut self.cut {
            Some((0, cut)) => {
                // A page is latched whole before it is programmed, so those not sent keep their content, if at all.
                let whole: Vec<usize> = (0..PAGE).map(place).collect();
                let mut random = match cut.rest {
                    Rest::Random(seed) => fusebox::Rng::new(seed),
                    _ => fusebox::Rng::new(0),
                };
                for &at in &whole[cut.new.min(PAGE)..] {
                    self.bytes[at] = match cut.rest {
                        Rest::Old => old[at],
                        Rest::Erased => 0xff,
                        Rest::Between => old[at] & self.bytes[at],
                        Rest::Random(_) => random.next_u32() as u8,
                    };
                }
                self.dead = true;
            }
            Some((pages, _)) => *pages -= 1,
            None => {}
        }
        self.busy = self.busy_for;
    }

    fn read(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.bytes[self.address];
            self.address = (self.address + 1) % self.bytes.len();
        }
    }
}

/// What the magnetometer takes for a measurement, in nanoseconds: 220 a second.
const MEASUREMENT: u64 = 1_000_000_000_u64.div_ceil(220);

/// The magnetometer: registers, and a field in counts along x, y and z.
#[derive(Debug)]
pub(crate) struct Sensor {
    pub(crate) present: bool,
    pub(crate) identity: [u8; 3],
    pub(crate) registers: [u8; 3],
    pub(crate) field: [i16; 3],
    /// When it was told how to measure.
    told: u64,
    pointer: u8,
}

impl Sensor {
    fn write(&mut self, message: &[u8], now: u64) {
        match *message {
            [pointer] => self.pointer = pointer,
            [register @ 0..=2, value] => {
                self.registers[usize::from(register)] = value;
                self.told = now;
            }
            _ => panic!("the magnetometer has no use for {message:?}"),
        }
    }

    fn read(&mut self, bytes: &mut [u8], now: u64) {
        // Zeros until there is a measurement.
        let field = if now - self.told < MEASUREMENT { [0; 3] } else { self.field };
        let [x, y, z] = field.map(i16::to_be_bytes);
        let mut map = [0; 13];
        map[3..9].copy_from_slice([x, z, y].as_flattened());
        map[10..].copy_from_slice(&self.identity);
        // Asleep it measures nothing.
        assert!(self.pointer != 3 || self.registers[2] == 0, "the magnetometer was not started");
        bytes.copy_from_slice(&map[usize::from(self.pointer)..][..bytes.len()]);
    }
}

/// All that is on the board.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) sensor: Sensor,
    /// The bus fails, in whatever is done.
    pub(crate) broken: Option<ErrorKind>,
    pub(crate) light: bool,
    pub(crate) input: VecDeque<u8>,
    pub(crate) output: String,
    pub(crate) nanoseconds: u64,
}

/// A handle to the board, which serves as bus, light, clock and port.
#[derive(Clone, Debug)]
pub(crate) struct Board(pub(crate) Rc<RefCell<World>>);

impl Board {
    pub(crate) fn new(memory: Memory) -> Self {
        let sensor = Sensor {
            present: true,
            identity: *b"H43",
            registers: [0x10, 0x20, 3],
            field: [220, 55, 412],
            told: 0,
            pointer: 0,
        };
        let world = World {
            memory,
            sensor,
            broken: None,
            light: false,
            input: VecDeque::new(),
            output: String::new(),
            nanoseconds: 0,
        };
        Self(Rc::new(RefCell::new(world)))
    }

    /// A board whose memory has the size it should have and was never written.
    pub(crate) fn blank() -> Self {
        Self::new(Memory::new(BYTES))
    }

    pub(crate) fn type_line(&self, line: &str) {
        self.0.borrow_mut().input.extend(line.bytes().chain([b'\n']));
    }

    /// The lines printed since the last time.
    pub(crate) fn lines(&self) -> Vec<String> {
        let output = std::mem::take(&mut self.0.borrow_mut().output);
        output.lines().map(String::from).collect()
    }
}

impl ErrorType for Board {
    type Error = ErrorKind;
}

impl I2c for Board {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let World { memory, sensor, broken, nanoseconds, .. } = &mut *self.0.borrow_mut();
        if let Some(kind) = *broken {
            return Err(kind);
        }
        let here = match address {
            0x1e => sensor.present,
            0x50 => memory.present && !memory.dead,
            _ => false,
        };
        if address == 0x50 && memory.busy > 0 {
            memory.busy -= 1;
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        if !here {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        for operation in operations {
            match (address, operation) {
                (0x1e, Operation::Write(message)) => sensor.write(message, *nanoseconds),
                (0x1e, Operation::Read(bytes)) => sensor.read(bytes, *nanoseconds),
                (_, Operation::Write(message)) => memory.write(message),
                (_, Operation::Read(bytes)) => memory.read(bytes),
            }
        }
        // What the power cut interrupted.
        if memory.dead { Err(ErrorKind::Other) } else { Ok(()) }
    }
}

impl digital::ErrorType for Board {
    type Error = Infallible;
}

impl OutputPin for Board {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().light = false;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().light = true;
        Ok(())
    }
}

impl DelayNs for Board {
    fn delay_ns(&mut self, ns: u32) {
        self.0.borrow_mut().nanoseconds += u64::from(ns);
    }
}

/// The board's serial port; a type of its own, because `embedded-io` has an `ErrorType` too.
#[derive(Debug)]
pub(crate) struct Port(pub(crate) Board);

impl embedded_io::ErrorType for Port {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.0.borrow().input.is_empty())
    }
}

impl embedded_io::Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let byte = self.0.0.borrow_mut().input.pop_front().expect("asked before it was ready");
        bytes[0] = byte;
        Ok(1)
    }
}

impl embedded_io::Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.0.borrow_mut().output.push_str(std::str::from_utf8(bytes).expect("text"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
