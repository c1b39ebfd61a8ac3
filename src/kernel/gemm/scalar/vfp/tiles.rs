//! Tiles of 4 x 4: beside each other, then below each other.
//!
//! Registers: s0 to s15 are the sums, s16 to s19 numbers of B, s20 to s27 of A. r8 is where sums go, rows r9 apart; r10 is
//! where they come from, rows r11 apart.

use super::super::abi::{Stretched, Tiles};
use core::arch::naked_asm;

/// Calls [`end_tile`]. Changes r5, r7, r12 and s16 to s31.
macro_rules! end {
    () => {
        "mov r7, lr
         bl {end_tile}
         mov lr, r7
        "
    };
}

/// The four columns to the right. Changes r5.
macro_rules! next_tile {
    () => {
        "ldr r5, [r0, #32]
         add.w r8, r8, #16
         add r10, r10, r5
        "
    };
}

/// The four rows below, if there are any. Changes r5 to r7 and r9.
macro_rules! next_block {
    () => {
        "ldr r5, [r0, #24]
         ldr r6, [r0, #36]
         ldr r7, [r0, #52]
         ldr r9, [r0, #40]
         add.w r5, r5, r11, lsl #2
         add.w r6, r6, r9, lsl #2
         subs r7, #1
         str r5, [r0, #24]
         str r6, [r0, #36]
         str r7, [r0, #52]
         ldr r6, [r0, #16]
         bne.w 0b
        "
    };
}

/// The first stretch of k of several. Changes r12.
macro_rules! first_stretch {
    () => {
        "ldr r12, [r0, #76]
         str.w r12, [r0, #92]
         9:
        "
    };
}

/// The next stretch of k, from rows of A in these registers on and B in r5, if there is one. Changes r7 and r12.
macro_rules! next_stretch {
    ($($a:literal)*) => {
        concat!(
            "ldr r7, [r0, #92]
             subs r7, #1
             beq.w 7f
             str r7, [r0, #92]
             ldr.w r12, [r0, #80]
             ldr r7, [r0, #84]
             add r5, r7
            ",
            $("add ", $a, ", r12\n",)*
            "ldr r7, [r0, #20]
             b.w 9b
             7:
            ",
        )
    };
}

/// Four numbers of a row of B.
macro_rules! nn_row_of_b {
    () => {
        "vldmia r5, {{s16-s19}}
         add.w r5, r5, r6
        "
    };
}
/// Two steps of A and B in rows, and where the second begins.
macro_rules! nn_two_steps {
    ($second:literal) => {
        concat!(
            "vldmia r1!, {{s20-s21}}
             vldmia r2!, {{s22-s23}}
             vldmia r3!, {{s24-s25}}
             vldmia r4!, {{s26-s27}}
            ",
            nn_row_of_b!(),
            outer_product!("s20" "s22" "s24" "s26"),
            $second,
            nn_row_of_b!(),
            outer_product!("s21" "s23" "s25" "s27"),
        )
    };
}

/// A and B in rows, with what begins a tile's sums and what ends the steps of a stretch of k.
macro_rules! nn_text {
    ($begin:expr, $end:expr) => {
        naked_asm!(concat!(
            save!(),
            "ldr r6, [r0, #16]
             ldr r9, [r0, #40]
             ldr r11, [r0, #28]
             0:
            ",
            four_rows!(),
            "ldr lr, [r0, #12]
             ldr r5, [r0, #44]
             str r5, [r0, #72]
             1:
            ",
            first_values!(),
            "ldr r7, [r0, #20]
             mov r5, lr
            ",
            $begin,
            "lsrs r7, r7, #1
             bcc.w 6f
             vldmia r1!, {{s21}}
             vldmia r2!, {{s23}}
             vldmia r3!, {{s25}}
             vldmia r4!, {{s27}}
             lsrs r7, r7, #1
             add.w r7, r7, #1
             bcs.w 4f
             b.w 5f
             6:
             adds r7, #1
             lsrs r7, r7, #1
             bcc.w 3f
             2:
            ",
            nn_two_steps!("4:\n"),
            "3:\n",
            nn_two_steps!("5:\n"),
            "subs r7, #1
             bne.w 2b
            ",
            $end,
            end!(),
            next_tile!(),
            "add.w lr, lr, #16
             ldr r5, [r0, #72]
             subs r5, #1
             str r5, [r0, #72]
             bne.w 1b
            ",
            next_block!(),
            restore!(),
        ), end_tile = sym end_tile)
    };
}

/// A and B in rows. Rows of A two numbers at a time: four steps in a loop, which is entered where as many are left as k is more
/// than a multiple of four.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_tiles(tiles: &mut Tiles) {
    nn_text!("", rows_again!())
}

/// The same with several stretches of k.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_stretches(tiles: &mut Stretched) {
    nn_text!(
        first_stretch!(),
        concat!(
            next_stretch!("r1" "r2" "r3" "r4"),
            "ldr r5, [r0, #88]
         sub.w r1, r1, r5
         sub.w r2, r2, r5
         sub.w r3, r3, r5
         sub.w r4, r4, r5
        ",
        )
    )
}

/// A step of A in columns, B in rows.
macro_rules! tn_step {
    () => {
        concat!(
            "vldmia r5, {{s16-s19}}
             vldmia r1, {{s20-s23}}
             add.w r5, r5, r6
             add.w r1, r1, r2
            ",
            outer_product!("s20" "s21" "s22" "s23"),
        )
    };
}

/// A in columns, B in rows, with what begins a tile's sums and what ends the steps of a stretch of k.
macro_rules! tn_text {
    ($begin:expr, $end:expr) => {
        naked_asm!(concat!(
            save!(),
            "ldr r2, [r0, #4]
             ldr r6, [r0, #16]
             ldr r9, [r0, #40]
             ldr r11, [r0, #28]
             0:
             ldr r3, [r0, #0]
             ldr r5, [r0, #8]
             ldr r10, [r0, #24]
             ldr r8, [r0, #36]
             ldr lr, [r0, #12]
             ldr r4, [r0, #44]
             add r5, r5, r3
             str r5, [r0, #0]
             1:
            ",
            first_values!(),
            "ldr r7, [r0, #20]
             mov r1, r3
             mov r5, lr
            ",
            $begin,
            "adds r7, #1
             lsrs r7, r7, #1
             bcc.w 3f
             2:
            ",
            // The carry was k's last bit, of k + 1: the odd one out is done first.
            tn_step!(),
            "3:\n",
            tn_step!(),
            "subs r7, #1
             bne.w 2b
            ",
            $end,
            end!(),
            next_tile!(),
            "add.w lr, lr, #16
             subs r4, #1
             bne.w 1b
            ",
            next_block!(),
            restore!(),
        ), end_tile = sym end_tile)
    };
}

/// A in columns, B in rows.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn tn_tiles(tiles: &mut Tiles) {
    tn_text!("", "")
}

/// The same with several stretches of k.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn tn_stretches(tiles: &mut Stretched) {
    tn_text!(first_stretch!(), next_stretch!("r1"))
}

/// A step of A in rows, B transposed.
macro_rules! nt_step {
    ($offset:literal) => {
        concat!(
            concat!("vldr s16, [r5, #", $offset, "]\n"),
            concat!("vldr s17, [r6, #", $offset, "]\n"),
            concat!("vldr s18, [r7, #", $offset, "]\n"),
            concat!("vldr s19, [r8, #", $offset, "]\n"),
            concat!("vldr s20, [r1, #", $offset, "]\n"),
            concat!("vldr s21, [r2, #", $offset, "]\n"),
            concat!("vldr s22, [r3, #", $offset, "]\n"),
            concat!("vldr s23, [r4, #", $offset, "]\n"),
            outer_product!("s20" "s21" "s22" "s23")
        )
    };
}

/// A in rows, B transposed, with what begins a tile's sums and what ends the steps of a stretch of k.
macro_rules! nt_text {
    ($begin:expr, $end:expr) => {
        naked_asm!(concat!(
            save!(),
            "ldr r11, [r0, #28]
             0:
             ldr r10, [r0, #24]
             ldr r5, [r0, #36]
             ldr r6, [r0, #12]
             ldr r7, [r0, #44]
             str r5, [r0, #64]
             str r6, [r0, #68]
             str r7, [r0, #72]
             1:
            ",
            first_values!(),
            "ldr r1, [r0, #0]
             ldr r5, [r0, #68]
            ",
            $begin,
            "ldr r9, [r0, #20]
             ldr r12, [r0, #4]
             ldr lr, [r0, #16]
             adds r9, r9, #1
             lsrs.w r9, r9, #1
             it cc
             subcc r1, r1, #4
             it cc
             subcc r5, r5, #4
             add.w r2, r1, r12
             add.w r3, r2, r12
             add.w r4, r3, r12
             add.w r6, r5, lr
             add.w r7, r6, lr
             add.w r8, r7, lr
             bcc.w 3f
             2:
            ",
            nt_step!(0),
            "3:\n",
            nt_step!(4),
            "adds r1, #8
             adds r2, #8
             adds r3, #8
             adds r4, #8
             adds r5, #8
             adds r6, #8
             adds r7, #8
             add.w r8, r8, #8
             subs.w r9, r9, #1
             bne.w 2b
            ",
            $end,
            "ldr r8, [r0, #64]
             ldr r9, [r0, #40]
            ",
            end!(),
            next_tile!(),
            "str.w r8, [r0, #64]
             ldr r5, [r0, #68]
             add.w r5, r5, lr, lsl #2
             str r5, [r0, #68]
             ldr r5, [r0, #72]
             subs r5, #1
             str r5, [r0, #72]
             bne.w 1b
             ldr r5, [r0, #0]
             ldr r6, [r0, #8]
             add r5, r5, r6
             str r5, [r0, #0]
            ",
            next_block!(),
            restore!(),
        ), end_tile = sym end_tile)
    };
}

/// A in rows, B transposed.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nt_tiles(tiles: &mut Tiles) {
    nt_text!("", "")
}

/// The same with several stretches of k.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nt_stretches(tiles: &mut Stretched) {
    nt_text!(first_stretch!(), next_stretch!("r1"))
}

/// The end of a tile: sixteen sums go to what r8 points to, four rows r9 apart. Changes r5, r12 and s16 to s31.
#[unsafe(naked)]
unsafe extern "C" fn end_tile() {
    #[cfg(not(fusebox_fused))]
    macro_rules! add_times_factor {
        () => {
            "vldr s16, [r0, #60]
             vmul.f32 s0, s0, s16
             vmul.f32 s1, s1, s16
             vmul.f32 s2, s2, s16
             vmul.f32 s3, s3, s16
             vmul.f32 s4, s4, s16
             vmul.f32 s5, s5, s16
             vmul.f32 s6, s6, s16
             vmul.f32 s7, s7, s16
             vmul.f32 s8, s8, s16
             vmul.f32 s9, s9, s16
             vmul.f32 s10, s10, s16
             vmul.f32 s11, s11, s16
             vmul.f32 s12, s12, s16
             vmul.f32 s13, s13, s16
             vmul.f32 s14, s14, s16
             vmul.f32 s15, s15, s16
            "
        };
    }
    // Two rows of what is there, to which products are added in one go, and then the other two.
    #[cfg(fusebox_fused)]
    macro_rules! add_times_factor {
        () => {
            "vldr s31, [r0, #60]
             add.w r5, r12, r9
             vldmia r12, {{s16-s19}}
             vldmia r5, {{s20-s23}}
             vfma.f32 s16, s0, s31
             vfma.f32 s17, s1, s31
             vfma.f32 s18, s2, s31
             vfma.f32 s19, s3, s31
             vfma.f32 s20, s4, s31
             vfma.f32 s21, s5, s31
             vfma.f32 s22, s6, s31
             vfma.f32 s23, s7, s31
             vstmia r12, {{s16-s19}}
             vstmia r5, {{s20-s23}}
             add.w r12, r5, r9
             add.w r5, r12, r9
             vldmia r12, {{s16-s19}}
             vldmia r5, {{s20-s23}}
             vfma.f32 s16, s8, s31
             vfma.f32 s17, s9, s31
             vfma.f32 s18, s10, s31
             vfma.f32 s19, s11, s31
             vfma.f32 s20, s12, s31
             vfma.f32 s21, s13, s31
             vfma.f32 s22, s14, s31
             vfma.f32 s23, s15, s31
             vstmia r12, {{s16-s19}}
             vstmia r5, {{s20-s23}}
             bx lr
            "
        };
    }
    naked_asm!(concat!(
        ".fpu fpv4-sp-d16
         ldr r5, [r0, #56]
         mov r12, r8
         cmp r5, #1
         blo.w 8f
         beq.w 7f
        ",
        add_times_factor!(),
        "7:
         vldmia r12, {{s16-s19}}
         add.w r12, r12, r9
         vldmia r12, {{s20-s23}}
         add.w r12, r12, r9
         vldmia r12, {{s24-s27}}
         add.w r12, r12, r9
         vldmia r12, {{s28-s31}}
         mov r12, r8
        ",
        add_eight!(),
        add_eight_more!(),
        "8:
         vstmia r12, {{s0-s3}}
         add.w r12, r12, r9
         vstmia r12, {{s4-s7}}
         add.w r12, r12, r9
         vstmia r12, {{s8-s11}}
         add.w r12, r12, r9
         vstmia r12, {{s12-s15}}
         bx lr
        ",
    ))
}
