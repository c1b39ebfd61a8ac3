//! Products on Cortex-M55: Helium adds sixteen products of bytes to a sum in a general register.
//!
//! VLD4 takes four tiles apart into four outputs of sixteen weights each.
//!
//! ```text
//! 4 VLD4       four tiles of weights
//! 1 VLDRB      sixteen inputs
//! 4 VMLADAVA   sixteen products of each output
//! 1 LE         the loop, which costs no time
//!             10 for 64 products: 0.16
//! ```
//!
//! Tiles that are left are gathered, and bytes that are left loaded, in as many lanes as there are; the others are zero. Four
//! sums are scaled as one vector.

use super::super::scale::{Multiplier, Rounding};
use super::{Product, plain};
use core::arch::{asm, naked_asm};
use core::mem::offset_of;

/// What the assembly is handed, in r0.
#[repr(C)]
struct Task {
    bias: *const i32,
    scale: *const Multiplier,
    weight: *const i8,
    /// Bytes, or sums.
    y: *mut i8,
    x: *const i8,
    /// Groups of four outputs. At least one.
    groups: usize,
    /// Four whole tiles, with sixteen inputs.
    fours: usize,
    /// Inputs of the one to three tiles after them.
    tiled: usize,
    /// Inputs after those: up to three.
    rest: usize,
    zero: i32,
    least: i32,
    most: i32,
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, bias) == 0
        && offset_of!(Task, scale) == 4
        && offset_of!(Task, weight) == 8
        && offset_of!(Task, y) == 12
        && offset_of!(Task, x) == 16
        && offset_of!(Task, groups) == 20
        && offset_of!(Task, fours) == 24
        && offset_of!(Task, tiled) == 28
        && offset_of!(Task, rest) == 32
        && offset_of!(Task, zero) == 36
        && offset_of!(Task, least) == 40
        && offset_of!(Task, most) == 44
);

/// Overwrites `ys`. Lengths match, and the weights begin at the address of a word.
pub(super) fn rows<R: Rounding>(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i8]) {
    let (depth, outputs) = (product.depth, product.bias.len());
    let mut task = task(product);
    while let (Some(x), Some(y)) = (xs.split_off(..depth), ys.split_off_mut(..outputs)) {
        if outputs >= 4 {
            (task.x, task.y) = (x.as_ptr(), y.as_mut_ptr());
            // SAFETY: `build.rs` enables this only for processors with the instructions. `x`, `y` and the product's slices
            // have the lengths that the task says: `Product::run` has checked them, and there is a group of outputs.
            unsafe { if R::TWICE { row_double(&task) } else { row_single(&task) } }
        }
        if outputs % 4 > 0 {
            plain::last_outputs::<R>(product, x, y, dot);
        }
        if xs.is_empty() {
            return;
        }
    }
}

/// Overwrites `ys` with the sums. Lengths match, outputs are groups of four, and the weights begin at the address of a word.
pub(super) fn sums(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i32]) {
    let mut task = task(product);
    while let (Some(x), Some(y)) = (xs.split_off(..product.depth), ys.split_off_mut(..product.bias.len())) {
        (task.x, task.y) = (x.as_ptr(), y.as_mut_ptr().cast());
        // SAFETY: as in `rows`; at `y` there is a sum of each output.
        unsafe { row_sums(&task) }
        if xs.is_empty() {
            return;
        }
    }
}

/// All but where the inputs and outputs of a row are.
fn task(product: &Product<'_>) -> Task {
    let depth = product.depth;
    Task {
        bias: product.bias.as_ptr(),
        scale: product.scale.as_ptr(),
        weight: product.weight.as_ptr(),
        y: core::ptr::null_mut(),
        x: core::ptr::null(),
        groups: product.bias.len() / 4,
        fours: depth / 16,
        tiled: depth % 16 / 4 * 4,
        rest: depth % 4,
        zero: product.clamp.zero.into(),
        least: product.clamp.least.into(),
        most: product.clamp.most.into(),
    }
}

/// `sum` plus the products of the pairs.
fn dot(mut sum: i32, xs: &[i8], ws: &[i8]) -> i32 {
    let count = xs.len().min(ws.len());
    if count > 0 {
        // SAFETY: this processor has the instructions. Of both slices `count` bytes are read: the loop's last turn has only
        // the lanes of those that are left.
        unsafe {
            asm!(
                ".arch armv8.1-m.main",
                ".arch_extension mve.fp",
                "dlstp.8 lr, r3",
                "2:",
                "vldrb.u8 q0, [r1], #16",
                "vldrb.u8 q1, [r2], #16",
                "vmladava.s8 r0, q0, q1",
                "letp lr, 2b",
                inout("r0") sum,
                inout("r1") xs.as_ptr() => _,
                inout("r2") ws.as_ptr() => _,
                in("r3") count,
                out("lr") _,
                out("d0") _,
                out("d1") _,
                out("d2") _,
                out("d3") _,
                options(readonly, nostack),
            );
        }
    }
    sum
}

/// Four sums in q0, times the multipliers with mantissas in q1 and exponents in q2, rounded twice. q4 is zero; changes q2
/// and q3. Before halves are rounded up, products less than zero that are shifted to the right are made less by one, and so
/// halves are rounded away from zero.
macro_rules! scale_double {
    () => {
        "vmax.s32 q3, q2, q4
         vmin.s32 q2, q2, q4
         vshl.s32 q0, q0, q3
         vqrdmulh.s32 q0, q0, q1
         vand q3, q0, q2
         vshr.s32 q3, q3, #31
         vadd.i32 q0, q0, q3
         vrshl.s32 q0, q0, q2
        "
    };
}

