//! Sums in the registers of a Cortex-M's floating-point unit: M4F and M33, M7.
//!
//! ```text
//! s0 .. s15   sixteen sums: 4 x 4, or 1 x 16
//! s16 ..      numbers of B, numbers of A, and products on their way to the sums
//! ```
//!
//! # Why assembly
//!
//! On an M4F or M33 a multiplication and an addition take a cycle each, and so does each number loaded; a fused
//! multiply-add, or the `VMLA` that compilers choose for the stock target, takes three. A step of k of a 4 x 4 tile:
//!
//! ```text
//! 16 VMUL, 16 VADD    32 cycles
//! VLDM of B's four     5                 (1 + n)
//! 4 VLDR of A          4                 (2, but 1 right after another load)
//! B's pointer          1
//! the loop             2                 (four pointers, the counter, the branch, over four steps)
//!                     44: 2.75 cycles a multiply-accumulate, 2.5 instructions
//! ```
//!
//! Cycles by the Cortex-M4 Technical Reference Manual (r0p1, tables 3-1 and 7-1). Plain Rust has the same tile in mind, and loses it to addresses: of
//! 4 x 4 x k the compiler keeps the sums in registers, but computes the place of each number anew, and reads B a number
//! at a time; and it never multiplies and adds apart unless told that the core is an M4. On an M7, which starts a
//! fused multiply-add every cycle, the loads count for more, and A comes two numbers at a time: 1.28 instructions.
//!
//! # How they are cut
//!
//! Whole tiles are done here; a few rows or columns beside them are left to [`plain`]. The loop over k is entered in
//! its middle when k is no multiple of its steps (Duff's device), so that nothing is there twice.

use super::{Descent, Sums, plain};
use core::arch::naked_asm;

/// What the assembly is handed: sizes in bytes.
#[repr(C)]
struct Tiles {
    a: *const f32,
    /// From one row to the next, or where rows lie along A's columns, from one k to the next.
    a_stride: usize,
    b: *const f32,
    /// From one k to the next, or in a transposed B, from one column to the next.
    b_stride: usize,
    /// At least one.
    k: usize,
    first: *const f32,
    first_row: usize,
    /// From one four columns to the next.
    first_step: usize,
    out: *mut f32,
    out_row: usize,
    /// Tiles beside each other; for a row, of sixteen columns.
    tiles: usize,
    /// For a row, tiles of four columns after them.
    fours: usize,
    add: usize,
    /// For the assembly itself.
    kept: [usize; 2],
}

const NUMBER: usize = size_of::<f32>();

impl Tiles {
    fn of(sums: &Sums, a_stride: usize, b_stride: usize) -> Self {
        Self {
            a: sums.a,
            a_stride: a_stride * NUMBER,
            b: sums.b,
            b_stride: b_stride * NUMBER,
            k: sums.k,
            first: sums.first,
            first_row: sums.first_row * NUMBER,
            first_step: sums.first_col * 4 * NUMBER,
            out: sums.out,
            out_row: sums.out_row * NUMBER,
            tiles: sums.cols / 4,
            fours: 0,
            add: usize::from(sums.add),
            kept: [0; 2],
        }
    }
}

/// Sums of A's rows and B as it lies.
///
/// # Safety
/// All that `sums` names is there, A's and B's numbers side by side in rows.
pub(super) unsafe fn nn(sums: &Sums) {
    // SAFETY: the caller's promise.
    unsafe {
        if sums.rows < 4 {
            return nn_rows(sums);
        }
        let whole = if sums.k == 0 { 0 } else { sums.cols / 4 * 4 };
        if whole > 0 {
            nn_tiles(&mut Tiles::of(sums, sums.a_row, sums.b_k));
        }
        plain::sums(&sums.from_col(whole));
    }
}

/// The same, row by row.
///
/// # Safety
/// As for [`nn`].
pub(super) unsafe fn nn_rows(sums: &Sums) {
    for row in 0..sums.rows {
        let row = sums.of_row(row);
        let whole = if row.k == 0 { 0 } else { row.cols / 4 * 4 };
        // SAFETY: the caller's promise.
        unsafe {
            if whole > 0 {
                let mut tiles = Tiles::of(&row, 0, row.b_k);
                (tiles.tiles, tiles.fours) = (row.cols / 16, row.cols % 16 / 4);
                nn_row(&mut tiles);
            }
            plain::sums(&row.from_col(whole));
        }
    }
}

