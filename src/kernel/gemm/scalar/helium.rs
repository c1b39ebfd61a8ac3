//! Tiles and rows in the vectors of a Cortex-M55: Helium, four numbers of `f32`.
//!
//! The same 4 x 4 tiles as in [`vfp`](super::vfp), a vector a row. Its multiply-add takes a vector of B and a number of A
//! from a general register, so that two steps of k are
//!
//! ```text
//! 2 VLDRW and 2 ADD    rows of B, and on to the next
//! 4 LDRD               two numbers of each row of A
//! 8 VFMA               a row of the tile each
//! 1 LE                 the loop, which costs no time
//!                     17 instructions for 32 multiply-accumulates: 0.53
//! ```
//!
//! Eight vector registers are few: 3 x 8 would load less, 0.44, but leaves one to two rows of most matrices over. The
//! multiply-adds take two cycles each; what loads there are go on beside them.
//!
//! r0 is the address of the [`Tiles`] throughout; r8 is where sums go, and r10 where they come from.

use super::abi::Tiles;
use core::arch::naked_asm;

macro_rules! save {
    () => {
        ".arch armv8.1-m.main
         .arch_extension mve.fp
         push {{r4-r11, lr}}
         vpush {{d8-d11}}
        "
    };
}

macro_rules! restore {
    () => {
        "vpop {{d8-d11}}
         pop {{r4-r11, pc}}
        "
    };
}

/// Four sums a vector start from what r10 points to, r11 apart. Changes r12.
macro_rules! first_values {
    () => {
        "mov r12, r10
         vldrw.u32 q0, [r12]
         add r12, r12, r11
         vldrw.u32 q1, [r12]
         add r12, r12, r11
         vldrw.u32 q2, [r12]
         add r12, r12, r11
         vldrw.u32 q3, [r12]
        "
    };
}

/// One row of sums becomes what is stored at r12: itself, or what is there with it added, or with its product with the factor
/// in r7 added; r5 says which. On to the row r9 further on.
macro_rules! store {
    ($sums:literal) => {
        concat!(concat!("vstrw.u32 ", $sums, ", [r12]\n"), "add r12, r12, r9\n",)
    };
}
macro_rules! add {
    ($sums:literal) => {
        concat!("vldrw.u32 q4, [r12]\n", concat!("vadd.f32 q4, q4, ", $sums, "\n"), store!("q4"),)
    };
}
macro_rules! add_times_factor {
    ($sums:literal) => {
        concat!("vldrw.u32 q4, [r12]\n", concat!("vfma.f32 q4, ", $sums, ", r7\n"), store!("q4"),)
    };
}

