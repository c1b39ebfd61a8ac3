//! The sensor: the magnetometer of ST's LSM303DLHC, by its data sheet (DocID018771).
//!
//! A register is written by its number and a byte; reading begins at a number and counts up. The field comes as six bytes
//! from `OUT_X_H` on, big-endian and in the order x, z, y.

use crate::error::{Error, Part};
use core::fmt;
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

/// Its address on the bus.
pub const ADDRESS: u8 = 0x1e;

// Registers: data sheet, section 7.2.
const CRA: u8 = 0x00;
const CRB: u8 = 0x01;
const MR: u8 = 0x02;
const OUT_X_H: u8 = 0x03;
const IRA: u8 = 0x0a;

/// CRA: 220 measurements a second, no thermometer.
const RATE_220_HZ: u8 = 0b111 << 2;
/// MR: one measurement after the other.
const CONTINUOUS: u8 = 0;
/// Milliseconds from a start to the first measurement: twice the 4.5 that one takes at this rate, since the part's clock is
/// not exact.
const FIRST_MS: u32 = 9;
/// What the three registers from IRA on hold.
const IDENTITY: [u8; 3] = *b"H43";
/// What a register shows when the field is out of range: section 7.2.4.
const OVERFLOW: i16 = -4096;

/// The noise of a measurement, in microtesla: "magnetic resolution" in table 3, 2 milligauss.
pub const RESOLUTION: f32 = 0.2;

/// A direction, as printed on the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Along the package's longer side.
    X,
    /// Along its shorter side.
    Y,
    /// Up.
    Z,
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
        })
    }
}

/// How strong a field may be, in gauss (1 gauss is 100 microtesla).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// ±1.3, the finest: the earth's field is 0.25 to 0.65.
    #[default]
    G1_3,
    /// ±1.9
    G1_9,
    /// ±2.5
    G2_5,
    /// ±4.0
    G4_0,
    /// ±4.7
    G4_7,
    /// ±5.6
    G5_6,
    /// ±8.1
    G8_1,
}

impl Range {
    /// The setting GN of CRB, and the counts that make a gauss along x and y, and along z: table 75.
    const fn gain(self) -> (u8, f32, f32) {
        match self {
            Self::G1_3 => (1, 1100.0, 980.0),
            Self::G1_9 => (2, 855.0, 760.0),
            Self::G2_5 => (3, 670.0, 600.0),
            Self::G4_0 => (4, 450.0, 400.0),
            Self::G4_7 => (5, 400.0, 355.0),
            Self::G5_6 => (6, 330.0, 295.0),
            Self::G8_1 => (7, 230.0, 205.0),
        }
    }
}

/// The magnetometer, by way of a bus and a clock that are lent to it.
#[derive(Debug)]
pub struct Magnetometer<'a, I2C, D> {
    i2c: &'a mut I2C,
    delay: &'a mut D,
    range: Range,
}

impl<'a, I2C: I2c, D: DelayNs> Magnetometer<'a, I2C, D> {
    /// The magnetometer on `i2c`, whose range is, or will be set to, `range`.
    pub const fn new(i2c: &'a mut I2C, delay: &'a mut D, range: Range) -> Self {
        Self { i2c, delay, range }
    }

    /// Makes sure that the part is what it should be, has it measure all the time, and waits for the first measurement:
    /// until then, [`field`](Self::field) would read what the registers held before.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] and [`Error::Bus`]; [`Error::Identity`] when another part answers, to which nothing was written.
    pub fn start(&mut self) -> Result<(), Error> {
        let got = self.read(IRA)?;
        if got != IDENTITY {
            return Err(Error::Identity { got });
        }
        let (gain, ..) = self.range.gain();
        for (register, value) in [(CRA, RATE_220_HZ), (CRB, gain << 5), (MR, CONTINUOUS)] {
            self.i2c.write(ADDRESS, &[register, value]).map_err(|error| Part::Magnetometer.refused(error))?;
        }
        self.delay.delay_ms(FIRST_MS);
        Ok(())
    }

    /// The field along x, y and z, in microtesla.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] and [`Error::Bus`]; [`Error::Saturated`] where the field is out of range, and all that is known is
    /// that it is strong.
    pub fn field(&mut self) -> Result<[f32; 3], Error> {
        let [xh, xl, zh, zl, yh, yl] = self.read(OUT_X_H)?;
        let [x, y, z] = [[xh, xl], [yh, yl], [zh, zl]].map(i16::from_be_bytes);
        for (axis, counts) in [(Axis::X, x), (Axis::Y, y), (Axis::Z, z)] {
            if counts == OVERFLOW {
                return Err(Error::Saturated { axis });
            }
        }
        let (_, xy, along_z) = self.range.gain();
        let microtesla = |counts, gain| f32::from(counts) * (100.0 / gain);
        Ok([microtesla(x, xy), microtesla(y, xy), microtesla(z, along_z)])
    }

    fn read<const N: usize>(&mut self, register: u8) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.i2c
            .write_read(ADDRESS, &[register], &mut bytes)
            .map_err(|error| Part::Magnetometer.refused(error))?;
        Ok(bytes)
    }
}
