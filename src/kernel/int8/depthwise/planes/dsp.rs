//! On Cortex-M4, M7 and M33: SMLAD multiplies two columns of a row at once, so they are pairs of 16 bits; a pair of all slots
//! lies side by side, for one LDM.
//!
//! ```text
//! columns 0 and 1: slot 0, slot 1, slot 2; columns 2 and 3: slot 0, ..
//! ```
//!
//! Two outputs side by side, a and b, of the pixels p q r s of each row, and its weights u v w:
//!
//! ```text
//! a += p u + q v     SMLAD (p, q) (u, v)          b += q u           SMLATB (p, q) (u, v)
//! a += r w           SMLABT (r, s) (v, w)         b += r v + s w     SMLAD  (r, s) (v, w)
//! ```
//!
//! 12 multiplications for 18 products, and one LDM, for (r, s) is the next two outputs' (p, q). With a stride of two, b is left
//! out.

use super::{COLUMNS, Columns, Task};
use core::arch::{asm, naked_asm};

/// The slots of pairs of columns.
pub(super) struct Plane([[u32; 3]; COLUMNS / 2]);

impl Plane {
    /// Of padding.
    pub(super) fn new(zero: i8) -> Self {
        let half = u32::from(i16::from(zero) as u16);
        Self([[half | half << 16; 3]; COLUMNS / 2])
    }
}

/// A channel's weights: the first two and the last two of each row, for the rows 1, 2, 0, 1, 2. From the second, first or
/// zeroth on they are those of slots 0, 1 and 2, if the topmost row is in slot 0, 1 or 2.
pub(super) struct Weights([[u32; 5]; 2]);

impl Weights {
    pub(super) fn new(weight: impl Fn(usize, usize) -> i8) -> Self {
        let half = |row: usize, tap: usize| u32::from(i16::from(weight(row, tap)) as u16);
        let pair = |row, tap| half(row, tap) | half(row, tap + 1) << 16;
        Self([0, 1].map(|tap| [1, 2, 0, 1, 2].map(|row| pair(row, tap))))
    }

    /// For the assembly, if that slot has the topmost row: those of the slots, and five words on.
    pub(super) fn of(&self, topmost: usize) -> *const u32 {
        self.0.as_flattened().as_ptr().wrapping_add(2_usize.saturating_sub(topmost))
    }
}

/// Overwrites a slot of four channels' planes with a row of the input, or with padding if it is empty.
#[inline(always)]
pub(super) fn fill(planes: &mut [Plane; 4], slot: usize, row: &[i8], wanted: &Columns) {
    let zeros = u32::from_ne_bytes([wanted.zero as u8; 4]);
    let pixel = |x: Option<&[i8]>| {
        let x = x.and_then(|x| x.first_chunk::<4>());
        x.map_or(zeros, |x| u32::from_le_bytes(x.map(|x| x as u8)))
    };
    let mut rest = row.get(wanted.first..).unwrap_or_default();
    let mut left = wanted.inside;
    let mut next = || {
        left = left.checked_sub(1)?;
        let x = rest;
        rest = rest.get(wanted.channels..).unwrap_or_default();
        Some(x)
    };
    let [a, b, c, d] = planes;
    let columns = a.0.iter_mut().zip(&mut b.0).zip(&mut c.0).zip(&mut d.0).skip(wanted.before / 2);
    let mut odd = !wanted.before.is_multiple_of(2);
    for (((a, b), c), d) in columns.take((wanted.before % 2 + wanted.inside).div_ceil(2)) {
        let left = pixel(if core::mem::take(&mut odd) { None } else { next() });
        let pairs = side_by_side(left, pixel(next()));
        for (plane, pair) in [a, b, c, d].into_iter().zip(pairs) {
            if let Some(place) = plane.get_mut(slot) {
                *place = pair;
            }
        }
    }
}