/// Sums of a transposed A and B as it lies: gradients of weights.
///
/// # Safety
/// All that `sums` names is there, A's numbers side by side in columns, B's in rows.
pub(super) unsafe fn tn(sums: &Sums) {
    let whole = if sums.k == 0 || sums.rows < 4 { 0 } else { sums.cols / 4 * 4 };
    // SAFETY: the caller's promise.
    unsafe {
        if whole > 0 {
            tn_tiles(&mut Tiles::of(sums, sums.a_k, sums.b_k));
        }
        plain::sums(&sums.from_col(whole));
    }
}

/// Sums of A's rows and a transposed B: gradients of a layer's inputs.
///
/// # Safety
/// All that `sums` names is there, A's numbers side by side in rows, B's in columns.
pub(super) unsafe fn nt(sums: &Sums) {
    let whole = if sums.k == 0 { 0 } else { sums.cols / 4 * 4 };
    // SAFETY: the caller's promise.
    unsafe {
        if whole > 0 && sums.rows == 4 {
            nt_tiles(&mut Tiles::of(sums, sums.a_row, sums.b_col));
        } else if whole > 0 {
            for row in 0..sums.rows {
                nt_row(&mut Tiles::of(&sums.of_row(row), 0, sums.b_col));
            }
        }
        plain::sums(&sums.from_col(whole));
    }
}

/// Gradient descent for one sample.
///
/// # Safety
/// All that `descent` names is there.
pub(super) unsafe fn descend(descent: &Descent) {
    let mut left = *descent;
    // SAFETY: the caller's promise.
    unsafe {
        while left.n >= 8 {
            descend_eight(left.x, left.dy, left.weights, left.stride * NUMBER, left.m, left.rate.to_bits());
            (left.dy, left.weights, left.n) =
                (left.dy.wrapping_add(8), left.weights.wrapping_add(8), left.n - 8);
        }
        plain::descend(&left);
    }
}

/// Assembly beside the compiler's own knows nothing of the target's floating point.
macro_rules! save {
    () => {
        ".fpu fpv4-sp-d16
         push {{r4-r11, lr}}
         vpush {{s16-s31}}
        "
    };
}

macro_rules! restore {
    () => {
        "vpop {{s16-s31}}
         pop {{r4-r11, pc}}
        "
    };
}

/// Sixteen sums start from what r10 points to: four rows r11 apart. Changes r12.
macro_rules! first_values {
    () => {
        "mov r12, r10
         vldmia r12, {{s0-s3}}
         add r12, r12, r11
         vldmia r12, {{s4-s7}}
         add r12, r12, r11
         vldmia r12, {{s8-s11}}
         add r12, r12, r11
         vldmia r12, {{s12-s15}}
        "
    };
}

/// Sixteen sums go to what r8 points to, four rows r9 apart, added to what is there if r5 is not zero. Changes r12 and
/// s16 to s31.
macro_rules! store {
    () => {
        "cbz r5, 8f
         mov r12, r8
         vldmia r12, {{s16-s19}}
         add r12, r12, r9
         vldmia r12, {{s20-s23}}
         add r12, r12, r9
         vldmia r12, {{s24-s27}}
         add r12, r12, r9
         vldmia r12, {{s28-s31}}
         vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
         vadd.f32 s4, s20, s4
         vadd.f32 s5, s21, s5
         vadd.f32 s6, s22, s6
         vadd.f32 s7, s23, s7
         vadd.f32 s8, s24, s8
         vadd.f32 s9, s25, s9
         vadd.f32 s10, s26, s10
         vadd.f32 s11, s27, s11
         vadd.f32 s12, s28, s12
         vadd.f32 s13, s29, s13
         vadd.f32 s14, s30, s14
         vadd.f32 s15, s31, s15
         8:
         mov r12, r8
         vstmia r12, {{s0-s3}}
         add r12, r12, r9
         vstmia r12, {{s4-s7}}
         add r12, r12, r9
         vstmia r12, {{s8-s11}}
         add r12, r12, r9
         vstmia r12, {{s12-s15}}
        "
    };
}