/// The end of a tile. Changes r5, r7, r9, r12 and q4.
macro_rules! end {
    () => {
        concat!(
            "ldr r5, [r0, #56]
             ldr r9, [r0, #40]
             mov r12, r8
             cmp r5, #1
             bhi.w 7f
             beq.w 8f
            ",
            store!("q0"),
            store!("q1"),
            store!("q2"),
            store!("q3"),
            "b.w 9f
             8:
            ",
            add!("q0"),
            add!("q1"),
            add!("q2"),
            add!("q3"),
            "b.w 9f
             7:
             ldr r7, [r0, #60]
            ",
            add_times_factor!("q0"),
            add_times_factor!("q1"),
            add_times_factor!("q2"),
            add_times_factor!("q3"),
            "9:\n",
        )
    };
}

/// The four columns to the right, or the four rows below. The last of `kept` counts the tiles left. Changes r5, r7, r9 and
/// r12.
macro_rules! next {
    () => {
        "ldr r5, [r0, #32]
         ldr r7, [r0, #72]
         add.w r8, r8, #16
         add r10, r10, r5
         subs r7, #1
         str r7, [r0, #72]
         bne.w 1b
         ldr r5, [r0, #24]
         ldr r7, [r0, #36]
         ldr r12, [r0, #52]
         ldr r9, [r0, #40]
         add.w r5, r5, r11, lsl #2
         add.w r7, r7, r9, lsl #2
         subs.w r12, r12, #1
         str r5, [r0, #24]
         str r7, [r0, #36]
         str.w r12, [r0, #52]
         bne.w 0b
        "
    };
}

/// A row of a tile in two steps, whose numbers of A are at the pointer.
macro_rules! two_of_row {
    ($sums:literal, $pointer:literal) => {
        concat!(
            concat!("ldrd r5, r12, [", $pointer, "], #8\n"),
            concat!("vfma.f32 ", $sums, ", q4, r5\n"),
            concat!("vfma.f32 ", $sums, ", q5, r12\n"),
        )
    };
}

/// The same in one.
macro_rules! one_of_row {
    ($sums:literal, $pointer:literal) => {
        concat!(concat!("ldr r5, [", $pointer, "], #4\n"), concat!("vfma.f32 ", $sums, ", q4, r5\n"),)
    };
}

/// A and B in rows.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_tiles(tiles: &mut Tiles) {
    naked_asm!(concat!(
        save!(),
        "ldr r6, [r0, #16]
         ldr r11, [r0, #28]
         0:
        ",
        four_rows!(),
        "ldr r5, [r0, #12]
         ldr r7, [r0, #44]
         str r5, [r0, #64]
         str r7, [r0, #72]
         1:
        ",
        first_values!(),
        "ldr r7, [r0, #20]
         ldr r9, [r0, #64]
         lsrs r7, r7, #1
         bcc.w 5f
         vldrw.u32 q4, [r9]
         add r9, r9, r6
        ",
        one_of_row!("q0", "r1"),
        one_of_row!("q1", "r2"),
        one_of_row!("q2", "r3"),
        one_of_row!("q3", "r4"),
        "5:
         wls lr, r7, 6f
         2:
         vldrw.u32 q4, [r9]
         add r9, r9, r6
         vldrw.u32 q5, [r9]
         add r9, r9, r6
        ",
        two_of_row!("q0", "r1"),
        two_of_row!("q1", "r2"),
        two_of_row!("q2", "r3"),
        two_of_row!("q3", "r4"),
        "le lr, 2b
         6:
        ",
        rows_again!(),
        "ldr r7, [r0, #64]
         adds r7, #16
         str r7, [r0, #64]
        ",
        end!(),
        next!(),
        restore!(),
    ))
}

/// A in columns, B in rows.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn tn_tiles(tiles: &mut Tiles) {
    naked_asm!(concat!(
        save!(),
        "ldr r6, [r0, #16]
         ldr r2, [r0, #4]
         ldr r11, [r0, #28]
         0:
         ldr r5, [r0, #0]
         ldr r7, [r0, #8]
         ldr r3, [r0, #12]
         ldr r4, [r0, #44]
         ldr r10, [r0, #24]
         ldr r8, [r0, #36]
         add r7, r7, r5
         str r5, [r0, #68]
         str r7, [r0, #0]
         str r4, [r0, #72]
         1:
        ",
        first_values!(),
        "ldr r1, [r0, #68]
         ldr r7, [r0, #20]
         mov r9, r3
         dls lr, r7
         2:
         vldrw.u32 q4, [r9]
         ldrd r4, r5, [r1]
         ldrd r7, r12, [r1, #8]
         add r9, r9, r6
         add r1, r1, r2
         vfma.f32 q0, q4, r4
         vfma.f32 q1, q4, r5
         vfma.f32 q2, q4, r7
         vfma.f32 q3, q4, r12
         le lr, 2b
         adds r3, #16
        ",
        end!(),
        next!(),
        restore!(),
    ))
}

/// A in rows, B transposed: a vector of B is gathered, by addresses in q5 that go on by a number each time.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nt_tiles(tiles: &mut Tiles) {
    naked_asm!(concat!(
        save!(),
        "ldr r11, [r0, #28]
         0:
        ",
        four_rows!(),
        "ldr r6, [r0, #12]
         ldr r7, [r0, #44]
         str r7, [r0, #72]
         1:
        ",
        first_values!(),
        // Four columns' addresses, a number before their first.
        "ldr r9, [r0, #16]
         ldr r7, [r0, #20]
         sub.w r5, r6, #4
         add.w r12, r5, r9, lsl #1
         vmov q5[2], q5[0], r5, r12
         add.w r5, r5, r9
         add.w r12, r12, r9
         vmov q5[3], q5[1], r5, r12
         dls lr, r7
         2:
         vldrw.u32 q4, [q5, #4]!
        ",
        one_of_row!("q0", "r1"),
        one_of_row!("q1", "r2"),
        one_of_row!("q2", "r3"),
        one_of_row!("q3", "r4"),
        "le lr, 2b
         add.w r6, r6, r9, lsl #2
        ",
        rows_again!(),
        end!(),
        next!(),
        restore!(),
    ))
}

/// One row of A by the rows of B, sixteen columns at a time, then four.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_row(tiles: &mut Tiles) {
    macro_rules! begin {
        () => {
            "mov r1, r2
             mov r5, r3
             ldr.w r7, [r0, #20]
             dls lr, r7
             2:
            "
        };
    }
    macro_rules! add_stored {
        ($sums:literal, $offset:literal) => {
            concat!(
                concat!("vldrw.u32 q4, [r8, #", $offset, "]\n"),
                concat!("vadd.f32 ", $sums, ", q4, ", $sums, "\n"),
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #0]
         ldr r3, [r0, #12]
         ldr r4, [r0, #44]
         ldr r6, [r0, #16]
         ldr r8, [r0, #36]
         ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr r9, [r0, #56]
         cmp r4, #0
         beq.w 6f
         1:
        ",
        first_values!(),
        "add.w r10, r12, r11\n",
        begin!(),
        "ldr r12, [r1], #4
         vldrw.u32 q4, [r5]
         vldrw.u32 q5, [r5, #16]
         vfma.f32 q0, q4, r12
         vfma.f32 q1, q5, r12
         vldrw.u32 q4, [r5, #32]
         vldrw.u32 q5, [r5, #48]
         vfma.f32 q2, q4, r12
         vfma.f32 q3, q5, r12
         add r5, r5, r6
         le lr, 2b
         cmp.w r9, #0
         beq.w 8f
        ",
        add_stored!("q0", "0"),
        add_stored!("q1", "16"),
        add_stored!("q2", "32"),
        add_stored!("q3", "48"),
        "8:
         vstrw.u32 q0, [r8]
         vstrw.u32 q1, [r8, #16]
         vstrw.u32 q2, [r8, #32]
         vstrw.u32 q3, [r8, #48]
         adds r3, #64
         add.w r8, r8, #64
         subs r4, #1
         bne.w 1b
         6:
         ldr r4, [r0, #48]
         cmp r4, #0
         beq.w 6f
         5:
         vldrw.u32 q0, [r10]
         add.w r10, r10, r11
        ",
        begin!(),
        "ldr r12, [r1], #4
         vldrw.u32 q4, [r5]
         vfma.f32 q0, q4, r12
         add r5, r5, r6
         le lr, 2b
         cmp.w r9, #0
         beq.w 8f
        ",
        add_stored!("q0", "0"),
        "8:
         vstrw.u32 q0, [r8]
         adds r3, #16
         add.w r8, r8, #16
         subs r4, #1
         bne.w 5b
         6:
        ",
        restore!(),
    ))
}
