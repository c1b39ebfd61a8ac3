//! On Cortex-M55: a column of the slots is a word, whose last byte is of no row, and three columns are multiplied at once.
//!
//! ```text
//! columns o .. o + 3: slot 0, slot 1, slot 2, 0; ..       VLDRB, VMLADAV: the nine products of output o
//! weights:   tap 0, then tap 1 and tap 2, of the slots; no column has the rest, which is zeros
//! ```

use super::{COLUMNS, Row, Task};
use core::arch::{asm, naked_asm};

/// Slots of the columns of a channel.
pub(super) struct Plane([[i8; 4]; COLUMNS]);

impl Plane {
    pub(super) const fn new() -> Self {
        Self([[0; 4]; COLUMNS])
    }
}

/// A channel's weights, when slot 0 has the topmost row of the three, slot 1, slot 2.
pub(super) struct Weights([[[i8; 4]; 4]; 3]);

impl Weights {
    pub(super) fn new(weight: impl Fn(usize, usize) -> i8) -> Self {
        Self([0, 1, 2].map(|topmost| {
            let taps = |tap| [0, 1, 2].map(|slot| weight((slot + 3 - topmost) % 3, tap));
            let column = |tap| match taps(tap) {
                [a, b, c] => [a, b, c, 0],
            };
            [column(0), column(1), column(2), [0; 4]]
        }))
    }

    /// For the assembly, if that slot has the topmost row.
    pub(super) fn of(&self, topmost: usize) -> *const u32 {
        self.0.get(topmost).map_or(core::ptr::null(), |weights| weights.as_ptr().cast())
    }
}

/// Overwrites a slot of four channels' planes.
#[inline(always)]
pub(super) fn fill(planes: &mut [Plane; 4], slot: usize, row: Row<'_>) {
    let Row { row, channels, channel, from, columns, zero } = row;
    let width = row.len().checked_div(channels).unwrap_or(0);
    // Columns before the picture, in it, after it.
    let before = if from > usize::MAX / 2 { from.wrapping_neg().min(columns) } else { 0 };
    let first = from.wrapping_add(before);
    let inside = width.saturating_sub(first).min(columns - before);
    for (i, Plane(plane)) in planes.iter_mut().enumerate() {
        let here = before..before + inside;
        for (at, column) in plane.iter_mut().enumerate().take(columns) {
            if let Some(column) = column.get_mut(slot).filter(|_| !here.contains(&at)) {
                *column = zero;
            }
        }
        let from = row.get(first * channels + channel + i..).unwrap_or_default();
        let to = plane.get_mut(here).unwrap_or_default();
        if let (1.., true) = (to.len(), slot < 4 && from.len() > to.len().saturating_sub(1) * channels) {
            // SAFETY: this processor has the instructions. `to` has a slot, and `from` a pixel, for each column; the last turn has
            // only the lanes of those that are left.
            unsafe { copy(from.as_ptr(), to.as_mut_ptr().cast::<i8>().add(slot), to.len(), channels) };
        }
    }
}

/// Copies `count` bytes that lie `step` apart to every fourth byte. At least one.
///
/// # Safety
/// The processor has Helium. All these bytes may be read, and written.
#[inline(always)]
unsafe fn copy(from: *const i8, to: *mut i8, count: usize, step: usize) {
    // SAFETY: the caller's.
    unsafe {
        asm!(
            ".arch armv8.1-m.main",
            ".arch_extension mve.fp",
            "movs r4, #0",
            "vidup.u32 q0, r4, #1",
            "vmul.i32 q1, q0, {step}",
            "vshl.i32 q0, q0, #2",
            "lsls {step}, {step}, #2",
            "dlstp.32 lr, {count}",
            "2:",
            "vldrb.u32 q2, [{from}, q1]",
            "vstrb.32 q2, [{to}, q0]",
            "add {from}, {from}, {step}",
            "add {to}, {to}, #16",
            "letp lr, 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            count = in(reg) count,
            step = inout(reg) step => _,
            out("r4") _,
            out("lr") _,
            out("d0") _, out("d1") _, out("d2") _, out("d3") _, out("d4") _, out("d5") _,
            options(nostack),
        );
    }
}

/// Four sums at a time, `$step` bytes of a plane apart.
macro_rules! multiply {
    ($step:literal) => {
        concat!(
            ".arch armv8.1-m.main
             .arch_extension mve.fp
             push {{r4-r6, lr}}
             ldm r0, {{r0-r3}}
             vldrb.u8 q3, [r1]
             1:
            ",
            concat!("vldrb.u8 q0, [r0], #", $step, "\n"),
            concat!("vldrb.u8 q1, [r0], #", $step, "\n"),
            "vmladav.s8 r4, q0, q3
             vmladav.s8 r6, q1, q3
            ",
            concat!("vldrb.u8 q0, [r0], #", $step, "\n"),
            concat!("vldrb.u8 q1, [r0], #", $step, "\n"),
            "vmladav.s8 r12, q0, q3
             vmladav.s8 lr, q1, q3
             vmov d0, r4, r6
             vmov d1, r12, lr
             vstrw.32 q0, [r2], #16
             cmp r2, r3
             blo 1b
             pop {{r4-r6, pc}}
            "
        )
    };
}

/// Overwrites sums, four at a time.
///
/// # Safety
/// The processor has Helium. The task's plane has three columns more than outputs; up to three more sums are written than there are.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn straight(task: &mut Task) {
    naked_asm!(multiply!("4"))
}

/// Overwrites sums of every other column.
///
/// # Safety
/// As for [`straight`], with twice as many columns.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn halving(task: &mut Task) {
    naked_asm!(multiply!("8"))
}

/// Overwrites outputs with their sums, the bias added, scaled as in `product/helium.rs`.
///
/// # Safety
/// The processor has Helium. There are as many outputs, a step apart, as sums, at least one.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn store_double(task: &mut Task) {
    naked_asm!(
        ".arch armv8.1-m.main",
        ".arch_extension mve.fp",
        "push {{r4-r10, lr}}",
        "add r0, r0, #8",
        // Sums and their end, bias, mantissa, exponent, zero, step, outputs.
        "ldm r0, {{r0-r6, r8}}",
        "movs r12, #0",
        "vidup.u32 q3, r12, #1",
        "vmul.i32 q3, q3, r6",
        "lsls r6, r6, #2",
        "subs r1, r1, r0",
        "lsrs r1, r1, #2",
        "cmp r4, #0",
        "ite gt",
        "movgt r9, r4",
        "movle r9, #0",
        "subs r4, r4, r9",
        "vdup.32 q2, r4",
        "dlstp.32 lr, r1",
        "1:",
        "vldrw.u32 q0, [r0], #16",
        "vadd.i32 q0, q0, r2",
        "vshl.s32 q0, r9",
        "vqrdmulh.s32 q0, q0, r3",
        "vand q1, q0, q2",
        "vshr.s32 q1, q1, #31",
        "vadd.i32 q0, q0, q1",
        "vrshl.s32 q0, q0, q2",
        "vqadd.s32 q0, q0, r5",
        "vqmovnb.s32 q0, q0",
        "vqmovnb.s16 q0, q0",
        "vstrb.32 q0, [r8, q3]",
        "add r8, r8, r6",
        "letp lr, 1b",
        "pop {{r4-r10, pc}}",
    )
}
