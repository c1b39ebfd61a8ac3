//! The board: Arm's MPS2 with the image AN386, a Cortex-M4F, by application note DAI 0386. QEMU calls it `mps2-an386`.
//!
//! Another board needs what this folder has: `embedded-hal`'s `I2c`, `OutputPin` and `DelayNs`, and `embedded-io`'s `Read`,
//! `ReadReady` and `Write`; most have a crate with all of them.

mod clock;
mod i2c;
mod light;
mod port;
mod register;

pub use clock::Clock;
pub use i2c::TwoWire;
pub use light::Light;
pub use port::Port;

/// The parts of the board that the node needs.
#[derive(Debug)]
pub struct Board {
    /// I2C on the connector "Shield 1", which is where QEMU attaches its parts.
    pub i2c: TwoWire,
    /// The first of the two user LEDs.
    pub light: Light,
    /// Time.
    pub clock: Clock,
    /// The first serial port: 115,200 baud.
    pub port: Port,
}

/// The frequency of the core and all that is about it, in hertz.
const FREQUENCY: u32 = 25_000_000;

impl Board {
    /// The board, or nothing when it was handed out before.
    pub fn take() -> Option<Self> {
        let mut core = cortex_m::Peripherals::take()?;
        let clock = Clock::start(&mut core.SYST);
        Some(Self { i2c: TwoWire::start(), light: Light::start(), clock, port: Port::start() })
    }
}
