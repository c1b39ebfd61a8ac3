//! Depthwise convolutions of 3 x 3 on Cortex-M4, M7 and M33: four channels at a time, each as a plane of its own.
//!
//! SMLAD multiplies two pixels of a channel that lie side by side. So three rows of a channel are copied to a ring of three slots,
//! in pairs of 16 bits; padding is copied as well. A pair is that of the same columns of all slots, for one LDM:
//!
//! ```text
//! columns 0 and 1: slot 0, slot 1, slot 2; columns 2 and 3: slot 0, ..       row r is in slot r % 3
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
//! out. Sums wait in memory, since a channel's multiplier takes as many registers as its weights.

use super::Depthwise;
use crate::kernel::int8::scale::{Multiplier, Rounding};
use core::arch::{asm, naked_asm};
use core::array;
use core::mem::offset_of;

/// Outputs of a row at a time, of a stride of 1; half as many of 2.
const WIDTH: usize = 16;

/// Pairs of pixels that they see.
const PAIRS: usize = WIDTH / 2 + 1;

/// Three rows of a channel: of each slot a pair.
type Plane = [[u32; 3]; PAIRS];

/// A channel's weights of a row: the first two and the last two of each, for the rows 1, 2, 0, 1, 2. From the second, first or
/// zeroth on they are those of slots 0, 1 and 2.
type Weights = [[u32; 5]; 2];

/// Whether these are what this computes: no dilation, one filter for each channel, four channels at a time.
pub(super) fn fits(depthwise: &Depthwise<'_>) -> bool {
    let [rows, cols] = &depthwise.axes;
    [rows, cols].into_iter().all(|axis| axis.taps == 3 && axis.dilation == 1)
        && (cols.stride == 1 || cols.stride == 2)
        && depthwise.channels == depthwise.bias.len()
        && depthwise.channels.is_multiple_of(4)
}

/// Overwrites `y`. It fits, and lengths match.
pub(super) fn run<R: Rounding>(depthwise: &Depthwise<'_>, x: &[i8], y: &mut [i8]) {
    let [_, cols] = &depthwise.axes;
    let most = WIDTH / cols.stride.max(1);
    for channel in (0..depthwise.channels).step_by(4) {
        for first in (0..cols.output).step_by(most) {
            columns::<R>(depthwise, x, channel, [first, cols.output.min(first + most)], y);
        }
    }
    let clamp = depthwise.clamp;
    if (clamp.least, clamp.most) != (-128, 127) {
        for y in y {
            *y = (*y).max(clamp.least).min(clamp.most);
        }
    }
}

/// A channel of some outputs of a row, for the assembly.
#[repr(C)]
struct Task {
    plane: *const Plane,
    /// Of the three slots, and five words on.
    weights: *const u32,
    sums: *mut i32,
    /// Where sums end.
    end: *const i32,
    bias: i32,
    /// Twice the multiplier's mantissa, as 32 bits.
    mantissa: i32,
    /// Shifts of a sum, before and after.
    left: u32,
    right: u32,
    zero: i32,
    /// Bytes from an output to the next.
    step: usize,
    y: *mut i8,
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, plane) == 0
        && offset_of!(Task, weights) == 4
        && offset_of!(Task, sums) == 8
        && offset_of!(Task, end) == 12
        && offset_of!(Task, bias) == 16
        && offset_of!(Task, mantissa) == 20
        && offset_of!(Task, left) == 24
        && offset_of!(Task, right) == 28
        && offset_of!(Task, zero) == 32
        && offset_of!(Task, step) == 36
        && offset_of!(Task, y) == 40
);