/// A step of a 4 x 4 tile: B in s16 to s19, A in s20 to s23. No result is used by the next instruction, for that would
/// take a cycle more.
macro_rules! outer_product {
    () => {
        "vmul.f32 s24, s20, s16
         vmul.f32 s25, s20, s17
         vmul.f32 s26, s20, s18
         vmul.f32 s27, s20, s19
         vmul.f32 s28, s21, s16
         vmul.f32 s29, s21, s17
         vmul.f32 s30, s21, s18
         vmul.f32 s31, s21, s19
         vadd.f32 s0, s0, s24
         vadd.f32 s1, s1, s25
         vadd.f32 s2, s2, s26
         vadd.f32 s3, s3, s27
         vmul.f32 s24, s22, s16
         vmul.f32 s25, s22, s17
         vmul.f32 s26, s22, s18
         vmul.f32 s27, s22, s19
         vadd.f32 s4, s4, s28
         vadd.f32 s5, s5, s29
         vadd.f32 s6, s6, s30
         vadd.f32 s7, s7, s31
         vmul.f32 s28, s23, s16
         vmul.f32 s29, s23, s17
         vmul.f32 s30, s23, s18
         vmul.f32 s31, s23, s19
         vadd.f32 s8, s8, s24
         vadd.f32 s9, s9, s25
         vadd.f32 s10, s10, s26
         vadd.f32 s11, s11, s27
         vadd.f32 s12, s12, s28
         vadd.f32 s13, s13, s29
         vadd.f32 s14, s14, s30
         vadd.f32 s15, s15, s31
        "
    };
}

