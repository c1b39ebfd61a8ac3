//! One row of A by the rows of B, twenty columns at a time: for recurrent layers, where every product has a single row.
//!
//! Two steps of k of twenty columns, with multiply and add apart:
//!
//! ```text
//! 40 VMUL, 40 VADD                80 cycles
//! 4 VLDM, of a row of B ten       44               (1 + n)
//! 1 VLDM, two numbers of A         3
//! 2 ADD, to the next row of B      2
//! a loop's SUBS and BNE            4
//!                                133: 3.33 cycles a multiply-accumulate; of sixteen columns 3.41, of four 4.38
//! ```
//!
//! All segments of a tile's sums are computed before the next tile's. s0 to s19 are the sums, s20 to s29 numbers of B and
//! products, s30 and s31 numbers of A.

use super::super::sums::ZEROS;
use core::arch::naked_asm;

/// What the assembly is handed.
#[repr(C)]
pub(super) struct WideRow {
    pub(super) a: *const f32,
    pub(super) b: *const f32,
    /// Tiles beside each other, at least one.
    pub(super) tiles: usize,
    /// From one k to the next, in bytes.
    pub(super) b_stride: usize,
    pub(super) out: *mut f32,
    pub(super) bias: *const f32,
    /// The longest segment.
    pub(super) segment: usize,
    /// At least one.
    pub(super) k: usize,
}

/// A number `x` of A times numbers of B, added to sums.
#[cfg(not(fusebox_fused))]
macro_rules! add_times {
    ($x:literal $([$sum:literal $b:literal])*) => {
        concat!(
            $("vmul.f32 ", $b, ", ", $x, ", ", $b, "\n",)*
            $("vadd.f32 ", $sum, ", ", $sum, ", ", $b, "\n",)*
        )
    };
}

/// The same where multiply and add are one.
#[cfg(fusebox_fused)]
macro_rules! add_times {
    ($x:literal $([$sum:literal $b:literal])*) => {
        concat!($("vfma.f32 ", $sum, ", ", $x, ", ", $b, "\n",)*)
    };
}

macro_rules! step {
    ($x:literal) => {
        concat!(
            "vldmia r5!, {{s20-s29}}\n",
            add_times!($x ["s0" "s20"]["s1" "s21"]["s2" "s22"]["s3" "s23"]["s4" "s24"]),
            add_times!($x ["s5" "s25"]["s6" "s26"]["s7" "s27"]["s8" "s28"]["s9" "s29"]),
            "vldmia r5, {{s20-s29}}
             add.w r5, r5, r6
            ",
            add_times!($x ["s10" "s20"]["s11" "s21"]["s12" "s22"]["s13" "s23"]["s14" "s24"]),
            add_times!($x ["s15" "s25"]["s16" "s26"]["s17" "s27"]["s18" "s28"]["s19" "s29"]),
        )
    };
}

/// Sums of twenty columns, `tiles` times.
///
/// # Safety
/// At `a`, `k` numbers can be read, at `bias` and from `b` on in each of `k` rows, twenty times `tiles`; as many can be
/// written at `out`.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn wide_row(row: &WideRow) {
    naked_asm!(
        concat!(
            save!(),
            "ldmia r0, {{r2, r3, r4, r6, r8, r10, r11}}
             subs r6, #40
             1:
             vldmia r10!, {{s0-s19}}
             ldr.w r9, [r0, #28]
             mov r1, r2
             mov r5, r3
             mov.w r12, #0
             4:
             mov r7, r9
             cmp r7, r11
             it hi
             movhi r7, r11
             subs.w r9, r9, r7
             adds r7, #1
             lsrs r7, r7, #1
             bcs.w 2f
             vldmia r1!, {{s31}}
             b.w 3f
             2:
             vldmia r1!, {{s30-s31}}
            ",
            step!("s30"),
            "3:\n",
            step!("s31"),
            // Segments after the first are added to what the others have left.
            "subs r7, #1
             bne.w 2b
             cmp.w r12, #0
             beq.w 8f
             vldmia r8!, {{s20-s29}}
             vadd.f32 s0, s20, s0
             vadd.f32 s1, s21, s1
             vadd.f32 s2, s22, s2
             vadd.f32 s3, s23, s3
             vadd.f32 s4, s24, s4
             vadd.f32 s5, s25, s5
             vadd.f32 s6, s26, s6
             vadd.f32 s7, s27, s7
             vadd.f32 s8, s28, s8
             vadd.f32 s9, s29, s9
             vldmia r8, {{s20-s29}}
             sub.w r8, r8, #40
             vadd.f32 s10, s20, s10
             vadd.f32 s11, s21, s11
             vadd.f32 s12, s22, s12
             vadd.f32 s13, s23, s13
             vadd.f32 s14, s24, s14
             vadd.f32 s15, s25, s15
             vadd.f32 s16, s26, s16
             vadd.f32 s17, s27, s17
             vadd.f32 s18, s28, s18
             vadd.f32 s19, s29, s19
             8:
             cmp.w r9, #0
             beq.w 9f
             vstmia r8, {{s0-s19}}
             movw r12, #:lower16:{zeros}
             movt r12, #:upper16:{zeros}
             vldmia r12, {{s0-s15}}
             vldmia r12, {{s16-s19}}
             b.w 4b
             9:
             vstmia r8!, {{s0-s19}}
             adds r3, #80
             subs r4, #1
             bne.w 1b
            ",
            restore!(),
        ),
        zeros = sym ZEROS,
    )
}
