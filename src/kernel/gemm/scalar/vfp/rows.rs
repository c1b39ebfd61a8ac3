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

/// One row of A by the rows of B, sixteen columns at a time, then eight, then four. All segments of k: what is left of k is in
/// r9, and r12 is where zeros are, or none in the first segment.
///
/// # Safety
/// They are there.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn nn_row(tiles: &mut Tiles) {
    /// The tile's first k.
    macro_rules! begin {
        () => {
            "mov r1, r2
             mov r5, r3
             ldr.w r9, [r0, #20]
             mov.w r12, #0
             4:
             mov r7, r4
             cmp r7, r9
             it hi
             movhi r7, r9
             sub.w r9, r9, r7
             adds r7, #1
             lsrs r7, r7, #1
             bcc.w 3f
             2:
            "
        };
    }
    macro_rules! eight_products {
        () => {
            concat!(
                add_products!("s0" "s1" "s2" "s3", "s16" "s17" "s18" "s19", "s24", "s16" "s17" "s18" "s19"),
                add_products!("s4" "s5" "s6" "s7", "s20" "s21" "s22" "s23", "s24", "s20" "s21" "s22" "s23"),
            )
        };
    }
    macro_rules! sixteen {
        () => {
            concat!(
                "vldmia r1!, {{s24}}
                 vldmia r5!, {{s16-s23}}
                ",
                eight_products!(),
                "vldmia r5, {{s16-s23}}
                 add.w r5, r5, r6
                ",
                add_products!("s8" "s9" "s10" "s11", "s16" "s17" "s18" "s19", "s24", "s16" "s17" "s18" "s19"),
                add_products!("s12" "s13" "s14" "s15", "s20" "s21" "s22" "s23", "s24", "s20" "s21" "s22" "s23"),
            )
        };
    }
    macro_rules! eight {
        () => {
            concat!(
                "vldmia r1!, {{s24}}
                 vldmia r5, {{s16-s23}}
                 add.w r5, r5, r6
                ",
                eight_products!(),
            )
        };
    }
    macro_rules! four {
        () => {
            concat!(
                "vldmia r1!, {{s24}}
                 vldmia r5, {{s16-s19}}
                 add.w r5, r5, r6
                ",
                add_products!("s0" "s1" "s2" "s3", "s16" "s17" "s18" "s19", "s24", "s16" "s17" "s18" "s19"),
            )
        };
    }
    /// The sums' end, unless it was the first segment's: they are added to what is there.
    macro_rules! add {
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
    /// On to the next segment, whose sums start from zero.
    macro_rules! next_segment {
        ($sums:literal) => {
            concat!(
                "cmp.w r9, #0
                 ittt ne
                 ldrne.w r12, [r0, #64]
                 vldmiane r12, {{",
                $sums,
                "}}
                 bne.w 4b
                "
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #0]
         ldr r3, [r0, #12]
         ldr r4, [r0, #68]
         ldr r6, [r0, #16]
         ldr r8, [r0, #36]
         ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr lr, [r0, #44]
         subs r6, #32
         cmp.w lr, #0
         beq.w 6f
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
        begin!(),
        sixteen!(),
        "3:\n",
        sixteen!(),
        add!("s31", add_eight!(), add_eight_more!()),
        "vstmia r8, {{s0-s15}}\n",
        next_segment!("s0-s15"),
        "adds r3, #64
         add.w r8, r8, #64
         subs.w lr, lr, #1
         bne.w 1b
         6:
         ldr lr, [r0, #48]
         adds r6, #32
         tst.w lr, #2
         beq.w 6f
         sub.w lr, lr, #2
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         vldmia r10, {{s4-s7}}
         add.w r10, r10, r11
        ",
        begin!(),
        eight!(),
        "3:\n",
        eight!(),
        add!("s23", add_eight!()),
        "vstmia r8, {{s0-s7}}\n",
        next_segment!("s0-s7"),
        "adds r3, #32
         add.w r8, r8, #32
         6:
         cmp.w lr, #0
         beq.w 6f
         vldmia r10, {{s0-s3}}
        ",
        begin!(),
        four!(),
        "3:\n",
        four!(),
        add!("s19", add_four!()),
        "vstmia r8, {{s0-s3}}\n",
        next_segment!("s0-s3"),
        "6:\n",
        restore!(),
    ))
}