/// Tiles of 4 x 4 beside each other, A and B in rows.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nn_tiles(tiles: &mut Tiles) {
    macro_rules! step {
        ($offset:literal) => {
            concat!(
                "vldmia r5, {{s16-s19}}\n",
                concat!("vldr s20, [r1, #", $offset, "]\n"),
                concat!("vldr s21, [r2, #", $offset, "]\n"),
                concat!("vldr s22, [r3, #", $offset, "]\n"),
                concat!("vldr s23, [r4, #", $offset, "]\n"),
                "add.w r5, r5, r6\n",
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        // Four rows of A, which begin as many k before their first as the loop's first round leaves out.
        "ldr r1, [r0, #0]
         ldr r12, [r0, #4]
         ldr r5, [r0, #16]
         rsb r7, r5, #0
         and r7, r7, #3
         sub r1, r1, r7, lsl #2
         add r2, r1, r12
         add r3, r2, r12
         add r4, r3, r12
         add r5, r5, r7
         lsls r5, r5, #2
         str r5, [r0, #52]
         adr.w r5, 2f
         mov.w r12, #152
         mla r5, r7, r12, r5
         adds r5, r5, #1
         str r5, [r0, #56]
         ldr r6, [r0, #12]
         ldr r8, [r0, #32]
         ldr r9, [r0, #36]
         ldr r10, [r0, #20]
         ldr r11, [r0, #24]
         1:
        ",
        first_values!(),
        "ldr r5, [r0, #8]
         ldr r7, [r0, #52]
         ldr r12, [r0, #56]
         bx r12
         2:
        ",
        step!(0),
        step!(4),
        step!(8),
        step!(12),
        "adds r1, #16
         adds r2, #16
         adds r3, #16
         adds r4, #16
         subs r7, #16
         bne.w 2b
         ldr r5, [r0, #52]
         subs r1, r1, r5
         subs r2, r2, r5
         subs r3, r3, r5
         subs r4, r4, r5
         ldr r5, [r0, #48]
        ",
        store!(),
        "ldr r5, [r0, #8]
         adds r5, #16
         str r5, [r0, #8]
         ldr r5, [r0, #28]
         add r10, r10, r5
         add r8, r8, #16
         ldr r5, [r0, #40]
         subs r5, #1
         str r5, [r0, #40]
         bne.w 1b
        ",
        restore!(),
    ))
}

/// The same with A in columns.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
unsafe extern "C" fn tn_tiles(tiles: &mut Tiles) {
    macro_rules! step {
        () => {
            concat!(
                "vldmia r5, {{s16-s19}}
                 vldmia r1, {{s20-s23}}
                 add.w r5, r5, r6
                 add.w r1, r1, r2
                ",
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #4]
         ldr r6, [r0, #12]
         ldr r8, [r0, #32]
         ldr r9, [r0, #36]
         ldr r10, [r0, #20]
         ldr r11, [r0, #24]
         1:
        ",
        first_values!(),
        "ldr r1, [r0, #0]
         ldr r5, [r0, #8]
         ldr r7, [r0, #16]
         adds r7, #1
         lsrs r7, r7, #1
         bcc.w 3f
         2:
        ",
        // The carry was k's last bit, of k + 1: the odd one out is done first.
        step!(),
        "3:\n",
        step!(),
        "subs r7, #1
         bne.w 2b
         ldr r5, [r0, #48]
        ",
        store!(),
        "ldr r5, [r0, #8]
         adds r5, #16
         str r5, [r0, #8]
         ldr r5, [r0, #28]
         add r10, r10, r5
         add r8, r8, #16
         ldr r5, [r0, #40]
         subs r5, #1
         str r5, [r0, #40]
         bne.w 1b
        ",
        restore!(),
    ))
}

/// The same with A in rows and B transposed.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
unsafe extern "C" fn nt_tiles(tiles: &mut Tiles) {
    macro_rules! step {
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
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r10, [r0, #20]
         ldr r11, [r0, #24]
         1:
        ",
        first_values!(),
        "ldr r1, [r0, #0]
         ldr r5, [r0, #8]
         ldr r9, [r0, #16]
         ldr r12, [r0, #4]
         ldr lr, [r0, #12]
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
        step!(0),
        "3:\n",
        step!(4),
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
         ldr r8, [r0, #32]
         ldr r9, [r0, #36]
         ldr r5, [r0, #48]
        ",
        store!(),
        "ldr r5, [r0, #8]
         add.w r5, r5, lr, lsl #2
         str r5, [r0, #8]
         ldr r5, [r0, #28]
         add r10, r10, r5
         add r8, r8, #16
         str.w r8, [r0, #32]
         ldr r5, [r0, #40]
         subs r5, #1
         str r5, [r0, #40]
         bne.w 1b
        ",
        restore!(),
    ))
}

/// One row of A by the rows of a transposed B, four at a time.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nt_row(tiles: &mut Tiles) {
    macro_rules! step {
        () => {
            "vldmia r1!, {{s16}}
             vldmia r5!, {{s17}}
             vldmia r6!, {{s18}}
             vldmia r7!, {{s19}}
             vldmia r8!, {{s20}}
             vmul.f32 s17, s16, s17
             vmul.f32 s18, s16, s18
             vmul.f32 s19, s16, s19
             vmul.f32 s20, s16, s20
             vadd.f32 s0, s0, s17
             vadd.f32 s1, s1, s18
             vadd.f32 s2, s2, s19
             vadd.f32 s3, s3, s20
            "
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r10, [r0, #20]
         ldr r11, [r0, #28]
         ldr r8, [r0, #8]
         ldr lr, [r0, #12]
         sub.w r8, r8, lr
         ldr r4, [r0, #32]
         1:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         ldr r1, [r0, #0]
         add.w r5, r8, lr
         add.w r6, r5, lr
         add.w r7, r6, lr
         add.w r8, r7, lr
         str.w r8, [r0, #8]
         ldr r9, [r0, #16]
         adds r9, r9, #1
         lsrs.w r9, r9, #1
         bcc.w 3f
         2:
        ",
        step!(),
        "3:\n",
        step!(),
        "subs.w r9, r9, #1
         bne.w 2b
         ldr.w r8, [r0, #8]
         ldr r5, [r0, #48]
         cbz r5, 8f
         vldmia r4, {{s16-s19}}
         vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
         8:
         vstmia r4!, {{s0-s3}}
         ldr r5, [r0, #40]
         subs r5, #1
         str r5, [r0, #40]
         bne.w 1b
        ",
        restore!(),
    ))
}

/// One row of A by the rows of B, sixteen columns at a time, then four.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nn_row(tiles: &mut Tiles) {
    macro_rules! sixteen {
        () => {
            "vldmia r1!, {{s24}}
             vldmia r5!, {{s16-s23}}
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vmul.f32 s20, s24, s20
             vmul.f32 s21, s24, s21
             vmul.f32 s22, s24, s22
             vmul.f32 s23, s24, s23
             vadd.f32 s0, s0, s16
             vadd.f32 s1, s1, s17
             vadd.f32 s2, s2, s18
             vadd.f32 s3, s3, s19
             vadd.f32 s4, s4, s20
             vadd.f32 s5, s5, s21
             vadd.f32 s6, s6, s22
             vadd.f32 s7, s7, s23
             vldmia r5, {{s16-s23}}
             add.w r5, r5, r6
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vmul.f32 s20, s24, s20
             vmul.f32 s21, s24, s21
             vmul.f32 s22, s24, s22
             vmul.f32 s23, s24, s23
             vadd.f32 s8, s8, s16
             vadd.f32 s9, s9, s17
             vadd.f32 s10, s10, s18
             vadd.f32 s11, s11, s19
             vadd.f32 s12, s12, s20
             vadd.f32 s13, s13, s21
             vadd.f32 s14, s14, s22
             vadd.f32 s15, s15, s23
            "
        };
    }
    macro_rules! four {
        () => {
            "vldmia r1!, {{s20}}
             vldmia r5, {{s16-s19}}
             add.w r5, r5, r6
             vmul.f32 s16, s20, s16
             vmul.f32 s17, s20, s17
             vmul.f32 s18, s20, s18
             vmul.f32 s19, s20, s19
             vadd.f32 s0, s0, s16
             vadd.f32 s1, s1, s17
             vadd.f32 s2, s2, s18
             vadd.f32 s3, s3, s19
            "
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #0]
         ldr r3, [r0, #8]
         ldr r4, [r0, #16]
         adds r4, #1
         ldr r6, [r0, #12]
         subs r6, #32
         ldr r8, [r0, #32]
         mov.w r9, #16
         ldr r10, [r0, #20]
         ldr r11, [r0, #28]
         ldr lr, [r0, #40]
         cmp.w lr, #0
         beq.w 4f
         1:
        ",
        first_values!(),
        "add.w r10, r12, r11
         mov r1, r2
         mov r5, r3
         lsrs r7, r4, #1
         bcc.w 3f
         2:
        ",
        sixteen!(),
        "3:\n",
        sixteen!(),
        "subs r7, #1
         bne.w 2b
         ldr r5, [r0, #48]
        ",
        store!(),
        "adds r3, #64
         add.w r8, r8, #64
         subs.w lr, lr, #1
         bne.w 1b
         4:
         ldr lr, [r0, #44]
         cmp.w lr, #0
         beq.w 7f
         adds r6, #32
         5:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         mov r1, r2
         mov r5, r3
         lsrs r7, r4, #1
         bcc.w 3f
         6:
        ",
        four!(),
        "3:\n",
        four!(),
        "subs r7, #1
         bne.w 6b
         ldr r5, [r0, #48]
         cbz r5, 8f
         vldmia r8, {{s16-s19}}
         vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
         8:
         vstmia r8!, {{s0-s3}}
         adds r3, #16
         subs.w lr, lr, #1
         bne.w 5b
         7:
        ",
        restore!(),
    ))
}

/// Eight columns of [`descend`]: `w = w - (x dy) rate`, row by row.
///
/// # Safety
/// `m` numbers at `x`, eight at `dy`, `m` rows of eight at `weights` are there, `m` at least one.
#[unsafe(naked)]
unsafe extern "C" fn descend_eight(
    x: *const f32,
    dy: *const f32,
    weights: *mut f32,
    stride: usize,
    m: usize,
    rate: u32,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16
         vpush {{s16-s25}}
         ldr r12, [sp, #40]
         vldr s25, [sp, #44]
         vldmia r1, {{s0-s7}}
         2:
         vldmia r0!, {{s24}}
         vmul.f32 s8, s24, s0
         vmul.f32 s9, s24, s1
         vmul.f32 s10, s24, s2
         vmul.f32 s11, s24, s3
         vmul.f32 s12, s24, s4
         vmul.f32 s13, s24, s5
         vmul.f32 s14, s24, s6
         vmul.f32 s15, s24, s7
         vldmia r2, {{s16-s23}}
         vmul.f32 s8, s8, s25
         vmul.f32 s9, s9, s25
         vmul.f32 s10, s10, s25
         vmul.f32 s11, s11, s25
         vmul.f32 s12, s12, s25
         vmul.f32 s13, s13, s25
         vmul.f32 s14, s14, s25
         vmul.f32 s15, s15, s25
         vsub.f32 s16, s16, s8
         vsub.f32 s17, s17, s9
         vsub.f32 s18, s18, s10
         vsub.f32 s19, s19, s11
         vsub.f32 s20, s20, s12
         vsub.f32 s21, s21, s13
         vsub.f32 s22, s22, s14
         vsub.f32 s23, s23, s15
         vstmia r2, {{s16-s23}}
         add.w r2, r2, r3
         subs.w r12, r12, #1
         bne.w 2b
         vpop {{s16-s25}}
         bx lr"
    )
}
