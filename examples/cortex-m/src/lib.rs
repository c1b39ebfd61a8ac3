//! The board: printing by semihosting, counting by SysTick.
#![no_std]

mod paint;

use core::arch::asm;
use core::fmt;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use firmware::{Board, Painted};

/// QEMU's mps2-an386.
pub struct Mps2 {
    systick: SYST,
    /// SysTick's value when counting started.
    start: u32,
}

/// SysTick counts down from here: 24 bits.
const TOP: u32 = 0x00ff_ffff;

impl Mps2 {
    /// The board, or nothing when it was handed out before.
    pub fn take() -> Option<Self> {
        let mut systick = cortex_m::Peripherals::take()?.SYST;
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(TOP);
        systick.enable_counter();
        Some(Self { systick, start: 0 })
    }
}

impl Board for Mps2 {
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

impl Painted for Mps2 {
    fn stack(work: &mut dyn FnMut()) -> usize {
        paint::stack(work)
    }
}