/// The same, rounded once. A sum that saturates when it is shifted to the left is beyond the clamp's bounds for any mantissa.
/// If nothing is shifted to the right, the product's upper half is rounded, else what is shifted.
macro_rules! scale_single {
    () => {
        "movs r0, #1
         movs r2, #0
         vadd.i32 q2, q2, r0
         vmax.s32 q3, q2, q4
         vmin.s32 q2, q2, q4
         vqshl.s32 q3, q0, q3
         vmulh.s32 q0, q3, q1
         vpt.i32 eq, q2, r2
         vrmulht.s32 q0, q3, q1
         vrshl.s32 q0, q0, q2
        "
    };
}

/// Stores four outputs, scaled.
macro_rules! outputs {
    ($scale:ident) => {
        concat!(
            "vmov d0, r0, r2
             vmov d1, r4, r6
             vld20.32 {{q1, q2}}, [r8]
             vld21.32 {{q1, q2}}, [r8]!
             vmov.i32 q4, #0
            ",
            $scale!(),
            "vqadd.s32 q0, q0, r9
             vmax.s32 q0, q0, q6
             vmin.s32 q0, q0, q7
             vstrb.32 q0, [r7], #4
            "
        )
    };
}

/// One row by groups of four outputs, which `store` stores.
///
/// ```text
/// r0, r2, r4, r6   sums         r1   weights     r8   scales    r9    zero      r11  the task
/// q0 .. q3         weights      r3   inputs      r7   outputs   r10   groups    lr   loops, counts
/// q4               inputs       r5   biases      q5   0, 16, 32, 48             q6, q7   bounds
/// ```
macro_rules! row {
    ($store:expr) => {
        concat!(
            ".arch armv8.1-m.main
             .arch_extension mve.fp
             push {{r4-r11, lr}}
             sub sp, sp, #4
             vpush {{d8-d15}}
             mov r11, r0
             movs r2, #0
             vidup.u32 q5, r2, #8
             vshl.i32 q5, q5, #1
             ldrd r5, r8, [r11]
             ldrd r1, r7, [r11, #8]
             ldr r10, [r11, #20]
             ldr r9, [r11, #36]
             ldrd r2, r3, [r11, #40]
             vdup.32 q6, r2
             vdup.32 q7, r3
             1:
             ldm r5!, {{r0, r2, r4, r6}}
             ldr r3, [r11, #16]
             ldr lr, [r11, #24]
             wls lr, lr, 3f
             2:
             vld40.32 {{q0, q1, q2, q3}}, [r1]
             vld41.32 {{q0, q1, q2, q3}}, [r1]
             vld42.32 {{q0, q1, q2, q3}}, [r1]
             vld43.32 {{q0, q1, q2, q3}}, [r1]!
             vldrb.u8 q4, [r3], #16
             vmladava.s8 r0, q0, q4
             vmladava.s8 r2, q1, q4
             vmladava.s8 r4, q2, q4
             vmladava.s8 r6, q3, q4
             le lr, 2b
             3:
             ldr lr, [r11, #28]
             cmp lr, #0
             beq 4f
             vctp.8 lr
             vpst
             vldrbt.u8 q4, [r3]
             add r3, r3, lr
             lsr lr, lr, #2
             vctp.32 lr
             vpst
             vldrwt.u32 q0, [r1, q5]
             adds r1, r1, #4
             vpst
             vldrwt.u32 q1, [r1, q5]
             adds r1, r1, #4
             vpst
             vldrwt.u32 q2, [r1, q5]
             adds r1, r1, #4
             vpst
             vldrwt.u32 q3, [r1, q5]
             subs r1, r1, #12
             add r1, r1, lr, lsl #4
             vmladava.s8 r0, q0, q4
             vmladava.s8 r2, q1, q4
             vmladava.s8 r4, q2, q4
             vmladava.s8 r6, q3, q4
             4:
             ldr lr, [r11, #32]
             cmp lr, #0
             beq 5f
             vctp.8 lr
             vpst
             vldrbt.u8 q4, [r3]
             vpst
             vldrbt.u8 q0, [r1]
             add r1, r1, lr
             vpst
             vldrbt.u8 q1, [r1]
             add r1, r1, lr
             vpst
             vldrbt.u8 q2, [r1]
             add r1, r1, lr
             vpst
             vldrbt.u8 q3, [r1]
             add r1, r1, lr
             vmladava.s8 r0, q0, q4
             vmladava.s8 r2, q1, q4
             vmladava.s8 r4, q2, q4
             vmladava.s8 r6, q3, q4
             5:
            ",
            $store,
            "subs.w r10, r10, #1
             bne.w 1b
             vpop {{d8-d15}}
             add sp, sp, #4
             pop {{r4-r11, pc}}
            ",
        )
    };
}

/// One row, rounded twice.
///
/// # Safety
/// The processor has Helium. The pointers of the task are to as much as its numbers say, the weights' to words.
#[unsafe(naked)]
unsafe extern "C" fn row_double(task: &Task) {
    naked_asm!(row!(outputs!(scale_double)))
}

/// One row, rounded once.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
unsafe extern "C" fn row_single(task: &Task) {
    naked_asm!(row!(outputs!(scale_single)))
}

/// The sums of one row.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
unsafe extern "C" fn row_sums(task: &Task) {
    naked_asm!(row!("stm r7!, {{r0, r2, r4, r6}}\n"))
}
