//! What can go wrong, as values that name the cause and print without `core`'s floating point.

use crate::magnetometer::Axis;
use core::fmt;
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};

/// A part on the I2C bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The sensor.
    Magnetometer,
    /// The memory.
    Eeprom,
}

impl Part {
    /// The error of a transaction with this part.
    pub(crate) fn refused<E: embedded_hal::i2c::Error>(self, error: E) -> Error {
        match error.kind() {
            // Not every controller can tell an address that nobody acknowledges from a byte.
            ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address | NoAcknowledgeSource::Unknown) => {
                Error::Absent { part: self }
            }
            kind => Error::Bus { part: self, kind },
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magnetometer => "magnetometer",
            Self::Eeprom => "EEPROM",
        })
    }
}

/// Why something was not done. Whatever was kept before is still there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Nobody acknowledges a part's address: it is missing, or has no power.
    Absent {
        /// Which part.
        part: Part,
    },
    /// The bus failed in another way.
    Bus {
        /// Which part was spoken to.
        part: Part,
        /// How.
        kind: ErrorKind,
    },
    /// What answers at the magnetometer's address is something else.
    Identity {
        /// The three bytes that should be `H43`.
        got: [u8; 3],
    },
    /// The field is stronger than the magnetometer's range.
    Saturated {
        /// Along which axis.
        axis: Axis,
    },
    /// The EEPROM has not ended its write cycle in the time that its data sheet grants.
    Busy,
    /// An access would run past the end of the addresses that the EEPROM can have.
    Range {
        /// The first address.
        at: usize,
        /// Bytes from there on.
        length: usize,
    },
    /// Neither slot of the EEPROM holds a model that can be used.
    NoModel {
        /// What is the matter with each.
        faults: [Fault; 2],
    },
    /// The EEPROM has too few bytes: its second slot shows the first.
    Short {
        /// Bytes that it needs.
        expected: usize,
    },
    /// The EEPROM reads otherwise than it was written: it is write-protected, much too short, or worn out.
    NotKept,
    /// Training went wrong.
    Learning(fusebox::Error),
}

impl From<fusebox::Error> for Error {
    fn from(error: fusebox::Error) -> Self {
        Self::Learning(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { part } => write!(f, "{part} does not answer"),
            Self::Bus { part, kind } => write!(f, "{part}: {kind}"),
            Self::Identity { got: [a, b, c] } => {
                write!(f, "no LSM303DLHC: expected the identity 48 34 33, got {a:02x} {b:02x} {c:02x}")
            }
            Self::Saturated { axis } => write!(f, "the field is out of range along {axis}"),
            Self::Busy => f.write_str("EEPROM does not end its write cycle"),
            Self::Range { at, length } => write!(f, "EEPROM has no {length} bytes at {at}"),
            Self::NoModel { faults: [zero, one] } => write!(f, "no model: slot 0 {zero}, slot 1 {one}"),
            Self::Short { expected } => write!(f, "EEPROM is too short: expected {expected} bytes"),
            Self::NotKept => f.write_str("EEPROM does not keep what is written"),
            Self::Learning(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Error {}

/// Why a slot's content is no model to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Never written, or erased.
    Blank,
    /// A part of a save, or damage: the checksum is wrong.
    Corrupt,
    /// A whole model, of a network or a version that is not this program's.
    Shape {
        /// This program's layout.
        expected: u32,
        /// The layout in the slot.
        got: u32,
    },
    /// A whole model with a number in it that is NaN or infinite, or a scale or limit below zero.
    Senseless,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("is blank"),
            Self::Corrupt => f.write_str("is corrupt"),
            Self::Shape { expected, got } => {
                write!(f, "has another shape (expected layout {expected:08x}, got {got:08x})")
            }
            Self::Senseless => f.write_str("makes no sense"),
        }
    }
}
