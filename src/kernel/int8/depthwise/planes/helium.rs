//! On Cortex-M55: a column of the slots is a word, whose last byte is of no row, and three columns are multiplied at once.
//!
//! ```text
//! columns o .. o + 3: slot 0, slot 1, slot 2, 0; ..       VLDRB, VMLADAV: the nine products of output o
//! weights:   tap 0, then tap 1 and tap 2, of the slots; no column has the rest, which is zeros
//! ```

use super::{COLUMNS, Columns, Task};
use core::arch::{asm, naked_asm};

/// Slots of the columns of a channel.
pub(super) struct Plane([[i8; 4]; COLUMNS]);

impl Plane {
    /// Of padding.
    pub(super) fn new(zero: i8) -> Self {
        Self([[zero; 4]; COLUMNS])
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

/// Overwrites a slot of four channels' planes with a row of the input, or with padding if it is empty.
#[inline(always)]
pub(super) fn fill(planes: &mut [Plane; 4], slot: usize, row: &[i8], wanted: &Columns) {
    let Columns { channels, first, before, inside, zero } = *wanted;
    let x = row.get(first..).unwrap_or_default();
    let whole = x.len() >= inside.saturating_sub(1) * channels + 4;
    if inside == 0 || slot >= 4 || before + inside > COLUMNS {
        return;
    }
    for (i, Plane(plane)) in planes.iter_mut().enumerate() {
        let to = plane.as_flattened_mut().as_mut_ptr().wrapping_add(4 * before + slot);
        let (from, step) = if whole { (x.as_ptr().wrapping_add(i), channels) } else { (&raw const zero, 0) };
        // SAFETY: this processor has the instructions. `to` is in a plane with as many columns, and `from` in a row with as many
        // pixels and the four channels of the last; or it is one byte, as often as that.
        unsafe { copy(from, to, inside, step) };
    }
}

/// Copies `count` bytes that lie `step` apart to every fourth byte. At least one.
///
/// # Safety
/// The processor has Helium. All these bytes may be read, and written.
#[inline(always)]
unsafe fn copy(from: *const i8, to: *mut i8, count: usize, step: usize) {
    // SAFETY: this function's contract; the last turn has only the lanes of those bytes that are left.
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

/// The products of four outputs, `$step` bytes of the plane at r0 apart, in r4, r6, r10 and lr. Changes q0 and q1.
macro_rules! four {
    ($step:literal) => {
        concat!(
            concat!("vldrb.u8 q0, [r0], #", $step, "\n"),
            concat!("vldrb.u8 q1, [r0], #", $step, "\n"),
            "vmladav.s8 r4, q0, q3
             vmladav.s8 r6, q1, q3
            ",
            concat!("vldrb.u8 q0, [r0], #", $step, "\n"),
            concat!("vldrb.u8 q1, [r0], #", $step, "\n"),
            "vmladav.s8 r10, q0, q3
             vmladav.s8 lr, q1, q3
             vmov d0, r4, r6
             vmov d1, r10, lr
            "
        )
    };
}

/// A channel's sums.
macro_rules! sums {
    ($step:literal) => {
        concat!(
            ".arch armv8.1-m.main
             .arch_extension mve.fp
             push {{r4-r6, r10, r11, lr}}
             ldm r0, {{r0-r3}}
             vldrb.u8 q3, [r1]
             1:
            ",
            four!($step),
            "vstrw.32 q0, [r2], #16
             cmp r2, r3
             blo 1b
             pop {{r4-r6, r10, r11, pc}}
            "
        )
    };
}

/// Four channels' outputs: sums, the bias added, scaled as in `product/helium.rs`.
///
/// ```text
/// r0   plane          r3   outputs left      r7   shift to the left     r12  the next channel
/// r1   mantissa       r5   step of four      r8   zero                  q2   shifts to the right, negative
/// r2   bias           r4, r6, r10, lr  sums  r9   outputs               q3   weights    q4   places of four outputs
/// ```
macro_rules! double {
    ($step:literal) => {
        concat!(
            ".arch armv8.1-m.main
             .arch_extension mve.fp
             push {{r4-r11, lr}}
             sub sp, sp, #4
             vpush {{d8, d9}}
             add r11, r0, #160
             mov r12, r0
             ldr r5, [r12, #32]
             movs r4, #0
             vidup.u32 q4, r4, #1
             vmul.i32 q4, q4, r5
             lsls r5, r5, #2
             1:
             ldm r12!, {{r0-r3}}
             vldrb.u8 q3, [r1]
             subs r3, r3, r2
             asrs r3, r3, #2
             ldm r12!, {{r2, r4, r6, r8, r9, r10}}
             mov r1, r4
             mov r9, r10
             cmp r6, #0
             ite gt
             movgt r7, r6
             movle r7, #0
             subs r6, r6, r7
             vdup.32 q2, r6
             2:
            ",
            four!($step),
            "vadd.i32 q0, q0, r2
             vshl.s32 q0, r7
             vqrdmulh.s32 q0, q0, r1
             vand q1, q0, q2
             vshr.s32 q1, q1, #31
             vadd.i32 q0, q0, q1
             vrshl.s32 q0, q0, q2
             vqadd.s32 q0, q0, r8
             vqmovnb.s32 q0, q0
             vqmovnb.s16 q0, q0
             vctp.32 r3
             vpst
             vstrbt.32 q0, [r9, q4]
             add r9, r9, r5
             subs r3, r3, #4
             bgt 2b
             cmp r12, r11
             blo 1b
             vpop {{d8, d9}}
             add sp, sp, #4
             pop {{r4-r11, pc}}
            "
        )
    };
}

/// # Safety
/// The processor has Helium. The task's plane has the columns of all outputs, and three of four more; up to three more sums are
/// written than there are, of which there is one.
#[unsafe(naked)]
unsafe extern "C" fn sums_straight(task: &mut Task) {
    naked_asm!(sums!("4"))
}

/// # Safety
/// As for [`sums_straight`], with twice as many columns.
#[unsafe(naked)]
unsafe extern "C" fn sums_halving(task: &mut Task) {
    naked_asm!(sums!("8"))
}

/// # Safety
/// As for [`sums_straight`], but nothing is written except outputs: there are as many as sums, a step apart.
#[unsafe(naked)]
unsafe extern "C" fn double_straight(tasks: &mut [Task; 4]) {
    naked_asm!(double!("4"))
}

/// # Safety
/// As for [`double_straight`], with twice as many columns.
#[unsafe(naked)]
unsafe extern "C" fn double_halving(tasks: &mut [Task; 4]) {
    naked_asm!(double!("8"))
}

/// Overwrites a channel's sums.
///
/// # Safety
/// As for [`sums_straight`], or [`sums_halving`] if the stride is two.
pub(super) unsafe fn sums(task: &mut Task, stride: usize) {
    // SAFETY: this function's contract, which is the callee's.
    unsafe { if stride == 1 { sums_straight(task) } else { sums_halving(task) } }
}

/// Overwrites four channels' outputs.
///
/// # Safety
/// As for [`double_straight`], or [`double_halving`] if the stride is two.
pub(super) unsafe fn double(tasks: &mut [Task; 4], stride: usize) {
    // SAFETY: this function's contract, which is the callee's.
    unsafe { if stride == 1 { double_straight(tasks) } else { double_halving(tasks) } }
}
