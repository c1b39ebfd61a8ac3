//! I2C, bit by bit: the controller is two lines that can be pulled down and let go. After NXP's UM10204.
//!
//! ```text
//! SDA ──┐  ┌─b7─┬─b6─    ─b0─┬─ack─┐    ┌──     A line that is let go is high, unless somebody else pulls it down:
//! SCL ───┐  ┌──┐  ┌──   ┌──┐  ┌──┐   ┌────      a part that acknowledges, sends a zero, or needs more time.
//!     start └──┘  └──   ┘  └──┘  └───┘ stop
//! ```

use super::FREQUENCY;
use super::clock::Clock;
use super::register::Register;
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress};

const SCL: u32 = 1 << 0;
const SDA: u32 = 1 << 1;

/// Half of a clock's period: 5 microseconds, for 100 kHz.
const HALF: u32 = FREQUENCY / 200_000;

/// How often a line is looked at, half a period apart, until a part has had time enough: 25 ms, as SMBus has it.
const PATIENCE: u32 = 5_000;

/// Why a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(ErrorKind);

impl embedded_hal::i2c::Error for Refused {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// The two wires.
#[derive(Debug)]
pub struct TwoWire(());

impl ErrorType for TwoWire {
    type Error = Refused;
}

impl TwoWire {
    pub(super) fn start() -> Self {
        let mut bus = Self(());
        bus.release(SCL | SDA);
        // A part that was interrupted in the middle of a byte holds SDA down. Nine clocks bring it to the end of it; what
        // is still stuck then is told by the first transaction.
        for _ in 0..9 {
            if bus.is_high(SDA) {
                break;
            }
            bus.pull(SCL);
            bus.release(SCL);
        }
        let _stuck = bus.stop();
        bus
    }

    fn pull(&mut self, line: u32) {
        Register::I2C_CLEAR.write(line);
        Clock::wait(HALF);
    }

    fn release(&mut self, line: u32) {
        Register::I2C.write(line);
        Clock::wait(HALF);
    }

    fn is_high(&self, line: u32) -> bool {
        Register::I2C.read() & line != 0
    }

    /// Lets the clock go, and waits for a part that holds it down.
    fn clock_high(&mut self) -> Result<(), Refused> {
        self.release(SCL);
        for _ in 0..PATIENCE {
            if self.is_high(SCL) {
                return Ok(());
            }
            Clock::wait(HALF);
        }
        Err(Refused(ErrorKind::Other))
    }

    /// A start condition, or a repeated one: SDA falls while SCL is high.
    fn start_condition(&mut self) -> Result<(), Refused> {
        self.release(SDA);
        self.clock_high()?;
        if !self.is_high(SDA) {
            return Err(Refused(ErrorKind::Bus));
        }
        self.pull(SDA);
        self.pull(SCL);
        Ok(())
    }

    /// A stop condition: SDA rises while SCL is high.
    fn stop(&mut self) -> Result<(), Refused> {
        self.pull(SCL);
        self.pull(SDA);
        self.clock_high()?;
        self.release(SDA);
        Ok(())
    }

    /// Sends a bit, or with a one listens for a bit; the clock is low before and after.
    fn bit(&mut self, one: bool) -> Result<bool, Refused> {
        if one {
            self.release(SDA)
        } else {
            self.pull(SDA)
        }
        self.clock_high()?;
        let heard = self.is_high(SDA);
        self.pull(SCL);
        Ok(heard)
    }

    fn send(&mut self, byte: u8, source: NoAcknowledgeSource) -> Result<(), Refused> {
        for place in (0..8).rev() {
            self.bit(byte >> place & 1 != 0)?;
        }
        if self.bit(true)? { Err(Refused(ErrorKind::NoAcknowledge(source))) } else { Ok(()) }
    }

    fn receive(&mut self, last: bool) -> Result<u8, Refused> {
        let mut byte = 0;
        for _ in 0..8 {
            byte = byte << 1 | u8::from(self.bit(true)?);
        }
        self.bit(last)?;
        Ok(byte)
    }

    /// All of a transaction but its stop condition.
    fn operate(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Refused> {
        // Operations of a kind follow one another without a start condition in between.
        let mut reading = None;
        let mut rest = operations.iter_mut().peekable();
        while let Some(operation) = rest.next() {
            let reads = matches!(operation, Operation::Read(_));
            if reading != Some(reads) {
                reading = Some(reads);
                self.start_condition()?;
                self.send(address << 1 | u8::from(reads), NoAcknowledgeSource::Address)?;
            }
            match operation {
                Operation::Write(bytes) => {
                    for &byte in bytes.iter() {
                        self.send(byte, NoAcknowledgeSource::Data)?;
                    }
                }
                Operation::Read(bytes) => {
                    let more = matches!(rest.peek(), Some(Operation::Read(_)));
                    let count = bytes.len();
                    for (number, byte) in (1..).zip(bytes.iter_mut()) {
                        *byte = self.receive(number == count && !more)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl I2c<SevenBitAddress> for TwoWire {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Refused> {
        if operations.is_empty() {
            return Ok(());
        }
        let result = self.operate(address, operations);
        // The stop condition frees the bus also after a failure, which then is the one to tell.
        result.and(self.stop())
    }
}
