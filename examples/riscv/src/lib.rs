//! The board: printing by semihosting, counting by minstret.
#![no_std]

#[path = "../../cortex-m/src/paint.rs"]
mod paint;

use core::arch::asm;
use core::fmt;
use firmware::{Board, Painted};
use riscv::register::minstret;

/// QEMU's virt, with a core of RV32IMAC.
#[derive(Debug, Default)]
pub struct Virt {
    /// The counter's value when counting started.
    start: u32,
}

/// The low half of the count of instructions retired.
fn retired() -> u32 {
    minstret::read() as u32
}

impl Board for Virt {
    fn print(&mut self, text: fmt::Arguments<'_>) {
        firmware::print(text);
    }

    fn start(&mut self) {
        self.start = retired();
    }

    fn ticks(&mut self) -> Option<u32> {
        // 2^32 instructions are more than any program here runs in one piece.
        Some(retired().wrapping_sub(self.start))
    }

    #[inline(never)]
    fn spin(turns: u32) {
        // SAFETY: the loop counts a register of its own down to zero, and touches neither memory nor the stack.
        unsafe {
            asm!(
                "2: addi {turns}, {turns}, -1",
                "bnez {turns}, 2b",
                turns = inout(reg) turns.max(1) => _,
                options(nomem, nostack),
            );
        }
    }
}

impl Painted for Virt {
    fn stack(work: &mut dyn FnMut()) -> usize {
        paint::stack(work)
    }
}
