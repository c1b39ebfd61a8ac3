//! A peripheral's register.

/// A 32-bit register, of those of this board that are named in this folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Register(usize);

impl Register {
    // I2C on the connector "Shield 1": SBCon, DAI 0386, section 4. Reading gives the lines, writing sets them to one.
    pub(super) const I2C: Self = Self(0x4002_a000);
    /// Writing sets I2C's lines to zero.
    pub(super) const I2C_CLEAR: Self = Self(0x4002_a004);
    /// The LEDs, a bit each.
    pub(super) const LED: Self = Self(0x4002_8000);
    // The serial port: CMSDK APB UART, Arm DDI 0479, section 4.3.
    pub(super) const UART_DATA: Self = Self(0x4000_4000);
    pub(super) const UART_STATE: Self = Self(0x4000_4004);
    pub(super) const UART_CTRL: Self = Self(0x4000_4008);
    pub(super) const UART_INTERRUPT: Self = Self(0x4000_400c);
    pub(super) const UART_BAUDDIV: Self = Self(0x4000_4010);

    pub(super) fn read(self) -> u32 {
        // SAFETY: the address is one of those above: a register of this board, aligned, and of 32 bits. It is no memory that
        // Rust knows of, and reading it at worst takes a byte from the serial port.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    pub(super) fn write(self, value: u32) {
        // SAFETY: as in `read`; writing drives a line, a light or the serial port.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }
}
