//! The memory: Atmel's AT24C32 (4096 bytes) and its larger sisters, by their data sheet.
//!
//! An access begins with two bytes of address. Reading counts up from there. Writing does so within a page only, and begins
//! over at the page's start behind its end; so a longer piece is cut at the pages' ends. After the stop condition the part
//! is busy for some milliseconds and acknowledges nothing: it is asked again until it does.

use crate::error::{Error, Part};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{ErrorKind, I2c};

/// Its address on the bus, with all address pins low.
pub const ADDRESS: u8 = 0x50;

/// Bytes of a page. Larger parts have pages of 64 or 128, for which this is only slower.
pub const PAGE: usize = 32;

/// Bytes that two bytes of address can tell apart.
const ADDRESSES: usize = 1 << 16;

/// Microseconds from one question to the next, and how often it is asked: twice the 10 ms that a write cycle may take.
const POLL_US: u32 = 500;
const POLLS: u32 = 40;

/// The memory, by way of a bus and a clock that are lent to it.
#[derive(Debug)]
pub struct Eeprom<'a, I2C, D> {
    i2c: &'a mut I2C,
    delay: &'a mut D,
}

impl<'a, I2C: I2c, D: DelayNs> Eeprom<'a, I2C, D> {
    /// The memory on `i2c`.
    pub const fn new(i2c: &'a mut I2C, delay: &'a mut D) -> Self {
        Self { i2c, delay }
    }

    /// Overwrites `bytes` with what the memory holds from address `at` on.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`], [`Error::Bus`]; [`Error::Range`], with nothing read.
    pub fn read(&mut self, at: usize, bytes: &mut [u8]) -> Result<(), Error> {
        let address = address(at, bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.i2c.write_read(ADDRESS, &address, bytes).map_err(|error| Part::Eeprom.refused(error))
    }

    /// Writes `bytes` from address `at` on, a page at a time, and waits until the part has done so.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`], [`Error::Bus`], [`Error::Busy`]: pages before may have been written; [`Error::Range`], with nothing
    /// written.
    pub fn write(&mut self, mut at: usize, mut bytes: &[u8]) -> Result<(), Error> {
        address(at, bytes.len())?;
        while !bytes.is_empty() {
            let room = PAGE - at % PAGE;
            let (page, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            let mut message = [0; 2 + PAGE];
            let whole = address(at, page.len())?.into_iter().chain(page.iter().copied());
            for (to, from) in message.iter_mut().zip(whole) {
                *to = from;
            }
            let message = message.get(..2 + page.len()).unwrap_or_default();
            self.i2c.write(ADDRESS, message).map_err(|error| Part::Eeprom.refused(error))?;
            self.wait()?;
            (at, bytes) = (at + page.len(), rest);
        }
        Ok(())
    }

    /// Waits for the end of a write cycle, by reading a byte of whatever address is next.
    fn wait(&mut self) -> Result<(), Error> {
        for _ in 0..POLLS {
            match self.i2c.read(ADDRESS, &mut [0]) {
                Ok(()) => return Ok(()),
                Err(error) => match embedded_hal::i2c::Error::kind(&error) {
                    ErrorKind::NoAcknowledge(_) => self.delay.delay_us(POLL_US),
                    _ => return Err(Part::Eeprom.refused(error)),
                },
            }
        }
        Err(Error::Busy)
    }
}

/// An address as the part wants it, if there is one for all of `length` bytes.
fn address(at: usize, length: usize) -> Result<[u8; 2], Error> {
    match (u16::try_from(at), at.checked_add(length)) {
        (Ok(address), Some(end)) if end <= ADDRESSES => Ok(address.to_be_bytes()),
        _ => Err(Error::Range { at, length }),
    }
}