/// Of two pixels of four channels, each channel's pair.
#[inline(always)]
fn side_by_side(left: u32, right: u32) -> [u32; 4] {
    let (a, b, c, d);
    // SAFETY: this processor has the instructions. No memory is accessed.
    unsafe {
        asm!(
            ".arch armv7e-m",
            "sxtb16 {c}, {left}",
            "sxtb16 {d}, {left}, ror #8",
            "sxtb16 {e}, {right}",
            "sxtb16 {f}, {right}, ror #8",
            "pkhbt {a}, {c}, {e}, lsl #16",
            "pkhtb {c}, {e}, {c}, asr #16",
            "pkhbt {b}, {d}, {f}, lsl #16",
            "pkhtb {d}, {f}, {d}, asr #16",
            left = in(reg) left,
            right = in(reg) right,
            a = out(reg) a,
            b = out(reg) b,
            c = out(reg) c,
            d = out(reg) d,
            e = out(reg) _,
            f = out(reg) _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
}

/// Overwrites a channel's sums.
///
/// # Safety
/// As for [`straight`], or [`halving`] if the stride is two.
pub(super) unsafe fn sums(task: &mut Task, stride: usize) {
    // SAFETY: this function's contract, which is the callee's.
    unsafe { if stride == 1 { straight(task) } else { halving(task) } }
}

/// Overwrites four channels' outputs.
///
/// # Safety
/// As for [`sums`] and [`store_double`].
pub(super) unsafe fn double(tasks: &mut [Task; 4], stride: usize) {
    for task in tasks {
        // SAFETY: this function's contract, which is the callee's.
        unsafe {
            sums(task, stride);
            store_double(task);
        }
    }
}

/// Overwrites sums, two at a time.
///
/// # Safety
/// The processor has the DSP extension. The task's plane has a pair more than there are pairs of outputs; an odd last sum is
/// followed by one more.
#[unsafe(naked)]
unsafe extern "C" fn straight(task: &mut Task) {
    naked_asm!(
        ".arch armv7e-m",
        "push {{r4-r11, lr}}",
        "ldm r0, {{r0-r3}}",
        "ldm r1, {{r4-r6}}",
        "add r1, r1, #20",
        "ldm r1, {{r7-r9}}",
        "ldm r0!, {{r10-r12}}",
        "1:",
        "smuad r1, r10, r4",
        "smultb lr, r10, r4",
        "smlad r1, r11, r5, r1",
        "smlatb lr, r11, r5, lr",
        "smlad r1, r12, r6, r1",
        "smlatb lr, r12, r6, lr",
        "ldm r0!, {{r10-r12}}",
        "smlabt r1, r10, r7, r1",
        "smlad lr, r10, r7, lr",
        "smlabt r1, r11, r8, r1",
        "smlad lr, r11, r8, lr",
        "smlabt r1, r12, r9, r1",
        "smlad lr, r12, r9, lr",
        "strd r1, lr, [r2], #8",
        "cmp r2, r3",
        "blo 1b",
        "pop {{r4-r11, pc}}",
    )
}

/// Overwrites sums of every other column.
///
/// # Safety
/// The processor has the DSP extension. The task's plane has a pair more than there are outputs.
#[unsafe(naked)]
unsafe extern "C" fn halving(task: &mut Task) {
    naked_asm!(
        ".arch armv7e-m",
        "push {{r4-r11, lr}}",
        "ldm r0, {{r0-r3}}",
        "ldm r1, {{r4-r6}}",
        "add r1, r1, #20",
        "ldm r1, {{r7-r9}}",
        "ldm r0!, {{r10-r12}}",
        "1:",
        "smuad r1, r10, r4",
        "smlad r1, r11, r5, r1",
        "smlad r1, r12, r6, r1",
        "ldm r0!, {{r10-r12}}",
        "smlabt r1, r10, r7, r1",
        "smlabt r1, r11, r8, r1",
        "smlabt r1, r12, r9, r1",
        "str r1, [r2], #4",
        "cmp r2, r3",
        "blo 1b",
        "pop {{r4-r11, pc}}",
    )
}

/// What a sum in `$sum` becomes: the bias in r2 added, scaled as in `product/dsp/assembly.rs`, stored at r8. Changes lr.
macro_rules! output {
    ($sum:literal) => {
        concat!(
            concat!("add ", $sum, ", ", $sum, ", r2\n"),
            concat!("lsl ", $sum, ", ", $sum, ", r9\n"),
            concat!("and lr, ", $sum, ", r3, asr #31\n"),
            concat!("smmlar ", $sum, ", ", $sum, ", r3, lr\n"),
            concat!("adds ", $sum, ", ", $sum, ", ", $sum, ", asr #31\n"),
            concat!("asrs ", $sum, ", ", $sum, ", r4\n"),
            concat!("adc ", $sum, ", ", $sum, ", #0\n"),
            concat!("qadd ", $sum, ", ", $sum, ", r5\n"),
            concat!("ssat ", $sum, ", #8, ", $sum, "\n"),
            concat!("strb ", $sum, ", [r8]\n"),
            "add r8, r8, r6\n",
        )
    };
}

/// Overwrites outputs with their sums, two at a time: if their number is odd, the first alone.
///
/// # Safety
/// The processor has the DSP extension. There are as many outputs, a step apart, as sums: at least one.
#[unsafe(naked)]
unsafe extern "C" fn store_double(task: &mut Task) {
    naked_asm!(
        ".arch armv7e-m",
        "push {{r4-r11, lr}}",
        // Sums and their end, bias, mantissa, exponent, zero, step, outputs.
        "add r0, r0, #8",
        "ldm r0, {{r0-r6, r8}}",
        "usat r9, #5, r4",
        "subs r4, r9, r4",
        "lsls r3, r3, #1",
        "subs r7, r1, r0",
        "lsls r7, r7, #29",
        "bpl 1f",
        "ldr r10, [r0], #4",
        output!("r10"),
        "cmp r0, r1",
        "bhs 2f",
        "1:",
        "ldrd r10, r11, [r0], #8",
        output!("r10"),
        output!("r11"),
        "cmp r0, r1",
        "blo 1b",
        "2:",
        "pop {{r4-r11, pc}}",
    )
}
