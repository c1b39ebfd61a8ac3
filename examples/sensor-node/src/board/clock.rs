//! Time, by SysTick: its exception counts milliseconds, its counter what is between them.

use super::FREQUENCY;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use embedded_hal::delay::DelayNs;

const TICKS_PER_MS: u32 = FREQUENCY / 1000;

/// Wraps around after 49 days, and so does all that is computed from it.
static MILLISECONDS: AtomicU32 = AtomicU32::new(0);

#[cortex_m_rt::exception]
fn SysTick() {
    MILLISECONDS.fetch_add(1, Ordering::Relaxed);
}

/// Waits.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Clock {
    pub(super) fn start(systick: &mut SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(TICKS_PER_MS - 1);
        systick.clear_current();
        systick.enable_interrupt();
        systick.enable_counter();
        Self
    }

    /// Ticks since the start, modulo 2^32: almost three minutes.
    fn now() -> u32 {
        loop {
            let before = MILLISECONDS.load(Ordering::Relaxed);
            let ticks = TICKS_PER_MS - 1 - SYST::get_current();
            // Unless a millisecond ended in between, these belong together.
            if MILLISECONDS.load(Ordering::Relaxed) == before {
                return before.wrapping_mul(TICKS_PER_MS).wrapping_add(ticks);
            }
        }
    }

    /// Waits for that many ticks, less than a minute's, asleep where it is long.
    pub(super) fn wait(ticks: u32) {
        let (start, ticks) = (Self::now(), ticks.cast_signed());
        loop {
            // Below zero for a moment, where the counter began anew and its exception is still to come.
            let waited = Self::now().wrapping_sub(start).cast_signed();
            if waited >= ticks {
                return;
            }
            if ticks - waited > 2 * TICKS_PER_MS.cast_signed() {
                // SysTick's exception wakes it a millisecond later at the latest.
                cortex_m::asm::wfi();
            }
        }
    }
}

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        // At 40 ns a tick.
        Self::wait(ns.div_ceil(1_000_000_000 / FREQUENCY));
    }

    fn delay_us(&mut self, us: u32) {
        for _ in 0..us / 1_000_000 {
            Self::wait(FREQUENCY);
        }
        Self::wait((us % 1_000_000) * (FREQUENCY / 1_000_000));
    }

    fn delay_ms(&mut self, ms: u32) {
        for _ in 0..ms {
            Self::wait(TICKS_PER_MS);
        }
    }
}
