//! The boards: printing by semihosting, counting by SysTick, which all of them have.
#![no_std]

mod paint;

use core::arch::asm;
use core::fmt;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use firmware::{Board, Painted};
// Its features are static_cell's.
use portable_atomic as _;

/// A Cortex-M board, of those that `build.rs` knows.
pub struct CortexM {
    systick: SYST,
    /// SysTick's value when counting started.
    start: u32,
}

/// SysTick counts down from here: 24 bits.
const TOP: u32 = 0x00ff_ffff;

impl CortexM {
    /// The board, or nothing when it was handed out before.
    pub fn take() -> Option<Self> {
        let peripherals = cortex_m::Peripherals::take()?;
        #[cfg(feature = "mps3-an547")]
        low_overhead_loops(&peripherals.SCB);
        let mut systick = peripherals.SYST;
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(TOP);
        systick.enable_counter();
        Some(Self { systick, start: 0 })
    }
}

/// Lets the core branch at the end of a loop (`le`) without an instruction: the bit LOB of the Configuration and Control
/// Register, Armv8-M Architecture Reference Manual D1.2.10.
#[cfg(feature = "mps3-an547")]
fn low_overhead_loops(scb: &cortex_m::peripheral::SCB) {
    const LOB: u32 = 1 << 19;
    // SAFETY: the bit changes how long loops take, and nothing else.
    unsafe { scb.ccr.modify(|ccr| ccr | LOB) };
}

impl Board for CortexM {
    fn print(&mut self, text: fmt::Arguments<'_>) {
        firmware::print(text);
    }

    fn start(&mut self) {
        self.systick.clear_current();
        // It reloads at its next tick; until then it reads as zero.
        while SYST::get_current() == 0 {}
        self.start = SYST::get_current();
    }

    fn ticks(&mut self) -> Option<u32> {
        let now = SYST::get_current();
        if self.systick.has_wrapped() { None } else { self.start.checked_sub(now) }
    }

    #[inline(never)]
    fn spin(turns: u32) {
        // SAFETY: the loop counts a register of its own down to zero, and touches neither memory nor the stack.
        unsafe {
            asm!(
                "2: subs {turns}, {turns}, #1",
                "bne 2b",
                turns = inout(reg) turns.max(1) => _,
                options(nomem, nostack),
            );
        }
    }
}

impl Painted for CortexM {
    fn stack(work: &mut dyn FnMut()) -> usize {
        paint::stack(work)
    }
}
