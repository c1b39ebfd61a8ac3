//! The light: an LED by a bit of a register.

use super::register::Register;
use core::convert::Infallible;
use embedded_hal::digital::{ErrorType, OutputPin};

/// The first user LED.
#[derive(Debug)]
pub struct Light(());

const BIT: u32 = 1 << 0;

impl Light {
    pub(super) fn start() -> Self {
        Self(())
    }
}

impl ErrorType for Light {
    type Error = Infallible;
}

impl OutputPin for Light {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Register::LED.write(Register::LED.read() & !BIT);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Register::LED.write(Register::LED.read() | BIT);
        Ok(())
    }
}