/// Four channels of the outputs from `first` to `last` of every row.
#[inline(never)]
fn columns<R: Rounding>(
    depthwise: &Depthwise<'_>,
    x: &[i8],
    channel: usize,
    [first, last]: [usize; 2],
    y: &mut [i8],
) {
    let (channels, [rows, cols]) = (depthwise.channels, &depthwise.axes);
    let mut planes = [[[0; 3]; PAIRS]; 4];
    let mut sums = [0; WIDTH];
    let weights: [Weights; 4] = array::from_fn(|i| weights(depthwise.weight, channels, channel + i));
    let count = last.saturating_sub(first).min(WIDTH / cols.stride.max(1));
    let pairs = if cols.stride == 1 { count.div_ceil(2) + 1 } else { count + 1 };
    // Rows are counted from the first one of the padding.
    let mut next = 0;
    for down in 0..rows.output {
        let above = down * rows.stride;
        next = next.max(above);
        while next < above + 3 {
            let row = next.checked_sub(rows.before).filter(|&row| row < rows.input);
            let width = cols.input * channels;
            let row = row.and_then(|row| x.get(row * width..(row + 1) * width)).unwrap_or_default();
            let from = (first * cols.stride).wrapping_sub(cols.before);
            fill(&mut planes, next % 3, pairs, Row { row, channels, channel, from, zero: depthwise.zero });
            next += 1;
        }
        let y = y.get_mut((down * cols.output + first) * channels + channel..).unwrap_or_default();
        let scales = depthwise.bias.get(channel..).unwrap_or_default().iter();
        let scales = scales.zip(depthwise.scale.get(channel..).unwrap_or_default());
        for ((i, (plane, weights)), (&bias, &scale)) in planes.iter().zip(&weights).enumerate().zip(scales) {
            let y = y.get_mut(i..).unwrap_or_default();
            if count == 0 || y.len() <= (count - 1) * channels {
                return;
            }
            let Multiplier { mantissa, exponent } = scale;
            let sums = &mut sums;
            let mut task = Task {
                plane,
                weights: weights.as_flattened().as_ptr().wrapping_add(2_usize.saturating_sub(above % 3)),
                sums: sums.as_mut_ptr(),
                end: sums.as_ptr().wrapping_add(count),
                bias,
                mantissa: mantissa.wrapping_shl(1),
                left: exponent.clamp(0, 31) as u32,
                right: exponent.saturating_neg().clamp(0, 31) as u32,
                zero: depthwise.clamp.zero.into(),
                step: channels,
                y: y.as_mut_ptr(),
            };
            // SAFETY: this processor has the instructions. Weights begin with the second row of three, or one or two before, and
            // there are as many five words on. `count` outputs see as many pairs as a plane has, or fewer; an odd one with a
            // stride of 1 is computed with its neighbour, and `WIDTH` is even. There are as many outputs in `y`.
            unsafe {
                if cols.stride == 1 {
                    straight(&mut task)
                } else {
                    halving(&mut task)
                }
                if R::TWICE {
                    store_double(&mut task);
                    continue;
                }
            }
            for (&sum, y) in sums.iter().take(count).zip(y.iter_mut().step_by(channels.max(1))) {
                let y32 = R::scale(sum.wrapping_add(bias), scale).saturating_add(depthwise.clamp.zero.into());
                *y = y32.clamp(-128, 127) as i8;
            }
        }
    }
}

/// A channel's weights.
fn weights(weight: &[i8], channels: usize, channel: usize) -> Weights {
    let pair = |row: usize, tap: usize| {
        let [low, high] = [tap, tap + 1].map(|tap| {
            let at = (row * 3 + tap) * channels + channel;
            i16::from(weight.get(at).copied().unwrap_or_default()) as u16
        });
        u32::from(low) | u32::from(high) << 16
    };
    [0, 1].map(|tap| [1, 2, 0, 1, 2].map(|row| pair(row, tap)))
}

/// A row of the input; an empty one is of zeros.
struct Row<'a> {
    row: &'a [i8],
    channels: usize,
    /// The first of the four channels wanted.
    channel: usize,
    /// The first pixel wanted, which may be before the first.
    from: usize,
    zero: i8,
}

/// Overwrites a slot of four channels' planes.
#[inline(always)]
fn fill(planes: &mut [Plane; 4], slot: usize, pairs: usize, row: Row<'_>) {
    let zeros = u32::from_ne_bytes([row.zero as u8; 4]);
    let pixel = |at: usize| {
        let here = row.row.get(at.checked_mul(row.channels)?.checked_add(row.channel)?..)?;
        here.first_chunk().map(|x: &[i8; 4]| u32::from_le_bytes(x.map(|x| x as u8)))
    };
    let [a, b, c, d] = planes;
    let planes = a.iter_mut().zip(b).zip(c).zip(d).take(pairs);
    let mut at = row.from;
    for (((a, b), c), d) in planes {
        let (left, right) = (pixel(at).unwrap_or(zeros), pixel(at.wrapping_add(1)).unwrap_or(zeros));
        at = at.wrapping_add(2);
        let pairs = side_by_side(left, right);
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

/// Overwrites sums, two at a time.
///
/// # Safety
/// The processor has the DSP extension. The task's plane has a pair more than there are pairs of outputs; an odd last sum may be
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

/// Overwrites outputs with their sums, the bias added, scaled as in `product/dsp/assembly.rs`.
///
/// # Safety
/// The processor has the DSP extension. There are as many outputs, a step apart, as sums.
#[unsafe(naked)]
unsafe extern "C" fn store_double(task: &mut Task) {
    naked_asm!(
        ".arch armv7e-m",
        "push {{r4-r11, lr}}",
        "add r0, r0, #8",
        "ldm r0, {{r0-r6, r8, r9}}",
        "1:",
        "ldr r10, [r0], #4",
        "add r10, r10, r2",
        "lsl r10, r10, r4",
        "and r11, r10, r3, asr #31",
        "smmlar r10, r10, r3, r11",
        "lsls r11, r10, #1",
        "add r10, r10, r10, asr #31",
        "asrs r10, r10, r5",
        "adc r10, r10, #0",
        "qadd r10, r10, r6",
        "ssat r10, #8, r10",
        "strb r10, [r9]",
        "add r9, r9, r8",
        "cmp r0, r1",
        "blo 1b",
        "pop {{r4-r11, pc}}",
    )
}
