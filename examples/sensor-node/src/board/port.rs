//! The serial port: CMSDK's UART, which keeps a single byte in each direction. What comes in is taken by an interrupt, or
//! bytes would be lost while the node samples or trains.

use super::FREQUENCY;
use super::register::Register;
use core::convert::Infallible;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use embedded_io::{ErrorType, Read, ReadReady, Write};

const BAUD: u32 = 115_200;

// Bits of STATE, of CTRL and of the interrupts' register.
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;
const TX_ON: u32 = 1 << 0;
const RX_ON: u32 = 1 << 1;
const RX_INTERRUPT_ON: u32 = 1 << 3;
const RX_INTERRUPT: u32 = 1 << 1;

/// The interrupt that says a byte has come.
#[derive(Clone, Copy, Debug)]
struct Received;

const RECEIVED: u16 = 0;

// SAFETY: the number is that of the interrupt, always the same.
unsafe impl InterruptNumber for Received {
    fn number(self) -> u16 {
        RECEIVED
    }
}

/// Bytes that came and were not read yet: written by the interrupt, read by the program. The indices count all bytes there
/// ever were, modulo 2^32, of which [`ROOM`] is a divisor.
static BYTES: [AtomicU8; ROOM] = [const { AtomicU8::new(0) }; ROOM];
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);
const ROOM: usize = 64;

/// All interrupts arrive here, of which one is on.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(irqn: i16) {
    if irqn != RECEIVED as i16 {
        return;
    }
    Register::UART_INTERRUPT.write(RX_INTERRUPT);
    while Register::UART_STATE.read() & RX_FULL != 0 {
        let byte = Register::UART_DATA.read() as u8;
        let written = WRITTEN.load(Ordering::Relaxed);
        // With no room left the byte is lost, and with it the command.
        if written.wrapping_sub(TAKEN.load(Ordering::Acquire)) < ROOM {
            if let Some(place) = BYTES.get(written % ROOM) {
                place.store(byte, Ordering::Relaxed);
            }
            WRITTEN.store(written.wrapping_add(1), Ordering::Release);
        }
    }
}

/// The first serial port.
#[derive(Debug)]
pub struct Port(());

impl Port {
    pub(super) fn start() -> Self {
        Register::UART_BAUDDIV.write(FREQUENCY / BAUD);
        Register::UART_CTRL.write(TX_ON | RX_ON | RX_INTERRUPT_ON);
        // SAFETY: the handler shares nothing with the program but atomics.
        unsafe { NVIC::unmask(Received) };
        Self(())
    }
}

impl ErrorType for Port {
    type Error = Infallible;
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(WRITTEN.load(Ordering::Acquire) != TAKEN.load(Ordering::Relaxed))
    }
}

impl Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first_mut() else { return Ok(0) };
        while let Ok(false) = self.read_ready() {
            cortex_m::asm::wfi();
        }
        let taken = TAKEN.load(Ordering::Relaxed);
        if let Some(place) = BYTES.get(taken % ROOM) {
            *first = place.load(Ordering::Relaxed);
        }
        TAKEN.store(taken.wrapping_add(1), Ordering::Release);
        Ok(1)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for &byte in bytes {
            while Register::UART_STATE.read() & TX_FULL != 0 {}
            Register::UART_DATA.write(byte.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while Register::UART_STATE.read() & TX_FULL != 0 {}
        Ok(())
    }
}
