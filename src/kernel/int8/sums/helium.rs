//! Sums of two arrays on Cortex-M55, rounded twice: four numbers at a time, scaled as in `product/helium.rs`.

use super::{BITS, Term};
use crate::kernel::int8::scale::{Clamp, Multiplier};
use core::arch::naked_asm;
use core::mem::offset_of;

/// What is taken off a number, how far it is shifted to the left, what it is multiplied by.
#[repr(C)]
struct Steps {
    zero: i32,
    left: i32,
    mantissa: i32,
}

/// What the assembly is handed, in r0.
#[repr(C)]
struct Task {
    a: *const i8,
    b: *const i8,
    y: *mut i8,
    terms: [Steps; 2],
    left: i32,
    mantissa: i32,
    zero: i32,
    count: usize,
    /// Minus the shifts to the right: of both terms, and of their sum.
    right: [i32; 3],
    least: i32,
    most: i32,
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, terms) == 12
        && offset_of!(Task, left) == 36
        && offset_of!(Task, zero) == 44
        && offset_of!(Task, count) == 48
        && offset_of!(Task, right) == 52
        && offset_of!(Task, least) == 64
        && offset_of!(Task, most) == 68
);

/// Overwrites `ys` as [`add`](super::add) does, as far as all three slices reach.
pub(super) fn add(terms: [Term; 2], sum: Multiplier, clamp: Clamp, [a, b]: [&[i8]; 2], ys: &mut [i8]) {
    let count = a.len().min(b.len()).min(ys.len());
    let left = |scale: Multiplier| scale.exponent.clamp(0, 31);
    let steps = |term: Term| Steps {
        zero: term.zero.into(),
        left: left(term.scale) + BITS as i32,
        mantissa: term.scale.mantissa,
    };
    let [first, second] = terms;
    let task = Task {
        a: a.as_ptr(),
        b: b.as_ptr(),
        y: ys.as_mut_ptr(),
        terms: [steps(first), steps(second)],
        left: left(sum),
        mantissa: sum.mantissa,
        zero: clamp.zero.into(),
        count,
        right: [first.scale, second.scale, sum].map(|scale| scale.exponent.clamp(-31, 0)),
        least: clamp.least.into(),
        most: clamp.most.into(),
    };
    if count > 0 {
        // SAFETY: `build.rs` enables this only for processors with the instructions. All three slices have as many bytes.
        unsafe { add_double(&task) }
    }
}

/// What is in q0 to the right by q4, or others: halves away from zero. Changes q1.
macro_rules! right {
    ($x:literal, $by:literal) => {
        concat!(
            concat!("vand q1, ", $x, ", ", $by, "\n"),
            "vshr.s32 q1, q1, #31\n",
            concat!("vadd.i32 ", $x, ", ", $x, ", q1\n"),
            concat!("vrshl.s32 ", $x, ", ", $x, ", ", $by, "\n"),
        )
    };
}

/// Four sums at a time.
///
/// # Safety
/// The processor has Helium. The pointers are to `count` bytes, at least one.
#[unsafe(naked)]
unsafe extern "C" fn add_double(task: &Task) {
    naked_asm!(
        ".arch armv8.1-m.main
         .arch_extension mve.fp
         push {{r4-r11, lr}}
         sub sp, sp, #4
         vpush {{d8-d15}}
         mov r12, r0
         ldrd r1, r2, [r12, #52]
         vdup.32 q4, r1
         vdup.32 q5, r2
         ldrd r1, r2, [r12, #60]
         vdup.32 q6, r1
         vdup.32 q3, r2
         ldr r1, [r12, #68]
         vdup.32 q7, r1
         ldr lr, [r12, #48]
         ldm r12, {{r0-r11}}
         dlstp.32 lr, lr
         1:
         vldrb.s32 q0, [r0], #4
         vsub.i32 q0, q0, r3
         vshl.s32 q0, r4
         vqrdmulh.s32 q0, q0, r5
        ",
        right!("q0", "q4"),
        "vldrb.s32 q2, [r1], #4
         vsub.i32 q2, q2, r6
         vshl.s32 q2, r7
         vqrdmulh.s32 q2, q2, r8
        ",
        right!("q2", "q5"),
        "vadd.i32 q0, q0, q2
         vshl.s32 q0, r9
         vqrdmulh.s32 q0, q0, r10
        ",
        right!("q0", "q6"),
        "vqadd.s32 q0, q0, r11
         vmax.s32 q0, q0, q3
         vmin.s32 q0, q0, q7
         vstrb.32 q0, [r2], #4
         letp lr, 1b
         vpop {{d8-d15}}
         add sp, sp, #4
         pop {{r4-r11, pc}}
        ",
    )
}
