//! One row of A.

use super::super::abi::Tiles;
use core::arch::naked_asm;

/// One row of A by the rows of a transposed B, four at a time.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nt_row(tiles: &mut Tiles) {
    macro_rules! step {
        () => {
            concat!(
                "vldmia r1!, {{s24}}
                 vldmia r5!, {{s16}}
                 vldmia r6!, {{s17}}
                 vldmia r7!, {{s18}}
                 vldmia r8!, {{s19}}
                ",
                add_products!("s0" "s1" "s2" "s3", "s16" "s17" "s18" "s19", "s24", "s16" "s17" "s18" "s19"),
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr r8, [r0, #12]
         ldr lr, [r0, #16]
         ldr r4, [r0, #36]
         ldr r2, [r0, #44]
         ldr r3, [r0, #48]
         sub.w r8, r8, lr
         add.w r3, r3, r2, lsl #2
         1:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         ldr r1, [r0, #0]
         ldr r9, [r0, #20]
         add.w r5, r8, lr
         add.w r6, r5, lr
         add.w r7, r6, lr
         add.w r8, r7, lr
         mov r2, r8
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
         mov r8, r2
         ldr r5, [r0, #56]
         cbz r5, 8f
         vldmia r4, {{s16-s19}}
        ",
        add_four!(),
        "8:
         vstmia r4!, {{s0-s3}}
         subs r3, #1
         bne.w 1b
        ",
        restore!(),
    ))
}

/// One row of A by the rows of B, sixteen columns at a time, then eight, then four.
///
/// # Safety
/// They are there.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_row(tiles: &mut Tiles) {
    /// The steps of a tile, two in a loop, which begins with their numbers of A in s24 and s25. The loop is entered at
    /// the second if their number is odd.
    macro_rules! steps {
        ($first:expr, $second:expr) => {
            concat!(
                "mov r1, r2
                 mov r5, r3
                 ldr.w r7, [r0, #20]
                 adds r7, #1
                 lsrs r7, r7, #1
                 bcs.w 2f
                 vldmia r1!, {{s25}}
                 b.w 3f
                 2:
                 vldmia r1!, {{s24-s25}}
                ",
                $first,
                "3:\n",
                $second,
            )
        };
    }
    macro_rules! eight_products {
        ($x:literal) => {
            concat!(
                add_products!("s0" "s1" "s2" "s3", "s16" "s17" "s18" "s19", $x, "s16" "s17" "s18" "s19"),
                add_products!("s4" "s5" "s6" "s7", "s20" "s21" "s22" "s23", $x, "s20" "s21" "s22" "s23"),
            )
        };
    }
    macro_rules! sixteen {
        ($x:literal) => {
            concat!(
                "vldmia r5!, {{s16-s23}}
                ",
                eight_products!($x),
                "vldmia r5, {{s16-s23}}
                 add.w r5, r5, r6
                ",
                add_products!("s8" "s9" "s10" "s11", "s16" "s17" "s18" "s19", $x, "s16" "s17" "s18" "s19"),
                add_products!("s12" "s13" "s14" "s15", "s20" "s21" "s22" "s23", $x, "s20" "s21" "s22" "s23"),
            )
        };
    }
    macro_rules! eight {
        ($x:literal) => {
            concat!(
                "vldmia r5, {{s16-s23}}
                 add.w r5, r5, r6
                ",
                eight_products!($x),
            )
        };
    }
    macro_rules! four {
        ($x:literal) => {
            concat!(
                "vldmia r5, {{s16-s19}}
                 add r5, r5, r6
                ",
                add_products!("s0" "s1" "s2" "s3", "s16" "s17" "s18" "s19", $x, "s16" "s17" "s18" "s19"),
            )
        };
    }
    /// The sums' end: if they are to be added to what is there, what that takes.
    macro_rules! end {
        ($last:literal, $($adds:tt)*) => {
            concat!(
                "subs r7, #1
                 bne.w 2b
                 cmp.w r12, #0
                 beq.w 8f
                 vldmia r8, {{s16-",
                $last,
                "}}
                ",
                $($adds)*,
                "8:\n"
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #0]
         ldr r3, [r0, #12]
         ldr r6, [r0, #16]
         ldr r8, [r0, #36]
         ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr r4, [r0, #44]
         ldr lr, [r0, #48]
         ldr r12, [r0, #56]
         cmp r4, #0
         beq.w 6f
         subs r6, #32
         1:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         vldmia r10, {{s4-s7}}
         add.w r10, r10, r11
         vldmia r10, {{s8-s11}}
         add.w r10, r10, r11
         vldmia r10, {{s12-s15}}
         add.w r10, r10, r11
        ",
        steps!(sixteen!("s24"), sixteen!("s25")),
        end!("s31", add_eight!(), add_eight_more!()),
        "vstmia r8!, {{s0-s15}}
         adds r3, #64
         subs r4, #1
         bne.w 1b
         adds r6, #32
         6:
         tst.w lr, #2
         beq.w 6f
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         vldmia r10, {{s4-s7}}
         add.w r10, r10, r11
        ",
        steps!(eight!("s24"), eight!("s25")),
        end!("s23", add_eight!()),
        "vstmia r8!, {{s0-s7}}
         adds r3, #32
         6:
         tst.w lr, #1
         beq.w 6f
         vldmia r10, {{s0-s3}}
        ",
        steps!(four!("s24"), four!("s25")),
        end!("s19", add_four!()),
        "vstmia r8, {{s0-s3}}
         6:
        ",
        restore!(),
    ))
}
